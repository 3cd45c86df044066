//! What the model thought aloud, by any of the markers of the table: no part of its answer, and nothing in it is called.

use super::{Claim, Framer, Piece, Role, Tag, Tags, tag};
use crate::RepairKind;
use crate::tree::Span;

/// The thinking that a reply begins with, and the answer behind it.
///
/// A closing marker alone ends thinking that the prompt had opened. Thinking that never ends may hold the answer, and is
/// not cut off.
pub(crate) fn split(text: &str) -> (Span, Span) {
    let all = trimmed(text, Span::new(0, text.len()));
    if let Some(parts) = messages(text, all) {
        return parts;
    }
    let mut thought = Span::default();
    let mut at = all.start;
    while let Some(opener) = tag::at(text, at).filter(|tag| tag.role == Role::Think && !tag.close) {
        let Some(closer) = closer(text, opener.span.end) else {
            return (thought, Span::new(at, all.end));
        };
        let from = if thought.len() == 0 {
            opener.span.end
        } else {
            thought.start
        };
        thought = trimmed(text, Span::new(from, closer.span.start));
        at = trimmed(text, Span::new(closer.span.end, all.end)).start;
    }
    let answer = Span::new(at, all.end);
    // A marker inside a value is not thinking, and neither is one that is spoken of.
    if at > all.start || is_value(answer.of(text)) && tag::at(text, at).is_none() {
        return (thought, answer);
    }
    match closer(text, at).filter(|closer| !is_quoted(text, at, closer.span)) {
        Some(closer) => (
            trimmed(text, Span::new(at, closer.span.start)),
            trimmed(text, Span::new(closer.span.end, all.end)),
        ),
        None => (thought, answer),
    }
}

/// Whether the answer of a text begins with thinking that never ends.
pub(crate) fn never_ends(text: &str) -> bool {
    let (_, answer) = split(text);
    tag::at(text, answer.start).is_some_and(|tag| tag.role == Role::Think && !tag.close && tag.whole)
}

/// Whether an answer is a value from its first character on. A quote begins many things, so that it must be a string.
fn is_value(answer: &str) -> bool {
    answer.starts_with(['{', '['])
        || answer.starts_with('"') && serde_json::from_str::<serde::de::IgnoredAny>(answer).is_ok()
}

/// The next marker that ends thinking.
fn closer(text: &str, from: usize) -> Option<Tag<'_>> {
    let (mut tags, mut at) = (Tags::new(text), from);
    while let Some(tag) = tags.next(at, text.len()) {
        if tag.role == Role::Think && tag.close && tag.whole || tag.role == Role::Answer {
            return Some(tag);
        }
        at = tag.span.end;
    }
    None
}

/// Whether a marker stands in quotes, or in a fence that opened before it: code that holds it is no thinking.
fn is_quoted(text: &str, from: usize, marker: Span) -> bool {
    let quote = |ch: char| matches!(ch, '"' | '\'' | '`');
    let before = Span::new(from, marker.start).of(text);
    let after = Span::new(marker.end, text.len()).of(text);
    before.ends_with(quote)
        || after.starts_with(quote) && !after.starts_with("```")
        || before
            .lines()
            .filter(|line| line.trim_start().starts_with("```"))
            .count()
            % 2
            == 1
}

/// Messages with headers: the body of the last one, and those of the analysis channel before it.
fn messages(text: &str, all: Span) -> Option<(Span, Span)> {
    let first = tag::at(text, all.start).filter(|tag| tag.role == Role::Header)?;
    let mut thought = Span::default();
    let mut answer = None;
    let mut body: Option<(bool, usize)> = None;
    let (mut tags, mut at) = (Tags::new(text), first.span.start);
    loop {
        let next = tags.next(at, all.end);
        let stop = next.map_or(all.end, |tag| tag.span.start);
        let role = next.map(|tag| tag.role);
        let ends = matches!(role, None | Some(Role::Message | Role::Header | Role::End));
        if let Some((analysis, from)) = body.filter(|_| ends) {
            let span = trimmed(text, Span::new(from, stop));
            if !analysis {
                answer = Some(span);
            } else if next.is_some() {
                let from = if thought.len() == 0 {
                    span.start
                } else {
                    thought.start
                };
                thought = Span::new(from, span.end);
                answer = None;
            }
            body = None;
        }
        let Some(tag) = next else { break };
        if tag.role == Role::Message {
            let header = Span::new(at, tag.span.start).of(text);
            body = Some((header.contains("analysis"), tag.span.end));
        }
        at = tag.span.end;
    }
    answer.map(|answer| (thought, answer))
}

fn trimmed(text: &str, span: Span) -> Span {
    // A byte order mark is no white space to Rust.
    let is_space = |ch: char| ch.is_whitespace() || ch == '\u{feff}';
    let part = span.of(text);
    let start = span.start + part.len() - part.trim_start_matches(is_space).len();
    Span::new(start, start + part.trim_matches(is_space).len())
}

