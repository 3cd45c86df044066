//! `syntax`: files that can't be read are told with place and finding; what can't be judged is no pass.

use crate::support::Sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};

fn rendered(to: &str, text: &str, verify: &str) -> Sandbox {
    let sandbox = Sandbox::with(&format!(
        "tasks:\n  a: {{ render: {{ template: text.txt, to: {to} }}, verify: [{verify}] }}\n"
    ));
    sandbox.write("text.txt", text);
    sandbox
}

#[test]
fn the_next_attempt_is_told_where_and_what() {
    let server = ModelServer::start(Script::answers([
        Answer::text("```rust\nfn main() {\n    let x = 1\n    let y = 2;\n}\n```"),
        Answer::text("```rust\nfn main() {}\n```"),
    ]));
    let mut sandbox = Sandbox::with(
        "permissions: { write: ['src/**'] }\ntasks:\n  a: { prompt: Write it, output: { file: src/a.rs }, verify: [{ syntax: true }] }\n",
    );
    sandbox
        .env("SMALLCODE_BASE_URL", &server.base_url())
        .env("SMALLCODE_MODEL", "tiny");
    sandbox.exec(&[]).exits(0);
    let calls = server.calls();
    assert_eq!(calls.len(), 2);
    let told = calls[1].last_user_message();
    assert!(
        told.contains("src/a.rs:2:14: `;` is missing before `let y = 2;`"),
        "{told}"
    );
    assert_eq!(sandbox.read("src/a.rs"), "fn main() {}\n");
}

#[test]
fn what_can_not_be_read_is_not_written() {
    let sandbox = rendered("out/a.py", "def f(:\n", "{ syntax: true }");
    sandbox.exec(&[]).exits(1).says("out/a.py:1:");
    assert!(!sandbox.has("out/a.py"));
    rendered("out/a.py", "def f():\n    pass\n", "{ syntax: true }")
        .exec(&[])
        .exits(0);
}

#[test]
fn globs_name_files_beside_those_written() {
    let tried = |verify: &str| {
        let sandbox = rendered("out/a.py", "x = 1\n", verify);
        sandbox.write("src/good.ts", "export const a = 1;\n");
        sandbox.write("src/bad/b.go", "package a\n\nfunc f( {\n}\n");
        sandbox.write("src/notes.txt", "no language\n");
        sandbox.exec(&[])
    };
    tried("{ syntax: ['src/*.ts', src/good.ts] }").exits(0);
    tried("{ syntax: 'src/**/*.{ts,go}' }")
        .exits(1)
        .says("1 error")
        .says("src/bad/b.go:3:8");
    tried("{ syntax: 'none/**' }")
        .exits(1)
        .says("no file matches `none/**`");
}

#[test]
fn a_file_without_a_known_language_is_no_pass() {
    rendered("out/a.txt", "x", "{ syntax: true }")
        .exec(&[])
        .exits(1)
        .says("can't read `out/a.txt`: its language is none of Rust,");
    rendered("out/a.txt", "x", "{ syntax: true, optional: true }")
        .exec(&[])
        .exits(0)
        .says("left out `out/a.txt`");
    // What is known is looked at all the same.
    let sandbox = rendered("out/a.txt", "x", "{ syntax: 'src/*', optional: true }");
    sandbox.write("src/a.txt", "x");
    sandbox.write("src/b.c", "int main(void) {\n");
    sandbox.exec(&[]).exits(1).says("src/b.c:1:");
    Sandbox::with("tasks:\n  a: { run: 'true', verify: [{ syntax: true }] }\n")
        .exec(&[])
        .exits(1)
        .says("this one writes none");
}
