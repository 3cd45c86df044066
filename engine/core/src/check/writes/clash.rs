//! Which of many writes may hit the same files at the same time.
//!
//! Every pair of them would be too many: a generated file has thousands of tasks. Writes of the same path are one
//! group, of which neighbours in the order tell all; groups are compared only where [`near`](super::near) says that
//! they may have a path in common.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use super::near::Near;
use crate::glob::{self, Shape};
use crate::graph::Reach;

/// A path or glob that a task writes.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    /// The task.
    pub(crate) task: usize,
    /// What writes can be compared with: those with the same text here, which is made of expressions.
    pub(crate) under: String,
    /// The path or glob, below `under`.
    pub(crate) path: String,
}

/// Finds pairs of writes, as places in the list, of tasks that are not in order. Of several between the same two
/// tasks it gives one.
pub(crate) fn clashes(writes: &[Write], reach: &Reach) -> Vec<(usize, usize)> {
    let groups = groups(writes, reach);
    let mut finder = Finder {
        writes,
        reach,
        found: Vec::new(),
        seen: HashSet::new(),
    };
    for group in &groups {
        for pair in group.members.windows(2) {
            if let [left, right] = pair {
                finder.compare(*left, *right);
            }
        }
    }
    meetings(&groups, |one, other| finder.compare_groups(one, other));
    finder.found
}

/// Finds the groups that can write the same path, each pair once.
fn meetings<'g, 'a>(groups: &'g [Group<'a>], mut meet: impl FnMut(&'g Group<'a>, &'g Group<'a>)) {
    let mut wild: HashMap<&str, Vec<(String, String, usize)>> = HashMap::new();
    for group in groups.iter().filter(|group| group.shape.is_wild()) {
        let (start, end) = group.shape.fixed();
        wild.entry(group.under)
            .or_default()
            .push((start, end, group.number));
    }
    let wild: HashMap<&str, Near> = wild
        .into_iter()
        .map(|(under, globs)| (under, Near::new(globs)))
        .collect();
    for group in groups {
        let Some(near) = wild.get(group.under) else {
            continue;
        };
        let (start, end) = group.shape.fixed();
        for other in near.to(&start, &end).filter_map(|number| groups.get(number)) {
            // Two globs find each other: the one named first tells.
            let twice = group.shape.is_wild() && other.number <= group.number;
            if !twice && group.shape.meets(&other.shape) {
                meet(group, other);
            }
        }
    }
}

/// The writes of one path or glob.
struct Group<'a> {
    number: usize,
    under: &'a str,
    shape: Shape,
    /// Places in the list, in the order of their tasks.
    members: Vec<usize>,
}

fn groups<'a>(writes: &'a [Write], reach: &Reach) -> Vec<Group<'a>> {
    let mut by_path: IndexMap<(&str, String), Vec<usize>> = IndexMap::new();
    for (place, write) in writes.iter().enumerate() {
        let key = (write.under.as_str(), glob::normal(&write.path));
        by_path.entry(key).or_default().push(place);
    }
    let group = |(number, ((under, path), mut members)): (usize, ((&'a str, String), Vec<usize>))| {
        members.sort_by_key(|place| position(writes, reach, *place));
        Group {
            number,
            under,
            shape: Shape::new(&path),
            members,
        }
    };
    by_path.into_iter().enumerate().map(group).collect()
}

fn position(writes: &[Write], reach: &Reach, place: usize) -> usize {
    writes
        .get(place)
        .map_or(usize::MAX, |write| reach.position(write.task))
}

struct Finder<'a> {
    writes: &'a [Write],
    reach: &'a Reach,
    found: Vec<(usize, usize)>,
    seen: HashSet<(usize, usize)>,
}