impl Framer<'_, '_> {
    pub(super) fn thinking_begins(&mut self, tag: &Tag<'_>) {
        let from = tag.span.end;
        let message = tag.name.eq_ignore_ascii_case("content_thinking");
        let none = self.no_thought_end.get(usize::from(message)).copied();
        // Looked for in vain once: what follows is looked through once, however many begin.
        let mut at = if none.is_some_and(|none| none <= from) {
            self.text.len()
        } else {
            from
        };
        while let Some(next) = self.next_tag(at) {
            let ends = next.close && next.role == Role::Think || message && next.role == Role::End;
            if ends && next.whole {
                self.drop(tag.span.start, from);
                self.think(Span::new(from, next.span.start));
                self.kept = next.span.end;
                self.at = next.span.end;
                self.thought = true;
                self.line();
                return;
            }
            at = next.span.end;
        }
        if let Some(none) = self.no_thought_end.get_mut(usize::from(message)) {
            *none = from.min(*none);
        }
        self.drop(tag.span.start, from);
        self.never_ends(from);
    }

    pub(super) fn never_ends(&mut self, from: usize) {
        let before = self.pieces.len();
        self.unended.get_or_insert((from, before));
    }

    /// A closing tag without an opening one: what stood before was thinking, calls and all.
    pub(super) fn thinking_ends(&mut self, tag: &Tag<'_>) {
        self.flush(tag.span.start);
        if let Some((start, before)) = self.unended.take() {
            // It has an end after all, of another family.
            self.pieces.truncate(before);
            self.think(Span::new(start, tag.span.start));
        } else if !(self.thought && self.called) {
            let last = self
                .pieces
                .iter()
                .rposition(|piece| matches!(piece, Piece::Thinking(_)));
            let keep = last.map_or(0, |index| index + 1);
            let start = self.pieces.get(keep..).and_then(|pieces| {
                pieces.iter().find_map(|piece| match piece {
                    Piece::Text(span) => Some(span.start),
                    Piece::Call(call) => Some(call.span.start),
                    _ => None,
                })
            });
            self.pieces.truncate(keep);
            self.called = false;
            if let Some(start) = start {
                self.think(Span::new(start, tag.span.start));
            }
        }
        self.thought = true;
        self.drop(tag.span.start, tag.span.end);
        self.line();
    }

    /// In an unended thinking, calls count only where a marker says so and nothing but markers follows.
    pub(super) fn settle_unended(&mut self) {
        let Some((start, before)) = self.unended.take() else {
            return;
        };
        let pieces = self.pieces.split_off(before.min(self.pieces.len()));
        let blank = |piece: &Piece| match piece {
            Piece::Text(span) => span.of(self.text).trim().is_empty(),
            Piece::Mark => true,
            Piece::Call(call) => call.claim == Claim::Marker,
            Piece::Thinking(_) => false,
        };
        let from = pieces
            .iter()
            .rposition(|piece| !blank(piece))
            .map_or(0, |index| index + 1);
        let calls: Vec<_> = pieces
            .into_iter()
            .skip(from)
            .filter(|piece| matches!(piece, Piece::Call(_)))
            .collect();
        // A call may begin before it: the thinking was found inside its header.
        let end = calls.iter().find_map(|piece| match piece {
            Piece::Call(call) => Some(call.span.start.max(start)),
            _ => None,
        });
        self.pieces
            .push(Piece::Thinking(Span::new(start, end.unwrap_or(self.text.len()))));
        if let Some(end) = end {
            self.mark_repair(RepairKind::UnendedThinking, Span::new(start, end));
        }
        self.pieces.extend(calls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_begins_where_thinking_ends() {
        for (text, thought, answer) in [
            ("<think>hm</think>\nyes\n", "hm", "yes"),
            ("<seed:think>hm</seed:think>yes", "hm", "yes"),
            ("[THINK]hm[/THINK] yes", "hm", "yes"),
            ("<|START_THINKING|>hm<|END_THINKING|>yes", "hm", "yes"),
            ("◁think▷hm◁/think▷yes", "hm", "yes"),
            ("hm\n</think>\nyes", "hm", "yes"),
            ("hm\n[BEGIN FINAL RESPONSE]\nyes", "hm", "yes"),
            (
                r#""a [BEGIN FINAL RESPONSE] b""#,
                "",
                r#""a [BEGIN FINAL RESPONSE] b""#,
            ),
            (
                "<think>a</think>\n<think>b</think>yes",
                "a</think>\n<think>b",
                "yes",
            ),
            (
                "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>yes<|return|>",
                "hm",
                "yes",
            ),
            ("\u{feff} yes", "", "yes"),
            ("<think>yes", "", "<think>yes"),
            ("{\"a\": \"</think>\"}", "", "{\"a\": \"</think>\"}"),
            ("It ends at `</think>`.", "", "It ends at `</think>`."),
            (
                "```rust\nlet a = b\n</think>\n```",
                "",
                "```rust\nlet a = b\n</think>\n```",
            ),
            ("", "", ""),
        ] {
            let (found, rest) = split(text);
            assert_eq!((found.of(text), rest.of(text)), (thought, answer), "{text}");
        }
    }
}
