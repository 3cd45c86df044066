//! Expressions, by the strength of their operators.

use std::cell::Cell;

use super::super::Unsupported;
use super::super::syntax::{
    Assign, Binary, Chain, Conditional, Element, Expression, Items, Key, Link, Property,
};
use super::super::token::Kind;
use super::{Parsed, Parser};

/// The most operators of one strength in a row, and the most members and calls in a row: the printer goes into the left
/// side of each.
const MAX_ROW: usize = 100;
/// How far a `<` is followed to see whether it opens type arguments, in tokens.
const MAX_LOOK: usize = 400;

const ASSIGNMENTS: &[&str] = &[
    "=", "+=", "-=", "*=", "/=", "%=", "**=", "<<=", "&=", "|=", "^=", "&&=", "||=", "??=",
];

/// How strong an operator binds: the higher the stronger.
pub(in super::super) fn strength(operator: &str) -> usize {
    match operator {
        "??" => 1,
        "||" => 2,
        "&&" => 3,
        "|" => 4,
        "^" => 5,
        "&" => 6,
        "==" | "!=" | "===" | "!==" => 7,
        "<" | ">" | "<=" | ">=" | "in" | "instanceof" => 8,
        "<<" | ">>" | ">>>" => 9,
        "+" | "-" => 10,
        "*" | "/" | "%" => 11,
        "**" => 12,
        _ => 0,
    }
}

