//! Documents: text with places where it may be broken, and the printer that decides where it is.
//!
//! The model is that of Wadler, as prettier has it: a group is printed on one line if it fits, else its own lines are
//! broken and the groups inside of it decide for themselves. Documents lie in one list and name each other by index, so a
//! part that stands in several variants of a group is built once. Nothing here recurses: the printer keeps its own stack,
//! and measuring ends at the end of the line, so that time is linear in the text.

mod printer;

use printer::width_of;
pub(super) use printer::{end_line, print};

/// The index of a document. Four bytes, as all indices here: documents are many, and the less memory they take the sooner
/// they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doc(u32);

/// Names a group, so that others can ask whether it was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupId(u32);

#[derive(Clone, Copy, Debug)]
enum Node<'a> {
    Text(&'a str),
    /// Text that is not in the source, by its index.
    Owned(u32),
    /// Text with line ends of its own, which stays as it is.
    Verbatim(&'a str),
    Concat(u32, u32),
    Indent(Doc),
    Align(u32, Doc),
    Group {
        contents: Doc,
        /// Variants behind the first, from the flattest.
        states: (u32, u32),
        id: Option<GroupId>,
        broken: bool,
    },
    /// All on one line, whatever its width.
    Flat(Doc),
    Line,
    Soft,
    Hard,
    IfBreak {
        broken: Doc,
        flat: Doc,
        of: Option<GroupId>,
    },
    IndentIfBreak(Doc, GroupId),
    /// Printed at the end of the line: a comment.
    Suffix(Doc),
    BreakParent,
    Fill(u32, u32),
}

#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    node: Node<'a>,
    /// Breaks the groups around it.
    propagates: bool,
    /// Has a line end in it in any case.
    breaks: bool,
}

/// An index as it is kept. Texts are of some megabytes at most, and a document takes a character at least.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// All documents of a text.
#[derive(Debug)]
pub(super) struct Docs<'a> {
    entries: Vec<Entry<'a>>,
    lists: Vec<Doc>,
    owned: Vec<String>,
    groups: u32,
}

impl<'a> Docs<'a> {
    pub(super) const EMPTY: Doc = Doc(0);
    pub(super) const LINE: Doc = Doc(1);
    pub(super) const SOFT: Doc = Doc(2);
    pub(super) const HARD: Doc = Doc(3);
    pub(super) const SPACE: Doc = Doc(4);
    pub(super) const BREAK_PARENT: Doc = Doc(5);

    pub(super) fn new() -> Self {
        let mut docs = Self {
            entries: Vec::new(),
            lists: Vec::new(),
            owned: Vec::new(),
            groups: 0,
        };
        docs.clear();
        docs
    }

