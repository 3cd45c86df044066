//! What each tool prints, and what is told of it.

use std::fmt::Write as _;

use super::*;

/// Compares the feedback that comes of an output.
#[track_caller]
fn told(output: &str, expected: &str) {
    assert_eq!(
        feedback(&ranked(read(output)), 4000),
        expected.trim_matches('\n'),
        "{:#?}",
        read(output)
    );
}

#[test]
fn rustc_for_people() {
    told(
        r#"
   Compiling demo v0.1.0 (/w/demo)
warning: unused variable: `y`
 --> src/main.rs:2:9
  |
2 |     let y = 1;
  |         ^ help: if this is intentional, prefix it with an underscore: `_y`
  |
  = note: `#[warn(unused_variables)]` on by default

error[E0308]: mismatched types
 --> src/main.rs:5:18
  |
5 |     let x: u32 = "a";
  |            ---   ^^^ expected `u32`, found `&str`
  |            |
  |            expected due to this

For more information about this error, try `rustc --explain E0308`.
warning: `demo` (bin "demo") generated 1 warning
error: could not compile `demo` (bin "demo") due to 1 previous error; 1 warning emitted
"#,
        r#"
src/main.rs:5:18: mismatched types: expected `u32`, found `&str` [E0308]
    let x: u32 = "a";
src/main.rs:2:9: warning: unused variable: `y`: help: if this is intentional, prefix it with an underscore: `_y`
    let y = 1;
"#,
    );
}

#[test]
fn cargo_without_a_place() {
    told(
        "error: failed to parse manifest at `/w/Cargo.toml`\n\nCaused by:\n  no targets specified in the manifest\n  either src/lib.rs, src/main.rs, a [lib] section, or [[bin]] section must be present\n",
        "failed to parse manifest at `/w/Cargo.toml` no targets specified in the manifest either src/lib.rs, src/main.rs, a [lib] section, or [[bin]] section must be present",
    );
    told(
        "\nerror: linker `cc` not found\n  |\n  = note: No such file or directory\n\nerror: could not compile `a` (bin \"a\") due to 1 previous error\n",
        "linker `cc` not found\ncould not compile `a` (bin \"a\") due to 1 previous error",
    );
}

#[test]
fn cargo_as_json() {
    let line = r#"{"reason":"compiler-message","package_id":"demo","message":{"rendered":"error…","$message_type":"diagnostic","level":"error","message":"mismatched types","code":{"code":"E0308","explanation":null},"children":[],"spans":[{"file_name":"src/main.rs","line_start":5,"column_start":12,"is_primary":false,"label":"expected due to this","text":[]},{"file_name":"src/main.rs","line_start":5,"column_start":18,"is_primary":true,"label":"expected `u32`, found `&str`","text":[{"text":"    let x: u32 = \"a\";","highlight_start":18,"highlight_end":21}]}]}}"#;
    let output = format!(
        "{line}\n{line}\n{{\"reason\":\"compiler-message\",\"message\":{{\"level\":\"error\",\"message\":\"aborting due to 1 previous error\",\"code\":null,\"spans\":[]}}}}\n{{\"reason\":\"build-finished\",\"success\":false}}\n"
    );
    told(
        &output,
        "src/main.rs:5:18: mismatched types: expected `u32`, found `&str` [E0308]\n    let x: u32 = \"a\";",
    );
}

#[test]
fn panics_of_rust() {
    let output = "
running 1 test
test tests::adds ... FAILED

failures:

---- tests::adds stdout ----

thread 'tests::adds' (4711) panicked at src/lib.rs:10:9:
assertion `left == right` failed
  left: 3
 right: 4
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    tests::adds

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `--lib`
";
    told(
        output,
        "src/lib.rs:10:9: tests::adds: assertion `left == right` failed left: 3 right: 4",
    );
    told(
        "thread 'main' panicked at 'index out of bounds: the len is 1', src/main.rs:3:5\n",
        "src/main.rs:3:5: index out of bounds: the len is 1",
    );
}

