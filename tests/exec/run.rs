//! `run`: commands of the author's.

use serde_json::json;

use crate::support::Sandbox;

#[test]
fn values_reach_a_shell_line_as_one_word() {
    let hostile = "$(touch pwned) `touch pwned` \"'; touch pwned; * \\ \n -rf";
    let sandbox = Sandbox::with(
        "inputs: { value: string }\ntasks:\n  a:\n    run: |\n      printf '%s|' {{ inputs.value }} \"x{{ inputs.value }}\" --out={{ inputs.value }}\n      cat <<END\n      {{ inputs.value }}\n      END\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    sandbox.write("inputs.json", &json!({ "value": hostile }).to_string());
    let output = sandbox
        .run(["exec", "workflow.yaml", "--inputs", "inputs.json"])
        .exits(0)
        .json();
    assert_eq!(
        output["a"],
        format!("{hostile}|x{hostile}|--out={hostile}|{hostile}")
    );
    assert!(!sandbox.has("pwned"));
}

#[test]
fn words_of_argv_reach_the_program_as_they_are() {
    let sandbox = Sandbox::with(
        "inputs: { words: list, word: string }\ntasks:\n  a: { run: { argv: [printf, '%s|', '{{ inputs.words }}', '{{ inputs.word }}', 'x{{ inputs.word }}', $HOME] } }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    sandbox.write(
        "i.json",
        &json!({ "words": ["-n", "--", "a b", "", 7, true], "word": "-rf *" }).to_string(),
    );
    let output = sandbox.exec(&["--inputs", "i.json"]).exits(0).json();
    assert_eq!(output["a"], "-n|--|a b||7|true|-rf *|x-rf *|$HOME|");
}

#[test]
fn values_that_no_command_can_take_are_refused() {
    let sandbox = Sandbox::with(
        "inputs: { value: string, form: string }\ntasks:\n  line: { if: inputs.form == 'line', run: 'echo {{ inputs.value }} >line' }\n  argv: { if: inputs.form == 'argv', run: { argv: [echo, '{{ inputs.value }}'] } }\n  env: { if: inputs.form == 'env', env: { V: '{{ inputs.value }}' }, run: 'echo \"$V\" >env' }\n",
    );
    for form in ["line", "argv", "env"] {
        let nul = json!({ "value": "a\0b", "form": form });
        sandbox.write("i.json", &nul.to_string());
        sandbox
            .exec(&["--inputs", "i.json"])
            .exits(1)
            .says("NUL")
            .says("stdin");
    }
    for form in ["line", "env"] {
        let long = json!({ "value": "x".repeat(100 * 1024 + 1), "form": form });
        sandbox.write("i.json", &long.to_string());
        sandbox
            .exec(&["--inputs", "i.json"])
            .exits(1)
            .says("101 KiB")
            .says("stdin");
        assert!(!sandbox.has(form));
    }
}

#[test]
fn what_is_no_argument_is_told_of_as_one() {
    for (value, says) in [
        ("{a: 1}", "a mapping can't be an argument"),
        ("[[1]]", "a list within a list can't be an argument"),
        ("[null]", "null can't be an argument"),
    ] {
        let sandbox = Sandbox::with(&format!(
            "inputs: {{ value: {{ type: {}, default: {value} }} }}\ntasks:\n  a: {{ run: {{ argv: [echo, '{{{{ inputs.value }}}}'] }} }}\n",
            if value.starts_with('[') { "list" } else { "object" },
        ));
        let output = sandbox.exec(&[]);
        assert!(matches!(output.code, Some(1 | 2)), "{output:?}");
        assert!(!output.stderr.contains("shell line"), "{}", output.stderr);
        output.says(says);
    }
}

#[test]
fn a_long_value_goes_through_stdin() {
    let sandbox = Sandbox::with(
        "inputs: { value: string }\ntasks:\n  a: { run: wc -c | tr -d ' ', stdin: '{{ inputs.value }}' }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    sandbox.write("i.json", &json!({ "value": "x".repeat(1_000_000) }).to_string());
    assert_eq!(
        sandbox.exec(&["--inputs", "i.json"]).exits(0).json()["a"],
        "1000000"
    );
}

#[test]
fn stdin_is_empty_where_none_is_given() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: cat }\noutputs: { a: '{{ tasks.a.output }}' }\n");
    assert_eq!(sandbox.exec(&[]).exits(0).json()["a"], "");
}

#[test]
fn a_line_stops_at_its_first_failure() {
    let sandbox = Sandbox::with(
        "tasks:\n  sh: { run: \"false\\ntouch sh\" }\n  plain: { run: false | touch plain }\n  bash: { shell: bash, run: false | touch bash }\noutputs: {}\n",
    );
    sandbox.exec(&[]).exits(1);
    let ends: Vec<_> = ["sh", "plain", "bash"].map(|task| sandbox.ended(task)).into();
    assert_eq!(ends, ["failure", "success", "failure"]);
    assert!(!sandbox.has("sh"));
}

