//! Null, booleans, numbers and strings, however they were written.

use std::borrow::Cow;

use super::{Aligner, Mode, Out, choice};
use crate::RepairKind;
use crate::read::{self, Scalar};
use crate::schema::{Type, TypeId};
use crate::tree::{Kind, NodeId};

/// What makes a wrong reading of prose dearer than any reading of a value.
const FROM_PROSE: u32 = 20;

/// The longest text around a number that is still an amount: `approximately 1,000,000 US dollars`.
const AMOUNT: usize = 40;

impl Aligner<'_, '_> {
    pub(super) fn null(&mut self, node: NodeId, ty: TypeId, out: &mut Out) {
        match self.tree.kind(node) {
            Kind::Null => return out.null(),
            Kind::Quoted | Kind::Bare
                if matches!(read::scalar(self.tree.text(node).trim()), (Scalar::Null, _)) =>
            {
                if self.tree.kind(node) == Kind::Quoted {
                    out.repair(RepairKind::Type, self.span(node));
                }
                return out.null();
            }
            _ => {}
        }
        self.mismatch(node, ty, out);
    }

    pub(super) fn boolean(&mut self, node: NodeId, ty: TypeId, depth: usize, out: &mut Out) {
        let read = match self.tree.kind(node) {
            Kind::Bool(value) => return out.bool(value),
            Kind::Number => match self.tree.text(node).parse::<f64>() {
                Ok(1.0) => Some(true),
                Ok(0.0) => Some(false),
                _ => None,
            },
            Kind::Quoted | Kind::Bare => {
                let text = self.tree.text(node);
                let word = choice::trimmed(text).to_ascii_lowercase();
                match word.as_str() {
                    "true" | "false" if self.tree.kind(node) == Kind::Bare && word == text => {
                        return out.bool(word == "true");
                    }
                    "true" | "yes" | "on" | "1" | "y" | "t" => Some(true),
                    "false" | "no" | "off" | "0" | "n" | "f" => Some(false),
                    _ if self.mode == Mode::Value => match choice::words(text, &["true", "false"]) {
                        choice::Chosen::One(index) => {
                            out.repair(RepairKind::Choice, self.span(node));
                            out.add(FROM_PROSE);
                            Some(index == 0)
                        }
                        _ => None,
                    },
                    _ => None,
                }
            }
            Kind::Array | Kind::Object => return self.unwrapped(node, ty, depth, out),
            Kind::Null => None,
        };
        match read {
            Some(value) => {
                out.repair(RepairKind::Type, self.span(node));
                out.bool(value);
            }
            None => self.mismatch(node, ty, out),
        }
    }

    pub(super) fn number(&mut self, node: NodeId, ty: TypeId, depth: usize, out: &mut Out) {
        let kind = self.tree.kind(node);
        let literal = match kind {
            Kind::Number => Some(Cow::Borrowed(self.tree.text(node))),
            Kind::Quoted | Kind::Bare => {
                let text = self.tree.text(node).trim();
                match read::scalar(text) {
                    (Scalar::Number(literal), own) => {
                        if kind == Kind::Quoted || !own {
                            out.repair(RepairKind::Type, self.span(node));
                        }
                        Some(literal)
                    }
                    _ if is_padded(text) => {
                        out.repair(RepairKind::Type, self.span(node));
                        let digits = text.trim_start_matches('0');
                        Some(Cow::Borrowed(if digits.is_empty() { "0" } else { digits }))
                    }
                    _ => self.amount(node, text, out).map(Cow::Owned),
                }
            }
            Kind::Array | Kind::Object => return self.unwrapped(node, ty, depth, out),
            Kind::Null | Kind::Bool(_) => None,
        };
        let Some(literal) = literal.filter(|literal| read::is_finite(literal)) else {
            return self.mismatch(node, ty, out);
        };
        if !matches!(self.schema.ty(ty), Type::Integer) || is_integer(&literal) {
            return out.number(&literal);
        }
        match whole(&literal) {
            Some(integer) => {
                out.repair(RepairKind::Type, self.span(node));
                out.number(&integer);
            }
            None => self.mismatch(node, ty, out),
        }
    }

    /// A number with separators, a currency or a unit; in an answer also one inside a sentence.
    fn amount(&self, node: NodeId, text: &str, out: &mut Out) -> Option<String> {
        if self.mode == Mode::Arguments && text.len() > AMOUNT {
            return None;
        }
        let value = fraction(text).or_else(|| {
            let mut numbers = Numbers { text, at: 0 };
            let (first, second) = (numbers.next()?, numbers.next());
            if second.is_some() { None } else { first }
        })?;
        let bare = |c: char| {
            c.is_ascii_digit() || matches!(c, '.' | ',' | '_' | '-' | '+' | ' ' | '$' | '€' | '£' | '%')
        };
        if text.chars().all(bare) {
            out.repair(RepairKind::Type, self.span(node));
        } else if declines(text) || is_label(text) {
            return None;
        } else {
            out.repair(RepairKind::Choice, self.span(node));
            // The longer the text, the less it is about the number.
            if text.len() > AMOUNT {
                out.add(FROM_PROSE);
            }
        }
        Some(value)
    }

