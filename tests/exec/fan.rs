//! `foreach` and `matrix`.

use serde_json::json;

use crate::support::Sandbox;

#[test]
fn foreach_goes_over_an_earlier_output() {
    let sandbox = Sandbox::with(
        "tasks:\n  list: { run: 'printf \"a\\nb c\\n\"', parse: lines }\n  each: { needs: list, foreach: '{{ tasks.list.output }}', run: 'echo {{ index }}:{{ item }}' }\noutputs: { all: '{{ tasks.each.output }}' }\n",
    );
    assert_eq!(
        sandbox.exec(&[]).exits(0).json(),
        json!({ "all": ["0:a", "1:b c"] })
    );
}

#[test]
fn an_if_is_asked_of_each_node() {
    let sandbox = Sandbox::with(
        "tasks:\n  each: { foreach: [1, 2, 3, 4], if: item > 1 and index < 3, run: 'echo {{ item }}; exit {{ 1 if item == 3 else 0 }}', on_failure: { continue: true } }\n  after: { needs: each, run: 'echo {{ tasks.each.nodes|map(attribute=\"status\")|join(\",\") }}' }\noutputs: { each: \"{{ tasks.each.output|default([]) }}\", after: \"{{ tasks.after.output|default('') }}\" }\n",
    );
    assert_eq!(
        sandbox.exec(&[]).exits(0).json(),
        json!({ "each": [null, "2", null, null], "after": "skipped,success,failure,skipped" })
    );
}

#[test]
fn an_empty_list_is_success() {
    let sandbox = Sandbox::with(
        "tasks:\n  list: { run: 'true', parse: lines }\n  each: { needs: list, foreach: tasks.list.output, run: 'false' }\n  after: { needs: each, run: touch after }\noutputs: { all: '{{ tasks.each.output }}', n: '{{ tasks.each.nodes|length }}' }\n",
    );
    assert_eq!(sandbox.exec(&[]).exits(0).json(), json!({ "all": [], "n": 0 }));
    assert!(sandbox.has("after"));
}

#[test]
fn more_items_than_the_bound_are_refused() {
    let sandbox = Sandbox::with(
        "tasks:\n  list: { run: seq 3, parse: lines }\n  each: { needs: list, foreach: tasks.list.output, max_items: 2, run: touch ran }\n",
    );
    sandbox
        .exec(&[])
        .exits(1)
        .says("there are 3 items and `max_items` is 2");
    assert!(!sandbox.has("ran"));
    Sandbox::with("tasks:\n  each: { foreach: [1, 2, 3], max_items: 2, run: 'true' }\n")
        .exec(&[])
        .exits(2);
    Sandbox::with(
        "tasks:\n  text: { run: echo x }\n  each: { needs: text, foreach: tasks.text.output|trim, run: 'true' }\n",
    )
    .exec(&[])
    .exits(1)
    .says("wants a list");
}

#[test]
fn a_matrix_is_the_one_that_github_documents() {
    // docs.github.com, "Expanding or adding matrix configurations".
    let sandbox = Sandbox::with(
        "tasks:\n  m:\n    matrix:\n      fruit: [apple, pear]\n      animal: [cat, dog]\n      include:\n        - { color: green }\n        - { color: pink, animal: cat }\n        - { fruit: apple, shape: circle }\n        - { fruit: banana }\n        - { fruit: banana, animal: cat }\n    run: 'echo {{ matrix|tojson }}'\n    parse: json\noutputs: { all: '{{ tasks.m.output }}' }\n",
    );
    assert_eq!(
        sandbox.exec(&[]).exits(0).json()["all"],
        json!([
            { "fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle" },
            { "fruit": "apple", "animal": "dog", "color": "green", "shape": "circle" },
            { "fruit": "pear", "animal": "cat", "color": "pink" },
            { "fruit": "pear", "animal": "dog", "color": "green" },
            { "fruit": "banana" },
            { "fruit": "banana", "animal": "cat" },
        ])
    );
}

#[test]
fn a_matrix_leaves_out_what_is_excluded() {
    let sandbox = Sandbox::with(
        "tasks:\n  m: { matrix: { os: [linux, mac], v: [1, 2, 3], exclude: [{ os: mac, v: 1 }, { v: 2 }] }, run: 'echo {{ matrix.os }}{{ matrix.v }}' }\noutputs: { all: '{{ tasks.m.output }}' }\n",
    );
    assert_eq!(
        sandbox.exec(&[]).exits(0).json()["all"],
        json!(["linux1", "linux3", "mac3"])
    );
}

#[test]
fn no_more_nodes_run_at_once_than_allowed() {
    // A folder can be made once: whoever finds it made is not alone.
    let sandbox = Sandbox::with(
        "tasks:\n  each: { foreach: [1, 2, 3, 4, 5, 6], max_parallel: 1, run: 'mkdir lock; sleep 0.02; rmdir lock' }\n",
    );
    sandbox.exec(&["-j", "6"]).exits(0);
    // And they do run at once where they may: each waits for the other.
    let sandbox = Sandbox::with(
        "tasks:\n  each: { foreach: [1, 2], timeout: 10s, run: 'touch {{ item }}; until test -e 1 && test -e 2; do sleep 0.01; done' }\n",
    );
    sandbox.exec(&["-j", "2"]).exits(0);
}

#[test]
fn fail_fast_stops_the_others() {
    let sandbox = Sandbox::with(
        "tasks:\n  each: { foreach: [1, 2, 3], fail_fast: true, max_parallel: 1, run: 'touch ran{{ item }}; exit {{ 1 if item == 2 else 0 }}' }\n  after: { needs: each, if: failure(), run: \"echo {{ tasks.each.nodes|map(attribute='status')|join(',') }}\" }\noutputs: {}\n",
    );
    sandbox.exec(&[]).exits(1);
    assert!(sandbox.has("ran1") && sandbox.has("ran2") && !sandbox.has("ran3"));
    assert_eq!(sandbox.ended("each[2]"), "cancelled");
}
