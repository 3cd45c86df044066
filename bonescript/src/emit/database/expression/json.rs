//! What is kept as JSON: keys, elements, membership.

use super::{Compiler, Sql};
use crate::emit::EmitError;
use crate::emit::database::dialect::{self, Dialect};
use crate::ir::{Expression, ExpressionKind as K, Literal, Type};

impl Compiler<'_> {
    /// A value as JSON: `jsonb` in one database, text in the other.
    pub(super) fn json(&mut self, expression: &Expression) -> Sql {
        let written = match &expression.kind {
            K::Literal(literal) => return self.json_constant(literal, &expression.ty),
            K::Own(name) if dialect::is_json(&expression.ty) => return self.own(name),
            K::Key { value, key } => {
                let value = self.json(value)?;
                match self.dialect {
                    Dialect::Postgres => format!("NULLIF({value} -> {}, 'null'::jsonb)", dialect::text(key)?),
                    Dialect::Sqlite => format!("NULLIF({value} -> {}, 'null')", path(key)?),
                }
            }
            K::List(_) | K::Map(_) if constant(expression).is_some() => {
                let literal = constant(expression).unwrap_or(Literal::None);
                return self.json_constant(&literal, &expression.ty);
            }
            K::List(items) => {
                let items = items
                    .iter()
                    .map(|item| self.json(item))
                    .collect::<Result<Vec<_>, _>>()?;
                match self.dialect {
                    Dialect::Postgres => format!("bone_list(ARRAY[{}]::jsonb[])", items.join(", ")),
                    Dialect::Sqlite => {
                        let items: Vec<String> = items.iter().map(|item| format!("json({item})")).collect();
                        format!("json_array({})", items.join(", "))
                    }
                }
            }
            K::Map(entries) => {
                let mut keys = Vec::new();
                let mut values = Vec::new();
                for (key, value) in entries {
                    keys.push(self.text(key)?);
                    values.push(self.json(value)?);
                }
                match self.dialect {
                    Dialect::Postgres => format!(
                        "bone_map(ARRAY[{}]::text[], ARRAY[{}]::jsonb[])",
                        keys.join(", "),
                        values.join(", ")
                    ),
                    Dialect::Sqlite => {
                        let parts: Vec<String> = keys
                            .iter()
                            .zip(values)
                            .map(|(key, value)| format!("{key}, json({value})"))
                            .collect();
                        format!("json_object({})", parts.join(", "))
                    }
                }
            }
            K::Ternary(condition, then, otherwise) if dialect::is_json(&expression.ty) => {
                let condition = self.value(condition)?;
                let (then, otherwise) = (self.json(then)?, self.json(otherwise)?);
                format!("(CASE WHEN {condition} THEN {then} ELSE {otherwise} END)")
            }
            _ => {
                let value = self.value(expression)?;
                match (self.dialect, expression.ty.required()) {
                    (Dialect::Postgres, Type::Timestamp) => format!("bone_json(bone_text({value}))"),
                    (Dialect::Postgres, _) => format!("bone_json({value})"),
                    (Dialect::Sqlite, Type::Bool) => {
                        format!("(CASE WHEN {value} THEN 'true' WHEN NOT {value} THEN 'false' END)")
                    }
                    (Dialect::Sqlite, _) => format!("CAST(json_quote({value}) AS TEXT)"),
                }
            }
        };
        self.spend(written)
    }

    /// JSON that is the same text for equal values.
    pub(super) fn canonical(&mut self, expression: &Expression) -> Sql {
        let value = self.json(expression)?;
        Ok(self.dialect.pick(value.clone(), format!("bone_json({value})")))
    }

    fn json_constant(&mut self, literal: &Literal, ty: &Type) -> Sql {
        // Whatever its type, it is written as JSON.
        let ty = if dialect::is_json(ty) {
            ty.clone()
        } else {
            Type::Union(vec![ty.clone()])
        };
        let written = self.dialect.constant(literal, &ty)?;
        self.spend(written)
    }

    /// What stands in JSON, as a value of a type.
    pub(super) fn scalar(&mut self, expression: &Expression, ty: &Type) -> Sql {
        if dialect::is_json(ty) && !matches!(ty.required(), Type::Json) {
            return self.json(expression);
        }
        let written = match (&expression.kind, self.dialect) {
            (K::Key { value, key }, Dialect::Postgres) => {
                if matches!(ty.required(), Type::Json) {
                    return self.json(expression);
                }
                let sure = !matches!(expression.ty.required(), Type::Json);
                let (value, key) = (self.json(value)?, dialect::text(key)?);
                cast(&value, &format!("->> {key}"), &format!("-> {key}"), ty, sure)
            }
            (K::Key { value, key }, Dialect::Sqlite) => {
                let value = self.json(value)?;
                format!("({value} ->> {})", path(key)?)
            }
            (_, Dialect::Postgres) => {
                let value = self.json(expression)?;
                cast(&value, "#>> '{}'", "#> '{}'", ty, false)
            }
            (_, Dialect::Sqlite) => format!("({} ->> '$')", self.json(expression)?),
        };
        self.spend(written)
    }

    /// Whether `part` is in `whole`.
    pub(super) fn membership(&mut self, part: &Expression, whole: &Expression) -> Sql {
        let written = match (&whole.kind, whole.ty.required()) {
            (K::Range(low, high), _) => {
                let (value, low) = self.sides(part, low)?;
                let (_, high) = self.sides(part, high)?;
                format!("({value} BETWEEN {low} AND {high})")
            }
            (K::List(items), _) => return self.among(part, items),
            (_, Type::Map(..)) => {
                let (whole, key) = (self.json(whole)?, self.text(part)?);
                self.dialect.pick(
                    format!("jsonb_exists({whole}, {key})"),
                    format!("bone_has_key({whole}, {key})"),
                )
            }
            (_, Type::List(_) | Type::Set(_) | Type::Json | Type::Tuple(_) | Type::Union(_)) => {
                let (whole, part) = (self.json(whole)?, self.json(part)?);
                self.dialect.pick(
                    format!("({whole} @> {part})"),
                    format!("bone_has({whole}, {part})"),
                )
            }
            _ => {
                let (whole, part) = (self.value(whole)?, self.text(part)?);
                format!("({}({whole}, {part}) > 0)", self.dialect.pick("strpos", "instr"))
            }
        };
        let sides = match &whole.kind {
            K::Range(low, high) => vec![part, low, high],
            _ => vec![part, whole],
        };
        Ok(self.decided(written, &sides))
    }

    fn among(&mut self, part: &Expression, items: &[Expression]) -> Sql {
        let (none, some): (Vec<_>, Vec<_>) = items
            .iter()
            .partition(|item| item.literal() == Some(&Literal::None));
        let mut value = None;
        let mut written = Vec::new();
        for item in some {
            let (left, right) = self.sides(part, item)?;
            value.get_or_insert(left);
            written.push(right);
        }
        let listed = match value {
            Some(value) => self.decided(format!("({value} IN ({}))", written.join(", ")), &[part]),
            None => "FALSE".to_owned(),
        };
        if none.is_empty() {
            return Ok(listed);
        }
        Ok(format!("({} IS NULL OR {listed})", self.value(part)?))
    }
}

