//! Where something stands next: looked for once in each stretch of a text, however often it is asked for.

/// The stretch that was looked through last: nothing stands in it up to `at`, where the next one is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Next {
    stretch: Option<(usize, usize)>,
}

impl Next {
    /// The next place at or after `from`; `look` finds it where that is not known yet.
    pub(crate) fn after(&mut self, from: usize, look: impl FnOnce(usize) -> usize) -> usize {
        match self.stretch {
            Some((start, at)) if (start..=at).contains(&from) => at,
            _ => {
                let at = look(from);
                self.stretch = Some((from, at));
                at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_looked_through_once() {
        let (mut next, mut looked) = (Next::default(), 0);
        let mut ask = |from| {
            next.after(from, |from| {
                looked += 1;
                from.next_multiple_of(10)
            })
        };
        for (from, expected) in [(1, 10), (5, 10), (10, 10), (11, 20), (20, 20), (3, 10)] {
            assert_eq!(ask(from), expected, "{from}");
        }
        assert_eq!(looked, 3);
    }
}
