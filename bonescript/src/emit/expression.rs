//! Expressions of the program as TypeScript.
//!
//! In goes a typed [`Expression`], out comes text that means the same on the values that
//! `src/expressions.ts` describes: whole numbers are `bigint`, nothing is `null`, an instant is a `Date`. Operators of
//! TypeScript are used where they mean the same; a function of `src/expressions.ts` where they do not. Rows that a
//! relation leads to are not fetched here: the compiler notes which are needed, and whoever emits a capability loads and
//! locks them beforehand.

mod code;
mod convert;
mod operator;
mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub(super) use code::{Code, Level, float, key, property, string};
pub(super) use convert::constant;
pub(super) use row::{Needs, Strength, Way};

use super::EmitError;
use crate::ir::{self, Expression, ExpressionKind as K, Literal, Type};

/// What names in an expression stand for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    /// One row: `row.stock`.
    Row(&'a ir::Entity),
    /// Parameters of a capability and rows behind them in `given`, results of earlier steps of its pipeline in `steps`,
    /// what else is known in `call`.
    Capability(&'a [ir::Parameter]),
    /// Inputs of a flow, in `inputs`.
    #[expect(dead_code, reason = "for the emitter of flows")]
    Flow(&'a [ir::Parameter]),
    /// `participant`, `message` and `caller` of a channel.
    #[expect(dead_code, reason = "for the emitter of channels")]
    Channel(Option<ir::EntityId>),
}

/// Compiles the expressions of one scope, and notes what they need.
#[derive(Debug)]
pub(super) struct Compiler<'a> {
    pub(super) system: &'a ir::System,
    scope: Scope<'a>,
    /// Rows behind relations, and how every row is to be locked.
    pub(super) needs: Needs,
    /// Functions of `src/expressions.ts` that the code calls.
    pub(super) used: BTreeSet<&'static str>,
    /// Tables whose descriptions the code names.
    pub(super) tables: BTreeSet<ir::EntityId>,
    /// Sides of `===` in the expression so far. TypeScript narrows what it has compared once, and then refuses to compare
    /// it with something else.
    compared: Vec<String>,
    careful: bool,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(system: &'a ir::System, scope: Scope<'a>) -> Self {
        Self {
            system,
            scope,
            needs: Needs::default(),
            used: BTreeSet::new(),
            tables: BTreeSet::new(),
            compared: Vec::new(),
            careful: false,
        }
    }

    /// A condition: true or false, whatever is missing.
    pub(super) fn condition(&mut self, expression: &Expression) -> Result<Code, EmitError> {
        self.whole(expression, Self::truth)
    }

    /// A value as a type wants it; `what` names its place in messages, such as `plant.stock`.
    pub(super) fn value_as(
        &mut self,
        expression: &Expression,
        ty: &Type,
        what: &str,
    ) -> Result<Code, EmitError> {
        self.whole(expression, |compiler, expression| {
            let code = if is_reference(ty) {
                compiler.id(expression)?
            } else {
                compiler.plain(expression)?
            };
            Ok(compiler.fit(code, ty, what))
        })
    }

    /// A value as it is; rows as rows.
    pub(super) fn argument(
        &mut self,
        expression: &Expression,
        ty: &Type,
        what: &str,
    ) -> Result<Code, EmitError> {
        self.whole(expression, |compiler, expression| {
            let code = compiler.value(expression)?;
            if code.row {
                return Ok(code);
            }
            Ok(compiler.fit(code, ty, what))
        })
    }

    /// Compiles twice where the first try compares something twice with `===`.
    fn whole(
        &mut self,
        expression: &Expression,
        compile: impl Fn(&mut Self, &Expression) -> Result<Code, EmitError>,
    ) -> Result<Code, EmitError> {
        self.compared.clear();
        self.careful = false;
        let code = compile(self, expression)?;
        let distinct: BTreeSet<&String> = self.compared.iter().collect();
        if distinct.len() == self.compared.len() {
            return Ok(code);
        }
        self.careful = true;
        let code = compile(self, expression);
        self.careful = false;
        code
    }

    fn truth(&mut self, expression: &Expression) -> Result<Code, EmitError> {
        let code = self.value(expression)?;
        if *code.ty.required() == Type::Bool && !code.nullable {
            return Ok(code);
        }
        let text = format!("{} === true", code.within(Level::Additive));
        Ok(Code::new(text, Level::Equality, Type::Bool))
    }

    /// A value in which rows have become their ids.
    fn plain(&mut self, expression: &Expression) -> Result<Code, EmitError> {
        if matches!(expression.kind, K::Related { .. }) && matches!(expression.ty.required(), Type::Entity(_))
        {
            return self.id(expression);
        }
        let code = self.value(expression)?;
        if !code.row {
            return Ok(code);
        }
        match &code.ty {
            Type::List(_) | Type::Set(_) => {
                let text = format!("{}.map((row) => row.id)", code.within(Level::Primary));
                Ok(Code::new(text, Level::Primary, Type::List(Box::new(Type::Uuid))))
            }
            _ => self.id(expression),
        }
    }

    /// A value.
    pub(super) fn value(&mut self, expression: &Expression) -> Result<Code, EmitError> {
        let ty = expression.ty.clone();
        Ok(match &expression.kind {
            K::Literal(literal) => self.literal(literal, ty),
            K::Parameter(name) => self.parameter(name, &ty),
            K::Own(name) => self.own(name, &ty),
            K::Column { row, column } => self.column(row, column, &ty)?,
            K::Related { row, relation } => self.related(row, relation, Strength::Share)?,
            K::Key { value, key } => {
                let value = self.value(value)?;
                let text = format!("{}({}, {})", self.call("keyOf"), value.text, string(key));
                // Of a map, or of json: either may lack the key.
                Code::new(text, Level::Primary, ty).or_null()
            }
            K::Length(inner) => {
                let inner = self.value(inner)?;
                self.length(&inner)
            }
            K::CallerId => Code::new(self.of_call("caller.id"), Level::Primary, Type::Uuid),
            K::CallerRole => Code::new(self.of_call("caller.role"), Level::Primary, Type::String).or_null(),
            K::IdOf(inner) => self.id(inner)?,
            K::Participant => Code {
                row: matches!(ty, Type::Entity(_)),
                ..Code::new("participant".to_owned(), Level::Primary, ty)
            },
            K::Message => Code::new("message".to_owned(), Level::Primary, Type::Json),
            K::Now => Code::new(self.now(), Level::Primary, Type::Timestamp),
            K::List(items) => self.list(items, &ty)?,
            K::Map(entries) => self.map(entries, ty)?,
            K::Unary(operator, inner) => self.unary(*operator, inner, ty)?,
            K::Binary(operator, left, right) => self.binary(*operator, left, right, ty)?,
            // Only on the right of `in`, which looks at it itself.
            K::Range(low, high) => self.list(&[low.as_ref().clone(), high.as_ref().clone()], &ty)?,
            K::Ternary(condition, then, otherwise) => self.ternary(condition, then, otherwise, &ty)?,
            K::Count(inner) => self.count(inner)?,
            K::Sum(inner) => self.sum(inner)?,
            K::Call(id, arguments) => self.extension(*id, arguments, &ty)?,
        })
    }

    fn literal(&mut self, literal: &Literal, ty: Type) -> Code {
        let level = match literal {
            Literal::Integer(value) if *value < 0 => Level::Unary,
            Literal::Float(value) if value.is_sign_negative() => Level::Unary,
            Literal::Now => return Code::new(self.now(), Level::Primary, Type::Timestamp),
            _ => Level::Primary,
        };
        Code {
            literal: true,
            nullable: *literal == Literal::None,
            ..Code::new(code::literal(literal), level, ty)
        }
    }

    fn parameter(&mut self, name: &str, ty: &Type) -> Code {
        let (prefix, known) = match self.scope {
            Scope::Capability(parameters) => {
                let known = parameters.iter().any(|known| known.name == name);
                if known { ("given", true) } else { ("steps", false) }
            }
            Scope::Flow(_) => ("inputs", false),
            Scope::Row(_) | Scope::Channel(_) => ("given", false),
        };
        let row = matches!(self.scope, Scope::Capability(_)) && row::holds_rows(ty);
        if known && row {
            self.needs.touch(name, Strength::Share);
        }
        Code {
            row,
            nullable: matches!(ty, Type::Optional(_)),
            ..Code::new(property(prefix, name), Level::Primary, ty.required().clone())
        }
    }

    fn own(&self, name: &str, ty: &Type) -> Code {
        let nullable = match self.scope {
            Scope::Row(entity) => entity.column(name).is_some_and(|column| column.nullable),
            _ => matches!(ty, Type::Optional(_)),
        };
        Code {
            nullable,
            ..Code::new(property("row", name), Level::Primary, ty.required().clone())
        }
    }

    /// The time: that of the call, which a message of a channel is not.
    fn now(&self) -> String {
        match self.scope {
            Scope::Channel(_) => "new Date()".to_owned(),
            _ => self.of_call("now"),
        }
    }

    fn of_call(&self, name: &str) -> String {
        match self.scope {
            Scope::Channel(_) => name.to_owned(),
            _ => format!("call.{name}"),
        }
    }

    fn length(&mut self, inner: &Code) -> Code {
        let of = |compiler: &mut Self, text: &str| match inner.ty.required() {
            Type::List(_) | Type::Set(_) | Type::Bytes => format!("BigInt({text}.length)"),
            Type::Map(..) | Type::Json | Type::Unknown => format!("{}({text})", compiler.call("size")),
            _ => format!("{}({text})", compiler.call("characters")),
        };
        if inner.nullable && *inner.ty.required() != Type::Json {
            let body = of(self, "value");
            let text = format!("{}({}, (value) => {body})", self.call("some"), inner.text);
            return Code::new(text, Level::Primary, Type::Uint).or_null();
        }
        let simple = matches!(inner.ty.required(), Type::List(_) | Type::Set(_) | Type::Bytes);
        let text = of(
            self,
            &if simple {
                inner.within(Level::Primary)
            } else {
                inner.text.clone()
            },
        );
        Code::new(text, Level::Primary, Type::Uint)
    }

    fn list(&mut self, items: &[Expression], ty: &Type) -> Result<Code, EmitError> {
        let element = ty.element().cloned().unwrap_or(Type::Json);
        let mut texts = Vec::new();
        for item in items {
            let code = self.plain(item)?;
            texts.push(self.alike(code, &element).text);
        }
        let element = if is_reference(&element) {
            Type::Uuid
        } else {
            element
        };
        Ok(Code::new(
            format!("[{}]", texts.join(", ")),
            Level::Primary,
            Type::List(Box::new(element)),
        ))
    }

    fn map(&mut self, entries: &[(Expression, Expression)], ty: Type) -> Result<Code, EmitError> {
        let value_type = match &ty {
            Type::Map(_, value) => value.as_ref().clone(),
            _ => Type::Json,
        };
        let mut texts = Vec::new();
        for (key, value) in entries {
            let key = match key.literal() {
                Some(Literal::String(text)) => code::key(text),
                Some(literal) => string(&code::plain_literal(literal)),
                None => format!("[{}]", self.plain(key)?.text),
            };
            let value = self.plain(value)?;
            texts.push(format!("{key}: {}", self.alike(value, &value_type).text));
        }
        let text = if texts.is_empty() {
            "{}".to_owned()
        } else {
            format!("{{ {} }}", texts.join(", "))
        };
        Ok(Code::new(text, Level::Primary, ty))
    }

    fn extension(
        &mut self,
        id: ir::ExtensionPointId,
        arguments: &[Expression],
        ty: &Type,
    ) -> Result<Code, EmitError> {
        let Some(point) = self.system.extension_points.get(id.0) else {
            return Err(unwritable("a call", "it calls nothing that is declared"));
        };
        let mut texts = Vec::new();
        for (argument, parameter) in arguments.iter().zip(&point.parameters) {
            let code = self.value(argument)?;
            // In JSON a row is its id, as in a column.
            let code = if code.row && matches!(parameter.ty.required(), Type::Json | Type::Unknown) {
                self.plain(argument)?
            } else {
                code
            };
            let wants_row = !matches!(parameter.ty, Type::Optional(_));
            let code = if code.row && code.nullable && wants_row {
                Code::new(
                    format!(
                        "{}({}, {})",
                        self.call("there"),
                        code.text,
                        string(&parameter.name)
                    ),
                    Level::Primary,
                    code.ty,
                )
            } else if code.row {
                code
            } else {
                self.fit(code, &parameter.ty, &parameter.name)
            };
            texts.push(code.text);
        }
        texts.push("call".to_owned());
        let callee = property("call.context.extensions", &point.name);
        Ok(Code {
            row: row::holds_rows(ty),
            nullable: matches!(ty, Type::Optional(_)),
            ..Code::new(
                format!("await {callee}({})", texts.join(", ")),
                Level::Unary,
                ty.required().clone(),
            )
        })
    }

    /// A place after `+=` or `-=`: what it holds, changed by a value.
    pub(super) fn changed(
        &mut self,
        place: &str,
        before: &Expression,
        operator: ir::BinaryOperator,
        value: &Expression,
    ) -> Result<Code, EmitError> {
        let before = Code {
            nullable: matches!(before.ty, Type::Optional(_)),
            ..Code::new(place.to_owned(), Level::Primary, before.ty.required().clone())
        };
        let value = self.plain(value)?;
        Ok(self.calculated(operator, before, value))
    }

    /// The name of a function of `src/expressions.ts`, which is then imported.
    pub(super) fn call(&mut self, function: &'static str) -> &'static str {
        self.used.insert(function);
        function
    }
}

/// Whether a value of the type is kept as an id.
fn is_reference(ty: &Type) -> bool {
    matches!(ty.required(), Type::Entity(_) | Type::Caller | Type::Uuid)
}

fn unwritable(what: &str, why: &str) -> EmitError {
    EmitError::Unwritable {
        what: what.to_owned(),
        why: why.to_owned(),
    }
}
