//! What programs mean.

use super::*;
use crate::ir::{Authorization, ColumnKind, ExpressionKind, PolicyScope, System};

fn system(body: &str) -> System {
    let analysis = check("t.bone", &format!("system S {{\n{body}\n}}"), Level::Strict);
    assert_eq!(examples::problems(&analysis), [""; 0]);
    analysis.program.unwrap().systems.remove(0)
}

/// What is wrong with a program, strictly.
fn problems_of(program: &str) -> Vec<String> {
    examples::problems(&check("t.bone", program, Level::Strict))
}

fn example(wanted: &str) -> System {
    let (name, text) = examples::PROGRAMS
        .iter()
        .find(|(name, _)| *name == wanted)
        .unwrap();
    let analysis = check_with(name, text, &examples::Shared, Level::Strict);
    analysis.program.unwrap().systems.remove(0)
}

#[test]
fn alternatives_branch_from_the_state_before() {
    for (states, expected) in [
        ("a -> b -> c | d", "a>b b>c b>d"),
        ("a -> b | c -> d", "a>b a>c b>d c>d"),
        ("a -> b -> a | c", "a>b b>a b>c"),
        ("a -> b -> c -> b", "a>b b>c c>b"),
        ("a", ""),
    ] {
        let system = system(&format!("entity E {{ states: {states} }}"));
        let machine = system.entities[0].machine.clone().unwrap();
        let found: Vec<String> = machine
            .transitions
            .iter()
            .map(|step| format!("{}>{}", step.from, step.to))
            .collect();
        assert_eq!(found.join(" "), expected, "{states}");
        assert_eq!(machine.states[0], "a");
    }
}

#[test]
fn annotations_stand_on_either_side_of_the_default() {
    let system = system("entity E { owns: [a: string @sensitive = \"x\", b: string = \"x\" @sensitive] }");
    for name in ["a", "b"] {
        let column = system.entities[0].column(name).unwrap();
        assert!(column.sensitive && column.default.is_some(), "{name}");
    }
}

#[test]
fn not_before_what_is_no_condition_denies_the_comparison() {
    for (written, meant) in [
        ("not e.tags contains \"x\"", "not (e.tags contains \"x\")"),
        ("not e.n in 1..3", "not (e.n in 1..3)"),
        ("not e.n == 3", "not (e.n == 3)"),
        ("not e.on == true", "(not e.on) == true"),
    ] {
        let of = |condition: &str| {
            let text = format!(
                "system S {{ entity E {{ owns: [tags: set<string>, n: uint, on: bool] }}
                 capability c(e: E) {{ requires: [{condition}] effects: [e.n += 1] }} }}"
            );
            let analysis = check("t.bone", &text, Level::Strict);
            let program = analysis.program.unwrap_or_else(|| panic!("{condition}"));
            program.systems[0].capabilities[0].requires[0].condition.clone()
        };
        assert_eq!(of(written), of(meant), "{written}");
    }
}

#[test]
fn a_role_may_be_called_nearly_like_an_entity() {
    let text =
        "system S { entity Account { owns: [n: uint] auth: jwt } policy limits { access: [accountant] } }";
    let analysis = check("t.bone", text, Level::Strict);
    assert_eq!(analysis.errors(), 0);
    let access = analysis.program.unwrap().systems[0].policies[0].access.clone();
    assert_eq!(
        access,
        Some(vec![crate::ir::Access::Role("accountant".to_owned())])
    );
}

#[test]
fn filters_and_flows_say_what_they_cannot_read() {
    let entities = "entity Guild { owns: [tag: string] }
        entity Player { owns: [name: string] auth: jwt relation guild: belongs_to Guild [0..1] }
        capability note(player: Player, text: string) { effects: [player.name = text] }";
    for (declaration, code) in [
        (
            "channel c { participants: set<Player> filter: participant.guild.tag == event.tag }",
            Some("B0311"),
        ),
        (
            "channel c { participants: set<Player> filter: caller.role == \"admin\" }",
            Some("B0311"),
        ),
        ("channel c { filter: participant.level > 3 }", Some("B0202")),
        (
            "channel c { participants: set<Player> filter: participant.guild == event.guild }",
            None,
        ),
        ("channel c { filter: event.level > 3 }", None),
        (
            "flow f { step a: note(player, \"a\") step b: note(player, player.name) }",
            Some("B0311"),
        ),
        (
            "flow f { step a: note(player, \"a\") step b: note(player, player.guild.tag) }",
            Some("B0311"),
        ),
        (
            "flow f { step a: note(player, \"a\") step b: note(player, text) }",
            None,
        ),
    ] {
        let analysis = check(
            "t.bone",
            &format!("system S {{ {entities} {declaration} }}"),
            Level::Strict,
        );
        let codes: Vec<&str> = analysis
            .diagnostics
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        assert_eq!(codes, Vec::from_iter(code), "{declaration}");
        // What is accepted is emitted.
        for system in analysis.program.iter().flat_map(|program| &program.systems) {
            assert!(
                crate::emit::emit(system, crate::emit::Target::Sqlite, None).is_ok(),
                "{declaration}"
            );
        }
    }
}

