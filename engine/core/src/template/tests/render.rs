//! What a template renders to.

use super::*;

#[test]
fn text_without_tags_is_itself() {
    let template = Template::compile("a { b } % c\n", Mode::Text).unwrap();
    assert!(template.is_literal());
    assert_eq!(template.text(&world()).unwrap(), "a { b } % c\n");
    assert!(
        !Template::compile("{# hidden #}", Mode::Text)
            .unwrap()
            .is_literal()
    );
}

#[test]
fn values_become_text_by_one_set_of_rules() {
    for (source, expected) in [
        ("{{ inputs.name }}!", "rest!"),
        ("{{ inputs.n }}", "7"),
        ("{{ inputs.f }} {{ 2.0 }}", "1.5 2.0"),
        ("{{ inputs.yes }} {{ not inputs.yes }}", "true false"),
        ("{{ inputs.list }}", "[1,\"b\",true]"),
        ("x{{ inputs.object }}", "x{\"a\":{\"b\":\"c\"}}"),
        (
            "x{{ tasks.build }}",
            "x{\"output\":{\"dir\":\"out\",\"files\":[\"x\",\"y\"]},\"status\":\"success\"}",
        ),
        ("{{ 'is ' ~ inputs.yes ~ inputs.list }}", "is true[1,\"b\",true]"),
        ("{{ 2 ~ 3 * 4 ~ -1 }}", "212-1"),
        ("{{ 'a' ~ 1 == 'a1' and 'b' ~ 2 != 'b' }}", "true"),
        (
            "{{ [1] + inputs.list + range(2) }} {{ 1 + 2 - 3 + 4 * 5 }}",
            "[1,1,\"b\",true,0,1] 20",
        ),
        (
            "{{ 1 + (2 ~ 3)|int }} {{ 'a' + 'b' ~ 'c' }} {{ [1, 2.5]|sum }} {{ [1, 2]|sum }}",
            "24 abc 3.5 3",
        ),
        ("{{ inputs.list|join(', ') }}", "1, b, true"),
        ("{{ inputs.yes|string }}", "true"),
        (
            "{{ inputs.list|tojson }}{{ [1]|tojson(indent=2) }}",
            "[1,\"b\",true][\n  1\n]",
        ),
        ("{{ '<&>' }}{{ '<'|tojson }}", "<&>\"<\""),
        (
            "{{ inputs['tag-name'] }}{{ inputs.list[1] }}{{ inputs.list.0 }}",
            "dashb1",
        ),
    ] {
        assert_eq!(text(source).unwrap(), expected, "{source}");
    }
}

#[test]
fn blocks_leave_no_blank_lines() {
    let source = "Files:\n{% for file in tasks.build.output.files %}\n- {{ file }}\n{% endfor %}\nend\n";
    assert_eq!(text(source).unwrap(), "Files:\n- x\n- y\nend\n");
    assert_eq!(text("  {% if true %}\nx\n  {% endif %}\n").unwrap(), "x\n");
    assert_eq!(text("{% raw %}{{ x }}{% endraw %}").unwrap(), "{{ x }}");
}

#[test]
fn exactly_one_tag_keeps_its_type() {
    let typed = |source: &str| {
        let template = Template::compile(source, Mode::Text).unwrap();
        (
            template.is_single(),
            template.value(&world()).unwrap().to_json().unwrap(),
        )
    };
    assert_eq!(typed("{{ inputs.n }}"), (true, json!(7)));
    assert_eq!(typed("{{- inputs.n -}}"), (true, json!(7)));
    assert_eq!(typed("{{ inputs.nothing }}"), (true, json!(null)));
    assert_eq!(typed("{{ inputs.object }}"), (true, json!({"a": {"b": "c"}})));
    assert_eq!(typed(" {{ inputs.n }}"), (false, json!(" 7")));
    assert_eq!(typed("{{ inputs.n }}{{ inputs.n }}"), (false, json!("77")));
    assert_eq!(typed("plain"), (false, json!("plain")));
}

