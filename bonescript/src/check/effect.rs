//! Effects: what they write, and whether they may.

use super::scope::Scope;
use super::{Checker, MemberKind};
use crate::ast::{self, EffectOperator, Name};
use crate::diagnostic::Code;
use crate::ir::{
    BinaryOperator, Capability, ColumnKind, Effect, EntityId, Expression, ExpressionKind as K, Literal,
    RelationKind, Target, Type,
};
use crate::text::Span;

impl Checker<'_> {
    /// The effects of a capability. Where they set bare names, they make a row.
    pub(super) fn effects(&mut self, capability: &mut Capability, tree: &ast::Capability, scope: &Scope) {
        let mut made: Vec<(&ast::Effect, &Name)> = Vec::new();
        for effect in &tree.effects {
            match effect.target.as_slice() {
                [name] if is_bare(name, effect.operator, scope) => made.push((effect, name)),
                _ => {
                    let lowered = self.effect(effect, capability, scope);
                    capability.effects.extend(lowered);
                }
            }
        }
        if !made.is_empty() {
            capability.creates = self.creation(&made, tree, scope);
            capability.home = capability
                .home
                .or(capability.creates.as_ref().map(|creation| creation.entity));
        }
        self.transitions(capability, tree);
    }

    fn effect(&mut self, effect: &ast::Effect, capability: &Capability, scope: &Scope) -> Option<Effect> {
        // The value is read even where the target is wrong: its problems are independent.
        let target = self.effect_target(&effect.target, capability, scope);
        let value = self.value(effect, target.as_ref().map(|target| &target.ty), scope);
        let target = target?;
        self.operation(effect, &target.ty, &value);
        self.kept_secret(target.entity, &target.column, &value, effect.value.span);
        self.entity_mut(target.entity, |entity| {
            if let Some(column) = entity
                .columns
                .iter_mut()
                .find(|column| column.name == target.column)
            {
                column.by_effects = true;
            }
        });
        Some(Effect {
            target,
            operator: effect.operator,
            value,
        })
    }

    /// A bare word that is set to a state is that state.
    pub(super) fn value(&mut self, effect: &ast::Effect, target: Option<&Type>, scope: &Scope) -> Expression {
        if let (Some(Type::State(_)), ast::ExpressionKind::Path(names)) = (target, &effect.value.kind)
            && let [name] = names.as_slice()
            && scope.parameter(&name.text).is_none()
        {
            return super::expression::literal(Literal::String(name.text.clone()), Type::String);
        }
        self.expression(&effect.value, scope)
    }

    fn effect_target(&mut self, path: &[Name], capability: &Capability, scope: &Scope) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let known = capability
            .parameters
            .iter()
            .position(|known| known.name == first.text);
        let Some(parameter) = known else {
            self.no_parameter(first, capability, scope);
            return None;
        };
        let ty = capability.parameters.get(parameter)?.ty.required().clone();
        let row = match &ty {
            Type::Unknown => return None,
            Type::Entity(id) => Some(*id),
            other => other.element().and_then(|element| match element {
                Type::Entity(id) => Some(*id),
                _ => None,
            }),
        };
        let Some(mut entity) = row else {
            let message = format!(
                "`{}` is `{}`, which is not kept anywhere",
                first.text,
                self.show(&ty)
            );
            let problem = self.problem(Code::NOT_CHANGEABLE, first.span, message);
            self.report(problem.expected("a field of a parameter that is an entity, such as `order.status`"));
            return None;
        };
        let mut relations = Vec::new();
        let mut names = rest.iter().peekable();
        while let Some(name) = names.next() {
            let member = self
                .members
                .get(entity.0)
                .and_then(|members| members.get(&name.text))
                .cloned();
            let Some(member) = member else {
                self.unknown_target(entity, name);
                return None;
            };
            match member.kind {
                MemberKind::Derived => {
                    let message = format!("`{}` is derived: it follows from other fields", name.text);
                    let problem = self.problem(Code::NOT_CHANGEABLE, name.span, message);
                    self.report(problem.help("change the fields that it is computed from"));
                    return None;
                }
                MemberKind::Relation => {
                    let relation = self.system.entity(entity)?.relation(&name.text)?.clone();
                    if !matches!(relation.kind, RelationKind::BelongsTo | RelationKind::HasOne) {
                        let message = format!("`{}` leads to many rows", name.text);
                        let problem = self.problem(Code::NOT_CHANGEABLE, name.span, message);
                        self.report(problem.help("take the rows as a parameter, `list<…>`"));
                        return None;
                    }
                    if names.peek().is_none() {
                        // Setting the relation sets its column.
                        let column = relation
                            .column
                            .filter(|_| relation.kind == RelationKind::BelongsTo)?;
                        return Some(Target {
                            parameter,
                            relations,
                            entity,
                            column,
                            keys: Vec::new(),
                            ty: member.ty,
                        });
                    }
                    entity = relation.target;
                    relations.push(name.text.clone());
                }
                MemberKind::Column => {
                    let keys: Vec<String> = names.map(|key| key.text.clone()).collect();
                    let ty = self.column_target(entity, name, &keys, &member.ty)?;
                    return Some(Target {
                        parameter,
                        relations,
                        entity,
                        column: name.text.clone(),
                        keys,
                        ty,
                    });
                }
            }
        }
        let message = format!("`{}` is a whole row", first.text);
        let problem = self.problem(Code::NOT_CHANGEABLE, first.span, message);
        self.report(problem.expected(format!("one of its fields, such as `{}.…`", first.text)));
        None
    }

    fn no_parameter(&mut self, name: &Name, capability: &Capability, scope: &Scope) {
        if matches!(scope, Scope::Capability { incomplete: true, .. }) {
            return;
        }
        let (code, message) = if scope.parameter(&name.text).is_some() || name.text == "caller" {
            (Code::NOT_CHANGEABLE, format!("`{}` can't be changed", name.text))
        } else {
            (Code::UNKNOWN_NAME, format!("`{}` is no parameter", name.text))
        };
        let names = capability.parameters.iter().map(|known| known.name.as_str());
        let problem = self.problem(code, name.span, message).one_of(&name.text, names);
        self.report(problem);
    }

    fn unknown_target(&mut self, entity: EntityId, name: &Name) {
        let incomplete = self
            .trees
            .entities
            .get(entity.0)
            .is_some_and(|(_, tree)| tree.incomplete);
        if incomplete {
            return;
        }
        let message = format!(
            "entity `{}` has no field `{}`",
            self.entity_name(entity),
            name.text
        );
        let problem = self.problem(Code::UNKNOWN_FIELD, name.span, message);
        let columns = self
            .system
            .entity(entity)
            .map(|entity| entity.columns.as_slice())
            .unwrap_or_default();
        let problem = problem.one_of(&name.text, columns.iter().map(|column| column.name.as_str()));
        self.report(problem);
    }

    /// The type of what is written in a column.
    fn column_target(&mut self, entity: EntityId, name: &Name, keys: &[String], ty: &Type) -> Option<Type> {
        let kind = self.system.entity(entity)?.column(&name.text)?.kind.clone();
        if kind == ColumnKind::Implicit {
            let message = format!("`{}` is given by the database", name.text);
            let problem = self.problem(Code::NOT_CHANGEABLE, name.span, message);
            self.report(problem.help("leave it alone"));
            return None;
        }
        match (keys, ty.required()) {
            ([], _) => Some(ty.clone()),
            (_, Type::Json | Type::Unknown) => Some(Type::Json),
            ([_], Type::Map(key, value)) if **key == Type::String => Some(value.as_ref().clone()),
            ([key, ..], other) => {
                let message = format!(
                    "`{}` is `{}`, which has no field `{key}`",
                    name.text,
                    self.show(other)
                );
                let problem = self.problem(Code::UNKNOWN_FIELD, name.span, message);
                let problem = problem.expected("a field of type `json`, or `map<string, …>`");
                self.tolerate(problem, "the effect is left out");
                None
            }
        }
    }

    /// Whether the operator goes with the types.
    pub(super) fn operation(&mut self, effect: &ast::Effect, target: &Type, value: &Expression) {
        use EffectOperator as E;
        let ty = target.required();
        let span = effect.value.span;
        if value.ty == Type::Unknown || *ty == Type::Unknown {
            return;
        }
        match (effect.operator, ty) {
            (E::Set, Type::State(id)) => self.set_state(*id, value, span),
            (E::Set, _) => self.fits(value, target, span, "the value"),
            (E::Add | E::Remove | E::Append, Type::Json) => {}
            (E::Add | E::Remove, Type::Timestamp) if value.ty == Type::Duration => {}
            (E::Add | E::Remove, _) if ty.is_numeric() => self.fits(value, ty, span, "the value"),
            (E::Add | E::Remove, Type::Set(element)) | (E::Append, Type::List(element)) => {
                self.fits(value, element, span, "the element");
            }
            (operator, _) => {
                let message = format!("`{}` on `{}`", operator.sign(), self.show(ty));
                let problem = self.problem(Code::BAD_EFFECT, effect.span, message);
                let problem = match (operator, ty) {
                    (E::Add, Type::List(_)) => {
                        problem.help("append to a list with `<<=`, or make it a `set`")
                    }
                    (E::Append, Type::Set(_)) => problem.help("put it into a set with `+=`"),
                    (E::Add, Type::String) => problem.help("write `x = x + \"…\"`"),
                    _ => problem.help("set it with `=`"),
                };
                self.report(problem.expected("`+=` and `-=` on numbers and sets, `<<=` on lists"));
            }
        }
    }

    /// A state that is written out is checked here; one that a call gives, when it is set.
    fn set_state(&mut self, id: EntityId, value: &Expression, span: Span) {
        let may_be_one = matches!(value.ty.required(), Type::String | Type::Json | Type::Unknown);
        if value.ty != Type::State(id) && !may_be_one {
            let message = format!("a state is text, and this is `{}`", self.show(&value.ty));
            let problem = self.problem(Code::TYPE_MISMATCH, span, message);
            let expected = crate::diagnostic::some_of(&self.states_of(id));
            self.report(problem.expected(expected));
        }
    }

    pub(super) fn states_of(&self, id: EntityId) -> Vec<&str> {
        let machine = self.system.entity(id).and_then(|entity| entity.machine.as_ref());
        let states = machine.map(|machine| machine.states.iter().map(String::as_str));
        states.into_iter().flatten().collect()
    }

    /// Values that states and listed fields can't have, and transitions that the graph lacks.
    fn transitions(&mut self, capability: &Capability, tree: &ast::Capability) {
        let places = tree.effects.iter().filter(|effect| effect.target.len() > 1);
        for (effect, place) in capability.effects.iter().zip(places) {
            let Some(Literal::String(to)) = effect.value.literal() else {
                continue;
            };
            if effect.operator != EffectOperator::Set || !effect.target.keys.is_empty() {
                continue;
            }
            let row = Expression::new(K::Literal(Literal::None), Type::Entity(effect.target.entity));
            let field = Expression::new(
                K::Column {
                    row: Box::new(row),
                    column: effect.target.column.clone(),
                },
                effect.target.ty.clone(),
            );
            self.choice(&field, &effect.value, place.value.span);
            if let Type::State(id) = effect.target.ty.required() {
                self.transition(*id, effect, to, capability, place);
            }
        }
    }

    fn transition(
        &mut self,
        id: EntityId,
        effect: &Effect,
        to: &str,
        capability: &Capability,
        place: &ast::Effect,
    ) {
        let Some(machine) = self.system.entity(id).and_then(|entity| entity.machine.as_ref()) else {
            return;
        };
        if !machine.states.iter().any(|state| state == to) {
            return;
        }
        let parameter = capability
            .parameters
            .get(effect.target.parameter)
            .map_or("", |known| known.name.as_str());
        let before = if effect.target.relations.is_empty() {
            states_before(capability, parameter)
        } else {
            None
        };
        let leads = |from: &str| {
            machine
                .transitions
                .iter()
                .any(|known| known.from == from && known.to == to)
        };
        let message = match before {
            Some(before) if !before.is_empty() && !before.iter().any(|from| leads(from)) => {
                let from = before.join("` or `");
                format!("no transition leads from `{from}` to `{to}`")
            }
            None if !machine.transitions.iter().any(|known| known.to == to) => {
                format!("no transition leads to `{to}`")
            }
            _ => return,
        };
        let entity = self.entity_name(id).to_owned();
        let problem = self.problem(Code::NO_TRANSITION, place.value.span, message);
        let problem = problem.help(format!(
            "add it to the `states` of `{entity}`, or set another state"
        ));
        self.tolerate(problem, "the call is refused");
    }
}

