//! Expressions with two sides: operators of one strength are one row, broken together.

use super::super::document::{Doc, Docs};
use super::super::syntax::{Binary, Expression};
use super::Printer;
use super::place::{Place, is_logical, joins};

/// Whether the right side is a list or an object that stays on the line of the operator.
fn stays(binary: &Binary<'_>) -> bool {
    is_logical(binary.operator)
        && match &binary.right {
            Expression::Object(items) => !items.all.is_empty(),
            Expression::Array(items) => !items.all.is_empty(),
            _ => false,
        }
}

/// Whether it breaks behind the operator of an assignment.
pub(super) fn breaks_behind_equals(expression: &Expression<'_>) -> bool {
    matches!(expression, Expression::Binary(binary) if !stays(binary))
}

/// `a && b` and `a + b` are of different kinds.
fn same_kind(binary: &Binary<'_>, other: &Expression<'_>) -> bool {
    matches!(other, Expression::Binary(other) if is_logical(other.operator) == is_logical(binary.operator))
}

impl<'a, 't> Printer<'a, 't> {
    pub(super) fn binary(&mut self, binary: &'t Binary<'a>, place: Place<'a>) -> Doc {
        let in_head = place == Place::Head;
        let parts = self.row(binary, in_head, place);
        if in_head {
            return self.all(&parts);
        }
        if matches!(
            place,
            Place::Callee | Place::NewCallee | Place::Unary(_) | Place::Object { computed: false }
        ) {
            let rest = self.all(&parts);
            let body = self.docs.indent(&[Docs::SOFT, rest]);
            return self.docs.group(&[body, Docs::SOFT]);
        }
        let not_indented = matches!(
            place,
            Place::Return | Place::ArrowBody | Place::Test | Place::Then | Place::Otherwise
        );
        let same_row =
            matches!(&binary.left, Expression::Binary(left) if joins(binary.operator, left.operator));
        if not_indented
            || (stays(binary) && !same_row)
            || (!stays(binary) && matches!(place, Place::Value | Place::Assigned))
        {
            return self.docs.group(&parts);
        }
        let (head, rest) = parts.split_at(1.min(parts.len()));
        let rest = self.docs.indent(rest);
        let mut all = head.to_vec();
        all.push(rest);
        self.docs.group(&all)
    }

    /// The left side, then operators and right sides.
    fn row(&mut self, binary: &'t Binary<'a>, in_head: bool, place: Place<'a>) -> Vec<Doc> {
        let mut parts = match &binary.left {
            Expression::Binary(left) if joins(binary.operator, left.operator) => {
                self.row(left, in_head, Place::Left(binary.operator))
            }
            left => {
                let left = self.expression(left, Place::Left(binary.operator));
                vec![self.docs.group(&[left])]
            }
        };
        let stays = stays(binary);
        let operator = self.text(binary.operator);
        let right = self.expression(&binary.right, Place::Right(binary.operator));
        let line = if stays { Docs::SPACE } else { Docs::LINE };
        let mut side = self.all(&[operator, line, right]);
        let outer_same = match place {
            Place::Left(outer) | Place::Right(outer) => is_logical(outer) == is_logical(binary.operator),
            _ => false,
        };
        let in_row = (in_head && is_logical(binary.operator))
            || outer_same
            || same_kind(binary, &binary.left)
            || same_kind(binary, &binary.right);
        if !in_row {
            side = self.docs.group(&[side]);
        }
        parts.extend([Docs::SPACE, side]);
        parts
    }
}
