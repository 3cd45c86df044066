//! Calls that stand within a line: at its end, or behind a word that only calls have.

use super::super::{Framer, RawCall, body, harmony, shown, tag, window};
use super::{blank, json, list};
use crate::Dialect;
use crate::read::python;
use crate::tree::Span;

/// Words before a colon that make what follows an example.
const EXAMPLES: &[&str] = &[
    "example",
    "e.g.",
    "such as",
    "like",
    "format",
    "printed",
    "returned",
    "output",
    "result",
    "observation",
    "response",
];

/// What of a line before a colon is looked at.
const LINE: usize = 200;

/// Reads `Okay. {…}`: a call at the end of the line that begins at `start`, behind a sentence that leads to a deed.
pub(super) fn after_sentence(framer: &mut Framer<'_, '_>, start: usize) -> bool {
    let line = window(framer.from(start), LINE);
    // Every line of prose comes by here.
    let Some(brace) =
        memchr::memchr2(b'{', b'\n', line.as_bytes()).filter(|at| line.as_bytes().get(*at) == Some(&b'{'))
    else {
        return false;
    };
    let said = line.get(..brace).unwrap_or_default();
    said.ends_with(' ') && shown::leads_to_deed(said) && json(framer, start + brace, true)
}

impl Framer<'_, '_> {
    /// A call at the end of a line, behind a colon.
    pub(in crate::frame) fn after_colon(&mut self) {
        let colon = self.at;
        let rest = self.from(colon + 1);
        let at = colon + 1 + blank(rest);
        let next = self.byte(at);
        if at == colon + 1 || !matches!(next, b'{' | b'[') || tag::at(self.text, at).is_some() {
            self.at = colon + 1;
            return;
        }
        let from = (colon.saturating_sub(LINE)..=colon).find(|from| self.text.is_char_boundary(*from));
        let before = from
            .and_then(|from| self.text.get(from..colon))
            .unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default().to_lowercase();
        if EXAMPLES.iter().any(|word| line.contains(word))
            || !(next == b'[' && list(self, at, false) || json(self, at, true))
        {
            self.at = self.at.max(colon + 1);
        }
    }

    pub(in crate::frame) fn list_within_line(&mut self) {
        let at = self.at;
        if !list(self, at, false) {
            self.at = self.at.max(at + 1);
        }
    }

    /// `>>>name`, then the arguments on the next line.
    pub(in crate::frame) fn functionary(&mut self) {
        let start = self.at;
        let Some(rest) = self.rest().strip_prefix(">>>") else {
            self.at = start + 1;
            return;
        };
        let len = python::name_len(rest);
        let Some(name) = rest.get(..len).filter(|_| len > 0) else {
            self.at = start + 3;
            return;
        };
        let tail = rest.get(len..).unwrap_or_default();
        let gap = tail.len() - tail.trim_start().len();
        let at = start + 3 + len + gap;
        if name == "all" {
            self.drop(start, at);
            return;
        }
        if self.byte(at) != b'{' {
            self.at = start + 3;
            return;
        }
        let name = name.to_owned();
        let repairs = self.repairs.len();
        let Some((node, end)) = self.json(at, true) else {
            return;
        };
        let call = RawCall {
            unreadable: body::nothing_read(self, node, repairs),
            ..RawCall::marked(name, Some(node), Span::new(start, end), Dialect::NameThenJson)
        };
        self.take(start, end, vec![call]);
    }

    pub(in crate::frame) fn recipient(&mut self) {
        let at = self.at;
        if !harmony::without_markers(self) {
            self.at = at + 1;
        }
    }
}
