//! Conditions and derived fields as SQL.
//!
//! They mean the same in both databases, and in TypeScript: whole numbers divide to whole numbers, toward zero; what is
//! divided by zero is nothing; `contains` knows no patterns; the length of a text is that in characters.
//!
//! A comparison with nothing is neither true nor false in SQL. A check lets such a row pass, and that is what a
//! constraint on an optional field means; a derived value takes it for false.

mod json;

use super::dialect::{self, Dialect};
use crate::emit::EmitError;
use crate::ir::{
    BinaryOperator as B, ColumnKind, Entity, Expression, ExpressionKind as K, Literal, Type, UnaryOperator,
};

/// What a comparison with nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Unknown, so that the check passes.
    Check,
    /// False.
    Value,
}

/// The longest SQL of one expression: a derived field stands in full in those that use it, and could double each time.
const MAX_BYTES: usize = 64 * 1024;

/// Compiles expressions over the row of one entity.
pub(super) struct Compiler<'a> {
    dialect: Dialect,
    entity: &'a Entity,
    meaning: Meaning,
    /// So many bytes may still be written.
    left: usize,
}

type Sql = Result<String, EmitError>;

/// A condition or value as SQL; anything with an operator in it is in parentheses.
pub(super) fn sql(dialect: Dialect, entity: &Entity, meaning: Meaning, expression: &Expression) -> Sql {
    let mut compiler = Compiler {
        dialect,
        entity,
        meaning,
        left: MAX_BYTES,
    };
    if dialect::is_json(&expression.ty) && meaning == Meaning::Value {
        return compiler.json(expression);
    }
    compiler.value(expression)
}

/// Whether a value may be nothing.
fn may_be_none(entity: &Entity, expression: &Expression) -> bool {
    expression.may_be_none(&|name| entity.column(name).is_none_or(|column| column.nullable))
}

