//! Rows behind relations: which are needed, on which way they are found, and how they are to be locked.

use super::code::{Code, Level, property};
use super::{Compiler, Scope, unwritable};
use crate::emit::EmitError;
use crate::ir::{Column, EntityId, Expression, ExpressionKind as K, RelationKind, Type};

/// How a row is locked, from the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Strength {
    /// It is read.
    Share,
    /// It is written.
    Update,
    /// What refers to it is counted, so nothing may come to refer to it.
    Exclusive,
}

impl Strength {
    pub(in super::super) fn as_str(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Update => "update",
            Self::Exclusive => "exclusive",
        }
    }
}

/// Where the way to a row begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Start {
    /// A parameter, or another need.
    pub(in super::super) name: String,
    pub(in super::super) nullable: bool,
    /// It is a list of rows.
    pub(in super::super) many: bool,
}

/// How a row is found from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Way {
    /// Its id is in this column.
    Follow { column: String, nullable: bool },
    /// This column of it holds the id.
    Back { column: String },
    /// All rows whose column holds the id.
    Many { column: String },
    /// All rows that a junction links: table, own column, other column.
    Linked {
        table: String,
        own: String,
        other: String,
    },
}

/// A row, or a list of rows, that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Need {
    /// Under which it is found in `given`.
    pub(in super::super) name: String,
    pub(in super::super) entity: EntityId,
    pub(in super::super) start: Start,
    pub(in super::super) way: Way,
    /// It may be missing.
    pub(in super::super) nullable: bool,
    /// It is a list.
    pub(in super::super) many: bool,
}

/// What the expressions of a scope need. Each need follows those that its way begins with.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Needs {
    pub(in super::super) rows: Vec<Need>,
    locks: std::collections::BTreeMap<String, Strength>,
}

impl Needs {
    /// A row under this name is used so.
    pub(in super::super) fn touch(&mut self, name: &str, strength: Strength) {
        let known = self.locks.entry(name.to_owned()).or_insert(strength);
        *known = (*known).max(strength);
    }

    /// How the row under this name is locked.
    pub(in super::super) fn strength(&self, name: &str) -> Strength {
        self.locks.get(name).copied().unwrap_or(Strength::Share)
    }
}

/// Whether a value of the type is a row, or a list of rows, where it is a parameter.
pub(in super::super) fn holds_rows(ty: &Type) -> bool {
    match ty.required() {
        Type::Entity(_) => true,
        other => matches!(other.element(), Some(Type::Entity(_))),
    }
}

fn entity_of(ty: &Type) -> Option<EntityId> {
    match ty.required() {
        Type::Entity(id) => Some(*id),
        other => match other.element() {
            Some(Type::Entity(id)) => Some(*id),
            _ => None,
        },
    }
}

