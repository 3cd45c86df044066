//! Closing brackets: the right one, another one, too many, or none at all.

use super::super::space;
use super::Reader;
use crate::RepairKind;
use crate::tree::Kind;

impl Reader<'_, '_, '_> {
    /// A closing bracket: of the innermost container, of one further out, or of none.
    pub(super) fn closer(&mut self) {
        let at = self.at;
        let byte = self.byte(at);
        let Some(top) = self.stack.last() else {
            return self.skip_bytes(1);
        };
        if top.closer == byte {
            self.at += 1;
            return self.close_top(self.at);
        }
        if top.implied {
            return self.close_top(at);
        }
        let object = self.tree.kind(top.node) == Kind::Object;
        let next = space::skip_space(self.source, at + 1, self.end);
        let key_follows = self.byte(next) == b',' && {
            let key = space::skip_space(self.source, next + 1, self.end);
            self.judge.bare_key(key) || (self.judge.starts_quote(key) && self.judge.closes_key(key).is_some())
        };
        let matching = self.stack.iter().rposition(|open| open.closer == byte);
        match matching {
            None if byte == b')' || (object && key_follows) => self.repair_stray(),
            // `{]`, `[1, 2}`: another bracket was meant.
            None => {
                self.repair(RepairKind::MissingCloser, at, at + 1);
                self.at += 1;
                self.close_top(self.at);
            }
            // `{"a": ["x"}, "b": 1}`: closing everything here would leave the next member outside.
            Some(0) if key_follows => {
                self.repair(RepairKind::MissingCloser, at, at + 1);
                self.at += 1;
                self.close_top(self.at);
            }
            Some(index) => {
                while self.stack.len() > index + 1 {
                    self.repair(RepairKind::MissingCloser, at, at);
                    self.close_top(at);
                }
                self.at += 1;
                self.close_top(self.at);
            }
        }
    }

    pub(super) fn repair_stray(&mut self) {
        self.repair(RepairKind::StrayCloser, self.at, self.at + 1);
        self.at += 1;
    }

    pub(super) fn close_top(&mut self, end: usize) {
        let Some(top) = self.stack.pop() else { return };
        if self.whole.is_none() {
            self.tree.close(top.node, end);
        }
        if !top.after_value && self.tree.count(top.node) > 0 && top.closer != b')' {
            self.repair(RepairKind::ExtraComma, end, end);
        }
        // `("x")` is a value in parentheses, `("x",)` a tuple.
        if top.closer == b')' && top.after_value && self.tree.count(top.node) == 1 {
            self.tree.unwrap_single(top.node);
        }
    }

    /// The text ended: what is open is closed, and what was being written is marked.
    pub(super) fn close_all(&mut self) {
        if self
            .stack
            .last()
            .is_some_and(|top| top.key.is_some() || !top.after_value)
        {
            self.cut_here();
        }
        while let Some(top) = self.stack.last() {
            let implied = top.implied;
            if !implied {
                self.repair(RepairKind::MissingCloser, self.end, self.end);
            }
            if let Some(top) = self.stack.last_mut() {
                top.after_value = true;
            }
            self.close_top(self.end);
        }
        self.at = self.end;
    }

    pub(super) fn cut_here(&mut self) {
        if let Some(top) = self.stack.last() {
            self.tree.mark_cut(top.node);
        }
    }
}