#[test]
fn tsc_plain_and_pretty() {
    told(
        "src/a.ts(5,7): error TS2322: Type '{ a: number; }' is not assignable to type 'B'.\n  Property 'b' is missing in type '{ a: number; }'.\nerror TS18003: No inputs were found in config file.\n",
        "src/a.ts:5:7: Type '{ a: number; }' is not assignable to type 'B'. Property 'b' is missing in type '{ a: number; }'. [TS2322]\nNo inputs were found in config file. [TS18003]",
    );
    told(
        "\u{1b}[96msrc/a.ts\u{1b}[0m:\u{1b}[93m5\u{1b}[0m:\u{1b}[93m7\u{1b}[0m - \u{1b}[91merror\u{1b}[0m\u{1b}[90m TS2322: \u{1b}[0mType 'string' is not assignable to type 'number'.\n\n\u{1b}[7m5\u{1b}[0m const x: number = 'a';\n\u{1b}[7m \u{1b}[0m \u{1b}[91m      ~\u{1b}[0m\n\n\nFound 1 error in src/a.ts\u{1b}[90m:5\u{1b}[0m\n",
        "src/a.ts:5:7: Type 'string' is not assignable to type 'number'. [TS2322]\n    const x: number = 'a';",
    );
}

#[test]
fn eslint_both_ways() {
    told(
        "\n/w/src/a.js\n  1:5   warning  'x' is assigned a value but never used  no-unused-vars\n  12:10  error    Missing semicolon                           semi\n\n/w/src/b.js\n  3:1  error  Parsing error: Unexpected token }\n\n✖ 3 problems (2 errors, 1 warning)\n",
        "/w/src/a.js:12:10: Missing semicolon [semi]\n/w/src/b.js:3:1: Parsing error: Unexpected token }\n/w/src/a.js:1:5: warning: 'x' is assigned a value but never used [no-unused-vars]",
    );
    told(
        r#"[{"filePath":"/w/a.js","messages":[{"ruleId":"semi","severity":2,"message":"Missing semicolon.","line":1,"column":10}],"errorCount":1},{"filePath":"/w/b.js","messages":[]}]"#,
        "/w/a.js:1:10: Missing semicolon. [semi]",
    );
}

#[test]
fn pytest_long_short_and_only_the_summary() {
    told(
        "
=================================== FAILURES ===================================
___________________________________ test_add ___________________________________

    def test_add():
>       assert add(1, 2) == 4
E       assert 3 == 4
E        +  where 3 = add(1, 2)

tests/test_a.py:5: AssertionError
___________________________ TestBox.test_open[big-1] ___________________________

    def test_open(self):
>       box()

tests/test_a.py:9:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _

    def box():
>       raise ValueError('no')
E       ValueError: no

src/box.py:2: ValueError
=========================== short test summary info ============================
FAILED tests/test_a.py::test_add - assert 3 == 4
FAILED tests/test_a.py::TestBox::test_open[big-1] - ValueError: no
FAILED tests/test_b.py::test_gone - KeyError: 'x'
========================= 3 failed, 2 passed in 0.03s ==========================
",
        "tests/test_a.py:5: test_add: assert 3 == 4 + where 3 = add(1, 2) [AssertionError]
    assert add(1, 2) == 4
src/box.py:2: test_open[big-1]: ValueError: no [ValueError]
    raise ValueError('no')
tests/test_b.py: test_gone: KeyError: 'x'",
    );
    told(
        "
==================================== ERRORS ====================================
_______________________ ERROR collecting tests/test_c.py _______________________
ImportError while importing test module '/w/tests/test_c.py'.
Hint: make sure your test modules/packages have valid Python names.
Traceback:
/usr/lib/python3.12/importlib/__init__.py:90: in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
tests/test_c.py:1: in <module>
    import gone
E   ModuleNotFoundError: No module named 'gone'
=========================== short test summary info ============================
ERROR tests/test_c.py
!!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!
",
        "tests/test_c.py:1: ModuleNotFoundError: No module named 'gone'\n    import gone",
    );
}

