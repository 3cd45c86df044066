//! A run as plain lines: for logs, pipes and `-q`. No colour unless it is forced, no cursor, and the wording
//! stays the same, so that a log can be searched.

use std::fmt::Display;
use std::io::{self, Write};

use smallcode_core::run::{Decision, Event, NodeId, Notice, Reserve, RunStatus, Sent, Stored, Timestamp};

use super::output::Output;
use super::progress::{Change, End, Progress, length};
use super::{Report, Verbosity, View, wording};
use crate::render::style::Paint;
use crate::render::text;

/// A wait before a call is made again that is told at normal verbosity, in milliseconds: those that we choose ourselves
/// are of 2 s at most.
const LONG_WAIT: u64 = 3_000;

/// One line for each event that matters, with the time since the start.
pub(crate) struct Plain<W> {
    out: W,
    view: View,
    progress: Progress,
    output: Output,
    now: Timestamp,
    finished: bool,
}

impl<W: Write + Send> Plain<W> {
    /// A report that writes to `out`. Failures to write are not told to anyone: this *is* where they would be.
    pub(crate) fn new(out: W, view: View) -> Self {
        let progress = Progress::new(view.planned);
        Self {
            out,
            view,
            progress,
            output: Output::default(),
            now: Timestamp::default(),
            finished: false,
        }
    }

