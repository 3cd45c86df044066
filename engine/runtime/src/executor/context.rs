//! The sections of a prompt: what `context:` names, read from the workspace.
//!
//! What is no model's business is shown only where the workflow's permissions name it: environment files, what git
//! ignores, and what git and the engine keep. Globs leave it out; a file that is named is refused. How the sections are made to fit is decided in
//! `smallcode_core::context`.

use std::sync::Arc;

use smallcode_core::context::Section;
use smallcode_core::path;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::{ContextItem, ContextSource, Text};
use smallcode_core::template::Scope;

use super::{Shared, permit, text};
use crate::workspace::FileError;

/// What an item says once its expressions have values.
struct Wanted {
    title: Option<String>,
    source: Source,
    item: usize,
}

enum Source {
    Text(String),
    Guide(String),
    /// Its path as it is named, and without links.
    File(String, String),
    Files(Vec<String>),
}

/// The most tokens that the whole guide takes, whoever counts.
const GUIDE: u64 = 600;

/// Reads the sections that `items` name, in their order; the files of a glob in theirs. A guide that may not take all of
/// its room is the parts of it that the instruction calls for.
pub(super) async fn sections(
    shared: &Arc<Shared>,
    items: &[ContextItem],
    instruction: &Text,
    scope: &Arc<dyn Scope>,
) -> Result<Vec<Section>, Failure> {
    let mut wanted = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let source = match &item.source {
            ContextSource::Text(words) => Source::Text(text(words, scope)?),
            ContextSource::File(file) => {
                let (path, real) = inside(shared, &text(file, scope)?)?;
                Source::File(path, real)
            }
            ContextSource::Files(globs) => {
                let globs = globs
                    .iter()
                    .map(|glob| text(glob, scope))
                    .collect::<Result<_, _>>()?;
                Source::Files(globs)
            }
            ContextSource::Guide(_) => Source::Guide(if item.max.is_some_and(|max| max < GUIDE) {
                bonescript::guide_for(&text(instruction, scope)?)
            } else {
                bonescript::guide()
            }),
        };
        let title = item.title.as_ref().map(|title| text(title, scope)).transpose()?;
        wanted.push(Wanted {
            title,
            source,
            item: index,
        });
    }
    let owned = Arc::clone(shared);
    let read = move || {
        wanted
            .into_iter()
            .map(|wanted| read(&owned, wanted))
            .collect::<Result<Vec<_>, _>>()
    };
    let read = tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?
        .map_err(|error| Failure::new(FailureClass::Io, format!("`context`: {error}")))?;
    let mut sections = Vec::new();
    for (index, parts) in read {
        let Some(item) = items.get(index) else { continue };
        sections.extend(parts.into_iter().map(|(title, path, text)| Section {
            title,
            path,
            text,
            priority: item.priority,
            min: item.min,
            max: item.max,
            shrink: item.shrink.clone(),
        }));
    }
    Ok(sections)
}

type Part = (String, Option<String>, String);

fn read(shared: &Shared, wanted: Wanted) -> Result<(usize, Vec<Part>), FileError> {
    let workspace = &shared.workspace;
    let parts = match wanted.source {
        Source::Guide(text) => vec![(
            wanted.title.unwrap_or_else(|| "BoneScript".to_owned()),
            None,
            text,
        )],
        Source::Text(text) => vec![(wanted.title.unwrap_or_else(|| "Context".to_owned()), None, text)],
        Source::File(path, real) => {
            let text = workspace.read_real(&real)?;
            vec![(wanted.title.unwrap_or_else(|| path.clone()), Some(path), text)]
        }
        Source::Files(globs) => {
            let mut paths = Vec::new();
            for glob in &globs {
                paths.extend(permit::shown(shared, glob)?);
            }
            paths.sort();
            paths.dedup();
            let mut parts = Vec::with_capacity(paths.len());
            for path in paths {
                match workspace.read_real(&path) {
                    Ok(text) => parts.push((path.clone(), Some(path), text)),
                    // A glob takes pictures and archives along, which no model reads.
                    Err(FileError::NotText { .. } | FileError::TooLarge { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            parts
        }
    };
    Ok((wanted.item, parts))
}

/// A path inside the workspace that a model may be shown, as it is written and without links.
fn inside(shared: &Shared, written: &str) -> Result<(String, String), Failure> {
    let path = path::inside(written)
        .map_err(|error| {
            Failure::new(
                FailureClass::Expression,
                format!("`context`: `{written}`: {error}"),
            )
        })?
        .to_string();
    match permit::readable(shared, &path) {
        Ok(real) => Ok((path, real)),
        Err(failure) => {
            let mut failure = permit::of_workflow(failure);
            failure.message = format!("`context`: {}", failure.message);
            Err(failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use bonescript::{Section, guide, guide_for};
    use smallcode_core::tokens::{Family, Tokens, count};

    use super::GUIDE;

    #[test]
    fn the_guide_is_short_for_every_model() {
        for family in [
            Family::Qwen,
            Family::Llama3,
            Family::SentencePiece,
            Family::Unknown,
        ] {
            let whole = count(family, &guide());
            assert!(whole <= Tokens(GUIDE), "{family:?}: {whole:?}");
            for first in Section::ALL {
                for second in Section::ALL.iter().filter(|second| *second > first) {
                    let both = count(family, &format!("{}\n{}", first.text(), second.text()));
                    assert!(
                        both <= Tokens(200),
                        "{family:?}, {first:?} and {second:?}: {both:?}"
                    );
                }
            }
            assert!(count(family, &guide_for("anything")) <= Tokens(200));
        }
    }
}
