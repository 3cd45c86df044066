//! The part of YAML that models write calls in: block maps and lists, scalars of every style, JSON as flow.
//!
//! Anchors, tags and documents are left out: no model uses them here, and what cannot be read ends the block.

use crate::MAX_DEPTH;
use crate::read;
use crate::tree::{Kind, NodeId, Span, Text, Tree};

struct Level {
    indent: usize,
    node: NodeId,
    /// A key whose value is still to come.
    key: Option<Text>,
}

struct Reader<'r, 't> {
    tree: &'r mut Tree<'t>,
    text: &'t str,
    end: usize,
    at: usize,
    levels: Vec<Level>,
}

/// Reads the block that begins at `at`, and the byte after it. `None` where no key or item stands there.
pub(crate) fn block(tree: &mut Tree<'_>, at: usize, end: usize) -> Option<(NodeId, usize)> {
    let text = tree.source();
    let before = text.get(..at)?;
    let line = before.rfind('\n').map_or(0, |index| index + 1);
    let lead = before.get(line..)?;
    let indent = if lead.trim().is_empty() { lead.len() } else { 0 };
    let kind = if is_item(text.get(at..)?) {
        Kind::Array
    } else {
        Kind::Object
    };
    let node = tree.push(kind, Span::new(at, at));
    let mut reader = Reader {
        tree,
        text,
        end,
        at,
        levels: vec![Level {
            indent,
            node,
            key: None,
        }],
    };
    let mut used = at;
    let mut column = indent;
    while reader.line(column)? {
        used = reader.at + reader.rest_of_line().trim_end().len();
        column = reader.next_line();
        if reader.at >= reader.end {
            break;
        }
    }
    while let Some(level) = reader.levels.pop() {
        reader.finish(&level);
    }
    if tree.count(node) == 0 {
        return None;
    }
    tree.close(node, used);
    Some((node, used))
}

fn is_item(line: &str) -> bool {
    line.strip_prefix('-')
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\r']))
}

