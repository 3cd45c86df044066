use serde_json::{Map, Value, json};

use super::*;
use crate::tools::Tool;

/// The arguments that `written` makes for a tool, and its diagnostics.
fn arguments_of(parameters: &Value, written: &str) -> (Value, Vec<String>) {
    let tool = Tool::new("tool", parameters);
    let mut tree = Tree::new(written);
    let node = read::json(&mut tree, Span::new(0, written.len())).node;
    let node = node.unwrap_or_else(|| tree.push(Kind::Bare, Span::new(0, written.len())));
    let aligned = arguments(&tree, node, Some(&tool));
    let diagnostics = aligned.diagnostics.iter().map(|diagnostic| {
        format!(
            "{:?} {}: {}",
            diagnostic.kind,
            diagnostic.path.as_deref().unwrap_or("-"),
            diagnostic.message
        )
    });
    (aligned.value.to_json(), diagnostics.collect())
}

#[track_caller]
fn check(parameters: &Value, cases: &[(&str, Value)]) {
    for (written, expected) in cases {
        let (value, diagnostics) = arguments_of(parameters, written);
        assert_eq!((value, diagnostics), (expected.clone(), Vec::new()), "{written}");
    }
}

#[track_caller]
fn check_diagnostics(parameters: &Value, cases: &[(&str, &str)]) {
    for (written, expected) in cases {
        let (_, diagnostics) = arguments_of(parameters, written);
        assert_eq!(diagnostics, [(*expected).to_owned()], "{written}");
    }
}

