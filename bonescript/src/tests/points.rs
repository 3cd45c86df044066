//! Functions that nobody declares: where they are extension points, and where they are mistakes.

use super::*;
use crate::ir::{Callee, Literal, Type};

const ORDER: &str =
    "entity Order { owns: [total: uint] } extension_point score(item: json) { returns: float }";

fn checked(body: &str) -> Analysis {
    check("t.bone", &format!("system S {{ {ORDER} {body} }}"), Level::Strict)
}

/// Each problem as its code and what is underlined.
fn found(body: &str) -> Vec<String> {
    let text = format!("system S {{ {ORDER} {body} }}");
    let analysis = checked(body);
    let shown = analysis.diagnostics.iter().map(|problem| {
        let place = &text[problem.place().1.range()];
        format!("{} {place}", problem.code)
    });
    shown.collect()
}

#[test]
fn steps_and_inputs_imply_a_point() {
    let body = r#"
        capability ship(order: Order) { pipeline: { pack(order) as parcel hand_over(order, parcel) } }
        capability rank(orders: list<Order>) { algorithm: rank_by using { items: orders, score_fn: urgency } returns: json }
        capability pair(left: list<string>, right: list<string>) {
          algorithm: bipartite_matching using { edges: allowed_pairs } returns: json
        }
        flow deliver { step ship: ship(order) compensate: take_back(order) step tell: announce(order, "sent") }
    "#;
    let names = [
        "pack",
        "hand_over",
        "urgency",
        "allowed_pairs",
        "take_back",
        "announce",
    ];
    assert_eq!(found(body), names.map(|name| format!("B0906 {name}")));
    let system = checked(body).program.unwrap().systems.remove(0);
    let points: Vec<(&str, bool, usize)> = system
        .extension_points
        .iter()
        .map(|point| (point.name.as_str(), point.implied, point.parameters.len()))
        .collect();
    let expected = [
        ("score", false, 1),
        ("pack", true, 1),
        ("hand_over", true, 2),
        ("urgency", true, 1),
        ("allowed_pairs", true, 0),
        ("take_back", true, 1),
        ("announce", true, 2),
    ];
    assert_eq!(points, expected);
    assert!(matches!(
        system.extension_points[1].parameters[0].ty,
        Type::Entity(_)
    ));
    let steps = &system.capabilities[0].pipeline.as_ref().unwrap().steps;
    let callees: Vec<Callee> = steps.iter().map(|step| step.call.callee).collect();
    let point = |id| Callee::ExtensionPoint(crate::ir::ExtensionPointId(id));
    assert_eq!(callees, [point(1), point(2)]);
}

#[test]
fn a_declared_name_misspelt_is_a_mistake() {
    for (body, expected) in [
        (
            "capability c(order: Order) { pipeline: { scor(order) } }",
            "B0208 scor",
        ),
        (
            "capability ship(order: Order) { effects: [order.total += 1] }
             capability c(order: Order) { pipeline: { shipp(order) } }",
            "B0208 shipp",
        ),
        (
            "capability c(items: list<uint>, wanted: uint) {
               algorithm: binary_search using { target: wantd } returns: int }",
            "B0202 wantd",
        ),
        (
            "capability c(items: list<Order>) {
               algorithm: rank_by using { score_fn: score, order: desc } returns: json }",
            "B0202 desc",
        ),
        (
            "capability c(items: list<Order>) { algorithm: rank_by using { score_fn: scores } returns: json }",
            "B0208 scores",
        ),
    ] {
        assert_eq!(found(body), [expected], "{body}");
    }
}

#[test]
fn what_is_no_function_is_no_step() {
    for name in ["Order", "Sent", "both", "count"] {
        let body = format!(
            "event Sent {{ payload: {{ order_id: uuid }} }}
             capability c(order: Order) {{ pipeline: {{ {name}(order) }} }}
             flow both {{ step a: c(order) step b: c(order) }}"
        );
        assert_eq!(found(&body), [format!("B0208 {name}")]);
    }
}

#[test]
fn in_an_expression_it_is_a_mistake_wherever_a_step_stands() {
    let step = "capability a(order: Order) { pipeline: { demand(order) } }";
    let guard = "capability b(order: Order) { requires: [demand(order) > 1] effects: [order.total = 1] }";
    assert_eq!(
        found(&format!("{step} {guard}")),
        ["B0906 demand", "B0208 demand"]
    );
    assert_eq!(found(&format!("{guard} {step}")), ["B0208 demand"]);
    let twice = format!("{guard} capability d(order: Order) {{ effects: [order.total = demand(order)] }}");
    assert_eq!(found(&twice), ["B0208 demand"]);
}

#[test]
fn a_call_that_differs_from_the_first_is_told() {
    let body = "capability c(order: Order) { pipeline: { pack(order) pack(order, 2) } }";
    assert_eq!(found(body), ["B0906 pack", "B0306 pack(order, 2)"]);
}

#[test]
fn the_second_name_of_an_input_has_its_meaning() {
    let with = |inputs: &str| {
        format!(
            "capability c(key: uuid, nodes: list<string>) {{ algorithm: consistent_hash using {{ {inputs} }} returns: string }}"
        )
    };
    let body = with("replica_count: 150");
    assert_eq!(found(&body), [""; 0]);
    let system = checked(&body).program.unwrap().systems.remove(0);
    let inputs = &system.capabilities[0].algorithm.as_ref().unwrap().inputs;
    let (name, value) = inputs.last().unwrap();
    assert_eq!(
        (name.as_str(), value.literal()),
        ("replicas", Some(&Literal::Integer(150)))
    );
    assert_eq!(
        found(&with("replicas: 3, replica_count: 4")),
        ["B0201 replica_count"]
    );
}

#[test]
fn a_score_is_no_constant() {
    let program = r#"system S {
  entity A { owns: [v: int] auth: jwt }
  capability c(items: list<A>) { algorithm: rank_by using { items: items, score_fn: "v" } returns: json }
}"#;
    let found = examples::problems(&check("t.bone", program, Level::Strict));
    assert_eq!(
        found,
        [
            "t.bone:3:85: error[B0301]: a score that is the same for all tells none from the others; expected the name of a function that is given each item"
        ]
    );
}
