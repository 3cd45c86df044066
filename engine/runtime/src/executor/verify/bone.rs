//! `bone: check`: programs are right. What a model is told of one that is not is a line for each problem, and the part of
//! the guide that they are about.

use bonescript::{Level, check_with, guide_for};
use smallcode_core::run::Failure;

use super::super::bone::Imports;
use super::{Subject, Verification, few, refused};

/// The end of the name of a program.
const SUFFIX: &str = ".bone";

impl Verification<'_> {
    /// The programs among what the attempt is about to leave are right; a result in no file is one.
    pub(super) fn programs_are_right(&self, subject: &Subject) -> Result<(), Failure> {
        let mut lines = Vec::new();
        let mut programs = 0;
        for (file, text) in &subject.texts {
            if file.as_ref().is_some_and(|file| !file.ends_with(SUFFIX)) {
                continue;
            }
            programs += 1;
            let name = file.as_deref().unwrap_or("system.bone");
            let analysis = check_with(name, text, &Imports::Shown(self.shared), Level::Strict);
            let errors = analysis.diagnostics.iter().filter(|problem| problem.is_error());
            lines.extend(errors.map(|problem| problem.compact(&analysis.sources)));
            if analysis.program.is_none() && lines.is_empty() {
                lines.push(format!("{name}: it holds no `system`"));
            }
        }
        if programs == 0 {
            return Err(refused(format!(
                "`bone: check`: nothing that was written ends in `{SUFFIX}`"
            )));
        }
        if lines.is_empty() {
            return Ok(());
        }
        let guide = guide_for(&lines.join("\n"));
        let mut failure = refused(format!(
            "`bone: check`: {}",
            smallcode_core::diagnostic::count(lines.len(), "error")
        ));
        failure.detail = self.shared.mask.apply(format!("{}\n\n{guide}", few(lines)));
        Err(failure)
    }
}
