//! Functions, classes and the keys of members.

use super::super::Unsupported;
use super::super::syntax::{Class, ClassMember, ClassMemberKind, Function, Key, Signature};
use super::super::token::Kind;
use super::{Parsed, Parser};

/// Words that may stand before a member of a class.
const MODIFIERS: &[&str] = &[
    "public",
    "private",
    "protected",
    "static",
    "abstract",
    "override",
    "readonly",
    "declare",
    "accessor",
    "async",
    "get",
    "set",
];

impl<'a> Parser<'a, '_> {
    /// From `function` on.
    pub(super) fn function(&mut self, is_async: bool) -> Parsed<Function<'a>> {
        self.expect_word("function")?;
        let is_generator = self.eat("*");
        let name = if self.peek().kind == Kind::Name {
            Some(self.name()?)
        } else {
            None
        };
        self.function_rest(is_async, is_generator, name)
    }

    /// Parameters, type and body.
    pub(super) fn function_rest(
        &mut self,
        is_async: bool,
        is_generator: bool,
        name: Option<&'a str>,
    ) -> Parsed<Function<'a>> {
        let signature = self.signature(":")?;
        let body = if self.is("{") {
            Some(self.bracketed(Self::block)?)
        } else {
            self.semicolon()?;
            None
        };
        Ok(Function {
            is_async,
            is_generator,
            name,
            signature,
            body,
        })
    }

    /// Parameters, and behind `arrow` a type.
    pub(super) fn signature(&mut self, arrow: &str) -> Parsed<Signature<'a>> {
        let type_parameters = self.type_parameters()?;
        self.expect("(")?;
        let parameters = self.bracketed(|parser| parser.list(",", ")", Self::parameter))?;
        let returns = if self.eat(arrow) {
            Some(self.return_type()?)
        } else {
            None
        };
        Ok(Signature {
            type_parameters,
            parameters,
            returns,
        })
    }

    pub(super) fn key(&mut self) -> Parsed<Key<'a>> {
        let token = self.peek();
        match token.kind {
            Kind::Name | Kind::Private => Ok(Key::Name(self.advance().text)),
            Kind::String => Ok(Key::String(self.advance().text)),
            Kind::Number => Ok(Key::Number(self.advance().text)),
            _ => {
                self.expect("[")?;
                let value = self.bracketed(Self::assignment)?;
                self.expect("]")?;
                Ok(Key::Computed(value))
            }
        }
    }

    pub(super) fn class(&mut self, is_abstract: bool) -> Parsed<Class<'a>> {
        self.expect_word("class")?;
        let named = self.peek().kind == Kind::Name && !matches!(self.peek().text, "extends" | "implements");
        let name = if named { Some(self.name()?) } else { None };
        let type_parameters = self.type_parameters()?;
        let extends = if self.eat_word("extends") {
            let parent = self.left_hand_side()?;
            let arguments = self.type_arguments()?;
            Some((parent, arguments))
        } else {
            None
        };
        let mut implements = Vec::new();
        if self.eat_word("implements") {
            implements.push(self.ty()?);
            while self.eat(",") {
                implements.push(self.ty()?);
            }
        }
        self.expect("{")?;
        let members = self.bracketed(|parser| parser.list(";", "}", Self::class_member))?;
        Ok(Class {
            is_abstract,
            name,
            type_parameters,
            extends,
            implements,
            members,
        })
    }

    fn class_member(&mut self) -> Parsed<ClassMember<'a>> {
        let mut modifiers = Vec::new();
        while self.peek().kind == Kind::Name && MODIFIERS.contains(&self.peek().text) {
            let next = self.peek_by(1);
            let is_key = next.kind == Kind::Sign && !matches!(next.text, "[" | "*");
            if is_key || next.lines > 0 {
                break;
            }
            modifiers.push(self.advance().text);
        }
        if self.is("{") {
            return Err(Unsupported);
        }
        let is_generator = self.eat("*");
        let key = self.key()?;
        let mark = if self.is("?") || self.is("!") {
            Some(self.advance().text)
        } else {
            None
        };
        let kind = if self.is("(") || self.is("<") {
            let is_async = modifiers.last() == Some(&"async");
            if is_async {
                modifiers.pop();
            }
            ClassMemberKind::Method(self.function_rest(is_async, is_generator, None)?)
        } else {
            let ty = if self.eat(":") { Some(self.ty()?) } else { None };
            let value = if self.eat("=") {
                Some(self.assignment()?)
            } else {
                None
            };
            if !self.is(";") {
                self.semicolon()?;
            }
            ClassMemberKind::Property { ty, value }
        };
        Ok(ClassMember {
            modifiers,
            key,
            mark,
            kind,
        })
    }
}
