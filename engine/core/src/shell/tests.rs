//! Tests of shell lines: what they become, and what a real shell makes of them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn script(line: &str) -> String {
    let (analysed, problems) = analyse(line);
    assert_eq!(problems, [], "{line}");
    analysed.script.replace("SMALLCODE_V", "V")
}

fn problem(line: &str) -> Problem {
    let (_, mut problems) = analyse(line);
    assert_eq!(problems.len(), 1, "{line}: {problems:?}");
    problems.remove(0)
}

#[test]
fn comments_of_the_template_are_taken_out() {
    for (line, expected) in [
        ("echo {# a #}b", "echo b"),
        ("echo a {# {{ x }} ' \" $( #}{{ y }}", "echo a \"${V1}\""),
        ("echo 'a{# ' #}b' {{ x }}", "echo 'ab' \"${V1}\""),
        ("echo {{ '{# #}' }} a", "echo \"${V1}\" a"),
        ("echo a{#- x -#}\n b\nc", "echo ab\nc"),
        ("echo a \n{#- x #} {#- y -#} b", "echo ab"),
        ("echo {#-#}{#+ #}a{##}b", "echoab"),
        ("echo a {# b #}\necho c", "echo a \necho c"),
    ] {
        assert_eq!(script(line), expected, "{line}");
    }
    // Where things stand is told of the line as it was written.
    assert_eq!(problem("a ${#a} ${b#} c").span, 3..13);
    let line = "{# é #}echo {# b #}{{ x }}{##} '{{ y }}' {# #}";
    let (analysed, problems) = analyse(line);
    assert_eq!(&line[analysed.slots[0].span.clone()], "{{ x }}");
    assert_eq!(&line[problems[0].span.clone()], "{{ y }}");
}

#[test]
fn values_are_quoted_for_their_place() {
    for (line, expected) in [
        ("echo", "echo"),
        ("cat {{ x }}", "cat \"${V1}\""),
        ("{{ x }} a", "\"${V1}\" a"),
        ("x={{ a }} y=\"{{ b }}\"", "x=\"${V1}\" y=\"${V2}\""),
        (
            "a --out={{x}}/y{{z}}{{z}}",
            "a --out=\"${V1}\"/y\"${V2}\"\"${V3}\"",
        ),
        ("echo \"it's {{ x }}!\"", "echo \"it's ${V1}!\""),
        ("echo 'a'{{ x }}'b'", "echo 'a'\"${V1}\"'b'"),
        (
            "echo \"$(cat {{ x }} \"{{ y }}\") {{ z }}\"",
            "echo \"$(cat \"${V1}\" \"${V2}\") ${V3}\"",
        ),
        (
            "echo \"${a:-$(echo {{ x }})}\"",
            "echo \"${a:-$(echo \"${V1}\")}\"",
        ),
        ("a\\ b \\\n {{ x }}", "a\\ b \\\n \"${V1}\""),
        (
            "a#b {{ x }} # it's a comment\necho {{ y }}",
            "a#b \"${V1}\" # it's a comment\necho \"${V2}\"",
        ),
        (
            "cat <<E\na \"{{ x }}'\nE\necho {{ y }}",
            "cat <<E\na \"${V1}'\nE\necho \"${V2}\"",
        ),
        (
            "cat <<-E\n\t{{ x }}\n\tE\necho {{ y }}",
            "cat <<-E\n\t${V1}\n\tE\necho \"${V2}\"",
        ),
        (
            "cat <<'E' && echo {{ x }}\nit's $(\nE\necho {{ y }}",
            "cat <<'E' && echo \"${V1}\"\nit's $(\nE\necho \"${V2}\"",
        ),
        (
            "cat <<\\E <<\"F\"\n'\nE\n\"\nF\n{{ x }}",
            "cat <<\\E <<\"F\"\n'\nE\n\"\nF\n\"${V1}\"",
        ),
        ("cat <<E\n E\nEE\n{{ x }}\nE", "cat <<E\n E\nEE\n${V1}\nE"),
        (
            "cat <<E\n$(echo {{ x }}) `date`\nE",
            "cat <<E\n$(echo \"${V1}\") `date`\nE",
        ),
        ("cat <<< {{ x }}", "cat <<< \"${V1}\""),
        (
            "case {{ x }} in a) echo {{ y }};; esac",
            "case \"${V1}\" in a) echo \"${V2}\";; esac",
        ),
        (
            "(cd {{ x }} && ls) > {{ y }} 2>&1",
            "(cd \"${V1}\" && ls) > \"${V2}\" 2>&1",
        ),
        (
            "echo $$ $# $? \"$$\" $(( 1 + (2) )) {{ x }}",
            "echo $$ $# $? \"$$\" $(( 1 + (2) )) \"${V1}\"",
        ),
        (
            "echo ${#a} ${a#'}'} \"${a}\" {{ x }}",
            "echo ${#a} ${a#'}'} \"${a}\" \"${V1}\"",
        ),
        ("echo $'a b' {{ x }}", "echo $'a b' \"${V1}\""),
        (
            "printf %s {{ '}}' }} é{{ \"{{ \" }}",
            "printf %s \"${V1}\" é\"${V2}\"",
        ),
    ] {
        assert_eq!(script(line), expected);
    }
}

