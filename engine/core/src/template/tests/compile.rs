//! What a template says of itself when it is compiled, and what it is refused for.

use super::*;

fn references(source: &str) -> Vec<(String, bool)> {
    let template = Template::compile(source, Mode::Text).unwrap_or_else(|error| panic!("{source}: {error}"));
    let shown = |reference: &Reference| (reference.path.join("."), reference.guarded);
    template.references().iter().map(shown).collect()
}

#[test]
fn references_are_paths_with_places() {
    for (source, expected) in [
        (
            "{{ tasks.build.output.dir }}",
            vec![("tasks.build.output.dir", false)],
        ),
        (
            "{{ tasks['build'][\"output\"].dir }}",
            vec![("tasks.build.output.dir", false)],
        ),
        ("{{ tasks.x.nodes[0].output }}", vec![("tasks.x.nodes", false)]),
        (
            "{{ tasks[inputs.n].output }}",
            vec![("tasks", false), ("inputs.n", false)],
        ),
        (
            "{{ tasks.x.output|default(inputs.y) }}",
            vec![("tasks.x.output", true), ("inputs.y", false)],
        ),
        (
            "{{ tasks.x.output|d(1) }}{{ a is defined }}{{ b is not undefined }}",
            vec![("tasks.x.output", true), ("a", true), ("b", true)],
        ),
        (
            "{{ a|upper|default(1) }}{{ -b|default(1) }}",
            vec![("a", false), ("b", false)],
        ),
        (
            "{% for x in xs if x.ok %}{{ x }}{{ loop.index }}{{ y }}{% else %}{{ x }}{% endfor %}{{ x }}",
            vec![("xs", false), ("y", false), ("x", false), ("x", false)],
        ),
        (
            "{% for k, v in m|items %}{{ k }}{{ v }}{% endfor %}",
            vec![("m", false)],
        ),
        ("{% set a = a %}{{ a }}", vec![("a", false)]),
        ("{% set a %}{{ a }}{% endset %}{{ a }}", vec![("a", false)]),
        (
            "{% with a = 1, b = a %}{{ b }}{% endwith %}{{ b }}",
            vec![("b", false)],
        ),
        ("{% if c %}{% set a = 1 %}{% endif %}{{ a }}", vec![("c", false)]),
        (
            "{{ budget(1, shrink=how) }}{{ {'k': v} }}{{ true and none is none }}",
            vec![("how", false), ("v", false)],
        ),
        ("{% raw %}{{ a }}{% endraw %}{# {{ b }} #}{{ '{{ c }}' }}", vec![]),
        (
            "{{ a is divisibleby b }}{{ c ~ d }}",
            vec![("a", false), ("b", false), ("c", false), ("d", false)],
        ),
        ("{{ [].x }}{{ (a).b }}", vec![("a", false)]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(path, guarded)| (path.to_owned(), guarded))
            .collect();
        assert_eq!(references(source), expected, "{source}");
    }
    let source = "größe {{ inputs.größe if false else tasks['a'].b }}";
    assert!(Template::compile(source, Mode::Text).is_err());
    let source = "größe {{ '→' ~ tasks['a'] . b }}";
    let template = Template::compile(source, Mode::Text).unwrap();
    assert_eq!(&source[template.references()[0].span.clone()], "tasks['a'] . b");
    let template = Template::compile(" {{ a.b }}", Mode::Expression).unwrap();
    assert_eq!(template.references()[0].span, 4..7);
}

#[test]
fn calls_and_filters_are_listed() {
    let source = "{{ success() and read('a')|lines|first|upper }}{{ glob('x')|map('basename')|join }}";
    let template = Template::compile(source, Mode::Text).unwrap();
    let names = |calls: &[Call]| {
        calls
            .iter()
            .map(|call| source[call.span.clone()].to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(template.calls()), ["success", "read", "glob"]);
    assert_eq!(names(template.filters()), ["lines", "basename"]);
    let names: Vec<_> = template.calls().iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["success", "read", "glob"]);
}