#[test]
fn guards_hold_for_the_alternatives_behind_them() {
    let system = system("entity E { owns: [n: uint] states: a ->(n > 0) b | c -> d }");
    let machine = system.entities[0].machine.clone().unwrap();
    let guards = machine
        .transitions
        .iter()
        .map(|step| step.guard.as_ref().map(|guard| guard.text.as_str()));
    assert_eq!(
        guards.collect::<Vec<_>>(),
        [Some("n > 0"), Some("n > 0"), None, None]
    );
}

#[test]
fn relations_get_their_columns() {
    let system = system(
        "entity User { owns: [name: string] auth: jwt relation clubs: many_to_many Club relation marks: has_many Mark }
entity Mark { owns: [n: uint] relation user: belongs_to User }
entity Club { owns: [name: string] relation members: many_to_many User }
entity Post {
  owns: [editor_id: uuid]
  relation author: belongs_to User
  relation editor: belongs_to User [0..1]
  relation pages: has_many Page
}
entity Page { owns: [n: uint] }",
    );
    let column =
        |entity: usize, relation: &str| system.entities[entity].relation(relation).unwrap().column.clone();
    assert_eq!(column(3, "author").as_deref(), Some("author_id"));
    assert_eq!(column(3, "editor").as_deref(), Some("editor_id"));
    assert_eq!(column(0, "marks").as_deref(), Some("user_id"));
    assert_eq!(column(3, "pages").as_deref(), Some("post_id"));
    let editor = system.entities[3].column("editor_id").unwrap();
    assert!(editor.nullable && matches!(editor.kind, ColumnKind::ForeignKey(_)));
    let table = |entity: usize, relation: &str| {
        system.entities[entity]
            .relation(relation)
            .unwrap()
            .junction
            .clone()
            .unwrap()
    };
    assert_eq!(table(0, "clubs").table, "clubs_users");
    assert_eq!(
        (table(0, "clubs").own, table(0, "clubs").other),
        ("user_id".into(), "club_id".into())
    );
    assert_eq!(table(2, "members").table, "clubs_users");
    assert_eq!(system.entities[3].owner, Some(vec!["author".to_owned()]));
    assert_eq!(system.entities[4].owner, None);
}

/// Following somebody must not block them.
#[test]
fn several_relations_to_one_target_have_links_of_their_own() {
    let system = system(
        "entity User {
  owns: [name: string]
  relation following: many_to_many User
  relation blocked: many_to_many User
  relation items: many_to_many Item
}
entity Item { owns: [n: uint] }
entity Items_user { owns: [n: uint] }",
    );
    let tables: Vec<&str> = system.entities[0]
        .relations
        .iter()
        .filter_map(|relation| Some(relation.junction.as_ref()?.table.as_str()))
        .collect();
    assert_eq!(tables, ["users_following", "users_blocked", "items_users_link"]);
}

#[test]
fn what_a_relation_is_the_other_side_of_is_said() {
    let program = "system S {
  entity User {
    owns: [name: string]
    relation received: has_many Message
    relation rooms: many_to_many Room
  }
  entity Message {
    owns: [text: string]
    relation sender: belongs_to User
    relation recipient: belongs_to User
  }
  entity Room { owns: [n: uint] relation guests: many_to_many User relation hosts: many_to_many User }
}";
    assert_eq!(
        problems_of(program),
        [
            "t.bone:4:14: error[B0410]: `received` may be the other side of `sender` or `recipient` of `Message`; fix: leave it out, and ask the target by the relation that is meant",
            "t.bone:5:14: error[B0410]: `rooms` may be the other side of several relations of `Room`; fix: leave it out, and ask the target by the relation that is meant",
        ]
    );
}

#[test]
fn a_new_row_is_given_what_has_no_value_of_its_own() {
    let program = r#"system S {
  entity Part {
    owns: [code: uuid, kind: string, note: string, size: uint]
    constraints: [kind in ["a", "b"]]
  }
  capability make(size: uint) { effects: [size = size] }
}"#;
    assert_eq!(
        problems_of(program),
        [
            "t.bone:6:43: error[B0408]: the new `Part` has no `code`; fix: set `code = …`, or give the field a default",
            "t.bone:6:43: error[B0408]: the new `Part` has no `kind`; fix: set `kind = …`, or give the field a default",
        ]
    );
}

