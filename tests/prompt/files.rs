//! Files of an answer: each is whole and in its place, or the model is told what was not clear.

use super::sandbox;
use crate::support::model_server::{Answer, ModelServer, Script};
use crate::support::{Output, Sandbox};

/// Runs a prompt with this output against answers; gives what it left, and what the model was told in each call.
fn write(output: &str, answers: &[&str]) -> (Sandbox, Output, Vec<String>) {
    let server = ModelServer::start(Script::answers(answers.iter().copied().map(Answer::text)));
    let retry = answers.len() - 1;
    let sandbox = sandbox(
        &server,
        &format!(
            "permissions: {{ write: ['**'] }}\ntasks:\n  a: {{ prompt: Write it, output: {output}, on_failure: {{ retry: {{ max: {retry}, backoff: 1ms }} }} }}\n"
        ),
    );
    let output = sandbox.exec(&[]);
    (sandbox, output, server.asked())
}

const PAGE: &str = "# Title\n\n```sh\nls\n```\n\nMore\n";

/// The first inner fence would end the file, and the rest of the answer would be lost.
#[test]
fn a_file_that_holds_fences_is_written_whole() {
    let (sandbox, output, asked) = write(
        "{ files: [README.md, 'docs/**'] }",
        &[&format!("```README.md\n{PAGE}```\n\n```docs/b.md\nb\n```\n")],
    );
    output.exits(0);
    assert_eq!(sandbox.read("README.md"), PAGE);
    assert_eq!(sandbox.read("docs/b.md"), "b\n");
    assert!(asked[0].contains("four backticks"), "{}", asked[0]);
    let answer = format!("Here it is:\n\n```markdown\n{PAGE}```\n");
    let (sandbox, output, _) = write("{ file: README.md }", &[&answer]);
    output.exits(0);
    assert_eq!(sandbox.read("README.md"), PAGE);
}

#[test]
fn a_name_with_spaces_is_the_whole_name() {
    for (output, answer, path) in [
        (
            "{ files: ['**/*.md'] }",
            "```docs/my file.md\na\n```\n",
            "docs/my file.md",
        ),
        (
            "{ files: ['**/*.md'] }",
            "```md docs/my file.md\na\n```\n",
            "docs/my file.md",
        ),
        (
            "{ files: [my file.md] }",
            "**my file.md**\n```md\na\n```\n",
            "my file.md",
        ),
        (
            "{ files: [docs/my file.md] }",
            "```/docs/my file.md\na\n```\n",
            "docs/my file.md",
        ),
    ] {
        let (sandbox, ended, _) = write(output, &[answer]);
        ended.exits(0);
        assert_eq!(sandbox.read(path), "a\n", "{answer}");
        assert!(!sandbox.has("file.md"), "{answer}");
    }
}

#[test]
fn thinking_that_never_ends_is_no_file() {
    let thinking = "<think>\nThe user wants notes.\n```a.txt\ndraft\n```\n";
    for output in ["{ file: a.txt }", "{ files: [a.txt] }"] {
        let (sandbox, ended, _) = write(output, &[thinking]);
        ended.exits(1).says("thinking that never ends");
        assert!(!sandbox.has("a.txt"), "{output}");
        let (sandbox, ended, _) = write(output, &[thinking, "```a.txt\nnotes\n```\n"]);
        ended.exits(0);
        assert_eq!(sandbox.read("a.txt"), "notes\n");
    }
}

#[test]
fn files_that_are_asked_for_by_name_must_all_be_there() {
    let output = "{ files: [out/a.txt, ./out/b.txt, 'more/*'] }";
    let first = "```out/a.txt\na\n```\n";
    let both = "```out/a.txt\na\n```\n```out/b.txt\nb\n```\n";
    let (sandbox, ended, asked) = write(output, &[first, both]);
    ended.exits(0);
    assert_eq!(
        (sandbox.read("out/a.txt"), sandbox.read("out/b.txt")),
        ("a\n".to_owned(), "b\n".to_owned())
    );
    assert!(asked[1].contains("`out/b.txt` is missing"), "{}", asked[1]);
    let (sandbox, ended, _) = write(output, &[first]);
    ended.exits(1).says("`out/b.txt` is missing");
    assert!(!sandbox.has("out/a.txt"));
}

#[test]
fn where_it_is_not_clear_where_a_file_ends_the_model_is_told() {
    let bare = PAGE.replace("```sh", "```");
    let right = format!("````README.md\n{bare}````\n");
    for (output, wrong, told) in [
        (
            "{ files: [README.md] }",
            format!("```README.md\n{bare}```\n"),
            "it is not clear where `README.md` ends",
        ),
        (
            "{ files: [README.md] }",
            format!("```README.md\n{PAGE}"),
            "its closing fence is missing",
        ),
        (
            "{ file: README.md }",
            format!("Here:\n```markdown\n{bare}```\n"),
            "the answer has 2 code blocks",
        ),
    ] {
        let (sandbox, ended, asked) = write(output, &[&wrong, &right]);
        ended.exits(0);
        assert_eq!(sandbox.read("README.md"), bare, "{wrong}");
        assert!(asked[1].contains(told), "{told}: {}", asked[1]);
    }
}