/// A tool's parameters in short: `name!` is required.
fn parameters(properties: &[(&str, Value)]) -> Value {
    let name = |name: &str| name.trim_end_matches('!').to_owned();
    let required: Vec<_> = properties
        .iter()
        .map(|(key, _)| *key)
        .filter(|key| key.ends_with('!'))
        .map(name)
        .collect();
    let properties: Map<_, _> = properties
        .iter()
        .map(|(key, schema)| (name(key), schema.clone()))
        .collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn edit() -> Value {
    let text = || json!({"type": "string"});
    parameters(&[
        ("path!", text()),
        ("old_string!", text()),
        ("new_string!", text()),
        ("replace_all", json!({"type": "boolean"})),
    ])
}

#[test]
fn keys_find_their_properties() {
    let whole = json!({"path": "a", "old_string": "b", "new_string": "c"});
    check(
        &edit(),
        &[
            (
                r#"{"path": "a", "old_string": "b", "new_string": "c"}"#,
                whole.clone(),
            ),
            (
                r#"{"Path": "a", "oldString": "b", "new-string": "c"}"#,
                whole.clone(),
            ),
            (r#"{"file": "a", "search": "b", "replace": "c"}"#, whole.clone()),
            (
                r#"{"path": "a", "old_strnig": "b", "new_strin": "c"}"#,
                whole.clone(),
            ),
            (
                r#"{"path": "a", "old_string": "b", "whatever": "c"}"#,
                whole.clone(),
            ),
            (
                r#"{"arguments": {"path": "a", "old_string": "b", "new_string": "c"}}"#,
                whole.clone(),
            ),
            (
                r#"{"edit": {"path": "a", "old_str": "b", "new_str": "c"}}"#,
                whole.clone(),
            ),
            (
                r#"{"type": "object", "properties": {"path": "a", "old_string": "b", "new_string": "c"}}"#,
                whole.clone(),
            ),
            (
                r#"{"input": "{\"path\": \"a\", \"old_string\": \"b\", \"new_string\": \"c\"}"}"#,
                whole.clone(),
            ),
            (
                r#""{\"path\": \"a\", \"old_string\": \"b\", \"new_string\": \"c\"}""#,
                whole.clone(),
            ),
            (
                r#"[{"path": "a", "old_string": "b", "new_string": "c"}]"#,
                whole.clone(),
            ),
            (r#"["a", "b", "c"]"#, whole.clone()),
            (
                r#"{"path": "x", "path": "a", "old_string": "b", "new_string": "c"}"#,
                whole.clone(),
            ),
            (
                r#"{"path": "a", "old_string": "b", "new_string": "c", "replace_all": null}"#,
                whole,
            ),
        ],
    );
}

#[test]
fn an_exact_key_is_never_displaced() {
    let schema = parameters(&[
        ("path!", json!({"type": "string"})),
        ("content!", json!({"type": "string"})),
        ("mode", json!({"type": "string"})),
    ]);
    check(
        &schema,
        &[
            (
                r#"{"file": "x", "path": "a", "content": "c"}"#,
                json!({"file": "x", "path": "a", "content": "c"}),
            ),
            (
                r#"{"Path": "a", "content": "c", "mode": null, "Mode": "w"}"#,
                json!({"path": "a", "content": "c", "mode": "w"}),
            ),
            (
                r#"{"text": "t", "content": "c", "path": "a"}"#,
                json!({"text": "t", "content": "c", "path": "a"}),
            ),
        ],
    );
}

#[test]
fn unknown_keys_stay_unless_forbidden() {
    let mut schema = parameters(&[("path!", json!({"type": "string"}))]);
    check(
        &schema,
        &[(r#"{"path": "a", "mood": [1]}"#, json!({"path": "a", "mood": [1]}))],
    );
    schema["additionalProperties"] = json!(false);
    check(
        &schema,
        &[(r#"{"path": "a", "mood": [1]}"#, json!({"path": "a"}))],
    );
    schema["additionalProperties"] = json!({"type": "integer"});
    check(
        &schema,
        &[(r#"{"path": "a", "mood": "1"}"#, json!({"path": "a", "mood": 1}))],
    );
    check(
        &json!({}),
        &[(
            r#"{"anything": {"goes": [1]}}"#,
            json!({"anything": {"goes": [1]}}),
        )],
    );
}

/// What each text becomes as the value of a parameter of this schema.
#[track_caller]
fn check_values(cases: &[(Value, &[(&str, Value)])]) {
    for (schema, cases) in cases {
        for (written, expected) in *cases {
            let parameters = parameters(&[("v!", schema.clone())]);
            check(
                &parameters,
                &[(&format!("{{\"v\": {written}}}"), json!({"v": expected}))],
            );
        }
    }
}

#[test]
fn scalars_become_the_type_that_is_asked_for() {
    check_values(&[
        (
            json!({"type": "integer"}),
            &[
                ("3", json!(3)),
                ("3.0", json!(3)),
                ("\"3\"", json!(3)),
                ("\"1_000\"", json!(1000)),
                ("\"1,234\"", json!(1234)),
                ("\"5 seconds\"", json!(5)),
                ("\"30s\"", json!(30)),
                ("[7]", json!(7)),
                ("\"007\"", json!(7)),
                ("{\"value\": \"7\"}", json!(7)),
                ("-2", json!(-2)),
                ("9007199254740993", json!(9_007_199_254_740_993_i64)),
            ],
        ),
        (
            json!({"type": "number"}),
            &[
                ("\"$1,234.50\"", json!(1234.5)),
                ("\"-12%\"", json!(-12)),
                ("\"1/4\"", json!(0.25)),
                ("1e3", json!(1000.0)),
            ],
        ),
        (
            json!({"type": "boolean"}),
            &[
                ("\"True\"", json!(true)),
                ("\"no\"", json!(false)),
                ("1", json!(true)),
                ("0.0", json!(false)),
            ],
        ),
        (
            json!({"type": "string"}),
            &[
                ("5.10", json!("5.10")),
                ("true", json!("true")),
                ("{\"a\": [1,  2]}", json!("{\"a\": [1,  2]}")),
                ("\"{\\\"a\\\": 1}\"", json!("{\"a\": 1}")),
                ("\"null\"", json!("null")),
                ("\" x, ]\\n\"", json!(" x, ]\n")),
                ("[\"x\"]", json!("x")),
            ],
        ),
    ]);
}

#[test]
fn containers_enums_and_unions_are_found() {
    check_values(&[
        (
            json!({"type": "array", "items": {"type": "string"}}),
            &[
                ("\"a\"", json!(["a"])),
                ("\"[\\\"a\\\", \\\"b\\\"]\"", json!(["a", "b"])),
                ("\"['a', 'b']\"", json!(["a", "b"])),
                ("[1, true]", json!(["1", "true"])),
                ("{\"items\": [\"a\"]}", json!(["a"])),
                ("\"\"", json!([])),
            ],
        ),
        (
            json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}),
            &[
                ("\"{\\\"n\\\": \\\"1\\\"}\"", json!({"n": 1})),
                ("[{\"n\": 1}]", json!({"n": 1})),
                ("{\"N\": 1}", json!({"n": 1})),
            ],
        ),
        (
            json!({"enum": ["GET", "POST", "in_progress", "Café", 3]}),
            &[
                ("\"get\"", json!("GET")),
                ("\"In Progress\"", json!("in_progress")),
                ("\"cafe\"", json!("Café")),
                ("\"'POST'.\"", json!("POST")),
                ("\"POST (create)\"", json!("POST")),
                ("\"PSOT\"", json!("POST")),
                ("\"3\"", json!(3)),
                ("3.0", json!(3)),
            ],
        ),
        (
            json!({"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
            &[
                ("\"3\"", json!("3")),
                ("3", json!(3)),
                ("null", json!(null)),
                ("3.5", json!("3.5")),
            ],
        ),
        (
            json!({"type": ["array", "string"], "items": {"type": "integer"}}),
            &[("\"[1]\"", json!("[1]")), ("[\"1\"]", json!([1]))],
        ),
    ]);
}

#[test]
fn what_does_not_fit_is_told_and_not_changed() {
    let schema = parameters(&[
        ("n!", json!({"type": "integer"})),
        ("mode", json!({"enum": ["fast", "slow"]})),
    ]);
    check_diagnostics(
        &schema,
        &[
            (
                r#"{"mode": "fast"}"#,
                "Missing /n: `n` is missing; expected an integer",
            ),
            (
                r#"{"n": "many"}"#,
                "Mismatch /n: expected an integer, found \"many\"",
            ),
            (r#"{"n": 2.5}"#, "Mismatch /n: expected an integer, found 2.5"),
            (r#"{"n": "v2"}"#, "Mismatch /n: expected an integer, found \"v2\""),
            (
                r#"{"n": "2024-01-31"}"#,
                "Mismatch /n: expected an integer, found \"2024-01-31\"",
            ),
            (r#"{"n": null}"#, "Mismatch /n: expected an integer, found null"),
            (
                r#"{"n": 1, "mode": "medium"}"#,
                "Mismatch /mode: expected one of \"fast\", \"slow\", found \"medium\"",
            ),
            (
                r#"{"n": 1, "mode": "fast or slow"}"#,
                "Ambiguous /mode: expected one of the values and found several: \"fast\", \"slow\"",
            ),
            ("[]", "Missing /n: `n` is missing; expected an integer"),
        ],
    );
    let (value, _) = arguments_of(&schema, r#"{"n": "many"}"#);
    assert_eq!(value, json!({"n": "many"}));
}

#[test]
fn text_alone_is_the_only_text_that_is_needed() {
    let one = parameters(&[
        ("command!", json!({"type": "string"})),
        ("timeout", json!({"type": "integer"})),
    ]);
    check(
        &one,
        &[
            ("\"ls -la\"", json!({"command": "ls -la"})),
            (r#""{\"command\": \"ls\"}""#, json!({"command": "ls"})),
            (r#""{ls; pwd}""#, json!({"command": "{ls; pwd}"})),
        ],
    );
    let (value, diagnostics) = arguments_of(&edit(), "\"ls -la\"");
    assert_eq!((value, diagnostics.is_empty()), (json!({}), false));
}

#[test]
fn the_innermost_cut_is_found() {
    let schema = Schema::new(&json!({"properties": {"a/b": {"type": "array", "items": {"type": "string"}}}}));
    let written = r#"{"a/b": ["x", "yz"#;
    let mut tree = Tree::new(written);
    let node = read::json(&mut tree, Span::new(0, written.len())).node.unwrap();
    let aligned = value(&tree, node, &schema);
    assert_eq!(aligned.value, json!({"a/b": ["x", "yz"]}));
    assert_eq!(aligned.cut.unwrap().path, "/a~1b/1");
}

#[test]
fn unions_within_unions_take_linear_time() {
    // Tried alternative by alternative without remembering, this would take 3^100 steps.
    let schema = Schema::new(&json!({"$ref": "#/$defs/N", "$defs": {"N": {"anyOf": [
        {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}, "required": ["n", "x"]},
        {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}, "required": ["n", "y"]},
        {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}, "required": ["n"]},
        {"type": "integer"}]}}}));
    let written = format!("{}1{}", "{\"n\":".repeat(100), "}".repeat(100));
    let mut tree = Tree::new(&written);
    let node = read::json(&mut tree, Span::new(0, written.len())).node.unwrap();
    let aligned = value(&tree, node, &schema);
    assert_eq!(aligned.value.to_string(), written);
    assert!(aligned.diagnostics.is_empty());
}

#[test]
fn a_schema_in_a_circle_ends() {
    let schema = Schema::new(
        &json!({"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/A"}], "$defs": {"A": {"anyOf": [{"$ref": "#"}]}}}),
    );
    let mut tree = Tree::new("{}");
    let node = tree.push(Kind::Object, Span::new(0, 2));
    let _ = value(&tree, node, &schema);
}