#[test]
fn capitals_do_not_tell_columns_apart() {
    let program = "system S {
  entity Item {
    owns: [ID: int, fooBar: int, foobar: int, State: string]
    states: a -> b
  }
}";
    let found = problems_of(program).join("\n");
    for columns in ["`ID` and `id`", "`foobar` and `fooBar`", "`state` and `State`"] {
        assert!(found.contains(columns), "{found}");
    }
}

#[test]
fn a_bare_emission_fills_its_payload_by_name() {
    let system = system(
        "entity Plant { owns: [price: uint, seller_id: uuid] }
entity Buyer { owns: [name: string] auth: jwt }
event Sold { payload: {
  plant_id: uuid, quantity: uint, seller_id: uuid, sold_at: timestamp, actor_id: uuid, note: optional<string>
} }
capability sell(plant: Plant, buyer: Buyer, quantity: uint) { emits: Sold }",
    );
    let values = &system.capabilities[0].emits[0].values;
    assert!(matches!(&values[0].kind, ExpressionKind::IdOf(_)));
    assert!(matches!(&values[1].kind, ExpressionKind::Parameter(name) if name == "quantity"));
    assert!(matches!(&values[2].kind, ExpressionKind::Column { column, .. } if column == "seller_id"));
    assert!(matches!(&values[3].kind, ExpressionKind::Now));
    assert!(matches!(&values[4].kind, ExpressionKind::CallerId));
    assert_eq!(values.len(), 6);
}

#[test]
fn who_may_call_follows_from_requires_and_parameters() {
    let shop = example("shop.bone");
    let capability = |system: &System, name: &str| {
        let found = system
            .capabilities
            .iter()
            .find(|capability| capability.name == name);
        found.unwrap().clone()
    };
    assert_eq!(capability(&shop, "pay").authorization, Authorization::Requires);
    let game = example("game.bone");
    assert_eq!(
        capability(&game, "join_queue").authorization,
        Authorization::IsParameter(0)
    );
    assert_eq!(capability(&game, "register").authorization, Authorization::Anyone);
    assert_eq!(
        capability(&game, "pair").authorization,
        Authorization::Authenticated
    );
    let made = capability(&shop, "place_order").creates.unwrap();
    assert_eq!(shop.entities[made.entity.0].name, "Order");
}

#[test]
fn stores_say_more_of_their_entity() {
    let shop = example("shop.bone");
    let order = shop
        .entities
        .iter()
        .find(|entity| entity.name == "Order")
        .unwrap();
    assert_eq!(order.storage.as_ref().unwrap().replicas, 2);
    assert!(matches!(order.column("weight").unwrap().kind, ColumnKind::Stored));
    assert!(matches!(order.column("state").unwrap().kind, ColumnKind::State));
    let scopes: Vec<PolicyScope> = shop.policies.iter().map(|policy| policy.scope).collect();
    assert!(matches!(
        scopes[..],
        [
            PolicyScope::System,
            PolicyScope::Entity(_),
            PolicyScope::Capability(_)
        ]
    ));
}

