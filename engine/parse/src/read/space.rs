//! What stands between tokens and means nothing: space of every kind, comments, ellipses.

use crate::tree::Span;
use crate::{Repair, RepairKind};

/// The byte after the space (JSON's, or any other of Unicode) that starts at `at`.
pub(crate) fn skip_space(source: &str, mut at: usize, end: usize) -> usize {
    let bytes = source.as_bytes();
    while at < end {
        match bytes.get(at) {
            Some(b' ' | b'\n' | b'\r' | b'\t' | 0x0b | 0x0c) => at += 1,
            Some(byte) if !byte.is_ascii() => match odd_space(source, at) {
                Some(length) => at += length,
                None => break,
            },
            _ => break,
        }
    }
    at
}

/// Skips space, comments and ellipses; notes what was no plain space.
///
/// A line comment on the last line, which starts at `last_line`, ends at a closing bracket: in a text of one line
/// it would take all of what follows along.
pub(super) fn skip(
    source: &str,
    mut at: usize,
    end: usize,
    last_line: usize,
    repairs: &mut Vec<Repair>,
) -> usize {
    let bytes = source.as_bytes();
    let byte = |at: usize| {
        if at < end {
            bytes.get(at).copied().unwrap_or(0)
        } else {
            0
        }
    };
    loop {
        let start = at;
        let kind = match byte(at) {
            b' ' | b'\n' | b'\r' | b'\t' => {
                at += 1;
                continue;
            }
            0x0b | 0x0c => {
                at += 1;
                RepairKind::OddSpace
            }
            // Written-out escapes between tokens: the reply was escaped once too often.
            b'\\' if matches!(byte(at + 1), b'n' | b't' | b'r') && !byte(at + 2).is_ascii_alphanumeric() => {
                at += 2;
                RepairKind::OddSpace
            }
            b'/' if byte(at + 1) == b'/' => {
                at = line_end(source, at, end, last_line);
                RepairKind::Comment
            }
            b'#' => {
                at = line_end(source, at, end, last_line);
                RepairKind::Comment
            }
            b'/' if byte(at + 1) == b'*' => {
                let body = bytes.get(at + 2..end).unwrap_or_default();
                at = memchr::memmem::find(body, b"*/").map_or(end, |length| at + 4 + length);
                RepairKind::Comment
            }
            b'.' if byte(at + 1) == b'.' && byte(at + 2) == b'.' => {
                at += 3;
                RepairKind::Ellipsis
            }
            other if !other.is_ascii() => {
                if let Some(length) = odd_space(source, at) {
                    at += length;
                    RepairKind::OddSpace
                } else if source.get(at..).is_some_and(|rest| rest.starts_with('…')) {
                    at += '…'.len_utf8();
                    RepairKind::Ellipsis
                } else {
                    return at;
                }
            }
            _ => return at,
        };
        if at > end {
            at = end;
        }
        repairs.push(Repair {
            kind,
            span: Span::new(start, at),
        });
    }
}

fn line_end(source: &str, at: usize, end: usize, last_line: usize) -> usize {
    let rest = source.as_bytes().get(at..end).unwrap_or_default();
    let length = if at < last_line {
        memchr::memchr2(b'\n', b'\r', rest)
    } else {
        memchr::memchr2(b'}', b']', rest)
    };
    length.map_or(end, |length| at + length)
}

/// The length of a space that JSON does not know: Unicode's, zero-width ones and the byte order mark.
fn odd_space(source: &str, at: usize) -> Option<usize> {
    let letter = source.get(at..)?.chars().next()?;
    (letter.is_whitespace()
        || matches!(
            letter,
            '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{180e}'
        ))
    .then(|| letter.len_utf8())
}
