//! `bone`: BoneScript, in process.

use schemars::SchemaGenerator;

use super::TaskKind;
use crate::diagnostic::{Code, Span, listed};
use crate::spec::Text;
use crate::spec::choice::choice;
use crate::spec::lower::{Context, Fields, Lower, Properties, Record, record};
use crate::yaml::{Tree, Value};

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
    }
}

choice! {
    /// What kind of backend a first file is for.
    pub enum BoneDomain {
        /// Many players at once.
        MultiplayerGame = "multiplayer_game",
        /// Many customers, each with users.
        SaasPlatform = "saas_platform",
        /// Many devices that report.
        IotSystem = "iot_system",
        /// People who follow people.
        SocialNetwork = "social_network",
        /// Sellers and buyers.
        Marketplace = "marketplace",
        /// Many writers of one thing.
        RealtimeCollaboration = "realtime_collaboration",
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
        /// Says which files a compilation of a file would write or remove.
        [optional] diff: Text,
        /// Writes a first file from a template.
        [optional] init: Text,
        /// What the backend keeps its rows in: `sqlite`, as where this is missing, or `postgres`, also called `express`.
        [optional] target: Text = "sqlite",
        /// The folder that the backend goes to.
        [optional] out: Text = "server",
        /// What a first file is for; `marketplace` where this is missing.
        [optional] domain: BoneDomain = "marketplace",
        /// Makes errors of what is let pass with a warning: fields of events that nothing fills, functions that nobody
        /// declares. What a model writes is held to it by the verifier `bone: check`.
        [default] strict: bool = "true",
    }
}

/// BoneScript, in process.
#[derive(Clone, Debug)]
pub struct Bone {
    /// What is done.
    pub action: BoneAction,
    /// The `.bone` file.
    pub file: Text,
    /// What the backend keeps its rows in: a word of [`BoneTarget`] once it has a value; `sqlite` where it is missing.
    pub target: Option<Text>,
    /// The folder that the backend goes to; there where it is compiled, or would be.
    pub out: Option<Text>,
    /// What a first file is for.
    pub domain: BoneDomain,
    /// What is let pass with a warning is an error.
    pub strict: bool,
    /// Where the mapping stands.
    pub span: Span,
}

impl Lower for Bone {
    fn lower(tree: &Tree, context: &mut Context<'_>) -> Option<Self> {
        let mut fields = Fields::open(tree, context)?;
        let span = fields.span;
        let gone = fields.peek("target").and_then(|(_, tree)| match &tree.value {
            Value::Str(word) if matches!(word.as_str(), "prisma" | "nakama") => {
                Some((word.clone(), tree.span))
            }
            _ => None,
        });
        if let Some((word, span)) = gone {
            context
                .error(
                    Code::BAD_VALUE,
                    span,
                    format!("the public compiler's target `{word}` is not there"),
                )
                .help("this version compiles to `postgres` (also called `express`) and `sqlite`");
            return None;
        }
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
        if let Some(target) = keys.target.as_ref().filter(|target| target.template.is_literal())
            && BoneTarget::from_word(target.template.source()).is_none()
        {
            let list = listed(BoneTarget::WORDS.iter());
            let word = target.template.source();
            context
                .error(
                    Code::BAD_VALUE,
                    target.span,
                    format!("there is no target `{word}`"),
                )
                .help(format!("the targets are {list}"));
            return None;
        }
        if matches!(action, BoneAction::Compile | BoneAction::Diff) && keys.out.is_none() {
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
            domain: keys.domain.unwrap_or(BoneDomain::Marketplace),
            strict: keys.strict,
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
        into.extend(&self.target);
        into.extend(&self.out);
    }
}
