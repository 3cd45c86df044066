//! `agent`: a tool loop of a model towards a goal.

use schemars::SchemaGenerator;

use super::{ContextItem, TaskKind, add_record};
use crate::spec::choice::choice;
use crate::spec::lower::{Context, Fields, OneOrMany, Properties, Record, record};
use crate::spec::{Plain, Text};

choice! {
    /// The tools that an agent may have.
    pub enum ToolName {
        /// Shows a file, or some of its lines.
        ReadFile = "read_file",
        /// Shows which files there are.
        ListFiles = "list_files",
        /// Finds lines by a regular expression.
        Search = "search",
        /// Writes a whole file.
        WriteFile = "write_file",
        /// Changes lines of files.
        Patch = "patch",
        /// Runs a command that `permissions.run` allows.
        RunCommand = "run_command",
        /// Says what is wrong with a BoneScript program; there only where it is named.
        BoneCheck = "bone_check",
        /// Compiles a BoneScript program to a backend; there only where it is named.
        BoneCompile = "bone_compile",
        /// Notes what is left to do.
        UpdatePlan = "update_plan",
        /// Ends the work; always there.
        Finish = "finish",
    }
}

record! {
    /// The mapping under `agent`.
    pub struct AgentKeys {
        /// What is to be reached; `verify` decides when it is.
        [required] goal: Text = "Make the tests pass.",
        /// The tools that may be used; where this is missing, those that read, those that write where the task has
        /// `writes`, and `run_command` where `permissions.run` names a command.
        [default] tools: OneOrMany<ToolName> = r#"["read_file", "search", "patch"]"#,
        /// The servers of the workflow's `mcp` whose tools may be used as well.
        [default] mcp: OneOrMany<Plain> = r#"["docs"]"#,
        /// The most calls of the model in one attempt; 20 where this is missing.
        [optional] max_calls: u64 = "20",
    }
}

record! {
    /// What stands beside `agent`.
    pub struct AgentBeside {
        /// What the model is told of its role.
        [optional] system: Text,
        /// What the model is shown beside the instruction.
        [default] context: OneOrMany<ContextItem>,
        /// Whether the command may be run again without asking when a crash leaves open if it finished.
        [default] idempotent: bool = "true",
    }
}

/// A tool loop of a model towards a goal.
#[derive(Clone, Debug)]
pub struct Agent {
    /// The goal and its bounds.
    pub keys: AgentKeys,
    /// What stands beside it.
    pub beside: AgentBeside,
}

impl TaskKind for Agent {
    const BESIDE: &'static [&'static str] = AgentBeside::KEYS;

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        let keys = fields.read("agent", context);
        let beside = AgentBeside::take(fields, context);
        Some(Self {
            keys: keys?,
            beside: beside?,
        })
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<AgentKeys>();
        properties.add(
            "agent",
            schema,
            "Kind: a tool loop of a model towards a goal.",
            None,
            false,
        );
        add_record::<AgentBeside>(generator, properties);
    }

    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        into.push(&self.keys.goal);
        into.extend(&self.beside.system);
        self.beside.context.iter().for_each(|item| item.texts(into));
    }
}
