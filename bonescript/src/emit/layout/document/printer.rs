//! The printer of documents. It keeps its own stack instead of recursing; measuring whether something fits ends with the
//! line, so that time is linear in the text.

use unicode_width::UnicodeWidthStr;

use super::{Doc, Docs, GroupId, Node};

/// Columns of a line.
const WIDTH: usize = 100;
/// Spaces of a level.
const LEVEL: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Broken,
    Flat,
    /// On one line whatever its width.
    Forced,
}

#[derive(Clone, Copy, Debug)]
enum What {
    One(Doc),
    /// Parts of a list, by their places in it.
    Some(u32, u32),
    /// Parts of a list that fill lines.
    Fill(u32, u32),
}

#[derive(Clone, Copy, Debug)]
struct Command {
    indent: u32,
    mode: Mode,
    what: What,
}

/// Columns of a text; bytes where it is ASCII, which it nearly always is.
pub(super) fn width_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Which groups were broken.
pub(in super::super) struct Broken(Vec<bool>);

impl Broken {
    /// Whether this one was.
    pub(in super::super) fn contains(&self, GroupId(index): GroupId) -> bool {
        self.0.get(index as usize).copied().unwrap_or(false)
    }
}

/// Ends the line, without the spaces at its end.
pub(in super::super) fn end_line(out: &mut String) {
    let trimmed = out.trim_end_matches([' ', '\t']).len();
    out.truncate(trimmed);
    out.push('\n');
}

/// Adds a document to a text, at the start of a line.
pub(in super::super) fn print(docs: &Docs<'_>, root: Doc, out: &mut String) -> Broken {
    let mut printer = Printer {
        docs,
        out,
        column: 0,
        broken: Broken(vec![false; docs.groups as usize]),
        suffixes: Vec::new(),
        stack: vec![Command {
            indent: 0,
            mode: Mode::Broken,
            what: What::One(root),
        }],
        remeasure: false,
        measured: Vec::new(),
    };
    printer.run();
    printer.broken
}

struct Printer<'d, 'a> {
    docs: &'d Docs<'a>,
    out: &'d mut String,
    column: usize,
    broken: Broken,
    suffixes: Vec<Command>,
    stack: Vec<Command>,
    /// A line end was printed in flat mode, so what was measured is void.
    remeasure: bool,
    measured: Vec<(Mode, What)>,
}

impl Printer<'_, '_> {
    fn run(&mut self) {
        loop {
            while let Some(command) = self.stack.pop() {
                self.step(command);
            }
            if self.suffixes.is_empty() {
                break;
            }
            self.stack.extend(self.suffixes.drain(..).rev());
        }
    }

