//! The record of a compilation: `bone.manifest.json`, which belongs into version control beside what it lists.

use std::fmt::Write as _;

use bonescript::changes::{Manifest, Written};
use bonescript::emit::{Owner, Target};
use bonescript::ir;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// The version of the form.
const VERSION: u32 = 1;

/// What a compilation wrote, and of what.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) system: String,
    pub(super) target: String,
    pub(super) files: Manifest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    bone: u32,
    system: String,
    target: String,
    files: IndexMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    owner: Word,
    blake3: String,
    #[serde(default)]
    first: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Generated,
    User,
    Migration,
}

impl Record {
    /// That of a folder that nothing was written to.
    pub(super) fn new(system: &ir::System, target: Target) -> Self {
        Self {
            system: system.name.clone(),
            target: target.as_str().to_owned(),
            files: Manifest::new(),
        }
    }

    /// Reads one, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let form: Form = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if form.bone != VERSION {
            return Err(format!(
                "it is of version {}, and this version reads {VERSION}",
                form.bone
            ));
        }
        let files = form.files.into_iter().map(|(path, entry)| {
            let owner = match entry.owner {
                Word::Generated => Owner::Generated,
                Word::User => Owner::User,
                Word::Migration => Owner::Migration,
            };
            (
                path,
                Written {
                    hash: entry.blake3,
                    owner,
                    first: entry.first,
                },
            )
        });
        Ok(Self {
            system: form.system,
            target: form.target,
            files: files.collect(),
        })
    }

    /// Its text: a line for each file, so that version control shows what changed.
    pub(super) fn render(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut out = format!(
            "{{\n  \"bone\": {VERSION},\n  \"system\": {},\n  \"target\": {},\n  \"files\": {{",
            quoted(&self.system),
            quoted(&self.target)
        );
        for (index, (path, written)) in self.files.iter().enumerate() {
            let owner = match written.owner {
                Owner::Generated => "generated",
                Owner::User => "user",
                Owner::Migration => "migration",
            };
            out.push_str(if index == 0 { "\n" } else { ",\n" });
            out.push_str("    ");
            out.push_str(&quoted(path));
            // Writing to a string does not fail.
            let _ = write!(
                out,
                ": {{ \"owner\": \"{owner}\", \"blake3\": {}",
                quoted(&written.hash)
            );
            if let Some(first) = &written.first {
                let _ = write!(out, ", \"first\": {}", quoted(first));
            }
            out.push_str(" }");
        }
        out.push_str("\n  }\n}\n");
        out
    }
}
