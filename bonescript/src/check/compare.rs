//! Comparisons: what can be compared, and values that a field can't have.

use super::Checker;
use super::expression::literal;
use super::scope::Scope;
use crate::ast::{self, BinaryOperator, ExpressionKind as A};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Expression, ExpressionKind as K, Literal, Type};
use crate::text::Span;

impl Checker<'_> {
    /// Both sides of a comparison. A bare word beside a state is that state: `order.state == paid`.
    pub(super) fn sides(
        &mut self,
        left: &ast::Expression,
        right: &ast::Expression,
        scope: &Scope,
    ) -> (Expression, Expression) {
        if self.could_be_state(left, scope) {
            let value = self.expression(right, scope);
            return (self.state_or(left, &value, scope), value);
        }
        let value = self.expression(left, scope);
        let other = self.state_or(right, &value, scope);
        (value, other)
    }

    fn could_be_state(&self, tree: &ast::Expression, scope: &Scope) -> bool {
        let A::Path(names) = &tree.kind else { return false };
        let [name] = names.as_slice() else { return false };
        let known = match scope {
            Scope::Row { entity, .. } => self
                .members
                .get(entity.0)
                .is_some_and(|members| members.contains_key(&name.text)),
            _ => scope.parameter(&name.text).is_some() || scope.names().contains(&name.text.as_str()),
        };
        !known
    }

    fn state_or(&mut self, tree: &ast::Expression, other: &Expression, scope: &Scope) -> Expression {
        if matches!(other.ty.required(), Type::State(_))
            && self.could_be_state(tree, scope)
            && let A::Path(names) = &tree.kind
            && let [name] = names.as_slice()
        {
            return literal(Literal::String(name.text.clone()), Type::String);
        }
        self.expression(tree, scope)
    }

    /// Says where two sides can't be compared.
    pub(super) fn comparison(
        &mut self,
        operator: BinaryOperator,
        left: (&Expression, &ast::Expression),
        right: (&Expression, &ast::Expression),
        span: Span,
    ) {
        use BinaryOperator as B;
        if !matches!(operator, B::Equal | B::NotEqual) {
            for (value, tree) in [left, right] {
                let ordered = matches!(
                    value.ty.required(),
                    Type::Uint
                        | Type::Int
                        | Type::Float
                        | Type::Timestamp
                        | Type::Duration
                        | Type::String
                        | Type::Json
                        | Type::Unknown
                );
                if !ordered {
                    let message = format!(
                        "`{}` has no order for `{}`",
                        self.show(&value.ty),
                        operator.sign()
                    );
                    let problem = self.problem(Code::BAD_OPERAND, tree.span, message);
                    let problem = match &value.ty {
                        Type::List(_) | Type::Set(_) | Type::Map(..) => problem.help("compare its `.size`"),
                        _ => problem,
                    };
                    self.report(problem.expected("a number, text, a timestamp or a duration"));
                    return;
                }
            }
        }
        self.comparable(left.0, right.0, span);
        self.choice(left.0, right.0, right.1.span);
        self.choice(right.0, left.0, left.1.span);
    }

    fn comparable(&mut self, left: &Expression, right: &Expression, span: Span) {
        let (a, b) = (&left.ty, &right.ty);
        let never =
            |other: &Type| !matches!(other, Type::Optional(_) | Type::Json | Type::Unknown | Type::None);
        if (*a == Type::None && never(b)) || (*b == Type::None && never(a)) {
            let other = if *a == Type::None { b } else { a };
            let message = format!("`{}` is never `none`", self.show(other));
            let problem = self.problem(Code::INCOMPARABLE, span, message);
            self.report(problem.help("make it `optional<…>`, or leave the comparison out"));
            return;
        }
        let texts = |literal_side: &Expression, other: &Type| {
            matches!(literal_side.literal(), Some(Literal::String(_)))
                && matches!(other.required(), Type::Uuid | Type::Timestamp)
        };
        if texts(left, b) {
            return self.fits(left, b, span, "one side");
        }
        if texts(right, a) {
            return self.fits(right, a, span, "one side");
        }
        let states = matches!(
            (a.required(), b.required()),
            (Type::State(_), Type::String) | (Type::String, Type::State(_))
        );
        let caller = matches!(
            (a.required(), b.required()),
            (Type::Caller, Type::Entity(_)) | (Type::Entity(_), Type::Caller)
        );
        let numbers = a.required().is_numeric() && b.required().is_numeric();
        if states || caller || numbers || self.assignable(a, b) || self.assignable(b, a) {
            return;
        }
        let (left, right) = (self.show(a), self.show(b));
        let message = format!("`{left}` and `{right}` can't be compared");
        let problem = self.problem(Code::INCOMPARABLE, span, message);
        self.report(problem.expected("two values of one type"));
    }

    /// Says where a constant is none of the values that a field can have.
    pub(super) fn choice(&mut self, field: &Expression, value: &Expression, span: Span) {
        let Some(Literal::String(text)) = value.literal() else {
            return;
        };
        let Some((what, choices)) = self.choices(field) else {
            return;
        };
        if choices.contains(text) {
            return;
        }
        let problem = self.no_choice(&what, text, &choices, span);
        self.report(problem);
    }

    fn no_choice(&self, what: &str, text: &str, choices: &[String], span: Span) -> Diagnostic {
        let message = format!("{what} is never `{text}`");
        let problem = self.problem(Code::UNKNOWN_VALUE, span, message);
        let mut problem = problem.one_of(text, choices.iter().map(String::as_str));
        if let Some(fix) = &mut problem.fix
            && self
                .sources
                .get(self.source)
                .is_some_and(|source| source.text.get(span.range()).unwrap_or_default().starts_with('"'))
        {
            fix.replacement = format!("\"{}\"", fix.replacement);
        }
        problem
    }

    /// All values that a field can have, where they are known.
    fn choices(&self, field: &Expression) -> Option<(String, Vec<String>)> {
        if let Type::State(id) = field.ty.required() {
            let entity = self.system.entity(*id)?;
            let states = entity.machine.as_ref()?.states.clone();
            return Some((format!("the state of `{}`", entity.name), states));
        }
        let K::Column { row, column } = &field.kind else {
            return None;
        };
        let id = match row.ty.required() {
            Type::Entity(id) => id,
            other => match other.element()? {
                Type::Entity(id) => id,
                _ => return None,
            },
        };
        let choices = &self.system.entity(*id)?.column(column)?.facts.choices;
        (!choices.is_empty()).then(|| (format!("`{column}`"), choices.clone()))
    }

    /// `in` and `contains`.
    pub(super) fn membership(
        &mut self,
        operator: BinaryOperator,
        left: &ast::Expression,
        right: &ast::Expression,
        span: Span,
        scope: &Scope,
    ) -> Expression {
        if operator == BinaryOperator::Contains {
            let (whole, part) = (self.expression(left, scope), self.expression(right, scope));
            self.element(&whole, left.span, &part, right.span);
            return Expression::new(K::Binary(operator, Box::new(whole), Box::new(part)), Type::Bool);
        }
        let part = self.expression(left, scope);
        if let A::Range(low, high) = &right.kind {
            let (low_value, high_value) = (self.expression(low, scope), self.expression(high, scope));
            self.comparison(
                BinaryOperator::GreaterEqual,
                (&part, left),
                (&low_value, low),
                span,
            );
            self.comparison(
                BinaryOperator::LessEqual,
                (&part, left),
                (&high_value, high),
                span,
            );
            self.empty_range(&low_value, &high_value, right.span);
            let ty = Type::List(Box::new(low_value.ty.clone()));
            let range = Expression::new(K::Range(Box::new(low_value), Box::new(high_value)), ty);
            return Expression::new(K::Binary(operator, Box::new(part), Box::new(range)), Type::Bool);
        }
        let whole = self.list_of_states(&part, right, scope);
        if let (K::List(items), A::List(trees)) = (&whole.kind, &right.kind) {
            for (item, tree) in items.iter().zip(trees) {
                self.comparison(BinaryOperator::Equal, (&part, left), (item, tree), tree.span);
            }
        } else {
            self.element(&whole, right.span, &part, left.span);
        }
        Expression::new(K::Binary(operator, Box::new(part), Box::new(whole)), Type::Bool)
    }

    fn list_of_states(&mut self, part: &Expression, tree: &ast::Expression, scope: &Scope) -> Expression {
        match &tree.kind {
            A::List(items) if matches!(part.ty.required(), Type::State(_)) => {
                let items = items
                    .iter()
                    .map(|item| self.state_or(item, part, scope))
                    .collect();
                Expression::new(K::List(items), Type::List(Box::new(Type::String)))
            }
            _ => self.expression(tree, scope),
        }
    }

    fn empty_range(&mut self, low: &Expression, high: &Expression, span: Span) {
        let number = |value: &Expression| match value.literal() {
            Some(Literal::Integer(value)) => Some(*value),
            _ => None,
        };
        if let (Some(low), Some(high)) = (number(low), number(high))
            && low > high
        {
            let problem = self.problem(
                Code::OUT_OF_RANGE,
                span,
                format!("nothing is from {low} to {high}"),
            );
            self.report(
                problem
                    .expected("the smaller number first")
                    .replace(span, format!("{high}..{low}")),
            );
        }
    }

    /// Says where `part` can't be an element of `whole`.
    fn element(&mut self, whole: &Expression, whole_span: Span, part: &Expression, span: Span) {
        let element = match whole.ty.required() {
            Type::List(element) | Type::Set(element) => element.as_ref().clone(),
            Type::Map(key, _) => key.as_ref().clone(),
            Type::String | Type::State(_) => Type::String,
            Type::Json | Type::Unknown => return,
            other => {
                let message = format!("`{}` holds no elements", self.show(other));
                let problem = self.problem(Code::BAD_OPERAND, whole_span, message);
                self.report(problem.expected("a list, a set, a map, text or a range such as `1..9`"));
                return;
            }
        };
        let element = Expression::new(K::Literal(Literal::None), element);
        if part.ty != Type::None {
            self.comparable(&element, part, span);
        }
    }
}
