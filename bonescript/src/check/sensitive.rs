//! Where sensitive fields go. A row keeps them for itself, so what is made of them may not be put where others read it.

use super::Checker;
use crate::diagnostic::Code;
use crate::ir::{Column, EntityId, Expression, ExpressionKind as K, Type};
use crate::text::Span;

impl Checker<'_> {
    /// Whether a value over a row of an entity reads a sensitive field at all.
    pub(super) fn reads_sensitive(&self, entity: EntityId, value: &Expression) -> bool {
        let mut found = false;
        value.walk(&mut |part| found |= self.is_sensitive(part, Some(entity)));
        found
    }

    /// Whether a value is made of a sensitive field. To compare with one says yes or no and nothing more, as a login does;
    /// what a function of the user makes of one is the user's to decide.
    fn carries_sensitive(&self, value: &Expression) -> bool {
        let mut found = false;
        value.walk_into(&mut |part| {
            found |= self.is_sensitive(part, None);
            let compares =
                matches!(part.kind, K::Binary(..) | K::Unary(..)) && *part.ty.required() == Type::Bool;
            !compares && !matches!(part.kind, K::Call(..))
        });
        found
    }

    fn is_sensitive(&self, value: &Expression, own: Option<EntityId>) -> bool {
        let found = match &value.kind {
            K::Own(column) => own.map(|entity| (entity, column)),
            K::Column { row, column } => {
                let ty = row.ty.required();
                match ty.element().unwrap_or(ty).required() {
                    Type::Entity(entity) => Some((*entity, column)),
                    _ => None,
                }
            }
            _ => None,
        };
        found.is_some_and(|(entity, column)| self.keeps_secret(entity, column))
    }

    fn keeps_secret(&self, entity: EntityId, column: &str) -> bool {
        let entity = self.system.entity(entity);
        entity
            .and_then(|entity| entity.column(column))
            .is_some_and(|column: &Column| column.sensitive)
    }

    /// Says so where an effect copies a sensitive field into one that is not.
    pub(super) fn kept_secret(&mut self, entity: EntityId, column: &str, value: &Expression, span: Span) {
        if self.keeps_secret(entity, column) || !self.carries_sensitive(value) {
            return;
        }
        let message = format!(
            "`{}` is sensitive, and `{column}` of `{}` is shown",
            self.text(span),
            self.entity_name(entity)
        );
        let problem = self.problem(Code::SENSITIVE_SHOWN, span, message);
        self.report(problem.help(format!(
            "declare `{column}` with `@sensitive`, or set it to something else"
        )));
    }

    /// Says so where a value that leaves the server is made of a sensitive field.
    pub(super) fn not_sensitive(&mut self, value: &Expression, span: Span, what: &str) {
        if self.carries_sensitive(value) {
            let message = format!("{what} leaves the server, and is filled with a sensitive field");
            let problem = self.problem(Code::SENSITIVE_SHOWN, span, message);
            self.report(
                problem.help("fill it with something else, or with whether the field has some value (`==`)"),
            );
        }
    }
}
