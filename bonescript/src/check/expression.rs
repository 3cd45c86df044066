//! Expressions: each gets its type and its typed form.

use super::Checker;
use super::scope::Scope;
use crate::ast::{self, BinaryOperator, ExpressionKind as A};
use crate::diagnostic::Code;
use crate::ir::{Expression, ExpressionKind as K, Literal, Type, UnaryOperator};
use crate::text::Span;

impl Checker<'_> {
    /// An expression in its scope.
    pub(super) fn expression(&mut self, tree: &ast::Expression, scope: &Scope) -> Expression {
        let span = tree.span;
        match &tree.kind {
            A::String(text) => literal(Literal::String(text.clone()), Type::String),
            A::Integer(value) => self.integer(*value, span),
            A::Float(value) => literal(Literal::Float(*value), Type::Float),
            A::Duration(value) => literal(Literal::Duration(*value), Type::Duration),
            A::Bool(value) => literal(Literal::Bool(*value), Type::Bool),
            A::None => literal(Literal::None, Type::None),
            A::Now => {
                if scope.is_row() {
                    let problem = self.problem(
                        Code::NOT_OWN,
                        span,
                        "a constraint must hold at any time, and `now` changes",
                    );
                    self.report(
                        problem.help("write it into the `requires` of the capabilities that it is for"),
                    );
                }
                if matches!(scope, Scope::Constant) {
                    return literal(Literal::Now, Type::Timestamp);
                }
                Expression::new(K::Now, Type::Timestamp)
            }
            A::List(items) => self.list(items, scope),
            A::Map(entries) => self.map(entries, scope),
            A::Path(names) => self.path(names, scope),
            A::Call(name, arguments) => self.function(name, arguments, span, scope),
            A::Unary(ast::UnaryOperator::Not, operand) => self.not(operand, scope),
            A::Unary(ast::UnaryOperator::Negate, operand) => self.negate(operand, scope),
            A::Binary(operator, left, right) => self.binary(*operator, left, right, span, scope),
            A::Range(..) => {
                let problem = self.problem(Code::SYNTAX, span, "a range stands behind `in` only");
                self.report(problem.help("write `x in 1..9`"));
                Expression::unknown()
            }
            A::Ternary(condition, then, otherwise) => {
                let condition = self.condition(condition, scope);
                let (left, right) = (self.expression(then, scope), self.expression(otherwise, scope));
                let ty = joined(&left.ty, &right.ty).unwrap_or_else(|| {
                    let (left, right) = (self.show(&left.ty), self.show(&right.ty));
                    let message = format!("one side is `{left}`, the other `{right}`");
                    let problem = self.problem(Code::TYPE_MISMATCH, then.span.to(otherwise.span), message);
                    self.report(problem.expected("two values of one type"));
                    Type::Unknown
                });
                let parts = (Box::new(condition), Box::new(left), Box::new(right));
                Expression::new(K::Ternary(parts.0, parts.1, parts.2), ty)
            }
            A::Group(inner) => self.expression(inner, scope),
        }
    }

    /// An expression that must be true or false.
    pub(super) fn condition(&mut self, tree: &ast::Expression, scope: &Scope) -> Expression {
        let value = self.expression(tree, scope);
        // json may hold true or false, but nobody can tell: it has to be compared.
        if !matches!(value.ty.required(), Type::Bool | Type::Unknown) {
            let message = format!(
                "`{}` is not true or false but `{}`",
                self.text(tree.span),
                self.show(&value.ty)
            );
            let problem = self.problem(Code::NOT_BOOL, tree.span, message);
            self.report(
                problem
                    .expected("a condition")
                    .help("compare it with something, as in `x > 0`"),
            );
            return Expression::unknown();
        }
        value
    }

    fn integer(&mut self, value: u64, span: Span) -> Expression {
        let value = i64::try_from(value).unwrap_or_else(|_| {
            let problem = self.problem(
                Code::NUMBER_TOO_LARGE,
                span,
                "this number is larger than 64 bits with a sign hold",
            );
            self.report(problem.help("the largest is 9223372036854775807"));
            i64::MAX
        });
        literal(Literal::Integer(value), Type::Uint)
    }

    fn list(&mut self, items: &[ast::Expression], scope: &Scope) -> Expression {
        let items: Vec<Expression> = items.iter().map(|item| self.expression(item, scope)).collect();
        let element = common(items.iter().map(|item| &item.ty), Type::Json);
        Expression::new(K::List(items), Type::List(Box::new(element)))
    }

    fn map(&mut self, entries: &[(ast::Expression, ast::Expression)], scope: &Scope) -> Expression {
        let mut lowered = Vec::new();
        let mut seen: std::collections::HashMap<String, Span> = std::collections::HashMap::new();
        for (key_tree, value_tree) in entries {
            let this = (
                self.expression(key_tree, scope),
                self.expression(value_tree, scope),
            );
            if let Some(Literal::String(text)) = this.0.literal()
                && let Some(first) = seen.insert(text.clone(), key_tree.span)
            {
                let message = format!("the key `{text}` is in this map twice");
                let problem = self.problem(Code::DUPLICATE, key_tree.span, message);
                self.report(
                    problem
                        .also(self.source, first, "first here")
                        .help("remove one of them"),
                );
            }
            lowered.push(this);
        }
        let key = common(lowered.iter().map(|(key, _)| &key.ty), Type::String);
        let value = common(lowered.iter().map(|(_, value)| &value.ty), Type::Json);
        Expression::new(K::Map(lowered), Type::Map(Box::new(key), Box::new(value)))
    }

    fn not(&mut self, operand: &ast::Expression, scope: &Scope) -> Expression {
        let inner = self.condition(operand, scope);
        Expression::new(K::Unary(UnaryOperator::Not, Box::new(inner)), Type::Bool)
    }

    fn negate(&mut self, operand: &ast::Expression, scope: &Scope) -> Expression {
        let inner = self.expression(operand, scope);
        match inner.literal() {
            Some(Literal::Integer(value)) => return literal(Literal::Integer(-value), Type::Int),
            Some(Literal::Float(value)) => return literal(Literal::Float(-value), Type::Float),
            _ => {}
        }
        let ty = match inner.ty.required() {
            Type::Float => Type::Float,
            Type::Uint | Type::Int => Type::Int,
            Type::Json | Type::Unknown => inner.ty.clone(),
            other => {
                let message = format!("`-` of `{}`", self.show(other));
                let problem = self.problem(Code::BAD_OPERAND, operand.span, message);
                self.report(problem.expected("a number"));
                Type::Unknown
            }
        };
        Expression::new(K::Unary(UnaryOperator::Negate, Box::new(inner)), ty)
    }

    fn binary(
        &mut self,
        operator: BinaryOperator,
        left: &ast::Expression,
        right: &ast::Expression,
        span: Span,
        scope: &Scope,
    ) -> Expression {
        use BinaryOperator as B;
        if operator.compares()
            && let Some(operand) = self.negated_side(left, scope)
        {
            self.loose_not(left, operator);
            let compared = self.binary(operator, operand, right, span, scope);
            return Expression::new(K::Unary(UnaryOperator::Not, Box::new(compared)), Type::Bool);
        }
        let (left_value, right_value, ty) = match operator {
            B::And | B::Or => (
                self.condition(left, scope),
                self.condition(right, scope),
                Type::Bool,
            ),
            B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder => {
                let (left, right) = (self.expression(left, scope), self.expression(right, scope));
                let ty = self.arithmetic(operator, &left.ty, &right.ty, span);
                (left, right, ty)
            }
            B::In | B::Contains => return self.membership(operator, left, right, span, scope),
            B::Equal | B::NotEqual | B::Less | B::Greater | B::LessEqual | B::GreaterEqual => {
                self.loose_not(left, operator);
                let (left_value, right_value) = self.sides(left, right, scope);
                self.comparison(operator, (&left_value, left), (&right_value, right), span);
                (left_value, right_value, Type::Bool)
            }
        };
        Expression::new(
            K::Binary(operator, Box::new(left_value), Box::new(right_value)),
            ty,
        )
    }

    /// `not xs contains y`, where `not xs` would mean nothing: what is denied is the comparison.
    fn negated_side<'t>(&mut self, left: &'t ast::Expression, scope: &Scope) -> Option<&'t ast::Expression> {
        let A::Unary(ast::UnaryOperator::Not, operand) = &left.kind else {
            return None;
        };
        // Only of a path, since it is looked at twice; what is wrong with it is said once all the same.
        matches!(operand.kind, A::Path(_)).then_some(())?;
        let ty = self.expression(operand, scope).ty;
        let other = !matches!(ty.required(), Type::Bool | Type::Unknown);
        other.then_some(operand)
    }

    fn loose_not(&mut self, left: &ast::Expression, operator: BinaryOperator) {
        if let A::Unary(ast::UnaryOperator::Not, operand) = &left.kind {
            let text = self.text(operand.span);
            let message = format!("`not` binds tighter than `{}`", operator.sign());
            let problem = self.problem(Code::LOOSE_NOT, left.span, message);
            self.report(problem.help(format!(
                "write `not ({text} {} …)`, or `(not {text})`",
                operator.sign()
            )));
        }
    }

    fn arithmetic(&mut self, operator: BinaryOperator, left: &Type, right: &Type, span: Span) -> Type {
        use BinaryOperator as B;
        use Type as T;
        let (left, right) = (left.required(), right.required());
        match (operator, left, right) {
            (_, T::Unknown, _) | (_, _, T::Unknown) => T::Unknown,
            (
                B::Add,
                T::String | T::State(_),
                T::Bytes | T::List(_) | T::Set(_) | T::Map(..) | T::Entity(_),
            ) => self.no_arithmetic(operator, left, right, span),
            (B::Add, T::String | T::State(_), _) | (B::Add, _, T::String)
                if !matches!(left, T::List(_) | T::Set(_)) =>
            {
                T::String
            }
            (_, T::Json, _) | (_, _, T::Json) => T::Json,
            (_, T::Float, _) | (_, _, T::Float) if left.is_numeric() && right.is_numeric() => T::Float,
            (B::Subtract, ..) if left.is_numeric() && right.is_numeric() => T::Int,
            (_, T::Uint, T::Uint) => T::Uint,
            _ if left.is_numeric() && right.is_numeric() => T::Int,
            (B::Add | B::Subtract, T::Timestamp, T::Duration) | (B::Add, T::Duration, T::Timestamp) => {
                T::Timestamp
            }
            (B::Subtract, T::Timestamp, T::Timestamp) | (B::Add | B::Subtract, T::Duration, T::Duration) => {
                T::Duration
            }
            (B::Multiply | B::Divide, T::Duration, number) | (B::Multiply, number, T::Duration)
                if number.is_numeric() =>
            {
                T::Duration
            }
            _ => self.no_arithmetic(operator, left, right, span),
        }
    }

    fn no_arithmetic(&mut self, operator: BinaryOperator, left: &Type, right: &Type, span: Span) -> Type {
        let (left, right) = (self.show(left), self.show(right));
        let message = format!("`{}` between `{left}` and `{right}`", operator.sign());
        let problem = self.problem(Code::BAD_OPERAND, span, message);
        self.report(problem.expected("two numbers"));
        Type::Unknown
    }
}

