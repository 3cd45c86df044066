//! What stands between quotes: escapes of JSON, and what models make of them.

use crate::tree::{Span, Text, Tree};
use crate::{Repair, RepairKind};

/// The character that the escape at `at` (its backslash) stands for in JSON, and the byte after it.
///
/// A surrogate pair is one character; a lone surrogate is U+FFFD, as it has no other meaning in UTF-8.
pub(super) fn json_escape(source: &str, at: usize, end: usize) -> Option<(char, usize)> {
    let bytes = source.as_bytes();
    let letter = match bytes.get(at + 1).filter(|_| at + 1 < end)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(source, at, end),
        _ => return None,
    };
    Some((letter, at + 2))
}

fn unicode_escape(source: &str, at: usize, end: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        (at + 6 <= end && source.as_bytes().get(at..at + 2) == Some(b"\\u"))
            .then(|| source.get(at + 2..at + 6))
            .flatten()
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
    };
    let first = unit(at)?;
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = unit(at + 6).filter(|second| (0xdc00..0xe000).contains(second))
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return Some((
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
            at + 12,
        ));
    }
    Some((
        char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER),
        at + 6,
    ))
}

/// Decodes the inside of a string, `body`, that may hold anything.
///
/// An escape that JSON does not know stays as it was written (`\d` in a pattern, `\U` in a path), but for escaped
/// quotes of other kinds, where the backslash can only have been meant as an escape.
pub(super) fn decode(
    tree: &mut Tree<'_>,
    source: &str,
    body: Span,
    copy: bool,
    repairs: &mut Vec<Repair>,
) -> Text {
    let bytes = body.of(source).as_bytes();
    let Some(first) = bytes.iter().position(|byte| matches!(byte, b'\\' | 0..=0x1f)) else {
        return if copy {
            tree.keep(body.of(source))
        } else {
            Text::Source(body)
        };
    };
    let kept = tree.buffer().len();
    let mut at = body.start + first;
    let mut copied = body.start;
    let mut control = false;
    while at < body.end {
        let byte = source.as_bytes().get(at).copied().unwrap_or(0);
        if byte < 0x20 && !control {
            control = true;
            repairs.push(Repair {
                kind: RepairKind::RawControl,
                span: Span::new(at, at + 1),
            });
        }
        if byte != b'\\' {
            at += 1;
            continue;
        }
        let escape = json_escape(source, at, body.end).or_else(|| {
            let letter = source.get(at + 1..body.end)?.chars().next()?;
            repairs.push(Repair {
                kind: RepairKind::BadEscape,
                span: Span::new(at, at + 1 + letter.len_utf8()),
            });
            (matches!(letter, '\'' | '`') || !letter.is_ascii()).then(|| (letter, at + 1 + letter.len_utf8()))
        });
        match escape {
            Some((letter, next)) => {
                tree.buffer().push_str(Span::new(copied, at).of(source));
                tree.buffer().push(letter);
                at = next;
                copied = next;
            }
            // An unfinished `\u12` or a lone backslash at the end of a text that was cut.
            None if at + 1 >= body.end && body.end == source.len() => {
                tree.buffer().push_str(Span::new(copied, at).of(source));
                at = body.end;
                copied = body.end;
            }
            None => at += 1,
        }
    }
    tree.buffer().push_str(Span::new(copied, body.end).of(source));
    tree.kept_since(kept)
}