/// The way to a key.
fn path(key: &str) -> Sql {
    // Quotes inside of a path cannot be escaped in all versions.
    if key.contains(['"', '\\']) {
        return Err(EmitError::Unwritable {
            what: format!("the key `{key}`"),
            why: "a key in a condition may hold no quotes".to_owned(),
        });
    }
    dialect::text(&format!("$.\"{key}\""))
}

/// What stands in `jsonb` as a value of a type. Where it may be anything, what is something else is nothing: a cast of it
/// would refuse the row instead.
fn cast(value: &str, as_text: &str, as_json: &str, ty: &Type, sure: bool) -> String {
    let (kind, name) = match ty.required() {
        Type::Uint | Type::Int | Type::Duration if sure => ("number", "bigint"),
        Type::Uint | Type::Int | Type::Duration => ("number", "numeric"),
        Type::Float => ("number", "double precision"),
        Type::Bool => ("boolean", "boolean"),
        _ => return format!("({value} {as_text})"),
    };
    let written = format!("({value} {as_text})::{name}");
    if sure {
        return written;
    }
    format!("(CASE jsonb_typeof({value} {as_json}) WHEN '{kind}' THEN {written} END)")
}

/// The constant that a list or map of constants is.
fn constant(expression: &Expression) -> Option<Literal> {
    Some(match &expression.kind {
        K::Literal(literal) => literal.clone(),
        K::List(items) => Literal::List(items.iter().map(constant).collect::<Option<_>>()?),
        K::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| Some((constant(key)?, constant(value)?)));
            Literal::Map(entries.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