impl<'t> Reader<'_, 't> {
    fn rest_of_line(&self) -> &'t str {
        let rest = self.text.get(self.at..self.end).unwrap_or_default();
        let len = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        rest.get(..len).unwrap_or_default()
    }

    /// Goes to the first letter of the next line that holds anything, and gives its column.
    fn next_line(&mut self) -> usize {
        loop {
            let rest = self.text.get(self.at..self.end).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', rest.as_bytes()) else {
                self.at = self.end;
                return 0;
            };
            self.at += found + 1;
            let line = self.rest_of_line();
            let body = line.trim_start_matches(' ');
            if !body.trim().is_empty() && !body.starts_with('#') {
                let column = line.len() - body.len();
                self.at += column;
                return column;
            }
        }
    }

    /// Reads one line whose text begins in `column`; false where the block ended before it.
    fn line(&mut self, column: usize) -> Option<bool> {
        let line = self.rest_of_line();
        if line.starts_with("```") || line.starts_with("---") || line.starts_with('<') {
            return Some(false);
        }
        let item = is_item(line);
        while let Some(top) = self.levels.last() {
            let inside = column > top.indent || item && column == top.indent;
            if let Some(key) = top.key.filter(|_| inside) {
                let kind = if item { Kind::Array } else { Kind::Object };
                if !item && split_key(line).is_none() {
                    // A plain scalar on a line of its own.
                    let node = self.scalar(self.at, line);
                    let parent = self.levels.last_mut()?;
                    parent.key = None;
                    self.tree.append(parent.node, Some(key), node);
                    return Some(true);
                }
                let node = self.tree.push(kind, Span::new(self.at, self.at));
                let parent = self.levels.last_mut()?;
                parent.key = None;
                self.tree.append(parent.node, Some(key), node);
                self.levels.push(Level {
                    indent: column,
                    node,
                    key: None,
                });
                break;
            }
            if top.indent <= column {
                break;
            }
            let level = self.levels.pop()?;
            self.finish(&level);
        }
        let Some(top) = self.levels.last() else {
            return Some(false);
        };
        // An item at the column of its list's key ends where a key stands there.
        if !item && self.tree.kind(top.node) == Kind::Array && self.levels.len() > 1 {
            let level = self.levels.pop()?;
            self.finish(&level);
        }
        let top = self.levels.last()?;
        if top.indent != column || self.levels.len() > MAX_DEPTH {
            return Some(false);
        }
        match (self.tree.kind(top.node), item) {
            (Kind::Array, true) => self.item(column),
            (Kind::Object, false) => self.entry(),
            _ => Some(false),
        }
    }

    fn item(&mut self, column: usize) -> Option<bool> {
        let line = self.rest_of_line();
        let body = line.get(1..)?.trim_start();
        let offset = line.len() - body.len();
        self.at += offset;
        let parent = self.levels.last()?.node;
        let body = body.trim_end();
        if split_key(body).is_some() && !body.starts_with(['{', '[', '"', '\'']) {
            let node = self.tree.push(Kind::Object, Span::new(self.at, self.at));
            self.tree.append(parent, None, node);
            self.levels.push(Level {
                indent: column + offset,
                node,
                key: None,
            });
            return self.entry();
        }
        let node = self.scalar(self.at, body);
        self.tree.append(parent, None, node);
        Some(true)
    }

    fn entry(&mut self) -> Option<bool> {
        let line = self.rest_of_line();
        let Some((key, value)) = split_key(line) else {
            return Some(false);
        };
        let start = self.at + (line.len() - value.len());
        let name = key.trim().trim_matches(['"', '\'', '*', '`']);
        let offset = line.find(name)?;
        let key = Text::Source(Span::new(self.at + offset, self.at + offset + name.len()));
        let gap = value.len() - value.trim_start().len();
        let value = value.trim();
        let top = self.levels.last_mut()?;
        if let Some(old) = top.key.take() {
            let (node, at) = (top.node, self.at);
            let null = self.tree.push(Kind::Null, Span::new(at, at));
            self.tree.append(node, Some(old), null);
        }
        let top = self.levels.last_mut()?;
        if value.is_empty() || value.starts_with('#') {
            top.key = Some(key);
            return Some(true);
        }
        let (parent, indent) = (top.node, top.indent);
        let node = if value.starts_with(['|', '>']) && value.len() <= 3 {
            self.block_scalar(value, indent)
        } else {
            self.scalar(start + gap, value)
        };
        self.tree.append(parent, Some(key), node);
        Some(true)
    }

    /// A scalar or flow value that begins at `start`; `line` is what the line has of it.
    fn scalar(&mut self, start: usize, line: &str) -> NodeId {
        let line = line.trim_end();
        let whole = Span::new(start, start + line.len());
        match line.bytes().next() {
            Some(b'{' | b'[') => {
                let closed = line.ends_with(['}', ']']);
                let end = if closed {
                    whole.end
                } else {
                    self.tree.paragraph_end(start, self.end)
                };
                let read = read::json(self.tree, Span::new(start, end));
                if let Some(node) = read.node {
                    // The break of its last line is still to be found, and only that.
                    let broken = self.text.get(..read.end).is_some_and(|read| read.ends_with('\n'));
                    self.at = self.at.max(read.end - usize::from(broken));
                    return node;
                }
            }
            Some(b'"') => {
                let read = read::json(self.tree, whole);
                if let Some(node) = read.node {
                    return node;
                }
            }
            Some(b'\'') if line.len() > 1 && line.ends_with('\'') => {
                let body = line.get(1..line.len() - 1).unwrap_or_default().replace("''", "'");
                let kept = self.tree.keep(&body);
                return self.tree.push_text(Kind::Quoted, whole, kept);
            }
            _ => {}
        }
        if matches!(line, "~" | "null") {
            return self.tree.push(Kind::Null, whole);
        }
        let plain = line
            .find(" #")
            .and_then(|comment| line.get(..comment))
            .unwrap_or(line)
            .trim_end();
        self.tree.push(Kind::Bare, Span::new(start, start + plain.len()))
    }

    /// `|` and `>`: the lines below that are indented more than `indent`.
    fn block_scalar(&mut self, style: &str, indent: usize) -> NodeId {
        let start = self.at;
        let mut lines: Vec<&str> = Vec::new();
        let mut inner = None;
        loop {
            let rest = self.text.get(self.at..self.end).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', rest.as_bytes()) else {
                break;
            };
            let from = self.at + found + 1;
            let tail = self.text.get(from..self.end).unwrap_or_default();
            let len = memchr::memchr(b'\n', tail.as_bytes()).unwrap_or(tail.len());
            let line = tail.get(..len).unwrap_or_default();
            let line = line.strip_suffix('\r').unwrap_or(line);
            let column = line.len() - line.trim_start_matches(' ').len();
            if line.trim().is_empty() {
                lines.push(line.get(inner.unwrap_or(column)..).unwrap_or_default());
            } else {
                let first = *inner.get_or_insert(column);
                if column <= indent || column < first {
                    break;
                }
                lines.push(line.get(first..).unwrap_or_default());
            }
            self.at = from + len;
            if self.at >= self.end {
                break;
            }
        }
        let kept_end = lines
            .iter()
            .rposition(|line| !line.is_empty())
            .map_or(0, |index| index + 1);
        let trailing = lines.len() - kept_end;
        lines.truncate(kept_end);
        let mut body = lines.join(if style.starts_with('>') { " " } else { "\n" });
        if style.ends_with('+') {
            body.push_str(&"\n".repeat(trailing + 1));
        } else if !style.ends_with('-') && !body.is_empty() {
            body.push('\n');
        }
        let kept = self.tree.keep(&body);
        // The place after the last line, so that the next one is found.
        self.tree.push_text(Kind::Quoted, Span::new(start, self.at), kept)
    }

    fn finish(&mut self, level: &Level) {
        if let Some(key) = level.key {
            let null = self.tree.push(Kind::Null, Span::new(self.at, self.at));
            self.tree.append(level.node, Some(key), null);
        }
        self.tree.close(level.node, self.at);
    }
}

