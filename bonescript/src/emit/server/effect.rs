//! Effects as statements, and the rows that capabilities make.

use super::super::expression::{Code, Compiler, Strength, constant, property, string};
use super::entity::{derive_name, entity_name, machine_name};
use super::loading::written;
use super::{EmitError, secret_of};
use crate::ir::{
    BinaryOperator, Capability, Column, ColumnKind, Creation, Effect, EffectOperator as E, Entity,
    Expression, ExpressionKind as K, Literal, System, Type,
};

/// What statements call that the compiler of expressions does not know of.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) moves: bool,
    pub(super) hashes: bool,
    /// Functions and machines of files of entities: the entity, the name.
    pub(super) of_entities: std::collections::BTreeSet<(crate::ir::EntityId, String)>,
}

/// The statements of an effect.
pub(super) fn statements(
    system: &System,
    capability: &Capability,
    effect: &Effect,
    compiler: &mut Compiler<'_>,
    calls: &mut Calls,
) -> Result<Vec<String>, EmitError> {
    let target = &effect.target;
    let Some(parameter) = capability.parameters.get(target.parameter) else {
        return Ok(Vec::new());
    };
    let mut path = parameter.name.clone();
    let mut row = Expression::new(K::Parameter(parameter.name.clone()), parameter.ty.clone());
    written(compiler, &parameter.name);
    let mut many = parameter.ty.required().element().is_some();
    let mut code = Code {
        nullable: matches!(parameter.ty, Type::Optional(_)),
        ..compiler.value(&row)?
    };
    for relation in &target.relations {
        code = compiler.related(&row, relation, Strength::Update)?;
        many = matches!(code.ty, Type::List(_));
        path = format!("{path}.{relation}");
        row = Expression::new(
            K::Related {
                row: Box::new(row),
                relation: relation.clone(),
            },
            code.ty.clone(),
        );
    }
    let Some(entity) = system.entity(target.entity) else {
        return Ok(Vec::new());
    };
    let Some(column) = entity.column(&target.column) else {
        return Ok(Vec::new());
    };
    let what = [&[path.as_str(), target.column.as_str()][..], &[][..]]
        .concat()
        .join(".");
    let holder = if many {
        "row".to_owned()
    } else if code.nullable {
        format!("{}({}, {})", compiler.call("there"), code.text, string(&path))
    } else {
        code.text.clone()
    };
    let place = property(&holder, &target.column);
    let change = Change {
        effect,
        entity,
        column,
        row: if many { "row".to_owned() } else { holder.clone() },
        place: place.clone(),
        what,
    };
    let value = change.value(compiler, calls)?;
    let mut lines = vec![format!("{place} = {value};")];
    if let Some(derive) = derive_name(system, target.entity).filter(|_| is_derived_from(entity, column)) {
        lines.push(format!("{derive}({holder});"));
        calls.of_entities.insert((target.entity, derive));
    }
    if many {
        let mut whole = vec![format!("for (const row of {}) {{", code.text)];
        whole.extend(lines.into_iter().map(|line| format!("  {line}")));
        whole.push("}".to_owned());
        return Ok(whole);
    }
    Ok(lines)
}

/// Whether a derived column follows from a column.
fn is_derived_from(entity: &Entity, column: &Column) -> bool {
    entity.columns.iter().any(|other| match &other.kind {
        ColumnKind::Derived(value) => {
            let mut uses = false;
            value.walk(&mut |part| {
                uses |= match &part.kind {
                    K::Own(name) => {
                        // What follows from another derived column may follow from anything.
                        let own = entity.column(name).map(|own| &own.kind);
                        *name == column.name || matches!(own, Some(ColumnKind::Derived(_)))
                    }
                    _ => false,
                };
            });
            uses
        }
        _ => false,
    })
}

struct Change<'a> {
    effect: &'a Effect,
    entity: &'a Entity,
    column: &'a Column,
    row: String,
    place: String,
    /// For messages, such as `plant.stock`.
    what: String,
}