    /// Takes in what happened in earlier sessions, without showing it.
    pub(crate) fn catch_up<'e>(&mut self, events: impl IntoIterator<Item = (Timestamp, &'e Event)>) {
        for (at, event) in events {
            let _ = self.progress.apply(at, event);
        }
    }

    fn says(&self, least: Verbosity) -> bool {
        self.view.verbosity >= least
    }

    fn line(&mut self, at: Timestamp, line: impl Display) {
        let time = format!("[{:>7}]", text::duration(self.progress.elapsed(at)));
        self.write(&format!("{} {line}\n", self.view.style.paint(Paint::Dim, time)));
    }

    fn under(&mut self, lines: &[String]) {
        for line in lines {
            self.write(&format!("          | {line}\n"));
        }
    }

    /// One write for a whole line: what else writes to the same place does not get in between.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
    }

    fn node(&self, node: &NodeId) -> String {
        self.view
            .style
            .paint(Paint::Strong, text::one_line(node.as_str()))
    }

    fn output_lines(&mut self, at: Timestamp, node: &NodeId, lines: Vec<String>) {
        if self.says(Verbosity::Verbose) {
            for line in lines {
                let name = self.node(node);
                self.line(at, format_args!("{name} | {line}"));
            }
        }
    }

    fn change(&mut self, at: Timestamp, change: &Change<'_>) {
        match change {
            Change::Started { node, attempt } => {
                if self.says(Verbosity::Verbose) {
                    let name = self.node(node);
                    let which = if *attempt > 1 {
                        format!(", attempt {attempt}")
                    } else {
                        String::new()
                    };
                    self.line(at, format_args!("{name}: started{which}"));
                }
            }
            Change::Retrying {
                node,
                attempt,
                failure,
                next,
                manner,
                split,
            } => {
                let (rest, _) = self.output.take(node);
                self.output_lines(at, node, rest);
                if self.says(Verbosity::Normal) {
                    let name = self.node(node);
                    let message = text::one_line(&failure.message);
                    let delay = match next.since(at) {
                        0 => String::new(),
                        delay => format!(" in {}", text::duration(delay)),
                    };
                    let then = match split {
                        Some(by) => wording::split(*by),
                        None => format!("next attempt{delay}{}", wording::manner(manner)),
                    };
                    self.line(
                        at,
                        format_args!("{name}: attempt {attempt} failed: {message}; {then}"),
                    );
                }
                if self.says(Verbosity::Verbose) {
                    self.under(&wording::detail(failure, Vec::new()));
                }
            }
            Change::Ended {
                node,
                end,
                attempts,
                took,
            } => self.ended(at, node, *end, *attempts, *took),
        }
    }

    fn ended(&mut self, at: Timestamp, node: &NodeId, end: End<'_>, attempts: u32, took: u64) {
        let (rest, tail) = self.output.take(node);
        self.output_lines(at, node, rest);
        let name = self.node(node);
        let style = self.view.style;
        let took = if attempts > 0 {
            format!(" in {}", text::duration(took))
        } else {
            String::new()
        };
        let after = if attempts > 1 {
            format!(" after {attempts} attempts")
        } else {
            String::new()
        };
        match end {
            End::Success if self.says(Verbosity::Normal) => {
                self.line(
                    at,
                    format_args!("{name}: {}{after}{took}", style.paint(Paint::Good, "succeeded")),
                );
            }
            End::Failure(failure) => {
                let message = text::one_line(&failure.message);
                let failed = style.paint(Paint::Bad, "failed");
                self.line(at, format_args!("{name}: {failed}{after}{took}: {message}"));
                self.under(&wording::detail(failure, tail));
            }
            End::Skipped(because) if self.says(Verbosity::Normal) => {
                self.line(at, format_args!("{name}: skipped: {}", text::one_line(because)));
            }
            End::Cancelled(because) if self.says(Verbosity::Normal) => {
                self.line(at, format_args!("{name}: cancelled: {}", text::one_line(because)));
            }
            End::Success | End::Skipped(_) | End::Cancelled(_) => {}
        }
    }

    /// What is said of the events that are not about the life of a node.
    #[expect(clippy::too_many_lines, reason = "a line for each event, and there are many")]
    fn said(event: &Event) -> Option<(Verbosity, String)> {
        match event {
            Event::RunStarted {
                run, workflow, jobs, ..
            } => Some((
                Verbosity::Normal,
                format!("run {run} of {workflow} started, {jobs} at a time"),
            )),
            Event::RunResumed { jobs, .. } => {
                Some((Verbosity::Normal, format!("run resumed, {jobs} at a time")))
            }
            Event::CapReached { cap } => Some((Verbosity::Quiet, cap.clone())),
            Event::TaskExpanded { task, count, .. } => {
                Some((Verbosity::Verbose, format!("{task}: {count} items")))
            }
            Event::CallStarted {
                node,
                call,
                profile,
                reserve,
                sent: Some(sent),
                ..
            } => Some((Verbosity::Normal, leaving(node, *call, profile, *reserve, sent))),
            Event::CallStarted {
                node,
                call,
                profile,
                reserve,
                sent: None,
                ..
            } => Some((
                Verbosity::Verbose,
                format!(
                    "{node}: call {call} of `{profile}`, at most {} tokens",
                    text::number(reserve.prompt.saturating_add(reserve.completion))
                ),
            )),
            Event::CallFinished {
                node,
                call,
                usage,
                failure,
                ..
            } => {
                let end = failure.as_ref().map_or_else(
                    || "answered".to_owned(),
                    |failure| format!("failed: {}", text::one_line(&failure.message)),
                );
                let (prompt, completion) = (text::number(usage.prompt), text::number(usage.completion));
                Some((
                    Verbosity::Verbose,
                    format!("{node}: call {call} {end} ({prompt} + {completion} tokens)"),
                ))
            }
            Event::ReplyRead {
                node, call, repairs, ..
            } => {
                let repairs = wording::repairs(repairs);
                Some((
                    Verbosity::Verbose,
                    format!("{node}: the answer of call {call} was repaired: {repairs}"),
                ))
            }
            Event::ToolFinished {
                node,
                does,
                did,
                told,
                ..
            } => Some((
                Verbosity::Verbose,
                format!("{node}: {}", wording::tool(does, *did, told)),
            )),
            Event::AttemptFinished {
                node,
                decision: Decision::Stalled,
                ..
            } => Some((Verbosity::Normal, format!("{node}: {}", wording::STALLED))),
            Event::ApprovalAsked { node, message, .. } => {
                Some((Verbosity::Normal, format!("{node}: asks: {message}")))
            }
            Event::ApprovalAnswered {
                node,
                approved,
                comment,
            } => {
                let answer = if *approved { "approved" } else { "rejected" };
                let comment = if comment.is_empty() {
                    String::new()
                } else {
                    format!(": {comment}")
                };
                Some((Verbosity::Normal, format!("{node}: {answer}{comment}")))
            }
            Event::Interrupted { stage } => Some((Verbosity::Normal, interrupted(*stage).to_owned())),
            Event::NodeSplit { node, parts, .. } => {
                Some((Verbosity::Verbose, format!("{node}: {}", wording::parts(parts))))
            }
            Event::PlanAccepted { node, tasks, .. } => {
                Some((Verbosity::Normal, format!("{node}: {}", wording::plan(tasks))))
            }
            Event::PartsRefused { node, failure, .. } => {
                let message = text::one_line(&failure.message);
                let said = format!("{node}: what its parts made together is put back: {message}");
                Some((Verbosity::Verbose, said))
            }
            Event::ScopeEntered { .. }
            | Event::NodesClaimed { .. }
            | Event::ConditionChecked { .. }
            | Event::NodeRefused { .. }
            | Event::TaskSkipped { .. }
            | Event::NodeCancelled { .. }
            | Event::AttemptStarted { .. }
            | Event::WritesAsked { .. }
            | Event::WritesKept { .. }
            | Event::ToolStarted { .. }
            | Event::AttemptFinished { .. }
            | Event::RunFinished { .. } => None,
        }
    }
}

