//! The words that the reports for people share: why something failed, and the end of a run.

use std::fmt::Write as _;

use smallcode_core::diagnostic::count;
use smallcode_core::run::{
    Failure, FailureClass, Manner, Part, RepairSeverity, Repaired, RunStatus, Timestamp,
};
use smallcode_core::spec::SplitBy;

use super::progress::{Progress, Spent};
use crate::render::style::{Paint, Style};
use crate::render::text;

/// Lines of detail that are shown with a failure.
const DETAIL_LINES: usize = 10;
/// A line of detail is cut here: it is a hint, the whole of it is in the run's folder.
const DETAIL_CELLS: usize = 400;

/// The last lines of what there is to say about a failure: its detail, else what the node wrote last.
pub(super) fn detail(failure: &Failure, tail: Vec<String>) -> Vec<String> {
    let told = text::tail(&failure.detail, DETAIL_LINES, DETAIL_CELLS);
    if told.is_empty() { tail } else { told }
}

/// The word for a class of failure, the same as in the journal.
pub(super) fn class(class: FailureClass) -> String {
    let word = serde_json::to_value(class).ok();
    word.as_ref()
        .and_then(|word| word.as_str())
        .unwrap_or("failure")
        .to_owned()
}

/// What is said of a node whose attempts came to the same failure again.
pub(super) const STALLED: &str = "the same answer failed alike a third time, so it is not tried again";

/// What follows an attempt whose work is cut.
pub(super) fn split(by: SplitBy) -> String {
    format!("its work is split by {}", by.as_str())
}

/// Into what it is cut.
pub(super) fn parts(parts: &[Part]) -> String {
    let names: Vec<_> = parts.iter().map(|part| text::one_line(&part.name)).collect();
    format!("split into {}: {}", count(parts.len(), "part"), names.join("; "))
}

/// What a model has planned.
pub(super) fn plan(tasks: &[String]) -> String {
    let names: Vec<_> = tasks.iter().map(|name| text::one_line(name)).collect();
    format!("planned {}: {}", count(tasks.len(), "task"), names.join(", "))
}

/// What a tool that a model called has done.
pub(super) fn tool(does: &str, did: bool, told: &str) -> String {
    let (does, told) = (text::one_line(does), text::one_line(told));
    let did = if did { "" } else { ", to no effect" };
    if told.is_empty() {
        format!("`{does}`{did}")
    } else {
        format!("`{does}`{did}: {told}")
    }
}

/// `, at temperature 0.4, with up to 2,048 tokens of answer`: how the next attempt asks, where that is not as before.
pub(super) fn manner(manner: &Manner) -> String {
    let mut said = String::new();
    if manner.escalated {
        said.push_str(", by a stronger model");
    }
    if let Some(temperature) = manner.temperature {
        let _ = write!(said, ", at temperature {temperature}");
    }
    if let Some(answer) = manner.answer {
        let _ = write!(said, ", with up to {} tokens of answer", text::number(answer));
    }
    said
}

/// `2 × missing comma (structural), 1 × comment (cosmetic)`.
pub(super) fn repairs(repairs: &[Repaired]) -> String {
    let said: Vec<String> = repairs
        .iter()
        .map(|repaired| {
            let severity = match repaired.severity {
                RepairSeverity::Cosmetic => "cosmetic",
                RepairSeverity::Structural => "structural",
                RepairSeverity::Lossy => "lossy",
            };
            let kind = repaired.kind.replace('_', " ");
            format!("{} × {kind} ({severity})", repaired.count)
        })
        .collect();
    said.join(", ")
}

/// `12,345 tokens in 8 calls (1 cut off), 900 of them in the server's cache, $0.0123`; nothing where no model was called.
pub(super) fn spent(spent: &Spent) -> Option<String> {
    let calls = usize::try_from(spent.calls).unwrap_or(usize::MAX);
    if calls == 0 {
        return None;
    }
    let about = if spent.estimated { "about " } else { "" };
    let tokens = text::number(spent.tokens);
    let mut said = format!("{about}{tokens} tokens in {}", count(calls, "call"));
    if spent.cut_off > 0 {
        let _ = write!(said, " ({} cut off)", text::number(spent.cut_off));
    }
    if spent.cached > 0 {
        let _ = write!(
            said,
            ", {} of them in the server's cache",
            text::number(spent.cached)
        );
    }
    if !spent.usd.is_zero() {
        let _ = write!(said, ", {}", spent.usd);
    }
    Some(said)
}