fn is_bare(name: &Name, operator: EffectOperator, scope: &Scope) -> bool {
    let entity = scope
        .parameter(&name.text)
        .is_some_and(|ty| matches!(ty.required(), Type::Entity(_)));
    operator == EffectOperator::Set && !entity
}

/// The states that `requires` lets a parameter be in; `None` where it says nothing of them.
fn states_before(capability: &Capability, parameter: &str) -> Option<Vec<String>> {
    let is_state = |value: &Expression| {
        matches!(value.ty.required(), Type::State(_))
            && matches!(&value.kind, K::Column { row, .. } if matches!(&row.kind, K::Parameter(name) if name == parameter))
    };
    let text = |value: &Expression| match value.literal() {
        Some(Literal::String(text)) => Some(text.clone()),
        _ => None,
    };
    capability
        .requires
        .iter()
        .find_map(|check| match &check.condition.kind {
            K::Binary(BinaryOperator::Equal, left, right) if is_state(left) => Some(vec![text(right)?]),
            K::Binary(BinaryOperator::Equal, left, right) if is_state(right) => Some(vec![text(left)?]),
            K::Binary(BinaryOperator::In, left, right) if is_state(left) => match &right.kind {
                K::List(items) => items.iter().map(text).collect(),
                _ => None,
            },
            _ => None,
        })
}