    fn step(&mut self, command: Command) {
        let Command { indent, mode, what } = command;
        let doc = match what {
            What::One(doc) => doc,
            What::Some(from, to) => {
                if let Some(first) = self.docs.list(from, to).first().copied() {
                    if from + 1 < to {
                        self.stack.push(Command {
                            what: What::Some(from + 1, to),
                            ..command
                        });
                    }
                    self.stack.push(Command {
                        what: What::One(first),
                        ..command
                    });
                }
                return;
            }
            What::Fill(from, to) => return self.fill(command, from, to),
        };
        let within = |what| Command { indent, mode, what };
        match self.docs.entry(doc).node {
            Node::Text(text) => {
                self.out.push_str(text);
                self.column += width_of(text);
            }
            Node::Owned(index) => {
                let text = self.docs.owned_text(index);
                self.out.push_str(text);
                self.column += width_of(text);
            }
            Node::Verbatim(text) => {
                self.out.push_str(text);
                self.column = width_of(text.rsplit('\n').next().unwrap_or_default());
                self.remeasure = true;
            }
            Node::Concat(from, to) => self.stack.push(within(What::Some(from, to))),
            Node::Fill(from, to) => self.stack.push(within(What::Fill(from, to))),
            Node::Indent(inner) => self.stack.push(Command {
                indent: indent + LEVEL,
                ..within(What::One(inner))
            }),
            Node::Align(by, inner) => self.stack.push(Command {
                indent: indent + by,
                ..within(What::One(inner))
            }),
            Node::Flat(inner) => self.stack.push(Command {
                mode: Mode::Forced,
                ..within(What::One(inner))
            }),
            Node::Group { .. } => self.group(command, doc),
            Node::IfBreak { broken, flat, of } => {
                let chosen = if self.is_broken(of, mode) { broken } else { flat };
                self.stack.push(within(What::One(chosen)));
            }
            Node::IndentIfBreak(inner, of) => self.stack.push(Command {
                indent: if self.is_broken(Some(of), mode) {
                    indent + LEVEL
                } else {
                    indent
                },
                ..within(What::One(inner))
            }),
            Node::Suffix(inner) => self.suffixes.push(within(What::One(inner))),
            Node::BreakParent => {}
            Node::Line | Node::Soft if mode != Mode::Broken => {
                if matches!(self.docs.entry(doc).node, Node::Line) {
                    self.out.push(' ');
                    self.column += 1;
                }
            }
            Node::Line | Node::Soft | Node::Hard => {
                if mode != Mode::Broken {
                    self.remeasure = true;
                }
                if !self.suffixes.is_empty() {
                    self.stack.push(command);
                    self.stack.extend(self.suffixes.drain(..).rev());
                    return;
                }
                end_line(self.out);
                self.column = indent as usize;
                self.out.extend(std::iter::repeat_n(' ', self.column));
            }
        }
    }

    fn is_broken(&self, of: Option<GroupId>, mode: Mode) -> bool {
        match of {
            Some(id) => self.broken.contains(id),
            None => mode == Mode::Broken,
        }
    }

    fn group(&mut self, command: Command, doc: Doc) {
        let Node::Group {
            contents,
            states,
            id,
            broken,
        } = self.docs.entry(doc).node
        else {
            return;
        };
        let Command { indent, mode, .. } = command;
        let last = self
            .docs
            .list(states.0, states.1)
            .last()
            .copied()
            .unwrap_or(contents);
        let as_what = |mode, doc| Command {
            indent,
            mode,
            what: What::One(doc),
        };
        let chosen = match mode {
            Mode::Forced => as_what(Mode::Forced, contents),
            Mode::Flat if !self.remeasure => {
                if broken {
                    as_what(Mode::Broken, last)
                } else {
                    as_what(Mode::Flat, contents)
                }
            }
            Mode::Flat | Mode::Broken => {
                self.remeasure = false;
                let room = WIDTH.saturating_sub(self.column);
                let over = self.column > WIDTH;
                if broken {
                    as_what(Mode::Broken, last)
                } else if !over && self.fits(&[(Mode::Flat, What::One(contents))], room, true, false) {
                    as_what(Mode::Flat, contents)
                } else {
                    let others = self.docs.list(states.0, states.1).to_vec();
                    others
                        .into_iter()
                        .skip(1)
                        .find(|state| {
                            !over && self.fits(&[(Mode::Flat, What::One(*state))], room, true, false)
                        })
                        .map_or(as_what(Mode::Broken, last), |state| as_what(Mode::Flat, state))
                }
            }
        };
        if let Some(GroupId(index)) = id
            && let Some(slot) = self.broken.0.get_mut(index as usize)
        {
            *slot = chosen.mode == Mode::Broken;
        }
        self.stack.push(chosen);
    }

