//! Derived fields, constraints and guards: what is said of one row.

use std::collections::{HashMap, HashSet};

use super::entity::{MAX_LINKS, edges, implicit};
use super::scope::Scope;
use super::{Checker, Member, MemberKind};
use crate::ast::{self, ExpressionKind as A, Name};
use crate::diagnostic::Code;
use crate::ir::{
    BinaryOperator, Check, Column, ColumnKind, EntityId, Expression, ExpressionKind as K, Facts, Literal,
    Type,
};

/// What the constraints of an entity say of its columns, by their names.
#[derive(Default)]
struct Gathered {
    facts: HashMap<String, Vec<Facts>>,
    uniques: HashSet<String>,
}

impl Checker<'_> {
    /// Derived fields, each after those that it uses.
    pub(super) fn derived(&mut self) {
        for (index, (source, tree)) in self.trees.entities.clone().into_iter().enumerate() {
            self.source = source;
            let id = EntityId(index);
            let by_name: HashMap<&str, usize> = tree
                .derived
                .iter()
                .enumerate()
                .rev()
                .map(|(at, derived)| (derived.name.text.as_str(), at))
                .collect();
            let mut order = Order {
                by_name,
                state: vec![Visit::New; tree.derived.len()],
                sorted: Vec::new(),
            };
            let mut circular = Vec::new();
            for at in 0..tree.derived.len() {
                if let Some(name) = order.visit(tree, at, 0) {
                    circular.push(name.text.as_str());
                    let member = Member {
                        ty: Type::Unknown,
                        kind: MemberKind::Derived,
                        span: name.span,
                        source,
                    };
                    self.member(id, &name.text, member);
                    let message = format!("`{}` needs itself to be computed", name.text);
                    let problem = self.problem(Code::CIRCULAR_DERIVED, name.span, message);
                    self.report(problem.help("compute one of them from fields that are kept"));
                }
            }
            for at in order.sorted {
                if let Some(derived) = tree.derived.get(at)
                    && !circular.contains(&derived.name.text.as_str())
                {
                    self.derive(id, tree, derived);
                }
            }
        }
    }

    fn derive(&mut self, id: EntityId, tree: &ast::Entity, derived: &ast::Derived) {
        if self.taken_member(id, "the derived field", &derived.name) {
            return;
        }
        let scope = row(id, tree);
        let value = self.expression(&derived.value, &scope);
        let open = |name: &str| {
            let entity = self.system.entity(id);
            entity
                .and_then(|entity| entity.column(name))
                .is_none_or(|column| column.nullable)
        };
        let nullable = matches!(value.ty, Type::Optional(_)) || value.may_be_none(&open);
        let ty = match value.ty.required() {
            Type::State(_) => Type::String,
            Type::Duration => Type::Int,
            other => other.clone(),
        };
        // What follows from a secret tells of it.
        let sensitive = self.reads_sensitive(id, &value);
        let column = Column {
            kind: ColumnKind::Derived(value),
            nullable,
            sensitive,
            ..implicit(&derived.name.text, ty)
        };
        self.column(id, column, (self.source, derived.name.span));
    }

    /// Constraints and guards, and what they say of single columns.
    pub(super) fn constraints_of_entities(&mut self) {
        for (index, (source, tree)) in self.trees.entities.clone().into_iter().enumerate() {
            self.source = source;
            let id = EntityId(index);
            let mut gathered = Gathered::default();
            for constraint in &tree.constraints {
                self.constraint(id, tree, constraint, &mut gathered);
            }
            self.entity_mut(id, |entity| {
                for column in &mut entity.columns {
                    for facts in gathered.facts.remove(&column.name).unwrap_or_default() {
                        merge(&mut column.facts, facts);
                    }
                }
            });
            self.guards(id, tree);
        }
    }

    fn constraint(
        &mut self,
        id: EntityId,
        tree: &ast::Entity,
        constraint: &ast::Expression,
        gathered: &mut Gathered,
    ) {
        if let Some(field) = unique(constraint) {
            // `user.email.unique` names the entity, too; only its own row can be meant.
            let known = field.first().filter(|_| field.len() == 1);
            if let Some(name) = known {
                if self.own_column(id, name, tree.incomplete) && gathered.uniques.insert(name.text.clone()) {
                    self.entity_mut(id, |entity| entity.uniques.push(name.text.clone()));
                }
            } else {
                let message = format!("`.unique` is said of a field of `{}`", tree.name.text);
                let problem = self.problem(Code::NOT_OWN, constraint.span, message);
                self.report(problem.help("write `field.unique`"));
            }
            return;
        }
        if let A::Binary(BinaryOperator::And, left, right) = &constraint.kind {
            self.constraint(id, tree, left, gathered);
            self.constraint(id, tree, right, gathered);
            return;
        }
        let scope = row(id, tree);
        let condition = self.condition(constraint, &scope);
        if condition.ty == Type::Unknown {
            return;
        }
        let facts = fact(&condition);
        let check = Check {
            condition,
            text: self.text(constraint.span),
        };
        if let Some((column, facts)) = facts {
            gathered.facts.entry(column).or_default().push(facts);
        }
        self.entity_mut(id, |entity| entity.checks.push(check));
    }

    fn guards(&mut self, id: EntityId, tree: &ast::Entity) {
        let Some(graph) = &tree.states else { return };
        let scope = row(id, tree);
        let guarded: Vec<_> = graph
            .links
            .iter()
            .filter_map(|link| link.guard.as_ref())
            .collect();
        if guarded.is_empty() || graph.links.len() > MAX_LINKS {
            return;
        }
        let mut checked: Vec<(crate::text::Span, Check)> = Vec::new();
        for guard in guarded {
            let condition = self.condition(guard, &scope);
            let text = self.text(guard.span);
            checked.push((guard.span, Check { condition, text }));
        }
        for (from, link) in edges(graph) {
            // A guard behind `->` holds for the alternatives behind `|`, unless one has its own.
            let arrow = graph
                .links
                .iter()
                .take_while(|other| !std::ptr::eq(*other, link))
                .chain([link]);
            let mut guard = None;
            for other in arrow {
                if !other.alternative || other.guard.is_some() {
                    guard = other.guard.as_ref();
                }
            }
            let guard = link.guard.as_ref().or(guard);
            let Some(guard) = guard else { continue };
            let check = checked
                .iter()
                .find(|(span, _)| *span == guard.span)
                .map(|(_, check)| check.clone());
            self.entity_mut(id, |entity| {
                let transitions = entity
                    .machine
                    .iter_mut()
                    .flat_map(|machine| &mut machine.transitions);
                for transition in transitions {
                    if transition.from == from.text && transition.to == link.state.text {
                        transition.guard.clone_from(&check);
                    }
                }
            });
        }
    }
}

