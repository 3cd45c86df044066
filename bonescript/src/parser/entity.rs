//! Entities, and the fields that events and stores have, too.

use super::{Parse, Parser, Reported};
use crate::ast::{Annotation, Derived, Entity, Field, Index, Link, Relation, StateGraph, UpperBound};
use crate::token::TokenKind;

const CLAUSES: &[&str] = &[
    "owns",
    "constraints",
    "states",
    "auth",
    "index",
    "relation",
    "derived",
];

impl Parser<'_> {
    pub(super) fn entity(&mut self) -> Parse<Entity> {
        let name = self.name("the name of the entity")?;
        let owner = format!("entity `{}`", name.text);
        let mut entity = Entity {
            name,
            fields: Vec::new(),
            constraints: Vec::new(),
            states: None,
            auth: None,
            indexes: Vec::new(),
            relations: Vec::new(),
            derived: Vec::new(),
            incomplete: false,
        };
        let whole = self.body(&owner, CLAUSES, &mut |parser, word, seen| {
            match word {
                "relation" => entity.relations.push(parser.relation()?),
                "derived" => {
                    let name = parser.name("the name of the derived field")?;
                    parser.want(TokenKind::Colon)?;
                    let value = parser.expression()?;
                    entity.derived.push(Derived { name, value });
                }
                "index" => {
                    parser.want(TokenKind::Colon)?;
                    let fields = parser.names(TokenKind::OpenBracket, "the name of a field")?;
                    entity.indexes.push(Index { fields });
                }
                "owns" => {
                    parser.once(word, seen)?;
                    let (fields, whole) = parser.list(TokenKind::OpenBracket, &mut Self::field)?;
                    entity.fields = fields;
                    return whole.then_some(()).ok_or(Reported);
                }
                "constraints" => {
                    parser.once(word, seen)?;
                    let (list, whole) = parser.list(TokenKind::OpenBracket, &mut Self::expression)?;
                    entity.constraints = list;
                    return whole.then_some(()).ok_or(Reported);
                }
                "states" => {
                    parser.once(word, seen)?;
                    entity.states = Some(parser.states()?);
                }
                _ => {
                    parser.once(word, seen)?;
                    entity.auth = Some(parser.name("a way to authenticate")?);
                }
            }
            Ok(())
        })?;
        entity.incomplete = !whole;
        Ok(entity)
    }

    /// `name: type = default @annotation`; an annotation may also stand before the default.
    pub(super) fn field(&mut self) -> Parse<Field> {
        let name = self.name("the name of a field")?;
        self.want(TokenKind::Colon)?;
        let ty = self.ty()?;
        let mut default = None;
        let mut annotations = Vec::new();
        loop {
            if default.is_none() && self.eat(TokenKind::Equal) {
                default = Some(self.expression()?);
                continue;
            }
            if !self.eat(TokenKind::At) {
                break;
            }
            let name = self.name("the name of an annotation")?;
            let arguments = if self.peek() == TokenKind::OpenParen {
                self.names(TokenKind::OpenParen, "a name")?
            } else {
                Vec::new()
            };
            annotations.push(Annotation { name, arguments });
        }
        Ok(Field {
            name,
            ty,
            default,
            annotations,
        })
    }

    fn states(&mut self) -> Parse<StateGraph> {
        let start = self.span();
        let bracketed = self.peek() == TokenKind::OpenBracket;
        if bracketed {
            return Err(self.expected("the first state, as in `open -> paid -> shipped | cancelled`"));
        }
        let first = self.name("the first state, as in `open -> paid -> shipped | cancelled`")?;
        let mut links = Vec::new();
        loop {
            let alternative = match self.peek() {
                TokenKind::Arrow => false,
                TokenKind::Pipe => true,
                _ => break,
            };
            self.step();
            let guard = if self.peek() == TokenKind::OpenParen {
                self.step();
                let guard = self.expression()?;
                self.want(TokenKind::CloseParen)?;
                Some(guard)
            } else {
                None
            };
            // `owns:` and `relation plant:` are clauses: the arrow leads nowhere.
            let named = self.is_word("relation") && self.kind_at(self.at + 2) == TokenKind::Colon;
            if named || self.kind_at(self.at + 1) == TokenKind::Colon {
                return Err(self.expected("the name of a state"));
            }
            let state = self.name("the name of a state")?;
            links.push(Link {
                alternative,
                guard,
                state,
            });
        }
        Ok(StateGraph {
            first,
            links,
            span: start.to(self.before()),
        })
    }

    fn relation(&mut self) -> Parse<Relation> {
        let name = self.name("the name of the relation")?;
        self.want(TokenKind::Colon)?;
        let kind = self.name("`belongs_to`, `has_one`, `has_many` or `many_to_many`")?;
        let target = self.name("the entity that it leads to")?;
        let mut bounds = None;
        if self.eat(TokenKind::OpenBracket) {
            let low = self.number("the smallest number of rows")?;
            self.want(TokenKind::DotDot)?;
            let high = if self.eat(TokenKind::Star) {
                UpperBound::Many
            } else {
                UpperBound::Number(self.number("the largest number of rows, or `*`")?)
            };
            self.want(TokenKind::CloseBracket)?;
            bounds = Some((low, high));
        }
        Ok(Relation {
            name,
            kind,
            target,
            bounds,
        })
    }
}