impl Change<'_> {
    /// What the column becomes.
    fn value(&self, compiler: &mut Compiler<'_>, calls: &mut Calls) -> Result<String, EmitError> {
        let target = &self.effect.target;
        let ty = column_type(self.column);
        if !target.keys.is_empty() {
            return self.under_keys(compiler);
        }
        let value = &self.effect.value;
        match (self.effect.operator, self.column.ty.required()) {
            (E::Set, Type::State(id)) => {
                let machine = machine_name(self.entity);
                let next = compiler.value_as(value, &Type::String, &self.what)?;
                calls.moves = true;
                calls.of_entities.insert((*id, machine.clone()));
                let table = compiler.table(*id);
                let (place, row) = (&self.place, &self.row);
                Ok(format!(
                    "move({machine}, {place}, {}, call.rows.before({table}, {row}))",
                    next.text
                ))
            }
            (E::Set, Type::String)
                if secret_of(self.entity).is_some_and(|secret| secret.name == self.column.name) =>
            {
                calls.hashes = true;
                let password = compiler.value_as(value, &Type::String, &self.what)?;
                Ok(format!("await hashPassword({})", password.text))
            }
            (E::Set, _) => Ok(compiler.value_as(value, &ty, &self.what)?.text),
            (E::Add | E::Remove, Type::Set(element)) => {
                let function = if self.effect.operator == E::Add {
                    "withElement"
                } else {
                    "withoutElement"
                };
                let element = compiler.value_as(value, element, &self.what)?;
                let before = if self.column.nullable {
                    format!("{} ?? []", self.place)
                } else {
                    self.place.clone()
                };
                Ok(format!("{}({before}, {})", compiler.call(function), element.text))
            }
            (E::Append, Type::List(element)) => {
                let element = compiler.value_as(value, element, &self.what)?;
                let before = if self.column.nullable {
                    format!("({} ?? [])", self.place)
                } else {
                    self.place.clone()
                };
                Ok(format!("[...{before}, {}]", element.text))
            }
            (operator, Type::Json) => self.on_json(compiler, operator, &self.place),
            (operator, _) => {
                let sign = if operator == E::Remove {
                    BinaryOperator::Subtract
                } else {
                    BinaryOperator::Add
                };
                let wanted = if self.column.nullable {
                    Type::Optional(Box::new(self.column.ty.clone()))
                } else {
                    self.column.ty.clone()
                };
                let before = Expression::new(K::Parameter(String::new()), wanted.clone());
                let text = compiler.changed(&self.place, &before, sign, value)?;
                Ok(compiler.fit(text, &wanted, &self.what).text)
            }
        }
    }

    fn on_json(&self, compiler: &mut Compiler<'_>, operator: E, before: &str) -> Result<String, EmitError> {
        let value = compiler.value_as(&self.effect.value, &Type::Json, &self.what)?;
        let function = match operator {
            E::Add => "added",
            E::Remove => "removed",
            E::Append => "appended",
            E::Set => return Ok(value.text),
        };
        Ok(format!("{}({before}, {})", compiler.call(function), value.text))
    }

    /// A value under keys of json or of a map.
    fn under_keys(&self, compiler: &mut Compiler<'_>) -> Result<String, EmitError> {
        let keys: Vec<String> = self.effect.target.keys.iter().map(|key| string(key)).collect();
        let before = if self.effect.operator == E::Set {
            String::new()
        } else {
            keys.iter().fold(self.place.clone(), |before, key| {
                format!("{}({before}, {key})", compiler.call("keyOf"))
            })
        };
        if let Type::Map(_, inner) = self.column.ty.required() {
            let key = self.effect.target.keys.first().cloned().unwrap_or_default();
            let value = if self.effect.operator == E::Set {
                compiler.value_as(&self.effect.value, inner, &self.what)?.text
            } else {
                let sign = if self.effect.operator == E::Remove {
                    BinaryOperator::Subtract
                } else {
                    BinaryOperator::Add
                };
                // A key that is not there yet counts from nothing.
                let zero = if *inner.required() == Type::Float {
                    "0"
                } else {
                    "0n"
                };
                let known = Expression::new(K::Parameter(String::new()), inner.required().clone());
                let before = format!("({before} ?? {zero})");
                let changed = compiler.changed(&before, &known, sign, &self.effect.value)?;
                compiler.fit(changed, inner, &self.what).text
            };
            let key = super::super::expression::key(&key);
            return Ok(format!("{{ ...{}, {key}: {value} }}", self.place));
        }
        let value = self.on_json(compiler, self.effect.operator, &before)?;
        Ok(format!(
            "{}({}, [{}], {value})",
            compiler.call("withKey"),
            self.place,
            keys.join(", ")
        ))
    }
}

/// The type of a column, with `optional` where it may be null.
pub(super) fn column_type(column: &Column) -> Type {
    if column.nullable {
        Type::Optional(Box::new(column.ty.clone()))
    } else {
        column.ty.clone()
    }
}

/// The statement that makes a row. Columns without a value or a default have that of their type.
pub(super) fn creation(
    system: &System,
    creation: &Creation,
    compiler: &mut Compiler<'_>,
    calls: &mut Calls,
) -> Result<String, EmitError> {
    let Some(entity) = system.entity(creation.entity) else {
        return Ok(String::new());
    };
    let secret = secret_of(entity).map(|column| column.name.clone());
    let mut entries = Vec::new();
    for column in &entity.columns {
        let given = creation.values.iter().find(|(name, _)| *name == column.name);
        let value = match given {
            Some((name, value)) => {
                let what = format!("{}.{name}", entity.name);
                let value = compiler.value_as(value, &column_type(column), &what)?.text;
                if Some(name) == secret.as_ref() && column.ty == Type::String {
                    calls.hashes = true;
                    format!("await hashPassword({value})")
                } else {
                    value
                }
            }
            None => match standard(column) {
                Some(value) => value,
                None => continue,
            },
        };
        entries.push(format!(
            "{}: {value}",
            super::super::expression::key(&column.name)
        ));
    }
    let table = entity_name(system, creation.entity);
    compiler.table(creation.entity);
    Ok(format!(
        "const created = await call.rows.insert({table}, {{ {} }});",
        entries.join(", ")
    ))
}

/// What a column holds of which nothing is said; `None` where the database gives it.
fn standard(column: &Column) -> Option<String> {
    let given = matches!(column.kind, ColumnKind::Owned | ColumnKind::Stored);
    if !given || column.nullable || column.default.is_some() {
        return None;
    }
    let literal = match column.ty.required() {
        Type::String => Literal::String(String::new()),
        Type::Uint | Type::Int | Type::Duration => Literal::Integer(0),
        Type::Float => Literal::Float(0.0),
        Type::Bool => Literal::Bool(false),
        Type::Timestamp => return Some("call.now".to_owned()),
        Type::Bytes => return Some("new Uint8Array()".to_owned()),
        Type::Json | Type::Map(..) => Literal::Map(Vec::new()),
        Type::List(_) | Type::Set(_) => Literal::List(Vec::new()),
        _ => return None,
    };
    Some(constant(&literal, &column.ty))
}