#[test]
fn cwd_and_env_belong_to_the_task() {
    let sandbox = Sandbox::with(
        "defaults: { env: { A: one, B: one } }\ninputs: { folder: { type: path, default: sub/dir } }\ntasks:\n  a: { cwd: '{{ inputs.folder }}', env: { B: '{{ inputs.folder }}' }, run: 'printf %s \"$A $B \"; basename \"$PWD\"' }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    sandbox.write("sub/dir/x", "");
    assert_eq!(sandbox.exec(&[]).exits(0).json()["a"], "one sub/dir dir");
    sandbox.exec(&["--input", "folder=none"]).exits(1).says("cwd");
    sandbox.exec(&["--input", "folder=../outside"]).exits(2);
    std::os::unix::fs::symlink(sandbox.outside(), sandbox.path().join("link")).unwrap();
    sandbox
        .exec(&["--input", "folder=link"])
        .exits(1)
        .says("leads out of the workspace");
}

/// By it, what a dead run left behind is found: also where the environment is copied, and within another run.
#[test]
fn commands_know_of_which_run_they_are() {
    let mut sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'test \"$SMALLCODE_RUN\" = {{ run.id }}' }\n  b: { env: { V: x }, run: 'test \"$SMALLCODE_RUN\" = {{ run.id }}' }\n",
    );
    sandbox.exec(&[]).exits(0);
    sandbox.env("SMALLCODE_RUN", "outer");
    sandbox.exec(&[]).exits(0);
    sandbox.env("SMALLCODE_API_KEY", "which commands don't see");
    sandbox.exec(&[]).exits(0);
}

#[test]
fn secrets_reach_the_command_and_nothing_else() {
    const KEY: &str = "hunter2-very-secret";
    const API: &str = "sk-engine-key";
    let mut sandbox = Sandbox::with(
        "tasks:\n  a: { secrets: [TOKEN], run: 'echo $TOKEN; echo $TOKEN >&2; echo \"[${SMALLCODE_API_KEY-unset}]\"; test $(printf %s $TOKEN | wc -c) = 19' }\n  listed: { secrets: [SMALLCODE_API_KEY], run: 'test $(printf %s $SMALLCODE_API_KEY | wc -c) = 13; echo $SMALLCODE_API_KEY' }\n  bad: { secrets: [TOKEN], run: 'echo failing with $TOKEN >&2; exit 1', on_failure: { continue: true } }\n  slow: { secrets: [TOKEN], run: 'printf %s \"${TOKEN%very*}\"; printf x >&2; printf %s \"${TOKEN#hunter2-}\"' }\n  long: { secrets: [TOKEN], run: 'head -c 300000 /dev/zero | tr \"\\0\" x; echo $TOKEN' }\noutputs: { a: '{{ tasks.a.output }}', b: '{{ tasks.listed.output }}', slow: '{{ tasks.slow.output }}' }\n",
    );
    sandbox.env("TOKEN", KEY).env("SMALLCODE_API_KEY", API);
    let output = sandbox
        .exec(&["-v", "--events", "events.jsonl", "--report", "junit=junit.xml"])
        .exits(0);
    assert_eq!(
        output.json(),
        json!({ "a": "***\n[unset]", "b": "***", "slow": "***" })
    );
    let mut seen = vec![
        output.stdout,
        output.stderr,
        sandbox.read("events.jsonl"),
        sandbox.read("junit.xml"),
    ];
    let mut folders = vec![sandbox.path().join(".smallcode")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                seen.push(String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned());
            }
        }
    }
    assert!(seen.iter().any(|text| text.contains("failing with ***")));
    for text in seen {
        assert!(
            !text.contains(KEY) && !text.contains(API),
            "{}",
            &text[..text.len().min(3000)]
        );
    }
}

#[test]
fn a_secret_that_is_not_set_is_named() {
    let sandbox = Sandbox::with("tasks:\n  a: { secrets: [NOT_SET_ANYWHERE], run: touch ran }\n");
    sandbox
        .exec(&[])
        .exits(1)
        .says("`NOT_SET_ANYWHERE` is not in the environment");
    assert!(!sandbox.has("ran"));
}

