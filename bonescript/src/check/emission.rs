//! What fills the payload of an event.
//!
//! Arguments fill its fields from the left. The others are filled by name: `order_id` from a parameter `order` that is an
//! entity, `quantity` from a parameter of that name, `seller_id` from the one parameter that has such a field, `…_at` by
//! the time, `actor_id` by the caller, and what is optional by `none`. A field that nothing fills is an error; where
//! leniency lets it pass, the field becomes optional: an event that tells less is better than work that never succeeds.

use super::Checker;
use super::scope::Scope;
use super::types::TypePlace;
use crate::ast;
use crate::diagnostic::Code;
use crate::ir::{
    Capability, Delivery, Emission, Event, EventId, Expression, ExpressionKind as K, Literal, Parameter, Type,
};

impl Checker<'_> {
    pub(super) fn events(&mut self) {
        for (source, tree) in self.trees.events.clone() {
            self.source = source;
            let mut seen = std::collections::HashMap::new();
            let mut payload = Vec::new();
            for field in &tree.payload {
                let ty = self.ty(&field.ty, TypePlace::Field);
                let first = seen.insert(field.name.text.clone(), (self.source, field.name.span));
                if !self.twice("the field", &field.name, first) {
                    payload.push(Parameter {
                        name: field.name.text.clone(),
                        ty,
                    });
                }
                if let Some(default) = &field.default {
                    let problem = self.problem(
                        Code::MISPLACED_TYPE,
                        default.span,
                        "a field of an event has no default",
                    );
                    self.report(problem.help("make it `optional<…>`, or fill it where the event is emitted"));
                }
            }
            let delivery = tree
                .delivery
                .as_ref()
                .and_then(|word| self.word("way of delivery", word));
            let ttl = tree.ttl.map(|ttl| self.span_of_time("the ttl", ttl));
            self.system.events.push(Event {
                name: tree.name.text.clone(),
                payload,
                delivery: delivery.unwrap_or(Delivery::AtLeastOnce),
                ttl,
            });
        }
    }

    pub(super) fn emission(
        &mut self,
        emit: &ast::Emit,
        capability: &Capability,
        scope: &Scope,
    ) -> Option<Emission> {
        let Some(id) = self.names.events.get(&emit.event.text).copied() else {
            self.unknown_event(emit, scope);
            return None;
        };
        let event = self.system.events.get(id)?.clone();
        let trees = emit.arguments.as_deref().unwrap_or_default();
        let mut values: Vec<Expression> = trees.iter().map(|tree| self.expression(tree, scope)).collect();
        if values.len() > event.payload.len() {
            let wanted: Vec<&str> = event.payload.iter().map(|field| field.name.as_str()).collect();
            let message = format!(
                "`{}` has {}, here are {}",
                event.name,
                crate::diagnostic::count(event.payload.len(), "field"),
                values.len()
            );
            let problem = self.problem(Code::ARGUMENT_COUNT, emit.span, message);
            self.report(problem.expected(format!("`{}({})`", event.name, wanted.join(", "))));
            values.truncate(event.payload.len());
        }
        for ((field, value), tree) in event.payload.iter().zip(&values).zip(trees) {
            let what = format!("`{}` of `{}`", field.name, event.name);
            self.fits(value, &field.ty, tree.span, &what);
        }
        let mut unfilled = Vec::new();
        for (place, field) in event.payload.iter().enumerate().skip(values.len()) {
            let value = self.filled(field, capability);
            if value.is_none() {
                unfilled.push(field.name.as_str());
                self.unfilled.push((id, place));
            }
            values.push(value.unwrap_or_else(|| Expression::new(K::Literal(Literal::None), Type::None)));
        }
        for (place, (field, value)) in event.payload.iter().zip(&values).enumerate() {
            let span = trees.get(place).map_or(emit.span, |tree| tree.span);
            let what = format!("`{}` of `{}`", field.name, event.name);
            self.not_sensitive(value, span, &what);
        }
        let silent = self.trees.events.get(id).is_some_and(|(_, tree)| tree.incomplete)
            || matches!(scope, Scope::Capability { incomplete: true, .. });
        if !unfilled.is_empty() && !silent {
            self.tell_unfilled(emit, &event, &unfilled);
        }
        Some(Emission {
            event: EventId(id),
            values,
        })
    }

    /// Makes optional what is left unfilled: who listens sees that it may be nothing.
    pub(super) fn leave_unfilled(&mut self) {
        for (event, place) in std::mem::take(&mut self.unfilled) {
            let event = self.system.events.get_mut(event);
            let Some(field) = event.and_then(|event| event.payload.get_mut(place)) else {
                continue;
            };
            if !matches!(field.ty, Type::Optional(_)) {
                field.ty = Type::Optional(Box::new(field.ty.clone()));
            }
        }
    }

    fn tell_unfilled(&mut self, emit: &ast::Emit, event: &Event, fields: &[&str]) {
        let list: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
        let message = format!("nothing fills {} of `{}`", list.join(", "), event.name);
        let arguments: Vec<&str> = event.payload.iter().map(|field| field.name.as_str()).collect();
        let line = format!("{}({})", event.name, arguments.join(", "));
        let problem = self.problem(Code::UNFILLED_PAYLOAD, emit.span, message);
        let problem = problem.expected("a parameter of that name, or `<parameter>_id`");
        let problem = problem.help(format!(
            "give its fields in order: `emits: {line}`, each an expression"
        ));
        self.tolerate(
            problem,
            if fields.len() == 1 {
                "it is null"
            } else {
                "they are null"
            },
        );
    }

    fn unknown_event(&mut self, emit: &ast::Emit, scope: &Scope) {
        for argument in emit.arguments.as_deref().unwrap_or_default() {
            self.expression(argument, scope);
        }
        if !self.is_lost(&emit.event.text) {
            let message = format!("there is no event `{}`", emit.event.text);
            let problem = self.problem(Code::UNKNOWN_EVENT, emit.event.span, message);
            let known = self.system.events.iter().map(|event| event.name.as_str());
            let problem = problem.one_of(&emit.event.text, known);
            let problem = if problem.help.is_none() {
                problem.help(format!(
                    "declare it: `event {} {{ payload: {{ … }} }}`",
                    emit.event.text
                ))
            } else {
                problem
            };
            self.report(problem);
        }
    }

    fn filled(&self, field: &Parameter, capability: &Capability) -> Option<Expression> {
        let parameter =
            |known: &Parameter| Expression::new(K::Parameter(known.name.clone()), known.ty.clone());
        let name = field.name.as_str();
        if let Some(stem) = name.strip_suffix("_id")
            && let Some((known, _)) = Self::rows(capability).find(|(known, _)| known.name == stem)
        {
            return Some(Expression::new(K::IdOf(Box::new(parameter(known))), Type::Uuid));
        }
        let named = capability.parameters.iter().find(|known| known.name == name);
        if let Some(known) = named.filter(|known| self.assignable(&known.ty, &field.ty)) {
            return Some(parameter(known));
        }
        let mut having = Self::rows(capability).filter_map(|(known, id)| {
            let member = self.members.get(id.0)?.get(name)?;
            let column = member.kind != super::MemberKind::Relation && self.assignable(&member.ty, &field.ty);
            // Every row has an `id`: which is meant can't be known.
            (column && !matches!(name, "id" | "created_at" | "updated_at"))
                .then(|| (known, member.ty.clone()))
        });
        if let (Some((known, ty)), None) = (having.next(), having.next()) {
            let kind = K::Column {
                row: Box::new(parameter(known)),
                column: name.to_owned(),
            };
            return Some(Expression::new(kind, ty));
        }
        if name.ends_with("_at") && *field.ty.required() == Type::Timestamp {
            return Some(Expression::new(K::Now, Type::Timestamp));
        }
        if matches!(name, "actor_id" | "caller_id") && *field.ty.required() == Type::Uuid {
            return Some(Expression::new(K::CallerId, Type::Uuid));
        }
        matches!(field.ty, Type::Optional(_)).then(|| Expression::new(K::Literal(Literal::None), Type::None))
    }
}
