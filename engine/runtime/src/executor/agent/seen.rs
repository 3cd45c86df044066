//! What a model has seen of a file: it may replace a whole one only when it has seen all of it, in one piece or in
//! several, as it stands now.

use std::ops::Range;

/// The lines of a file that were shown.
#[derive(Debug)]
pub(super) struct Seen {
    /// What the file held then.
    content: blake3::Hash,
    /// How many lines that is.
    lines: usize,
    /// Which of them, counted from 0: in order, and with lines between.
    shown: Vec<Range<usize>>,
}

/// Why a file may not be replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unseen {
    /// It has changed since.
    Changed,
    /// These lines were not shown, counted from 1, the last one among them; there may be more.
    Lines(usize, usize),
}

impl Seen {
    /// A file of which nothing was shown.
    fn nothing(text: &str) -> Self {
        Self {
            content: blake3::hash(text.as_bytes()),
            lines: text.lines().count(),
            shown: Vec::new(),
        }
    }

    /// A file that was shown, or written, as a whole.
    pub(super) fn whole(text: &str) -> Self {
        let mut seen = Self::nothing(text);
        seen.see(0..seen.lines);
        seen
    }

    /// What is known after lines of it were shown, with `before` what was known until then.
    pub(super) fn lines(before: Option<Self>, text: &str, shown: &[Range<usize>]) -> Self {
        let new = Self::nothing(text);
        let mut seen = before.filter(|seen| seen.content == new.content).unwrap_or(new);
        for shown in shown {
            seen.see(shown.clone());
        }
        seen
    }

    /// What is known after the model has changed lines of it: what stands around them has moved.
    pub(super) fn changed(self, before: &str, now: &str) -> Self {
        let mut seen = Self::nothing(now);
        if self.content != blake3::hash(before.as_bytes()) {
            return seen;
        }
        let Changed { old, new } = Changed::between(before, now);
        // Between two changes there may be lines that it has not seen.
        if self.knows(&old) {
            seen.see(new.clone());
        }
        for shown in &self.shown {
            seen.see(shown.start..shown.end.min(old.start));
            let moved = |line: usize| new.end + (line - old.end);
            seen.see(moved(shown.start.max(old.end))..moved(shown.end.max(old.end)));
        }
        seen
    }

    /// Whether the file may be replaced.
    ///
    /// # Errors
    /// When the model would lose what it has not seen.
    pub(super) fn all_of(&self, text: &str) -> Result<(), Unseen> {
        if self.content != blake3::hash(text.as_bytes()) {
            return Err(Unseen::Changed);
        }
        let (from, next) = match self.shown.as_slice() {
            [first, rest @ ..] if first.start == 0 => (first.end, rest.first()),
            shown => (0, shown.first()),
        };
        if from >= self.lines {
            return Ok(());
        }
        Err(Unseen::Lines(
            from + 1,
            next.map_or(self.lines, |next| next.start),
        ))
    }

    fn knows(&self, lines: &Range<usize>) -> bool {
        let holds = |shown: &Range<usize>| shown.start <= lines.start && lines.end <= shown.end;
        lines.is_empty() || self.shown.iter().any(holds)
    }

    /// Adds lines, and makes one of those that touch.
    fn see(&mut self, shown: Range<usize>) {
        let shown = shown.start..shown.end.min(self.lines);
        if shown.is_empty() {
            return;
        }
        let touches = |other: &Range<usize>| other.start <= shown.end && shown.start <= other.end;
        let (mut from, mut to) = (shown.start, shown.end);
        for other in self.shown.iter().filter(|other| touches(other)) {
            (from, to) = (from.min(other.start), to.max(other.end));
        }
        self.shown.retain(|other| !touches(other));
        let at = self.shown.partition_point(|other| other.start < from);
        self.shown.insert(at, from..to);
    }
}

