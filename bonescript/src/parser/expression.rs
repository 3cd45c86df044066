//! Expressions, by precedence climbing.

use super::{MAX_DEPTH, MAX_OPERATORS, Parse, Parser, Reported};
use crate::ast::{BinaryOperator, Call, Expression, ExpressionKind, Name, UnaryOperator};
use crate::diagnostic::{Code, Diagnostic};
use crate::lexer::unescape;
use crate::token::TokenKind;

/// The level of comparisons, which stand alone between their operands.
const COMPARISON: u8 = 3;

impl Parser<'_> {
    /// A whole expression.
    pub(super) fn expression(&mut self) -> Parse<Expression> {
        if self.depth == 0 {
            self.operators = 0;
        }
        self.deeper(|parser| {
            let condition = parser.binary(1)?;
            if !parser.eat(TokenKind::Question) {
                return Ok(condition);
            }
            let then = parser.expression()?;
            parser.want(TokenKind::Colon)?;
            let otherwise = parser.expression()?;
            let span = condition.span.to(otherwise.span);
            let parts = (Box::new(condition), Box::new(then), Box::new(otherwise));
            Ok(Expression {
                kind: ExpressionKind::Ternary(parts.0, parts.1, parts.2),
                span,
            })
        })
    }

    /// Runs `read` one level deeper, unless that is too deep.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep(&format!("this is nested deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn too_deep(&mut self, message: &str) -> Reported {
        if self.reported_at != Some(self.at) {
            self.reported_at = Some(self.at);
            let problem = Diagnostic::new(Code::TOO_DEEP, self.source, self.span(), message);
            self.report(problem.help("give a part of it a name of its own, as a `derived` field"));
        }
        Reported
    }

    fn binary(&mut self, level: u8) -> Parse<Expression> {
        if level > 5 {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        // What the comparison before compared with, for a chain of them.
        let mut compared: Option<Expression> = None;
        while let Some(operator) = self.operator().filter(|operator| operator.level() == level) {
            let place = self.span();
            self.operators += 1;
            if self.operators > MAX_OPERATORS {
                return Err(self.too_deep(&format!(
                    "this expression has more than {MAX_OPERATORS} operators"
                )));
            }
            self.step();
            let right = self.binary(level + 1)?;
            let right = self.range(operator, right)?;
            let middle = compared.take();
            if level == COMPARISON {
                compared = Some(right.clone());
            }
            if let Some(middle) = middle {
                let message = format!("`{}` follows a comparison: they don't chain", operator.sign());
                let problem = Diagnostic::new(Code::CHAINED_COMPARISON, self.source, place, message);
                self.report(problem.help("write `a < b and b < c`, or `b in 1..9`"));
                // As it is meant, so that nothing else follows from it.
                let second = joined(operator, middle, right);
                left = joined(BinaryOperator::And, left, second);
            } else {
                left = joined(operator, left, right);
            }
        }
        Ok(left)
    }

    /// `low .. high` behind `in`.
    fn range(&mut self, operator: BinaryOperator, low: Expression) -> Parse<Expression> {
        if operator != BinaryOperator::In || !self.eat(TokenKind::DotDot) {
            return Ok(low);
        }
        let high = self.binary(COMPARISON + 1)?;
        let span = low.span.to(high.span);
        Ok(Expression {
            kind: ExpressionKind::Range(Box::new(low), Box::new(high)),
            span,
        })
    }

    fn operator(&self) -> Option<BinaryOperator> {
        use BinaryOperator as B;
        Some(match self.peek() {
            TokenKind::EqualEqual => B::Equal,
            TokenKind::NotEqual => B::NotEqual,
            TokenKind::Less => B::Less,
            TokenKind::Greater => B::Greater,
            TokenKind::LessEqual => B::LessEqual,
            TokenKind::GreaterEqual => B::GreaterEqual,
            TokenKind::Plus => B::Add,
            TokenKind::Minus => B::Subtract,
            TokenKind::Star => B::Multiply,
            TokenKind::Slash => B::Divide,
            TokenKind::Percent => B::Remainder,
            TokenKind::And => B::And,
            TokenKind::Or => B::Or,
            TokenKind::Word => match self.word() {
                "or" => B::Or,
                "and" => B::And,
                "in" => B::In,
                "contains" => B::Contains,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn unary(&mut self) -> Parse<Expression> {
        let operator = match self.peek() {
            TokenKind::Minus => UnaryOperator::Negate,
            TokenKind::Not => UnaryOperator::Not,
            TokenKind::Word if self.is_word("not") => UnaryOperator::Not,
            _ => return self.primary(),
        };
        let start = self.span();
        self.step();
        let operand = self.deeper(Self::unary)?;
        let span = start.to(operand.span);
        Ok(Expression {
            kind: ExpressionKind::Unary(operator, Box::new(operand)),
            span,
        })
    }

    fn primary(&mut self) -> Parse<Expression> {
        let span = self.span();
        let kind = match self.peek() {
            TokenKind::OpenParen => {
                self.step();
                let inner = self.expression()?;
                self.want(TokenKind::CloseParen)?;
                ExpressionKind::Group(Box::new(inner))
            }
            TokenKind::OpenBracket => {
                let (items, _) = self.list(TokenKind::OpenBracket, &mut Self::expression)?;
                ExpressionKind::List(items)
            }
            TokenKind::OpenBrace => {
                let (items, _) = self.list(TokenKind::OpenBrace, &mut Self::entry)?;
                ExpressionKind::Map(items)
            }
            TokenKind::String => {
                let value = unescape(self.text_at(self.at));
                self.step();
                ExpressionKind::String(value)
            }
            TokenKind::Integer => ExpressionKind::Integer(self.integer()),
            TokenKind::Duration => ExpressionKind::Duration(self.milliseconds()),
            TokenKind::Float => {
                let value = self.text_at(self.at).parse();
                self.step();
                // Digits, a dot and digits: the standard library reads them all, the longest as infinity.
                ExpressionKind::Float(value.unwrap_or_default())
            }
            TokenKind::Word => return self.word_expression(),
            _ => return Err(self.expected("an expression")),
        };
        Ok(Expression {
            kind,
            span: span.to(self.before()),
        })
    }

    fn entry(&mut self) -> Parse<(Expression, Expression)> {
        let key = if self.peek() == TokenKind::Word && self.kind_at(self.at + 1) == TokenKind::Colon {
            let name = self.name("a key")?;
            Expression {
                kind: ExpressionKind::String(name.text),
                span: name.span,
            }
        } else {
            self.deeper(|parser| parser.binary(COMPARISON + 1))?
        };
        self.want(TokenKind::Colon)?;
        Ok((key, self.expression()?))
    }

    fn word_expression(&mut self) -> Parse<Expression> {
        let span = self.span();
        let constant = match self.word() {
            "true" => Some(ExpressionKind::Bool(true)),
            "false" => Some(ExpressionKind::Bool(false)),
            "none" => Some(ExpressionKind::None),
            "now" => Some(ExpressionKind::Now),
            "and" | "or" | "in" | "contains" => return Err(self.expected("an expression")),
            _ => None,
        };
        // A field may be called so, too.
        let constant = constant.filter(|_| self.kind_at(self.at + 1) != TokenKind::Dot);
        if let Some(kind) = constant {
            self.step();
            if kind == ExpressionKind::Now
                && self.peek() == TokenKind::OpenParen
                && self.kind_at(self.at + 1) == TokenKind::CloseParen
            {
                self.step();
                self.step();
            }
            return Ok(Expression {
                kind,
                span: span.to(self.before()),
            });
        }
        let name = self.name("a name")?;
        if self.peek() == TokenKind::OpenParen {
            let (arguments, _) = self.list(TokenKind::OpenParen, &mut Self::expression)?;
            return Ok(Expression {
                kind: ExpressionKind::Call(name, arguments),
                span: span.to(self.before()),
            });
        }
        let path = self.path_after(name)?;
        Ok(Expression {
            kind: ExpressionKind::Path(path),
            span: span.to(self.before()),
        })
    }

    /// `.b.c` behind a first name.
    pub(super) fn path_after(&mut self, first: Name) -> Parse<Vec<Name>> {
        let mut path = vec![first];
        while self.eat(TokenKind::Dot) {
            if path.len() >= MAX_DEPTH {
                return Err(self.too_deep(&format!("this path has more than {MAX_DEPTH} names")));
            }
            path.push(self.name("the name of a field")?);
        }
        Ok(path)
    }

    /// `f(a, b)`.
    pub(super) fn call(&mut self, what: &str) -> Parse<Call> {
        let start = self.span();
        let name = self.name(what)?;
        let (arguments, _) = self.list(TokenKind::OpenParen, &mut Self::expression)?;
        Ok(Call {
            name,
            arguments,
            span: start.to(self.before()),
        })
    }
}

fn joined(operator: BinaryOperator, left: Expression, right: Expression) -> Expression {
    let span = left.span.to(right.span);
    Expression {
        kind: ExpressionKind::Binary(operator, Box::new(left), Box::new(right)),
        span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Problems;
    use crate::text::SourceId;

    fn shape(text: &str) -> String {
        let program = format!("system S {{ constraint c: {text} }}");
        let mut problems = Problems::default();
        let tokens = crate::lexer::tokens(SourceId(0), &program, &mut problems);
        let file = crate::parser::parse(SourceId(0), &program, &tokens, &mut problems);
        if let Some(first) = problems.into_sorted().first() {
            return format!("{}: {}", first.code, first.message);
        }
        match &file.systems[0].declarations[0] {
            crate::ast::Declaration::Constraint(constraint) => show(&constraint.condition),
            other => panic!("{other:?}"),
        }
    }

    fn show(expression: &Expression) -> String {
        match &expression.kind {
            ExpressionKind::Binary(operator, left, right) => {
                format!("({} {} {})", show(left), operator.sign(), show(right))
            }
            ExpressionKind::Unary(operator, operand) => format!("{operator:?}({})", show(operand)),
            ExpressionKind::Ternary(a, b, c) => format!("({} ? {} : {})", show(a), show(b), show(c)),
            ExpressionKind::Range(low, high) => format!("{}..{}", show(low), show(high)),
            ExpressionKind::Path(path) => path
                .iter()
                .map(|name| name.text.as_str())
                .collect::<Vec<_>>()
                .join("."),
            ExpressionKind::Integer(value) => value.to_string(),
            ExpressionKind::Duration(value) => format!("{value}ms"),
            ExpressionKind::Group(inner) => format!("[{}]", show(inner)),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn operators_bind_as_documented() {
        for (text, expected) in [
            ("a or b and c == d + e * f", "(a or (b and (c == (d + (e * f)))))"),
            ("a - b - c", "((a - b) - c)"),
            ("not a == b", "(Not(a) == b)"),
            ("- a * b", "(Negate(a) * b)"),
            ("(a + b) * c", "([(a + b)] * c)"),
            ("x in 1..9 and y", "((x in 1..9) and y)"),
            ("x in a - 1 .. b + 1", "(x in (a - 1)..(b + 1))"),
            ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
            ("a.state.index contains order", "(a.state.index contains order)"),
            ("due > 5m", "(due > 300000ms)"),
            ("a < b < c", "B0111: `<` follows a comparison: they don't chain"),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn depth_and_length_have_an_end() {
        for text in [
            "(".repeat(5000),
            "[".repeat(5000),
            "- ".repeat(5000),
            "not ".repeat(5000),
            "a + ".repeat(5000),
            "a ? ".repeat(5000),
            "{ a: ".repeat(5000),
        ] {
            assert!(shape(&text).starts_with("B0107"), "{}", shape(&text));
        }
    }
}