#[test]
fn slots_say_where_they_stand() {
    let line = "é {{ a }} \"{{ b.c }}\"";
    let (analysed, _) = analyse(line);
    assert_eq!(analysed.slots.len(), 2);
    assert_eq!(analysed.slots[1].variable, "SMALLCODE_V2");
    assert_eq!(analysed.slots[1].template, "{{ b.c }}");
    assert_eq!(&line[analysed.slots[1].span.clone()], "{{ b.c }}");
}

#[test]
fn a_value_that_cannot_be_quoted_is_refused() {
    for (line, message) in [
        ("echo 'a {{ x }}'", "a value cannot stand inside single quotes"),
        ("echo $'{{ x }}'", "a value cannot stand inside `$'…'`"),
        ("echo # {{ x }}", "a value cannot stand in a comment"),
        (
            "cat <<'E'\n{{ x }}\nE",
            "a value cannot stand in a here-document whose end word is quoted",
        ),
        (
            "cat <<\\E\n{{ x }}\nE",
            "a value cannot stand in a here-document whose end word is quoted",
        ),
        (
            "cat <<{{ x }}\na\n",
            "the end word of a here-document cannot be a value",
        ),
        ("echo $(( {{ x }} + 1 ))", "a value cannot stand in arithmetic"),
        ("(( x = {{ x }} ))", "a value cannot stand in arithmetic"),
        ("echo `cat {{ x }}`", "a value cannot stand between backticks"),
        ("echo \"`cat {{ x }}`\"", "a value cannot stand between backticks"),
        ("echo ${a:-{{ x }}}", "a value cannot stand inside `${…}`"),
        ("echo \"${a:-{{ x }}}\"", "a value cannot stand inside `${…}`"),
        ("echo ${a:-\"{{ x }}\"}", "a value cannot stand inside `${…}`"),
        ("echo \\{{ x }}", "a value cannot follow a backslash"),
        ("echo \"\\{{ x }}\"", "a value cannot follow a backslash"),
        ("cat <<E\n\\{{ x }}\nE", "a value cannot follow a backslash"),
        ("echo ${{ x }}", "a value cannot follow `$`"),
        ("echo \"${{ x }}\"", "a value cannot follow `$`"),
        ("echo {% raw %}", "a shell line takes `{{ … }}` and no `{% … %}`"),
        ("echo {{ x", "this tag has no `}}`"),
        ("echo 'a", "this quote is never closed"),
        ("echo {{ x }} \"a", "this quote is never closed"),
        ("echo $(a {{ x }}", "this `$(` is never closed"),
        ("echo ${a", "this `${` is never closed"),
        ("echo `a", "this backtick is never closed"),
    ] {
        let problem = problem(line);
        assert_eq!(
            (problem.severity, problem.message.as_str()),
            (Severity::Error, message),
            "{line}"
        );
        assert!(problem.help.is_some(), "{line}");
        assert!(line.get(problem.span).is_some(), "{line}");
    }
    assert_eq!(problem("é 'a").span, 3..4);
}

#[test]
fn where_shells_differ_a_value_is_refused() {
    for line in [
        "echo $'a\\'b' {{ x }}",
        "echo \"${a:-'}'}\" {{ x }}",
        "echo $[1] {{ x }}",
        "echo $(case a in a) echo;; esac) {{ x }}",
        "cat <<E\n$(echo\nE\n) {{ x }}",
        "cat <<E\na\\\nE\n{{ x }}\nE",
        "cat <<E \"\n{{ x }}\"\nE",
        "echo $((echo a); echo b) {{ x }}",
        "cat <<$a\n{{ x }}\n",
        "echo \"$\\\n{{ x }}\"",
        "(( a['b'] )); {{ x }}",
    ] {
        assert_eq!(
            problem(line).message,
            "shells differ on how the text before this value is quoted",
            "{line}"
        );
    }
    // Without a value, they are the author's own.
    assert_eq!(analyse("echo $'a\\'b' \"${a:-'}'}\" $[1]").1, []);
}

