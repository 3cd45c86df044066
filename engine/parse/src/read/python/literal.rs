//! A literal of Python, without recursion.

use super::{Cursor, Manner};
use crate::MAX_DEPTH;
use crate::tree::{Kind, NodeId, Span, Text, Tree};

/// A container that is open.
struct Open {
    node: NodeId,
    closer: u8,
    /// A comma was seen: `(1)` is no tuple, `(1,)` is one.
    comma: bool,
    key: Option<Text>,
}

/// Reads one value at the cursor; `None` where it is no literal.
pub(crate) fn value(tree: &mut Tree<'_>, cursor: &mut Cursor<'_>, manner: Manner) -> Option<NodeId> {
    let mut open: Vec<Open> = Vec::new();
    loop {
        cursor.space();
        let mut done = match cursor.peek() {
            bracket @ (b'[' | b'(' | b'{') => {
                if open.len() >= MAX_DEPTH {
                    return None;
                }
                let (closer, kind) = match bracket {
                    b'[' => (b']', Kind::Array),
                    b'(' => (b')', Kind::Array),
                    _ => (b'}', Kind::Object),
                };
                let node = tree.push(kind, Span::new(cursor.at, cursor.at + 1));
                cursor.at += 1;
                open.push(Open {
                    node,
                    closer,
                    comma: false,
                    key: None,
                });
                if !close_if_ended(tree, cursor, open.last()?, manner) {
                    continue;
                }
                open.pop()?.node
            }
            _ => scalar(tree, cursor, manner)?,
        };
        // The value may end the container it stands in, and that one the next.
        loop {
            let Some(parent) = open.last_mut() else {
                return Some(done);
            };
            cursor.space();
            if parent.closer == b'}' && parent.key.is_none() && cursor.peek() == b':' {
                cursor.at += 1;
                parent.key = Some(tree.keep_text_of(done));
                break;
            }
            if parent.closer == b'}' && parent.key.is_none() {
                // A set.
                tree.set_kind(parent.node, Kind::Array);
            }
            tree.append(parent.node, parent.key.take(), done);
            let comma = cursor.eat(b',');
            parent.comma |= comma;
            if close_if_ended(tree, cursor, parent, manner) {
                let closed = open.pop()?;
                done = closed.node;
                if closed.closer == b')' && !closed.comma {
                    tree.unwrap_single(done);
                }
            } else if comma {
                break;
            } else {
                return None;
            }
        }
    }
}

/// Eats the closer, or the end of a text that was cut off.
fn close_if_ended(tree: &mut Tree<'_>, cursor: &mut Cursor<'_>, open: &Open, manner: Manner) -> bool {
    cursor.space();
    let cut = cursor.done() && manner != Manner::Strict;
    if !cut && !cursor.eat(open.closer) {
        return false;
    }
    if cut {
        tree.mark_cut(open.node);
    }
    tree.close(open.node, cursor.at);
    true
}

fn scalar(tree: &mut Tree<'_>, cursor: &mut Cursor<'_>, manner: Manner) -> Option<NodeId> {
    let start = cursor.at;
    if string_ahead(cursor).is_some() {
        return strings(tree, cursor, manner);
    }
    let word = cursor.rest();
    let len = word
        .find(|ch: char| !(ch.is_alphanumeric() || matches!(ch, '_' | '.' | '+' | '-' | '/' | '$' | '%')))
        .unwrap_or(word.len());
    let word = word.get(..len)?;
    cursor.at += len;
    let span = Span::new(start, cursor.at);
    match word {
        "None" | "null" => return Some(tree.push(Kind::Null, span)),
        "True" | "true" => return Some(tree.push(Kind::Bool(true), span)),
        "False" | "false" => return Some(tree.push(Kind::Bool(false), span)),
        _ => {}
    }
    if word.starts_with(|ch: char| ch.is_ascii_digit() || matches!(ch, '-' | '+' | '.'))
        && let Some(node) = number(tree, word, span)
    {
        return Some(node);
    }
    if manner == Manner::Strict || cursor.peek() == b'(' {
        return None;
    }
    // Words up to the next comma or bracket.
    let rest = cursor.rest();
    let more = rest
        .find([',', ')', ']', '}', '(', '[', '{', '=', '\n', '"', '\''])
        .unwrap_or(rest.len());
    let next = rest.as_bytes().get(more).copied().unwrap_or(b',');
    if !matches!(next, b',' | b')' | b']' | b'}') {
        return None;
    }
    let tail = rest.get(..more)?.trim_end();
    if len + tail.len() == 0 {
        return None;
    }
    cursor.at += tail.len();
    Some(tree.push(Kind::Bare, Span::new(start, cursor.at)))
}

/// A number as JSON writes it, whatever Python wrote.
fn number(tree: &mut Tree<'_>, word: &str, span: Span) -> Option<NodeId> {
    if serde_json::from_str::<serde_json::Number>(word).is_ok() {
        return Some(tree.push(Kind::Number, span));
    }
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    };
    let mut plain = digits.replace('_', "");
    let radix = [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)];
    let based = radix
        .into_iter()
        .find_map(|(prefix, radix)| Some((plain.strip_prefix(prefix)?, radix)));
    if let Some((digits, radix)) = based {
        plain = u64::from_str_radix(digits, radix).ok()?.to_string();
    }
    if plain.starts_with('.') {
        plain.insert(0, '0');
    }
    let plain = plain.strip_suffix('.').unwrap_or(&plain);
    let number = format!("{sign}{plain}");
    serde_json::from_str::<serde_json::Number>(&number).ok()?;
    let text = tree.keep(&number);
    Some(tree.push_text(Kind::Number, span, text))
}

