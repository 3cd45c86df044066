//! What a task does: one file per kind. A new kind is a file here, a variant of [`Kind`] and a word of
//! [`KindName`]; the compiler then names every other place.

mod agent;
mod approve;
mod bone;
mod context;
mod edit;
mod plan;
mod prompt;
mod render;
mod run;
mod uses;

use schemars::SchemaGenerator;

pub use agent::{Agent, AgentBeside, AgentKeys, ToolName};
pub use approve::{Approve, ApproveKeys};
pub use bone::{Bone, BoneAction, BoneDomain, BoneKeys, BoneTarget};
pub use context::{ContextItem, ContextKeys, ContextSource, Shrink};
pub use edit::{Edit, EditKeys, ModelKeys};
pub use plan::{Plan, PlanKeys};
pub use prompt::{Output, OutputKeys, Prompt, PromptKeys, SchemaSource};
pub use render::{Render, RenderKeys, RenderSource};
pub use run::{ArgvKeys, Line, Parse, Program, Run, RunKeys, Shell};
pub use uses::{Uses, UsesKeys};

use super::Text;
use super::choice::choice;
use super::lower::{Context, Fields, Properties};

choice! {
    /// The kinds of task, by their key.
    pub enum KindName {
        /// One structured answer of a model.
        Prompt = "prompt",
        /// Patches of a model to named files.
        Edit = "edit",
        /// A tool loop of a model towards a goal.
        Agent = "agent",
        /// Child tasks that a model proposes.
        Plan = "plan",
        /// A command of the author's.
        Run = "run",
        /// A template to a file.
        Render = "render",
        /// BoneScript.
        Bone = "bone",
        /// Another workflow.
        Uses = "uses",
        /// A human gate.
        Approve = "approve",
    }
}

impl KindName {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Prompt,
        Self::Edit,
        Self::Agent,
        Self::Plan,
        Self::Run,
        Self::Render,
        Self::Bone,
        Self::Uses,
        Self::Approve,
    ];

    /// Whether a model does the work, so that permissions bind it and its calls cost tokens.
    pub fn model_driven(self) -> bool {
        matches!(self, Self::Prompt | Self::Edit | Self::Agent | Self::Plan)
    }
}

/// What a task does.
#[derive(Clone, Debug)]
pub enum Kind {
    /// One structured answer of a model.
    Prompt(Prompt),
    /// Patches of a model to named files.
    Edit(Edit),
    /// A tool loop of a model towards a goal.
    Agent(Agent),
    /// Child tasks that a model proposes.
    Plan(Plan),
    /// A command of the author's.
    Run(Run),
    /// A template to a file.
    Render(Render),
    /// BoneScript.
    Bone(Bone),
    /// Another workflow.
    Uses(Uses),
    /// A human gate.
    Approve(Approve),
}

/// Writes each function that asks every kind the same question.
macro_rules! each {
    ($kind:expr, $inner:ident => $then:expr) => {
        match $kind {
            Kind::Prompt($inner) => $then,
            Kind::Edit($inner) => $then,
            Kind::Agent($inner) => $then,
            Kind::Plan($inner) => $then,
            Kind::Run($inner) => $then,
            Kind::Render($inner) => $then,
            Kind::Bone($inner) => $then,
            Kind::Uses($inner) => $then,
            Kind::Approve($inner) => $then,
        }
    };
}

/// What every kind tells of itself.
pub(super) trait TaskKind: Sized {
    /// The keys that may stand beside the kind's own.
    const BESIDE: &'static [&'static str];

    /// Reads the kind's own key and those beside it.
    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self>;

    /// Its keys for the JSON Schema.
    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties);

    /// Every text in it, for the checks of references.
    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>);
}

impl Kind {
    /// Its name.
    pub fn name(&self) -> KindName {
        match self {
            Self::Prompt(_) => KindName::Prompt,
            Self::Edit(_) => KindName::Edit,
            Self::Agent(_) => KindName::Agent,
            Self::Plan(_) => KindName::Plan,
            Self::Run(_) => KindName::Run,
            Self::Render(_) => KindName::Render,
            Self::Bone(_) => KindName::Bone,
            Self::Uses(_) => KindName::Uses,
            Self::Approve(_) => KindName::Approve,
        }
    }

    /// Every text in it, for the checks of references.
    pub fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        each!(self, kind => kind.texts(into));
    }

    /// The keys that may stand beside a kind's own.
    pub(super) fn beside(kind: KindName) -> &'static [&'static str] {
        match kind {
            KindName::Prompt => Prompt::BESIDE,
            KindName::Edit => Edit::BESIDE,
            KindName::Agent => Agent::BESIDE,
            KindName::Plan => Plan::BESIDE,
            KindName::Run => Run::BESIDE,
            KindName::Render => Render::BESIDE,
            KindName::Bone => Bone::BESIDE,
            KindName::Uses => Uses::BESIDE,
            KindName::Approve => Approve::BESIDE,
        }
    }

    /// The keys that stand beside some kind.
    pub(super) fn beside_keys() -> Vec<&'static str> {
        KindName::ALL
            .iter()
            .flat_map(|kind| Self::beside(*kind))
            .copied()
            .collect()
    }

    /// Reads a kind and the keys beside it.
    pub(super) fn take(kind: KindName, fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        Some(match kind {
            KindName::Prompt => Self::Prompt(Prompt::take(fields, context)?),
            KindName::Edit => Self::Edit(Edit::take(fields, context)?),
            KindName::Agent => Self::Agent(Agent::take(fields, context)?),
            KindName::Plan => Self::Plan(Plan::take(fields, context)?),
            KindName::Run => Self::Run(Run::take(fields, context)?),
            KindName::Render => Self::Render(Render::take(fields, context)?),
            KindName::Bone => Self::Bone(Bone::take(fields, context)?),
            KindName::Uses => Self::Uses(Uses::take(fields, context)?),
            KindName::Approve => Self::Approve(Approve::take(fields, context)?),
        })
    }

    /// Every kind's keys for the JSON Schema.
    pub(super) fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        Prompt::properties(generator, properties);
        Edit::properties(generator, properties);
        Agent::properties(generator, properties);
        Plan::properties(generator, properties);
        Run::properties(generator, properties);
        Render::properties(generator, properties);
        Bone::properties(generator, properties);
        Uses::properties(generator, properties);
        Approve::properties(generator, properties);
    }
}

/// Adds the properties of a record of keys beside a kind; keys that several kinds share are the same there.
fn add_record<R: super::Record>(generator: &mut SchemaGenerator, into: &mut Properties) {
    let own = R::properties(generator);
    into.properties.extend(own.properties);
}
