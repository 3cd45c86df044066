//! The parts of a reply that may be its value.

use memchr::memchr2;

use crate::read::{self, Read};
use crate::schema::{Schema, Type};
use crate::tree::{Kind, NodeId, Span, Text, Tree};
use crate::{Repair, RepairKind};

/// A part that may be the value.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) node: NodeId,
    pub(super) repairs: Vec<Repair>,
    /// What reading it took, and how likely such a part is the value.
    pub(super) cost: u32,
    /// It is text, not a structure.
    pub(super) is_text: bool,
}

/// A fenced block is meant to be taken.
const FENCE: u32 = 1;
/// Brackets in prose mostly are.
const ISLAND: u32 = 2;
/// Several parts are one list only if no single one is what was asked for.
const TOGETHER: u32 = 2;
/// Inside brackets that never close.
const INSIDE: u32 = 6;
/// Members without their braces, and a list in words.
const LOOSE: u32 = 8;
/// The text of a fence, and the whole text.
const FENCED_TEXT: u32 = 10;
const TEXT: u32 = 15;

/// How often the text behind an opener that never closes is read again from the next one: each may cost the whole rest.
const RETRIES: usize = 4;

/// Fences whose text is tried as a scalar.
const FENCES: usize = 8;

/// How far before a bracket a fence may open: the longest name of a language and some space.
const LOOK_BACK: usize = 48;

/// All candidates, in the order of the text. `first` is the strict JSON that it begins with, and where that ends.
pub(super) fn find(
    tree: &mut Tree<'_>,
    answer: Span,
    schema: &Schema,
    first: Option<(NodeId, usize)>,
) -> Vec<Candidate> {
    let mut found = Vec::new();
    let text_only = matches!(schema.ty(schema.root()), Type::String);
    if !text_only {
        islands(tree, answer, first, &mut found);
        if found.is_empty() {
            members(tree, answer, &mut found);
        }
        bullets(tree, answer, &mut found);
        fenced_text(tree, answer, &mut found);
    }
    let quoted = answer.of(tree.source()).starts_with(['"', '\'', '`', '“']);
    if quoted && !answer.of(tree.source()).starts_with("```") {
        let read = read::json(tree, answer);
        if let Some(node) = read.node
            && Span::new(read.end, answer.end)
                .of(tree.source())
                .trim()
                .is_empty()
        {
            found.push(Candidate {
                node,
                cost: cost(&read.repairs),
                repairs: read.repairs,
                is_text: true,
            });
        }
    }
    if answer.len() > 0 {
        let node = tree.push(Kind::Bare, answer);
        found.push(Candidate {
            node,
            repairs: Vec::new(),
            cost: TEXT,
            is_text: true,
        });
    }
    found
}

fn cost(repairs: &[Repair]) -> u32 {
    repairs
        .iter()
        .fold(0, |cost, repair| cost.saturating_add(repair.kind.cost()))
}

/// Everything in brackets, and all of it as one list.
fn islands(tree: &mut Tree<'_>, answer: Span, first: Option<(NodeId, usize)>, found: &mut Vec<Candidate>) {
    let source = tree.source();
    let mut at = answer.start;
    let mut retries = RETRIES;
    let mut outer = Vec::new();
    // Brackets that run to the end of the text contain all that follow them.
    let mut inside = false;
    while let Some(offset) = memchr2(b'{', b'[', Span::new(at, answer.end).of(source).as_bytes()) {
        let start = at + offset;
        let rest = Span::new(start, answer.end);
        let read = match first.filter(|_| start == answer.start) {
            Some((node, end)) => Read {
                node: Some(node),
                end,
                repairs: Vec::new(),
            },
            None if start == answer.start => read::broken(tree, rest),
            None => read::json(tree, rest),
        };
        let Some(node) = read.node else {
            at = start + 1;
            continue;
        };
        let end = read.end.max(start + 1);
        let whole = start == answer.start && Span::new(end, answer.end).of(source).trim().is_empty();
        let place = match () {
            () if inside => INSIDE,
            () if whole => 0,
            () if follows_fence(source, answer.start, start) => FENCE,
            () => ISLAND,
        };
        let unclosed = end >= answer.end && read.repairs.iter().any(|r| r.kind == RepairKind::MissingCloser);
        if !inside {
            outer.push((node, found.len()));
        }
        found.push(Candidate {
            node,
            cost: cost(&read.repairs).saturating_add(place),
            repairs: read.repairs,
            is_text: false,
        });
        at = end;
        // What the text begins with was cut off; a bracket in prose that never closes may have meant nothing.
        if unclosed && retries > 0 && start > answer.start && place != FENCE {
            retries -= 1;
            inside = true;
            at = start + 1;
        }
    }
    if outer.len() > 1 {
        let list = tree.push(Kind::Array, answer);
        let mut repairs = Vec::new();
        for (node, place) in &outer {
            tree.append(list, None::<Text>, *node);
            repairs.extend(
                found
                    .get(*place)
                    .into_iter()
                    .flat_map(|part| part.repairs.iter().cloned()),
            );
        }
        found.push(Candidate {
            node: list,
            cost: cost(&repairs).saturating_add(TOGETHER),
            repairs,
            is_text: false,
        });
    }
}

