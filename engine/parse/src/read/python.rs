//! Reads calls as Python writes them: `name(key=value)`, one, several on lines, or in a list.
//!
//! Values are literals, with every kind of quote and escape. Whatever is no literal is an error: a program that a
//! model shows must not be taken for a call.

mod literal;

use crate::tree::{Kind, NodeId, Span, Tree};

pub(crate) use literal::value;

/// One call.
#[derive(Debug)]
pub(crate) struct PyCall {
    pub(crate) name: Span,
    /// An object of the keyword arguments, or the one positional argument.
    pub(crate) arguments: NodeId,
    /// Positional arguments, where there are several or keywords beside them.
    pub(crate) positional: Vec<NodeId>,
    pub(crate) span: Span,
}

/// How much must be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nothing marks the text as calls: literals only.
    Strict,
    /// A marker stands before: names without quotes are text.
    Marked,
    /// As marked, and a quote ends a string only where an argument can end.
    Loose,
}

/// Calls and the byte after them; a list's missing bracket is forgiven at the end of the text.
///
/// `looked` becomes the byte up to which the text was looked at.
pub(crate) fn calls(
    tree: &mut Tree<'_>,
    span: Span,
    manner: Manner,
    looked: &mut usize,
) -> Option<(Vec<PyCall>, usize)> {
    let mut cursor = Cursor::new(tree.source(), span);
    let read = several(tree, &mut cursor, manner);
    *looked = cursor.at.max(cursor.furthest);
    read
}

fn several(tree: &mut Tree<'_>, cursor: &mut Cursor<'_>, manner: Manner) -> Option<(Vec<PyCall>, usize)> {
    cursor.space();
    let list = cursor.eat(b'[');
    let mut calls = Vec::new();
    loop {
        cursor.space();
        let before = cursor.at;
        let Some(found) = call(tree, cursor, manner) else {
            cursor.furthest = cursor.furthest.max(cursor.at);
            cursor.at = before;
            break;
        };
        calls.push(found);
        let after = cursor.at;
        cursor.space();
        let separated = cursor.eat(b',') || cursor.eat(b';') || cursor.newline_since(after);
        if !separated && !list {
            cursor.at = after;
            break;
        }
        if !list && !cursor.name_ahead() {
            cursor.at = after;
            break;
        }
    }
    if calls.is_empty() {
        return None;
    }
    if list {
        cursor.space();
        let closed = cursor.eat(b']');
        if !closed && (manner == Manner::Strict || !cursor.done()) {
            return (manner != Manner::Strict).then_some((calls, cursor.at));
        }
    }
    Some((calls, cursor.at))
}

fn call(tree: &mut Tree<'_>, cursor: &mut Cursor<'_>, manner: Manner) -> Option<PyCall> {
    let name = cursor.name()?;
    if !cursor.eat(b'(') {
        return None;
    }
    let arguments = tree.push(Kind::Object, Span::new(cursor.at - 1, cursor.at));
    let mut positional = Vec::new();
    loop {
        cursor.space();
        if cursor.eat(b')') {
            break;
        }
        if cursor.done() {
            if manner == Manner::Strict {
                return None;
            }
            tree.mark_cut(arguments);
            break;
        }
        cursor.eat_str("**");
        let key = cursor.keyword();
        cursor.space();
        let value = value(tree, cursor, manner)?;
        match key {
            Some(key) => tree.append(arguments, Some(crate::tree::Text::Source(key)), value),
            None => positional.push(value),
        }
        cursor.space();
        if !cursor.eat(b',') && cursor.peek() != b')' && !cursor.done() {
            return None;
        }
    }
    tree.close(arguments, cursor.at);
    let span = Span::new(name.start, cursor.at);
    let alone = tree.count(arguments) == 0 && positional.len() == 1;
    let arguments = if alone { positional.pop()? } else { arguments };
    Some(PyCall {
        name,
        arguments,
        positional,
        span,
    })
}