impl<'a> Parser<'a, '_> {
    pub(super) fn expression(&mut self) -> Parsed<Expression<'a>> {
        let first = self.assignment()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.eat(",") {
            all.push(self.assignment()?);
        }
        Ok(Expression::Sequence(all))
    }

    pub(super) fn assignment(&mut self) -> Parsed<Expression<'a>> {
        self.deeper(Self::assignment_inside)
    }

    fn assignment_inside(&mut self) -> Parsed<Expression<'a>> {
        if let Some(arrow) = self.arrow()? {
            return Ok(arrow);
        }
        if self.is_word("yield") && self.peek_by(1).text != ":" {
            self.advance();
            let star = if self.eat("*") { "*" } else { "" };
            let ends = self.peek().lines > 0 || matches!(self.peek().text, ";" | ")" | "]" | "}" | ",");
            let value = if ends {
                None
            } else {
                Some(Box::new(self.assignment()?))
            };
            return Ok(Expression::Yield(star, value));
        }
        let left = self.conditional()?;
        let token = self.peek();
        if token.kind == Kind::Sign && ASSIGNMENTS.contains(&token.text) {
            self.advance();
            let right = self.assignment()?;
            return Ok(Expression::Assign(Box::new(Assign {
                left,
                operator: token.text,
                right,
            })));
        }
        Ok(left)
    }

    fn conditional(&mut self) -> Parsed<Expression<'a>> {
        let test = self.binary(0)?;
        if !self.eat("?") {
            return Ok(test);
        }
        let around = std::mem::replace(&mut self.in_consequent, true);
        let then = self.assignment();
        self.in_consequent = around;
        let then = then?;
        self.expect(":")?;
        let otherwise = self.assignment()?;
        Ok(Expression::Conditional(Box::new(Conditional {
            test,
            then,
            otherwise,
        })))
    }

    /// The operator that comes next, and how many tokens it is.
    fn operator(&self) -> Option<(&'a str, usize)> {
        let token = self.peek();
        match token.kind {
            Kind::Name => match token.text {
                "in" if self.no_in => None,
                "in" | "instanceof" => Some((token.text, 1)),
                _ => None,
            },
            Kind::Sign if token.text == ">" => {
                let follows = |ahead: usize, sign: &str| {
                    let next = self.peek_by(ahead);
                    next.text == sign && next.start == token.start + ahead
                };
                let shift = follows(1, ">");
                let wide = shift && follows(2, ">");
                let length = 1 + usize::from(shift) + usize::from(wide);
                let equals = follows(length, "=") || follows(length, "==") || follows(length, "===");
                match (length, equals) {
                    (1, false) => Some((">", 1)),
                    (1, true) => Some((">=", 2)),
                    (2, false) => Some((">>", 2)),
                    (3, false) => Some((">>>", 3)),
                    _ => None,
                }
            }
            Kind::Sign if strength(token.text) > 0 => Some((token.text, 1)),
            _ => None,
        }
    }

    fn binary(&mut self, least: usize) -> Parsed<Expression<'a>> {
        self.deeper(|parser| parser.binary_inside(least))
    }

    fn binary_inside(&mut self, least: usize) -> Parsed<Expression<'a>> {
        let mut left = self.unary()?;
        for _ in 0..MAX_ROW {
            if matches!(self.peek().text, "as" | "satisfies")
                && self.peek().kind == Kind::Name
                && self.peek().lines == 0
                && least < strength("<")
            {
                let word = self.advance().text;
                let ty = if self.is_word("const") {
                    self.advance();
                    super::super::syntax::Type::Keyword("const")
                } else {
                    self.ty()?
                };
                left = Expression::Cast(Box::new(left), word, Box::new(ty));
                continue;
            }
            let Some((operator, length)) = self.operator() else {
                return Ok(left);
            };
            let strength = strength(operator);
            if strength <= least {
                return Ok(left);
            }
            for _ in 0..length {
                self.advance();
            }
            // `**` is the only one that groups from the right.
            let right = self.binary(if operator == "**" { strength - 1 } else { strength })?;
            left = Expression::Binary(Box::new(Binary {
                left,
                operator,
                right,
            }));
        }
        Err(Unsupported)
    }

    fn unary(&mut self) -> Parsed<Expression<'a>> {
        let token = self.peek();
        match (token.kind, token.text) {
            (Kind::Sign, "!" | "-" | "+" | "~") | (Kind::Name, "typeof" | "void" | "delete") => {
                self.advance();
                let value = self.deeper(Self::unary)?;
                Ok(Expression::Unary(token.text, Box::new(value)))
            }
            (Kind::Sign, "++" | "--") => {
                self.advance();
                let value = self.deeper(Self::unary)?;
                Ok(Expression::Update {
                    operator: token.text,
                    is_prefix: true,
                    value: Box::new(value),
                })
            }
            (Kind::Name, "await") => {
                self.advance();
                let value = self.deeper(Self::unary)?;
                Ok(Expression::Await(Box::new(value)))
            }
            _ => {
                let value = self.left_hand_side()?;
                if (self.is("++") || self.is("--")) && self.peek().lines == 0 {
                    let operator = self.advance().text;
                    return Ok(Expression::Update {
                        operator,
                        is_prefix: false,
                        value: Box::new(value),
                    });
                }
                Ok(value)
            }
        }
    }

    pub(super) fn left_hand_side(&mut self) -> Parsed<Expression<'a>> {
        let head = if self.is_word("new") {
            self.new_expression()?
        } else {
            self.primary()?
        };
        let links = self.links(true)?;
        Ok(chain(head, links))
    }

    fn new_expression(&mut self) -> Parsed<Expression<'a>> {
        self.advance();
        if self.is(".") {
            return Err(Unsupported);
        }
        let head = if self.is_word("new") {
            self.deeper(Self::new_expression)?
        } else {
            self.primary()?
        };
        let links = self.links(false)?;
        let callee = Box::new(chain(head, links));
        let type_arguments = if self.is("<") {
            self.type_arguments()?
        } else {
            None
        };
        let arguments = if self.eat("(") {
            self.arguments()?
        } else {
            Items {
                all: Vec::new(),
                rest: Vec::new(),
                opened: Cell::new(false),
            }
        };
        Ok(Expression::New {
            callee,
            type_arguments,
            arguments,
        })
    }

    fn links(&mut self, with_calls: bool) -> Parsed<Vec<Link<'a>>> {
        let mut links = Vec::new();
        for _ in 0..MAX_ROW {
            let token = self.peek();
            if token.kind == Kind::Template {
                self.advance();
                links.push(Link::Template {
                    type_arguments: None,
                    text: token.text,
                });
                continue;
            }
            if token.kind != Kind::Sign {
                return Ok(links);
            }
            match token.text {
                "." => {
                    self.advance();
                    links.push(Link::Member {
                        optional: false,
                        name: self.member_name()?,
                    });
                }
                "?." if with_calls => {
                    self.advance();
                    if self.eat("(") {
                        let arguments = self.arguments()?;
                        links.push(Link::Call {
                            optional: true,
                            type_arguments: None,
                            arguments,
                        });
                    } else if self.eat("[") {
                        let index = self.bracketed(Self::expression)?;
                        self.expect("]")?;
                        links.push(Link::Index {
                            optional: true,
                            index,
                        });
                    } else {
                        links.push(Link::Member {
                            optional: true,
                            name: self.member_name()?,
                        });
                    }
                }
                "[" => {
                    self.advance();
                    let index = self.bracketed(Self::expression)?;
                    self.expect("]")?;
                    links.push(Link::Index {
                        optional: false,
                        index,
                    });
                }
                "!" if token.lines == 0 && with_calls => {
                    self.advance();
                    links.push(Link::NonNull);
                }
                "(" if with_calls => {
                    self.advance();
                    let arguments = self.arguments()?;
                    links.push(Link::Call {
                        optional: false,
                        type_arguments: None,
                        arguments,
                    });
                }
                "<" if with_calls => match self.call_with_types()? {
                    Some(call) => links.push(call),
                    None => return Ok(links),
                },
                _ => return Ok(links),
            }
        }
        Err(Unsupported)
    }

    fn member_name(&mut self) -> Parsed<&'a str> {
        if matches!(self.peek().kind, Kind::Name | Kind::Private) {
            Ok(self.advance().text)
        } else {
            Err(Unsupported)
        }
    }

    /// `<T>(…)`, or `<T>` and a template, if it is that and no comparison.
    fn call_with_types(&mut self) -> Parsed<Option<Link<'a>>> {
        let from = self.mark();
        let parsed = self.type_arguments();
        let is_template = self.peek().kind == Kind::Template;
        let is_call = parsed.is_ok() && (self.is("(") || is_template) && self.at < from.at + MAX_LOOK;
        if !is_call {
            self.back_to(from);
            return Ok(None);
        }
        let type_arguments = parsed?;
        let token = self.advance();
        if is_template {
            return Ok(Some(Link::Template {
                type_arguments,
                text: token.text,
            }));
        }
        let arguments = self.arguments()?;
        Ok(Some(Link::Call {
            optional: false,
            type_arguments,
            arguments,
        }))
    }

    /// Behind `(`, with the `)`.
    fn arguments(&mut self) -> Parsed<Items<'a, Element<'a>>> {
        self.bracketed(|parser| parser.list(",", ")", Self::element))
    }

    fn element(&mut self) -> Parsed<Element<'a>> {
        if self.eat("...") {
            return Ok(Element::Spread(self.assignment()?));
        }
        if self.is(",") {
            return Ok(Element::Hole);
        }
        Ok(Element::Value(self.assignment()?))
    }

    fn primary(&mut self) -> Parsed<Expression<'a>> {
        let token = self.peek();
        match token.kind {
            Kind::Number => {
                self.advance();
                Ok(Expression::Number(token.text))
            }
            Kind::String => {
                self.advance();
                Ok(Expression::String(token.text))
            }
            Kind::Regex => {
                self.advance();
                Ok(Expression::Regex(token.text))
            }
            Kind::Template => {
                self.advance();
                Ok(Expression::Template {
                    text: token.text,
                    starts_line: token.lines > 0,
                })
            }
            Kind::Private => {
                self.advance();
                Ok(Expression::Name(token.text))
            }
            Kind::Name => match token.text {
                "function" => Ok(Expression::Function(Box::new(self.function(false)?))),
                "async" if self.peek_by(1).text == "function" => {
                    self.advance();
                    Ok(Expression::Function(Box::new(self.function(true)?)))
                }
                "class" => Ok(Expression::Class(Box::new(self.class(false)?))),
                "this" => {
                    self.advance();
                    Ok(Expression::This)
                }
                "true" | "false" | "null" => {
                    self.advance();
                    Ok(Expression::Word(token.text))
                }
                _ => {
                    self.advance();
                    Ok(Expression::Name(token.text))
                }
            },
            Kind::Sign => match token.text {
                "(" => {
                    self.advance();
                    let value = self.bracketed(Self::expression)?;
                    self.expect(")")?;
                    Ok(value)
                }
                "[" => {
                    self.advance();
                    let items = self.bracketed(|parser| parser.list(",", "]", Self::element))?;
                    Ok(Expression::Array(items))
                }
                "{" => {
                    self.advance();
                    let items = self.bracketed(|parser| parser.list(",", "}", Self::property))?;
                    Ok(Expression::Object(items))
                }
                _ => Err(Unsupported),
            },
            Kind::End => Err(Unsupported),
        }
    }

    fn property(&mut self) -> Parsed<Property<'a>> {
        if self.eat("...") {
            return Ok(Property::Spread(self.assignment()?));
        }
        let token = self.peek();
        let next = self.peek_by(1);
        if token.kind == Kind::Name && (next.text == "," || next.text == "}") && next.kind == Kind::Sign {
            self.advance();
            return Ok(Property::Short(token.text));
        }
        let prefixed = !(next.kind == Kind::Sign && matches!(next.text, ":" | "(" | "<" | ","));
        let mut word = None;
        let mut is_async = false;
        if token.kind == Kind::Name && prefixed {
            match token.text {
                "get" | "set" => word = Some(self.advance().text),
                "async" => {
                    self.advance();
                    is_async = true;
                }
                _ => {}
            }
        }
        let is_generator = self.eat("*");
        let key = self.key()?;
        if self.eat(":") {
            if word.is_some() || is_async || is_generator {
                return Err(Unsupported);
            }
            return Ok(Property::Pair(key, self.assignment()?));
        }
        if !self.is("(") && !self.is("<") {
            return Err(Unsupported);
        }
        let function = self.function_rest(is_async, is_generator, None)?;
        Ok(Property::Method(word, key, function))
    }
}

fn chain<'a>(head: Expression<'a>, links: Vec<Link<'a>>) -> Expression<'a> {
    if links.is_empty() {
        return head;
    }
    match head {
        // Brackets around the first part mean something only where `?.` is in it.
        Expression::Chain(inner) if !inner.links.iter().any(Link::is_optional) => {
            let mut inner = *inner;
            inner.links.extend(links);
            Expression::Chain(Box::new(inner))
        }
        head => Expression::Chain(Box::new(Chain { head, links })),
    }
}

impl Link<'_> {
    /// Whether it is one with `?.`.
    pub(in super::super) fn is_optional(&self) -> bool {
        match self {
            Self::Member { optional, .. } | Self::Index { optional, .. } | Self::Call { optional, .. } => {
                *optional
            }
            Self::NonNull | Self::Template { .. } => false,
        }
    }
}

/// Whether a key needs no quotes.
pub(in super::super) fn is_plain_name(text: &str) -> bool {
    text.bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_' || first == b'$')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$')
}

impl Key<'_> {
    /// Whether it is computed.
    pub(in super::super) fn is_computed(&self) -> bool {
        matches!(self, Self::Computed(_))
    }
}