/// What is said of a call that leaves this machine, with the blob that holds it byte for byte.
pub(super) fn leaving(node: &NodeId, call: u32, profile: &str, reserve: Reserve, sent: &Sent) -> String {
    let tokens = text::number(reserve.prompt.saturating_add(reserve.completion));
    let cost = if reserve.usd.is_zero() {
        String::new()
    } else {
        format!(" and {}", reserve.usd)
    };
    let body = match &sent.body {
        Stored::Json { blob, .. } | Stored::Text { blob, .. } => format!(", kept in blobs/{blob}"),
        Stored::Inline(_) => String::new(),
    };
    format!(
        "{node}: call {call} of `{profile}` goes to {} ({} bytes{body}), at most {tokens} tokens{cost}",
        sent.host,
        text::number(length(&sent.body)),
    )
}

/// What a signal leads to.
pub(super) fn interrupted(stage: u32) -> &'static str {
    if stage <= 1 {
        "stopping: what runs may end, nothing new starts; once more to stop it now"
    } else {
        "stopping now; once more to leave at once"
    }
}

/// The small text that is shown with a question, such as a diff.
pub(super) fn shown_with_question(event: &Event) -> Vec<String> {
    const LINES: usize = 200;
    const CELLS: usize = 400;
    let Event::ApprovalAsked {
        diff: Some(Stored::Inline(value)),
        ..
    } = event
    else {
        return Vec::new();
    };
    let Some(diff) = value.as_str() else {
        return Vec::new();
    };
    let mut lines: Vec<String> = text::clean(diff)
        .lines()
        .take(LINES)
        .map(|line| text::cut(line, CELLS).into_owned())
        .collect();
    if diff.lines().count() > LINES {
        lines.push("…".to_owned());
    }
    lines
}

impl<W: Write + Send> Report for Plain<W> {
    fn event(&mut self, at: Timestamp, _seq: u64, event: &Event) {
        self.now = self.now.max(at);
        let change = self.progress.apply(at, event);
        let asked_elsewhere = self.view.asks && matches!(event, Event::ApprovalAsked { .. });
        let looked_at =
            self.view.afterwards && matches!(event, Event::ReplyRead { .. } | Event::ToolFinished { .. });
        if let Some((least, said)) = Self::said(event)
            && (self.says(least) || looked_at)
            && !asked_elsewhere
        {
            self.line(at, text::one_line(&said));
            self.under(&shown_with_question(event));
        }
        if let Some(change) = change {
            self.change(at, &change);
        }
    }

    fn notice(&mut self, at: Timestamp, notice: &Notice) {
        self.now = self.now.max(at);
        match notice {
            Notice::Output { node, stream, text } => {
                let lines = self.output.push(node, *stream, text);
                self.output_lines(at, node, lines);
            }
            Notice::CallRetried { node, because, delay } => {
                // What keeps a node for longer is told to everyone: else the run seems to hang.
                let level = if *delay >= LONG_WAIT {
                    Verbosity::Normal
                } else {
                    Verbosity::Verbose
                };
                if self.says(level) {
                    let (name, because) = (self.node(node), text::one_line(because));
                    let delay = text::duration(*delay);
                    self.line(at, format_args!("{name}: call again in {delay}: {because}"));
                }
            }
            Notice::Warning { message } => {
                if self.says(Verbosity::Normal) {
                    let warning = self.view.style.paint(Paint::Warn, "warning:");
                    self.line(at, format_args!("{warning} {}", text::one_line(message)));
                }
            }
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let _ = self.out.flush();
    }

    fn finish(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.finished, true) {
            let quiet_success = self.view.verbosity == Verbosity::Quiet
                && self
                    .progress
                    .ended
                    .as_ref()
                    .is_some_and(|(status, _)| *status == RunStatus::Success);
            let mut lines = wording::summary(&self.progress, self.view.style, self.now);
            if quiet_success {
                lines.truncate(1);
            }
            for line in lines {
                self.write(&format!("{line}\n"));
            }
            let _ = self.out.flush();
        }
        Ok(())
    }
}
