//! Arrow functions, which are told from brackets by what stands behind these.

use std::cell::Cell;

use super::super::syntax::{
    Arrow, ArrowBody, Binding, Expression, Item, Items, Parameter, Pattern, Signature,
};
use super::super::token::Kind;
use super::{Parsed, Parser};

impl<'a> Parser<'a, '_> {
    /// An arrow function, if there is one.
    pub(super) fn arrow(&mut self) -> Parsed<Option<Expression<'a>>> {
        let token = self.peek();
        let next = self.peek_by(1);
        let is_async = token.kind == Kind::Name
            && token.text == "async"
            && next.lines == 0
            && (next.kind == Kind::Name || next.text == "(" || next.text == "<")
            && next.text != "function";
        let ahead = usize::from(is_async);
        let first = self.peek_by(ahead);
        let starts = match first.kind {
            Kind::Name => self.peek_by(ahead + 1).text == "=>",
            Kind::Sign if first.text == "(" => {
                let close = self.at + ahead + 1;
                let behind = self.peek_by((first.partner + 1).saturating_sub(self.at));
                let empty = first.partner == close;
                behind.text == "=>" || (behind.text == ":" && (empty || !self.in_consequent))
            }
            Kind::Sign => first.text == "<",
            _ => false,
        };
        if !starts {
            return Ok(None);
        }
        let from = self.mark();
        if is_async {
            self.advance();
        }
        let signature = match self.arrow_signature() {
            Ok(signature) if self.is("=>") => signature,
            _ => {
                self.back_to(from);
                return Ok(None);
            }
        };
        self.advance();
        let body = if self.is("{") {
            ArrowBody::Block(self.bracketed(Self::block)?)
        } else {
            ArrowBody::Expression(self.assignment()?)
        };
        Ok(Some(Expression::Arrow(Box::new(Arrow {
            is_async,
            signature,
            body,
        }))))
    }

    fn arrow_signature(&mut self) -> Parsed<Signature<'a>> {
        if self.peek().kind != Kind::Name {
            return self.signature(":");
        }
        let name = self.name()?;
        let parameter = Parameter {
            rest: false,
            binding: Binding {
                pattern: Pattern::Name(name),
                mark: None,
                ty: None,
            },
            default: None,
        };
        Ok(Signature {
            type_parameters: None,
            parameters: Items {
                all: vec![Item {
                    lead: Vec::new(),
                    node: parameter,
                    trail: Vec::new(),
                    blank_after: false,
                }],
                rest: Vec::new(),
                opened: Cell::new(false),
            },
            returns: None,
        })
    }
}
