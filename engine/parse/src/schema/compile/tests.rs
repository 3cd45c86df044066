use serde_json::json;

use super::*;

/// A schema in short.
fn show(schema: &Value) -> String {
    let schema = Schema::new(schema);
    shown(&schema, schema.root(), 4)
}

fn shown(schema: &Schema, id: TypeId, depth: usize) -> String {
    if depth == 0 {
        return "…".to_owned();
    }
    let all = |ids: &[TypeId], between: &str| {
        ids.iter()
            .map(|id| shown(schema, *id, depth - 1))
            .collect::<Vec<_>>()
            .join(between)
    };
    match schema.ty(id) {
        Type::Any => "any".to_owned(),
        Type::Array(items) => {
            format!(
                "[{};{}]",
                all(&items.prefix, ","),
                shown(schema, items.rest, depth - 1)
            )
        }
        Type::Object(members) => {
            let mut parts = Vec::new();
            for property in &members.properties {
                let mark = if property.required { "" } else { "?" };
                parts.push(format!(
                    "{}{mark}:{}",
                    property.name,
                    shown(schema, property.ty, depth - 1)
                ));
            }
            match members.additional {
                Additional::Unsaid => {}
                Additional::Allowed(id) => parts.push(format!("*:{}", shown(schema, id, depth - 1))),
                Additional::Forbidden => parts.push("!".to_owned()),
            }
            format!("{{{}}}", parts.join(","))
        }
        Type::Union(members) => all(members, "|"),
        Type::Literal(literals) => literals
            .options
            .iter()
            .map(|option| option.value.to_string())
            .collect::<Vec<_>>()
            .join("/"),
        other => format!("{other:?}").to_lowercase(),
    }
}

#[test]
fn schemas_become_types() {
    for (schema, expected) in [
        (json!(true), "any"),
        (json!({"type": "wizard"}), "any"),
        (json!({"type": ["string", "null"]}), "string|null"),
        (json!({"type": "integer", "nullable": true}), "integer|null"),
        (json!({"type": "STRING"}), "string"),
        (json!({"type": "string", "enum": ["a", 1]}), "\"a\"/1"),
        (json!({"items": {"type": "float"}}), "[;number]"),
        (
            json!({"type": "array", "prefixItems": [{"type": "string"}]}),
            "[string;any]",
        ),
        (
            json!({"properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}),
            "{a:string,b?:any}",
        ),
        (json!({"type": "object", "additionalProperties": false}), "{!}"),
        (
            json!({"patternProperties": {"^x": {"type": "null"}}, "type": "object"}),
            "{*:null}",
        ),
        (
            json!({"allOf": [{"$ref": "#/$defs/A"}, {"properties": {"b": {"type": "null"}}, "required": ["a"]}],
                "type": "object", "$defs": {"A": {"properties": {"a": {"type": "string"}}}}}),
            "{a:string,b?:null}",
        ),
        (
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]}),
            "{a?:string}",
        ),
        (
            json!({"properties": {"k": {"type": "string"}}, "oneOf": [
                {"properties": {"a": {"type": "null"}}}, {"properties": {"b": {"type": "null"}}}]}),
            "{a?:null,k?:string}|{b?:null,k?:string}",
        ),
    ] {
        assert_eq!(show(&schema), expected, "{schema}");
    }
}

#[test]
fn references_may_run_in_circles() {
    for (schema, expected) in [
        (
            json!({"properties": {"next": {"$ref": "#"}}}),
            "{next?:{next?:{next?:{next?:…}}}}",
        ),
        (json!({"$ref": "#"}), "any"),
        (
            json!({"$ref": "#/a", "a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}}),
            "any",
        ),
        (
            json!({"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
            "…|…|null|null|null",
        ),
        (
            json!({"allOf": [{"$ref": "#"}, {"properties": {"a": {"$ref": "#"}}}], "type": "object"}),
            "{a?:{a?:{a?:{a?:…}}}}",
        ),
        (json!({"$ref": "https://elsewhere.example/schema"}), "any"),
    ] {
        assert_eq!(show(&schema), expected, "{schema}");
    }
}

#[test]
fn the_lines_of_a_description_belong_to_the_values() {
    let schema = Schema::new(&json!({"enum": ["a", "b"], "description": "Choose.\na: the first\nb:"}));
    let Type::Literal(literals) = schema.ty(schema.root()) else {
        panic!("no enum")
    };
    let descriptions: Vec<_> = literals
        .options
        .iter()
        .map(|option| option.description.as_deref())
        .collect();
    assert_eq!(descriptions, [Some("the first"), None]);
}
