//! Where the tags of a text begin: looked for once, however often a reader asks for the next one.

use std::collections::VecDeque;

use super::{LEFT, NOISE, Tag, at};

/// The tags of one text, as far as somebody asked for them.
#[derive(Clone, Debug)]
pub(crate) struct Tags<'t> {
    text: &'t str,
    /// Where one begins within `from..to`, or in the noise right before it.
    starts: VecDeque<usize>,
    from: usize,
    to: usize,
}

impl<'t> Tags<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            starts: VecDeque::new(),
            from: text.len(),
            to: text.len(),
        }
    }

    /// The next tag at or after `from` that ends at `end` or before it, whatever it means.
    pub(crate) fn next(&mut self, from: usize, end: usize) -> Option<Tag<'t>> {
        self.look_back(from);
        while self.to < from && self.look_on(from) {}
        let mut index = self.starts.partition_point(|start| *start < from);
        loop {
            let Some(start) = self.starts.get(index).copied() else {
                if self.look_on(end) {
                    continue;
                }
                return None;
            };
            if start >= end {
                return None;
            }
            index += 1;
            let tag = Some(start).filter(|start| *start >= from);
            let tag = tag.and_then(|start| at(self.text, start));
            if let Some(tag) = tag.filter(|tag| tag.span.end <= end) {
                return Some(tag);
            }
        }
    }

    /// Looks at what lies before all that was looked at.
    fn look_back(&mut self, from: usize) {
        if self.from == self.text.len() {
            (self.from, self.to) = (from, from);
        }
        if from < self.from {
            let mut before = Self::new(self.text);
            (before.from, before.to) = (from, from);
            while before.look_on(self.from) {}
            for start in before.starts.into_iter().rev() {
                self.starts.push_front(start);
            }
            self.from = from;
        }
    }

    /// Looks on to the next place where a tag begins; false where none does before `limit`.
    fn look_on(&mut self, limit: usize) -> bool {
        let before = self.starts.len();
        while let Some(found) = self
            .text
            .as_bytes()
            .get(self.to..limit)
            .and_then(|rest| memchr::memchr3(b'<', b'[', LEFT, rest))
        {
            let mark = self.to + found;
            self.to = mark + 1;
            let noise = mark.checked_sub(1).filter(|start| {
                self.text
                    .get(*start..)
                    .is_some_and(|rest| rest.starts_with(NOISE))
            });
            for start in noise.into_iter().chain([mark]) {
                if at(self.text, start).is_some() {
                    self.starts.push_back(start);
                }
            }
            if self.starts.len() > before {
                return true;
            }
        }
        self.to = self.to.max(limit);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_tag_is_the_same_from_wherever_it_is_asked_for() {
        let text = "a]<]minimax[>[<tool_call>b<x]<]minimax[>[</c>[TOOL_CALLS]<function=f><a<b>◁think▷";
        let places: Vec<_> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        let key = |tag: Option<Tag<'_>>| tag.map(|tag| (tag.span, tag.role));
        // Asked for in several orders, so that it looks on, back, and leaves something out.
        for step in [1, 7, 11, 29] {
            let mut tags = Tags::new(text);
            for count in 0..places.len() {
                let from = places[count * step % places.len()];
                for end in [text.len(), (from + 20).min(text.len())] {
                    let expected = (from..end)
                        .filter_map(|start| at(text, start))
                        .find(|tag| tag.span.end <= end);
                    assert_eq!(key(tags.next(from, end)), key(expected), "{from}..{end}");
                }
            }
        }
    }
}
