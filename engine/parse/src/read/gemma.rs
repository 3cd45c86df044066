//! Gemma's own notation: `{key:<|"|>text<|"|>,n:5,list:[…]}`, or with `<escape>` around texts.

use crate::MAX_DEPTH;
use crate::tree::{Kind, NodeId, Span, Text, Tree};

/// What stands around texts.
const QUOTES: [&str; 4] = ["<|\"|>", "<escape>", "\"", "'"];

/// Reads the object at `at`, and the byte after it.
pub(crate) fn object(tree: &mut Tree<'_>, at: usize) -> (NodeId, usize) {
    let text = tree.source();
    let root = tree.push(Kind::Object, Span::new(at, at));
    let mut open = vec![root];
    let mut key: Option<Text> = None;
    let mut here = at + 1;
    while let Some(&parent) = open.last() {
        let rest = text.get(here..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
        here += rest.len() - trimmed.len();
        let object = tree.kind(parent) == Kind::Object;
        let Some(byte) = trimmed.bytes().next() else {
            for node in &open {
                tree.mark_cut(*node);
            }
            break;
        };
        match byte {
            b'}' | b']' => {
                here += 1;
                tree.close(parent, here);
                open.pop();
                key = None;
                continue;
            }
            b'{' | b'[' if open.len() < MAX_DEPTH && (!object || key.is_some()) => {
                let kind = if byte == b'{' { Kind::Object } else { Kind::Array };
                let node = tree.push(kind, Span::new(here, here));
                tree.append(parent, key.take(), node);
                open.push(node);
                here += 1;
                continue;
            }
            _ => {}
        }
        let naming = object && key.is_none();
        let (span, end, quoted, cut) = scalar(text, here, naming);
        if naming {
            key = Some(Text::Source(span));
            let rest = text.get(end..).unwrap_or_default();
            let gap = rest.len() - rest.trim_start().len();
            here = end + gap + usize::from(rest.trim_start().starts_with(':'));
            continue;
        }
        let kind = if quoted { Kind::Quoted } else { Kind::Bare };
        let node = tree.push(kind, span);
        if cut {
            tree.mark_cut(node);
        }
        tree.append(parent, key.take(), node);
        here = end.max(here + 1);
    }
    tree.close(root, here.min(text.len()));
    (root, here.min(text.len()))
}

/// The text of a scalar, the byte after it, whether it was quoted, and whether its end is missing.
fn scalar(text: &str, at: usize, key: bool) -> (Span, usize, bool, bool) {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(quote) = QUOTES.iter().find(|quote| rest.starts_with(**quote)) {
        let from = at + quote.len();
        let body = text.get(from..).unwrap_or_default();
        let found = memchr::memmem::find(body.as_bytes(), quote.as_bytes());
        let len = found.unwrap_or(body.len());
        let after = from + len + found.map_or(0, |_| quote.len());
        return (Span::new(from, from + len), after, true, found.is_none());
    }
    let ends: &[char] = if key {
        &[':', ',', '}', '{', '[']
    } else {
        &[',', '}', ']', '<', '\n']
    };
    let len = rest.find(ends).unwrap_or(rest.len());
    let body = rest.get(..len).unwrap_or_default().trim_end();
    let cut = len == rest.len();
    (Span::new(at, at + body.len()), at + len.max(1), false, cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::shown;

    #[test]
    fn texts_stand_between_their_own_marks() {
        for (text, expected) in [
            (r#"{a:<|"|>x, "y"}<|"|>,n:5}"#, r#"{"a":"x, \"y\"}","n":"5"}"#),
            (
                "{a:{b:[<escape>x<escape>,true]},c:[]}",
                r#"{"a":{"b":["x","true"]},"c":[]}"#,
            ),
            (r#"{<|"|>a b<|"|>:<|"|>c<|"|>}"#, r#"{"a b":"c"}"#),
            ("{}", "{}"),
            ("{a:x", r#"{"a":"x"}"#),
        ] {
            let mut tree = Tree::new(text);
            let (node, end) = object(&mut tree, 0);
            assert_eq!(
                (shown(&tree, node).as_str(), end),
                (expected, text.len()),
                "{text}"
            );
        }
    }

    #[test]
    fn depth_is_bounded() {
        let text = format!("{{a:{}", "[".repeat(100_000));
        let mut tree = Tree::new(&text);
        assert_eq!(object(&mut tree, 0).1, text.len());
    }
}
