//! Types.

use super::{Parse, Parser};
use crate::ast::{TypeExpression, TypeKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::token::TokenKind;

impl Parser<'_> {
    /// A type, unions among them.
    pub(super) fn ty(&mut self) -> Parse<TypeExpression> {
        self.deeper(|parser| {
            let first = parser.simple_type()?;
            if parser.peek() != TokenKind::Pipe {
                return Ok(first);
            }
            let start = first.span;
            let mut members = vec![first];
            while parser.eat(TokenKind::Pipe) {
                members.push(parser.simple_type()?);
            }
            Ok(TypeExpression {
                kind: TypeKind::Union(members),
                span: start.to(parser.before()),
            })
        })
    }

    fn simple_type(&mut self) -> Parse<TypeExpression> {
        let start = self.span();
        if self.peek() == TokenKind::OpenParen {
            let (members, _) = self.list(TokenKind::OpenParen, &mut Self::ty)?;
            return Ok(TypeExpression {
                kind: TypeKind::Tuple(members),
                span: start.to(self.before()),
            });
        }
        let name = self.name("a type")?;
        if self.peek() == TokenKind::Question {
            let span = self.span();
            let message = format!("`{}?` is written `optional<{}>`", name.text, name.text);
            let whole = start.to(span);
            let problem = Diagnostic::new(Code::FOREIGN_OPERATOR, self.source, span, message);
            self.report(problem.replace(whole, format!("optional<{}>", name.text)));
            self.step();
        }
        if !self.eat(TokenKind::Less) {
            return Ok(TypeExpression {
                kind: TypeKind::Named(name.text),
                span: start.to(self.before()),
            });
        }
        let mut arguments = vec![self.ty()?];
        while self.eat(TokenKind::Comma) {
            arguments.push(self.ty()?);
        }
        self.want(TokenKind::Greater)?;
        Ok(TypeExpression {
            kind: TypeKind::Generic(name, arguments),
            span: start.to(self.before()),
        })
    }
}