fn row(id: EntityId, tree: &ast::Entity) -> Scope {
    Scope::Row {
        entity: id,
        incomplete: tree.incomplete,
    }
}

/// The path before `.unique`.
fn unique(tree: &ast::Expression) -> Option<&[Name]> {
    match &tree.kind {
        A::Path(names) => {
            let (last, field) = names.split_last()?;
            (last.text == "unique" && !field.is_empty()).then_some(field)
        }
        A::Group(inner) => unique(inner),
        _ => None,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    New,
    Open,
    Done,
}

/// Derived fields in the order in which they can be computed.
struct Order<'a> {
    by_name: HashMap<&'a str, usize>,
    state: Vec<Visit>,
    sorted: Vec<usize>,
}

impl<'a> Order<'a> {
    /// Sorts one in after those that it uses; gives the name of one that needs itself.
    fn visit(&mut self, tree: &'a ast::Entity, at: usize, depth: usize) -> Option<&'a Name> {
        /// Chains of derived fields are short; each step is a frame of the stack.
        const DEEPEST: usize = 64;
        match self.state.get(at).copied() {
            Some(Visit::New) => {}
            Some(Visit::Open) => return tree.derived.get(at).map(|derived| &derived.name),
            _ => return None,
        }
        if let Some(state) = self.state.get_mut(at) {
            *state = Visit::Open;
        }
        let derived = tree.derived.get(at)?;
        let mut used = Vec::new();
        paths(&derived.value, &mut used);
        let mut circle = None;
        for name in used {
            if let Some(next) = self.by_name.get(name).copied().filter(|_| depth < DEEPEST) {
                circle = circle.or(self.visit(tree, next, depth + 1));
            }
        }
        if let Some(state) = self.state.get_mut(at) {
            *state = Visit::Done;
        }
        self.sorted.push(at);
        circle
    }
}

/// The first names of all paths.
pub(super) fn paths<'a>(tree: &'a ast::Expression, into: &mut Vec<&'a str>) {
    match &tree.kind {
        A::Path(names) => into.extend(names.first().map(|name| name.text.as_str())),
        A::List(items) | A::Call(_, items) => items.iter().for_each(|item| paths(item, into)),
        A::Map(entries) => entries.iter().for_each(|(key, value)| {
            paths(key, into);
            paths(value, into);
        }),
        A::Unary(_, inner) | A::Group(inner) => paths(inner, into),
        A::Binary(_, left, right) | A::Range(left, right) => {
            paths(left, into);
            paths(right, into);
        }
        A::Ternary(condition, then, otherwise) => {
            paths(condition, into);
            paths(then, into);
            paths(otherwise, into);
        }
        A::String(_) | A::Integer(_) | A::Float(_) | A::Duration(_) | A::Bool(_) | A::None | A::Now => {}
    }
}

