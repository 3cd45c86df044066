//! What an answer holds: text, a value of a schema, a file, files with their paths, edits.
//!
//! How replies are read is the business of `smallcode-parse`; here is decided what of a reading is an answer and what
//! is told to the model where it is none.

use serde_json::Value as Json;
use smallcode_core::run::{Failure, FailureClass, RepairSeverity, Repaired};
use smallcode_core::syntax;
use smallcode_parse::{
    Block, Diagnostic, Edit, Expect, Known, LONGER, Omitted, Repair, RepairKind, Schema, Severity, parse,
};

/// How many of the problems of an answer are told: a small model puts right what it can keep in mind.
const TOLD: usize = 5;

/// How much of an answer that is none is kept with the failure, in characters.
const EXCERPT: usize = 200;

/// The answer without what the model thought aloud and without blank lines around it.
pub fn text(answer: &str) -> &str {
    smallcode_parse::without_thinking(answer)
}

/// The answer as [`text()`] gives it, where it is to be free text or code.
///
/// # Errors
/// When it begins with thinking that never ends: where the answer would begin can't be known.
pub fn said(answer: &str) -> Result<&str, Failure> {
    if smallcode_parse::is_thinking(answer) {
        let message = "the answer is thinking that never ends: end the thinking, then answer";
        let mut failure = Failure::new(FailureClass::Overthinking, message);
        failure.detail = answer.chars().take(EXCERPT).collect();
        return Err(failure);
    }
    Ok(text(answer))
}

/// The value that the answer holds, in the shape of `schema` as far as that goes without inventing anything, and what
/// had to be repaired to read it. Where there is none, or it lacks something or was cut, the failure says what and
/// where.
pub fn value(answer: &str, schema: &Json) -> (Result<Json, Failure>, Vec<Repaired>) {
    let reading = parse(answer, &Expect::Value(Schema::new(schema)), false);
    let repairs = counted(&reading.repairs, &reading.omitted);
    let value = match reading.value {
        None => Err(none(answer, &reading.diagnostics)),
        Some(value) if reading.diagnostics.is_empty() => Ok(value.to_json()),
        Some(_) => Err(failure(
            FailureClass::SchemaMismatch,
            answer,
            &reading.diagnostics,
        )),
    };
    (value, repairs)
}

/// Repairs by kind, the gravest first.
pub(crate) fn counted(repairs: &[Repair], omitted: &[Omitted]) -> Vec<Repaired> {
    let mut kinds: Vec<(RepairKind, u64)> = Vec::new();
    let listed = repairs.iter().map(|repair| (repair.kind, 1));
    let omitted = omitted
        .iter()
        .map(|omitted| (omitted.kind, u64::try_from(omitted.count).unwrap_or(u64::MAX)));
    for (kind, count) in listed.chain(omitted) {
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, sum)) => *sum += count,
            None => kinds.push((kind, count)),
        }
    }
    kinds.sort_by_key(|(kind, _)| (std::cmp::Reverse(kind.severity()), *kind));
    kinds
        .into_iter()
        .map(|(kind, count)| Repaired {
            kind: serde_json::to_value(kind)
                .ok()
                .and_then(|word| word.as_str().map(str::to_owned))
                .unwrap_or_default(),
            severity: match kind.severity() {
                Severity::Cosmetic => RepairSeverity::Cosmetic,
                Severity::Structural => RepairSeverity::Structural,
                Severity::Lossy => RepairSeverity::Lossy,
            },
            count,
        })
        .collect()
}

/// The content of the file `path`: of the answer's one fenced block, or the whole answer.
///
/// # Errors
/// When the answer ends inside the block, when that is empty or one of several, or when there is none and the answer is
/// none of the code that the path asks for.
pub fn file(answer: &str, path: &str) -> Result<String, Failure> {
    let text = said(answer)?;
    let blocks = smallcode_parse::blocks(text);
    let is_page = is_markdown(path.rsplit('.').next().unwrap_or_default());
    // The first word tells: a path may follow it.
    let around_page = |block: &Block<'_>| is_markdown(block.info.split(' ').next().unwrap_or_default());
    let block = match blocks.as_slice() {
        [block] => block,
        [] => return unfenced(answer, text, path),
        // A page may hold blocks that are part of it, but where one is around a page, it is not clear what the others are.
        [first, ..] if is_page && first.span.start > 0 && !blocks.iter().any(around_page) => {
            return Ok(with_newline(text));
        }
        several => {
            let message = format!(
                "the answer has {} code blocks, and one is wanted: give `{path}` whole in it; {LONGER}",
                several.len()
            );
            return Err(unreadable(answer, message));
        }
    };
    if block.closed && block.content.trim().is_empty() && text.starts_with(['`', '~']) {
        let message = format!("the code block of `{path}` is empty");
        return Err(Failure::new(FailureClass::Empty, message));
    }
    let around = text.len() - (block.span.end - block.span.start);
    if is_page && !around_page(block) && around > block.content.len() {
        return Ok(with_newline(text));
    }
    if !block.closed {
        let why = smallcode_parse::unclosed(block.content);
        let message = format!("the answer ends inside the code block of `{path}`: {why}");
        return Err(Failure::new(FailureClass::Unparseable, message));
    }
    Ok(block.content.to_owned())
}