#[test]
fn tracebacks_of_python() {
    told(
        "Traceback (most recent call last):\n  File \"/w/app.py\", line 9, in <module>\n    main()\n    ~~~~^^\n  File \"/w/app.py\", line 3, in main\n    load()\n  File \"/usr/lib/python3.12/json/__init__.py\", line 346, in loads\n    return decode(s)\njson.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n",
        "/w/app.py:3: json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)\n    load()",
    );
    told(
        "  File \"a.py\", line 3\n    x = (\n        ^\nSyntaxError: '(' was never closed\n",
        "a.py:3: SyntaxError: '(' was never closed\n    x = (",
    );
}

#[test]
fn go_compiler_vet_tests_and_panics() {
    told(
        "# example.com/demo\n./main.go:5:2: undefined: x\n./main.go:9:10: cannot use s (variable of type string) as int value in argument to f\n\thave (string)\n\twant (int)\nvet: ./b.go:3:1: expected declaration, found x\n",
        "main.go:5:2: undefined: x\nb.go:3:1: expected declaration, found x\nmain.go:9:10: cannot use s (variable of type string) as int value in argument to f have (string) want (int)",
    );
    let test = "--- FAIL: TestAdd (0.00s)\n    add_test.go:9: got 3, want 4\n    --- FAIL: TestAdd/deep (0.00s)\n        add_test.go:14: \n            \tError:\tnot equal\nFAIL\nFAIL\texample.com/demo\t0.002s\nFAIL\n";
    told(
        test,
        "add_test.go:9: TestAdd: got 3, want 4\nadd_test.go:14: TestAdd/deep: Error: not equal",
    );
    let json: String = test
        .lines()
        .map(|line| {
            serde_json::json!({ "Action": "output", "Test": "TestAdd", "Output": format!("{line}\n") })
                .to_string()
                + "\n"
        })
        .collect();
    told(
        &json,
        "add_test.go:9: TestAdd: got 3, want 4\nadd_test.go:14: TestAdd/deep: Error: not equal",
    );
    told(
        "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nruntime.goPanicIndex(0x5, 0x3)\n\t/usr/local/go/src/runtime/panic.go:115 +0x74\nmain.main()\n\t/w/main.go:8 +0x1d\nexit status 2\n",
        "/w/main.go:8: panic: runtime error: index out of range [5] with length 3",
    );
}

#[test]
fn gcc_clang_and_their_linkers() {
    told(
        "In file included from main.c:1:\nmain.c: In function 'main':\nmain.c:5:3: error: 'x' undeclared (first use in this function)\n    5 |   x = 1;\n      |   ^\nmain.c:5:3: note: each undeclared identifier is reported only once\nmain.c:7:7: warning: unused variable 'y' [-Wunused-variable]\n    7 |   int y;\n      |       ^\n",
        "main.c:5:3: 'x' undeclared (first use in this function)\n    x = 1;\nmain.c:7:7: warning: unused variable 'y' [-Wunused-variable]\n    int y;",
    );
    told(
        "main.c:1:10: fatal error: 'gone.h' file not found\n#include \"gone.h\"\n         ^~~~~~~~\n1 error generated.\n",
        "main.c:1:10: 'gone.h' file not found\n    #include \"gone.h\"",
    );
    told(
        "/usr/bin/ld: /tmp/cc1.o: in function `main':\nmain.c:(.text+0x5): undefined reference to `f'\ncollect2: error: ld returned 1 exit status\nmake: *** [Makefile:2: all] Error 1\n",
        "main.c: undefined reference to `f'",
    );
}