    pub(super) fn string(&mut self, node: NodeId, ty: TypeId, depth: usize, out: &mut Out) {
        match self.tree.kind(node) {
            Kind::Quoted => {}
            Kind::Bare => {
                // `3` without quotes is rather a number, where a schema leaves the choice.
                if !matches!(read::scalar(self.tree.text(node).trim()), (Scalar::Text, _)) {
                    out.add(RepairKind::Type.cost());
                }
            }
            Kind::Number | Kind::Bool(_) => {
                out.repair(RepairKind::Type, self.span(node));
                return self.written(node, out);
            }
            Kind::Array if self.tree.count(node) == 1 && self.first_is_text(node) => {
                return self.unwrapped(node, ty, depth, out);
            }
            Kind::Array | Kind::Object => {
                // A file's content that happens to be JSON: as it was written, to the last space.
                out.repair(RepairKind::Type, self.span(node));
                out.add(RepairKind::Nesting.cost());
                return self.written(node, out);
            }
            Kind::Null => return self.mismatch(node, ty, out),
        }
        out.text(self.tree.text(node));
    }

    fn first_is_text(&self, node: NodeId) -> bool {
        self.tree
            .children(node)
            .next()
            .is_some_and(|child| self.text(child).is_some())
    }

    fn written(&self, node: NodeId, out: &mut Out) {
        out.text(self.tree.raw(node).trim());
    }

    /// The scalar inside a list or an object that holds nothing else.
    pub(super) fn unwrapped(&mut self, node: NodeId, ty: TypeId, depth: usize, out: &mut Out) {
        let mut children = self.tree.children(node);
        match (children.next(), children.next()) {
            (Some(child), None) if self.is_scalar(child) => {
                out.repair(RepairKind::Nesting, self.span(node));
                self.align(child, ty, depth + 1, out);
            }
            _ => self.mismatch(node, ty, out),
        }
    }
}

/// `3.0` as 3; nothing where a part would be lost.
fn whole(literal: &str) -> Option<String> {
    /// Doubles count every integer up to here.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let double = literal.parse::<f64>().ok()?;
    if double.fract() != 0.0 || double.abs() > EXACT {
        return None;
    }
    // There is no integer below zero that is zero.
    Some(if double == 0.0 {
        "0".to_owned()
    } else {
        format!("{double:.0}")
    })
}

/// An integer that fits 64 bits.
fn is_integer(literal: &str) -> bool {
    /// Any integer of so many characters fits.
    const FITS: usize = 18;
    if literal.len() <= FITS {
        return !literal.contains(['.', 'e', 'E']);
    }
    literal.parse::<i64>().is_ok() || literal.parse::<u64>().is_ok()
}

/// `007`, which is 7 where a number is asked for.
fn is_padded(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a model says that has no answer: a number in such a sentence is a year, or the code of an error.
const DECLINES: [&str; 9] = [
    "sorry",
    "apolog",
    "cannot",
    "can't",
    "can’t",
    "unable to",
    "don't know",
    "do not know",
    "not able to",
];

/// Whether a text says that it holds no answer.
fn declines(text: &str) -> bool {
    let text = text.to_lowercase();
    DECLINES.iter().any(|words| text.contains(words))
}

/// Whether the number of a text is that of what follows it: `Step 1: think`.
fn is_label(text: &str) -> bool {
    text.split_once(':').is_some_and(|(label, rest)| {
        let numbered = label.trim_end().ends_with(|last: char| last.is_ascii_digit());
        numbered && rest.trim_start().starts_with(char::is_alphabetic)
    })
}

/// `1/5`.
fn fraction(text: &str) -> Option<String> {
    let (above, below) = text.split_once('/')?;
    let (above, below) = (
        above.trim().parse::<f64>().ok()?,
        below.trim().parse::<f64>().ok()?,
    );
    if below == 0.0 {
        None
    } else {
        serde_json::Number::from_f64(above / below).map(|number| number.to_string())
    }
}

/// The numbers in a text: each is one, or something that has digits and is none.
struct Numbers<'s> {
    text: &'s str,
    at: usize,
}

impl Iterator for Numbers<'_> {
    type Item = Option<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..)?;
        let start = self.at + rest.find(|c: char| c.is_ascii_digit())?;
        let before = self.text.get(..start).unwrap_or_default();
        let rest = self.text.get(start..).unwrap_or_default();
        let part = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '_');
        let run = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let body = rest.get(..run).unwrap_or_default();
        self.at = start + run;
        // `v2`, `file_3` and `2024-01-31` are names and dates.
        let mut left = before.chars().rev();
        let sign = match left.next() {
            Some(c) if c.is_alphanumeric() || c == '_' => return Some(None),
            Some('-') => match left.next() {
                Some(c) if c.is_alphanumeric() => return Some(None),
                _ => "-",
            },
            _ => "",
        };
        let body = body.trim_end_matches(['.', ',', '_']);
        let body = if grouped(body) {
            body.replace(',', "")
        } else {
            body.to_owned()
        };
        let literal = format!("{sign}{body}");
        let scalar = read::scalar(&literal).0;
        Some(match &scalar {
            Scalar::Number(literal) if read::is_finite(literal) => Some(literal.clone().into_owned()),
            _ => None,
        })
    }
}

/// Commas between groups of three digits: `1,234.5`. What has commas after the point was written the other way round.
fn grouped(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3) && !fraction.contains(',')
}
