//! Messages with a header: `<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{…}`.
//!
//! The recipient is the call's name; the analysis channel, and what is addressed to `self`, is thinking.

use super::{Framer, RawCall, Role, Tag, body};
use crate::Dialect;
use crate::tree::Span;

/// Headers are a line; what is longer is text.
const HEADER: usize = 300;

pub(super) fn read(framer: &mut Framer<'_, '_>, found: &Tag<'_>) {
    let (start, end) = (found.span.start, found.span.end);
    if found.role == Role::Header {
        let begun = framer
            .header
            .filter(|begun| start.saturating_sub(*begun) < HEADER && framer.kept <= *begun);
        if begun.is_none() {
            framer.flush(start);
            framer.header = Some(start);
            framer.kept = start;
        }
        framer.at = end;
        return;
    }
    // A header without its first marker begins its line.
    let begun = framer
        .header
        .take()
        .filter(|begun| start.saturating_sub(*begun) < HEADER)
        .unwrap_or_else(|| {
            let line = framer.text.get(..start).unwrap_or_default();
            let line = line
                .rfind(['\n', '>'])
                .map_or(0, |index| index + 1)
                .max(framer.kept);
            if framer
                .text
                .get(line..start)
                .is_some_and(|header| header.contains("to="))
            {
                line
            } else {
                start
            }
        });
    let header = framer.text.get(begun..start).unwrap_or_default();
    let recipient = recipient(header).map(str::to_owned);
    let analysis = header.contains("analysis") || recipient.as_deref() == Some("self");
    framer.drop(begun.max(framer.kept), end);
    let at = end + framer.from(end).len() - framer.from(end).trim_start().len();
    if let Some(name) =
        recipient.filter(|name| !matches!(name.as_str(), "user" | "self" | "assistant" | "all"))
        && framer.byte(at) == b'{'
    {
        call(framer, &name, begun, at);
        return;
    }
    if analysis {
        thinking(framer, end);
    } else {
        framer.line();
    }
}

/// `to=functions.f` in text whose markers were lost, with the arguments right behind it.
pub(super) fn without_markers(framer: &mut Framer<'_, '_>) -> bool {
    let at = framer.at;
    let before = framer.text.get(..at).unwrap_or_default();
    let rest = super::window(framer.from(at + 1), HEADER);
    if !before.ends_with("to") || !rest.starts_with("functions.") {
        return false;
    }
    let line = rest.find(['{', '\n', '<']).unwrap_or(rest.len());
    if framer.byte(at + 1 + line) != b'{' {
        return false;
    }
    let Some(name) = rest.get(..line).and_then(|line| line.split([' ', '\t']).next()) else {
        return false;
    };
    let name = name.to_owned();
    if !framer.offered(&name) {
        return false;
    }
    // What was taken before is not looked at again, however long the line is.
    let free = framer.text.get(framer.kept..at).unwrap_or_default();
    let start = at - free.rsplit('\n').next().unwrap_or_default().len();
    call(framer, &name, start, at + 1 + line);
    true
}

fn recipient(header: &str) -> Option<&str> {
    let (_, name) = header.split_once("to=")?;
    let name = name
        .split(|ch: char| ch.is_whitespace() || matches!(ch, '<' | '|'))
        .next()?;
    (!name.is_empty()).then_some(name)
}

fn call(framer: &mut Framer<'_, '_>, name: &str, start: usize, at: usize) {
    let before = framer.repairs.len();
    let Some((node, end)) = framer.json(at, true) else {
        framer.at = at;
        return;
    };
    let name = name.strip_prefix("functions.").unwrap_or(name).to_owned();
    let call = RawCall {
        unreadable: body::nothing_read(framer, node, before),
        ..RawCall::marked(name, Some(node), Span::new(start, end), Dialect::NameThenJson)
    };
    framer.take(start, end, vec![call]);
}

/// A message of thinking ends where it or the next one does.
fn thinking(framer: &mut Framer<'_, '_>, from: usize) {
    let mut at = from;
    while let Some(next) = framer.next_tag(at) {
        if matches!(next.role, Role::End | Role::Header | Role::Message) {
            framer.think(Span::new(from, next.span.start));
            framer.kept = next.span.start;
            framer.at = next.span.start;
            framer.thought = true;
            return;
        }
        at = next.span.end;
    }
    framer.at = from;
    framer.never_ends(from);
}