/// The content of a file without a fence. Code may come so, but an apology is no code.
fn unfenced(answer: &str, text: &str, path: &str) -> Result<String, Failure> {
    if let Ok(Some(problem)) = syntax::check(path, text) {
        let message = format!(
            "the answer has no code block for `{path}`, and is none itself ({}): give the file in one fenced block",
            problem.message
        );
        return Err(unreadable(answer, message));
    }
    Ok(with_newline(text))
}

fn is_markdown(word: &str) -> bool {
    matches!(word, "md" | "markdown" | "mdx")
}

/// The files of an answer, as path and content; `known` are those that it is asked for by name.
///
/// # Errors
/// When there are none, when one is cut or given twice; the message says which and what to do.
pub fn files(answer: &str, known: &Known) -> Result<Vec<(String, String)>, Failure> {
    let found = smallcode_parse::files_of(said(answer)?, known);
    if found.diagnostics.is_empty() {
        return Ok(found
            .files
            .into_iter()
            .map(|file| (file.path, file.content))
            .collect());
    }
    Err(failure(FailureClass::Unparseable, answer, &found.diagnostics))
}

/// Sees that the files which are asked for by their names are all among those of an answer.
///
/// # Errors
/// When some are missing; the message says which.
pub fn has_all(files: &[(String, String)], names: &[String]) -> Result<(), Failure> {
    let is_given = |name: &String| files.iter().any(|(path, _)| path == name);
    let missing: Vec<&String> = names.iter().filter(|name| !is_given(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut told: Vec<String> = missing
        .iter()
        .take(TOLD)
        .map(|name| format!("`{name}` is missing"))
        .collect();
    if missing.len() > TOLD {
        told.push(format!("and {} more are missing", missing.len() - TOLD));
    }
    let message = format!("{}: give every file that is asked for", told.join("; "));
    Err(Failure::new(FailureClass::SchemaMismatch, message))
}

/// The edits of an answer to the files `known`: search/replace blocks, or a diff.
///
/// # Errors
/// When there are none, or when a block lacks a part. One that ends too early is not what the limit of an answer cut:
/// the model left its end out, and may well give it when it is told.
pub fn edits(answer: &str, known: &Known) -> Result<Vec<Edit>, Failure> {
    let found = smallcode_parse::edits_of(text(answer), known);
    if found.diagnostics.is_empty() {
        return Ok(found.edits);
    }
    Err(failure(FailureClass::Unparseable, answer, &found.diagnostics))
}

fn none(answer: &str, diagnostics: &[Diagnostic]) -> Failure {
    if text(answer).is_empty() {
        return Failure::new(FailureClass::Empty, "the answer is empty");
    }
    failure(FailureClass::Unparseable, answer, diagnostics)
}

fn unreadable(answer: &str, message: String) -> Failure {
    let mut failure = Failure::new(FailureClass::Unparseable, message);
    failure.detail = answer.chars().take(EXCERPT).collect();
    failure
}

fn failure(class: FailureClass, answer: &str, diagnostics: &[Diagnostic]) -> Failure {
    let mut told: Vec<String> = diagnostics.iter().take(TOLD).map(in_words).collect();
    if diagnostics.len() > TOLD {
        told.push(format!("and {} more problems", diagnostics.len() - TOLD));
    }
    let mut failure = Failure::new(class, told.join("; "));
    failure.detail = answer.chars().take(EXCERPT).collect();
    failure
}

fn in_words(diagnostic: &Diagnostic) -> String {
    match diagnostic.path.as_deref().filter(|path| !path.is_empty()) {
        Some(path) => format!("at `{path}`: {}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

fn with_newline(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') {
        text.to_owned()
    } else {
        format!("{text}\n")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Json {
        json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] })
    }

    #[test]
    fn a_value_is_read_as_models_write_it() {
        for answer in [
            "{\"n\": 1}",
            "Here:\n```json\n{'n': '1',}\n```\nDone.",
            "<think>\n{}\n</think>\n{n: 1\n",
        ] {
            assert_eq!(
                value(answer, &schema()).0.ok(),
                Some(json!({ "n": 1 })),
                "{answer}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_told_and_not_invented() {
        let failure = value("{\"m\": 1, \"k\": 2}", &schema()).0.unwrap_err();
        assert_eq!(failure.class, FailureClass::SchemaMismatch);
        assert!(failure.message.contains("`n`"), "{}", failure.message);
        assert_eq!(value(" \n", &schema()).0.unwrap_err().class, FailureClass::Empty);
    }

    #[test]
    fn a_file_is_its_block_or_the_answer() {
        assert_eq!(
            file("Sure!\n```rust\nfn main() {}\n```\n", "a.rs").unwrap(),
            "fn main() {}\n"
        );
        assert_eq!(file("# Title\n\ntext", "a.md").unwrap(), "# Title\n\ntext\n");
        let page = "# Title\n\nRun it like this, in any folder you like:\n\n```sh\nls\n```\n";
        assert_eq!(file(page, "a.md").unwrap(), page);
        assert_eq!(file("fn main() {}", "a.rs").unwrap(), "fn main() {}\n");
        assert_eq!(file("Just words.", "a.txt").unwrap(), "Just words.\n");
        let class = |answer: &str, path: &str| file(answer, path).unwrap_err().class;
        assert_eq!(
            class("I'm sorry, I can't do that.", "a.rs"),
            FailureClass::Unparseable
        );
        assert_eq!(class("```rust\n\n```\n", "a.rs"), FailureClass::Empty);
        assert!(
            file("```rust\nfn main() {", "a.rs")
                .unwrap_err()
                .message
                .contains("closing fence")
        );
    }

    #[test]
    fn a_file_that_holds_fences_is_whole_or_refused() {
        let page = "# Title\n\n```sh\nnpm i\n```\n\nEnd.\n";
        let fenced = format!("Here is the README:\n\n```markdown\n{page}```\n");
        assert_eq!(file(&fenced, "x.md").unwrap(), page);
        let longer = fenced
            .replace("```markdown", "````markdown")
            .replace("End.\n```", "End.\n````");
        assert_eq!(file(&longer, "x.md").unwrap(), page);
        let several = "# Title\n\n```sh\na\n```\n\n```js\nb\n```\n";
        assert_eq!(file(several, "x.md").unwrap(), several);
        for (answer, path, told) in [
            (
                fenced.replace("```sh", "```").as_str(),
                "x.md",
                "has 2 code blocks",
            ),
            ("```\n# T\n```\nls\n```\nEnd\n```", "x.md", "has 2 code blocks"),
            ("```markdown\n# T\n```sh\nls\n```\nEnd", "x.md", "four backticks"),
            (
                "First:\n```py\na = 1\n```\nor\n```py\nb = 2\n```\n",
                "x.py",
                "has 2 code blocks",
            ),
            ("```\na\n```\nor\n```\nb\n```\n", "x.txt", "has 2 code blocks"),
        ] {
            let failure = file(answer, path).unwrap_err();
            assert_eq!(failure.class, FailureClass::Unparseable, "{answer}");
            assert!(failure.message.contains(told), "{answer}: {}", failure.message);
        }
    }

    #[test]
    fn thinking_that_never_ends_is_no_text_and_no_file() {
        for answer in [
            "<think>\nI should write it.\n",
            "<think>a</think><think>\n```a.rs\nx\n```\n",
        ] {
            let class = |failure: Failure| failure.class;
            for found in [
                said(answer).map(str::to_owned).map_err(class),
                file(answer, "a.txt").map_err(class),
                files(answer, &Known::default())
                    .map(|_| String::new())
                    .map_err(class),
            ] {
                assert_eq!(found, Err(FailureClass::Overthinking), "{answer}");
            }
        }
        assert_eq!(said("<think>hm</think>\nyes\n").unwrap(), "yes");
        assert_eq!(said("`<think>` begins it").unwrap(), "`<think>` begins it");
        assert_eq!(
            value("<think>so {\"n\": 1}", &schema()).0.ok(),
            Some(json!({ "n": 1 }))
        );
    }

    #[test]
    fn files_that_are_missing_are_named() {
        let given = [("a".to_owned(), String::new())];
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(has_all(&given, &names(&["a"])).is_ok() && has_all(&given, &[]).is_ok());
        let failure = has_all(&given, &names(&["a", "b", "c"])).unwrap_err();
        assert_eq!(failure.class, FailureClass::SchemaMismatch);
        assert_eq!(
            failure.message,
            "`b` is missing; `c` is missing: give every file that is asked for"
        );
        let many = names(&["b", "c", "d", "e", "f", "g", "h"]);
        let failure = has_all(&given, &many).unwrap_err();
        assert!(
            failure.message.contains("`f` is missing; and 2 more are missing"),
            "{}",
            failure.message
        );
    }

    #[test]
    fn files_have_paths_and_are_whole() {
        let answer = "```src/a.rs\na\n```\n### src/b.rs\n```rust\nb\n```\n```rust\nno path\n```\n";
        let paths: Vec<String> = files(answer, &Known::default())
            .unwrap()
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(paths, ["src/a.rs", "src/b.rs"]);
        assert!(
            files("```src/a.rs\na\n", &Known::default())
                .unwrap_err()
                .message
                .contains("ends inside `src/a.rs`")
        );
        assert!(
            files("none", &Known::default())
                .unwrap_err()
                .message
                .contains("fenced block")
        );
    }
}
