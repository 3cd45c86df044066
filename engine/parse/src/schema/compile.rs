//! From the JSON of a schema to its types.
//!
//! Each place of the document is compiled once, whoever refers to it: that makes references cheap and cycles end.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Additional, Items, Literal, Literals, Members, Property, Schema, Type, TypeId};
use crate::{MAX_DEPTH, names};

/// Keys that say what a value is. An `anyOf` without any of them only narrows what stands beside it.
const TELLING: [&str; 10] = [
    "type",
    "properties",
    "items",
    "prefixItems",
    "enum",
    "const",
    "$ref",
    "anyOf",
    "oneOf",
    "allOf",
];

struct Compiler<'a> {
    document: &'a Value,
    types: Vec<Type>,
    /// The type of each place of the document, by its address; only looked up, never walked.
    known: BTreeMap<*const Value, TypeId>,
}

pub(super) fn compile(document: &Value) -> Schema {
    let mut compiler = Compiler {
        document,
        types: Vec::new(),
        known: BTreeMap::new(),
    };
    let root = compiler.place(document, 0);
    Schema {
        types: compiler.types,
        root,
    }
}

impl<'a> Compiler<'a> {
    fn add(&mut self, ty: Type) -> TypeId {
        let id = TypeId(u32::try_from(self.types.len()).unwrap_or(u32::MAX));
        self.types.push(ty);
        id
    }

    fn place(&mut self, schema: &'a Value, depth: usize) -> TypeId {
        let schema = self.target(schema);
        if let Some(id) = self.known.get(&std::ptr::from_ref(schema)) {
            return *id;
        }
        let id = self.add(Type::Any);
        self.known.insert(std::ptr::from_ref(schema), id);
        if depth < MAX_DEPTH {
            let mut parts = Vec::new();
            self.parts(schema, &mut parts);
            let ty = self.ty(&parts, depth);
            if let Some(slot) = self.types.get_mut(id.0 as usize) {
                *slot = ty;
            }
        }
        id
    }

    /// The place that a chain of references ends at. A chain that never ends is cut somewhere, and then allows anything.
    fn target(&self, mut schema: &'a Value) -> &'a Value {
        for _ in 0..MAX_DEPTH {
            // Keywords beside a reference count since draft 2019; the ones in use (description, default) say nothing here.
            let Some(target) = schema
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|to| self.resolve(to))
            else {
                break;
            };
            schema = target;
        }
        schema
    }

