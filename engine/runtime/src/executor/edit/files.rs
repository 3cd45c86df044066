//! The files of an `edit`: which they are, whether a model may write them, and what is in them.

use std::collections::HashMap;
use std::sync::Arc;

use smallcode_core::diagnostic::listed;
use smallcode_core::glob;
use smallcode_core::patch::Files;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::Edit;
use smallcode_core::template::Scope;

use super::super::permit::{of_workflow, readable, shown, to_write};
use super::super::{Shared, text};
use crate::workspace::{FileError, Workspace};

/// The most bytes that all files of one task have: more fits no window, and would only fill the memory.
const MAX_BYTES: usize = 16 << 20;

/// Reads the files that a task may change. One that is not there may be made.
pub(in super::super) async fn read(
    shared: &Arc<Shared>,
    edit: &Edit,
    scope: &Arc<dyn Scope>,
) -> Result<Files, Failure> {
    let mut written = Vec::new();
    for path in edit.keys.files.iter() {
        written.push(text(path, scope)?);
    }
    let shared = Arc::clone(shared);
    tokio::task::spawn_blocking(move || read_all(&shared, &written))
        .await
        .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?
}

fn read_all(shared: &Shared, written: &[String]) -> Result<Files, Failure> {
    let workspace = &shared.workspace;
    let wrong = |message: String| Failure::new(FailureClass::Expression, message);
    let mut files = Files::new();
    let mut reals = HashMap::new();
    let mut bytes = 0;
    for written in written {
        let found = paths(shared, written)?;
        let by_pattern = found.len() > 1 || found.first().is_some_and(|path| path != written);
        for path in found {
            let (path, real) = to_write(shared, &path)?;
            if files.contains_key(&path) {
                continue;
            }
            let shown = readable(shared, &path).map_err(of_workflow)?;
            if let Some(other) = reals.insert(real, path.clone()) {
                return Err(wrong(format!("`{path}` and `{other}` are the same file")));
            }
            let text = workspace.exists(&shown).then(|| workspace.read_real(&shown));
            let text = match text.transpose() {
                Ok(text) => text,
                // A glob takes pictures and archives along, which no model edits.
                Err(FileError::NotText { .. }) if by_pattern => continue,
                Err(error) => return Err(Failure::new(FailureClass::Io, error.to_string())),
            };
            bytes += text.as_ref().map_or(0, String::len);
            if bytes > MAX_BYTES {
                let message =
                    format!("the files have more than {MAX_BYTES} bytes together; give a task fewer");
                return Err(Failure::new(FailureClass::TooLarge, message));
            }
            files.insert(path, text);
        }
    }
    if files.is_empty() {
        return Err(wrong(format!(
            "no file that {} matches is text, which is all that a model can edit",
            listed(written)
        )));
    }
    Ok(files)
}

fn content(workspace: &Workspace, path: &str) -> Result<Option<String>, Failure> {
    let read = workspace.exists(path).then(|| workspace.read(path)).transpose();
    read.map_err(|error| Failure::new(FailureClass::Io, error.to_string()))
}

/// Sees that the files are still what the model was shown: what somebody else did meanwhile must not be lost.
pub(super) async fn unchanged(shared: &Arc<Shared>, shown: Files) -> Result<(), Failure> {
    let shared = Arc::clone(shared);
    let compare = move || {
        for (path, text) in &shown {
            if content(&shared.workspace, path)? != *text {
                let message = format!("`{path}` was changed by another while the model answered");
                return Err(Failure::new(FailureClass::Io, message));
            }
        }
        Ok(())
    };
    tokio::task::spawn_blocking(compare)
        .await
        .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?
}

/// The paths that a text names: those that it matches, where it is a glob and no file.
fn paths(shared: &Shared, written: &str) -> Result<Vec<String>, Failure> {
    let wrong = |message: String| Failure::new(FailureClass::Expression, message);
    if !glob::is_pattern(written) || shared.workspace.exists(written) {
        return Ok(vec![written.to_owned()]);
    }
    let found = shown(shared, written).map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong(format!("no file matches `{written}`")));
    }
    Ok(found)
}
