//! Reads a reply as one value.
//!
//! Nothing is decided early: the whole text, each JSON-like part of it, all of them as a list and the text itself are
//! candidates side by side. Each is aligned to the schema, and the one that took the least wins; of equals the first.

mod candidates;
mod free;

use crate::align::{Aligned, Aligner, DIAGNOSTIC, Mode};
use crate::schema::{Schema, Type};
use crate::tree::{Span, Tree};
use crate::{Diagnostic, DiagnosticKind, Reading, Repair, RepairKind, RunnerUp, frame, read as reader};

use candidates::Candidate;

/// Other readings that are told of; each costs the building of its value.
const RUNNERS_UP: usize = 3;

/// Reads `text` as one value of `schema`; without a schema, as the value that it most likely holds.
///
/// With `partial`, more text is to come: what is missing at its end is no problem then.
pub(crate) fn read(text: &str, schema: Option<&Schema>, partial: bool) -> Reading {
    match schema {
        Some(schema) if !matches!(schema.ty(schema.root()), Type::Any) => typed(text, schema, partial),
        _ => free::read(text, partial),
    }
}

/// What is left of `text` without its thinking.
pub(crate) fn answer(text: &str) -> &str {
    frame::split(text).1.of(text)
}

pub(crate) fn is_thinking(text: &str) -> bool {
    frame::never_ends(text)
}

fn typed(text: &str, schema: &Schema, partial: bool) -> Reading {
    let (thought, answer) = frame::split(text);
    let mut tree = Tree::new(text);
    let mut reading = Reading {
        thinking: thought.of(text).to_owned(),
        ..Reading::default()
    };
    let first = reader::strict(&mut tree, answer);
    let whole = first.filter(|(_, end)| Span::new(*end, answer.end).of(text).trim_ascii().is_empty());
    if let Some((node, _)) = whole {
        let aligned = Aligner::new(&tree, schema, Mode::Value).finish(node);
        if aligned.cost == 0 {
            reading.value = Some(aligned.value);
            return reading;
        }
    }
    let mut candidates = candidates::find(&mut tree, answer, schema, first);
    let mut aligner = Aligner::new(&tree, schema, Mode::Value);
    if answer.of(text).starts_with(['{', '[']) {
        // What the text holds as JSON is a candidate of its own: it is not read once more as the inside of a text.
        aligner.leave_encoded(
            candidates
                .last()
                .filter(|text| text.is_text)
                .map(|text| text.node),
        );
    }
    // The usual case, one structure: it is aligned once, and what that took is compared with the rest.
    let mut structures = candidates.iter().filter(|candidate| !candidate.is_text);
    let only = structures.next().filter(|_| structures.next().is_none());
    let mut aligned = only.map(|only| (only.node, aligner.finish(only.node)));
    let mut ranked: Vec<(u32, &mut Candidate)> = candidates
        .iter_mut()
        .map(|candidate| {
            let shape = match &aligned {
                Some((node, aligned)) if *node == candidate.node => aligned.cost,
                _ => aligner.cost_of(candidate.node),
            };
            (candidate.cost.saturating_add(shape), candidate)
        })
        .collect();
    let last = ranked.last().map(|(_, candidate)| candidate.node);
    // Text that does not fit is no reading at all: only a structure that lacks something is worth telling of.
    ranked.retain(|(cost, candidate)| *cost < DIAGNOSTIC || !candidate.is_text);
    ranked.sort_by_key(|(cost, _)| *cost);
    let mut ranked = ranked.into_iter();
    let Some((least, best)) = ranked.next() else {
        answer.of(text).clone_into(&mut reading.text);
        if !partial {
            // The whole text comes last.
            let told = last.map(|text| aligner.finish(text).diagnostics);
            reading
                .diagnostics
                .push(nothing(schema, told.unwrap_or_default()));
        }
        return reading;
    };
    let Aligned {
        value,
        repairs,
        diagnostics,
        cut,
        ..
    } = match aligned.take().filter(|(node, _)| *node == best.node) {
        Some((_, aligned)) => aligned,
        None => aligner.finish(best.node),
    };
    for (cost, other) in ranked.take(RUNNERS_UP).filter(|(cost, _)| *cost < DIAGNOSTIC) {
        let other_value = aligner.finish(other.node).value;
        if other_value != value {
            reading.runners_up.push(RunnerUp {
                value: other_value,
                span: tree.span(other.node),
                cost,
            });
        }
    }
    reading.value = Some(value);
    reading.repairs = std::mem::take(&mut best.repairs);
    reading.repairs.extend(repairs);
    // An answer may be given twice, and the first is it; but that there was another is said.
    if reading.runners_up.iter().any(|other| other.cost == least) {
        reading.repairs.push(Repair {
            kind: RepairKind::Choice,
            span: tree.span(best.node),
        });
    }
    reading.diagnostics = diagnostics;
    if let Some(cut) = &cut
        && !partial
    {
        reading
            .diagnostics
            .push(Diagnostic::cut(tree.span(best.node), cut));
    }
    if partial {
        reading
            .diagnostics
            .retain(|diagnostic| diagnostic.kind != DiagnosticKind::Missing);
    }
    reading.cut = cut;
    reading.text = around(text, answer, tree.span(best.node));
    reading
}

/// What is said of a text that is no value: if it named several, that is the news.
fn nothing(schema: &Schema, told: Vec<Diagnostic>) -> Diagnostic {
    let several = told
        .into_iter()
        .find(|diagnostic| diagnostic.kind == DiagnosticKind::Ambiguous);
    several.unwrap_or_else(|| Diagnostic {
        kind: DiagnosticKind::Nothing,
        span: None,
        path: None,
        message: format!(
            "the reply holds no value; expected {}",
            schema.expected(schema.root())
        ),
    })
}

/// What stands before and after the value.
fn around(text: &str, answer: Span, value: Span) -> String {
    let before = Span::new(answer.start, value.start).of(text).trim();
    let after = Span::new(value.end, answer.end).of(text).trim();
    [before, after]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests;
