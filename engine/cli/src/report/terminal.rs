//! A run on a terminal: what ended scrolls by, and below it a few lines say what is going on now.
//!
//! Everything of a tenth of a second goes out in one write: up over the old block, what scrolls, the block
//! again. No line of the block is wider than the terminal, so that its height is known. A thousand quick
//! nodes don't scroll by: above a rate, successes are counted ([`Throttle`]); failures are always shown.

mod throttle;

use std::fmt::Write as _;
use std::io::{self, Write};

use smallcode_core::diagnostic::count;
use smallcode_core::run::{Decision, Event, NodeId, Notice, Timestamp};

use super::output::Output;
use super::progress::{Activity, Change, End, Progress, Running};
use super::{Report, Verbosity, View, plain, wording};
use crate::render::style::{Paint, Size};
use crate::render::text;

use throttle::Throttle;

/// Between two redraws, in milliseconds.
const REDRAW: u64 = 100;
/// Running nodes that are shown; the others are counted.
const SHOWN_NODES: usize = 8;
/// Cells of the bar.
const BAR: usize = 20;
/// Below this many columns there is no bar.
const BAR_COLUMNS: usize = 60;
/// Names of running nodes are padded to the longest of them, and cut here.
const NAME_CELLS: usize = 32;
/// What scrolls is written at the latest when it is this long, so that a stalled clock costs no memory.
const LONGEST_SCROLL: usize = 64 * 1024;

/// A live view. Give it a writer that is not buffered by lines: each frame is one write.
pub(crate) struct Terminal<W> {
    out: W,
    view: View,
    size: Box<dyn Fn() -> Size + Send>,
    progress: Progress,
    output: Output,
    throttle: Throttle,
    /// What is to scroll by with the next frame.
    scroll: String,
    /// The block that stands on the screen, and how many lines it has.
    block: String,
    height: usize,
    drawn: Option<Timestamp>,
    now: Timestamp,
    finished: bool,
}