/// The lines that differ between two texts, all others being the same before and after them.
pub(super) struct Changed {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

impl Changed {
    pub(super) fn between(before: &str, now: &str) -> Self {
        let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), now.lines().collect());
        let same = |(left, right): &(&&str, &&str)| left == right;
        let head = old.iter().zip(&new).take_while(same).count();
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(same).count();
        let tail = tail.min(old.len().min(new.len()) - head);
        Self {
            old: head..old.len() - tail,
            new: head..new.len() - tail,
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::single_range_in_vec_init,
    reason = "what is shown at once may be one range"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(lines: Range<usize>) -> String {
        let lines: Vec<String> = lines.map(|line| format!("line {line}\n")).collect();
        lines.concat()
    }

    #[test]
    fn pieces_become_the_whole() {
        let text = text(0..10);
        let seen = Seen::lines(None, &text, &[0..4]);
        assert_eq!(seen.all_of(&text), Err(Unseen::Lines(5, 10)));
        let seen = Seen::lines(Some(seen), &text, &[6..8]);
        assert_eq!(seen.all_of(&text), Err(Unseen::Lines(5, 6)));
        let seen = Seen::lines(Some(seen), &text, &[3..7]);
        assert_eq!(seen.all_of(&text), Err(Unseen::Lines(9, 10)));
        let seen = Seen::lines(Some(seen), &text, &[8..10]);
        assert_eq!(seen.all_of(&text), Ok(()));
        assert_eq!(seen.all_of("another"), Err(Unseen::Changed));
        // What was seen of what it held before is nothing now.
        let seen = Seen::lines(Some(seen), "another\ntext", &[0..1]);
        assert_eq!(seen.all_of("another\ntext"), Err(Unseen::Lines(2, 2)));
        assert_eq!(Seen::whole("").all_of(""), Ok(()));
        assert_eq!(
            Seen::lines(None, &text, &[5..10]).all_of(&text),
            Err(Unseen::Lines(1, 5))
        );
    }

    #[test]
    fn what_was_changed_moves_the_rest() {
        let before = text(0..10);
        let now = before.replace("line 4\n", "a\nb\nc\n");
        let half = Seen::lines(None, &before, &[2..6]).changed(&before, &now);
        // Lines 3 to 6 were seen, of which the fifth became three.
        assert_eq!(half.all_of(&now), Err(Unseen::Lines(1, 2)));
        let half = Seen::lines(Some(half), &now, &[0..2]);
        assert_eq!(half.all_of(&now), Err(Unseen::Lines(9, 12)));
        assert_eq!(Seen::whole(&before).changed(&before, &now).all_of(&now), Ok(()));
        // Between two changes stands what was not seen.
        let two = before.replace("line 1\n", "x\n").replace("line 8\n", "y\n");
        let ends = Seen::lines(Some(Seen::lines(None, &before, &[0..3])), &before, &[7..10]);
        assert!(ends.changed(&before, &two).all_of(&two).is_err());
    }

    proptest! {
        /// Lines are known by where they stand: whatever was shown and changed, what is said to be unseen was not shown.
        #[test]
        fn a_whole_is_what_was_shown_line_by_line(
            shown in prop::collection::vec((0_usize..30, 0_usize..12), 0..8),
            lines in 1_usize..30,
        ) {
            let text = text(0..lines);
            let mut seen = None;
            let mut each = vec![false; lines];
            for (from, many) in shown {
                for line in each.iter_mut().skip(from).take(many) {
                    *line = true;
                }
                seen = Some(Seen::lines(seen, &text, &[from..from + many]));
            }
            let first = each.iter().position(|shown| !shown);
            match seen.unwrap_or_else(|| Seen::nothing(&text)).all_of(&text) {
                Ok(()) => prop_assert_eq!(first, None),
                Err(Unseen::Lines(from, to)) => {
                    prop_assert_eq!(first, Some(from - 1));
                    prop_assert!(each[from - 1..to].iter().all(|shown| !shown));
                    prop_assert!(each.get(to).is_none_or(|shown| *shown));
                }
                Err(Unseen::Changed) => prop_assert!(false),
            }
        }
    }
}
