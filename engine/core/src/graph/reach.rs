//! Answers in an instant, nearly always, whether one task comes after another.
//!
//! Two walks over the graph give each task an interval. One inside another's, on the tree that the walk took,
//! proves that it is reached; one outside the span of all that another reaches proves that it is not. Only where
//! neither walk knows is the graph searched, between the two places in the order. Bits for each pair would answer
//! always, and take a gigabyte for 100,000 tasks.

use std::collections::HashSet;

/// What comes after what in a graph without circles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    next: Vec<Vec<usize>>,
    /// Where each stands in the order.
    position: Vec<usize>,
    walks: [Vec<Interval>; 2],
}

/// What one walk found out about a task.
#[derive(Clone, Copy, Debug, Default)]
struct Interval {
    /// When the walk came to it.
    entered: usize,
    /// When the walk was done with it and what it reaches; numbered apart from `entered`.
    left: usize,
    /// The lowest `left` of all that it reaches.
    lowest: usize,
}

impl Reach {
    /// Reads a graph: what comes right after each task, and the tasks in an order that agrees with that.
    pub(crate) fn new(next: Vec<Vec<usize>>, order: &[usize]) -> Self {
        let mut position = vec![0; next.len()];
        for (place, task) in order.iter().enumerate() {
            if let Some(slot) = position.get_mut(*task) {
                *slot = place;
            }
        }
        let mut first = vec![true; next.len()];
        for task in next.iter().flatten() {
            if let Some(first) = first.get_mut(*task) {
                *first = false;
            }
        }
        let starts = order.iter().copied();
        let starts: Vec<usize> = starts.filter(|task| first.get(*task) == Some(&true)).collect();
        let walks = [
            walk(&next, starts.iter().copied(), false),
            // The other way round, the second walk takes other trees.
            walk(&next, starts.iter().rev().copied(), true),
        ];
        Self {
            next,
            position,
            walks,
        }
    }

    /// Where a task stands in the order.
    pub(crate) fn position(&self, task: usize) -> usize {
        self.position.get(task).copied().unwrap_or(usize::MAX)
    }

    /// Whether `later` comes after `earlier`, directly or through others.
    pub(crate) fn is_after(&self, later: usize, earlier: usize) -> bool {
        if self.position(earlier) >= self.position(later) {
            return false;
        }
        if let Some(known) = self.known(earlier, later) {
            return known;
        }
        let mut seen = HashSet::new();
        let mut stack = vec![earlier];
        while let Some(task) = stack.pop() {
            for next in self.next.get(task).into_iter().flatten() {
                if *next == later {
                    return true;
                }
                if self.position(*next) >= self.position(later) {
                    continue;
                }
                match self.known(*next, later) {
                    Some(true) => return true,
                    Some(false) => {}
                    None => {
                        if seen.insert(*next) {
                            stack.push(*next);
                        }
                    }
                }
            }
        }
        false
    }

    /// Whether one of the two comes after the other.
    pub(crate) fn is_ordered(&self, one: usize, other: usize) -> bool {
        self.is_after(one, other) || self.is_after(other, one)
    }

    fn known(&self, earlier: usize, later: usize) -> Option<bool> {
        for walk in &self.walks {
            let (Some(from), Some(to)) = (walk.get(earlier), walk.get(later)) else {
                return Some(false);
            };
            if from.entered < to.entered && to.left < from.left {
                return Some(true);
            }
            if to.left > from.left || to.lowest < from.lowest {
                return Some(false);
            }
        }
        None
    }
}

/// Walks in depth, without a stack of calls: a chain may be as long as a file.
fn walk(next: &[Vec<usize>], starts: impl Iterator<Item = usize>, backwards: bool) -> Vec<Interval> {
    let mut found: Vec<Option<Interval>> = vec![None; next.len()];
    let (mut entered, mut left) = (0, 0);
    // A task, and how many of those after it have been looked at.
    let mut stack: Vec<(usize, usize)> = Vec::new();
    let mut enter = |task: usize, found: &mut Vec<Option<Interval>>, stack: &mut Vec<(usize, usize)>| {
        if let Some(slot @ None) = found.get_mut(task) {
            *slot = Some(Interval {
                entered,
                left: usize::MAX,
                lowest: usize::MAX,
            });
            entered += 1;
            stack.push((task, 0));
        }
    };
    for start in starts {
        enter(start, &mut found, &mut stack);
        while let Some((task, looked)) = stack.last_mut() {
            let task = *task;
            let list = next.get(task).map_or(&[][..], Vec::as_slice);
            let at = if backwards {
                list.len().checked_sub(*looked + 1)
            } else {
                Some(*looked)
            };
            *looked += 1;
            if let Some(child) = at.and_then(|at| list.get(at)) {
                enter(*child, &mut found, &mut stack);
                continue;
            }
            stack.pop();
            let lowest = list
                .iter()
                .filter_map(|child| found.get(*child).copied().flatten())
                .map(|child| child.lowest)
                .fold(left, usize::min);
            if let Some(Some(interval)) = found.get_mut(task) {
                interval.left = left;
                interval.lowest = lowest;
            }
            left += 1;
        }
    }
    found.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against the plain search, on graphs whose order is that of the numbers.
        #[test]
        fn the_answer_is_that_of_a_search(
            edges in proptest::collection::vec((0_usize..14, 0_usize..14), 0..40),
        ) {
            let mut next = vec![Vec::new(); 14];
            for (one, other) in edges {
                if one != other {
                    next[one.min(other)].push(one.max(other));
                }
            }
            let order: Vec<usize> = (0..14).collect();
            let reach = Reach::new(next.clone(), &order);
            for from in 0..14 {
                let mut reached = HashSet::new();
                let mut stack = vec![from];
                while let Some(task) = stack.pop() {
                    stack.extend(next[task].iter().filter(|task| reached.insert(**task)));
                }
                for to in 0..14 {
                    prop_assert_eq!(reach.is_after(to, from), reached.contains(&to), "{} {}", from, to);
                }
            }
        }
    }
}