#[test]
fn constraints_are_facts_of_their_columns() {
    let system = system(
        "entity A {
  owns: [n: uint, m: int, s: string, k: string]
  constraints: [n in 1..9 and m > 0, s.length in 2..5, k in [\"x\", \"y\"], n <= 7, s.unique]
}",
    );
    let facts = |name: &str| system.entities[0].column(name).unwrap().facts.clone();
    assert_eq!((facts("n").minimum, facts("n").maximum), (Some(1.0), Some(7.0)));
    assert_eq!(facts("m").minimum, Some(1.0));
    assert_eq!(
        (facts("s").minimum_length, facts("s").maximum_length),
        (Some(2), Some(5))
    );
    assert_eq!(facts("k").choices, ["x", "y"]);
    assert_eq!(system.entities[0].uniques, ["s"]);
    assert_eq!(system.entities[0].checks.len(), 5);
}

#[test]
fn what_follows_from_a_sensitive_field_is_sensitive() {
    let system = system(
        "entity E { owns: [name: string, pin: string @sensitive, n: uint]
         derived hint: pin + \"!\" derived again: size + 1 derived size: pin.length derived known: pin == name
         derived shown: name + \"!\" }",
    );
    let hidden = |name: &str| system.entities[0].column(name).unwrap().sensitive;
    for name in ["hint", "again", "size", "known"] {
        assert!(hidden(name), "{name}");
    }
    assert!(!hidden("shown"));
}

#[test]
fn a_sensitive_field_is_compared_and_not_copied() {
    let problems = |clauses: &str| {
        let text = format!(
            "system S {{
             entity E {{ owns: [name: string, pin: string @sensitive, old: string @sensitive, ok: bool, meta: json]
               derived hint: pin + \"!\" relation others: has_many Other }}
             entity Other {{ owns: [text: string] relation e: belongs_to E }}
             event Told {{ payload: {{ what: string }} }} event Named {{ payload: {{ pin: string }} }}
             extension_point hash(text: string) {{ returns: string }}
             capability c(e: E, other: Other, word: string) {{ {clauses} }} }}"
        );
        let analysis = check("t.bone", &text, Level::Lenient);
        let codes: Vec<&str> = analysis
            .diagnostics
            .iter()
            .map(|found| found.code.as_str())
            .collect();
        codes.join(" ")
    };
    for clauses in [
        "effects: [e.name = e.pin]",
        "effects: [e.name = \"a\" + e.pin]",
        "effects: [e.name = e.hint]",
        "effects: [e.meta.pin = e.pin]",
        "effects: [other.text = other.e.pin]",
        "effects: [e.name = e.ok ? e.pin : word]",
        "effects: [text = e.pin, e_id = e]",
        "emits: Told(e.pin)",
        "emits: Named",
    ] {
        assert_eq!(problems(clauses), "B0409", "{clauses}");
    }
    for clauses in [
        "requires: [e.pin == word] effects: [e.old = e.pin]",
        "effects: [e.ok = e.pin == word]",
        "effects: [e.name = e.pin == word ? \"yes\" : \"no\"]",
        "effects: [e.name = hash(e.pin)]",
        "emits: Told(e.name)",
    ] {
        assert_eq!(problems(clauses), "", "{clauses}");
    }
}

#[test]
fn a_state_that_a_call_gives_is_checked_when_it_is_set_and_begins_no_row() {
    let problems = |clauses: &str| {
        let text = format!(
            "system S {{
             entity Order {{ owns: [total: uint, meta: json] states: open -> paid }}
             capability c(order: Order, to: string, maybe: optional<string>, n: uint) {{ effects: [{clauses}] }} }}"
        );
        let analysis = check("t.bone", &text, Level::Strict);
        let told = analysis.diagnostics.iter().map(|found| found.message.clone());
        told.collect::<Vec<_>>().join("; ")
    };
    assert_eq!(problems("order.state = to"), "");
    assert_eq!(problems("order.state = maybe"), "");
    assert_eq!(problems("order.state = order.meta.next"), "");
    assert_eq!(problems("total = n, state = \"paid\""), "");
    assert_eq!(
        problems("total = n, state = to"),
        "the state that a row begins in must be written out"
    );
    assert_eq!(problems("order.state = n"), "a state is text, and this is `uint`");
}

#[test]
fn names_that_only_capitals_tell_apart_are_one_in_files_and_routes() {
    let codes = |declarations: &str| {
        let text = format!("system S {{ entity User {{ owns: [n: uint] auth: jwt }} {declarations} }}");
        let analysis = check("t.bone", &text, Level::Strict);
        let found = analysis.diagnostics.iter().map(|found| found.code.to_string());
        found.collect::<Vec<_>>().join(" ")
    };
    let capability = |name: &str| format!("capability {name}(user: User) {{ effects: [user.n += 1] }}");
    assert_eq!(
        codes(&format!("{} {}", capability("a_b"), capability("aB"))),
        "B0201"
    );
    assert_eq!(codes(&format!("{} {}", capability("a_b"), capability("a_c"))), "");
    assert_eq!(
        codes("entity UserB { owns: [n: uint] } entity User_B { owns: [n: uint] }"),
        "B0201"
    );
}

#[test]
fn a_new_row_of_somebody_says_of_whom_also_where_much_is_let_pass() {
    let text = "system S { entity User { owns: [n: uint] auth: jwt } entity Shop { owns: [n: uint] }
        entity Diary { owns: [text: string] relation user: belongs_to User relation shop: belongs_to Shop }
        capability write(user: User, text: string) { requires: [caller == user] effects: [text = text] } }";
    let analysis = check("t.bone", text, Level::Lenient);
    let told: Vec<(bool, &str)> = analysis
        .diagnostics
        .iter()
        .map(|found| (found.is_error(), found.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                false,
                "the new `Diary` has no `shop_id`: the relation is optional"
            ),
            (true, "the new `Diary` has no `user_id`"),
        ]
    );
}

#[test]
fn two_systems_of_a_file_have_names_of_their_own() {
    let codes = |text: &str| {
        let analysis = check("t.bone", text, Level::Strict);
        let found = analysis.diagnostics.iter().map(|found| found.code.to_string());
        found.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(codes("system A { } system B { }"), "");
    assert_eq!(codes("system A { } system A { }"), "B0201");
}