/// A line's key, and what stands behind its colon.
fn split_key(line: &str) -> Option<(&str, &str)> {
    let quote = line.chars().next().filter(|ch| matches!(ch, '"' | '\''));
    let from = match quote {
        Some(quote) => line.get(1..)?.find(quote)? + 2,
        None => 0,
    };
    let mut at = from;
    loop {
        let colon = at + line.get(at..)?.find(':')?;
        let after = line.get(colon + 1..)?;
        if after.is_empty() || after.starts_with([' ', '\t', '\r']) {
            let key = line.get(..colon)?;
            let plain = quote.is_some() && colon == from || !key.contains(['{', '(', '"', '<']);
            return (!key.trim().is_empty() && key.len() <= 128 && plain).then_some((key, after));
        }
        if quote.is_some() || colon > 128 {
            return None;
        }
        at = colon + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::shown;

    #[test]
    fn maps_lists_and_scalars() {
        for (text, expected) in [
            (
                "name: f\narguments:\n  a: 1\n  b: x y # note\n",
                r#"{"name":"f","arguments":{"a":"1","b":"x y"}}"#,
            ),
            (
                "a: |-\n  x\n\n    y\nb: \"q: r\"\n",
                r#"{"a":"x\n\n  y","b":"q: r"}"#,
            ),
            ("a: |\n  x\nb: >\n  p\n  q\n", r#"{"a":"x\n","b":"p q\n"}"#),
            (
                "a:\n  - x\n  - k: 1\n    l: 'it''s'\nb: [1, {\"c\": 2}]",
                r#"{"a":["x",{"k":"1","l":"it's"}],"b":[1,{"c":2}]}"#,
            ),
            ("a:\n- x\n- y\nb:\n", r#"{"a":["x","y"],"b":null}"#),
            ("a: function:f\r\nb: c\r\n", r#"{"a":"function:f","b":"c"}"#),
            ("- a: 1\n- b", r#"[{"a":"1"},"b"]"#),
            ("a: 1\n\nText follows.", r#"{"a":"1"}"#),
        ] {
            let mut tree = Tree::new(text);
            let (node, _) = block(&mut tree, 0, text.len()).unwrap();
            assert_eq!(
                shown(&tree, node),
                serde_json::from_str::<serde_json::Value>(expected)
                    .unwrap()
                    .to_string(),
                "{text}"
            );
        }
        let mut tree = Tree::new("no key here");
        assert!(block(&mut tree, 0, 11).is_none());
    }

    #[test]
    fn depth_is_bounded() {
        let mut text = String::new();
        for depth in 0..2000 {
            text.push_str(&" ".repeat(depth));
            text.push_str("a:\n");
        }
        let mut tree = Tree::new(&text);
        assert!(block(&mut tree, 0, text.len()).is_some());
        let items = format!("- {}", "a: - ".repeat(50_000));
        let mut tree = Tree::new(&items);
        block(&mut tree, 0, items.len());
    }
}
