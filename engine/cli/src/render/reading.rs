//! What a reply was read as, for people.

use std::fmt::Write as _;

use smallcode_parse::{Omitted, Reading, Repair, RepairKind, Span};

use super::style::{Paint, Style};
use super::text;

/// How many repairs and other readings are listed; the rest is counted.
const LISTED: usize = 20;

/// How many cells of the reply's own text a line shows.
const EXCERPT: usize = 60;

/// Renders a reading of `reply`.
pub(crate) fn render(reading: &Reading, reply: &str, style: Style) -> String {
    let mut out = String::new();
    for call in &reading.calls {
        let name = style.paint(Paint::Strong, text::one_line(&call.name));
        let dialect = serde_json::to_value(call.dialect).unwrap_or_default();
        let dialect = dialect.as_str().unwrap_or_default().replace('_', " ");
        let _ = writeln!(out, "call {name} ({dialect}, {})", place(reply, call.span.start));
        let arguments = serde_json::to_string_pretty(&call.arguments).unwrap_or_default();
        let _ = writeln!(out, "{}", text::clean(&arguments));
        if let Some(cut) = &call.cut {
            let _ = writeln!(
                out,
                "{}",
                style.paint(Paint::Warn, format!("cut off at `{}`", cut.path))
            );
        }
    }
    if let Some(value) = &reading.value {
        let _ = writeln!(out, "value");
        let _ = writeln!(
            out,
            "{}",
            text::clean(&serde_json::to_string_pretty(value).unwrap_or_default())
        );
        if let Some(cut) = &reading.cut {
            let _ = writeln!(
                out,
                "{}",
                style.paint(Paint::Warn, format!("cut off at `{}`", cut.path))
            );
        }
    }
    if reading.calls.is_empty() && reading.value.is_none() {
        let _ = writeln!(out, "{}", style.paint(Paint::Warn, "no call and no value"));
    }
    section(
        &mut out,
        "diagnostics",
        reading.diagnostics.iter().map(|diagnostic| {
            let at = diagnostic
                .span
                .map_or(String::new(), |span| format!("{}: ", place(reply, span.start)));
            let path = diagnostic
                .path
                .as_ref()
                .map_or(String::new(), |path| format!("`{path}`: "));
            format!("{at}{path}{}", text::one_line(&diagnostic.message))
        }),
    );
    section(
        &mut out,
        "repairs",
        reading
            .repairs
            .iter()
            .map(|repair| repair_line(repair, reply))
            .chain(reading.omitted.iter().map(omitted_line)),
    );
    section(
        &mut out,
        "other readings",
        reading
            .runners_up
            .iter()
            .map(|other| format!("cost {}: {}", other.cost, cut_short(&other.value.to_string()))),
    );
    if !reading.thinking.trim().is_empty() {
        section(
            &mut out,
            "thinking",
            std::iter::once(cut_short(reading.thinking.trim())),
        );
    }
    if !reading.text.trim().is_empty() {
        section(
            &mut out,
            "text left over",
            std::iter::once(cut_short(reading.text.trim())),
        );
    }
    out
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for line in lines.iter().take(LISTED) {
        let _ = writeln!(out, "  {line}");
    }
    if lines.len() > LISTED {
        let _ = writeln!(out, "  and {} more", lines.len() - LISTED);
    }
}

fn omitted_line(omitted: &Omitted) -> String {
    format!("{} more times: {}", omitted.count, kind(omitted.kind))
}

fn kind(kind: RepairKind) -> String {
    let word = serde_json::to_value(kind).unwrap_or_default();
    word.as_str().unwrap_or_default().replace('_', " ")
}

fn repair_line(repair: &Repair, reply: &str) -> String {
    let kind = kind(repair.kind);
    let Span { start, end } = repair.span;
    let source = reply.get(start..end).unwrap_or_default();
    let severity = serde_json::to_value(repair.kind.severity()).unwrap_or_default();
    let severity = severity.as_str().unwrap_or_default();
    let shown = if source.is_empty() {
        String::new()
    } else {
        format!(" `{}`", cut_short(source))
    };
    format!("{}: {kind} ({severity}){shown}", place(reply, start))
}

/// Line and column, from 1.
fn place(reply: &str, at: usize) -> String {
    let before = reply.get(..at).unwrap_or(reply);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{line}:{column}")
}

/// The start of a text on one line, safe to show: a reply may hold escape sequences.
fn cut_short(shown: &str) -> String {
    text::cut(&text::one_line(shown), EXCERPT).into_owned()
}
