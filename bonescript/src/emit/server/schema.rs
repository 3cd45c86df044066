//! Types and facts as zod schemas.

use std::collections::BTreeSet;

use super::super::expression::string;
use crate::ir::{Column, Facts, System, Type};

/// Schemas as code, and what of `src/schemas/values.ts` and zod they name.
#[derive(Debug, Default)]
pub(in super::super) struct Schemas {
    pub(in super::super) values: BTreeSet<&'static str>,
    pub(in super::super) zod: bool,
}

impl Schemas {
    fn value(&mut self, name: &'static str) -> &'static str {
        self.values.insert(name);
        name
    }

    /// The schema of a column in a body, without what may be left out.
    pub(in super::super) fn column(&mut self, system: &System, column: &Column) -> String {
        let base = self.with_facts(system, &column.ty, &column.facts);
        if column.nullable {
            format!("{base}.nullable()")
        } else {
            base
        }
    }

    /// The schema of a type.
    pub(in super::super) fn of(&mut self, system: &System, ty: &Type) -> String {
        self.with_facts(system, ty, &Facts::default())
    }

    fn with_facts(&mut self, system: &System, ty: &Type, facts: &Facts) -> String {
        match ty {
            Type::String if !facts.choices.is_empty() => self.choices(&facts.choices),
            Type::String => {
                let bounds = length_bounds(facts);
                format!("{}({bounds})", self.value("text"))
            }
            Type::State(id) => {
                let states = system.entity(*id).and_then(|entity| entity.machine.as_ref());
                self.choices(
                    states
                        .map(|machine| machine.states.as_slice())
                        .unwrap_or_default(),
                )
            }
            Type::Uint | Type::Int | Type::Duration => {
                let bounds = bounds([
                    ("minimum", facts.minimum.and_then(|value| whole(value.ceil()))),
                    ("maximum", facts.maximum.and_then(|value| whole(value.floor()))),
                ]);
                let name = if *ty == Type::Uint { "uint" } else { "integer" };
                format!("{}({bounds})", self.value(name))
            }
            Type::Float => {
                let bounds = bounds([
                    ("minimum", facts.minimum.map(super::super::expression::float)),
                    ("maximum", facts.maximum.map(super::super::expression::float)),
                ]);
                format!("{}({bounds})", self.value("float"))
            }
            Type::Bool => self.value("bool").to_owned(),
            Type::Timestamp => self.value("timestamp").to_owned(),
            Type::Uuid | Type::Entity(_) | Type::Caller => self.value("uuid").to_owned(),
            Type::Bytes => self.value("bytes").to_owned(),
            Type::Json | Type::Unknown | Type::Result(..) => self.value("json").to_owned(),
            Type::None => {
                self.zod = true;
                "z.null()".to_owned()
            }
            Type::List(element) | Type::Set(element) => {
                let name = if matches!(ty, Type::List(_)) {
                    "list"
                } else {
                    "set"
                };
                let element = self.of(system, element);
                let bounds = length_bounds(facts);
                let name = self.value(name);
                if bounds.is_empty() {
                    format!("{name}({element})")
                } else {
                    format!("{name}({element}, {bounds})")
                }
            }
            Type::Optional(inner) => format!("{}.nullable()", self.of(system, inner)),
            Type::Map(key, value) => {
                let key = match key.as_ref() {
                    Type::Int | Type::Uint => self.value("integerKey").to_owned(),
                    other => self.of(system, other),
                };
                let value = self.of(system, value);
                let bounds = length_bounds(facts);
                let name = self.value("map");
                if bounds.is_empty() {
                    format!("{name}({key}, {value})")
                } else {
                    format!("{name}({key}, {value}, {bounds})")
                }
            }
            Type::Tuple(members) => {
                self.zod = true;
                format!("z.tuple([{}])", self.all(system, members))
            }
            Type::Union(members) => {
                self.zod = true;
                format!("z.union([{}])", self.all(system, members))
            }
        }
    }

    fn all(&mut self, system: &System, members: &[Type]) -> String {
        let members: Vec<String> = members.iter().map(|member| self.of(system, member)).collect();
        members.join(", ")
    }

    fn choices(&mut self, choices: &[String]) -> String {
        self.zod = true;
        let choices: Vec<String> = choices.iter().map(|choice| string(choice)).collect();
        format!("z.enum([{}])", choices.join(", "))
    }

    /// The schema of a value in a query, where everything is text.
    pub(in super::super) fn filter(&mut self, system: &System, ty: &Type) -> String {
        match ty {
            Type::Uint => self.value("uintText").to_owned(),
            Type::Int => self.value("integerText").to_owned(),
            Type::Bool => self.value("boolText").to_owned(),
            other => self.of(system, other),
        }
    }
}

fn length_bounds(facts: &Facts) -> String {
    bounds([
        ("minimum", facts.minimum_length.map(|value| value.to_string())),
        ("maximum", facts.maximum_length.map(|value| value.to_string())),
    ])
}

fn bounds(pairs: [(&str, Option<String>); 2]) -> String {
    let given: Vec<String> = pairs
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| format!("{name}: {value}")))
        .collect();
    if given.is_empty() {
        String::new()
    } else {
        format!("{{ {} }}", given.join(", "))
    }
}

/// A bound of whole numbers; none where a double does not hold it exactly.
fn whole(value: f64) -> Option<String> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.abs() < EXACT).then(|| format!("{value}n").replace("-0n", "0n"))
}