impl Compiler<'_> {
    /// The row or rows that a relation leads to.
    pub(in super::super) fn related(
        &mut self,
        row: &Expression,
        relation: &str,
        strength: Strength,
    ) -> Result<Code, EmitError> {
        let found = self.relation(row, relation).cloned();
        let Some(relation) = found else {
            return Err(unwritable(&format!("`{relation}`"), "it is no relation"));
        };
        let start = self.start(row)?;
        let target_many = matches!(relation.kind, RelationKind::HasMany | RelationKind::ManyToMany);
        let many = start.many || target_many;
        let column = relation.column.clone().unwrap_or_default();
        let key_nullable = entity_of(&row.ty)
            .and_then(|id| self.system.entity(id))
            .and_then(|entity| entity.column(&column))
            .is_none_or(|column| column.nullable);
        let way = match (relation.kind, &relation.junction) {
            (RelationKind::ManyToMany, Some(junction)) => Way::Linked {
                table: junction.table.clone(),
                own: junction.own.clone(),
                other: junction.other.clone(),
            },
            (RelationKind::BelongsTo, _) => Way::Follow {
                column,
                nullable: key_nullable,
            },
            (RelationKind::HasOne, _) if !start.many => Way::Back { column },
            _ => Way::Many { column },
        };
        let nullable = !many
            && match &way {
                Way::Follow { nullable, .. } => *nullable || start.nullable,
                _ => true,
            };
        if target_many {
            // What refers to a row is counted or gone through: nothing may come to it meanwhile.
            self.needs.touch(&start.name, Strength::Exclusive);
        } else {
            self.needs.touch(&start.name, Strength::Share);
        }
        let name = self.need(&relation.name, relation.target, start, way, nullable, many);
        self.needs.touch(&name, strength);
        self.tables.insert(relation.target);
        let element = Type::Entity(relation.target);
        let ty = if many {
            Type::List(Box::new(element))
        } else {
            element
        };
        Ok(Code {
            row: true,
            nullable,
            ..Code::new(property("given", &name), Level::Primary, ty)
        })
    }

    fn relation(&self, row: &Expression, name: &str) -> Option<&crate::ir::Relation> {
        self.system.entity(entity_of(&row.ty)?)?.relation(name)
    }

    fn need(
        &mut self,
        relation: &str,
        entity: EntityId,
        start: Start,
        way: Way,
        nullable: bool,
        many: bool,
    ) -> String {
        let known = self
            .needs
            .rows
            .iter()
            .find(|need| need.start == start && need.way == way);
        if let Some(known) = known {
            return known.name.clone();
        }
        let mut name = format!("{}_{relation}", start.name);
        while self.is_given(&name) {
            name.push('_');
        }
        self.needs.rows.push(Need {
            name: name.clone(),
            entity,
            start,
            way,
            nullable,
            many,
        });
        name
    }

    fn is_given(&self, name: &str) -> bool {
        let parameter = match self.scope {
            Scope::Capability(parameters) => parameters.iter().any(|known| known.name == name),
            _ => false,
        };
        parameter || self.needs.rows.iter().any(|need| need.name == name)
    }

    /// The row that a way begins with: a parameter, or what another relation leads to.
    fn start(&mut self, row: &Expression) -> Result<Start, EmitError> {
        let nowhere = || unwritable("a relation", "here rows are not loaded");
        match (&row.kind, self.scope) {
            (K::Parameter(name), Scope::Capability(parameters)) => {
                if !parameters.iter().any(|known| known.name == *name) {
                    return Err(nowhere());
                }
                Ok(Start {
                    name: name.clone(),
                    nullable: matches!(row.ty, Type::Optional(_)),
                    many: row.ty.required().element().is_some(),
                })
            }
            (K::Related { row, relation }, Scope::Capability(_)) => {
                let code = self.related(row, relation, Strength::Share)?;
                let Some(name) = code.text.strip_prefix("given.") else {
                    return Err(nowhere());
                };
                Ok(Start {
                    name: name.to_owned(),
                    nullable: code.nullable,
                    many: matches!(code.ty, Type::List(_)),
                })
            }
            _ => Err(nowhere()),
        }
    }

    /// A column of a row, or of each row of a list.
    pub(super) fn column(&mut self, row: &Expression, name: &str, ty: &Type) -> Result<Code, EmitError> {
        // What a flow is given of a row is its id.
        let given_id = matches!(self.scope, Scope::Flow(_));
        let related = matches!(row.kind, K::Related { .. }) && row.ty.required().element().is_none();
        if name == "id" && (related || given_id) {
            return self.id(row);
        }
        let base = self.value(row)?;
        let column = entity_of(&row.ty)
            .and_then(|id| self.system.entity(id))
            .and_then(|entity| entity.column(name));
        let nullable = column.is_none_or(|column| column.nullable);
        if matches!(base.ty, Type::List(_) | Type::Set(_)) {
            let element = column.map_or(Type::Json, |column| column.ty.clone());
            let text = format!(
                "{}.map((row) => {})",
                base.within(Level::Primary),
                property("row", name)
            );
            let text = if nullable {
                format!("{text}.filter((value) => value !== null)")
            } else {
                text
            };
            return Ok(Code::new(text, Level::Primary, Type::List(Box::new(element))));
        }
        let ty = column.map_or_else(|| ty.required().clone(), |column: &Column| column.ty.clone());
        Ok(member(&base, name, ty, nullable))
    }

    /// The id of a row, without the row where a foreign key tells it.
    pub(super) fn id(&mut self, expression: &Expression) -> Result<Code, EmitError> {
        match &expression.kind {
            K::IdOf(inner) => self.id(inner),
            K::Related { row, relation } => {
                let found = self.relation(row, relation).cloned();
                let single = !row.ty.required().element().is_some_and(|_| true);
                match found {
                    Some(relation) if relation.kind == RelationKind::BelongsTo && single => {
                        let column = relation.column.unwrap_or_default();
                        self.column(row, &column, &Type::Uuid)
                    }
                    _ => {
                        let code = self.value(expression)?;
                        Ok(member(&code, "id", Type::Uuid, false))
                    }
                }
            }
            K::Ternary(condition, then, otherwise) => {
                let condition = self.truth(condition)?;
                let (then, otherwise) = (self.id(then)?, self.id(otherwise)?);
                Ok(super::operator::choose(&condition, &then, &otherwise, Type::Uuid))
            }
            _ => {
                let code = self.value(expression)?;
                if code.row && !matches!(code.ty, Type::List(_) | Type::Set(_)) {
                    return Ok(member(&code, "id", Type::Uuid, false));
                }
                Ok(code)
            }
        }
    }
}

/// A property of a row that may be missing.
fn member(base: &Code, name: &str, ty: Type, nullable: bool) -> Code {
    let text = base.within(Level::Primary);
    if base.nullable {
        let text = if crate::emit::names::is_identifier(name) {
            format!("{text}?.{name} ?? null")
        } else {
            format!("{text}?.[{}] ?? null", super::code::string(name))
        };
        return Code::new(text, Level::Nullish, ty).or_null();
    }
    Code {
        nullable,
        ..Code::new(property(&text, name), Level::Primary, ty)
    }
}
