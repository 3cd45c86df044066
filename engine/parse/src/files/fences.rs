//! Fenced blocks (`CommonMark` 0.31, section 4.5): three or more backticks or tildes, closed by as many or more.

use crate::Span;

/// A fenced block.
#[derive(Debug)]
pub(super) struct Fence<'a> {
    /// What stands after the opening fence.
    pub(super) info: &'a str,
    /// The last line before the block that is not blank; empty after another block.
    pub(super) before: &'a str,
    pub(super) content: Span,
    pub(super) span: Span,
    pub(super) closed: bool,
}

/// The blocks of `text`, in order. A block that never ends reaches to the end of the text.
pub(super) fn fences(text: &str) -> Vec<Fence<'_>> {
    struct Open<'a> {
        mark: u8,
        length: usize,
        info: &'a str,
        before: &'a str,
        start: usize,
        content: usize,
    }
    let mut found: Vec<Fence<'_>> = Vec::new();
    let mut open: Option<Open<'_>> = None;
    let mut before = "";
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let trimmed = line.trim();
        match &open {
            None => {
                if let Some((mark, length)) = fence(trimmed) {
                    let info = trimmed.get(length..).unwrap_or_default().trim();
                    open = Some(Open {
                        mark,
                        length,
                        info,
                        before,
                        start,
                        content: offset,
                    });
                    before = "";
                } else if !trimmed.is_empty() {
                    before = trimmed;
                }
            }
            Some(block) => {
                let closes = fence(trimmed).is_some_and(|(mark, length)| {
                    mark == block.mark && length >= block.length && length == trimmed.len()
                });
                if closes {
                    found.push(Fence {
                        info: block.info,
                        before: block.before,
                        content: Span::new(block.content, start),
                        span: Span::new(block.start, offset),
                        closed: true,
                    });
                    open = None;
                }
            }
        }
    }
    if let Some(block) = open {
        found.push(Fence {
            info: block.info,
            before: block.before,
            content: Span::new(block.content, text.len()),
            span: Span::new(block.start, text.len()),
            closed: false,
        });
    }
    found
}

fn fence(line: &str) -> Option<(u8, usize)> {
    let mark = *line.as_bytes().first()?;
    if !matches!(mark, b'`' | b'~') {
        return None;
    }
    let length = line.bytes().take_while(|byte| *byte == mark).count();
    let info = line.get(length..).unwrap_or_default();
    (length >= 3 && !(mark == b'`' && info.contains('`'))).then_some((mark, length))
}
