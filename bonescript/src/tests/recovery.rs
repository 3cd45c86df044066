//! All independent errors in one pass, and none that only follow from others.

use super::*;

/// The problems of a program, each as `line:code`.
fn found(text: &str) -> Vec<String> {
    let analysis = check("t.bone", text, Level::Strict);
    let place = |problem: &Diagnostic| {
        let (source, span) = problem.place();
        format!(
            "{}:{}",
            analysis.sources.position(source, span.start).0,
            problem.code
        )
    };
    analysis.diagnostics.iter().map(place).collect()
}

#[test]
fn every_independent_error_is_said() {
    let text = r#"system S {
  entity A { owns: [a: strng, b: uint c: uint] }
  entity B { ownz: [x: uint] states: open -> }
  capability one(a: A) { requires: [a.z > 1, a.b > ] effects: [a.b = "x", a.b -= ] emits: Ghost }
  capability two(b: B {
    effects: [b.x -= 1]
  }
  event E { payload: { a_id: uuid } delivery: sometimes ttl: 5 apples }
  policy p { rate_limit: 10 pr 1m encryption: rot13 }
  flow f { step one: one(a) }
  channel c { participants: set<Nobody> }
}"#;
    assert_eq!(
        found(text),
        [
            "2:B0204", "2:B0106", "3:B0109", "3:B0106", "4:B0203", "4:B0106", "4:B0301", "4:B0106",
            "4:B0205", "5:B0106", "8:B0210", "8:B0109", "9:B0106", "9:B0210", "10:B0405", "11:B0204",
        ]
    );
}

#[test]
fn a_broken_declaration_hides_nothing_behind_it() {
    // The public compiler does not end on the first of these, and drops the last declaration in silence.
    for broken in [
        "entity A { owns: [a: uint] } capability c(a: A) { effects: [ a.a = ] } event E { payload: { x: uint } }",
        "entity A { owns: [a: uint } event E { payload: { x: uint } }",
        "entity A { owns: [a: uint] states: -> b } event E { payload: { x: uint } }",
        "entity A { owns: [a: uint] ) } event E { payload: { x: uint } }",
        "entity { owns: [a: uint] } event E { payload: { x: uint } }",
        "entity A { owns: [a: uint]  event E { payload: { x: uint } }",
    ] {
        let text = format!("system S {{\n{broken}\nstore T {{ engine: floppy }}\n}}");
        let found = found(&text);
        let store = found.iter().filter(|problem| *problem == "3:B0210").count();
        assert_eq!((found.len(), store), (2, 1), "{broken}: {found:?}");
    }
}