    fn resolve(&self, reference: &str) -> Option<&'a Value> {
        let pointer = reference.strip_prefix('#')?;
        if pointer.is_empty() || pointer.starts_with('/') {
            return self.document.pointer(pointer).or_else(|| {
                let decoded = pointer.replace("%24", "$").replace("%20", " ");
                self.document.pointer(&decoded)
            });
        }
        ["$defs", "definitions"]
            .iter()
            .filter_map(|key| self.document.get(key)?.as_object())
            .flat_map(Map::values)
            .find(|definition| definition.get("$anchor").and_then(Value::as_str) == Some(pointer))
    }

    /// The object itself and all that its `allOf` adds.
    fn parts(&self, schema: &'a Value, parts: &mut Vec<&'a Map<String, Value>>) {
        let mut open = vec![schema];
        while let Some(schema) = open.pop() {
            let Some(object) = self.target(schema).as_object() else {
                continue;
            };
            if parts.iter().any(|part| std::ptr::eq(*part, object)) {
                continue;
            }
            parts.push(object);
            let all = object.get("allOf").and_then(Value::as_array);
            open.extend(all.into_iter().flatten().rev());
        }
    }

    fn ty(&mut self, parts: &[&'a Map<String, Value>], depth: usize) -> Type {
        let find = |key: &str| parts.iter().find_map(|part| part.get(key));
        let nullable = find("nullable").and_then(Value::as_bool) == Some(true);
        let ty = self.without_null(parts, depth);
        if !nullable || matches!(ty, Type::Any) {
            return ty;
        }
        let inner = self.add(ty);
        let null = self.add(Type::Null);
        Type::Union(vec![inner, null])
    }

    fn without_null(&mut self, parts: &[&'a Map<String, Value>], depth: usize) -> Type {
        let find = |key: &str| parts.iter().find_map(|part| part.get(key));
        if let Some(value) = find("const") {
            return literals(std::slice::from_ref(value), None);
        }
        if let Some(options) = find("enum").and_then(Value::as_array) {
            return literals(options, find("description").and_then(Value::as_str));
        }
        if let Some(options) = ["anyOf", "oneOf"].iter().find_map(|key| find(key)?.as_array()) {
            let telling: Vec<_> = options
                .iter()
                .filter(|option| TELLING.iter().any(|key| option.get(key).is_some()))
                .collect();
            if !telling.is_empty() {
                return self.union(parts, &telling, depth);
            }
        }
        match find("type") {
            Some(Value::Array(several)) => {
                let members: Vec<_> = several
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|name| {
                        let ty = self.named(name, parts, depth);
                        self.add(ty)
                    })
                    .collect();
                if members.is_empty() {
                    Type::Any
                } else {
                    Type::Union(members)
                }
            }
            Some(Value::String(name)) => self.named(name, parts, depth),
            _ if find("properties").is_some() || find("additionalProperties").is_some() => {
                self.object(parts, depth)
            }
            _ if find("items").is_some() || find("prefixItems").is_some() => self.array(parts, depth),
            _ => Type::Any,
        }
    }

    fn union(&mut self, parts: &[&'a Map<String, Value>], options: &[&'a Value], depth: usize) -> Type {
        let shared = parts.iter().any(|part| part.contains_key("properties"));
        let members = options.iter().map(|option| {
            if !shared || option.get("properties").is_none() {
                return self.place(option, depth + 1);
            }
            // Members common to all alternatives stand beside them.
            let mut both = Vec::new();
            self.parts(option, &mut both);
            both.extend(parts);
            let ty = self.object(&both, depth + 1);
            self.add(ty)
        });
        Type::Union(members.collect())
    }

    /// A type by its name: JSON Schema's, or what other languages call it, which small tool lists are full of.
    fn named(&mut self, name: &str, parts: &[&'a Map<String, Value>], depth: usize) -> Type {
        match name.to_ascii_lowercase().as_str() {
            "null" | "none" => Type::Null,
            "boolean" | "bool" => Type::Boolean,
            "integer" | "int" | "long" => Type::Integer,
            "number" | "float" | "double" => Type::Number,
            "string" | "str" | "text" => Type::String,
            "array" | "list" | "tuple" => self.array(parts, depth),
            "object" | "dict" | "map" => self.object(parts, depth),
            _ => Type::Any,
        }
    }

    fn array(&mut self, parts: &[&'a Map<String, Value>], depth: usize) -> Type {
        let find = |key: &str| parts.iter().find_map(|part| part.get(key));
        let listed = find("prefixItems").or_else(|| find("items").filter(|items| items.is_array()));
        let prefix: Vec<_> = listed
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|item| self.place(item, depth + 1))
            .collect();
        let rest = match find("items") {
            Some(items) if items.is_object() => self.place(items, depth + 1),
            _ => self.add(Type::Any),
        };
        Type::Array(Items { prefix, rest })
    }

    fn object(&mut self, parts: &[&'a Map<String, Value>], depth: usize) -> Type {
        let mut members = Members::default();
        for (name, schema) in objects(parts, "properties") {
            if members.by_name.contains_key(name) {
                continue;
            }
            let ty = self.place(schema, depth + 1);
            members.by_name.insert(name.clone(), members.properties.len());
            members.properties.push(Property {
                name: name.clone(),
                plain: names::plain(name),
                ty,
                required: false,
            });
        }
        let required = parts
            .iter()
            .filter_map(|part| part.get("required")?.as_array())
            .flatten();
        for name in required.filter_map(Value::as_str) {
            let place = members.by_name.get(name).copied();
            if let Some(property) = place.and_then(|place| members.properties.get_mut(place)) {
                property.required = true;
            } else if place.is_none() {
                let ty = self.add(Type::Any);
                members.by_name.insert(name.to_owned(), members.properties.len());
                members.properties.push(Property {
                    name: name.to_owned(),
                    plain: names::plain(name),
                    ty,
                    required: true,
                });
            }
        }
        let pattern = objects(parts, "patternProperties")
            .next()
            .map(|(_, schema)| schema);
        let additional = parts.iter().find_map(|part| part.get("additionalProperties"));
        members.additional = match (additional, pattern) {
            (_, Some(schema)) | (Some(schema @ Value::Object(_)), None) => {
                Additional::Allowed(self.place(schema, depth + 1))
            }
            (Some(Value::Bool(true)), None) => Additional::Allowed(self.add(Type::Any)),
            (Some(Value::Bool(false)), None) => Additional::Forbidden,
            _ => Additional::Unsaid,
        };
        Type::Object(members)
    }
}

fn objects<'a>(
    parts: &[&'a Map<String, Value>],
    key: &'static str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    parts
        .iter()
        .filter_map(move |part| part.get(key)?.as_object())
        .flatten()
}

fn literals(options: &[Value], description: Option<&str>) -> Type {
    let options = options.iter().map(|value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // By custom a description has one line for each value: `SLOW: takes its time`.
        let description = description
            .into_iter()
            .flat_map(str::lines)
            .find_map(|line| line.trim().strip_prefix(&text)?.trim_start().strip_prefix(':'))
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty());
        Literal {
            value: value.clone(),
            text,
            description,
        }
    });
    Type::Literal(Literals {
        options: options.collect(),
    })
}

#[cfg(test)]
mod tests;