/// Whether nothing but a fence's first line stands before `at`.
fn follows_fence(source: &str, start: usize, at: usize) -> bool {
    let mut from = at.saturating_sub(LOOK_BACK).max(start);
    while !source.is_char_boundary(from) {
        from += 1;
    }
    let before = Span::new(from, at).of(source).trim_end();
    before
        .rfind("```")
        .is_some_and(|fence| !before.get(fence..).unwrap_or_default().contains('\n'))
}

/// What stands in fences and does not begin with a bracket: `TWO` alone in a block.
fn fenced_text(tree: &mut Tree<'_>, answer: Span, found: &mut Vec<Candidate>) {
    let source = tree.source();
    let mut at = answer.start;
    for _ in 0..FENCES {
        let rest = |at: usize| Span::new(at, answer.end).of(source);
        let Some(fence) = rest(at).find("```") else { break };
        let Some(line) = rest(at + fence).find('\n') else {
            break;
        };
        let start = at + fence + line + 1;
        let Some(length) = rest(start).find("```") else {
            break;
        };
        let body = Span::new(start, start + length).of(source);
        let skipped = body.len() - body.trim_start().len();
        let body = body.trim();
        if !body.is_empty() && !body.starts_with(['{', '[']) {
            let from = start + skipped;
            let node = tree.push(Kind::Bare, Span::new(from, from + body.len()));
            found.push(Candidate {
                node,
                repairs: Vec::new(),
                cost: FENCED_TEXT,
                is_text: true,
            });
        }
        at = start + length + 3;
    }
}

/// Members whose braces were left out: `"a": 1, "b": 2`.
fn members(tree: &mut Tree<'_>, answer: Span, found: &mut Vec<Candidate>) {
    let text = answer.of(tree.source());
    let key = text.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '"' | '\''));
    if key.len() == text.len() || !key.trim_start().starts_with(':') {
        return;
    }
    let read = read::json_of(tree, &format!("{{{text}\n}}"), answer);
    if let Some(node) = read.node
        && tree.kind(node) == Kind::Object
    {
        found.push(Candidate {
            node,
            cost: cost(&read.repairs).saturating_add(LOOSE),
            repairs: read.repairs,
            is_text: true,
        });
    }
}

/// A list as people write it: a line for each item, after a dash, a star or a number.
fn bullets(tree: &mut Tree<'_>, answer: Span, found: &mut Vec<Candidate>) {
    let source = tree.source();
    let mut items = Vec::new();
    let mut at = answer.start;
    for line in answer.of(source).split_inclusive('\n') {
        if let Some(item) = item(line) {
            let start = at + line.rfind(item).unwrap_or(0);
            items.push(Span::new(start, start + item.len()));
        }
        at += line.len();
    }
    if items.len() < 2 {
        return;
    }
    let list = tree.push(Kind::Array, answer);
    for item in items {
        let node = tree.push(Kind::Bare, item);
        tree.append(list, None, node);
    }
    found.push(Candidate {
        node: list,
        repairs: Vec::new(),
        cost: LOOSE,
        is_text: true,
    });
}

fn item(line: &str) -> Option<&str> {
    let line = line.trim();
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = if number.len() < line.len() {
        number.strip_prefix(['.', ')'])?
    } else {
        line.strip_prefix(['-', '*', '•', '+'])?
    };
    let item = rest.trim_start();
    (item.len() < rest.len() && !item.is_empty()).then_some(item)
}
