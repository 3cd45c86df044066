//! What an answer holds: text, a JSON value, a file, files with their paths.
//!
//! Strict on purpose: an answer in another form is refused, and the refusal tells the model what was expected.

use serde_json::Value as Json;

/// The answer without thoughts that a model left in it and without blank lines around it.
pub fn text(answer: &str) -> &str {
    without_thoughts(answer).trim()
}

/// The JSON value that the answer is, alone or in its one fenced block.
///
/// # Errors
/// When it is no JSON; the text says where.
pub fn json(answer: &str) -> Result<Json, String> {
    let text = text(answer);
    let blocks = blocks(text);
    let source = match blocks.as_slice() {
        [only] => only.content.trim(),
        _ => text,
    };
    serde_json::from_str(source).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Eof => format!("it ends at {place} before the value is complete"),
            _ => format!("something unexpected stands at {place}"),
        }
    })
}

/// The content of a file: of the answer's one fenced block, or the whole answer where it has none.
///
/// An answer with several blocks is taken whole: which of them is meant can't be known.
pub fn file(answer: &str) -> String {
    let text = text(answer);
    let blocks = blocks(text);
    match blocks.as_slice() {
        [only] => only.content.to_owned(),
        _ => with_newline(text),
    }
}

/// The files of an answer: each fenced block with a path after its opening fence.
pub fn files(answer: &str) -> Vec<(String, String)> {
    blocks(text(answer))
        .into_iter()
        .filter_map(|block| Some((path_of(block.info)?.to_owned(), block.content.to_owned())))
        .collect()
}

struct Block<'a> {
    info: &'a str,
    content: &'a str,
}

/// The fenced blocks of a text (`CommonMark` 0.31, section 4.5): a fence of three or more backticks or tildes,
/// closed by one at least as long.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<(char, usize, &str, usize)> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let trimmed = line.trim();
        match open {
            None => {
                if let Some((mark, length)) = fence(trimmed) {
                    open = Some((
                        mark,
                        length,
                        trimmed.get(length..).unwrap_or_default().trim(),
                        offset,
                    ));
                }
            }
            Some((mark, length, info, content)) => {
                let closes = fence(trimmed).is_some_and(|(other, longer)| {
                    other == mark && longer >= length && trimmed.chars().all(|char| char == mark)
                });
                if closes {
                    found.push(Block {
                        info,
                        content: text.get(content..start).unwrap_or_default(),
                    });
                    open = None;
                }
            }
        }
    }
    found
}

fn fence(line: &str) -> Option<(char, usize)> {
    let mark = line.chars().next().filter(|char| matches!(char, '`' | '~'))?;
    let length = line.chars().take_while(|char| *char == mark).count();
    let info = line.get(length..).unwrap_or_default();
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, length))
}

/// The path in an info string: `src/a.rs`, `rust src/a.rs`, `rust:src/a.rs`, `rust path=src/a.rs`.
fn path_of(info: &str) -> Option<&str> {
    info.split_whitespace().rev().find_map(|word| {
        let word = word
            .rsplit_once('=')
            .map_or(word, |(_, path)| path)
            .trim_matches(['"', '\'']);
        let word = word.split_once(':').map_or(word, |(_, path)| path);
        (word.contains('.') || word.contains('/')).then_some(word)
    })
}

/// Some servers leave the thinking of a model in its text, with or without the opening tag.
fn without_thoughts(answer: &str) -> &str {
    match answer.rsplit_once("</think>") {
        Some((thoughts, rest))
            if thoughts.trim_start().starts_with("<think>") || !thoughts.contains("<think>") =>
        {
            rest
        }
        _ => answer,
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
    use super::*;
    use serde_json::json;

    #[test]
    fn json_alone_or_in_one_block() {
        assert_eq!(json(" {\"a\": 1} "), Ok(json!({"a": 1})));
        assert_eq!(json("Here:\n```json\n[1]\n```\nDone."), Ok(json!([1])));
        assert_eq!(json("<think>\nhm {}\n</think>\n{}"), Ok(json!({})));
        assert!(json("```json\n[1]\n```\n```json\n[2]\n```").is_err());
        assert!(
            json("{\"a\":")
                .unwrap_err()
                .contains("before the value is complete")
        );
    }

    #[test]
    fn a_file_is_its_block_or_the_answer() {
        assert_eq!(file("Sure!\n```rust\nfn main() {}\n```\n"), "fn main() {}\n");
        assert_eq!(file("# Title\n\ntext"), "# Title\n\ntext\n");
        assert_eq!(file("````md\n```sh\nls\n```\n````"), "```sh\nls\n```\n");
    }

    #[test]
    fn files_have_paths() {
        let answer =
            "```src/a.rs\na\n```\n```rust src/b.rs\nb\n```\n```rust\nno path\n```\n```ts:src/c.ts\nc\n```\n";
        let paths: Vec<String> = files(answer).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["src/a.rs", "src/b.rs", "src/c.ts"]);
    }
}
