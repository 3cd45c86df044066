//! `syntax`: source files can be read as their languages. No toolchain is needed.

use std::sync::Arc;

use smallcode_core::problems::{Problem, count};
use smallcode_core::run::{Failure, FailureClass, Notice};
use smallcode_core::spec::{OneOrMany, Text};
use smallcode_core::syntax;

use super::super::command::problems;
use super::{Subject, Verification, refused, texts, tree};
use crate::workspace::{FileError, Workspace};

/// What was found in some files.
#[derive(Default)]
struct Seen {
    problems: Vec<Problem>,
    /// Files of which nothing is known, and why.
    unread: Vec<(String, String)>,
}

impl Seen {
    fn look(&mut self, path: &str, text: &str) {
        match syntax::check(path, text) {
            Ok(problem) => self.problems.extend(problem),
            Err(error) => self.unread(path, &error),
        }
    }

    fn unread(&mut self, path: &str, error: &impl std::fmt::Display) {
        self.unread.push((path.to_owned(), error.to_string()));
    }
}

impl Verification<'_> {
    /// The files that the attempt is about to leave can be read.
    pub(super) fn written_reads(&self, subject: &Subject, optional: bool) -> Result<(), Failure> {
        let mut seen = Seen::default();
        for (file, text) in &subject.texts {
            let Some(file) = file else {
                let message = "`syntax: true` looks at the files that a task writes, and this one writes none; \
                               name files: `syntax: [\"src/**/*.rs\"]`";
                return Err(Failure::new(FailureClass::Expression, message));
            };
            seen.look(file, text);
        }
        self.judged(seen, optional)
    }

    /// The files of some globs can be read.
    pub(super) async fn named_reads(
        &self,
        globs: &OneOrMany<Text>,
        subject: &Subject,
        optional: bool,
    ) -> Result<(), Failure> {
        let globs = texts(globs, &self.scope(subject))?;
        let workspace = Arc::clone(&self.shared.workspace);
        let seen = tokio::task::spawn_blocking(move || named(&workspace, &globs))
            .await
            .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))??;
        self.judged(seen, optional)
    }

    fn judged(&self, seen: Seen, optional: bool) -> Result<(), Failure> {
        if !seen.problems.is_empty() {
            let mut failure = refused(format!("`syntax`: {}", count(&seen.problems)));
            failure.detail = problems::told(self.shared, seen.problems);
            return Err(failure);
        }
        let Some((path, reason)) = seen.unread.first() else {
            return Ok(());
        };
        if optional {
            for (path, reason) in &seen.unread {
                let message = format!(
                    "{}: the verifier `syntax` left out `{path}`: {reason}",
                    self.job.id
                );
                self.job.tell.notices.send(Notice::Warning { message });
            }
            return Ok(());
        }
        // Another attempt writes the same kind of file again.
        Err(Failure::new(
            FailureClass::ToolMissing,
            format!(
                "the verifier `syntax` can't read `{path}`: {reason}; name the files that it can, as in \
                 `syntax: [\"src/**/*.rs\"]`, or write `optional: true` beside it"
            ),
        ))
    }
}

/// Looks at every file behind the globs, each once.
fn named(workspace: &Workspace, globs: &[String]) -> Result<Seen, Failure> {
    let mut paths = Vec::new();
    for glob in globs {
        let mut found = tree::list(workspace.root(), glob)?;
        found.retain(|path| workspace.root().join(path).is_file());
        if found.is_empty() {
            return Err(refused(format!("`syntax`: no file matches `{glob}`")));
        }
        paths.append(&mut found);
    }
    paths.sort();
    paths.dedup();
    let mut seen = Seen::default();
    for path in &paths {
        match workspace.read(path) {
            Ok(text) => seen.look(path, &text),
            Err(error @ (FileError::NotText { .. } | FileError::TooLarge { .. })) => {
                seen.unread(path, &error);
            }
            Err(error) => return Err(Failure::new(FailureClass::Io, error.to_string())),
        }
    }
    Ok(seen)
}
