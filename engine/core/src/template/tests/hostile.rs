//! Inputs that try to exhaust the stack, the memory or the time.

use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Runs on the smallest stack that a thread of ours has.
fn on_small_stack(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

fn compile(source: &str) -> Result<Template, TemplateError> {
    Template::compile_file(source)
}

#[test]
fn deep_sources_are_refused_or_fit_the_stack() {
    on_small_stack(|| {
        let many = |unit: &str, count: usize| unit.repeat(count);
        for count in [20, 31, 60, 100, 126, 250, 1_000, 100_000] {
            for source in [
                format!("{{{{ x{} }}}}", many(".a", count)),
                format!("{{{{ x{}|default(1) }}}}", many(".a", count)),
                format!("{{{{ x{} }}}}", many("[0]", count)),
                format!("{{{{ x{} }}}}", many("|upper", count)),
                format!("{{{{ {}x }}}}", many("not ", count)),
                format!("{{{{ {}x }}}}", many("- ", count)),
                format!("{{{{ {}x{} }}}}", many("(", count), many(")", count)),
                format!("{{{{ {}x{} }}}}", many("[", count), many("]", count)),
                format!("{{{{ {}x{} }}}}", many("{1: ", count), many("}", count)),
                format!("{{{{ {}x{} }}}}", many("x[", count), many("]", count)),
                format!("{{{{ {}x{} }}}}", many("(not -", count), many(")", count)),
                format!(
                    "{{{{ {}x{} }}}}",
                    many("[not not not not -", count),
                    many("]", count)
                ),
                format!("{{{{ a{} }}}}", many("**a", count)),
                format!("{{{{ a{} }}}}", many("~a", count)),
                format!("{{{{ a{} }}}}", many(" if a else a", count)),
                format!("{{{{ a{} }}}}", many(" is defined", count)),
                format!("{{{{ a{} }}}}", many("<a", count)),
                format!("{{% if a %}}{}{{% endif %}}", many("{% elif a %}", count)),
                format!("{}{}", many("{% if a %}", count), many("{% endif %}", count)),
                format!(
                    "{}{}",
                    many("{% for a in a %}", count),
                    many("{% endfor %}", count)
                ),
                format!("{}{}", many("{% set a %}", count), many("{% endset %}", count)),
                format!(
                    "{}{}",
                    many(&format!("{{% if a %}}{}", many("{% elif a %}", 60)), count),
                    many("{% endif %}", count)
                ),
                format!(
                    "{{% for {}x{} in y %}}{{% endfor %}}",
                    many("(", count),
                    many(")", count)
                ),
                many("{{a}}", count),
                many("{% set a = [a] %}", count),
                many("{{", count),
                many("{% raw %}", count),
                many("{#", count),
            ] {
                if let Ok(template) = compile(&source) {
                    drop(template.text(&world()));
                }
            }
        }
    });
}

#[test]
fn the_deepest_that_is_allowed_fits_the_stack() {
    on_small_stack(|| {
        let open = "{% if false %}".to_owned()
            + &"{% elif false %}".repeat(63)
            + "{% elif true %}"
            + &"{% if true %}".repeat(15);
        for (before, after) in [
            ("[not not not not not not ", "]"),
            ("(not not not not not not ", ")"),
            ("{1: not not not not ", "}"),
            ("1|default(not not not ", ")"),
            ("1 if 1 else [not not ", "]"),
            ("- - - - inputs.list[not ", "]"),
            ("1 < [not not not not ", "]"),
            ("1 is eq(not not not ", ")"),
            ("read(not not not not ", ")"),
            ("1 ~ 1 ** 1 + [not ", "]"),
        ] {
            let close = "{% endif %}".repeat(16);
            let source = |levels| {
                format!(
                    "{open}{{{{ {}1{} }}}}{close}",
                    before.repeat(levels),
                    after.repeat(levels)
                )
            };
            let deepest = (1..=limits::BRACKETS)
                .rev()
                .find_map(|levels| compile(&source(levels)).ok());
            // Some of these are errors, but none ends the process.
            drop(deepest.unwrap().text(&world()));
        }
        let branches = "{% if false %}".to_owned()
            + &"{% elif false %}".repeat(63)
            + &"{% if true %}".repeat(15)
            + "x"
            + &"{% endif %}".repeat(16);
        compile(&branches).unwrap().text(&world()).unwrap();
        let levels = "{% set a = [[[[a]]]] %}".repeat(63);
        let source =
            format!("{{% set a = 1 %}}{levels}{{{{ a == a }}}}{{{{ a|tojson|length }}}}{{{{ a in [a] }}}}");
        compile(&source).unwrap().text(&world()).unwrap();
    });
}

#[test]
fn runaway_renders_end_in_an_error() {
    on_small_stack(|| {
        let double = "{% set x = x ~ x %}";
        for source in [
            format!("{{% set x = 'aaaaaaaaaa' %}}{}{{{{ x }}}}", double.repeat(60)),
            format!("{{% set x = [1, 2] %}}{}{{{{ x }}}}", "{% set x = x + x %}".repeat(60)),
            format!("{{% set x = [1, 2] %}}{}{{{{ x }}}}", "{% set x = [x, x] %}".repeat(60)),
            format!("{{% set x = [1, 2] %}}{}{{{{ x|tojson }}}}", "{% set x = [x, x] %}".repeat(60)),
            format!("{{% set x = [1, 2] %}}{}{{{{ x == [1] }}}}{{{{ x ~ x }}}}", "{% set x = [x, x] %}".repeat(60)),
            format!("{{% set x = '\"' %}}{}{{{{ x }}}}", "{% set x = x|tojson|tojson|tojson %}".repeat(30)),
            format!("{{% set x = 'aa' %}}{}{{{{ x }}}}", "{% set x = x|replace('a', 'aaaa') %}".repeat(40)),
            format!("{{% set x = 'a' %}}{}{{{{ x }}}}", "{% set x %}{{ x }}{{ x }}{% endset %}".repeat(60)),
            format!("{{% set x = range(9999)|list %}}{{% set y = x{} %}}{{{{ y|length }}}}{{{{ y }}}}", " + x".repeat(120)),
            format!("{{{{ [{}]|sum }}}}", "[1]|list,".repeat(30)),
            format!("{{% set x = [1] %}}{}{{{{ x|length }}}}", "{% set x = x + x + x + x %}".repeat(30)),
            format!(
                "{{% set x = [1] %}}{}{{{{ x }}}}{}",
                "{% for x in [x + x + x + x] %}".repeat(31),
                "{% endfor %}".repeat(31)
            ),
            "{{ 'x\nx\nx\nx\nx\nx\nx\nx'|indent(10000000) }}".to_owned(),
            "{{ 'x\nx\nx\nx\nx\nx\nx\nx\nx'|indent(100000000) }}".to_owned(),
            "{{ range(100000)|join('x' * 100000) }}".to_owned(),
            "{{ 'x' * 1000000000 }}".to_owned(),
            "{{ [1] * 1000000000 }}".to_owned(),
            "{{ range(1000000000) }}".to_owned(),
            "{{ range(99999)|list + range(99999)|list }}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
            "{% for a in range(99999) %}{% for b in range(99999) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}{% endfor %}".to_owned(),
            "{% for a in range(99999) %}{% set x = 'y' * 100000 %}{{ x|length }}{% endfor %}".to_owned(),
            "{% filter replace('a', 'aaaaaaaaaaaaaaaaaaaa') %}{% filter replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaa') %}{% filter replace('a', 'aaaaaaaaaaaaaaaaaaaa') %}{% for a in range(9999) %}a{% endfor %}{% endfilter %}{% endfilter %}{% endfilter %}".to_owned(),
            "{{ 9**9**9**9**9**9 }}{{ 9999999999**9999999999 }}".to_owned(),
            "{{ '%1000000000d'|format(1) }}".to_owned(),
            "{{ range(99999)|map('string')|join|list|map('upper')|join(',') * 100 }}".to_owned(),
            "{{ range(99999)|batch(1, 'x' * 99999)|list }}{{ range(9)|batch(1000000000, 'x')|list }}".to_owned(),
            "{{ range(9)|slice(1000000000, 'x')|list }}".to_owned(),
            format!("{{% set x = range(9999)|list %}}{}{{{{ x }}}}", "{% set x = x|zip(x)|list %}".repeat(40)),
        ] {
            let error = compile(&source).and_then(|template| template.text(&world())).expect_err(&source);
            assert!(!error.message.contains("fuel"), "{error}");
        }
    });
}

#[test]
fn long_sources_are_refused() {
    assert!(Template::compile(&"x".repeat(65 * 1024), Mode::Text).is_err());
    assert!(compile(&"x".repeat(1025 * 1024)).is_err());
    assert!(compile(&"x".repeat(1024 * 1024)).unwrap().is_literal());
    assert!(
        error(&format!("{{{{ '{}' }}}}", "x".repeat(5000)))
            .message
            .contains("4096 bytes")
    );
    assert!(
        compile(&"{{a}}".repeat(20_000))
            .unwrap_err()
            .message
            .contains("16384 tags")
    );
}

#[test]
fn scans_are_linear() {
    let (send, receive) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for unit in [
            "{",
            "{{",
            "{%",
            "{#",
            "{% raw %}",
            "{{ '",
            "{{a}} ",
            "{% endraw %}",
            "\n ",
            "{ ",
        ] {
            drop(compile(&unit.repeat(1024 * 1024 / unit.len())));
        }
        send.send(()).unwrap();
    });
    receive
        .recv_timeout(Duration::from_secs(60))
        .expect("the scan is linear");
}

