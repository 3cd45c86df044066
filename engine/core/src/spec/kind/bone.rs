//! `bone`: BoneScript, in process.

use schemars::SchemaGenerator;

use super::TaskKind;
use crate::diagnostic::{Code, Span, listed};
use crate::spec::Text;
use crate::spec::choice::choice;
use crate::spec::lower::{Context, Fields, Lower, Properties, Record, record};
use crate::yaml::Tree;

choice! {
    /// What is done with the file.
    pub enum BoneAction {
        /// Reports its errors.
        Check = "check",
        /// Generates the backend.
        Compile = "compile",
        /// Formats it.
        Fmt = "fmt",
        /// Says what a compilation would change.
        Diff = "diff",
        /// Writes a first file from a template.
        Init = "init",
    }
}

choice! {
    /// What the generated backend is for.
    pub enum BoneTarget {
        /// `PostgreSQL`.
        Postgres = "postgres",
        /// Another name of `postgres`.
        Express = "express",
        /// `SQLite`.
        Sqlite = "sqlite",
        /// A Prisma schema.
        Prisma = "prisma",
        /// A Nakama module.
        Nakama = "nakama",
    }
}

record! {
    /// The mapping under `bone`: one action, and where the result goes.
    pub struct BoneKeys {
        /// Reports the errors of a file.
        [optional] check: Text = "system.bone",
        /// Generates the backend of a file.
        [optional] compile: Text = "system.bone",
        /// Formats a file.
        [optional] fmt: Text,
        /// Says what a compilation of a file would change.
        [optional] diff: Text,
        /// Writes a first file from a template.
        [optional] init: Text,
        /// What the backend is for.
        [optional] target: BoneTarget = "sqlite",
        /// The folder that the backend goes to.
        [optional] out: Text = "server",
    }
}

/// BoneScript, in process.
#[derive(Clone, Debug)]
pub struct Bone {
    /// What is done.
    pub action: BoneAction,
    /// The `.bone` file.
    pub file: Text,
    /// What the backend is for.
    pub target: Option<BoneTarget>,
    /// The folder that the backend goes to.
    pub out: Option<Text>,
    /// Where the mapping stands.
    pub span: Span,
}

impl Lower for Bone {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let span = fields.span;
        let keys = BoneKeys::take(&mut fields, context);
        let misspelt = fields.keys().next().is_some();
        fields.finish(BoneKeys::KEYS, context);
        let keys = keys?;
        let mut actions = Vec::new();
        actions.extend(keys.check.map(|file| (BoneAction::Check, file)));
        actions.extend(keys.compile.map(|file| (BoneAction::Compile, file)));
        actions.extend(keys.fmt.map(|file| (BoneAction::Fmt, file)));
        actions.extend(keys.diff.map(|file| (BoneAction::Diff, file)));
        actions.extend(keys.init.map(|file| (BoneAction::Init, file)));
        let given = actions.len();
        if given == 0 && misspelt {
            // What the unknown key was meant to be is said of it.
            return None;
        }
        let (Some((action, file)), 1) = (actions.pop(), given) else {
            let list = listed(BoneAction::WORDS.iter());
            context.error(
                Code::BAD_VALUE,
                span,
                format!("`bone` has one of {list}; here are {given}"),
            );
            return None;
        };
        if action == BoneAction::Compile && keys.out.is_none() {
            context
                .error(Code::MISSING_KEY, span, "`out` is missing")
                .help("say which folder the backend goes to: `out: server`");
            return None;
        }
        Some(Self {
            action,
            file,
            target: keys.target,
            out: keys.out,
            span,
        })
    }
}

impl TaskKind for Bone {
    const BESIDE: &'static [&'static str] = &[];

    fn take(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<Self> {
        fields.read("bone", context)
    }

    fn properties(generator: &mut SchemaGenerator, properties: &mut Properties) {
        let schema = generator.subschema_for::<BoneKeys>();
        properties.add(
            "bone",
            schema,
            "Kind: BoneScript, in process; no Node is needed.",
            None,
            false,
        );
    }

    fn texts<'a>(&'a self, into: &mut Vec<&'a Text>) {
        into.push(&self.file);
        into.extend(&self.out);
    }
}
