//! JSON in the layout of prettier.
//!
//! An object stays on lines of its own if its first key was on one; arrays of numbers are filled. Numbers and strings stay
//! as they are written.

use super::Unsupported;
use super::document::{self, Doc, Docs};
use super::token::{self, Kind, Token, Tokens};

/// How deep values may be nested.
const MAX_DEPTH: usize = 200;

/// JSON laid out. What is no JSON stays as it is.
pub(crate) fn json(source: &str) -> String {
    lay_out(source).unwrap_or_else(|Unsupported| source.to_owned())
}

fn lay_out(source: &str) -> Result<String, Unsupported> {
    let Tokens { tokens, comments } = token::tokenise(source)?;
    if !comments.is_empty() {
        return Err(Unsupported);
    }
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        docs: Docs::new(),
    };
    let (value, _) = reader.value(0)?;
    if reader.peek()?.kind != Kind::End {
        return Err(Unsupported);
    }
    let root = reader.docs.concat(&[value, Docs::HARD]);
    let mut out = String::with_capacity(source.len() + source.len() / 8);
    document::print(&reader.docs, root, &mut out);
    Ok(out)
}

/// What a value is, as far as the list around it wants to know.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Number,
    Object { large: bool },
    Array { large: bool },
    Other,
}

struct Reader<'a, 't> {
    tokens: &'t [Token<'a>],
    at: usize,
    docs: Docs<'a>,
}

impl<'a> Reader<'a, '_> {
    fn peek(&self) -> Result<Token<'a>, Unsupported> {
        self.tokens.get(self.at).copied().ok_or(Unsupported)
    }

    fn eat(&mut self, sign: &str) -> Result<bool, Unsupported> {
        let token = self.peek()?;
        let found = token.kind == Kind::Sign && token.text == sign;
        self.at += usize::from(found);
        Ok(found)
    }

    fn value(&mut self, depth: usize) -> Result<(Doc, Shape), Unsupported> {
        if depth > MAX_DEPTH {
            return Err(Unsupported);
        }
        let token = self.peek()?;
        if self.eat("{")? {
            return self.object(depth);
        }
        if self.eat("[")? {
            return self.array(depth);
        }
        if self.eat("-")? {
            let number = self.peek()?;
            self.at += 1;
            let sign = self.docs.text("-");
            let number = self.docs.text(number.text);
            return Ok((self.docs.concat(&[sign, number]), Shape::Number));
        }
        let is_word = token.kind == Kind::Name && matches!(token.text, "true" | "false" | "null");
        let is_plain = matches!(token.kind, Kind::Number | Kind::String);
        if !is_word && !is_plain {
            return Err(Unsupported);
        }
        self.at += 1;
        let shape = if token.kind == Kind::Number {
            Shape::Number
        } else {
            Shape::Other
        };
        Ok((self.docs.text(token.text), shape))
    }

    fn object(&mut self, depth: usize) -> Result<(Doc, Shape), Unsupported> {
        let opened = self.peek()?.lines > 0;
        let mut inner = vec![Docs::LINE];
        let mut count = 0;
        let colon = self.docs.text(": ");
        let comma = self.docs.text(",");
        while !self.eat("}")? {
            if count > 0 {
                inner.push(Docs::LINE);
                if self.peek()?.lines > 1 {
                    inner.push(Docs::HARD);
                }
            }
            let key = self.peek()?;
            if key.kind != Kind::String {
                return Err(Unsupported);
            }
            self.at += 1;
            if !self.eat(":")? {
                return Err(Unsupported);
            }
            let key = self.docs.text(key.text);
            let (value, _) = self.value(depth + 1)?;
            let pair = self.docs.concat(&[key, colon, value]);
            inner.push(self.docs.group(&[pair]));
            count += 1;
            if self.eat(",")? {
                if self.peek()?.text != "}" {
                    inner.push(comma);
                }
            } else if !matches!(self.peek()?.text, "}") {
                return Err(Unsupported);
            }
        }
        if count == 0 {
            return Ok((self.docs.text("{}"), Shape::Object { large: false }));
        }
        let open = self.docs.text("{");
        let close = self.docs.text("}");
        let body = self.docs.indent(&inner);
        let doc = self.docs.group_as(&[open, body, Docs::LINE, close], opened, None);
        Ok((doc, Shape::Object { large: count > 1 }))
    }

    fn array(&mut self, depth: usize) -> Result<(Doc, Shape), Unsupported> {
        let mut values = Vec::new();
        while !self.eat("]")? {
            let blank = !values.is_empty() && self.peek()?.lines > 1;
            let (value, shape) = self.value(depth + 1)?;
            values.push((value, shape, blank));
            if !self.eat(",")? && self.peek()?.text != "]" {
                return Err(Unsupported);
            }
        }
        if values.is_empty() {
            return Ok((self.docs.text("[]"), Shape::Array { large: false }));
        }
        let comma = self.docs.text(",");
        let of = |wanted: Shape| values.iter().all(|(_, shape, _)| *shape == wanted);
        let filled = of(Shape::Number);
        let broken =
            values.len() > 1 && (of(Shape::Object { large: true }) || of(Shape::Array { large: true }));
        let count = values.len();
        let mut parts = Vec::with_capacity(count * 2);
        for (index, (value, _, blank)) in values.iter().enumerate() {
            if index > 0 {
                parts.push(match (filled, *blank) {
                    (true, true) => self.docs.concat(&[Docs::HARD, Docs::HARD]),
                    (false, true) => self.docs.concat(&[Docs::LINE, Docs::SOFT]),
                    (_, false) => Docs::LINE,
                });
            }
            let behind = if index + 1 < count { comma } else { Docs::EMPTY };
            parts.push(self.docs.concat(&[*value, behind]));
        }
        let inner = if filled {
            self.docs.fill(&parts)
        } else {
            self.docs.concat(&parts)
        };
        let open = self.docs.text("[");
        let close = self.docs.text("]");
        let body = self.docs.indent(&[Docs::SOFT, inner]);
        let doc = self.docs.group_as(&[open, body, Docs::SOFT, close], broken, None);
        Ok((doc, Shape::Array { large: count > 1 }))
    }
}
