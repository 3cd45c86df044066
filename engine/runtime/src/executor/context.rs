//! The sections of a prompt: what `context:` names, read from the workspace.
//!
//! What an author names is shown as it is. Globs leave out what is no model's business: environment files, and, as
//! everywhere, what git ignores and what git and the engine keep. How the sections are made to fit is decided in
//! `smallcode_core::context`.

use std::sync::Arc;

use smallcode_core::context::Section;
use smallcode_core::path;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::{ContextItem, ContextSource};
use smallcode_core::template::Scope;

use super::{Shared, text};
use crate::workspace::{FileError, Workspace};

/// What an item says once its expressions have values.
struct Wanted {
    title: Option<String>,
    source: Source,
    item: usize,
}

enum Source {
    Text(String),
    File(String),
    Files(Vec<String>),
}

/// Reads the sections that `items` name, in their order; the files of a glob in theirs.
pub(super) async fn sections(
    shared: &Shared,
    items: &[ContextItem],
    scope: &Arc<dyn Scope>,
) -> Result<Vec<Section>, Failure> {
    let mut wanted = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let source = match &item.source {
            ContextSource::Text(words) => Source::Text(text(words, scope)?),
            ContextSource::File(file) => Source::File(inside(&text(file, scope)?)?),
            ContextSource::Files(globs) => {
                let globs = globs
                    .iter()
                    .map(|glob| text(glob, scope))
                    .collect::<Result<_, _>>()?;
                Source::Files(globs)
            }
            // `check` has refused it: no guide ships yet.
            ContextSource::Guide(name) => {
                let message = format!("there is no guide `{}`", name.text);
                return Err(Failure::new(FailureClass::Rejected, message));
            }
        };
        let title = item.title.as_ref().map(|title| text(title, scope)).transpose()?;
        wanted.push(Wanted {
            title,
            source,
            item: index,
        });
    }
    let workspace = Arc::clone(&shared.workspace);
    let read = move || {
        wanted
            .into_iter()
            .map(|wanted| read(&workspace, wanted))
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

fn read(workspace: &Workspace, wanted: Wanted) -> Result<(usize, Vec<Part>), FileError> {
    let parts = match wanted.source {
        Source::Text(text) => vec![(wanted.title.unwrap_or_else(|| "Context".to_owned()), None, text)],
        Source::File(path) => {
            let text = workspace.read(&path)?;
            vec![(wanted.title.unwrap_or_else(|| path.clone()), Some(path), text)]
        }
        Source::Files(globs) => {
            let mut paths = Vec::new();
            for glob in &globs {
                paths.extend(workspace.glob(glob)?);
            }
            paths.sort();
            paths.dedup();
            let mut parts = Vec::with_capacity(paths.len());
            for path in paths.into_iter().filter(|path| !is_private(path)) {
                match workspace.read(&path) {
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

/// Whether a file is of the kind that holds secrets.
fn is_private(path: &str) -> bool {
    path.rsplit('/')
        .next()
        .is_some_and(|name| name.starts_with(".env"))
}

/// A path inside the workspace; what git and the engine keep is nothing to show.
fn inside(written: &str) -> Result<String, Failure> {
    let denied =
        |reason: String| Failure::new(FailureClass::Denied, format!("`context`: `{written}`: {reason}"));
    let path = path::inside(written)
        .map_err(|error| denied(error.to_string()))?
        .to_string();
    if path.split('/').any(|part| matches!(part, ".git" | ".smallcode")) {
        return Err(denied("it is kept by git or by the engine".to_owned()));
    }
    Ok(path)
}