/// The length of a string's prefix, its quote, and whether it is raw.
fn string_ahead(cursor: &Cursor<'_>) -> Option<(usize, char, bool)> {
    let rest = cursor.rest();
    let prefix = rest
        .bytes()
        .take(2)
        .take_while(|byte| matches!(byte.to_ascii_lowercase(), b'r' | b'b' | b'f' | b'u'));
    let prefix = prefix.count();
    let quote = rest
        .get(prefix..)?
        .chars()
        .next()
        .filter(|ch| matches!(ch, '"' | '\'' | '“' | '‘'))?;
    let raw = rest.get(..prefix)?.contains(['r', 'R']);
    Some((prefix, quote, raw))
}

/// One string, or several that stand after each other.
fn strings(tree: &mut Tree<'_>, cursor: &mut Cursor<'_>, manner: Manner) -> Option<NodeId> {
    let start = cursor.at;
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut end = start;
    while let Some((prefix, quote, raw)) = string_ahead(cursor) {
        cursor.at += prefix;
        parts.push(string(cursor, quote, raw, manner)?);
        end = cursor.at;
        cursor.space();
    }
    cursor.at = end;
    let text = match parts.as_slice() {
        [
            Part {
                body,
                at,
                plain: true,
                ..
            },
        ] => Text::Source(Span::new(*at, at + body.len())),
        parts => {
            let kept = tree.buffer().len();
            for part in parts {
                if part.plain {
                    tree.buffer().push_str(part.body);
                } else {
                    unescape(part.body, tree.buffer());
                }
            }
            tree.kept_since(kept)
        }
    };
    let cut = parts.last()?.cut;
    let node = tree.push_text(Kind::Quoted, Span::new(start, end), text);
    if cut {
        tree.mark_cut(node);
    }
    Some(node)
}

/// What stands between quotes.
struct Part<'t> {
    body: &'t str,
    at: usize,
    /// There is nothing to decode.
    plain: bool,
    /// The closing quote is missing.
    cut: bool,
}

fn string<'t>(cursor: &mut Cursor<'t>, quote: char, raw: bool, manner: Manner) -> Option<Part<'t>> {
    let closer = match quote {
        '“' => '”',
        '‘' => '’',
        other => other,
    };
    let triple = cursor.rest().starts_with(&quote.to_string().repeat(3)) && quote.is_ascii();
    let width = if triple { 3 } else { quote.len_utf8() };
    cursor.at += width;
    let (start, source) = (cursor.at, cursor.rest());
    let (mut at, mut plain) = (0, true);
    let closing = closer.to_string().repeat(if triple { 3 } else { 1 });
    let len = loop {
        let Some(found) = source.get(at..)?.find(['\\', closer]) else {
            break None;
        };
        let here = at + found;
        if source.get(here..)?.starts_with('\\') {
            plain = false;
            let escaped = source.get(here + 1..)?.chars().next().map_or(0, char::len_utf8);
            at = here + 1 + escaped;
        } else if source.get(here..)?.starts_with(&closing)
            && (manner != Manner::Loose || ends_argument(source.get(here + closing.len()..)?))
        {
            break Some(here);
        } else {
            at = here + closer.len_utf8();
        }
    };
    if len.is_none() && manner == Manner::Strict {
        cursor.furthest = start + source.len();
        return None;
    }
    let body = source.get(..len.unwrap_or(source.len()))?;
    cursor.at = start + body.len() + len.map_or(0, |_| closing.len());
    Some(Part {
        body,
        at: start,
        plain: plain || raw,
        cut: len.is_none(),
    })
}

fn ends_argument(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with([')', ']', '}', ':']) || {
        // A comma ends an argument where a key, a quote or a bracket follows.
        rest.strip_prefix(',').is_some_and(|after| {
            let after = after.trim_start();
            let word = after
                .find(|ch: char| !(ch.is_alphanumeric() || ch == '_'))
                .unwrap_or(after.len());
            after.starts_with(['"', '\'', '{', '[', ')', ']', '}'])
                || after.get(word..).unwrap_or_default().starts_with('=')
        })
    }
}

/// Python's escapes; one that it does not know stays as it is written.
fn unescape(body: &str, out: &mut String) {
    let mut rest = body;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let Some(ch) = after.chars().next() else {
            out.push('\\');
            return;
        };
        let (decoded, len) = match ch {
            'n' => (Some('\n'), 1),
            't' => (Some('\t'), 1),
            'r' => (Some('\r'), 1),
            '\\' | '\'' | '"' => (Some(ch), 1),
            'a' => (Some('\x07'), 1),
            'b' => (Some('\x08'), 1),
            'f' => (Some('\x0c'), 1),
            'v' => (Some('\x0b'), 1),
            '\n' => (None, 1),
            'x' => (hex(after, 2), 3),
            'u' => (hex(after, 4), 5),
            'U' => (hex(after, 8), 9),
            '0'..='7' => octal(after),
            _ => (None, 0),
        };
        match decoded {
            Some(ch) => out.push(ch),
            None if ch == '\n' => {}
            None => {
                out.push('\\');
                rest = after;
                continue;
            }
        }
        rest = after.get(len..).unwrap_or_default();
    }
    out.push_str(rest);
}

fn hex(after: &str, digits: usize) -> Option<char> {
    let digits = after.get(1..=digits)?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

fn octal(after: &str) -> (Option<char>, usize) {
    let len = after
        .bytes()
        .take(3)
        .take_while(|byte| matches!(byte, b'0'..=b'7'))
        .count();
    let value = after
        .get(..len)
        .and_then(|digits| u32::from_str_radix(digits, 8).ok());
    (value.and_then(char::from_u32), len)
}