/// A place in a part of the text.
#[derive(Debug)]
pub(crate) struct Cursor<'t> {
    text: &'t str,
    pub(crate) at: usize,
    end: usize,
    /// The byte up to which the text was looked at in vain.
    pub(crate) furthest: usize,
}

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t str, span: Span) -> Self {
        Self {
            text,
            at: span.start,
            end: span.end.min(text.len()),
            furthest: span.start,
        }
    }

    pub(crate) fn peek(&self) -> u8 {
        self.peek_at(0)
    }

    pub(crate) fn peek_at(&self, ahead: usize) -> u8 {
        let at = self.at + ahead;
        if at >= self.end {
            0
        } else {
            self.text.as_bytes().get(at).copied().unwrap_or_default()
        }
    }

    pub(crate) fn done(&self) -> bool {
        self.at >= self.end
    }

    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = !self.done() && self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    pub(crate) fn eat_str(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    pub(crate) fn rest(&self) -> &'t str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    /// Skips space, comments and line continuations.
    pub(crate) fn space(&mut self) {
        loop {
            match self.peek() {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'\\' if matches!(self.peek_at(1), b'\n' | b'\r') => self.at += 2,
                b'#' => {
                    let rest = self.rest();
                    self.at += memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn newline_since(&self, from: usize) -> bool {
        self.text.get(from..self.at).is_some_and(|gap| gap.contains('\n'))
    }

    /// A name, which may be dotted or carry a namespace.
    fn name(&mut self) -> Option<Span> {
        let len = name_len(self.rest());
        let span = Span::new(self.at, self.at + len);
        self.at = span.end;
        (len > 0).then_some(span)
    }

    fn name_ahead(&self) -> bool {
        let rest = self.rest();
        rest.as_bytes().get(name_len(rest)) == Some(&b'(')
    }

    /// `key=`, but not `key==`.
    fn keyword(&mut self) -> Option<Span> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|ch| matches!(ch, '"' | '\''));
        let inner = rest.get(usize::from(quote.is_some())..).unwrap_or_default();
        let len = inner
            .find(|ch: char| !(ch.is_alphanumeric() || matches!(ch, '_' | '-' | '.')))
            .unwrap_or(inner.len());
        let after = inner
            .get(len..)?
            .strip_prefix(quote.map_or("", |quote| if quote == '"' { "\"" } else { "'" }))?;
        let gap = after.trim_start_matches([' ', '\t']);
        let tail = gap.strip_prefix('=')?;
        if len == 0 || tail.starts_with('=') {
            return None;
        }
        let start = self.at + usize::from(quote.is_some());
        self.at = self.end - tail.len();
        Some(Span::new(start, start + len))
    }
}

/// The length of the name that `text` begins with; 0 if it begins with none, or with one that is too long for a tool.
pub(crate) fn name_len(text: &str) -> usize {
    let len = text
        .char_indices()
        .take(200)
        .find(|(index, ch)| {
            !(ch.is_alphabetic()
                || *ch == '_'
                || *index > 0 && (ch.is_numeric() || matches!(ch, '.' | '-' | ':' | '/')))
        })
        .map_or_else(
            || if text.len() < 200 { text.len() } else { 0 },
            |(index, _)| index,
        );
    if text
        .get(..len)
        .is_some_and(|name| name.ends_with(['.', '-', ':', '/']))
    {
        0
    } else {
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::shown;

    fn read(text: &str, manner: Manner) -> String {
        let mut tree = Tree::new(text);
        let Some((calls, end)) = calls(&mut tree, Span::new(0, text.len()), manner, &mut 0) else {
            return "-".to_owned();
        };
        let calls: Vec<_> = calls
            .iter()
            .map(|call| format!("{} {}", call.name.of(text), shown(&tree, call.arguments)))
            .collect();
        format!("{} @{end}", calls.join("; "))
    }

    #[test]
    fn calls_stand_alone_in_lists_and_on_lines() {
        for (text, expected) in [
            ("f()", "f {} @3"),
            ("[f(a=1), g.h(b='x')]", r#"f {"a":1}; g.h {"b":"x"} @20"#),
            ("f(a=1)\ng(b=2) tail", r#"f {"a":1}; g {"b":2} @13"#),
            ("f(a=1)\nand then", r#"f {"a":1} @6"#),
            (
                "f({'a': (1, 2), \"b\": {1, 2}})",
                r#"f {"a":[1,2],"b":[1,2]} @29"#,
            ),
            (
                "f(a='it\\'s', b=\"\"\"x\n\"y\" \\\\d\"\"\", c=r'\\d', d='a' 'b')",
                r#"f {"a":"it's","b":"x\n\"y\" \\d","c":"\\d","d":"ab"} @51"#,
            ),
            (
                "f(a=None, b=True, c=-1.5e3, d=1_000, e=0x1f, f=.5)",
                r#"f {"a":null,"b":true,"c":-1500.0,"d":1000,"e":31,"f":0.5} @50"#,
            ),
            ("f(a=x)", "-"),
            ("f(x) = 2", "-"),
            ("f(a=g(1))", "-"),
            ("[f(a=1", "-"),
        ] {
            assert_eq!(read(text, Manner::Strict), expected, "{text}");
        }
    }

    #[test]
    fn a_marker_forgives_more() {
        for (text, expected) in [
            ("[f(a=x)", r#"f {"a":"x"} @7"#),
            ("[f(a='x", r#"f {"a":"x"} @7"#),
            ("f(unit=celsius, n=2)", r#"f {"unit":"celsius","n":2} @20"#),
        ] {
            assert_eq!(read(text, Manner::Marked), expected, "{text}");
        }
        assert_eq!(
            read("f(a='it's', b='x')", Manner::Loose),
            r#"f {"a":"it's","b":"x"} @18"#
        );
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(
            read(&format!("[f(a={}", "[".repeat(100_000)), Manner::Marked),
            "-"
        );
        assert_eq!(read(&format!("[{}", "f(a=".repeat(100_000)), Manner::Marked), "-");
    }
}