#[test]
fn output_is_read_as_json_or_lines() {
    let sandbox = Sandbox::with(
        "tasks:\n  json: { run: 'echo \"{\\\"n\\\": [1, 2.5, null]}\"', parse: json }\n  lines: { run: 'printf \"a\\n\\nb\"', parse: lines }\n  none: { run: 'true', parse: lines }\n  two: { run: 'printf \"a\\n\\n\"' }\n  bare: { run: printf a }\noutputs: { json: '{{ tasks.json.output }}', n: '{{ tasks.json.output.n[1] }}', lines: '{{ tasks.lines.output }}', none: '{{ tasks.none.output }}', two: '{{ tasks.two.output }}', bare: '{{ tasks.bare.output }}', raw: '{{ tasks.json.stdout }}' }\n",
    );
    assert_eq!(
        sandbox.exec(&[]).exits(0).json(),
        json!({ "json": { "n": [1, 2.5, null] }, "n": 2.5, "lines": ["a", "", "b"], "none": [], "two": "a\n", "bare": "a", "raw": "{\"n\": [1, 2.5, null]}\n" })
    );
}

#[test]
fn output_that_is_not_json_is_named_with_its_place() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: 'echo \"{\"; echo \"x\"', parse: json }\n");
    sandbox
        .exec(&[])
        .exits(1)
        .says("standard output is not JSON at line 2, column 1");
}

#[test]
fn how_a_command_ended_is_known_to_what_follows() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'echo out; echo err >&2; exit 3', on_failure: { continue: true } }\n  b: { needs: a, run: \"echo {{ tasks.a.exit_code|default(0) }} {{ tasks.a.stdout|default('') }} {{ tasks.a.stderr|default('') }} {{ tasks.a.status }} {{ tasks.a.output|default('none') }}\" }\noutputs: { b: '{{ tasks.b.output }}' }\n",
    );
    assert_eq!(
        sandbox.exec(&[]).exits(0).json()["b"],
        "3 out\n err\n failure none"
    );
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: \"printf 'a\\\\377b\\\\0c'\" }\noutputs: { a: '{{ tasks.a.output }}' }\n",
    );
    assert_eq!(sandbox.exec(&["-v"]).exits(0).json()["a"], "a\u{fffd}b\0c");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: { argv: [no-such-program-here, x] } }\n");
    sandbox.exec(&[]).exits(1).says("no-such-program-here");
}

#[test]
fn a_timeout_ends_the_command_and_what_it_started() {
    let sandbox = Sandbox::with("tasks:\n  a: { timeout: 300ms, run: 'sleep 600 & echo $! >pid; wait' }\n");
    sandbox.exec(&[]).exits(1).says("timeout");
    let pid = sandbox.read("pid");
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    assert!(
        state.is_err() || state.unwrap().contains(") Z "),
        "the child lives on"
    );
}

#[test]
fn three_hundred_megabytes_of_output_take_little_memory() {
    let mut sandbox = Sandbox::with(
        "tasks:\n  a: { secrets: [TOKEN], run: 'head -c 300000000 /dev/zero | tr \"\\0\" x' }\n  b: { needs: a, run: grep VmHWM /proc/$PPID/status }\noutputs: { b: '{{ tasks.b.output }}' }\n",
    );
    sandbox.env("TOKEN", "not-in-the-output");
    let peak = sandbox.exec(&[]).exits(0).json()["b"]
        .as_str()
        .unwrap()
        .to_owned();
    let kib: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kib < 100_000, "{peak}");
}

#[test]
fn output_that_is_too_large_for_an_expression_is_refused_there() {
    let sandbox = Sandbox::with(
        "tasks:\n  a: { run: 'head -c 20000000 /dev/zero | tr \"\\0\" x' }\n  b: { needs: a, run: 'echo {{ tasks.a.output }}' }\n",
    );
    sandbox.exec(&[]).exits(1).says("let the command write a file");
}

#[test]
fn a_failed_command_is_shown_with_the_end_of_what_it_wrote() {
    let sandbox = Sandbox::with("tasks:\n  a: { run: 'seq 1 100 >&2; exit 9' }\n");
    let output = sandbox.exec(&[]).exits(1).says("exit code 9").says("| 100");
    assert!(!output.stderr.contains("| 79\n"), "{}", output.stderr);
}

#[test]
fn verifiers_decide_about_a_command() {
    for (verify, good) in [
        ("matches: '^b+$'", true),
        ("matches: '^c'", false),
        ("not_matches: 'a'", false),
        ("expr: output|length > 4", false),
        ("expr: \"'bb' in output\"", true),
        ("schema: { type: string, maxLength: 2 }", false),
    ] {
        let sandbox = Sandbox::with(&format!(
            "tasks:\n  a: {{ run: 'printf \"a\\nbb\"', verify: [{{ {verify} }}] }}\n"
        ));
        let output = sandbox.exec(&[]);
        assert_eq!(output.code, Some(i32::from(!good)), "{verify}: {}", output.stderr);
    }
}
