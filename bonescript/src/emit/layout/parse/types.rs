//! Types.

use std::cell::Cell;

use super::super::Unsupported;
use super::super::syntax::{
    ConditionalType, Item, Items, Mapped, Member, Signature, TupleElement, Type, TypeParameter,
};
use super::super::token::Kind;
use super::{Parsed, Parser};

/// Types that are a word.
const KEYWORDS: &[&str] = &[
    "any",
    "bigint",
    "boolean",
    "never",
    "null",
    "number",
    "object",
    "string",
    "symbol",
    "this",
    "undefined",
    "unknown",
    "void",
];

impl<'a> Parser<'a, '_> {
    pub(super) fn ty(&mut self) -> Parsed<Type<'a>> {
        self.deeper(Self::conditional_type)
    }

    /// A type, or `x is T`.
    pub(super) fn return_type(&mut self) -> Parsed<Type<'a>> {
        let token = self.peek();
        let next = self.peek_by(1);
        if token.kind == Kind::Name && next.kind == Kind::Name && next.lines == 0 {
            if token.text == "asserts" {
                self.advance();
                let name = self.name()?;
                let ty = if self.eat_word("is") {
                    Some(Box::new(self.ty()?))
                } else {
                    None
                };
                return Ok(Type::Predicate {
                    asserts: true,
                    name,
                    ty,
                });
            }
            if next.text == "is" {
                let name = self.name()?;
                self.advance();
                return Ok(Type::Predicate {
                    asserts: false,
                    name,
                    ty: Some(Box::new(self.ty()?)),
                });
            }
        }
        self.ty()
    }

    fn conditional_type(&mut self) -> Parsed<Type<'a>> {
        let check = self.union()?;
        if !self.is_word("extends") {
            return Ok(check);
        }
        self.advance();
        let extends = self.union()?;
        self.expect("?")?;
        let then = self.ty()?;
        self.expect(":")?;
        let otherwise = self.ty()?;
        Ok(Type::Conditional(Box::new(ConditionalType {
            check,
            extends,
            then,
            otherwise,
        })))
    }

    fn union(&mut self) -> Parsed<Type<'a>> {
        let mut lead = self.lead();
        let led = self.eat("|");
        if led {
            lead.extend(self.lead());
        }
        let first = self.intersection()?;
        if !self.is("|") {
            return if lead.is_empty() {
                Ok(first)
            } else {
                Err(Unsupported)
            };
        }
        let mut types = vec![Item {
            lead,
            node: first,
            trail: self.trail(),
            blank_after: false,
        }];
        loop {
            let mut lead = self.lead();
            if !self.eat("|") {
                return if lead.is_empty() {
                    Ok(Type::Union(types))
                } else {
                    Err(Unsupported)
                };
            }
            lead.extend(self.lead());
            let node = self.intersection()?;
            let has_more = self.is("|");
            let trail = if has_more { self.trail() } else { Vec::new() };
            types.push(Item {
                lead,
                node,
                trail,
                blank_after: false,
            });
            if !has_more {
                return Ok(Type::Union(types));
            }
        }
    }

    fn intersection(&mut self) -> Parsed<Type<'a>> {
        self.eat("&");
        let first = self.prefixed()?;
        if !self.is("&") {
            return Ok(first);
        }
        let mut types = vec![first];
        while self.eat("&") {
            types.push(self.prefixed()?);
        }
        Ok(Type::Intersection(types))
    }

    fn prefixed(&mut self) -> Parsed<Type<'a>> {
        let token = self.peek();
        let next = self.peek_by(1);
        if token.kind == Kind::Name {
            let operand = !matches!(
                next.text,
                "," | ";" | ")" | "]" | "}" | ">" | "|" | "&" | "=" | "." | "<"
            );
            if matches!(token.text, "keyof" | "readonly" | "unique") && operand && next.kind != Kind::End {
                self.advance();
                let inner = self.deeper(Self::prefixed)?;
                return Ok(Type::Operator(token.text, Box::new(inner)));
            }
            if token.text == "infer" && next.kind == Kind::Name {
                self.advance();
                return Ok(Type::Infer(self.name()?));
            }
            if token.text == "new" && matches!(next.text, "(" | "<") {
                self.advance();
                let signature = Box::new(self.deeper(|parser| parser.signature("=>"))?);
                return Ok(Type::Function {
                    is_new: true,
                    signature,
                });
            }
        }
        if self.is("<")
            || (self.is("(") && self.peek_by((token.partner + 1).saturating_sub(self.at)).text == "=>")
        {
            let signature = Box::new(self.deeper(|parser| parser.signature("=>"))?);
            return Ok(Type::Function {
                is_new: false,
                signature,
            });
        }
        self.suffixed()
    }

    fn suffixed(&mut self) -> Parsed<Type<'a>> {
        let mut ty = self.atom()?;
        for _ in 0..20 {
            if !self.is("[") || self.peek().lines > 0 {
                return Ok(ty);
            }
            self.advance();
            if self.eat("]") {
                ty = Type::Array(Box::new(ty));
            } else {
                let index = self.bracketed(Self::ty)?;
                self.expect("]")?;
                ty = Type::Indexed(Box::new(ty), Box::new(index));
            }
        }
        Err(Unsupported)
    }

    fn atom(&mut self) -> Parsed<Type<'a>> {
        let token = self.peek();
        match token.kind {
            Kind::String => Ok(Type::String(self.advance().text)),
            Kind::Number => Ok(Type::Literal(self.advance().text)),
            Kind::Template => Ok(Type::Template(self.advance().text)),
            Kind::Name => match token.text {
                "true" | "false" => Ok(Type::Literal(self.advance().text)),
                "typeof" => {
                    self.advance();
                    let name = self.dotted()?;
                    let arguments = self.type_arguments()?;
                    Ok(Type::Query(name, arguments))
                }
                "import" => {
                    self.advance();
                    self.expect("(")?;
                    let source = self.string()?;
                    self.expect(")")?;
                    let name = if self.eat(".") { Some(self.dotted()?) } else { None };
                    let arguments = self.type_arguments()?;
                    Ok(Type::Import(source, name, arguments))
                }
                word if KEYWORDS.contains(&word) && self.peek_by(1).text != "." => {
                    Ok(Type::Keyword(self.advance().text))
                }
                _ => {
                    let name = self.dotted()?;
                    let arguments = if self.peek().lines == 0 {
                        self.type_arguments()?
                    } else {
                        None
                    };
                    Ok(Type::Reference(name, arguments))
                }
            },
            Kind::Sign => match token.text {
                "-" => {
                    let from = self.at;
                    self.advance();
                    self.advance();
                    Ok(Type::Literal(self.text_since(from)?))
                }
                "(" => {
                    self.advance();
                    let inner = self.bracketed(Self::ty)?;
                    self.expect(")")?;
                    Ok(inner)
                }
                "[" => {
                    self.advance();
                    let items = self.bracketed(|parser| parser.list(",", "]", Self::tuple_element))?;
                    Ok(Type::Tuple(items))
                }
                "{" => {
                    if let Some(mapped) = self.mapped()? {
                        return Ok(mapped);
                    }
                    self.advance();
                    let members = self.bracketed(|parser| parser.list(";", "}", Self::member))?;
                    Ok(Type::Object(members))
                }
                _ => Err(Unsupported),
            },
            _ => Err(Unsupported),
        }
    }

    fn dotted(&mut self) -> Parsed<&'a str> {
        let from = self.at;
        self.name()?;
        while self.is(".") {
            self.advance();
            self.name()?;
        }
        let text = self.text_since(from)?;
        if text.contains(char::is_whitespace) {
            Err(Unsupported)
        } else {
            Ok(text)
        }
    }

    pub(super) fn type_arguments(&mut self) -> Parsed<Option<Vec<Type<'a>>>> {
        if !self.eat("<") {
            return Ok(None);
        }
        self.bracketed(|parser| {
            let mut types = vec![parser.ty()?];
            while parser.eat(",") {
                types.push(parser.ty()?);
            }
            parser.expect(">")?;
            Ok(Some(types))
        })
    }

    pub(super) fn type_parameters(&mut self) -> Parsed<Option<Items<'a, TypeParameter<'a>>>> {
        if !self.eat("<") {
            return Ok(None);
        }
        let items = self.bracketed(|parser| {
            parser.list(",", ">", |parser| {
                let is_const = parser.is_word("const") && parser.eat_word("const");
                let name = parser.name()?;
                let constraint = if parser.eat_word("extends") {
                    Some(parser.ty()?)
                } else {
                    None
                };
                let default = if parser.eat("=") { Some(parser.ty()?) } else { None };
                Ok(TypeParameter {
                    is_const,
                    name,
                    constraint,
                    default,
                })
            })
        })?;
        Ok(Some(items))
    }

    fn tuple_element(&mut self) -> Parsed<TupleElement<'a>> {
        let rest = self.eat("...");
        let next = self.peek_by(1);
        let named = self.peek().kind == Kind::Name
            && (next.text == ":" || (next.text == "?" && self.peek_by(2).text == ":"));
        let name = if named { Some(self.name()?) } else { None };
        let mut optional = named && self.eat("?");
        if named {
            self.expect(":")?;
        }
        let ty = self.ty()?;
        optional |= !named && self.eat("?");
        Ok(TupleElement {
            rest,
            name,
            optional,
            ty,
        })
    }

    /// `{ [K in T]: U }`, if it is that.
    fn mapped(&mut self) -> Parsed<Option<Type<'a>>> {
        let at = |ahead: usize| self.peek_by(ahead).text;
        let signed = usize::from(matches!(at(1), "+" | "-"));
        let worded = usize::from(at(1 + signed) == "readonly");
        let open = 1 + signed + worded;
        if at(open) != "[" || at(open + 2) != "in" || self.peek_by(open + 1).kind != Kind::Name {
            return Ok(None);
        }
        self.advance();
        let opened = self.peek().lines > 0;
        let from = self.at;
        let readonly = if signed + worded > 0 {
            for _ in 0..signed + worded {
                self.advance();
            }
            Some(self.text_since(from)?)
        } else {
            None
        };
        self.expect("[")?;
        let name = self.name()?;
        self.expect_word("in")?;
        let keys = self.bracketed(Self::ty)?;
        let renamed = if self.eat_word("as") {
            Some(self.bracketed(Self::ty)?)
        } else {
            None
        };
        self.expect("]")?;
        let from = self.at;
        let optional = if self.eat("?") || ((self.eat("+") || self.eat("-")) && self.eat("?")) {
            Some(self.text_since(from)?)
        } else {
            None
        };
        let ty = if self.eat(":") {
            Some(self.bracketed(Self::ty)?)
        } else {
            None
        };
        if !self.eat(";") {
            self.eat(",");
        }
        self.expect("}")?;
        Ok(Some(Type::Mapped(Box::new(Mapped {
            readonly,
            name,
            keys,
            renamed,
            optional,
            ty,
            opened: Cell::new(opened),
        }))))
    }

    fn member(&mut self) -> Parsed<Member<'a>> {
        let member = self.member_inside()?;
        // Members end with `;`, `,` or their line.
        let ends = self.is(";") || self.is(",") || self.is("}") || self.peek().lines > 0;
        let comment = self.peek().comments > self.noted;
        if ends || comment {
            Ok(member)
        } else {
            Err(Unsupported)
        }
    }

    fn member_inside(&mut self) -> Parsed<Member<'a>> {
        let is_new = self.is_word("new") && matches!(self.peek_by(1).text, "(" | "<") && self.eat_word("new");
        if is_new || self.is("(") || self.is("<") {
            let signature = self.member_signature()?;
            return Ok(Member::Call { is_new, signature });
        }
        let after_word = |parser: &Self| {
            let next = parser.peek_by(1);
            next.lines == 0 && (next.kind != Kind::Sign || next.text == "[")
        };
        let readonly = self.is_word("readonly") && after_word(self) && self.eat_word("readonly");
        if self.is("[") && self.peek_by(1).kind == Kind::Name && self.peek_by(2).text == ":" {
            self.advance();
            let name = self.name()?;
            self.advance();
            let key = self.bracketed(Self::ty)?;
            self.expect("]")?;
            self.expect(":")?;
            let ty = self.ty()?;
            return Ok(Member::Index {
                readonly,
                name,
                key,
                ty,
            });
        }
        let word = if (self.is_word("get") || self.is_word("set")) && after_word(self) {
            Some(self.advance().text)
        } else {
            None
        };
        let key = self.key()?;
        let optional = self.eat("?");
        if self.is("(") || self.is("<") {
            let signature = self.member_signature()?;
            return Ok(Member::Method {
                word,
                key,
                optional,
                signature,
            });
        }
        let ty = if self.eat(":") { Some(self.ty()?) } else { None };
        Ok(Member::Property {
            readonly,
            key,
            optional,
            ty,
        })
    }

    fn member_signature(&mut self) -> Parsed<Signature<'a>> {
        self.signature(":")
    }

    pub(super) fn interface(&mut self) -> Parsed<super::super::syntax::Statement<'a>> {
        self.advance();
        let name = self.name()?;
        let parameters = self.type_parameters()?;
        let mut extends = Vec::new();
        if self.eat_word("extends") {
            extends.push(self.ty()?);
            while self.eat(",") {
                extends.push(self.ty()?);
            }
        }
        self.expect("{")?;
        let members = self.bracketed(|parser| parser.list(";", "}", Self::member))?;
        Ok(super::super::syntax::Statement::Interface {
            name,
            parameters,
            extends,
            members,
        })
    }

    pub(super) fn alias(&mut self) -> Parsed<super::super::syntax::Statement<'a>> {
        self.advance();
        let name = self.name()?;
        let parameters = self.type_parameters()?;
        self.expect("=")?;
        let ty = self.ty()?;
        self.semicolon()?;
        Ok(super::super::syntax::Statement::Alias { name, parameters, ty })
    }
}