/// The type of all of them; `empty` where there are none, json where they have none in common.
fn common<'t>(types: impl Iterator<Item = &'t Type>, empty: Type) -> Type {
    let mut common: Option<Type> = None;
    for ty in types {
        common = Some(match common {
            None => ty.clone(),
            Some(before) => joined(&before, ty).unwrap_or(Type::Json),
        });
    }
    common.filter(|ty| *ty != Type::None).unwrap_or(empty)
}

/// The type that values of both types have.
fn joined(left: &Type, right: &Type) -> Option<Type> {
    use Type as T;
    let optional = |ty: &Type| match ty {
        T::Optional(_) | T::None | T::Unknown | T::Json => ty.clone(),
        other => T::Optional(Box::new(other.clone())),
    };
    Some(match (left, right) {
        (left, right) if left == right => left.clone(),
        (T::None, other) | (other, T::None) => optional(other),
        (T::Unknown, _) | (_, T::Unknown) => T::Unknown,
        (T::Json, _) | (_, T::Json) => T::Json,
        (T::Optional(left), right) | (right, T::Optional(left)) => optional(&joined(left, right.required())?),
        (T::Float, other) | (other, T::Float) if other.is_numeric() => T::Float,
        (T::Uint | T::Int, T::Uint | T::Int) => T::Int,
        (T::State(_), T::String) | (T::String, T::State(_)) => T::String,
        (T::Uuid, T::Entity(_) | T::Caller) | (T::Entity(_) | T::Caller, T::Uuid) => T::Uuid,
        (T::List(left), T::List(right)) => T::List(Box::new(joined(left, right)?)),
        _ => return None,
    })
}

pub(super) fn literal(value: Literal, ty: Type) -> Expression {
    Expression::new(K::Literal(value), ty)
}
