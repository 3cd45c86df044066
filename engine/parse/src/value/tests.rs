use serde_json::{Value, json};

use crate::schema::Schema;

#[track_caller]
fn check(schema: &Value, cases: &[(&str, Value)]) {
    for (text, expected) in cases {
        let reading = super::read(text, Some(&Schema::new(schema)), false);
        assert_eq!(
            reading.value.map(|value| value.to_json()).as_ref(),
            Some(expected),
            "{text}: {:?}",
            reading.diagnostics
        );
        assert!(
            reading.diagnostics.is_empty(),
            "{text}: {:?}",
            reading.diagnostics
        );
    }
}

fn person() -> Value {
    json!({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name", "age"]})
}

#[test]
fn of_two_equal_answers_the_first_is_taken_and_the_other_told() {
    let read = |text| super::read(text, Some(&Schema::new(&person())), false);
    let chosen = |reading: &crate::Reading| {
        let chosen = |repair: &&crate::Repair| repair.kind == crate::RepairKind::Choice;
        reading.repairs.iter().filter(chosen).count()
    };
    let reading = read("{\"name\": \"Ann\", \"age\": 3} or {\"name\": \"Bob\", \"age\": 4}");
    assert_eq!(reading.value, Some(json!({"name": "Ann", "age": 3}).into()));
    assert_eq!(
        reading.runners_up.first().map(|other| &other.value),
        Some(&json!({"name": "Bob", "age": 4}).into())
    );
    assert_eq!(chosen(&reading), 1);
    let reading = read("{\"name\": \"Ann\", \"age\": 3} or {\"name\": \"Ann\", \"age\": 3}");
    assert_eq!((chosen(&reading), reading.runners_up.len()), (0, 0));
}

#[test]
fn the_part_that_fits_is_taken() {
    let ann = json!({"name": "Ann", "age": 3});
    check(
        &person(),
        &[
            (r#"{"name": "Ann", "age": 3}"#, ann.clone()),
            (
                "See [1] for {more}.\n\n```json\n{\"name\": \"Ann\", \"age\": \"3\"}\n```\nDone.",
                ann.clone(),
            ),
            (
                "<think>{\"name\": \"Bob\", \"age\": 4}</think>{\"name\": \"Ann\", \"age\": 3}",
                ann.clone(),
            ),
            (
                "{\"name\": \"Ann\", \"age\": 3}\n{\"name\": \"Bob\", \"age\": 4}",
                ann.clone(),
            ),
            (
                "{\"note\": 1} and {\"person\": {\"name\": \"Ann\", \"age\": 3}}",
                ann,
            ),
        ],
    );
    check(
        &json!({"type": "array", "items": person()}),
        &[(
            "First {\"name\": \"Ann\", \"age\": 3}, then {\"name\": \"Bob\", \"age\": 4}.",
            json!([{"name": "Ann", "age": 3}, {"name": "Bob", "age": 4}]),
        )],
    );
}

#[test]
fn prose_may_hold_the_answer() {
    check(
        &json!({"type": "integer"}),
        &[
            ("The answer is 1,200.", json!(1200)),
            ("Age: 7", json!(7)),
            ("```\n7\n```", json!(7)),
        ],
    );
    check(
        &json!({"type": "boolean"}),
        &[("Yes", json!(true)), ("The claim is false.", json!(false))],
    );
    check(
        &json!({"type": "string"}),
        &[
            ("Just {text}.", json!("Just {text}.")),
            ("\"quoted\"", json!("quoted")),
        ],
    );
    check(
        &json!({"enum": ["in", "in progress", "done"], "description": "done: nothing is left"}),
        &[
            ("It is In Progress, I think.", json!("in progress")),
            ("**Done**", json!("done")),
            ("Nothing is left", json!("done")),
        ],
    );
    check(
        &json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}),
        &[("Hello!", json!({"text": "Hello!"}))],
    );
}

#[test]
fn what_is_not_there_is_not_invented() {
    for (schema, text) in [
        (person(), "I don't know."),
        (person(), ""),
        (json!({"type": "boolean"}), "true or false?"),
        (json!({"type": "integer"}), "between 3 and 5"),
        (json!({"type": "integer"}), "I'm sorry, as of 2023 I can't help."),
        (json!({"type": "integer"}), "I cannot do that: error 404"),
        (json!({"type": "integer"}), "Step 1: think"),
        (json!({"enum": ["in", "out"]}), "inside"),
        (json!({"enum": ["good", "bad"]}), "Good. There are no bad words."),
        (json!({"type": "number"}), "1.234,5"),
    ] {
        let reading = super::read(text, Some(&Schema::new(&schema)), false);
        assert_eq!(reading.value, None, "{text}");
        assert_eq!(reading.diagnostics.len(), 1, "{text}");
    }
    let direction = json!({"enum": ["in", "out"]});
    let reading = super::read("Either in or out.", Some(&Schema::new(&direction)), false);
    assert_eq!(reading.diagnostics[0].kind, crate::DiagnosticKind::Ambiguous);
    let reading = super::read(r#"{"name": "Ann"}"#, Some(&Schema::new(&person())), false);
    assert_eq!(reading.diagnostics[0].path.as_deref(), Some("/age"));
}

#[test]
fn a_reply_that_ends_too_soon_says_where() {
    let text = r#"{"age": 3, "name": "An"#;
    let schema = Schema::new(&person());
    let reading = super::read(text, Some(&schema), false);
    assert_eq!(reading.value, Some(json!({"age": 3, "name": "An"}).into()));
    assert_eq!(reading.cut.map(|cut| cut.path).as_deref(), Some("/name"));
    assert_eq!(reading.diagnostics.len(), 1);
    let reading = super::read(r#"{"age": 3"#, Some(&schema), true);
    assert!(reading.diagnostics.is_empty(), "more may come");
}
