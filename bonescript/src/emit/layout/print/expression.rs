//! Expressions.

use super::super::document::{Doc, Docs};
use super::super::syntax::{Conditional, Expression};
use super::Printer;
use super::call::Expand;
use super::place::{Place, needs_brackets};

impl<'a, 't> Printer<'a, 't> {
    pub(super) fn expression(&mut self, expression: &'t Expression<'a>, place: Place<'a>) -> Doc {
        self.expression_as(expression, place, Expand::No, false)
    }

    /// An expression as an argument that takes what is left of the line, or as what is assigned.
    pub(super) fn expression_as(
        &mut self,
        expression: &'t Expression<'a>,
        place: Place<'a>,
        expand: Expand,
        assigned: bool,
    ) -> Doc {
        let wrapped = self
            .wrapped
            .is_some_and(|wrapped| std::ptr::eq(wrapped, expression));
        let doc = self.bare(expression, place, expand, assigned);
        if wrapped || needs_brackets(expression, place) {
            self.between("(", doc, ")")
        } else {
            doc
        }
    }

    fn bare(
        &mut self,
        expression: &'t Expression<'a>,
        place: Place<'a>,
        expand: Expand,
        assigned: bool,
    ) -> Doc {
        use Expression as E;
        match expression {
            E::Name(text) | E::Word(text) | E::Regex(text) => self.text(text),
            E::This => self.text("this"),
            E::Number(text) => self.number(text),
            E::String(text) => self.string(text),
            E::Template { text, .. } => self.docs.verbatim(text),
            E::Array(items) => self.kept(std::ptr::from_ref(items).addr(), |printer| printer.array(items)),
            E::Object(items) => self.kept(std::ptr::from_ref(items).addr(), |printer| printer.object(items)),
            E::Function(function) => self.function_expression(function, expand),
            E::Class(class) => self.class(class),
            E::Arrow(arrow) => self.arrow(arrow, expand, place, assigned),
            E::Unary(operator, value) => {
                let mut parts = vec![self.text(operator)];
                if operator.ends_with(|last: char| last.is_ascii_alphabetic()) {
                    parts.push(Docs::SPACE);
                }
                parts.push(self.expression(value, Place::Unary(operator)));
                self.all(&parts)
            }
            E::Update {
                operator,
                is_prefix,
                value,
            } => {
                let value = self.expression(value, Place::Update);
                let operator = self.text(operator);
                if *is_prefix {
                    self.all(&[operator, value])
                } else {
                    self.all(&[value, operator])
                }
            }
            E::Await(value) => {
                let word = self.text("await ");
                let value = self.expression(value, Place::Await);
                if matches!(place, Place::Callee | Place::Object { .. }) {
                    let inner = self.docs.indent(&[Docs::SOFT, word, value]);
                    return self.docs.group(&[inner, Docs::SOFT]);
                }
                self.all(&[word, value])
            }
            E::Yield(star, value) => {
                let word = self.text("yield");
                let star = self.text(star);
                match value {
                    Some(value) => {
                        let value = self.expression(value, Place::Yield);
                        self.all(&[word, star, Docs::SPACE, value])
                    }
                    None => self.all(&[word, star]),
                }
            }
            E::Binary(binary) => self.binary(binary, place),
            E::Conditional(conditional) => {
                let part = self.conditional_parts(conditional, place);
                let grouped = if matches!(place, Place::Then | Place::Otherwise) {
                    part
                } else {
                    self.docs.group(&[part])
                };
                if place == Place::Test {
                    let inner = self.docs.indent(&[Docs::SOFT, grouped]);
                    return self.docs.group(&[inner, Docs::SOFT]);
                }
                grouped
            }
            E::Assign(assign) => self.assign(assign),
            E::Sequence(all) => self.sequence(all, place),
            E::Cast(value, word, ty) => {
                let value = self.expression(value, Place::Cast);
                let word = self.text(word);
                let ty = self.ty(ty, super::types::TypePlace::Other);
                let cast = self.all(&[value, Docs::SPACE, word, Docs::SPACE, ty]);
                if matches!(place, Place::Callee | Place::Object { .. }) {
                    let inner = self.docs.indent(&[Docs::SOFT, cast]);
                    return self.docs.group(&[inner, Docs::SOFT]);
                }
                cast
            }
            E::Chain(chain) => self.chain(chain, place).0,
            E::New {
                callee,
                type_arguments,
                arguments,
            } => {
                let word = self.text("new ");
                let callee = self.expression(callee, Place::NewCallee);
                let types = self.type_arguments(type_arguments.as_deref());
                let arguments = self.arguments(arguments);
                self.all(&[word, callee, types, arguments])
            }
        }
    }

    fn conditional_parts(&mut self, conditional: &'t Conditional<'a>, place: Place<'a>) -> Doc {
        let nested = matches!(conditional.then, Expression::Conditional(_));
        let test = self.expression(&conditional.test, Place::Test);
        let test = if place == Place::Otherwise {
            self.docs.align(test)
        } else {
            test
        };
        let then = self.expression(&conditional.then, Place::Then);
        let then = self.docs.align(then);
        let otherwise = self.expression(&conditional.otherwise, Place::Otherwise);
        let otherwise = self.docs.align(otherwise);
        let question = self.text("? ");
        let colon = self.text(": ");
        let mut parts = vec![Docs::LINE, question];
        let bracket = |printer: &mut Self, sign| {
            let sign = printer.text(sign);
            printer.docs.if_break(Docs::EMPTY, sign, None)
        };
        if nested {
            parts.push(bracket(self, "("));
        }
        parts.push(then);
        if nested {
            parts.push(bracket(self, ")"));
        }
        parts.extend([Docs::LINE, colon, otherwise]);
        let is_chained = matches!(place, Place::Then | Place::Otherwise);
        let branches = if is_chained {
            self.all(&parts)
        } else {
            self.docs.indent(&parts)
        };
        let mut all = vec![test, branches];
        if place == (Place::Object { computed: false }) {
            all.push(Docs::SOFT);
        }
        self.all(&all)
    }

    fn sequence(&mut self, all: &'t [Expression<'a>], place: Place<'a>) -> Doc {
        let mut parts = Vec::new();
        for (index, expression) in all.iter().enumerate() {
            let inner = if place == Place::Loop { place } else { Place::Free };
            let doc = self.expression(expression, inner);
            if index == 0 {
                parts.push(doc);
                continue;
            }
            let comma = self.text(",");
            parts.push(comma);
            if matches!(place, Place::Statement | Place::Loop) {
                parts.push(self.docs.indent(&[Docs::LINE, doc]));
            } else {
                parts.extend([Docs::LINE, doc]);
            }
        }
        self.docs.group(&parts)
    }
}