#[test]
fn a_bracket_that_stays_open_hides_no_other_name() {
    let wrong = "entity User { owns: [email: strng, items: list<Itm>] relation x: belongs_to Usr }
capability buy(user: User) { effects: [user.email = \"x\"] emits: Bougt }
channel c { participants: set<Nobdy> }";
    let names = ["2:B0204", "2:B0204", "2:B0206", "3:B0205", "4:B0204"];
    for (text, broken) in [
        (
            format!("system S {{\n{wrong}\nentity Z {{ owns: [a: string]\n}}"),
            "1:B0108",
        ),
        (format!("system S {{\n{wrong}\n"), "1:B0108"),
        (format!("system S {{\n{wrong}\n)\n}}"), "5:B0106"),
        (
            format!("system S {{\n{wrong} }}\nevent E {{ payload: {{ a: uint }} }}"),
            "5:B0106",
        ),
    ] {
        let found = found(&text);
        let mut expected = names.to_vec();
        expected.push(broken);
        expected.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
    // What stands in the part that was stepped over may be declared by it, and so may anything by what lacks its name.
    for lost in ["[ entity Usr { owns: [a: uint] } ]", "entity { owns: [a: uint] }"] {
        let text = format!("system S {{ {lost} entity A {{ owns: [a: uint] relation x: belongs_to Usr }} }}");
        assert_eq!(found(&text), ["1:B0106"], "{lost}");
    }
}

#[test]
fn what_could_not_be_read_is_not_missed() {
    for (text, only) in [
        (
            "entity A { owns: [a string] } capability c(x: A) { effects: [x.a = 1] }",
            "B0106",
        ),
        (
            "entity A { owns: [a: strng] } capability c(x: A) { requires: [x.a > 1, x.a.b.c] effects: [x.a = 1] }",
            "B0204",
        ),
        (
            "entty A ( owns: [a: uint] ) capability c(x: A) { effects: [x.a = 1] }",
            "B0106",
        ),
        (
            "event E { payload { a: uint } } entity A { owns: [a: uint] } capability c(x: A) { emits: E }",
            "B0106",
        ),
        (
            "entity A { owns: [a: uint] } capability c(x: A, y uint) { effects: [x.a = y] }",
            "B0106",
        ),
        (
            "entity A { owns: [a: uint] relation b: belongs_to Bx } capability c(x: A) { requires: [x.b.y > 1] }",
            "B0206",
        ),
    ] {
        let found = found(&format!("system S {{ {text} }}"));
        let errors: Vec<_> = found.iter().filter(|problem| !problem.contains("B09")).collect();
        let codes: Vec<&str> = errors
            .iter()
            .map(|problem| problem.split(':').next_back().unwrap())
            .collect();
        assert!(
            codes.last() == Some(&only) && codes.len() <= 2,
            "{text}: {found:?}"
        );
    }
}

#[test]
fn words_of_the_language_may_be_names() {
    let words = [
        "system",
        "entity",
        "store",
        "event",
        "states",
        "index",
        "relation",
        "step",
        "total",
        "both",
        "audit",
        "filter",
        "in_transit",
        "session",
        "per",
        "list",
        "set",
        "optional",
        "count",
        "returns",
        "using",
        "stable",
        "as",
        "now",
    ];
    for word in words {
        let text = format!(
            "system S {{
  entity E {{
    owns: [{word}: uint, other: uint = 0]
    states: {word}x -> {word} -> done
    index: [{word}]
    constraints: [{word}.unique]
    relation {word}_r: belongs_to F [0..1]
  }}
  entity F {{ owns: [{word}: string] derived d: other_{word} + 1 }}
  event {word} {{ payload: {{ {word}: uint }} }}
  capability {word}(e: E, f: F) {{
    requires: [e.{word} > 0, f.{word} != \"\", e.state == \"{word}\"]
    effects: [e.{word} -= 1]
    emits: {word}
  }}
  flow {word} {{ step {word}: {word}(e, f) compensate: {word}(e, f) step b: {word}(e, f) }}
  policy {word} {{ access: [{word}] }}
}}"
        )
        .replace(&format!("derived d: other_{word} + 1"), "");
        assert_eq!(found(&text), [""; 0], "{word}");
    }
}

#[test]
fn nothing_is_called_like_a_prototype() {
    for text in [
        "entity E { owns: [__proto__: uint] }",
        "entity E { owns: [a: uint] states: a -> __proto__ }",
        "entity E { owns: [a: uint] derived __proto__: a + 1 }",
        "entity E { owns: [a: map<string, uint> = { \"__proto__\": 1 }] }",
        "event E { payload: { __proto__: uint } }",
        "event __proto__ { payload: { a: uint } }",
        "entity E { owns: [a: uint] } capability c(e: E, __proto__: uint) { effects: [e.a = 1] }",
        "entity E { owns: [a: json] } capability c(e: E) { effects: [e.a.__proto__ = 1] }",
        "store T { engine: sqlite schema: { __proto__: uint } }",
        "extension_point f(__proto__: string) { returns: string }",
    ] {
        assert_eq!(found(&format!("system S {{ {text} }}")), ["1:B0209"], "{text}");
    }
    let text = "entity E { owns: [a: string = \"__proto__\", proto: uint, __proto: uint] }";
    assert_eq!(found(&format!("system S {{ {text} }}")), [""; 0]);
}

#[test]
fn leniency_makes_warnings_of_what_can_be_compiled() {
    let text = "system S {
  entity A { owns: [a: uint, tags: list<uuid>] states: x -> y -> z }
  event E { payload: { a_id: uuid, total: uint } }
  constraint c: A.nothing <= 1
  capability f(a: A) {
    requires: [a.state == x, risk(a) > 0.5]
    effects: [a.state = z]
    pipeline: { reserve(a) as r notify(r) on_error: rollback }
    emits: E
  }
  capability g(items: list<A>) { algorithm: rank_by using { items: items, score_fn: score, extra: 1 } returns: json }
}";
    let strict = check("t.bone", text, Level::Strict);
    assert!(strict.program.is_none());
    let lenient = check("t.bone", text, Level::Lenient);
    assert_eq!(strict.diagnostics.len(), lenient.diagnostics.len());
    let program = lenient.program.unwrap();
    properties::decided(&program);
    let points: Vec<&str> = program.systems[0]
        .extension_points
        .iter()
        .map(|point| point.name.as_str())
        .collect();
    assert_eq!(points, ["risk", "reserve", "notify", "score"]);
    assert!(program.systems[0].constraints.is_empty());
}

#[test]
fn line_ends_and_a_byte_order_mark_mean_nothing() {
    for (name, text) in examples::PROGRAMS {
        let plain = check_with(name, text, &examples::Shared, Level::Strict);
        let other = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let other = check_with(name, &other, &examples::Shared, Level::Strict);
        assert_eq!(plain.program, other.program, "{name}");
    }
}

/// The clause behind it is a clause, and what is wrong in that is said.
#[test]
fn an_arrow_that_leads_nowhere_swallows_no_clause() {
    let program = "system S {
  entity B { owns: [n: int] }
  entity A {
    states: a -> b ->
    relation b: has_may B
  }
}";
    let found = examples::problems(&check("t.bone", program, Level::Strict));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("expected the name of a state"), "{found:?}");
    assert!(found[1].contains("`has_may`"), "{found:?}");
}