impl<W: Write + Send> Terminal<W> {
    /// A live view on `out`, a terminal of the size that `size` gives whenever it is asked. Failures to write
    /// are not told to anyone: this *is* where they would be.
    pub(crate) fn new(out: W, view: View, size: impl Fn() -> Size + Send + 'static) -> Self {
        Self {
            out,
            view,
            size: Box::new(size),
            progress: Progress::new(view.planned),
            output: Output::default(),
            throttle: Throttle::default(),
            scroll: String::new(),
            block: String::new(),
            height: 0,
            drawn: None,
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

    fn paint(&self, paint: Paint, text: impl std::fmt::Display) -> String {
        self.view.style.paint(paint, text)
    }

    fn scroll_line(&mut self, line: impl std::fmt::Display) {
        let _ = writeln!(self.scroll, "{line}");
    }

    fn scroll_under(&mut self, lines: &[String]) {
        let bar = self.paint(Paint::Dim, "│");
        for line in lines {
            self.scroll_line(format_args!("  {bar} {line}"));
        }
    }

    /// A line of something that went as it should: shown while there are few of them.
    fn scroll_routine(&mut self, at: Timestamp, skipped: bool, line: &str) {
        self.report_hidden(at);
        if self.says(Verbosity::Verbose) || self.throttle.admits(at, skipped) {
            self.scroll_line(line);
        }
    }

    /// Says how many lines were left out of the second that has passed.
    fn report_hidden(&mut self, at: Timestamp) {
        if let Some(hidden) = self.throttle.passed(at) {
            let line = self.paint(Paint::Dim, format!("  … and {hidden}"));
            self.scroll_line(line);
        }
    }

    fn output_lines(&mut self, node: &NodeId, lines: &[String]) {
        if self.says(Verbosity::Verbose) {
            let prefix = self.paint(Paint::Dim, format!("{} │", text::one_line(node.as_str())));
            for line in lines {
                self.scroll_line(format_args!("{prefix} {line}"));
            }
        }
    }

    fn change(&mut self, at: Timestamp, change: &Change<'_>) {
        match change {
            Change::Started { .. } => {}
            Change::Retrying {
                node,
                attempt,
                failure,
                next,
                manner,
                split,
            } => {
                let (rest, tail) = self.output.take(node);
                self.output_lines(node, &rest);
                let sign = self.paint(Paint::Warn, "↻");
                let name = text::one_line(node.as_str());
                let mut line = format!(
                    "{sign} {name}  attempt {attempt}: {}",
                    text::one_line(&failure.message)
                );
                if next.since(at) > 0 {
                    let _ = write!(line, "; again in {}", text::duration(next.since(at)));
                }
                if let Some(by) = split {
                    let _ = write!(line, "; {}", wording::split(*by));
                }
                line.push_str(&wording::manner(manner));
                if self.says(Verbosity::Normal) {
                    self.scroll_routine(at, false, &line);
                }
                if self.says(Verbosity::Verbose) {
                    self.scroll_under(&wording::detail(failure, tail));
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
        self.output_lines(node, &rest);
        let name = text::one_line(node.as_str());
        let mut effort = text::duration(took);
        if attempts > 1 {
            let _ = write!(effort, " ({attempts} attempts)");
        }
        match end {
            End::Failure(failure) => {
                let (sign, name) = (self.paint(Paint::Bad, "✗"), self.paint(Paint::Strong, name));
                let effort = if attempts > 0 {
                    self.paint(Paint::Dim, effort) + "  "
                } else {
                    String::new()
                };
                self.scroll_line(format_args!(
                    "{sign} {name}  {effort}{}",
                    text::one_line(&failure.message)
                ));
                self.scroll_under(&wording::detail(failure, tail));
            }
            _ if !self.says(Verbosity::Normal) => {}
            End::Success => {
                let line = format!(
                    "{} {name}  {}",
                    self.paint(Paint::Good, "✓"),
                    self.paint(Paint::Dim, effort)
                );
                self.scroll_routine(at, false, &line);
            }
            End::Skipped(because) => {
                let because = text::one_line(because);
                let line = self.paint(Paint::Dim, format!("↷ {name}  skipped: {because}"));
                self.scroll_routine(at, true, &line);
            }
            End::Cancelled(because) => {
                let because = text::one_line(because);
                let line = format!("{} {name}  cancelled: {because}", self.paint(Paint::Warn, "■"));
                self.scroll_routine(at, true, &line);
            }
        }
    }

    fn other(&mut self, event: &Event) {
        match event {
            Event::ApprovalAsked { node, message, .. } if !self.view.asks => {
                let (sign, name) = (
                    self.paint(Paint::Warn, "?"),
                    self.paint(Paint::Strong, text::one_line(node.as_str())),
                );
                self.scroll_line(format_args!("{sign} {name}  {}", text::one_line(message)));
                self.scroll_under(&plain::shown_with_question(event));
            }
            Event::AttemptFinished {
                node,
                decision: Decision::Stalled,
                ..
            } if self.says(Verbosity::Normal) => {
                let sign = self.paint(Paint::Warn, "■");
                let name = text::one_line(node.as_str());
                self.scroll_line(format_args!("{sign} {name}  {}", wording::STALLED));
            }
            Event::CallStarted {
                node,
                call,
                profile,
                reserve,
                sent: Some(sent),
                ..
            } if self.says(Verbosity::Normal) => {
                let line = plain::leaving(node, *call, profile, *reserve, sent);
                self.scroll_line(format_args!("  {}", text::one_line(&line)));
            }
            Event::NodeSplit { node, parts, .. } if self.says(Verbosity::Verbose) => {
                let name = text::one_line(node.as_str());
                self.scroll_line(format_args!("  {name}  {}", wording::parts(parts)));
            }
            Event::PlanAccepted { node, tasks, .. } if self.says(Verbosity::Normal) => {
                let name = text::one_line(node.as_str());
                self.scroll_line(format_args!("  {name}  {}", wording::plan(tasks)));
            }
            Event::ReplyRead { node, repairs, .. } if self.says(Verbosity::Verbose) => {
                let name = text::one_line(node.as_str());
                self.scroll_line(format_args!(
                    "  {name}  answer repaired: {}",
                    wording::repairs(repairs)
                ));
            }
            Event::ToolFinished {
                node,
                does,
                did,
                told,
                ..
            } if self.says(Verbosity::Verbose) => {
                let name = text::one_line(node.as_str());
                self.scroll_line(format_args!("  {name}  {}", wording::tool(does, *did, told)));
            }
            Event::Interrupted { stage } => {
                let line = self.paint(Paint::Warn, format!("■ {}", plain::interrupted(*stage)));
                self.scroll_line(line);
            }
            Event::TaskExpanded {
                task, count: items, ..
            } if self.says(Verbosity::Verbose) => {
                let items = count(usize::try_from(*items).unwrap_or(usize::MAX), "item");
                self.scroll_line(format_args!("  {}  {items}", text::one_line(task.as_str())));
            }
            _ => {}
        }
    }

    /// The lines below what scrolls: progress, then the running nodes, oldest first.
    fn lines(&self, size: Size) -> Vec<String> {
        // The last column stays free: writing into it wraps on some terminals.
        let width = size.columns.saturating_sub(1);
        let mut lines = vec![self.progress_line(width)];
        let room = size.rows.saturating_sub(3).clamp(1, SHOWN_NODES);
        let running = self.progress.running();
        let count = running.len();
        let shown: Vec<&Running> = running
            .take(if count > room { room.max(2) - 1 } else { room })
            .collect();
        let names: Vec<String> = shown
            .iter()
            .map(|running| text::cut(&text::one_line(running.node.as_str()), NAME_CELLS).into_owned())
            .collect();
        let longest = names.iter().map(|name| text::width(name)).max().unwrap_or(0);
        for (running, name) in shown.iter().zip(&names) {
            let padding = " ".repeat(longest - text::width(name));
            let line = format!("  {name}{padding}  {}", self.activity(running));
            lines.push(text::cut(&line, width).into_owned());
        }
        if count > shown.len() {
            let more = u64::try_from(count - shown.len()).unwrap_or(u64::MAX);
            let line = format!("  … and {} more", text::number(more));
            lines.push(self.paint(Paint::Dim, text::cut(&line, width)));
        }
        lines
    }

    fn progress_line(&self, width: usize) -> String {
        let counts = self.progress.counts;
        let (done, total) = (counts.done(), self.progress.total());
        let mut bar = String::new();
        if let Some(total) = total.filter(|total| *total > 0 && width >= BAR_COLUMNS) {
            let filled = usize::try_from(done.saturating_mul(BAR as u64) / total)
                .unwrap_or(BAR)
                .min(BAR);
            bar = format!(
                "{}{} ",
                self.paint(Paint::Good, "━".repeat(filled)),
                self.paint(Paint::Dim, "─".repeat(BAR - filled))
            );
        }
        let mut parts = vec![match total {
            Some(total) => format!("{}/{}", text::number(done), text::number(total)),
            None => format!("{} done", text::number(done)),
        }];
        parts.push(text::duration(self.progress.elapsed(self.now)));
        if counts.failed > 0 {
            parts.push(format!("{} failed", text::number(counts.failed)));
        }
        if counts.retried > 0 {
            parts.push(format!("{} retried", text::number(counts.retried)));
        }
        parts.extend(wording::spent(&self.progress.spent));
        let left = width.saturating_sub(if bar.is_empty() { 0 } else { BAR + 1 });
        bar + &text::cut(&parts.join("  "), left)
    }

    fn activity(&self, running: &Running) -> String {
        let mut text = text::duration(self.now.since(running.since));
        if running.attempt > 1 {
            let _ = write!(text, "  attempt {}", running.attempt);
        }
        match &running.activity {
            Activity::Working => {}
            Activity::Calling(profile, call) => {
                let _ = write!(text, "  calling {}", text::one_line(profile));
                if *call > 1 {
                    let _ = write!(text, " ({call})");
                }
            }
            Activity::Asking => text.push_str("  waiting for an answer"),
        }
        if let Some(line) = self
            .output
            .last_line(&running.node)
            .filter(|line| !line.is_empty())
        {
            let _ = write!(text, "  │ {line}");
        }
        text
    }

    fn draw_if_due(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let due = self.drawn.is_none_or(|drawn| self.now.since(drawn) >= REDRAW);
        if due || self.scroll.len() > LONGEST_SCROLL {
            self.draw();
        }
    }

    fn draw(&mut self) {
        self.drawn = Some(self.now);
        let idle = self.progress.ended.is_some() || !self.says(Verbosity::Normal);
        let lines = if idle {
            Vec::new()
        } else {
            self.lines((self.size)())
        };
        let mut block = lines.join("\n");
        if !block.is_empty() {
            block.push('\n');
        }
        if self.scroll.is_empty() && block == self.block {
            return;
        }
        let mut frame = self.erase();
        frame.push_str(&std::mem::take(&mut self.scroll));
        frame.push_str(&block);
        self.height = lines.len();
        self.block = block;
        self.write(&frame);
    }

    /// The sequence that takes the block away.
    fn erase(&mut self) -> String {
        self.block.clear();
        match std::mem::take(&mut self.height) {
            0 => String::new(),
            height => format!("\u{1b}[{height}A\r\u{1b}[J"),
        }
    }

    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

impl<W: Write + Send> Report for Terminal<W> {
    fn event(&mut self, at: Timestamp, _seq: u64, event: &Event) {
        let change = self.progress.apply(at, event);
        self.other(event);
        if let Some(change) = change {
            self.change(at, &change);
        }
        self.draw_if_due(at);
    }

    fn notice(&mut self, at: Timestamp, notice: &Notice) {
        match notice {
            Notice::Output { node, stream, text } => {
                let lines = self.output.push(node, *stream, text);
                self.output_lines(node, &lines);
            }
            Notice::CallRetried { node, because, delay } => {
                if self.says(Verbosity::Normal) {
                    let sign = self.paint(Paint::Warn, "↻");
                    let (name, because) = (text::one_line(node.as_str()), text::one_line(because));
                    let line = format!(
                        "{sign} {name}  call again in {}: {because}",
                        text::duration(*delay)
                    );
                    self.scroll_routine(at, false, &line);
                }
            }
            Notice::Warning { message } => {
                if self.says(Verbosity::Normal) {
                    let warning = self.paint(Paint::Warn, "warning:");
                    self.scroll_line(format_args!("{warning} {}", text::one_line(message)));
                }
            }
        }
        self.draw_if_due(at);
    }

    fn tick(&mut self, now: Timestamp) {
        self.report_hidden(now);
        self.draw_if_due(now);
    }

    fn pause(&mut self) {
        let mut frame = self.erase();
        frame.push_str(&std::mem::take(&mut self.scroll));
        self.write(&frame);
    }

    fn finish(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.finished, true) {
            self.report_hidden(Timestamp(u64::MAX));
            let mut frame = self.erase();
            frame.push_str(&std::mem::take(&mut self.scroll));
            for line in wording::summary(&self.progress, self.view.style, self.now) {
                let _ = writeln!(frame, "{line}");
            }
            self.write(&frame);
        }
        Ok(())
    }
}
