//! Operators, and what `count` and `sum` go through.

use super::code::{Code, Level};
use super::row::Way;
use super::{Compiler, Strength};
use crate::emit::EmitError;
use crate::ir::{BinaryOperator as B, Expression, ExpressionKind as K, Type, UnaryOperator};

/// What a value is at run time, as far as operators tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Float,
    Bool,
    Time,
    Span,
    /// Known at run time only.
    Any,
}

pub(super) fn kind(ty: &Type) -> Kind {
    match ty.required() {
        Type::String | Type::Uuid | Type::State(_) | Type::Entity(_) | Type::Caller => Kind::Text,
        Type::Uint | Type::Int => Kind::Whole,
        Type::Float => Kind::Float,
        Type::Bool => Kind::Bool,
        Type::Timestamp => Kind::Time,
        Type::Duration => Kind::Span,
        Type::Bytes
        | Type::Json
        | Type::List(_)
        | Type::Set(_)
        | Type::Optional(_)
        | Type::Map(..)
        | Type::Result(..)
        | Type::Tuple(_)
        | Type::Union(_)
        | Type::None
        | Type::Unknown => Kind::Any,
    }
}

/// `condition ? then : otherwise`.
pub(super) fn choose(condition: &Code, then: &Code, otherwise: &Code, ty: Type) -> Code {
    let text = format!(
        "{} ? {} : {}",
        condition.within(Level::Or),
        then.within(Level::Nullish),
        otherwise.within(Level::Nullish)
    );
    Code {
        nullable: then.nullable || otherwise.nullable,
        ..Code::new(text, Level::Ternary, ty)
    }
}

