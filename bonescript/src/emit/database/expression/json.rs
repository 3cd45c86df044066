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
            K::List(items) => {
                let items = items
                    .iter()
                    .map(|item| self.json(item))
                    .collect::<Result<Vec<_>, _>>()?;
                match self.dialect {
                    Dialect::Postgres => format!("jsonb_build_array({})", items.join(", ")),
                    Dialect::Sqlite => {
                        let items: Vec<String> = items.iter().map(|item| format!("json({item})")).collect();
                        format!("json_array({})", items.join(", "))
                    }
                }
            }
            K::Map(entries) => {
                let mut parts = Vec::new();
                for (key, value) in entries {
                    let (key, value) = (self.text(key)?, self.json(value)?);
                    parts.push(
                        self.dialect
                            .pick(format!("{key}, {value}"), format!("{key}, json({value})")),
                    );
                }
                format!(
                    "{}({})",
                    self.dialect.pick("jsonb_build_object", "json_object"),
                    parts.join(", ")
                )
            }
            K::Ternary(condition, then, otherwise) if dialect::is_json(&expression.ty) => {
                let condition = self.value(condition)?;
                let (then, otherwise) = (self.json(then)?, self.json(otherwise)?);
                format!("(CASE WHEN {condition} THEN {then} ELSE {otherwise} END)")
            }
            _ => {
                let value = self.value(expression)?;
                match (self.dialect, expression.ty.required()) {
                    (Dialect::Postgres, Type::Timestamp) => format!("to_jsonb(bone_text({value}))"),
                    (Dialect::Postgres, _) => format!("to_jsonb({value})"),
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
                let value = self.json(value)?;
                cast(
                    &format!("({value} ->> {})", dialect::text(key)?),
                    ty,
                    self.dialect,
                )
            }
            (K::Key { value, key }, Dialect::Sqlite) => {
                let value = self.json(value)?;
                format!("({value} ->> {})", path(key)?)
            }
            (_, Dialect::Postgres) => {
                let value = self.json(expression)?;
                cast(&format!("({value} #>> '{{}}')"), ty, self.dialect)
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

fn cast(value: &str, ty: &Type, dialect: Dialect) -> String {
    match ty.required() {
        Type::String | Type::State(_) | Type::Json => value.to_owned(),
        other => format!("{value}::{}", dialect.type_name(other).to_ascii_lowercase()),
    }
}