    /// Forgets all but the constants.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.lists.clear();
        self.owned.clear();
        self.groups = 0;
        for (node, breaks) in [
            (Node::Text(""), false),
            (Node::Line, false),
            (Node::Soft, false),
            (Node::Hard, true),
            (Node::Text(" "), false),
            (Node::BreakParent, true),
        ] {
            self.push(node, breaks, breaks);
        }
    }

    fn push(&mut self, node: Node<'a>, propagates: bool, breaks: bool) -> Doc {
        self.entries.push(Entry {
            node,
            propagates,
            breaks,
        });
        Doc(index(self.entries.len() - 1))
    }

    #[inline]
    fn entry(&self, doc: Doc) -> &Entry<'a> {
        const NOTHING: &Entry<'static> = &Entry {
            node: Node::Text(""),
            propagates: false,
            breaks: false,
        };
        self.entries.get(doc.0 as usize).unwrap_or(NOTHING)
    }

    fn list(&self, from: u32, to: u32) -> &[Doc] {
        self.lists.get(from as usize..to as usize).unwrap_or_default()
    }

    fn keep(&mut self, parts: &[Doc]) -> (u32, u32) {
        let from = index(self.lists.len());
        self.lists.extend_from_slice(parts);
        (from, index(self.lists.len()))
    }

    /// Whether it has a line end in it in any case.
    pub(super) fn breaks(&self, doc: Doc) -> bool {
        self.entry(doc).breaks
    }

    /// Whether it could be broken at all.
    pub(super) fn can_break(&self, doc: Doc) -> bool {
        match self.entry(doc).node {
            Node::Text(_) | Node::Owned(_) | Node::BreakParent | Node::Flat(_) => false,
            Node::Verbatim(_) | Node::Line | Node::Soft | Node::Hard => true,
            Node::Concat(from, to) | Node::Fill(from, to) => {
                self.list(from, to).iter().any(|part| self.can_break(*part))
            }
            Node::Indent(inner)
            | Node::Align(_, inner)
            | Node::Group { contents: inner, .. }
            | Node::IndentIfBreak(inner, _)
            | Node::Suffix(inner) => self.can_break(inner),
            Node::IfBreak { broken, flat, .. } => self.can_break(broken) || self.can_break(flat),
        }
    }

    pub(super) fn text(&mut self, text: &'a str) -> Doc {
        self.push(Node::Text(text), false, false)
    }

    /// Text that was made here, on one line.
    pub(super) fn owned(&mut self, text: String) -> Doc {
        self.owned.push(text);
        self.push(Node::Owned(index(self.owned.len() - 1)), false, false)
    }

    fn owned_text(&self, index: u32) -> &str {
        self.owned.get(index as usize).map_or("", String::as_str)
    }

    /// The columns of a text; nothing where it is more than one.
    pub(super) fn text_width(&self, doc: Doc) -> Option<usize> {
        match self.entry(doc).node {
            Node::Text(text) => Some(width_of(text)),
            Node::Owned(index) => Some(width_of(self.owned_text(index))),
            _ => None,
        }
    }

    /// Text that may have line ends of its own.
    pub(super) fn verbatim(&mut self, text: &'a str) -> Doc {
        if text.contains('\n') {
            self.push(Node::Verbatim(text), true, true)
        } else {
            self.text(text)
        }
    }

    pub(super) fn concat(&mut self, parts: &[Doc]) -> Doc {
        if let [only] = parts {
            return *only;
        }
        let propagates = parts.iter().any(|part| self.entry(*part).propagates);
        let breaks = parts.iter().any(|part| self.entry(*part).breaks);
        let (from, to) = self.keep(parts);
        self.push(Node::Concat(from, to), propagates, breaks)
    }

    fn around(&mut self, node: Node<'a>, inner: Doc) -> Doc {
        let Entry {
            propagates, breaks, ..
        } = *self.entry(inner);
        self.push(node, propagates, breaks)
    }

    pub(super) fn indent(&mut self, parts: &[Doc]) -> Doc {
        let inner = self.concat(parts);
        self.around(Node::Indent(inner), inner)
    }

    /// Behind two columns more than the lines around it.
    pub(super) fn align(&mut self, inner: Doc) -> Doc {
        self.around(Node::Align(2, inner), inner)
    }

    pub(super) fn group(&mut self, parts: &[Doc]) -> Doc {
        self.group_as(parts, false, None)
    }

    pub(super) fn group_as(&mut self, parts: &[Doc], broken: bool, id: Option<GroupId>) -> Doc {
        let contents = self.concat(parts);
        let entry = *self.entry(contents);
        let broken_inside = broken || entry.propagates;
        let node = Node::Group {
            contents,
            states: (0, 0),
            id,
            broken: broken_inside,
        };
        self.push(node, broken_inside, broken || entry.breaks)
    }

    /// The first of these, from the flattest to the most broken, that fits.
    pub(super) fn first_that_fits(&mut self, states: &[Doc]) -> Doc {
        let contents = states.first().copied().unwrap_or(Self::EMPTY);
        let breaks = self.entry(contents).breaks;
        let states = self.keep(states);
        let node = Node::Group {
            contents,
            states,
            id: None,
            broken: false,
        };
        self.push(node, false, breaks)
    }

    pub(super) fn flat(&mut self, inner: Doc) -> Doc {
        self.push(Node::Flat(inner), false, false)
    }

    pub(super) fn id(&mut self) -> GroupId {
        self.groups += 1;
        GroupId(self.groups - 1)
    }

    pub(super) fn if_break(&mut self, broken: Doc, flat: Doc, of: Option<GroupId>) -> Doc {
        let either = [*self.entry(broken), *self.entry(flat)];
        self.push(
            Node::IfBreak { broken, flat, of },
            either.iter().any(|entry| entry.propagates),
            either.iter().any(|entry| entry.breaks),
        )
    }

    /// A comma that stands only behind the last of broken parts.
    pub(super) fn trailing_comma(&mut self) -> Doc {
        let comma = self.text(",");
        self.if_break(comma, Self::EMPTY, None)
    }

    pub(super) fn indent_if_break(&mut self, inner: Doc, of: GroupId) -> Doc {
        self.around(Node::IndentIfBreak(inner, of), inner)
    }

    pub(super) fn suffix(&mut self, inner: Doc) -> Doc {
        self.push(Node::Suffix(inner), false, false)
    }

    /// As many parts in each line as fit: contents and lines in turn.
    pub(super) fn fill(&mut self, parts: &[Doc]) -> Doc {
        let (from, to) = self.keep(parts);
        self.push(Node::Fill(from, to), false, false)
    }

    pub(super) fn join(&mut self, separator: &[Doc], parts: &[Doc]) -> Doc {
        let mut all = Vec::with_capacity(parts.len() * (separator.len() + 1));
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                all.extend_from_slice(separator);
            }
            all.push(*part);
        }
        self.concat(&all)
    }
}
