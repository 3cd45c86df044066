//! The tools for BoneScript programs: what is wrong with one, and what becomes of one that is right.

use bonescript::{Level, check_with};
use camino::Utf8Path;
use smallcode_core::diagnostic::count;
use smallcode_core::run::{Failure, FailureClass};
use smallcode_core::spec::ToolName;
use smallcode_core::tool::read::ToolCall;

use super::super::bone::{Imports, prepare, target_of, write};
use super::super::writes::io;
use super::toolbox::{Outcome, Toolbox};
use crate::generated::Done;

/// How many problems a model is shown at once: it mends the first few, and asks again.
const TOLD: usize = 8;

impl Toolbox<'_> {
    /// Says what is wrong with a program.
    pub(super) fn bone_check(&mut self, call: &ToolCall, share: usize) -> Outcome {
        let tool = ToolName::BoneCheck;
        match self.program(call) {
            Ok(_) => Outcome::did(tool, "the program is right".to_owned()),
            Err((class, why)) => Outcome::failed(tool, class, self.cut(&why, share)),
        }
    }

    /// Compiles a program into a folder that the task writes.
    pub(super) async fn bone_compile(&mut self, call: &ToolCall, share: usize) -> Result<Outcome, Failure> {
        let tool = ToolName::BoneCompile;
        let failed = |class, why: String| Ok(Outcome::failed(tool, class, why));
        let program = match self.program(call) {
            Ok(program) => program,
            Err((class, why)) => return failed(class, self.cut(&why, share)),
        };
        let target = match target_of(call.text("target")) {
            Ok(target) => target,
            Err(failure) => return failed(FailureClass::ToolFailed, failure.message),
        };
        let out = call.text("out").unwrap_or_default();
        let place = match self.access.reads(out) {
            Ok(place) => place,
            Err(why) => return failed(FailureClass::Denied, why),
        };
        let folder = self.shared.workspace.root().join(&place.real);
        let prepared = match prepare(program, target, folder).await {
            Ok(prepared) => prepared,
            Err(failure) => {
                let text = self.cut(&format!("{}\n{}", failure.message, failure.detail), share);
                return failed(failure.class, text);
            }
        };
        let mut before = Vec::new();
        for path in prepared.touched() {
            let path = Utf8Path::new(&place.path).join(path);
            if let Err(why) = self.access.writes(path.as_str()) {
                return failed(FailureClass::Denied, why);
            }
            before.push((path.to_string(), self.content(path.as_str()).map_err(io)?));
        }
        let outcomes = prepared.outcomes();
        let of = |done: Done| outcomes.iter().filter(|outcome| outcome.done == done).count();
        let text = format!(
            "`{out}`: {} written, {} unchanged, {} removed",
            count(of(Done::Written), "file"),
            of(Done::Unchanged),
            of(Done::Removed)
        );
        write(self.shared, self.job, Utf8Path::new(&place.real), prepared).await?;
        self.wrote(before);
        Ok(Outcome::did(tool, text))
    }

    /// What a program means; else why it can't be said.
    fn program(&self, call: &ToolCall) -> Result<bonescript::ir::Program, (FailureClass, String)> {
        let written = call.text("path").unwrap_or_default();
        let place = self
            .access
            .reads(written)
            .map_err(|why| (FailureClass::Denied, why))?;
        let workspace = &self.shared.workspace;
        let read = tokio::task::block_in_place(|| workspace.read_real(&place.real));
        let source = read.map_err(|error| (FailureClass::ToolFailed, error.to_string()))?;
        let analysis = check_with(&place.path, &source, &Imports::Shown(self.shared), Level::Strict);
        if let Some(program) = analysis.program {
            return Ok(program);
        }
        let errors = analysis.diagnostics.iter().filter(|problem| problem.is_error());
        let lines: Vec<String> = errors.map(|problem| problem.compact(&analysis.sources)).collect();
        let shown = lines.get(..TOLD.min(lines.len())).unwrap_or_default().join("\n");
        let rest = match lines.len().saturating_sub(TOLD) {
            0 => String::new(),
            left => format!("\n{left} more: mend these, then check again"),
        };
        let text = format!(
            "{} in `{}`\n{shown}{rest}",
            count(lines.len(), "error"),
            place.path
        );
        Err((FailureClass::ToolFailed, self.shared.mask.apply(text)))
    }
}