#[test]
fn a_command_that_parses_again_is_warned_of() {
    for (line, reader) in [
        ("sh -c \"echo {{ x }}\"", "sh"),
        ("bash -ec {{ x }}", "bash"),
        ("\\s\"h\" -c {{ x }}", "sh"),
        ("\"$SHELL\" -c {{ x }}", "SHELL"),
        ("sudo -u me /bin/bash -lc \"a; {{ x }}\"", "bash"),
        ("ssh -v host \"rm {{ x }}\"", "ssh"),
        ("ssh host rm {{ x }}", "ssh"),
        ("a && eval \"$b\" {{ x }}", "eval"),
        ("su -c \"{{ x }}\" me", "su"),
        ("ls | xargs -n 1 sh -c \"{{ x }}\"", "sh"),
        ("find . -exec sh -c \"{{ x }}\" ';'", "sh"),
        ("python3 -c \"print('{{ x }}')\"", "python3"),
        ("node --eval {{ x }}", "node"),
        ("trap \"rm {{ x }}\" EXIT", "trap"),
        ("echo $(eval {{ x }})", "eval"),
        ("A=b if eval {{ x }}; then", "eval"),
    ] {
        let problem = problem(line);
        assert_eq!(problem.severity, Severity::Warning, "{line}");
        assert_eq!(
            problem.message,
            format!("`{reader}` parses this value again, as code"),
            "{line}"
        );
    }
    for line in [
        "sh -c 'echo \"$1\"' sh {{ x }}",
        "ssh {{ host }} uptime",
        "echo eval {{ x }}",
        "sh {{ script }} {{ x }}",
        "eval a; echo {{ x }}",
        "python3 -m pytest {{ x }}",
    ] {
        assert_eq!(analyse(line).1, [], "{line}");
    }
}

#[test]
fn values_of_other_types_are_text_or_refused() {
    assert_eq!(environment_text(&json!("a\n")).unwrap(), "a\n");
    assert_eq!(environment_text(&json!(true)).unwrap(), "true");
    assert_eq!(environment_text(&json!(1.5)).unwrap(), "1.5");
    assert_eq!(
        environment_text(&json!("x".repeat(MAX_VALUE_BYTES)))
            .unwrap()
            .len(),
        MAX_VALUE_BYTES
    );
    for (value, word) in [
        (json!([1]), "argv"),
        (json!({"a": 1}), "tojson"),
        (json!(null), "default"),
        (json!("a\0"), "stdin"),
        (json!("x".repeat(MAX_VALUE_BYTES + 1)), "stdin"),
    ] {
        assert!(environment_text(&value).unwrap_err().contains(word));
    }
}

/// Lines that print a value between angle brackets, whatever its place in them.
const LINES: [&str; 15] = [
    "printf '<%s>' {{ x }}",
    "printf '<%s>' \"{{ x }}\"",
    "printf '<%s>' ''{{ x }}''",
    "printf '<%s>' \"\"\"{{ x }}\"",
    "a={{ x }}; printf '<%s>' \"$a\"",
    "a=\"{{ x }}\"; printf '<%s>' \"$a\"",
    "printf '%s' \"$(printf '<%s>' {{ x }})\"",
    "printf '%s' \"$(printf '<%s>' \"{{ x }}\")\"",
    "printf '%s' \"$(cat <<E\n<{{ x }}>\nE\n)\"",
    "case {{ x }} in {{ x }}) printf '<%s>' {{ x }};; esac",
    "if true; then (printf '<%s>' {{ x }}); fi",
    "for a in {{ x }}; do printf '<%s>' \"$a\"; done",
    "printf '<%s>' \\\n {{ x }} # it's over",
    "show() { printf '<%s>' \"$@\"; }; show {{ x }}",
    "sh -c 'printf \"<%s>\" \"$1\"' sh {{ x }}",
];

#[expect(
    clippy::disallowed_methods,
    reason = "a test of what a real shell does needs a real shell"
)]
fn run(line: &str, value: &str) -> (String, Vec<PathBuf>) {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let (analysed, problems) = analyse(line);
    assert_eq!(problems, [], "{line}");
    let name = format!(
        "smallcode-shell-{}-{}",
        std::process::id(),
        RUNS.fetch_add(1, Ordering::Relaxed)
    );
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).unwrap();
    let mut command = Command::new("/bin/sh");
    command.args(["-e", "-c", &analysed.script]).current_dir(&folder);
    for slot in &analysed.slots {
        command.env(&slot.variable, environment_text(&json!(value)).unwrap());
    }
    let output = command.output().unwrap();
    let left = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        output.status.success(),
        "{line} with {value:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    (String::from_utf8(output.stdout).unwrap(), left)
}

fn check(line: &str, value: &str) {
    let (printed, left) = run(line, value);
    assert_eq!(printed, format!("<{value}>"), "{line}");
    assert!(left.is_empty(), "{line} with {value:?} made {left:?}");
}