#[test]
fn an_expression_needs_no_braces() {
    assert_eq!(value("inputs.n * 2").unwrap(), json!(14));
    assert_eq!(value(" {{ inputs.n * 2 }}\n").unwrap(), json!(14));
    assert_eq!(value("{'a': {'b': inputs.n}}").unwrap(), json!({"a": {"b": 7}}));
    assert_eq!(value("range(3)").unwrap(), json!([0, 1, 2]));
    assert_eq!(
        value("glob('*.rs')|map('basename')|list").unwrap(),
        json!(["a.rs", "b.rs"])
    );
    assert!(
        value("{{ inputs.n }} == {{ 7 }}")
            .unwrap_err()
            .message
            .contains("more than one")
    );
    assert!(value("").is_err());
    let truth = |source| {
        Template::compile(source, Mode::Expression)
            .unwrap()
            .truth(&world())
    };
    assert!(truth("success() and inputs.n in [7]").unwrap());
    assert!(!truth("failure() or inputs.nothing").unwrap());
    assert!(truth("inputs.missing").is_err());
}

#[test]
fn a_default_holds_for_the_whole_chain() {
    for (source, expected) in [
        ("{{ tasks.none.output.y.z|default('z') }}", "z"),
        ("{{ nobody.at.all|default('z') }}", "z"),
        ("{{ tasks.build.output.dir|default('z') }}", "out"),
        ("{{ tasks['none']['output'].y|d('z') }}", "z"),
        ("{{ tasks.none.output[inputs.n].y|d('z') }}", "z"),
        ("{{ inputs.list[5].name|default('none such') }}", "none such"),
        ("{{ inputs.list[1:][9].x|default('q') }}", "q"),
        ("{{ item.deep.er|default('q') }}", "q"),
        ("{{ 'yes' if tasks.none.output.y is defined else 'no' }}", "no"),
        (
            "{{ 'yes' if tasks.none.output.y is not defined else 'no' }}",
            "yes",
        ),
        (
            "{{ (tasks.none.output.a|default(tasks.none.output.b|default('in'))).x|default('out') }}",
            "out",
        ),
        (
            "{% for t in [tasks.none] %}{{ t.output.y|default('z') }}{% endfor %}",
            "z",
        ),
        (
            "{{ inputs.name ~ tasks.none.output.y|default('z') ~ 'é' }}",
            "restzé",
        ),
        ("{{ inputs.list[tasks.none.output.i|default(1)] }}", "b"),
    ] {
        assert_eq!(text(source).unwrap(), expected, "{source}");
    }
    for source in [
        "{{ tasks.none.output.y }}",
        "{{ tasks.none.output|upper }}",
        "{{ tasks.none.output.y|upper|default('z') }}",
        "{% if tasks.none.output %}{% endif %}",
        "{% for x in tasks.none.output %}{% endfor %}",
        "{{ 'a' ~ tasks.none.output }}",
        "{{ tasks.none.output == 'a' }}",
        "{{ read(tasks.none.output) }}",
        "{{ inputs.list|join(tasks.none.output) }}",
        "{{ [tasks.none.output] }}",
    ] {
        assert!(
            error(source).message.contains("defined"),
            "{source}: {}",
            error(source)
        );
    }
}

#[test]
fn an_undefined_name_is_named_where_it_stands() {
    let source = "Grüße {{ tasks.build.outptu }}";
    let error = error(source);
    assert_eq!(error.message, "`tasks.build.outptu` is not defined");
    assert_eq!(&source[error.range], "tasks.build.outptu");
    let source = "é {{ 'ü' ~ inputs.a|default('ä') ~ inputs.b }} x";
    let error = super::error(source);
    assert_eq!(
        (error.message.as_str(), &source[error.range]),
        ("`inputs.b` is not defined", "inputs.b")
    );
    let source = "{{ inputs.wrong }}";
    let error = super::error(source);
    assert_eq!(
        (error.message.as_str(), &source[error.range]),
        ("`inputs.wrong` is not defined", "inputs.wrong")
    );
}

#[test]
fn null_is_no_text() {
    for source in [
        "{{ inputs.nothing }}",
        "x{{ inputs.nothing }}",
        "{{ 'a' ~ inputs.nothing }}",
        "{{ [none]|join }}",
    ] {
        let error = error(source);
        assert_eq!(error.message, "null cannot become text", "{source}");
        assert!(error.help.unwrap().contains("default"));
    }
    assert_eq!(text("x{{ inputs.nothing|default('-', true) }}").unwrap(), "x-");
    assert_eq!(text("x{{ [none] }}").unwrap(), "x[null]");
}

