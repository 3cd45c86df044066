//! Which of a few words a text means.
//!
//! A ladder from strict to loose; the first rung on which exactly one option stands decides, and a rung with several
//! ends in an ambiguity: `slow or fast` is no choice.

use serde_json::Value;

use super::{Aligner, Mode, Out};
use crate::names::{self, Nearest};
use crate::schema::{Literal, Literals, TypeId};
use crate::tree::{Kind, NodeId};
use crate::{DiagnosticKind, RepairKind};

/// An option inside more text than this was not the answer but a word of it.
const MAX_PROSE: usize = 100_000;

/// Which option was meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    One(usize),
    Several(Vec<usize>),
    None,
}

/// How sure a choice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rung {
    /// The option itself.
    Exact,
    /// But for case, accents and punctuation.
    Spelling,
    /// A word of a sentence, or a slip of a key.
    Inside,
}

impl<'a> Aligner<'a, '_> {
    pub(super) fn literal(
        &mut self,
        node: NodeId,
        ty: TypeId,
        literals: &'a Literals,
        depth: usize,
        out: &mut Out,
    ) {
        let text = match self.tree.kind(node) {
            Kind::Array | Kind::Object => return self.unwrapped(node, ty, depth, out),
            Kind::Quoted | Kind::Bare => self.tree.text(node),
            Kind::Null | Kind::Bool(_) | Kind::Number => {
                let equal = |option: &&Literal| self.is_value(node, &option.value);
                if let Some(option) = literals.options.iter().find(equal) {
                    return out.json(&option.value);
                }
                self.tree.raw(node)
            }
        };
        let (chosen, rung) = choose(text, &literals.options, self.mode);
        match chosen {
            Chosen::One(index) => {
                let Some(Literal { value, .. }) = literals.options.get(index) else {
                    return;
                };
                match rung {
                    Rung::Exact if value.is_string() != (self.tree.kind(node) == Kind::Quoted) => {
                        if self.tree.kind(node) != Kind::Bare {
                            out.repair(RepairKind::Type, self.span(node));
                        }
                    }
                    Rung::Exact => {}
                    Rung::Spelling => out.repair(RepairKind::EnumValue, self.span(node)),
                    Rung::Inside => {
                        out.repair(RepairKind::EnumValue, self.span(node));
                        out.repair(RepairKind::Choice, self.span(node));
                    }
                }
                out.json(value);
            }
            Chosen::Several(several) => {
                let names: Vec<_> = several
                    .iter()
                    .filter_map(|index| literals.options.get(*index))
                    .map(|option| option.value.to_string())
                    .collect();
                out.diagnostic(DiagnosticKind::Ambiguous, self.span(node), || {
                    format!(
                        "expected one of the values and found several: {}",
                        names.join(", ")
                    )
                });
                self.plain(node, out);
            }
            Chosen::None => self.mismatch(node, ty, out),
        }
    }

    /// Whether a word or a number is this value.
    fn is_value(&self, node: NodeId, value: &Value) -> bool {
        match self.tree.kind(node) {
            Kind::Null => value.is_null(),
            Kind::Bool(word) => value.as_bool() == Some(word),
            Kind::Number => value
                .as_f64()
                .is_some_and(|number| self.tree.text(node).parse() == Ok(number)),
            Kind::Quoted | Kind::Bare | Kind::Array | Kind::Object => false,
        }
    }
}