/// What a condition says of one column, where it is simple.
fn fact(condition: &Expression) -> Option<(String, Facts)> {
    let K::Binary(operator, left, right) = &condition.kind else {
        return None;
    };
    let mut facts = Facts::default();
    let (column, length) = match &left.kind {
        K::Own(column) => (column.clone(), false),
        K::Length(inner) => match &inner.kind {
            K::Own(column) => (column.clone(), true),
            _ => return None,
        },
        _ => return None,
    };
    let (low, high) = match (operator, &right.kind) {
        (BinaryOperator::In, K::List(items)) => {
            let texts = items.iter().map(|item| match item.literal() {
                Some(Literal::String(text)) => Some(text.clone()),
                _ => None,
            });
            facts.choices = texts.collect::<Option<_>>()?;
            return Some((column, facts));
        }
        (BinaryOperator::In, K::Range(low, high)) => (number(low), number(high)),
        (BinaryOperator::GreaterEqual, _) => (number(right), None),
        (BinaryOperator::LessEqual, _) => (None, number(right)),
        (BinaryOperator::Greater, _) => (
            whole(left)
                .then(|| number(right))
                .flatten()
                .map(|value| value + 1.0),
            None,
        ),
        (BinaryOperator::Less, _) => (
            None,
            whole(left)
                .then(|| number(right))
                .flatten()
                .map(|value| value - 1.0),
        ),
        _ => return None,
    };
    if low.is_none() && high.is_none() {
        return None;
    }
    if length {
        facts.minimum_length = low.and_then(natural);
        facts.maximum_length = high.and_then(natural);
    } else {
        (facts.minimum, facts.maximum) = (low, high);
    }
    Some((column, facts))
}

fn whole(value: &Expression) -> bool {
    matches!(value.ty.required(), Type::Uint | Type::Int)
}

fn number(value: &Expression) -> Option<f64> {
    match value.literal() {
        // Beyond 2^53 a bound would move; such a one stays in the checks only.
        Some(Literal::Integer(value)) => i32::try_from(*value).ok().map(f64::from),
        Some(Literal::Float(value)) => Some(*value),
        _ => None,
    }
}

fn natural(value: f64) -> Option<u64> {
    format!("{value}").parse().ok()
}

/// The tighter of both.
fn merge(facts: &mut Facts, more: Facts) {
    let tighter = |a: Option<f64>, b: Option<f64>, pick: fn(f64, f64) -> f64| match (a, b) {
        (Some(a), Some(b)) => Some(pick(a, b)),
        (a, b) => a.or(b),
    };
    facts.minimum = tighter(facts.minimum, more.minimum, f64::max);
    facts.maximum = tighter(facts.maximum, more.maximum, f64::min);
    facts.minimum_length = facts.minimum_length.max(more.minimum_length);
    facts.maximum_length = match (facts.maximum_length, more.maximum_length) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    if facts.choices.is_empty() {
        facts.choices = more.choices;
    }
}