    fn fill(&mut self, command: Command, from: u32, to: u32) {
        let parts: Vec<Doc> = self.docs.list(from, to).iter().take(3).copied().collect();
        let room = WIDTH.saturating_sub(self.column);
        let Some(first) = parts.first().copied() else {
            return;
        };
        let mode_of = |fits: bool| if fits { Mode::Flat } else { Mode::Broken };
        let content_fits = self.fits(&[(Mode::Flat, What::One(first))], room, false, true);
        let push = |printer: &mut Self, mode, what| {
            printer.stack.push(Command {
                mode,
                what,
                ..command
            });
        };
        if parts.len() > 2 {
            push(self, command.mode, What::Fill(from + 2, to));
        }
        if let Some(line) = parts.get(1).copied() {
            let both = match parts.get(2).copied() {
                Some(second) => {
                    let pair = [
                        (Mode::Flat, What::One(second)),
                        (Mode::Flat, What::One(line)),
                        (Mode::Flat, What::One(first)),
                    ];
                    self.fits(&pair, room, false, true)
                }
                None => content_fits,
            };
            push(self, mode_of(both), What::One(line));
        }
        push(self, mode_of(content_fits), What::One(first));
    }

    /// Whether these, and with `rest` what follows them up to the next line end, fit into `room` columns.
    fn fits(&mut self, next: &[(Mode, What)], room: usize, rest: bool, all_flat: bool) -> bool {
        let mut stack = std::mem::take(&mut self.measured);
        stack.clear();
        stack.extend_from_slice(next);
        let fits = self.measure(&mut stack, room, rest, all_flat);
        self.measured = stack;
        fits
    }

    fn measure(&self, stack: &mut Vec<(Mode, What)>, mut room: usize, rest: bool, all_flat: bool) -> bool {
        let mut following = self.stack.iter().rev();
        loop {
            let Some((mode, what)) = stack.pop() else {
                match following.next().filter(|_| rest) {
                    Some(command) => stack.push((command.mode, command.what)),
                    None => return true,
                }
                continue;
            };
            let doc = match what {
                What::One(doc) => doc,
                What::Some(from, to) | What::Fill(from, to) => {
                    if let Some(first) = self.docs.list(from, to).first().copied() {
                        if from + 1 < to {
                            stack.push((mode, What::Some(from + 1, to)));
                        }
                        stack.push((mode, What::One(first)));
                    }
                    continue;
                }
            };
            match self.docs.entry(doc).node {
                Node::Text(text) => match room.checked_sub(width_of(text)) {
                    Some(left) => room = left,
                    None => return false,
                },
                Node::Owned(index) => match room.checked_sub(width_of(self.docs.owned_text(index))) {
                    Some(left) => room = left,
                    None => return false,
                },
                Node::Verbatim(text) => {
                    return width_of(text.split('\n').next().unwrap_or_default()) <= room;
                }
                Node::Concat(from, to) | Node::Fill(from, to) => stack.push((mode, What::Some(from, to))),
                Node::Indent(inner) | Node::Align(_, inner) | Node::IndentIfBreak(inner, _) => {
                    stack.push((mode, What::One(inner)));
                }
                Node::Flat(inner) => stack.push((Mode::Forced, What::One(inner))),
                Node::Group {
                    contents,
                    states,
                    broken,
                    ..
                } => {
                    if all_flat && broken {
                        return false;
                    }
                    let inner_mode = if broken && mode != Mode::Forced {
                        Mode::Broken
                    } else {
                        mode
                    };
                    let chosen = if inner_mode == Mode::Broken {
                        self.docs
                            .list(states.0, states.1)
                            .last()
                            .copied()
                            .unwrap_or(contents)
                    } else {
                        contents
                    };
                    stack.push((inner_mode, What::One(chosen)));
                }
                Node::IfBreak { broken, flat, of } => {
                    let chosen = if self.is_broken(of, mode) { broken } else { flat };
                    stack.push((mode, What::One(chosen)));
                }
                Node::Line if mode != Mode::Broken => match room.checked_sub(1) {
                    Some(left) => room = left,
                    None => return false,
                },
                Node::Soft if mode != Mode::Broken => {}
                Node::Line | Node::Soft | Node::Hard => return true,
                Node::Suffix(_) | Node::BreakParent => {}
            }
        }
    }
}