impl Finder<'_> {
    /// Compares each of the smaller group with those before and after it in the other: where that one is in
    /// order, they tell for all of it.
    fn compare_groups(&mut self, one: &Group<'_>, other: &Group<'_>) {
        let (few, many) = if one.members.len() <= other.members.len() {
            (one, other)
        } else {
            (other, one)
        };
        for place in &few.members {
            let own = position(self.writes, self.reach, *place);
            let after = many
                .members
                .partition_point(|other| position(self.writes, self.reach, *other) < own);
            let neighbours = [after.checked_sub(1), Some(after)];
            for neighbour in neighbours.into_iter().flatten() {
                if let Some(neighbour) = many.members.get(neighbour) {
                    self.compare(*place, *neighbour);
                }
            }
        }
    }

    fn compare(&mut self, one: usize, other: usize) {
        let (left, right) = (one.min(other), one.max(other));
        let (Some(first), Some(second)) = (self.writes.get(left), self.writes.get(right)) else {
            return;
        };
        if first.task != second.task
            && !self.reach.is_ordered(first.task, second.task)
            && self.seen.insert((first.task, second.task))
        {
            self.found.push((left, right));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATHS: [&str; 16] = [
        "a",
        "a/b",
        "a/*",
        "a/**",
        "**",
        "b/c.md",
        "b/*.md",
        "[ab]/c.md",
        "**/c.md",
        "a/*-1",
        "a/*-11",
        "a/1-*",
        "a/11-*",
        "a/?-1",
        "a/**/1",
        "*",
    ];

    proptest! {
        /// The groups that meet are those that meet when every pair is compared.
        #[test]
        fn none_that_meet_are_passed_over(
            paths in proptest::collection::btree_set("(\\*\\*/)?([ab1é*?]{1,3}/|\\*\\*/){0,2}([ab1é*?-]{1,4}|\\*\\*)", 0..12),
        ) {
            let reach = Reach::new(vec![Vec::new(); paths.len()], &(0..paths.len()).collect::<Vec<_>>());
            let writes: Vec<Write> = paths
                .into_iter()
                .enumerate()
                .map(|(task, path)| Write { task, under: String::new(), path })
                .collect();
            let groups = groups(&writes, &reach);
            let mut wanted = Vec::new();
            for (left, one) in groups.iter().enumerate() {
                for (right, other) in groups.iter().enumerate().skip(left + 1) {
                    if one.shape.meets(&other.shape) {
                        wanted.push((left, right));
                    }
                }
            }
            let mut found = Vec::new();
            meetings(&groups, |one, other| {
                found.push((one.number.min(other.number), one.number.max(other.number)));
            });
            found.sort_unstable();
            prop_assert_eq!(found, wanted, "{:?}", writes);
        }

        /// Against every pair: none is found where there is none, and where there are some, one is found.
        #[test]
        fn found_where_there_is_one(
            edges in proptest::collection::vec((0_usize..6, 0_usize..6), 0..15),
            written in proptest::collection::vec((0_usize..6, 0_usize..16), 0..9),
        ) {
            let mut next = vec![Vec::new(); 6];
            for (one, other) in edges {
                if one != other {
                    next[one.min(other)].push(one.max(other));
                }
            }
            let reach = Reach::new(next, &[0, 1, 2, 3, 4, 5]);
            let writes: Vec<Write> = written
                .into_iter()
                .map(|(task, path)| Write { task, under: String::new(), path: PATHS[path].to_owned() })
                .collect();
            let mut wanted = HashSet::new();
            for (left, one) in writes.iter().enumerate() {
                for other in writes.iter().skip(left + 1) {
                    if one.task != other.task
                        && !reach.is_ordered(one.task, other.task)
                        && glob::overlap(&one.path, &other.path)
                    {
                        wanted.insert((one.task.min(other.task), one.task.max(other.task)));
                    }
                }
            }
            let found: Vec<_> = clashes(&writes, &reach)
                .into_iter()
                .map(|(left, right)| (writes[left].task, writes[right].task))
                .map(|(left, right)| (left.min(right), left.max(right)))
                .collect();
            prop_assert_eq!(found.is_empty(), wanted.is_empty(), "{:?} {:?}", found, wanted);
            prop_assert!(found.iter().all(|pair| wanted.contains(pair)), "{:?} {:?}", found, wanted);
        }
    }
}
