//! The problems that a command reported, with the names and lines that the files have in the workspace.

use std::collections::HashMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use camino::Utf8Path;
use smallcode_core::problems::{self, MAX_TOLD, Problem};

use super::super::Shared;
use crate::process::{Captured, Finished, Spec};
use crate::workspace::Workspace;

/// How much of an output is read from its beginning, and as much from its end: 2 MiB hold all that
/// [`problems::MAX_PROBLEMS`] can.
const PART_BYTES: u64 = 2 << 20;

/// The most that is told of the problems of one command, in bytes: some 300 tokens, which any window has room for.
const TOLD_BYTES: usize = 1000;

/// What a command reported on either stream, masked.
pub(in super::super) fn of(shared: &Shared, finished: &Finished, spec: &Spec) -> Vec<Problem> {
    let read = |captured: &Captured| shared.mask.apply(text(captured));
    let (stdout, stderr) = (read(&finished.stdout), read(&finished.stderr));
    let mut found = problems::read_all(&[&stdout, &stderr]);
    let mut known = HashMap::new();
    for file in found.iter_mut().filter_map(|problem| problem.file.as_mut()) {
        let real = known
            .entry(file.clone())
            .or_insert_with_key(|file| in_workspace(&shared.workspace, &spec.cwd, file));
        if let Some(real) = real {
            file.clone_from(real);
        }
    }
    found
}

/// The few problems that help most, each with its line of the file.
pub(in super::super) fn told(shared: &Shared, found: Vec<Problem>) -> String {
    let mut ranked = problems::ranked(found);
    let mut texts: HashMap<String, Option<String>> = HashMap::new();
    for problem in ranked.iter_mut().take(MAX_TOLD) {
        let (Some(file), Some(line), None) = (&problem.file, problem.line, &problem.source) else {
            continue;
        };
        let text = texts
            .entry(file.clone())
            .or_insert_with_key(|file| shared.workspace.read(file).ok());
        let number = usize::try_from(line).unwrap_or(usize::MAX);
        let line = text
            .as_ref()
            .and_then(|text| text.lines().nth(number.saturating_sub(1)));
        problem.source = line
            .map(|line| line.trim().chars().take(SOURCE_CHARS).collect::<String>())
            .filter(|line| !line.is_empty());
    }
    shared.mask.apply(problems::feedback(&ranked, TOLD_BYTES))
}

/// How much of a line is told: minified code has one line.
const SOURCE_CHARS: usize = 160;

/// The path from the root of the workspace, for a file that is named from the folder of the command, from the root
/// of a project in it, or from that of the system.
fn in_workspace(workspace: &Workspace, cwd: &Path, file: &str) -> Option<String> {
    let root = workspace.root();
    if file.starts_with('/') {
        let inside = Utf8Path::new(file).strip_prefix(root).ok()?;
        return Some(inside.to_string());
    }
    let cwd = Utf8Path::from_path(cwd)?.strip_prefix(root).ok()?;
    let candidates = cwd.ancestors().map(|folder| folder.join(file));
    candidates
        .map(|path| path.to_string())
        .find(|path| workspace.exists(path))
}

/// The beginning and the end of what was written.
fn text(captured: &Captured) -> String {
    match captured {
        Captured::Memory(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Captured::Spooled { path, .. } => {
            let read = || -> std::io::Result<Vec<u8>> {
                let mut file = std::fs::File::open(path)?;
                let length = file.metadata()?.len();
                let mut bytes = Vec::new();
                file.by_ref().take(PART_BYTES).read_to_end(&mut bytes)?;
                if length > PART_BYTES {
                    let from = PART_BYTES.max(length.saturating_sub(PART_BYTES));
                    file.seek(SeekFrom::Start(from))?;
                    if from > PART_BYTES {
                        bytes.push(b'\n');
                    }
                    file.take(PART_BYTES).read_to_end(&mut bytes)?;
                }
                Ok(bytes)
            };
            // The file is our own; where it can't be read, keeping it fails next and says so.
            String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
        }
    }
}
