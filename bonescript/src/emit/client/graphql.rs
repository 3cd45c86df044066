//! The data and the capabilities as a schema of GraphQL, for gateways and tools that want one.

use std::fmt::Write as _;

use super::super::names::{self, Taken};
use super::super::server::{EntityRules, Rules, input_name};
use super::schema;
use crate::ir::{EntityId, System, Type};

/// The widest line, as prettier has it.
const WIDTH: usize = 100;

struct Writer<'a> {
    system: &'a System,
    /// The type of each entity, by its place.
    types: Vec<String>,
    text: String,
}

/// The text of `schema.graphql`.
pub(super) fn document(system: &System) -> String {
    let mut taken = Taken::with([
        "Query",
        "Mutation",
        "Subscription",
        "Int64",
        "DateTime",
        "JSON",
        "Int",
        "Float",
        "String",
        "Boolean",
        "ID",
        "Outcome",
    ]);
    let types = system
        .entities
        .iter()
        .map(|entity| taken.take(names::pascal(&entity.name).trim_start_matches("__")))
        .collect();
    let mut writer = Writer {
        system,
        types,
        text: "scalar Int64\n\nscalar DateTime\n\nscalar JSON\n".to_owned(),
    };
    let rules = Rules::of(system);
    for (index, entity) in system.entities.iter().enumerate() {
        let Some(rules) = rules.entity(EntityId(index)) else {
            continue;
        };
        writer.entity(index, entity, rules);
    }
    writer.roots(&rules);
    writer.text
}

impl Writer<'_> {
    fn type_of(&self, id: EntityId) -> &str {
        self.types.get(id.0).map_or("JSON", String::as_str)
    }

    fn block(&mut self, head: &str, fields: &[String]) {
        if fields.is_empty() {
            return;
        }
        // Writing to a text never fails.
        let _ = write!(self.text, "\n{head} {{\n");
        for field in fields {
            let _ = writeln!(self.text, "  {field}");
        }
        self.text.push_str("}\n");
    }

    fn entity(&mut self, index: usize, entity: &crate::ir::Entity, rules: &EntityRules) {
        let name = self.type_of(EntityId(index)).to_owned();
        let fields: Vec<String> = schema::shown(entity)
            .map(|column| {
                let mark = if column.nullable { "" } else { "!" };
                format!("{}: {}{mark}", column.name, scalar(&column.ty))
            })
            .collect();
        self.block(&format!("type {name}"), &fields);
        let page = ["items: [", &name, "!]!"].concat();
        self.block(
            &format!("type {name}Page"),
            &[
                page,
                "total: Int64!".to_owned(),
                "page: Int!".to_owned(),
                "page_size: Int!".to_owned(),
            ],
        );
        let mut create: Vec<String> = rules
            .create
            .iter()
            .filter_map(|(column, needed)| {
                let mark = if *needed { "!" } else { "" };
                Some(format!("{column}: {}{mark}", scalar(&entity.column(column)?.ty)))
            })
            .collect();
        if schema::takes_password(rules) {
            create.push("password: String!".to_owned());
        }
        if rules.creatable {
            self.block(&format!("input {name}Create"), &create);
        }
        let update: Vec<String> = rules
            .update
            .iter()
            .filter_map(|column| Some(format!("{column}: {}", scalar(&entity.column(column)?.ty))))
            .collect();
        self.block(&format!("input {name}Update"), &update);
    }

    fn roots(&mut self, rules: &Rules) {
        let mut query_names = Taken::with([]);
        let mut mutation_names = Taken::with([]);
        let mut queries = Vec::new();
        let mut mutations = Vec::new();
        for (index, entity) in self.system.entities.iter().enumerate() {
            let Some(rules) = rules.entity(EntityId(index)) else {
                continue;
            };
            let name = self.type_of(EntityId(index)).to_owned();
            let one = query_names.take(&names::snake(&entity.name));
            let all = query_names.take(&entity.table);
            queries.push(format!("{one}(id: ID!): {name}"));
            let mut arguments = vec!["page: Int".to_owned(), "page_size: Int".to_owned()];
            arguments.extend(
                rules
                    .filters
                    .iter()
                    .filter_map(|column| Some(format!("{column}: {}", scalar(&entity.column(column)?.ty)))),
            );
            queries.push(field(&all, &arguments, &format!("{name}Page!")));
            let table = &entity.table;
            if rules.creatable {
                let create = mutation_names.take(&format!("create_{table}"));
                mutations.push(format!("{create}(values: {name}Create!): {name}!"));
            }
            if !rules.update.is_empty() {
                let update = mutation_names.take(&format!("update_{table}"));
                mutations.push(format!("{update}(id: ID!, values: {name}Update!): {name}!"));
            }
            let delete = mutation_names.take(&format!("delete_{table}"));
            mutations.push(format!("{delete}(id: ID!): Boolean!"));
        }
        for capability in &self.system.capabilities {
            let arguments: Vec<String> = capability
                .parameters
                .iter()
                .map(|parameter| {
                    let mark = if matches!(parameter.ty, Type::Optional(_)) {
                        ""
                    } else {
                        "!"
                    };
                    format!("{}: {}{mark}", input_name(parameter), scalar(&parameter.ty))
                })
                .collect();
            mutations.push(field(
                &mutation_names.take(&capability.name),
                &arguments,
                "Outcome!",
            ));
        }
        if queries.is_empty() {
            queries.push("live: Boolean!".to_owned());
        }
        self.block("type Query", &queries);
        self.block("type Mutation", &mutations);
        if !self.system.capabilities.is_empty() {
            let fields = [
                "ok: Boolean!",
                "action: String!",
                "entity: JSON",
                "created: JSON",
                "result: JSON",
            ];
            self.block("type Outcome", &fields.map(str::to_owned));
        }
    }
}

/// The scalar that a type is.
fn scalar(ty: &Type) -> String {
    match ty {
        Type::String | Type::State(_) | Type::Bytes => "String".to_owned(),
        Type::Uuid | Type::Entity(_) | Type::Caller => "ID".to_owned(),
        Type::Uint | Type::Int | Type::Duration => "Int64".to_owned(),
        Type::Float => "Float".to_owned(),
        Type::Bool => "Boolean".to_owned(),
        Type::Timestamp => "DateTime".to_owned(),
        Type::Optional(inner) => scalar(inner),
        Type::List(element) | Type::Set(element) => {
            let mark = if matches!(**element, Type::Optional(_)) {
                ""
            } else {
                "!"
            };
            format!("[{}{mark}]", scalar(element))
        }
        Type::Map(..)
        | Type::Json
        | Type::Unknown
        | Type::None
        | Type::Result(..)
        | Type::Tuple(_)
        | Type::Union(_) => "JSON".to_owned(),
    }
}

/// A field with arguments: on one line, or each argument on its own.
fn field(name: &str, arguments: &[String], ty: &str) -> String {
    if arguments.is_empty() {
        return format!("{name}: {ty}");
    }
    let line = format!("{name}({}): {ty}", arguments.join(", "));
    if line.len() + 2 <= WIDTH {
        return line;
    }
    let lines: Vec<String> = arguments
        .iter()
        .map(|argument| format!("    {argument}"))
        .collect();
    format!("{name}(\n{}\n  ): {ty}", lines.join("\n"))
}