impl Compiler<'_> {
    pub(super) fn unary(
        &mut self,
        operator: UnaryOperator,
        inner: &Expression,
        ty: Type,
    ) -> Result<Code, EmitError> {
        if operator == UnaryOperator::Not {
            let inner = self.truth(inner)?;
            return Ok(Code::new(
                format!("!{}", inner.within(Level::Unary)),
                Level::Unary,
                Type::Bool,
            ));
        }
        let inner = self.value(inner)?;
        if kind(&inner.ty) == Kind::Any {
            let text = format!("{}({})", self.call("negate"), inner.text);
            return Ok(Code::new(text, Level::Primary, Type::Json).or_null());
        }
        if inner.nullable {
            let text = format!("{}({}, (value) => -value)", self.call("some"), inner.text);
            return Ok(Code::new(text, Level::Primary, ty).or_null());
        }
        Ok(Code::new(
            format!("-{}", inner.within(Level::Primary)),
            Level::Unary,
            ty,
        ))
    }

    pub(super) fn ternary(
        &mut self,
        condition: &Expression,
        then: &Expression,
        otherwise: &Expression,
        ty: &Type,
    ) -> Result<Code, EmitError> {
        let condition = self.truth(condition)?;
        let (then, otherwise) = (self.plain(then)?, self.plain(otherwise)?);
        let (then, otherwise) = (self.alike(then, ty), self.alike(otherwise, ty));
        Ok(choose(&condition, &then, &otherwise, ty.required().clone()))
    }

    pub(super) fn binary(
        &mut self,
        operator: B,
        left: &Expression,
        right: &Expression,
        ty: Type,
    ) -> Result<Code, EmitError> {
        match operator {
            B::And | B::Or => {
                let (left, right) = (self.truth(left)?, self.truth(right)?);
                let (sign, level) = if operator == B::And {
                    ("&&", Level::And)
                } else {
                    ("||", Level::Or)
                };
                // Prettier writes brackets round `&&` beside `||`.
                let side = |code: &Code| {
                    if code.level == level {
                        code.text.clone()
                    } else {
                        code.within(Level::Equality)
                    }
                };
                let text = format!("{} {sign} {}", side(&left), side(&right));
                Ok(Code::new(text, level, Type::Bool))
            }
            B::Equal | B::NotEqual => self.equality(operator, left, right),
            B::Less | B::Greater | B::LessEqual | B::GreaterEqual => self.order(operator, left, right),
            B::In => self.membership(right, left),
            B::Contains => self.membership(left, right),
            B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder => {
                self.arithmetic(operator, left, right, ty)
            }
        }
    }

    fn equality(&mut self, operator: B, left: &Expression, right: &Expression) -> Result<Code, EmitError> {
        let negated = operator == B::NotEqual;
        for (role, other) in [(left, right), (right, left)] {
            if role.kind == K::CallerRole {
                let other = self.plain(other)?;
                if !other.nullable && kind(&other.ty) == Kind::Text {
                    let roles = self.of_call("caller.roles");
                    let text = format!(
                        "{}{roles}.includes({})",
                        if negated { "!" } else { "" },
                        other.text
                    );
                    let level = if negated { Level::Unary } else { Level::Primary };
                    return Ok(Code::new(text, level, Type::Bool));
                }
            }
        }
        let (left, right) = (self.plain(left)?, self.plain(right)?);
        Ok(self.equal(&left, &right, negated))
    }

    fn equal(&mut self, left: &Code, right: &Code, negated: bool) -> Code {
        let (one, other) = (kind(&left.ty), kind(&right.ty));
        let nothing = left.ty == Type::None || right.ty == Type::None;
        let same = one == other && !matches!(one, Kind::Any | Kind::Time);
        if (same || nothing) && !(left.literal && right.literal) && !self.careful {
            for side in [left, right].into_iter().filter(|side| !side.literal) {
                self.compared.push(side.text.clone());
            }
            let sign = if negated { "!==" } else { "===" };
            let text = format!(
                "{} {sign} {}",
                left.within(Level::Additive),
                right.within(Level::Additive)
            );
            return Code::new(text, Level::Equality, Type::Bool);
        }
        let text = format!("{}({}, {})", self.call("equal"), left.text, right.text);
        if negated {
            Code::new(format!("!{text}"), Level::Unary, Type::Bool)
        } else {
            Code::new(text, Level::Primary, Type::Bool)
        }
    }

    fn order(&mut self, operator: B, left: &Expression, right: &Expression) -> Result<Code, EmitError> {
        let (left, right) = (self.plain(left)?, self.plain(right)?);
        let number = |code: &Code| matches!(kind(&code.ty), Kind::Whole | Kind::Float | Kind::Span);
        let time = |code: &Code| kind(&code.ty) == Kind::Time;
        let native = (number(&left) && number(&right)) || (time(&left) && time(&right));
        if native && !left.nullable && !right.nullable {
            let text = format!(
                "{} {} {}",
                left.within(Level::Additive),
                operator.sign(),
                right.within(Level::Additive)
            );
            return Ok(Code::new(text, Level::Relational, Type::Bool));
        }
        let (function, first, second) = match operator {
            B::Less => ("less", &left, &right),
            B::Greater => ("less", &right, &left),
            B::LessEqual => ("lessOrEqual", &left, &right),
            _ => ("lessOrEqual", &right, &left),
        };
        let text = format!("{}({}, {})", self.call(function), first.text, second.text);
        Ok(Code::new(text, Level::Primary, Type::Bool))
    }

    /// `part in whole`.
    fn membership(&mut self, whole: &Expression, part: &Expression) -> Result<Code, EmitError> {
        if let K::Range(low, high) = &whole.kind {
            let (part, low, high) = (self.plain(part)?, self.plain(low)?, self.plain(high)?);
            let text = format!(
                "{}({}, {}, {})",
                self.call("within"),
                part.text,
                low.text,
                high.text
            );
            return Ok(Code::new(text, Level::Primary, Type::Bool));
        }
        let role = part.kind == K::CallerRole;
        let (whole, part) = (self.plain(whole)?, self.plain(part)?);
        if role && matches!(whole.ty, Type::List(_) | Type::Set(_)) {
            let roles = self.of_call("caller.roles");
            let contains = self.call("contains");
            let text = format!("{roles}.some((role) => {contains}({}, role))", whole.text);
            return Ok(Code::new(text, Level::Primary, Type::Bool));
        }
        let texts = kind(&whole.ty) == Kind::Text && kind(&part.ty) == Kind::Text;
        if texts && !whole.nullable && !part.nullable {
            let text = format!("{}.includes({})", whole.within(Level::Primary), part.text);
            return Ok(Code::new(text, Level::Primary, Type::Bool));
        }
        let text = format!("{}({}, {})", self.call("contains"), whole.text, part.text);
        Ok(Code::new(text, Level::Primary, Type::Bool))
    }

    fn arithmetic(
        &mut self,
        operator: B,
        left: &Expression,
        right: &Expression,
        ty: Type,
    ) -> Result<Code, EmitError> {
        let (left, right) = (self.plain(left)?, self.plain(right)?);
        Ok(self.operation(operator, left, right, ty))
    }

    /// Arithmetic of two values, whose type follows from theirs.
    pub(super) fn calculated(&mut self, operator: B, left: Code, right: Code) -> Code {
        let ty = match (kind(&left.ty), kind(&right.ty)) {
            (Kind::Float, _) | (_, Kind::Float) => Type::Float,
            (Kind::Time, _) => Type::Timestamp,
            (Kind::Text, _) => Type::String,
            (Kind::Span, _) => Type::Duration,
            _ => Type::Int,
        };
        self.operation(operator, left, right, ty)
    }

    fn operation(&mut self, operator: B, left: Code, right: Code, ty: Type) -> Code {
        let kinds = (kind(&left.ty), kind(&right.ty));
        if ty == Type::String && operator == B::Add {
            let (left, right) = (self.text_of(left), self.text_of(right));
            let text = format!(
                "{} + {}",
                left.within(Level::Additive),
                right.within(Level::Multiplicative)
            );
            return Code::new(text, Level::Additive, Type::String);
        }
        if matches!(kinds, (Kind::Any, _) | (_, Kind::Any)) {
            let text = format!(
                "{}({}, {}, {})",
                self.call("calculate"),
                super::string(operator.sign()),
                left.text,
                right.text
            );
            return Code::new(text, Level::Primary, Type::Json).or_null();
        }
        match (operator, kinds) {
            (B::Add, (Kind::Time, Kind::Span)) => self.later(&left, &right, ""),
            (B::Add, (Kind::Span, Kind::Time)) => self.later(&right, &left, ""),
            (B::Subtract, (Kind::Time, Kind::Span)) => self.later(&left, &right, "-"),
            (B::Subtract, (Kind::Time, Kind::Time)) => {
                let between = self.call("between");
                self.lifted(&left, &right, ty, |_, left, right| {
                    Code::new(
                        format!("{between}({}, {})", right.text, left.text),
                        Level::Primary,
                        Type::Duration,
                    )
                })
            }
            (B::Multiply | B::Divide, (Kind::Span, Kind::Float)) => self.scaled(operator, &left, &right),
            (B::Multiply, (Kind::Float, Kind::Span)) => self.scaled(operator, &right, &left),
            _ => {
                let number = if ty == Type::Float { Type::Float } else { Type::Int };
                let (left, right) = (self.alike(left, &number), self.alike(right, &number));
                self.lifted(&left, &right, ty, |compiler, left, right| {
                    compiler.calculation(operator, left, right)
                })
            }
        }
    }

    fn calculation(&mut self, operator: B, left: &Code, right: &Code) -> Code {
        let ty = left.ty.clone();
        let infix = |level: Level, above: Level| {
            let text = format!(
                "{} {} {}",
                left.within(level),
                operator.sign(),
                right.within(above)
            );
            Code::new(text, level, ty.clone())
        };
        let call = |function: &str| {
            Code::new(
                format!("{function}({}, {})", left.text, right.text),
                Level::Primary,
                ty.clone(),
            )
        };
        match operator {
            B::Divide => call(self.call("divide")),
            B::Remainder => call(self.call("remainder")),
            B::Multiply => infix(Level::Multiplicative, Level::Unary),
            _ => infix(Level::Additive, Level::Multiplicative),
        }
    }

    fn later(&mut self, time: &Code, span: &Code, sign: &str) -> Code {
        let later = self.call("later");
        self.lifted(time, span, Type::Timestamp, |_, time, span| {
            let span = if sign.is_empty() {
                span.text.clone()
            } else {
                format!("-{}", span.within(Level::Primary))
            };
            Code::new(
                format!("{later}({}, {span})", time.text),
                Level::Primary,
                Type::Timestamp,
            )
        })
    }

    fn scaled(&mut self, operator: B, span: &Code, factor: &Code) -> Code {
        let scaled = self.call("scaled");
        let divides = operator == B::Divide;
        self.lifted(span, factor, Type::Duration, |_, span, factor| {
            let factor = if divides {
                format!("1 / {}", factor.within(Level::Unary))
            } else {
                factor.text.clone()
            };
            Code::new(
                format!("{scaled}({}, {factor})", span.text),
                Level::Primary,
                Type::Duration,
            )
        })
    }

    /// A function of two values, or nothing where one of them is nothing.
    fn lifted(
        &mut self,
        left: &Code,
        right: &Code,
        ty: Type,
        then: impl FnOnce(&mut Self, &Code, &Code) -> Code,
    ) -> Code {
        if !left.nullable && !right.nullable {
            let code = then(self, left, right);
            return Code { ty, ..code };
        }
        let name = |name: &str, code: &Code| Code::new(name.to_owned(), Level::Primary, code.ty.clone());
        let body = then(self, &name("left", left), &name("right", right));
        let text = format!(
            "{}({}, {}, (left, right) => {})",
            self.call("both"),
            left.text,
            right.text,
            body.text
        );
        Code::new(text, Level::Primary, ty).or_null()
    }

    /// A value as text, for `+` beside text; nothing is the empty text.
    fn text_of(&mut self, code: Code) -> Code {
        if kind(&code.ty) == Kind::Text && !code.nullable {
            return code;
        }
        let text = format!("{}({})", self.call("textOf"), code.text);
        Code::new(text, Level::Primary, Type::String)
    }

    pub(super) fn count(&mut self, inner: &Expression) -> Result<Code, EmitError> {
        if let Some((table, column, start)) = self.counted(inner)? {
            let text = format!(
                "await call.rows.count({table}, {}, {start})",
                super::string(&column)
            );
            return Ok(Code::new(text, Level::Unary, Type::Uint));
        }
        let list = self.value(inner)?;
        Ok(self.length(&list))
    }

    pub(super) fn sum(&mut self, inner: &Expression) -> Result<Code, EmitError> {
        let whole = matches!(
            inner.ty.required().element().map(Type::required),
            Some(Type::Uint | Type::Int)
        );
        let (function, ty) = if whole {
            ("sum", Type::Int)
        } else {
            ("sumOfFloats", Type::Float)
        };
        if let K::Column { row, column } = &inner.kind
            && let Some((table, key, start)) = self.counted(row)?
        {
            let text = format!(
                "await call.rows.{function}({table}, {}, {}, {start})",
                super::string(column),
                super::string(&key)
            );
            return Ok(Code::new(text, Level::Unary, ty));
        }
        let list = self.value(inner)?;
        let function = if whole { "sumOf" } else { "sumOfFloats" };
        let text = if list.nullable || kind(&list.ty) == Kind::Any && list.ty == Type::Json {
            format!("{}({})", self.call("sumOfAny"), list.text)
        } else {
            format!("{}({})", self.call(function), list.text)
        };
        Ok(Code::new(text, Level::Primary, ty))
    }

    /// The rows of a relation that leads from one row to many by a foreign key: the database counts them. Their table, the
    /// foreign key and the id that it holds.
    fn counted(&mut self, inner: &Expression) -> Result<Option<(String, String, String)>, EmitError> {
        let K::Related { row, relation } = &inner.kind else {
            return Ok(None);
        };
        let before = self.needs.rows.len();
        let code = self.related(row, relation, Strength::Share)?;
        let found = self
            .needs
            .rows
            .iter()
            .position(|need| format!("given.{}", need.name) == code.text);
        let Some(at) = found else { return Ok(None) };
        let Some(need) = self.needs.rows.get(at).cloned() else {
            return Ok(None);
        };
        let Way::Many { column } = need.way else {
            return Ok(None);
        };
        if need.start.many {
            return Ok(None);
        }
        // Counted by the database: the rows themselves are not needed, unless they were before.
        if at >= before {
            self.needs.rows.remove(at);
        }
        self.tables.insert(need.entity);
        let table = self.table(need.entity);
        let dot = if need.start.nullable { "?." } else { "." };
        let start = format!("given.{}{dot}id", need.start.name);
        Ok(Some((table, column, start)))
    }
}
