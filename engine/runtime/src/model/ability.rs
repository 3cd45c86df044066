//! What is learned of a server and its model while they work: how it can be kept to a schema, whether the model thinks,
//! how far our counts are off.
//!
//! No call is made to find that out: each that a node makes shows it. A server that refuses a constraint is asked again
//! in the next words that it may know, and one whose answer is not what the constraint asks for has not kept it. What
//! was learned is kept for other runs, in a file for each server and model.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use smallcode_core::tokens::Calibration;

use super::discover::Server;
use super::finish::Finish;
use super::message::{Reply, Request};
use super::watch::Stop;
use crate::settings::{Profile, Provider};

/// In which words a server is asked to keep an answer to a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// `response_format` of the OpenAI dialect, `format` of Ollama's own chat: what most servers know.
    #[default]
    ResponseFormat,
    /// `json_schema` at the top of the body: llama.cpp.
    JsonSchema,
    /// `structured_outputs`: vLLM since 0.12.
    StructuredOutputs,
    /// `guided_json`: vLLM before that.
    GuidedJson,
    /// A tool that the model must call with the answer: native tools, of servers that know no schema of an answer.
    ToolCall,
    /// None at all.
    Nothing,
}

impl Constraint {
    /// What a server may know, by what it showed itself to be; the first is tried first. A provider is known by its
    /// documentation: `DeepSeek` and Anthropic take no schema of an answer, but tools.
    pub fn known_to(provider: Option<Provider>, server: Option<Server>, version: Option<&str>) -> Vec<Self> {
        if let Some(Provider::Anthropic | Provider::DeepSeek) = provider {
            return vec![Self::ToolCall];
        }
        match server {
            Some(Server::LlamaCpp) => vec![Self::ResponseFormat, Self::JsonSchema],
            Some(Server::Vllm) if version.is_some_and(is_old_vllm) => {
                vec![Self::ResponseFormat, Self::GuidedJson]
            }
            Some(Server::Vllm) => vec![Self::ResponseFormat, Self::StructuredOutputs],
            Some(Server::Ollama) => vec![Self::ResponseFormat],
            Some(Server::LmStudio | Server::Other) | None => vec![Self::ResponseFormat, Self::ToolCall],
        }
    }
}

fn is_old_vllm(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(0)), Some(Ok(0..12))))
}

/// What was learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Known {
    /// Constraints that the server refuses or does not keep.
    #[serde(default)]
    unfit: BTreeSet<Constraint>,
    /// Whether the model thinks before it answers.
    #[serde(default)]
    thinks: bool,
    /// How far our counts were off.
    #[serde(default)]
    calibration: Calibration,
}

/// A file of what was learned: whose it is, so that people can read it, and that.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    server: String,
    model: String,
    /// The server's digest of the model: another one is another model.
    #[serde(default)]
    digest: Option<String>,
    learned: Known,
}

/// What is learned of one server and model.
#[derive(Debug, Default)]
pub struct Learned {
    /// Where it is kept; nowhere where there is no place for it.
    file: Option<Utf8PathBuf>,
    of: (String, String, Option<String>),
    /// What the server may know.
    constraints: Vec<Constraint>,
    known: Mutex<Known>,
}

impl Learned {
    /// What is known of the server of a profile, and of the model with this digest. `state` is a folder of the user.
    pub fn of(
        profile: &Profile,
        digest: Option<String>,
        constraints: Vec<Constraint>,
        state: Option<&Utf8Path>,
    ) -> Self {
        let server = profile.base_url.value.to_string();
        let model = profile.model_name().to_owned();
        let name = blake3::hash(format!("{server}\0{model}").as_bytes()).to_hex();
        let file = state.map(|state| state.join("servers").join(format!("{}.json", &name[..16])));
        let kept = file.as_ref().and_then(|file| read(file));
        let kept = kept.filter(|kept| kept.digest == digest);
        Self {
            file,
            of: (server, model, digest),
            constraints,
            known: Mutex::new(kept.map(|kept| kept.learned).unwrap_or_default()),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far our counts are off, by what is known now.
    pub fn calibration(&self) -> Calibration {
        self.known().calibration
    }

    /// Where what was learned is kept.
    pub fn file(&self) -> Option<&Utf8Path> {
        self.file.as_deref()
    }

    /// Learns from a count; what that says.
    pub fn learn_count<T: Default>(&self, learn: impl FnOnce(&mut Calibration) -> T) -> T {
        let mut said = T::default();
        self.change(|known| said = learn(&mut known.calibration));
        said
    }

    /// How a request is kept to its schema, but for what was tried in vain. The thoughts of a model come before its
    /// answer, and most servers would hold them to the schema, too: one that thinks is kept to it only where `needed`.
    pub fn constraint(&self, request: &Request, needed: bool, in_vain: &[Constraint]) -> Constraint {
        let known = self.known();
        if request.schema.is_none() || (known.thinks && !needed) {
            return Constraint::Nothing;
        }
        let fits =
            |constraint: &&Constraint| !known.unfit.contains(constraint) && !in_vain.contains(constraint);
        let found = self.constraints.iter().find(fits);
        found.copied().unwrap_or(Constraint::Nothing)
    }

    /// Learns from an answer, before which these constraints were refused.
    pub fn learn_from(&self, request: &Request, reply: &Reply, refused: &[Constraint]) {
        let ignored = is_ignored(request, reply).then_some(request.constraint);
        let thinks = !reply.thinking.trim().is_empty() || reply.text.trim_start().starts_with("<think");
        self.change(|known| {
            known.unfit.extend(refused.iter().copied().chain(ignored));
            known.thinks |= thinks;
        });
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known();
        let before = known.clone();
        change(&mut known);
        if *known == before {
            return;
        }
        let (server, model, digest) = self.of.clone();
        let kept = Kept {
            server,
            model,
            digest,
            learned: known.clone(),
        };
        if let Some(file) = &self.file
            && let Err(error) = write(file, &kept)
        {
            // It is learned again by the next run.
            tracing::warn!(%error, %file, "could not keep what was learned of a server");
        }
    }
}

/// Whether an answer is one that the constraint does not allow: so it was not kept.
fn is_ignored(request: &Request, reply: &Reply) -> bool {
    let whole = matches!(reply.finish, Finish::Stop | Finish::Stopped(Stop::Complete));
    let said = smallcode_parse::without_thinking(&reply.text);
    whole
        && request.constraint != Constraint::Nothing
        && !said.is_empty()
        && serde_json::from_str::<serde::de::IgnoredAny>(said).is_err()
}

fn read(file: &Utf8Path) -> Option<Kept> {
    // What is damaged is learned anew.
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// Replaces the file in one step: several runs may learn at once.
fn write(file: &Utf8Path, kept: &Kept) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or_else(|| Utf8Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut temporary, kept)?;
    temporary.write_all(b"\n")?;
    temporary.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_of_vllm_are_told() {
        let known = |version| Constraint::known_to(None, Some(Server::Vllm), version).pop();
        assert_eq!(known(Some("0.11.2")), Some(Constraint::GuidedJson));
        assert_eq!(known(Some("0.12.0")), Some(Constraint::StructuredOutputs));
        assert_eq!(known(Some("1.0.0rc1")), Some(Constraint::StructuredOutputs));
        assert_eq!(known(None), Some(Constraint::StructuredOutputs));
    }
}
