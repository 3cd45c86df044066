//! Expressions as they come out, and what Node makes of them.

mod evaluation;
mod node;

use super::*;
use crate::{Level as CheckLevel, check};

/// A system around conditions, whose only capability requires them.
fn system(conditions: &[&str]) -> ir::System {
    let text = format!(
        "system Small {{
           entity User {{ owns: [name: string, role: string = \"none\"] auth: jwt relation tasks: has_many Task relation friends: many_to_many User }}
           entity Task {{
             owns: [title: string, points: uint, share: float, due: optional<timestamp>, done: bool, tags: set<string>, meta: json,
                    limits: map<string, uint>, note: optional<string>, rank: optional<int>, watchers: set<User>]
             states: open -> closed
             relation user: belongs_to User
             relation parent: belongs_to Task [0..1]
           }}
           extension_point score(text: string, user: User) {{ returns: float }}
           capability test(user: User, task: Task, tasks: list<Task>, count: uint, delta: int, ratio: float, name: string, maybe: optional<int>, data: json) {{
             requires: [{}]
             effects: [task.done = true]
           }}
         }}",
        conditions.join(",\n")
    );
    let analysis = check("t.bone", &text, CheckLevel::Strict);
    assert!(analysis.program.is_some(), "{:#?}", analysis.diagnostics);
    analysis.program.unwrap().systems.remove(0)
}

/// Each condition beside what becomes of it.
fn compiled(conditions: &[&str]) -> String {
    let system = system(conditions);
    let capability = &system.capabilities[0];
    let mut lines = Vec::new();
    for check in &capability.requires {
        let mut compiler = Compiler::new(&system, Scope::Capability(&capability.parameters));
        let code = compiler.condition(&check.condition).unwrap();
        lines.push(format!("{}\n  {}", check.text, code.text));
        for need in &compiler.needs.rows {
            lines.push(format!(
                "  needs {} ({})",
                need.name,
                compiler.needs.strength(&need.name).as_str()
            ));
        }
    }
    lines.join("\n")
}

#[test]
fn numbers() {
    insta::assert_snapshot!(compiled(&[
        "count + delta * 2 > 3",
        "(count + delta) * 2 > 3",
        "count - (delta - 1) == -5",
        "count / 2 == 1",
        "count % delta == 0",
        "count + ratio > 1.5",
        "count == ratio",
        "ratio * 2 < 1000000000000000000000.0",
        "-delta < 0",
        "count in 1..10",
        "ratio in 0.5..1.5",
        "count in [1, 2, 3]",
        "maybe > 3",
        "maybe + 1 == 4",
        "maybe == none",
        "maybe != none and maybe > 1",
        "9223372036854775807 > count",
        "1 == 2",
    ]));
}

#[test]
fn texts() {
    insta::assert_snapshot!(compiled(&[
        r#"name == "a\"b\\c\n${x}`""#,
        "name.length in 1..10",
        r#"name contains "@""#,
        r#"name in ["a", "b"]"#,
        r#"name + " " + count == "x 1""#,
        r#"task.note + "!" == "x!""#,
        "task.note == none",
        "task.note.length > 3",
        r#"name > "a""#,
    ]));
}

#[test]
fn logic() {
    insta::assert_snapshot!(compiled(&[
        "count > 1 and delta > 1 or task.done",
        "count > 1 and (delta > 1 or task.done)",
        "not (count > 1 and task.done)",
        "(count > 1 ? name : task.title) == name",
        "task.state == open or task.state == closed",
        "task.state in [open, closed]",
        "task.done == true and task.done == false",
    ]));
}

#[test]
fn time() {
    insta::assert_snapshot!(compiled(&[
        "task.due < now() + 5m",
        "now() - task.created_at < 7d",
        "task.created_at <= now()",
        "now() - 1d > task.updated_at",
    ]));
}

#[test]
fn rows() {
    insta::assert_snapshot!(compiled(&[
        "caller == user",
        "caller.id == task.user.id",
        "caller == task.parent.user",
        r#"caller.role == "admin" or caller.role != "guest""#,
        r#"caller.role in ["a", "b"]"#,
        "task.user == user",
        "task.user.name == name",
        "task.parent == none",
        "task.parent.points > 3",
        "task.parent.parent.title == name",
        "task.watchers contains user",
        "user in task.watchers",
        "count(user.tasks) > 3",
        "sum(user.tasks.points) < 100",
        "sum(user.tasks.share) < 100.0",
        "count(user.friends) == 0",
        "tasks.size > 0",
        "sum(tasks.points) > 3",
        "score(name, user) > 0.5",
    ]));
}

#[test]
fn collections() {
    insta::assert_snapshot!(compiled(&[
        r#"task.tags contains "a""#,
        "task.tags.size == 0",
        r#"task.meta.theme == "dark""#,
        "task.meta.size > 3",
        "task.meta.constructor == none",
        "task.limits.day > 3",
        "data.x + 1 > 2",
        r#"task.tags == ["a", "b"]"#,
    ]));
}
