//! A value without a schema: the JSON that a text holds, alone, in a fence or in prose.

use crate::align;
use crate::frame;
use crate::read::{self, Read, skip_space};
use crate::schema::Schema;
use crate::tree::{Kind, NodeId, Span, Tree};
use crate::{Diagnostic, DiagnosticKind, Reading, Repair, RepairKind};

/// Reads `text` as the value that it most likely holds.
pub(super) fn read(text: &str, partial: bool) -> Reading {
    let (thought, answer) = frame::split(text);
    let mut tree = Tree::new(text);
    let found = find(&mut tree, answer);
    let mut reading = Reading {
        thinking: thought.of(text).to_owned(),
        repairs: found.repairs,
        ..Reading::default()
    };
    let Some(node) = found.node else {
        answer.of(text).clone_into(&mut reading.text);
        if !partial {
            let message = "the reply holds no value".to_owned();
            reading.diagnostics.push(Diagnostic {
                kind: DiagnosticKind::Nothing,
                span: None,
                path: None,
                message,
            });
        }
        return reading;
    };
    let aligned = align::value(&tree, node, &Schema::any());
    reading.value = Some(aligned.value);
    reading.diagnostics = aligned.diagnostics;
    if let Some(cut) = aligned.cut {
        if !partial {
            reading.diagnostics.push(Diagnostic::cut(tree.span(node), &cut));
        }
        reading.cut = Some(cut);
    }
    reading
}

/// Finds the value that `span` holds.
///
/// Several values one after the other (one a line, or with commas between) are one array; empty ones beside others
/// are left out.
fn find(tree: &mut Tree<'_>, span: Span) -> Read {
    let first = read::strict(tree, span);
    if let Some((node, end)) = first
        && skip_space(tree.source(), end, span.end) >= span.end
    {
        return Read {
            node: Some(node),
            end,
            repairs: Vec::new(),
        };
    }
    let mut repairs = Vec::new();
    let mut values: Vec<NodeId> = Vec::new();
    let Some(mut at) = start(tree.source(), span) else {
        return read::json(tree, span);
    };
    if skip_space(tree.source(), span.start, span.end) < at {
        repairs.push(Repair {
            kind: RepairKind::SkippedText,
            span: Span::new(span.start, at),
        });
    }
    loop {
        let rest = Span::new(at, span.end);
        let read = match first.filter(|_| at == span.start) {
            Some((node, end)) => Read {
                node: Some(node),
                end,
                repairs: Vec::new(),
            },
            None if at == span.start => read::broken(tree, rest),
            None => read::json(tree, rest),
        };
        repairs.extend(read.repairs);
        values.extend(read.node);
        let Some(next) = next_value(tree.source(), read.end.max(at + 1), span.end) else {
            break;
        };
        at = next;
    }
    let empty =
        |node: &NodeId| matches!(tree.kind(*node), Kind::Array | Kind::Object) && tree.count(*node) == 0;
    if values.iter().any(|node| !empty(node)) {
        let whole = values.len();
        values.retain(|node| !empty(node));
        if values.len() < whole {
            repairs.push(Repair {
                kind: RepairKind::SeveralValues,
                span,
            });
        }
    } else if values
        .iter()
        .any(|node| tree.kind(*node) != tree.kind(*values.first().unwrap_or(node)))
    {
        values.truncate(1);
    }
    let node = if values.len() > 1 {
        repairs.push(Repair {
            kind: RepairKind::SeveralValues,
            span,
        });
        let list = tree.push(Kind::Array, span);
        for value in &values {
            tree.append(list, None, *value);
        }
        Some(list)
    } else {
        values.first().copied()
    };
    Read {
        node,
        end: span.end,
        repairs,
    }
}

/// Where the first value starts: at the text's own start where that is a value's, in the first fence, or at the first
/// bracket of prose. `None` where no bracket or fence is, so that the whole is a scalar.
fn start(source: &str, span: Span) -> Option<usize> {
    let bytes = source.as_bytes();
    let first = skip_space(source, span.start, span.end);
    let byte = |at: usize| {
        if at < span.end {
            bytes.get(at).copied().unwrap_or(0)
        } else {
            0
        }
    };
    if matches!(
        byte(first),
        b'{' | b'[' | b'(' | b'"' | b'\'' | b'/' | b'#' | b'\\' | b'-' | b'0'..=b'9'
    ) {
        return Some(first);
    }
    let rest = bytes.get(first..span.end)?;
    // `callback({…})`
    let name = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count();
    if name > 0 && byte(skip_space(source, first + name, span.end)) == b'(' {
        return Some(first);
    }
    let found = memchr::memchr3(b'{', b'[', b'`', rest)?;
    let at = first + found;
    if byte(at) != b'`' {
        return Some(at);
    }
    let fence = memchr::memmem::find(bytes.get(at..span.end)?, b"```").map(|length| at + length + 3);
    let bracket = memchr::memchr2(b'{', b'[', bytes.get(at..span.end)?).map(|length| at + length);
    match (fence, bracket) {
        (Some(fence), bracket) if bracket.is_none_or(|bracket| fence <= bracket) => {
            let word = bytes.get(fence..span.end)?;
            let word = word
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric())
                .count();
            Some(skip_space(source, fence + word, span.end))
        }
        (_, bracket) => bracket,
    }
}

/// The start of a further value, right behind the one that ended at `at`.
fn next_value(source: &str, mut at: usize, end: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    loop {
        at = skip_space(source, at, end);
        match bytes.get(at).filter(|_| at < end)? {
            b',' => at += 1,
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                let close = memchr::memmem::find(bytes.get(at + 2..end)?, b"*/")?;
                at += close + 4;
            }
            b'{' | b'[' => return Some(at),
            _ => return None,
        }
    }
}