#[test]
fn node_and_its_test_runners() {
    told(
        "/w/app.js:3\n  foo();\n  ^\n\nReferenceError: foo is not defined\n    at Object.<anonymous> (/w/app.js:3:3)\n    at Module._compile (node:internal/modules/cjs/loader:1358:14)\n\nNode.js v22.0.0\n",
        "/w/app.js:3:3: ReferenceError: foo is not defined\n    foo();",
    );
    told(
        "file:///w/b.mjs:2\nlet = ;\n    ^\n\nSyntaxError: Unexpected token ';'\n    at compileSourceTextModule (node:internal/modules/esm/utils:337:16)\n",
        "/w/b.mjs:2: SyntaxError: Unexpected token ';'\n    let = ;",
    );
    told(
        "FAIL ./sum.test.js\n  ● math › adds\n\n    expect(received).toBe(expected) // Object.is equality\n\n    Expected: 4\n    Received: 3\n\n      3 | test('adds', () => {\n    > 4 |   expect(add(1, 2)).toBe(4);\n        |                     ^\n      5 | });\n\n      at Object.toBe (sum.test.js:4:21)\n      at node_modules/jest/x.js:1:1\n",
        "sum.test.js:4:21: adds: expect(received).toBe(expected) // Object.is equality, Expected: 4, Received: 3",
    );
    told(
        "  1) adds:\n\n      AssertionError [ERR_ASSERTION]: 3 == 4\n      + expected - actual\n\n      -3\n      +4\n\n      at Context.<anonymous> (test/a.js:5:10)\n      at process.processImmediate (node:internal/timers:476:21)\n",
        "test/a.js:5:10: AssertionError [ERR_ASSERTION]: 3 == 4, + expected - actual, -3, +4",
    );
}

#[test]
fn the_general_form_and_what_only_looks_like_it() {
    told(
        "a.py:3: error: Incompatible return value  [return-value]\n",
        "a.py:3: Incompatible return value [return-value]",
    );
    told(
        "a.py:1:8: F401 `os` imported but unused\n",
        "a.py:1:8: `os` imported but unused [F401]",
    );
    told(
        "src/A.java:3: error: ';' expected\n    int x = 1\n             ^\n1 error\n",
        "src/A.java:3: ';' expected\n    int x = 1",
    );
    told(
        "Makefile:3: *** missing separator.  Stop.\n",
        "Makefile:3: *** missing separator. Stop.",
    );
    for harmless in [
        "12:30:45: started",
        "http://localhost:3000: listening",
        "example.com:443: connected",
        "127.0.0.1:80: up",
        "ok  \texample.com/demo\t0.002s",
        "  at src/a.js:3:4",
        "errors: 0",
        "test result: ok. 3 passed",
        "key: 12: value",
        "",
    ] {
        assert_eq!(read(harmless), [], "{harmless}");
    }
}

#[test]
fn the_few_that_are_told() {
    let mut output = String::new();
    for line in 1..=30 {
        writeln!(output, "a.c:{line}:1: error: first file {line}").unwrap();
    }
    output.push_str("a.c:1:1: warning: doubtful\nb.c:7:1: error: second file\nb.c:7:1: error: second file\n");
    let problems = read(&output);
    assert_eq!(problems.len(), 32, "what is said twice is one problem");
    assert_eq!(count(&problems), "31 errors and 1 warning");
    let text = feedback(&ranked(problems), 150);
    assert_eq!(
        text,
        "a.c:1:1: first file 1\nb.c:7:1: second file\na.c:2:1: first file 2\na.c:3:1: first file 3\na.c:4:1: first file 4\n… and 26 errors and 1 warning more"
    );
    let long = format!("a.c:1:1: error: {}\n", "é".repeat(5000));
    assert!(feedback(&read(&long), 100).len() <= 100);
}

#[test]
fn hostile_output_is_read_in_bounds() {
    let lines = [
        "  File \"a.py\", line 1",
        "error: x",
        "warning[E1]: x",
        "panic: x\ngoroutine 1",
        "_____ x _____",
        "● x",
        "XError: x",
        "--- FAIL: x",
        "Traceback (most recent call last):",
        "{\"Action\":\"output\",\"Output\":\"{\\\"Action\\\":\\\"output\\\"}\\n\"}",
        "a.c:1:1: x",
        "\u{1b}[",
        "é:1:é",
    ];
    for line in lines {
        let problems = read(&format!("{line}\n").repeat(20_000));
        assert!(problems.len() <= MAX_PROBLEMS);
    }
    assert!(read(&"[".repeat(200_000)).is_empty());
    let mut many = String::new();
    for line in 1..=5000 {
        writeln!(many, "a.c:{line}:1: error: x").unwrap();
    }
    assert_eq!(read(&many).len(), MAX_PROBLEMS);
}