proptest! {
    #[test]
    fn compiling_never_panics(parts in prop::collection::vec(part(), 0..24)) {
        let source = parts.concat();
        for mode in [Mode::Text, Mode::Expression] {
            match Template::compile(&source, mode) {
                Ok(template) => {
                    for reference in template.references() {
                        prop_assert!(source.get(reference.span.clone()).is_some());
                    }
                    if let Err(error) = template.text(&world()) {
                        prop_assert!(source.get(error.range).is_some());
                    }
                }
                Err(error) => {
                    prop_assert!(source.get(error.range.clone()).is_some());
                    prop_assert!(!error.message.contains("__"), "{}", error);
                }
            }
        }
    }

    #[test]
    fn any_text_is_read(source in any::<String>()) {
        if let Ok(template) = Template::compile(&source, Mode::Text) {
            drop(template.text(&world()));
        }
        drop(Template::compile(&source, Mode::Expression));
    }
}

fn part() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "-}}",
        "{{-",
        "-%}",
        " ",
        "\n",
        "é",
        "{% raw %}",
        "{% endraw %}",
        "{% if a %}",
        "{% endif %}",
        "{% else %}",
        "{% elif b %}",
        "{% for x in inputs.list %}",
        "{% endfor %}",
        "{% set x = 1 %}",
        "{% endset %}",
        "{{ inputs.n }}",
        "{{ inputs.list }}",
        "a",
        ".b",
        "['c']",
        "[1]",
        "[1:]",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "|default(1)",
        "|upper",
        " is defined",
        " is not none",
        " if ",
        " else ",
        "not ",
        "-",
        "~",
        "+",
        "*",
        "**",
        "==",
        "=",
        "'",
        "\"",
        "\\",
        "0",
        "1.5",
        "inputs",
        "tasks",
        ".none.output",
        "success()",
        "read(",
        "'x'",
        " in ",
        " and ",
        "loop",
        ".",
        "|",
        "x",
    ])
}