impl Compiler<'_> {
    /// Keeps the books of what is written.
    fn spend(&mut self, text: String) -> Sql {
        self.left = self
            .left
            .checked_sub(text.len())
            .ok_or_else(|| EmitError::Unwritable {
                what: format!("a derived field of `{}`", self.entity.name),
                why: "written out in full, with the derived fields that it uses, it is longer than 64 KiB"
                    .to_owned(),
            })?;
        Ok(text)
    }

    /// A value of its own type; json as what is in it.
    fn value(&mut self, expression: &Expression) -> Sql {
        let written = match &expression.kind {
            K::Literal(literal) => self.dialect.constant(literal, &expression.ty)?,
            K::Own(name) => return self.own(name),
            K::Key { .. } => return self.scalar(expression, &expression.ty.clone()),
            K::Length(inner) => self.length(inner)?,
            K::IdOf(inner) => return self.value(inner),
            K::Unary(UnaryOperator::Not, inner) => format!("(NOT {})", self.value(inner)?),
            K::Unary(UnaryOperator::Negate, inner) => format!("(- {})", self.number(inner)?),
            K::Binary(operator, left, right) => return self.binary(*operator, left, right, &expression.ty),
            K::Ternary(condition, then, otherwise) => {
                let condition = self.value(condition)?;
                let then = self.branch(then, &expression.ty)?;
                let otherwise = self.branch(otherwise, &expression.ty)?;
                format!("(CASE WHEN {condition} THEN {then} ELSE {otherwise} END)")
            }
            K::List(_) | K::Map(_) => return self.json(expression),
            // `check` lets none of these stand where only the row itself is known.
            K::Parameter(_)
            | K::Column { .. }
            | K::Related { .. }
            | K::CallerId
            | K::CallerRole
            | K::Participant
            | K::Message
            | K::Now
            | K::Range(..)
            | K::Count(_)
            | K::Sum(_)
            | K::Call(..) => {
                return Err(EmitError::Unwritable {
                    what: format!("a condition of `{}`", self.entity.name),
                    why: "it is about more than the row itself".to_owned(),
                });
            }
        };
        self.spend(written)
    }

    fn branch(&mut self, expression: &Expression, ty: &Type) -> Sql {
        if expression.literal() == Some(&Literal::None) {
            return Ok("NULL".to_owned());
        }
        if dialect::is_json(ty) {
            self.json(expression)
        } else {
            self.typed(expression, ty)
        }
    }

    fn own(&mut self, name: &str) -> Sql {
        let column = self.entity.column(name);
        // A generated column of PostgreSQL cannot use another one.
        if let (Some(ColumnKind::Derived(value)), Dialect::Postgres, Meaning::Value) =
            (column.map(|column| &column.kind), self.dialect, self.meaning)
        {
            return self.value(value);
        }
        self.spend(dialect::name(name))
    }

    /// A value where one of another type is compared with it: texts become instants and ids, json what is in it.
    fn typed(&mut self, expression: &Expression, ty: &Type) -> Sql {
        if let Some(literal) = expression.literal()
            && !dialect::is_json(ty)
        {
            let written = self.dialect.constant(literal, ty)?;
            return self.spend(written);
        }
        if matches!(expression.ty.required(), Type::Json) && !dialect::is_json(ty) {
            return self.scalar(expression, ty);
        }
        self.value(expression)
    }

    fn number(&mut self, expression: &Expression) -> Sql {
        if matches!(expression.ty.required(), Type::Json) {
            return self.scalar(expression, &Type::Float);
        }
        let written = self.value(expression)?;
        // A constant is a number of 32 bits otherwise, and so is what two of them make.
        let widened = self.dialect == Dialect::Postgres
            && matches!(
                expression.literal(),
                Some(Literal::Integer(_) | Literal::Duration(_))
            );
        Ok(if widened {
            format!("{written}::bigint")
        } else {
            written
        })
    }

    fn length(&mut self, inner: &Expression) -> Sql {
        let value = if dialect::is_json(&inner.ty) {
            self.json(inner)?
        } else {
            self.value(inner)?
        };
        let function = match inner.ty.required() {
            Type::List(_) | Type::Set(_) | Type::Tuple(_) => {
                self.dialect.pick("jsonb_array_length", "json_array_length")
            }
            Type::Bytes => self.dialect.pick("octet_length", "length"),
            Type::Map(..) | Type::Json | Type::Union(_) => "bone_size",
            _ => self.dialect.pick("char_length", "length"),
        };
        Ok(format!("{function}({value})"))
    }

    fn binary(&mut self, operator: B, left: &Expression, right: &Expression, ty: &Type) -> Sql {
        let written = match operator {
            B::And => format!("({} AND {})", self.value(left)?, self.value(right)?),
            B::Or => format!("({} OR {})", self.value(left)?, self.value(right)?),
            B::Equal | B::NotEqual => self.equality(operator == B::Equal, left, right)?,
            B::Less | B::Greater | B::LessEqual | B::GreaterEqual => {
                let (a, b) = self.sides(left, right)?;
                let written = format!("({a} {} {b})", operator.sign());
                self.decided(written, &[left, right])
            }
            B::In => self.membership(left, right)?,
            B::Contains => self.membership(right, left)?,
            B::Add if *ty.required() == Type::String => {
                format!("({} || {})", self.text(left)?, self.text(right)?)
            }
            B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder => {
                self.arithmetic(operator, left, right)?
            }
        };
        self.spend(written)
    }

    /// Both sides of a comparison, in the type that they have in common.
    fn sides(&mut self, left: &Expression, right: &Expression) -> Result<(String, String), EmitError> {
        let ty = match (left.ty.required(), right.ty.required()) {
            (Type::Json, other) => other.clone(),
            (ty, _) if left.literal().is_none() => ty.clone(),
            (_, Type::Json) => left.ty.clone(),
            (_, other) => other.clone(),
        };
        // Numbers compare as what they are.
        let ty = |side: &Expression| {
            if side.ty.is_numeric() && ty.is_numeric() {
                side.ty.clone()
            } else {
                ty.clone()
            }
        };
        Ok((self.typed(left, &ty(left))?, self.typed(right, &ty(right))?))
    }

    /// True or false in a derived value, even of nothing.
    fn decided(&self, written: String, sides: &[&Expression]) -> String {
        let open = sides.iter().any(|side| may_be_none(self.entity, side));
        if open && self.meaning == Meaning::Value {
            format!("COALESCE({written}, FALSE)")
        } else {
            written
        }
    }

    fn equality(&mut self, equal: bool, left: &Expression, right: &Expression) -> Sql {
        let none = |side: &Expression| side.literal() == Some(&Literal::None);
        if none(left) || none(right) {
            let other = if none(left) { right } else { left };
            let value = self.value(other)?;
            return Ok(format!("({value} IS {}NULL)", if equal { "" } else { "NOT " }));
        }
        let whole = |side: &Expression| dialect::is_json(&side.ty) && !matches!(side.kind, K::Key { .. });
        let (a, b) = if whole(left) || whole(right) {
            (self.canonical(left)?, self.canonical(right)?)
        } else {
            self.sides(left, right)?
        };
        let open = (may_be_none(self.entity, left), may_be_none(self.entity, right));
        let exact = match (open, equal) {
            ((true, true), _) => true,
            ((false, false), _) => false,
            _ => !equal && self.meaning == Meaning::Value,
        };
        Ok(match (exact, equal) {
            (true, true) => format!("({a} {} {b})", self.dialect.pick("IS NOT DISTINCT FROM", "IS")),
            (true, false) => format!("({a} {} {b})", self.dialect.pick("IS DISTINCT FROM", "IS NOT")),
            (false, true) => self.decided(format!("({a} = {b})"), &[left, right]),
            (false, false) => format!("({a} <> {b})"),
        })
    }

    fn arithmetic(&mut self, operator: B, left: &Expression, right: &Expression) -> Sql {
        let (a, b) = (left.ty.required().clone(), right.ty.required().clone());
        let (x, y) = (self.number(left)?, self.number(right)?);
        let later = |instant: &str, sign: &str, span: &str| match self.dialect {
            Dialect::Postgres => format!("bone_later({instant}, {sign}{span})"),
            Dialect::Sqlite => {
                format!("strftime('%Y-%m-%dT%H:%M:%fZ', {instant}, ({sign}{span} / 1000.0) || ' seconds')")
            }
        };
        Ok(match (operator, &a, &b) {
            (B::Add, Type::Timestamp, _) => later(&x, "", &y),
            (B::Add, _, Type::Timestamp) => later(&y, "", &x),
            (B::Subtract, Type::Timestamp, Type::Timestamp) => match self.dialect {
                Dialect::Postgres => format!("(bone_milliseconds({x}) - bone_milliseconds({y}))"),
                Dialect::Sqlite => format!(
                    "CAST(round((unixepoch({x}, 'subsec') - unixepoch({y}, 'subsec')) * 1000) AS INTEGER)"
                ),
            },
            (B::Subtract, Type::Timestamp, _) => later(&x, "-", &y),
            (B::Multiply | B::Divide, Type::Duration, Type::Float)
            | (B::Multiply, Type::Float, Type::Duration) => {
                let written = if operator == B::Divide {
                    Self::divided(&x, &y, right)
                } else {
                    format!("{x} * {y}")
                };
                format!("CAST(trunc({written}) AS {})", self.dialect.type_name(&Type::Int))
            }
            (B::Divide, ..) => format!("({})", Self::divided(&x, &y, right)),
            (B::Remainder, ..) => {
                let divisor = if right.is_nonzero() {
                    y
                } else {
                    format!("NULLIF({y}, 0)")
                };
                if a == Type::Float || b == Type::Float || a == Type::Json || b == Type::Json {
                    // Neither has a remainder of floats.
                    format!("({x} - {divisor} * trunc({x} / {divisor}))")
                } else {
                    format!("({x} % {divisor})")
                }
            }
            _ => format!("({x} {} {y})", operator.sign()),
        })
    }

    fn divided(x: &str, y: &str, right: &Expression) -> String {
        if right.is_nonzero() {
            format!("{x} / {y}")
        } else {
            format!("{x} / NULLIF({y}, 0)")
        }
    }

    /// A part of a text.
    fn text(&mut self, expression: &Expression) -> Sql {
        if let Some(literal) = expression.literal() {
            let written = match literal {
                Literal::String(text) => text.clone(),
                Literal::Integer(value) => value.to_string(),
                Literal::Duration(value) => value.to_string(),
                Literal::Float(value) => value.to_string(),
                Literal::Bool(value) => value.to_string(),
                Literal::None | Literal::Now | Literal::List(_) | Literal::Map(_) => String::new(),
            };
            return dialect::text(&written);
        }
        let value = self.typed(expression, &Type::String)?;
        let text = match expression.ty.required() {
            Type::Uint | Type::Int | Type::Duration => format!("CAST({value} AS TEXT)"),
            Type::Float | Type::Uuid => self
                .dialect
                .pick(format!("CAST({value} AS TEXT)"), format!("bone_text({value})")),
            Type::Timestamp => self.dialect.pick(format!("bone_text({value})"), value.clone()),
            Type::Bool => format!("(CASE WHEN {value} THEN 'true' WHEN NOT {value} THEN 'false' END)"),
            _ => value,
        };
        let open = may_be_none(self.entity, expression);
        Ok(if open {
            format!("COALESCE({text}, '')")
        } else {
            text
        })
    }
}