/// Checks the message and the place of each error.
#[test]
fn mistakes_are_found_when_compiling() {
    for (source, message, place) in [
        ("{{ a|uper }}", "there is no filter `uper`", "uper"),
        ("{{ sucess() }}", "there is no function `sucess`", "sucess"),
        ("{{ a is defind }}", "there is no test `defind`", "defind"),
        ("{{ success }}", "`success` is a function", "success"),
        ("{{ upper(a) }}", "there is no function `upper`", "upper"),
        (
            "{{ namespace() }}",
            "there is no function `namespace`",
            "namespace",
        ),
        (
            "{% include 'x' %}",
            "`include` is not available in templates",
            "include",
        ),
        (
            "{% macro x() %}{% endmacro %}",
            "`macro` is not available in templates",
            "macro",
        ),
        (
            "{% autoescape true %}",
            "`autoescape` is not available in templates",
            "autoescape",
        ),
        ("{% fro x in y %}", "`fro` is not a statement", "fro"),
        ("{% set a.b = 1 %}", "only a name can be given a value", "."),
        ("{% set loop = 1 %}", "`loop` cannot be given a value", "loop"),
        (
            "{% for x in y recursive %}{% endfor %}",
            "`recursive` is not available in templates",
            "recursive",
        ),
        ("{% if a %}x", "this `if` is never closed", "{% if a %}"),
        ("x{% endif %}", "this `endif` closes nothing", "{% endif %}"),
        (
            "{% if a %}{% endfor %}",
            "this `endfor` closes nothing",
            "{% endfor %}",
        ),
        (
            "{% else %}",
            "this `else` belongs to no `if` or `for`",
            "{% else %}",
        ),
        ("{{ a", "this tag has no `}}`", "{{"),
        ("{{ }}", "an expression is missing", "{{ }}"),
        ("{{ 'a }}", "this text has no closing quote", "'"),
        ("{# a", "this comment is never closed", "{#"),
        (
            "echo ${#NAME}",
            "`{#` begins a comment of the template here, which is never closed",
            "{#",
        ),
        ("{% raw %}", "this `raw` block is never closed", "{% raw %}"),
        ("{{ a + }}", "a value is missing at the end", ""),
        ("{{ a and or b }}", "a value is missing before `or`", "or"),
        ("{{ a b }}", "`b` was not expected here", "b"),
        ("{{ a = b }}", "`=` was not expected here", "="),
        ("{{ (a] }}", "`]` does not fit the bracket that is open", "]"),
        ("{{ a) }}", "`)` closes nothing", ")"),
        ("{{ a && b }}", "`&` has no meaning in an expression", "&"),
        ("{{ 'x' if a }}", "this `if` has no `else`", "if"),
        ("{{ 3a }}", "a name cannot begin with a digit", "3a"),
        ("{{ {{ a }} }}", "there is already a tag here", "{{"),
        ("{{ a.b() }}", "this is not a function", "("),
        ("{{ null }}", "`null` is not defined", "null"),
        ("{{ a|map(x) }}", "`map` needs the name of a filter", "map"),
        ("{{ a|map('nope') }}", "there is no filter `nope`", "nope"),
        ("{{ f(*a) if f else read(*a) }}", "there is no function `f`", "f"),
        ("{{ read(*a) }}", "arguments cannot be spread", "*"),
        ("{{ a|upper.x }}", "a `.` cannot follow here", "."),
        ("{{ größe }}", "`ö` has no meaning in an expression", "ö"),
    ] {
        let source = format!("ü {source}");
        let error = Template::compile(&source, Mode::Text).expect_err(&source);
        assert_eq!(error.message, message, "{source}");
        assert_eq!(&source[error.range], place, "{source}");
    }
    let help = |source: &str| error(source).help.unwrap();
    assert_eq!(help("{{ a|uper }}"), "did you mean `upper`?");
    assert_eq!(help("{{ sucess() }}"), "did you mean `success`?");
    assert_eq!(help("{{ a is defind }}"), "did you mean `defined`?");
    assert_eq!(help("{{ upper(a) }}"), "it is a filter: `value|upper`");
}

#[test]
fn every_known_name_exists() {
    for filter in names::OWN_FILTERS.into_iter().chain(names::BUILTIN_FILTERS) {
        let call = if filter == "map" { "map('upper')" } else { filter };
        if let Err(error) = text(&format!("{{{{ inputs.name|{call} }}}}")) {
            assert!(!error.message.contains("unknown"), "{filter}: {error}");
        }
    }
    for test in names::TESTS {
        if let Err(error) = text(&format!("{{{{ inputs.name is {test} }}}}")) {
            assert!(!error.message.contains("unknown"), "{test}: {error}");
        }
    }
}

#[test]
fn what_is_said_whatever_the_values_are_is_what_stands_outside_of_tags() {
    for (source, fixed) in [
        ("plain", "plain"),
        ("a {{ inputs.name }} b{# aside #} c", "a  b c"),
        ("{{ inputs.name }}", ""),
        ("a {% if inputs.name %}b{% else %}c{% endif %} d", "a  d"),
        (
            "{% for x in inputs.names %}{% if x %}b{% endif %}c{% endfor %}d",
            "d",
        ),
        ("{% set x = 1 %}a{% raw %}{% if %}{% endraw %}b", "ab"),
        ("a   {{- inputs.name -}}   b", "ab"),
    ] {
        let template = Template::compile(source, Mode::Text).unwrap();
        assert_eq!(template.fixed(), fixed, "{source}");
    }
}
