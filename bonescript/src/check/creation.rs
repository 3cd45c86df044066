//! The row that a capability makes, where it sets bare names: of which entity it is, and whether it has what it must.

use super::scope::Scope;
use super::{Checker, MemberKind};
use crate::ast::{self, Name};
use crate::diagnostic::Code;
use crate::ir::{ColumnKind, Creation, EntityId, Expression, Literal, Type};
use crate::text::Span;

impl Checker<'_> {
    pub(super) fn creation(
        &mut self,
        made: &[(&ast::Effect, &Name)],
        tree: &ast::Capability,
        scope: &Scope,
    ) -> Option<Creation> {
        let owns = |id: usize| {
            made.iter().all(|(_, name)| {
                let member = self.members.get(id).and_then(|members| members.get(&name.text));
                member.is_some_and(|member| member.kind == MemberKind::Column)
            })
        };
        let fitting = self.fitting_entities(made, &owns);
        let (first, name) = made.first()?;
        let [id] = fitting.as_slice() else {
            let (code, message) = if fitting.is_empty() {
                (
                    Code::NOT_CHANGEABLE,
                    format!(
                        "`{}` belongs to nothing: no entity has all the fields that are set here",
                        name.text
                    ),
                )
            } else {
                let names: Vec<&str> = fitting.iter().map(|id| self.entity_name(EntityId(*id))).collect();
                (
                    Code::NOT_CHANGEABLE,
                    format!(
                        "a row of which entity? {} fit",
                        crate::diagnostic::some_of(&names)
                    ),
                )
            };
            if !tree.incomplete && !self.incomplete && self.lost.is_empty() {
                let problem = self.problem(code, name.span, message);
                self.report(problem.help("write `parameter.field` to change a row, or set the fields of exactly one entity to make one"));
            }
            for (effect, _) in made {
                self.expression(&effect.value, scope);
            }
            return None;
        };
        let entity = EntityId(*id);
        let mut values: Vec<(String, Expression)> = Vec::new();
        for (effect, name) in made {
            let ty = self
                .members
                .get(entity.0)
                .and_then(|members| members.get(&name.text))
                .map(|member| member.ty.clone());
            let value = self.value(effect, ty.as_ref(), scope);
            if values.iter().any(|(known, _)| *known == name.text) {
                let message = format!("`{}` is set twice", name.text);
                let problem = self.problem(Code::DUPLICATE, name.span, message);
                self.report(problem.help("remove one of them"));
                continue;
            }
            if let Some(ty) = ty {
                self.operation(effect, &ty, &value);
                self.first_state(&ty, &value, effect.value.span);
            }
            self.kept_secret(entity, &name.text, &value, effect.value.span);
            values.push((name.text.clone(), value));
        }
        self.lacking(
            entity,
            &values,
            first.target.first().map_or(tree.name.span, |name| name.span),
        );
        Some(Creation { entity, values })
    }

    /// Entities that have all the fields, four at most: two are one too many. Looked for among those that have the rarest
    /// of them; of a program in which hundreds have each of them, only the first.
    fn fitting_entities(&self, made: &[(&ast::Effect, &Name)], owns: &dyn Fn(usize) -> bool) -> Vec<usize> {
        const MOST: usize = 256;
        let having = |name: &Name| self.having.get(&name.text).map(Vec::as_slice).unwrap_or_default();
        let rarest = made
            .iter()
            .map(|(_, name)| having(name))
            .min_by_key(|having| having.len());
        let among = rarest.unwrap_or_default().iter().take(MOST);
        among.copied().filter(|id| owns(*id)).take(4).collect()
    }

    /// A row that belongs to another must say to which, and what has no value of its own must be given one.
    fn lacking(&mut self, id: EntityId, values: &[(String, Expression)], span: Span) {
        let Some(entity) = self.system.entity(id) else {
            return;
        };
        let missing = entity.columns.iter().filter_map(|column| {
            let ColumnKind::ForeignKey(target) = column.kind else {
                return None;
            };
            let lacks = !column.nullable
                && column.default.is_none()
                && !values.iter().any(|(name, _)| *name == column.name);
            lacks.then(|| (column.name.clone(), target))
        });
        let missing: Vec<(String, EntityId)> = missing.collect();
        let valueless = entity.columns.iter().filter(|column| {
            // The empty text is none of the choices, and there is no empty `uuid`.
            let is_one_of_some = !column.facts.choices.is_empty() && column.kind == ColumnKind::Owned;
            let is_any = column.ty == Type::Uuid && column.kind == ColumnKind::Owned && column.name != "id";
            (is_one_of_some || is_any)
                && !column.nullable
                && column.default.is_none()
                && !values.iter().any(|(name, _)| *name == column.name)
        });
        let valueless: Vec<String> = valueless.map(|column| column.name.clone()).collect();
        let name = entity.name.clone();
        for column in valueless {
            let message = format!("the new `{name}` has no `{column}`");
            let problem = self.problem(Code::INCOMPLETE_ROW, span, message);
            let problem = problem.help(format!("set `{column} = …`, or give the field a default"));
            self.tolerate(problem, "the call is refused");
        }
        for (column, target) in missing {
            let message = format!("the new `{name}` has no `{column}`");
            let problem = self.problem(Code::INCOMPLETE_ROW, span, message);
            let problem = problem.help(format!(
                "set `{column} = …`, or make the relation optional with `[0..1]`"
            ));
            if self.logs_in(target) {
                // A row of nobody could be read and changed by nobody.
                self.report(problem);
                continue;
            }
            self.tolerate(problem, "the relation is optional");
            // What leniency lets pass has to be able to be kept.
            self.entity_mut(id, |entity| {
                for known in &mut entity.columns {
                    known.nullable |= known.name == column;
                }
            });
        }
    }

    /// No transition leads to the state that a new row begins in: who calls may not choose it.
    fn first_state(&mut self, ty: &Type, value: &Expression, span: Span) {
        let Type::State(id) = ty.required() else { return };
        let given = matches!(value.ty.required(), Type::String | Type::Json);
        if given && !matches!(value.literal(), Some(Literal::String(_))) {
            let message = "the state that a row begins in must be written out";
            let problem = self.problem(Code::TYPE_MISMATCH, span, message);
            let expected = crate::diagnostic::some_of(&self.states_of(*id));
            self.report(problem.expected(expected));
        }
    }
}
