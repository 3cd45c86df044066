//! Statements.

use std::cell::Cell;

use super::super::Unsupported;
use super::super::syntax::{
    Binding, Block, Case, Declarator, Item, Items, Parameter, Pattern, PatternProperty, Specifier, Statement,
};
use super::super::token::Kind;
use super::{Parsed, Parser};

impl<'a> Parser<'a, '_> {
    /// Statements up to a `}` or the end.
    pub(super) fn statements(&mut self) -> Block<'a> {
        let opened = self.peek().lines > 0;
        let mut items = Vec::new();
        loop {
            let lead = self.lead();
            let token = self.peek();
            if token.kind == Kind::End || (self.is("}") && self.depth > 0) {
                return Items {
                    all: items,
                    rest: lead,
                    opened: Cell::new(opened),
                };
            }
            let from = self.mark();
            let (in_consequent, no_in) = (self.in_consequent, self.no_in);
            self.in_consequent = false;
            self.no_in = false;
            let parsed = self.statement();
            self.in_consequent = in_consequent;
            self.no_in = no_in;
            let node = match parsed {
                Ok(statement) if self.lost == from.lost => statement,
                _ => {
                    self.back_to(from);
                    self.skip_statement();
                    Statement::Verbatim(self.text_since(from.at).unwrap_or_default())
                }
            };
            let trail = self.trail();
            let blank_after = self.blank_follows();
            items.push(Item {
                lead,
                node,
                trail,
                blank_after,
            });
        }
    }

    /// Passes a statement that is not understood, by its brackets, `;` and lines.
    fn skip_statement(&mut self) {
        loop {
            let token = self.peek();
            if token.kind == Kind::End {
                break;
            }
            let is_sign = token.kind == Kind::Sign;
            if is_sign && token.text == "}" && self.depth > 0 {
                break;
            }
            let closes_block = is_sign && token.text == "{";
            if token.partner > self.at {
                self.at = token.partner;
            }
            self.at += 1;
            if is_sign && token.text == ";" {
                break;
            }
            let next = self.peek();
            let goes_on = next.kind == Kind::Sign && next.text != "}" && next.text != "{" && next.text != "["
                || matches!(next.text, "else" | "catch" | "finally" | "while" | "from" | "as");
            if closes_block && next.lines > 0 && !goes_on {
                break;
            }
        }
        self.noted = self
            .at
            .checked_sub(1)
            .and_then(|index| self.tokens.get(index))
            .map_or(self.noted, |last| last.comments.max(self.noted));
    }

    pub(super) fn block(&mut self) -> Parsed<Block<'a>> {
        self.expect("{")?;
        let block = self.deeper(|parser| Ok(parser.statements()))?;
        self.expect("}")?;
        Ok(block)
    }

    pub(super) fn statement(&mut self) -> Parsed<Statement<'a>> {
        let token = self.peek();
        let next = self.peek_by(1);
        match token.kind {
            Kind::Sign if token.text == "{" => Ok(Statement::Block(self.block()?)),
            Kind::Sign if token.text == ";" => {
                self.advance();
                Ok(Statement::Empty)
            }
            Kind::Name => match token.text {
                "import" if !matches!(next.text, "(" | ".") => self.import(),
                "export" => self.export(),
                "const" | "let" | "var" => {
                    let variables = self.variables()?;
                    self.semicolon()?;
                    Ok(variables)
                }
                "function" => Ok(Statement::Function(Box::new(self.function(false)?))),
                "async" if next.text == "function" => {
                    self.advance();
                    Ok(Statement::Function(Box::new(self.function(true)?)))
                }
                "class" => Ok(Statement::Class(Box::new(self.class(false)?))),
                "abstract" if next.text == "class" => {
                    self.advance();
                    Ok(Statement::Class(Box::new(self.class(true)?)))
                }
                "interface" if next.kind == Kind::Name => self.interface(),
                "type" if next.kind == Kind::Name && next.lines == 0 => self.alias(),
                "declare" if next.kind == Kind::Name && next.lines == 0 && next.text != "global" => {
                    self.advance();
                    Ok(Statement::Declare(Box::new(self.statement()?)))
                }
                "return" => {
                    self.advance();
                    let ends = self.is(";")
                        || self.is("}")
                        || self.peek().lines > 0
                        || self.peek().kind == Kind::End;
                    let value = if ends { None } else { Some(self.expression()?) };
                    self.semicolon()?;
                    Ok(Statement::Return(value))
                }
                "throw" => {
                    self.advance();
                    let value = self.expression()?;
                    self.semicolon()?;
                    Ok(Statement::Throw(value))
                }
                "if" => self.if_statement(),
                "for" => self.for_statement(),
                "while" => {
                    self.advance();
                    let test = self.parenthesised()?;
                    let body = Box::new(self.nested()?);
                    Ok(Statement::While { test, body })
                }
                "do" => {
                    self.advance();
                    let body = Box::new(self.nested()?);
                    self.expect_word("while")?;
                    let test = self.parenthesised()?;
                    self.eat(";");
                    Ok(Statement::DoWhile { body, test })
                }
                "switch" => self.switch(),
                "try" => self.try_statement(),
                "break" | "continue" => {
                    self.advance();
                    let label = if self.peek().kind == Kind::Name && self.peek().lines == 0 {
                        Some(self.name()?)
                    } else {
                        None
                    };
                    self.semicolon()?;
                    Ok(Statement::Jump(token.text, label))
                }
                "enum" | "namespace" | "module" if next.kind == Kind::Name => Err(Unsupported),
                _ if next.text == ":" => Err(Unsupported),
                _ => self.expression_statement(),
            },
            _ => self.expression_statement(),
        }
    }

    fn nested(&mut self) -> Parsed<Statement<'a>> {
        self.deeper(Self::statement)
    }

    fn expression_statement(&mut self) -> Parsed<Statement<'a>> {
        let expression = self.expression()?;
        self.semicolon()?;
        Ok(Statement::Expression(expression))
    }

    fn parenthesised(&mut self) -> Parsed<super::super::syntax::Expression<'a>> {
        self.expect("(")?;
        let value = self.bracketed(Self::expression)?;
        self.expect(")")?;
        Ok(value)
    }

    fn import(&mut self) -> Parsed<Statement<'a>> {
        self.advance();
        if self.peek().kind == Kind::String {
            let source = self.string()?;
            self.semicolon()?;
            return Ok(Statement::Import {
                type_only: false,
                default: None,
                namespace: None,
                names: None,
                source,
            });
        }
        let type_only = self.is_word("type") && self.peek_by(1).text != "from" && self.eat_word("type");
        let default = if self.peek().kind == Kind::Name {
            Some(self.name()?)
        } else {
            None
        };
        if default.is_some() {
            self.eat(",");
        }
        let mut namespace = None;
        let mut names = None;
        if self.eat("*") {
            self.expect_word("as")?;
            namespace = Some(self.name()?);
        } else if self.eat("{") {
            names = Some(self.bracketed(|parser| parser.list(",", "}", Self::specifier))?);
        }
        self.expect_word("from")?;
        let source = self.string()?;
        self.semicolon()?;
        Ok(Statement::Import {
            type_only,
            default,
            namespace,
            names,
            source,
        })
    }

    fn specifier(&mut self) -> Parsed<Specifier<'a>> {
        let type_only = self.is_word("type")
            && self.peek_by(1).kind == Kind::Name
            && self.peek_by(1).text != "as"
            && self.eat_word("type");
        let name = self.name()?;
        let alias = if self.eat_word("as") {
            Some(self.name()?)
        } else {
            None
        };
        Ok(Specifier {
            type_only,
            name,
            alias,
        })
    }

    fn export(&mut self) -> Parsed<Statement<'a>> {
        self.advance();
        if self.eat_word("default") {
            return Ok(Statement::ExportDefault(Box::new(self.nested()?)));
        }
        let type_only =
            self.is_word("type") && matches!(self.peek_by(1).text, "{" | "*") && self.eat_word("type");
        if self.eat("*") {
            let name = if self.eat_word("as") {
                Some(self.name()?)
            } else {
                None
            };
            self.expect_word("from")?;
            let source = self.string()?;
            self.semicolon()?;
            return Ok(Statement::ExportAll {
                type_only,
                name,
                source,
            });
        }
        if self.eat("{") {
            let names = self.bracketed(|parser| parser.list(",", "}", Self::specifier))?;
            let source = if self.eat_word("from") {
                Some(self.string()?)
            } else {
                None
            };
            self.semicolon()?;
            return Ok(Statement::ExportNames {
                type_only,
                names,
                source,
            });
        }
        Ok(Statement::Export(Box::new(self.nested()?)))
    }

    /// `const a = 1, b = 2`, without a `;`.
    fn variables(&mut self) -> Parsed<Statement<'a>> {
        let kind = self.advance().text;
        let mut list = Vec::new();
        loop {
            let binding = self.binding()?;
            let value = if self.eat("=") {
                Some(self.assignment()?)
            } else {
                None
            };
            list.push(Declarator { binding, value });
            if !self.eat(",") {
                return Ok(Statement::Variables { kind, list });
            }
        }
    }

    /// A pattern with its mark and type.
    pub(super) fn binding(&mut self) -> Parsed<Binding<'a>> {
        let pattern = self.pattern()?;
        let mark = if self.is("?") || self.is("!") {
            Some(self.advance().text)
        } else {
            None
        };
        let ty = if self.eat(":") { Some(self.ty()?) } else { None };
        Ok(Binding { pattern, mark, ty })
    }

    fn pattern(&mut self) -> Parsed<Pattern<'a>> {
        if self.eat("{") {
            return self
                .bracketed(|parser| Ok(Pattern::Object(parser.list(",", "}", Self::pattern_property)?)));
        }
        if self.eat("[") {
            return self.bracketed(|parser| {
                Ok(Pattern::Array(parser.list(",", "]", |parser| {
                    if parser.is(",") {
                        Ok(None)
                    } else {
                        Ok(Some(parser.parameter()?))
                    }
                })?))
            });
        }
        Ok(Pattern::Name(self.name()?))
    }

    fn pattern_property(&mut self) -> Parsed<PatternProperty<'a>> {
        if self.eat("...") {
            return Ok(PatternProperty::Rest(self.name()?));
        }
        if self.peek().kind == Kind::Name && self.peek_by(1).text != ":" {
            let name = self.name()?;
            let default = if self.eat("=") {
                Some(self.assignment()?)
            } else {
                None
            };
            return Ok(PatternProperty::Short(name, default));
        }
        let key = self.key()?;
        self.expect(":")?;
        let pattern = self.pattern()?;
        let default = if self.eat("=") {
            Some(self.assignment()?)
        } else {
            None
        };
        Ok(PatternProperty::Pair(key, pattern, default))
    }

    pub(super) fn parameter(&mut self) -> Parsed<Parameter<'a>> {
        let rest = self.eat("...");
        let binding = self.binding()?;
        let default = if self.eat("=") {
            Some(self.assignment()?)
        } else {
            None
        };
        Ok(Parameter {
            rest,
            binding,
            default,
        })
    }

    fn if_statement(&mut self) -> Parsed<Statement<'a>> {
        self.advance();
        let test = self.parenthesised()?;
        let then = Box::new(self.nested()?);
        let otherwise = if self.eat_word("else") {
            Some(Box::new(self.nested()?))
        } else {
            None
        };
        Ok(Statement::If {
            test,
            then,
            otherwise,
        })
    }

    fn for_statement(&mut self) -> Parsed<Statement<'a>> {
        self.advance();
        let is_await = self.eat_word("await");
        self.expect("(")?;
        let start = if self.is(";") {
            None
        } else {
            self.no_in = true;
            let start = if matches!(self.peek().text, "const" | "let" | "var") {
                self.variables()
            } else {
                self.expression().map(Statement::Expression)
            };
            self.no_in = false;
            Some(Box::new(start?))
        };
        if let Some(left) = start {
            if self.is_word("of") || self.is_word("in") {
                let word = self.advance().text;
                let right = self.bracketed(Self::expression)?;
                self.expect(")")?;
                let body = Box::new(self.nested()?);
                return Ok(Statement::ForEach {
                    is_await,
                    left,
                    word,
                    right,
                    body,
                });
            }
            return self.for_rest(Some(left));
        }
        self.for_rest(None)
    }

    fn for_rest(&mut self, start: Option<Box<Statement<'a>>>) -> Parsed<Statement<'a>> {
        self.expect(";")?;
        let test = if self.is(";") {
            None
        } else {
            Some(self.bracketed(Self::expression)?)
        };
        self.expect(";")?;
        let step = if self.is(")") {
            None
        } else {
            Some(self.bracketed(Self::expression)?)
        };
        self.expect(")")?;
        let body = Box::new(self.nested()?);
        Ok(Statement::For {
            start,
            test,
            step,
            body,
        })
    }

    fn switch(&mut self) -> Parsed<Statement<'a>> {
        self.advance();
        let value = self.parenthesised()?;
        self.expect("{")?;
        let mut items = Vec::new();
        let rest = self.deeper(|parser| {
            loop {
                let lead = parser.lead();
                if parser.is("}") {
                    return Ok(lead);
                }
                let test = if parser.eat_word("default") {
                    None
                } else {
                    parser.expect_word("case")?;
                    Some(parser.expression()?)
                };
                parser.expect(":")?;
                let trail = parser.trail();
                let body = parser.case_body()?;
                let blank_after = parser.blank_follows();
                items.push(Item {
                    lead,
                    node: Case { test, body },
                    trail,
                    blank_after,
                });
            }
        })?;
        self.expect("}")?;
        let cases = Items {
            all: items,
            rest,
            opened: Cell::new(true),
        };
        Ok(Statement::Switch { value, cases })
    }

    fn case_body(&mut self) -> Parsed<Block<'a>> {
        let mut items = Vec::new();
        while !self.is("}") && !self.is_word("case") && !self.is_word("default") {
            let lead = self.lead();
            let node = self.deeper(Self::statement)?;
            let trail = self.trail();
            let blank_after = self.blank_follows();
            items.push(Item {
                lead,
                node,
                trail,
                blank_after,
            });
        }
        Ok(Items {
            all: items,
            rest: Vec::new(),
            opened: Cell::new(true),
        })
    }

    fn try_statement(&mut self) -> Parsed<Statement<'a>> {
        self.advance();
        let block = self.block()?;
        let catch = if self.eat_word("catch") {
            let binding = if self.eat("(") {
                let binding = self.binding()?;
                self.expect(")")?;
                Some(binding)
            } else {
                None
            };
            Some((binding, self.block()?))
        } else {
            None
        };
        let finally = if self.eat_word("finally") {
            Some(self.block()?)
        } else {
            None
        };
        Ok(Statement::Try {
            block,
            catch,
            finally,
        })
    }
}