fn choose(text: &str, options: &[Literal], mode: Mode) -> (Chosen, Rung) {
    let by = |fits: &dyn Fn(&Literal) -> bool| {
        let found = options.iter().enumerate().filter(|(_, option)| fits(option));
        chosen(found.map(|(index, _)| index).collect())
    };
    // The exact value may stand twice in a careless enum.
    if let Some(index) = options.iter().position(|option| option.text == text) {
        return (Chosen::One(index), Rung::Exact);
    }
    let word = trimmed(text);
    if let Some(index) = options.iter().position(|option| option.text == word) {
        return (Chosen::One(index), Rung::Spelling);
    }
    let longest = options.iter().map(|option| {
        option
            .text
            .len()
            .max(option.description.as_ref().map_or(0, String::len))
    });
    // Folding may double a text; beyond that it can't be any of them.
    if word.len() <= 4 * longest.max().unwrap_or(0) + 16 {
        let lower = word.to_lowercase();
        let folded = names::folded(word);
        let plain = names::plain(word);
        let rungs = [
            by(&|option| option.text.to_lowercase() == lower),
            by(&|option| names::folded(&option.text) == folded),
            by(&|option| !plain.is_empty() && names::plain(&option.text) == plain),
            by(&|option| {
                option
                    .description
                    .as_ref()
                    .is_some_and(|description| names::plain(description) == plain)
            }),
        ];
        for rung in rungs {
            if rung != Chosen::None {
                return (rung, Rung::Spelling);
            }
        }
    }
    if text.len() > MAX_PROSE {
        return (Chosen::None, Rung::Inside);
    }
    let texts: Vec<&str> = options.iter().map(|option| option.text.as_str()).collect();
    let mut inside = words(text, &texts);
    if mode == Mode::Arguments
        && let Chosen::One(index) = inside
        && counts(text, &texts)
            .iter()
            .enumerate()
            .any(|(other, count)| other != index && *count > 0)
    {
        // Something will be done with it: the option named most often is not enough.
        inside = Chosen::None;
    }
    if inside != Chosen::None {
        return (inside, Rung::Inside);
    }
    let plain: Vec<String> = texts.iter().map(|text| names::plain(text)).collect();
    match names::nearest(&names::plain(word), plain.iter().map(String::as_str).enumerate()) {
        Nearest::One(index) => (Chosen::One(index), Rung::Inside),
        _ => (Chosen::None, Rung::Inside),
    }
}

/// Without space and what people put around a word.
pub(super) fn trimmed(text: &str) -> &str {
    let around = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '*' | '.' | ',' | ';' | ':' | '!' | '?')
    };
    text.trim_matches(around)
}

/// The option that stands most often in a text as a word of its own.
pub(super) fn words(text: &str, options: &[&str]) -> Chosen {
    let counts = counts(text, options);
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return Chosen::None;
    }
    let found = counts.iter().enumerate().filter(|(_, count)| **count == most);
    chosen(found.map(|(index, _)| index).collect())
}

/// How often each option stands in a text, in any case; where options differ in nothing else, in its own.
fn counts(text: &str, options: &[&str]) -> Vec<usize> {
    // One letter in any case is a word of half the sentences there are.
    let is_letter = |option: &str| option.chars().nth(1).is_none();
    let (mut letters, mut folded) = (Vec::new(), Vec::new());
    for option in options {
        letters.push(if is_letter(option) { *option } else { "" });
        folded.push(if is_letter(option) {
            String::new()
        } else {
            names::folded(option)
        });
    }
    let mut sorted: Vec<&String> = folded.iter().filter(|option| !option.is_empty()).collect();
    sorted.sort_unstable();
    if sorted
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other))
    {
        return count(text, options);
    }
    let letters = count(text, &letters);
    let words = count(
        &names::folded(text),
        &folded.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    letters
        .into_iter()
        .zip(words)
        .map(|(letters, words)| letters + words)
        .collect()
}

fn count(text: &str, options: &[&str]) -> Vec<usize> {
    let mut places = Vec::new();
    for (index, option) in options.iter().enumerate() {
        if option.is_empty() {
            continue;
        }
        for (start, _) in text.match_indices(option) {
            let end = start + option.len();
            if is_boundary(text, start) && is_boundary(text, end) {
                places.push((start, std::cmp::Reverse(end), index));
            }
        }
    }
    // Of options that overlap (`in` and `in progress`) the longer one was meant.
    places.sort_unstable();
    let mut counts = vec![0; options.len()];
    let mut free = 0;
    for (start, std::cmp::Reverse(end), index) in places {
        if start < free {
            continue;
        }
        free = end;
        if let Some(count) = counts.get_mut(index) {
            *count += 1;
        }
    }
    counts
}

/// Whether a word ends or begins here. Scripts that write without spaces have no such places, and need none.
fn is_boundary(text: &str, at: usize) -> bool {
    let word = |c: char| (c.is_alphanumeric() && c < '\u{2e80}') || matches!(c, '_' | '-');
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    !(before.chars().next_back().is_some_and(word) && after.chars().next().is_some_and(word))
}

fn chosen(found: Vec<usize>) -> Chosen {
    match found.as_slice() {
        [] => Chosen::None,
        [one] => Chosen::One(*one),
        _ => Chosen::Several(found),
    }
}