/// `sent to api.example:443: 2 requests, 4,812 bytes`: a line for each host off this machine.
fn sent(progress: &Progress) -> Vec<String> {
    let hosts = progress.spent.sent.iter();
    let mut lines: Vec<String> = hosts
        .map(|(host, (requests, bytes))| {
            let requests = count(usize::try_from(*requests).unwrap_or(usize::MAX), "request");
            let host = text::one_line(host);
            format!("  sent to {host}: {requests}, {} bytes", text::number(*bytes))
        })
        .collect();
    if let (Some(last), Some(run)) = (lines.last_mut(), &progress.run) {
        let _ = write!(last, "; `smallcode runs show {}` names them", text::one_line(run));
    }
    lines
}

/// `3 succeeded, 1 failed`: the ends that there were; empty where there were none.
fn counts(progress: &Progress) -> String {
    let counts = progress.counts;
    let named = [
        (counts.succeeded, "succeeded"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.cancelled, "cancelled"),
    ];
    let mut parts: Vec<String> = named
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{} {word}", text::number(*n)))
        .collect();
    if counts.retried > 0 {
        let noun = if counts.retried == 1 { "retry" } else { "retries" };
        parts.push(format!("{} {noun}", text::number(counts.retried)));
    }
    parts.join(", ")
}

/// How the run ended: a sign, what it means, and the words for it, up to the time that it took.
fn ending(progress: &Progress) -> (&'static str, Paint, &'static str) {
    match progress.ended.as_ref().map(|(status, _)| *status) {
        Some(RunStatus::Success) => ("✓", Paint::Good, "succeeded in"),
        Some(RunStatus::Failure) => ("✗", Paint::Bad, "failed after"),
        Some(RunStatus::OverBudget) => ("✗", Paint::Bad, "reached a cap after"),
        Some(RunStatus::NoModel) => ("✗", Paint::Bad, "could not reach a model, after"),
        Some(RunStatus::Waiting) => ("?", Paint::Warn, "is waiting after"),
        Some(RunStatus::Interrupted) => ("■", Paint::Warn, "was interrupted after"),
        None => ("■", Paint::Warn, "stopped early, after"),
    }
}

/// The end of a session, in lines: what came of it, what failed, and how to go on.
pub(super) fn summary(progress: &Progress, style: Style, now: Timestamp) -> Vec<String> {
    let (sign, paint, words) = ending(progress);
    let name = progress
        .workflow
        .as_deref()
        .map_or_else(|| "run".to_owned(), text::one_line);
    let mut first = format!(
        "{} {} {}",
        style.paint(paint, format!("{sign} {name}")),
        style.paint(paint, words),
        text::duration(progress.elapsed(now)),
    );
    let counts = counts(progress);
    if !counts.is_empty() {
        first.push_str(": ");
        first.push_str(&counts);
    }
    let mut lines = vec![first];
    lines.extend(spent(&progress.spent_in_all()).map(|spent| style.paint(Paint::Dim, format!("  {spent}"))));
    lines.extend(
        sent(progress)
            .into_iter()
            .map(|line| style.paint(Paint::Dim, line)),
    );
    if let Some((_, message)) = &progress.ended {
        lines.extend(
            text::clean(message.trim())
                .lines()
                .map(|line| format!("  {line}")),
        );
    }
    for failed in &progress.failures {
        let (sign, node) = (style.paint(Paint::Bad, "✗"), text::one_line(failed.node.as_str()));
        lines.push(format!(
            "  {sign} {}: {}",
            style.paint(Paint::Strong, node),
            failed.message
        ));
    }
    let listed = u64::try_from(progress.failures.len()).unwrap_or(u64::MAX);
    let more = progress.counts.failed.saturating_sub(listed);
    if more > 0 {
        lines.push(format!("  … and {} more failed", text::number(more)));
    }
    if progress.can_resume() {
        lines.push(format!(
            "{} {}",
            style.paint(Paint::Hint, "hint:"),
            resume(progress)
        ));
    }
    lines
}

fn resume(progress: &Progress) -> String {
    let mut command = "smallcode resume".to_owned();
    if let Some(run) = &progress.run {
        command.push(' ');
        command.push_str(&text::one_line(run));
    }
    match progress.asked.first() {
        Some(node) => {
            let node = text::one_line(node.as_str());
            format!("answer with `{command} --approve {node}` or `--reject {node}`")
        }
        None => format!("`{command}` goes on from here"),
    }
}
