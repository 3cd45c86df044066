//! Paths: `order.buyer.name`, `caller.id`, `stock`.

use super::scope::Scope;
use super::{Checker, MemberKind};
use crate::ast::Name;
use crate::diagnostic::Code;
use crate::ir::{EntityId, Expression, ExpressionKind as K, Type};

impl Checker<'_> {
    /// A path in its scope.
    pub(super) fn path(&mut self, names: &[Name], scope: &Scope) -> Expression {
        let Some((first, rest)) = names.split_first() else {
            return Expression::unknown();
        };
        let (mut value, rest) = self.first(first, rest, scope);
        for name in rest {
            if value.ty == Type::Unknown {
                return Expression::unknown();
            }
            value = self.behind(value, name);
        }
        if scope.is_row() {
            self.same_row(&value, names);
        }
        value
    }

    fn first<'a>(&mut self, first: &Name, rest: &'a [Name], scope: &Scope) -> (Expression, &'a [Name]) {
        let word = first.text.as_str();
        if let Some(ty) = scope.parameter(word) {
            return (Expression::new(K::Parameter(word.to_owned()), ty.clone()), rest);
        }
        let value = match scope {
            Scope::Row { entity, incomplete } => match self.own(*entity, word) {
                Some(value) => Some(value),
                None if *incomplete => return (Expression::unknown(), rest),
                None => None,
            },
            Scope::Outside { entity } => {
                let named = self.names.entities.get(word).map(|id| EntityId(*id));
                match (named, rest.split_first()) {
                    (Some(id), Some((name, rest))) if entity.is_none_or(|entity| entity == id) => {
                        return (self.outside(id, name), rest);
                    }
                    (Some(_), Some(_)) => {
                        let message = "a constraint is about the rows of one entity, and this is another";
                        let problem = self.problem(Code::NOT_OWN, first.span, message);
                        self.report(problem.help("write it into the `requires` of what changes them"));
                        return (Expression::unknown(), rest);
                    }
                    _ => None,
                }
            }
            Scope::Channel { participants } => match word {
                "participant" => {
                    let ty = participants.map_or(Type::Json, Type::Entity);
                    Some(Expression::new(K::Participant, ty))
                }
                "event" => Some(Expression::new(K::Message, Type::Json)),
                "caller" => Some(Expression::new(K::CallerId, Type::Caller)),
                _ => None,
            },
            Scope::Capability { .. } | Scope::Flow { .. } if word == "caller" => {
                Some(Expression::new(K::CallerId, Type::Caller))
            }
            Scope::Capability { incomplete: true, .. } => return (Expression::unknown(), rest),
            Scope::Capability { .. } | Scope::Flow { .. } | Scope::Constant => None,
        };
        if let Some(value) = value {
            return (value, rest);
        }
        self.unknown_name(first, scope);
        (Expression::unknown(), &[])
    }

    fn unknown_name(&mut self, name: &Name, scope: &Scope) {
        if matches!(scope, Scope::Outside { .. }) && self.is_lost(&name.text) {
            return;
        }
        let mut known: Vec<&str> = scope.names();
        let (code, message) = match scope {
            Scope::Constant => (Code::NOT_CONSTANT, "a default must be a constant".to_owned()),
            Scope::Row { entity, .. } => {
                let columns = self
                    .system
                    .entity(*entity)
                    .map(|entity| entity.columns.as_slice());
                known.extend(
                    columns
                        .unwrap_or_default()
                        .iter()
                        .map(|column| column.name.as_str()),
                );
                let entity = self.entity_name(*entity);
                (
                    Code::UNKNOWN_FIELD,
                    format!("entity `{entity}` has no field `{}`", name.text),
                )
            }
            Scope::Outside { .. } => {
                known.extend(self.system.entities.iter().map(|entity| entity.name.as_str()));
                (
                    Code::UNKNOWN_ENTITY,
                    format!("there is no entity `{}`", name.text),
                )
            }
            Scope::Capability { .. } | Scope::Channel { .. } | Scope::Flow { .. } => (
                Code::UNKNOWN_NAME,
                format!("`{}` stands for nothing here", name.text),
            ),
        };
        let problem = self.problem(code, name.span, message).one_of(&name.text, known);
        let problem = if code == Code::NOT_CONSTANT {
            problem
                .expected("text in double quotes, a number, `true`, `false`, `none`, `now`, a list or a map")
        } else if problem.help.is_none() && code == Code::UNKNOWN_NAME {
            problem.help("make it a parameter, or write text in double quotes")
        } else {
            problem
        };
        self.report(problem);
    }

    /// A column or relation of the row that the expression is about.
    fn own(&self, entity: EntityId, name: &str) -> Option<Expression> {
        let member = self.members.get(entity.0)?.get(name)?;
        let kind = match member.kind {
            MemberKind::Column | MemberKind::Derived => K::Own(name.to_owned()),
            MemberKind::Relation => K::Related {
                row: Box::new(Expression::new(K::Own("id".to_owned()), Type::Entity(entity))),
                relation: name.to_owned(),
            },
        };
        Some(Expression::new(kind, member.ty.clone()))
    }

    fn outside(&mut self, entity: EntityId, name: &Name) -> Expression {
        if let Some(own) = self.own(entity, &name.text) {
            return own;
        }
        let incomplete = self
            .trees
            .entities
            .get(entity.0)
            .is_some_and(|(_, tree)| tree.incomplete);
        if !incomplete {
            let problem = self.no_field(entity, name);
            self.tolerate(problem, "the constraint is left out");
        }
        Expression::unknown()
    }

    pub(super) fn no_field(&self, entity: EntityId, name: &Name) -> crate::diagnostic::Diagnostic {
        let message = format!(
            "entity `{}` has no field `{}`",
            self.entity_name(entity),
            name.text
        );
        let lowered = self.system.entity(entity);
        let columns = lowered
            .map(|entity| entity.columns.as_slice())
            .unwrap_or_default();
        let relations = lowered
            .map(|entity| entity.relations.as_slice())
            .unwrap_or_default();
        let known = columns.iter().map(|column| column.name.as_str());
        let known = known.chain(relations.iter().map(|relation| relation.name.as_str()));
        self.problem(Code::UNKNOWN_FIELD, name.span, message)
            .one_of(&name.text, known)
    }

    /// What stands behind a dot.
    pub(super) fn behind(&mut self, value: Expression, name: &Name) -> Expression {
        let word = name.text.as_str();
        let ty = value.ty.required().clone();
        match &ty {
            Type::Unknown => Expression::unknown(),
            Type::Json => key(value, word, Type::Json),
            Type::Entity(id) => self.member_of(value, *id, name, false),
            Type::List(element) | Type::Set(element) => match (word, element.required()) {
                ("length" | "size", _) => length(value),
                (_, Type::Entity(id)) => self.member_of(value, *id, name, true),
                _ => self.no_member(&ty, name, &["size"]),
            },
            Type::String | Type::State(_) | Type::Bytes if matches!(word, "length" | "size") => length(value),
            Type::Map(..) if matches!(word, "length" | "size") => length(value),
            Type::Map(key_type, inner) if **key_type == Type::String => {
                let inner = Type::Optional(Box::new(inner.required().clone()));
                key(value, word, inner)
            }
            Type::Caller => match word {
                "id" | "actor_id" => Expression::new(K::CallerId, Type::Uuid),
                "role" => Expression::new(K::CallerRole, Type::String),
                _ => self.no_member(&ty, name, &["id", "role"]),
            },
            Type::String | Type::State(_) => self.no_member(&ty, name, &["length"]),
            _ => self.no_member(&ty, name, &[]),
        }
    }

    fn no_member(&mut self, ty: &Type, name: &Name, known: &[&str]) -> Expression {
        let message = format!("`{}` has no field `{}`", self.show(ty), name.text);
        let mut problem = self.problem(Code::UNKNOWN_FIELD, name.span, message);
        problem = if name.text == "unique" {
            problem.help("`.unique` stands alone, as a constraint of an entity")
        } else {
            problem.one_of(&name.text, known.iter().copied())
        };
        self.report(problem);
        Expression::unknown()
    }

    fn member_of(&mut self, value: Expression, id: EntityId, name: &Name, many: bool) -> Expression {
        let found = self
            .members
            .get(id.0)
            .and_then(|members| members.get(&name.text))
            .cloned();
        let Some(member) = found else {
            let tree = self.trees.entities.get(id.0);
            let incomplete = tree.is_some_and(|(_, tree)| tree.incomplete);
            if name.text == "unique" {
                return self.no_member(&Type::Entity(id), name, &[]);
            }
            if !incomplete {
                let problem = self.no_field(id, name);
                self.report(problem);
            }
            return Expression::unknown();
        };
        let row = Box::new(value);
        let kind = match member.kind {
            MemberKind::Relation => K::Related {
                row,
                relation: name.text.clone(),
            },
            MemberKind::Column | MemberKind::Derived => K::Column {
                row,
                column: name.text.clone(),
            },
        };
        let ty = match (many, member.ty) {
            // The values of many rows in one list, those of lists one behind the other.
            (true, Type::List(inner)) if member.kind == MemberKind::Relation => Type::List(inner),
            (true, ty) => Type::List(Box::new(ty.required().clone())),
            (false, ty) => ty,
        };
        Expression::new(kind, ty)
    }

    /// A constraint is kept by the database, row by row: it can't look elsewhere.
    fn same_row(&mut self, value: &Expression, names: &[Name]) {
        let mut elsewhere = false;
        value.walk(&mut |part| {
            elsewhere |= matches!(
                part.kind,
                K::Related { .. } | K::CallerId | K::CallerRole | K::Now
            );
        });
        let (true, Some(first)) = (elsewhere, names.first()) else {
            return;
        };
        let span = names.last().map_or(first.span, |last| first.span.to(last.span));
        let message = format!("`{}` is not a field of the row itself", self.text(span));
        let problem = self.problem(Code::NOT_OWN, span, message);
        self.report(problem.help("write it into the `requires` of the capabilities that it is for"));
    }
}

fn key(value: Expression, word: &str, ty: Type) -> Expression {
    let kind = K::Key {
        value: Box::new(value),
        key: word.to_owned(),
    };
    Expression::new(kind, ty)
}

fn length(value: Expression) -> Expression {
    Expression::new(K::Length(Box::new(value)), Type::Uint)
}