#[test]
fn a_value_is_never_a_template() {
    assert_eq!(text("{{ inputs.hostile }}").unwrap(), "{{ 7*7 }}");
    assert_eq!(
        text("a {{ inputs.hostile ~ '{% raw %}' }}").unwrap(),
        "a {{ 7*7 }}{% raw %}"
    );
}

#[test]
fn filters_of_our_own() {
    for (source, expected) in [
        ("{{ inputs.json|json }}", json!({"k": [1, 2]})),
        ("{{ (inputs.json|json).k[1] }}", json!(2)),
        ("{{ inputs.text|lines }}", json!(["one", "two"])),
        ("{{ inputs.path|basename }}", json!("a.rs")),
        ("{{ 'a/b/'|basename }}", json!("b")),
        (
            "{{ 'a\nb\n'|diff('a\nc\n') }}",
            json!("--- old\n+++ new\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
        ),
        ("{{ diff('a', 'a') }}", json!("")),
        ("{{ inputs.path|read }}", json!("read[\"src/lib/a.rs\"]{}")),
        (
            "{{ 'x'|budget(100, shrink='outline') }}",
            json!("budget[\"x\",100]{\"shrink\":\"outline\"}"),
        ),
        (
            "{{ outline('a', depth=[1]) }}",
            json!("outline[\"a\"]{\"depth\":[1]}"),
        ),
        ("{{ glob('*')|length }}", json!(2)),
        ("{{ success() }}", json!(true)),
    ] {
        assert_eq!(value(source).unwrap(), expected, "{source}");
    }
    assert_eq!(error("{{ read('missing') }}").message, "`missing` cannot be read");
    assert!(error("{{ 'x'|json }}").message.starts_with("this is not JSON"));
}

#[test]
fn only_what_is_used_is_looked_up() {
    let world = Arc::new(World {
        variables: json!({"a": 1, "b": 2}),
        asked: Mutex::default(),
    });
    let scope: Arc<dyn Scope> = Arc::clone(&world) as _;
    let template = Template::compile("{{ a if true else b }} {% set c = 1 %}{{ c }}", Mode::Text).unwrap();
    assert_eq!(template.text(&scope).unwrap(), "1 1");
    assert_eq!(*world.asked.lock().unwrap(), ["a"]);
}

#[test]
fn a_deep_value_is_refused_where_it_is_used() {
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let scope = scope(json!({"deep": deep, "fine": 1}));
    let render = |source: &str| Template::compile(source, Mode::Text).unwrap().text(&scope);
    assert_eq!(render("{{ fine }}").unwrap(), "1");
    assert!(render("{{ deep }}").unwrap_err().message.contains("128 deep"));
    assert!(
        render("x{{ deep|tojson }}")
            .unwrap_err()
            .message
            .contains("128 deep")
    );
}

#[test]
fn values_know_their_kind() {
    let value = Value::from_json(json!([1, "a", {"b": null}]));
    assert!(value.is_list() && !value.is_object() && value.is_true());
    assert_eq!(value.items().len(), 3);
    assert_eq!(value.items()[1].as_str(), Some("a"));
    assert_eq!(value.items()[0].as_i64(), Some(1));
    assert!(value.items()[2].is_object());
    assert!(Value::from_json(json!(null)).is_null());
    assert_eq!(value.to_json().unwrap(), json!([1, "a", {"b": null}]));
    for number in [json!(u64::MAX), json!(i64::MIN), json!(0.1)] {
        assert_eq!(Value::from_json(number.clone()).to_json().unwrap(), number);
    }
}

#[test]
fn many_renders_need_no_more_than_their_names() {
    let scope = world();
    let literal = Template::compile("cargo test", Mode::Text).unwrap();
    let single = Template::compile("{{ inputs.n }}", Mode::Text).unwrap();
    for _ in 0..10_000 {
        literal.text(&scope).unwrap();
    }
    for _ in 0..1_000 {
        single.value(&scope).unwrap();
    }
}
