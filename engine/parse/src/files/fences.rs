//! Fenced blocks (`CommonMark` 0.31, section 4.5): three or more backticks or tildes, closed by as many or more.
//!
//! Models put files into fences that hold fences of the same length, which `CommonMark` would end at the first inner
//! one. So a fence with words behind it, inside a block, opens another block, which is to be closed first. A longer outer
//! fence says the same without a doubt: shorter ones in it are text.

use crate::Span;

/// A fenced block that stands in no other.
#[derive(Debug)]
pub(super) struct Fence<'a> {
    /// What stands after the opening fence.
    pub(super) info: &'a str,
    /// The last line before the block that is not blank; empty after another block.
    pub(super) before: &'a str,
    /// What stands after the opening fences of the blocks in it that need fences of their own.
    pub(super) inner: Vec<&'a str>,
    pub(super) content: Span,
    pub(super) span: Span,
    pub(super) closed: bool,
}

/// How much further than its opening fence a closing one may be indented: from four on it is code (`CommonMark`).
const DEEPER: usize = 3;

/// How far a tab indents at most (`CommonMark` 0.31, section 2.2).
const TAB: usize = 4;

/// A line that opens or closes a block.
#[derive(Clone, Copy)]
struct Line<'a> {
    mark: u8,
    length: usize,
    indent: usize,
    info: &'a str,
}

impl<'a> Line<'a> {
    fn new(line: &'a str) -> Option<Self> {
        let text = line.trim();
        let mark = *text.as_bytes().first()?;
        if !matches!(mark, b'`' | b'~') {
            return None;
        }
        let length = text.bytes().take_while(|byte| *byte == mark).count();
        let info = text.get(length..).unwrap_or_default().trim();
        if length < 3 || mark == b'`' && info.contains('`') {
            return None;
        }
        let space = line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t'));
        let indent = space.fold(0, |indent, byte| match byte {
            b'\t' => indent / TAB * TAB + TAB,
            _ => indent + 1,
        });
        Some(Self {
            mark,
            length,
            indent,
            info,
        })
    }

    /// Whether this line, in a block that `self` opened, is more than text.
    fn counts(&self, line: &Self) -> bool {
        line.mark == self.mark && line.length >= self.length && line.indent <= self.indent + DEEPER
    }
}

/// The blocks of `text`, in order. A block that never ends reaches to the end of the text.
pub(super) fn fences(text: &str) -> Vec<Fence<'_>> {
    let mut found: Vec<Fence<'_>> = Vec::new();
    // The block that is open, and the lines that opened it and those in it.
    let mut block: Option<Fence<'_>> = None;
    let mut open: Vec<Line<'_>> = Vec::new();
    let mut before = "";
    let mut offset = 0;
    for raw in text.split_inclusive('\n') {
        let start = offset;
        offset += raw.len();
        let line = Line::new(raw);
        let Some(inside) = &mut block else {
            if let Some(line) = line {
                block = Some(Fence {
                    info: line.info,
                    before,
                    inner: Vec::new(),
                    content: Span::new(offset, offset),
                    span: Span::new(start, offset),
                    closed: false,
                });
                open.push(line);
                before = "";
            } else if !raw.trim().is_empty() {
                before = raw.trim();
            }
            continue;
        };
        let Some(line) = line.filter(|line| open.last().is_some_and(|opener| opener.counts(line))) else {
            continue;
        };
        if line.info.is_empty() {
            open.pop();
        } else {
            inside.inner.push(line.info);
            open.push(line);
        }
        if open.is_empty()
            && let Some(mut fence) = block.take()
        {
            fence.content.end = start;
            fence.span.end = offset;
            fence.closed = true;
            found.push(fence);
        }
    }
    if let Some(mut fence) = block {
        fence.content.end = text.len();
        fence.span.end = text.len();
        found.push(fence);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The blocks of a text, a line for each: its info, what is in it and whether it ends.
    fn read(text: &str) -> Vec<String> {
        let shown = |fence: &Fence<'_>| {
            let end = if fence.closed { "" } else { " …" };
            format!(
                "{}|{}{end}",
                fence.info,
                fence.content.of(text).replace('\n', "/")
            )
        };
        fences(text).iter().map(shown).collect()
    }

    #[test]
    fn a_fence_with_words_inside_a_block_opens_another() {
        assert_eq!(
            read("```md\na\n```sh\nb\n```\nc\n```\n```x\nd\n```"),
            ["md|a/```sh/b/```/c/", "x|d/"]
        );
        assert_eq!(
            read("~~~md\n~~~a\n~~~b\n~~~\n~~~\nc\n~~~~\n"),
            ["md|~~~a/~~~b/~~~/~~~/c/"]
        );
        assert_eq!(read("```md\n```sh\nb\n```\nc\n"), ["md|```sh/b/```/c/ …"]);
    }

    #[test]
    fn a_longer_fence_needs_no_pairs_inside() {
        assert_eq!(read("````md\n```sh\nb\n````\n"), ["md|```sh/b/"]);
        assert_eq!(read("````md\n```\nb\n~~~x\n````\n"), ["md|```/b/~~~x/"]);
        assert_eq!(read("```md\n````js\n```x\n````\n```\n"), ["md|````js/```x/````/"]);
    }

    #[test]
    fn a_fence_that_is_indented_by_four_more_is_text() {
        assert_eq!(
            read("```py\n    ```\n    x\n    ```\n```\n"),
            ["py|    ```/    x/    ```/"]
        );
        assert_eq!(read("```py\n\t```sh\n\t```\n```\n"), ["py|\t```sh/\t```/"]);
        assert_eq!(
            read("```md\n   ```sh\n    x\n   ```\n```\n"),
            ["md|   ```sh/    x/   ```/"]
        );
        assert_eq!(read("  ```md\n  a\n   ```\n"), ["md|  a/"]);
    }
}