#[test]
fn a_command_gets_exactly_the_value() {
    for value in [
        "",
        "plain",
        "$(touch pwned)",
        "`touch pwned`",
        "\"; touch pwned; \"",
        "'; touch pwned; '",
        "'",
        "\"",
        "\\",
        "a\\",
        "\\\\\"",
        "line\nbreak",
        "trailing\n",
        "\n\n",
        "*",
        "/*",
        "-n",
        "--help",
        "-e",
        "a b  c",
        "\t",
        "${HOME}",
        "$HOME",
        "größe 🦀 漢字",
        "~",
        "!!",
        "#",
        "a;touch pwned",
        "a|touch pwned&",
        "> pwned",
        "E",
        "E\n$(touch pwned)\nE",
        "{{ 7*7 }}",
        "%s%n",
        "\u{1}\u{7f}",
        "))",
        "}",
        "[a-z]",
        "a=b",
        "$((1+1))",
    ] {
        for line in LINES {
            check(line, value);
        }
    }
}

#[test]
fn hostile_lines_take_linear_time_and_no_stack() {
    for unit in [
        "(",
        "$(",
        "${",
        "\"$(",
        "\"${a:-",
        "((",
        "$((",
        "`",
        "'",
        "\"",
        "\\",
        "<<E ",
        "<<E\nE\n",
        "<<''\n\n",
        "{{ a }}",
        "{{",
        "{{ '",
        "{% ",
        "#",
        "\n",
        ")",
        "case ",
        "$'\\''",
        "$'",
        "<<'",
        "<<E$(\n",
        "eval ",
        "é",
        "}",
        "<<A <<B\nA\nB\n",
        "$((a)",
        "{{ x }})<<E",
    ] {
        let line = unit.repeat(256 * 1024 / unit.len());
        let (analysed, _) = analyse(&line);
        drop(analysed);
    }
}

/// Runs a line whatever it does, and says whether a value of it was run.
#[expect(
    clippy::disallowed_methods,
    reason = "a test of what a real shell does needs a real shell"
)]
fn was_run(shell: &str, line: &Line, value: &str) -> bool {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let name = format!(
        "smallcode-place-{}-{}",
        std::process::id(),
        RUNS.fetch_add(1, Ordering::Relaxed)
    );
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).unwrap();
    let mut command = Command::new(shell);
    command
        .args(["-c", &line.script])
        .current_dir(&folder)
        .stdin(std::process::Stdio::null());
    for slot in &line.slots {
        command.env(&slot.variable, value);
    }
    let output = command.output().unwrap();
    let left = std::fs::read_dir(&folder)
        .unwrap()
        .any(|entry| entry.unwrap().file_name() == "pwned");
    std::fs::remove_dir_all(&folder).unwrap();
    left || String::from_utf8_lossy(&output.stdout).contains("54444439")
}

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{{ x }}",
        "{{",
        "}}",
        "{%",
        "a",
        " ",
        "\n",
        "'",
        "\"",
        "\\",
        "$",
        "$(",
        ")",
        "(",
        "${",
        "}",
        "`",
        "#",
        "<<E",
        "E\n",
        "<<-'E'\n",
        "$((",
        "))",
        ";",
        "&&",
        "|",
        "<",
        ">",
        "é",
        "$'",
        "sh -c ",
        "case x in ",
        "<<<",
        "\t",
    ])
}

fn hostile() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "$(touch pwned)",
        "`touch pwned`",
        "';touch pwned;'",
        "\";touch pwned;\"",
        "\ntouch pwned\n",
        ")touch pwned",
        "$((7*7777777))",
        "}touch pwned",
        "\nE\ntouch pwned\n",
        "\\\";touch pwned;#",
        "a[$(touch pwned)]",
    ])
}

proptest! {
    #[test]
    fn any_value_arrives(value in "[^\\x00]{0,40}", line in 0..LINES.len()) {
        check(LINES[line], &value);
    }

    #[test]
    fn any_line_is_read(pieces in prop::collection::vec(piece(), 0..40)) {
        let line = pieces.concat();
        let (analysed, problems) = analyse(&line);
        for slot in &analysed.slots {
            prop_assert_eq!(line.get(slot.span.clone()), Some(slot.template.as_str()));
        }
        for problem in &problems {
            prop_assert!(line.get(problem.span.clone()).is_some(), "{:?}", problem);
        }
        if analysed.slots.is_empty() {
            let (left, ..) = comment::take_out(&line);
            prop_assert_eq!(&analysed.script, &left);
        }
    }

    #[test]
    fn no_line_runs_a_value(pieces in prop::collection::vec(piece(), 0..16), value in hostile()) {
        let (line, problems) = analyse(&format!("echo {{{{ x }}}}{}", pieces.concat()));
        if problems.is_empty() {
            prop_assert!(!was_run("/bin/sh", &line, value), "{:?} with {:?}", line.script, value);
        }
    }

    #[test]
    fn any_text_is_read(line in any::<String>()) {
        drop(analyse(&line));
    }
}
