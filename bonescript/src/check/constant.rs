//! Defaults: constants of the type of their field.

use super::Checker;
use super::scope::Scope;
use crate::ast;
use crate::diagnostic::Code;
use crate::ir::{Expression, ExpressionKind as K, Literal, Type};
use crate::text::Span;

impl Checker<'_> {
    /// The default of a field.
    pub(super) fn default(&mut self, tree: &ast::Expression, ty: &Type, nullable: bool) -> Option<Literal> {
        let value = self.expression(tree, &Scope::Constant);
        if value.ty == Type::Unknown {
            return None;
        }
        let Some(constant) = constant(&value) else {
            let problem = self.problem(Code::NOT_CONSTANT, tree.span, "a default must be a constant");
            self.report(
                problem.expected("text in double quotes, a number, `true`, `false`, `none`, `now` or a list"),
            );
            return None;
        };
        let wanted = if nullable {
            Type::Optional(Box::new(ty.clone()))
        } else {
            ty.clone()
        };
        self.fits(&value, &wanted, tree.span, "the default");
        Some(constant)
    }

    /// Says where a value is not of the type that is wanted.
    pub(super) fn fits(&mut self, value: &Expression, wanted: &Type, span: Span, what: &str) {
        if let Some(Literal::String(text)) = value.literal() {
            let shaped = match wanted.required() {
                Type::Uuid => Some((
                    is_uuid(text),
                    "a UUID such as `\"6f1c1f6e-3a63-4a8e-9a55-0f6f3b7d2c11\"`",
                )),
                Type::Timestamp => Some((
                    is_timestamp(text),
                    "an instant such as `\"2026-01-31T12:00:00Z\"`",
                )),
                _ => None,
            };
            if let Some((right, expected)) = shaped {
                if !right {
                    let message = format!("{what} is text that is no `{}`", self.show(wanted));
                    let problem = self.problem(Code::TYPE_MISMATCH, span, message);
                    self.report(problem.expected(expected));
                }
                return;
            }
        }
        if let (Some(Literal::Integer(value)), Type::Uint) = (value.literal(), wanted.required())
            && *value < 0
        {
            let problem = self.problem(
                Code::OUT_OF_RANGE,
                span,
                format!("{what} is {value}, and `uint` begins at 0"),
            );
            self.report(
                problem
                    .expected("a number from 0")
                    .help("make the field an `int` if it may be negative"),
            );
            return;
        }
        if let (K::List(items), Some(element)) = (&value.kind, wanted.required().element()) {
            for item in items {
                if !self.assignable(&item.ty, element) {
                    self.mismatch(&item.ty, element, span, what);
                    return;
                }
            }
            return;
        }
        if let (K::List(items), Type::Tuple(members)) = (&value.kind, wanted.required())
            && items.len() == members.len()
            && items
                .iter()
                .zip(members)
                .all(|(item, member)| self.assignable(&item.ty, member))
        {
            return;
        }
        if !self.assignable(&value.ty, wanted) {
            self.mismatch(&value.ty, wanted, span, what);
        }
    }

    fn mismatch(&mut self, found: &Type, wanted: &Type, span: Span, what: &str) {
        let (found_text, wanted_text) = (self.show(found), self.show(wanted));
        let message = format!("{what} is `{found_text}`, not `{wanted_text}`");
        let mut problem = self
            .problem(Code::TYPE_MISMATCH, span, message)
            .expected(format!("`{wanted_text}`"));
        if let (Type::Entity(_), false) = (found, wanted.is_numeric()) {
            problem = problem.help("take one of its fields");
        } else if let (Type::Float, Type::Int | Type::Uint) = (found, wanted) {
            problem = problem.help("make the field a `float`, or keep the smallest unit as a whole number");
        }
        self.report(problem);
    }
}

/// The constant that an expression is.
fn constant(value: &Expression) -> Option<Literal> {
    Some(match &value.kind {
        K::Literal(literal) => literal.clone(),
        K::List(items) => Literal::List(items.iter().map(constant).collect::<Option<_>>()?),
        K::Map(entries) => Literal::Map(
            entries
                .iter()
                .map(|(key, value)| Some((constant(key)?, constant(value)?)))
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    })
}

/// `8-4-4-4-12` hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    [8usize, 4, 4, 4, 12].iter().all(|length| {
        groups
            .next()
            .is_some_and(|group| group.len() == *length && group.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }) && groups.next().is_none()
}

/// `2026-01-31T12:00:00Z`, as far as its signs go; the database knows the calendar.
fn is_timestamp(text: &str) -> bool {
    let shape: String = text
        .chars()
        .take(19)
        .map(|char| if char.is_ascii_digit() { '0' } else { char })
        .collect();
    let zone = text.get(19..).unwrap_or_default();
    shape == "0000-00-00T00:00:00" && (zone.ends_with('Z') || zone.contains('+') || zone.contains('-'))
}
