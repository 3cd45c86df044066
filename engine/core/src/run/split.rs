//! Splitting: whether the work of a node that failed is cut into smaller nodes, and into which.
//!
//! Whoever made the attempt has measured how its work could be cut ([`Work`]); what is here chooses among these ways,
//! and refuses those that make nothing smaller. Each part becomes a node of its own, and what they have made together
//! is verified as the whole would have been.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FailureClass;
use crate::spec::SplitBy;

/// The most parts of a node, and the most of such a part. Sixteen files are more than one change should touch, and a
/// file of eight windows more than one instruction is about; beyond that a `foreach` says better what is wanted. Parts
/// of parts are not split: what is too large then is no matter of size.
pub const MAX_PARTS: [usize; 2] = [16, 8];

/// A piece of a node's work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// What it is called: a path, `src/a.rs: parse, print`, a heading.
    pub name: String,
    /// The file that it is, or is a piece of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The pieces of the file or of the context that it has, where it has not all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<String>,
    /// How many tokens it takes to show it, at most.
    pub tokens: u64,
    /// What verifiers have found in it, when all was done at once.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub found: String,
}

/// One way to cut the work of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cut {
    /// Which way.
    pub by: SplitBy,
    /// The parts.
    pub parts: Vec<Part>,
}

/// The work of an attempt, as it was measured for a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Work {
    /// How many tokens it takes to show all of it, at most.
    pub tokens: u64,
    /// The ways in which it can be cut.
    pub cuts: Vec<Cut>,
}

/// A piece of a file or of a context that is not cut further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What it is called.
    pub name: String,
    /// How many tokens it takes to show it, at most.
    pub tokens: u64,
}

/// The cut of a node's work, if there is one that helps: as the task names it, else the first that suits the failure.
/// `depth` tells how often the work was cut already.
pub fn split(way: SplitBy, class: FailureClass, work: &Work, depth: usize) -> Option<&Cut> {
    let most = *MAX_PARTS.get(depth)?;
    if !smaller_work_can_help(class) {
        return None;
    }
    if way == SplitBy::Plan {
        // Its model says what is cut; what it says is checked then. What it planned is small enough, or was not meant
        // to be.
        return work.cuts.iter().find(|cut| cut.by == way && depth == 0);
    }
    let helps = |cut: &&Cut| {
        let smaller = |part: &Part| part.tokens < work.tokens;
        (2..=most).contains(&cut.parts.len()) && cut.parts.iter().all(smaller)
    };
    let order: &[SplitBy] = match way {
        // What was found in some files is told where it is of use.
        SplitBy::Auto if class == FailureClass::VerifyFailed => &[
            SplitBy::Diagnostic,
            SplitBy::File,
            SplitBy::Symbol,
            SplitBy::Section,
            SplitBy::Item,
        ],
        SplitBy::Auto => &[SplitBy::File, SplitBy::Symbol, SplitBy::Section, SplitBy::Item],
        ref named => std::slice::from_ref(named),
    };
    let of = |by: &SplitBy| work.cuts.iter().filter(|cut| cut.by == *by).find(helps);
    order.iter().find_map(of)
}

/// Neighbours put together into as few parts of at most `room` tokens as there may be at this depth; where there would
/// be more, each becomes larger.
pub fn group(pieces: &[Piece], room: u64, depth: usize) -> Vec<Vec<&Piece>> {
    let most = u64::try_from(MAX_PARTS.get(depth).copied().unwrap_or(1)).unwrap_or(1);
    let all = pieces
        .iter()
        .fold(0_u64, |sum, piece| sum.saturating_add(piece.tokens));
    let mut room = room.max(all.div_ceil(most)).max(1);
    loop {
        let mut groups: Vec<(u64, Vec<&Piece>)> = Vec::new();
        for piece in pieces {
            match groups.last_mut() {
                Some((tokens, group)) if tokens.saturating_add(piece.tokens) <= room => {
                    *tokens = tokens.saturating_add(piece.tokens);
                    group.push(piece);
                }
                _ => groups.push((piece.tokens, vec![piece])),
            }
        }
        if u64::try_from(groups.len()).is_ok_and(|groups| groups <= most) {
            return groups.into_iter().map(|(_, group)| group).collect();
        }
        // At the latest when one holds all, there are few enough.
        room = room.saturating_mul(2);
    }
}

/// Whether less at once may end otherwise.
fn smaller_work_can_help(class: FailureClass) -> bool {
    match class {
        FailureClass::TooLarge
        | FailureClass::OverBudget
        | FailureClass::TimedOut
        | FailureClass::Truncated
        | FailureClass::Looping
        | FailureClass::Overthinking
        | FailureClass::Empty
        | FailureClass::Unparseable
        | FailureClass::SchemaMismatch
        | FailureClass::PatchWithoutMatch
        | FailureClass::Unfinished
        | FailureClass::VerifyFailed => true,
        FailureClass::Denied
        | FailureClass::UnknownTool
        | FailureClass::ToolFailed
        | FailureClass::Transport
        | FailureClass::NoModel
        | FailureClass::Refused
        | FailureClass::CommandFailed
        | FailureClass::Expression
        | FailureClass::Io
        | FailureClass::ToolMissing
        | FailureClass::Rejected
        | FailureClass::UsedWorkflowFailed
        | FailureClass::Cancelled
        | FailureClass::Lost
        | FailureClass::Internal => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(name: &str, tokens: u64) -> Part {
        Part {
            name: name.to_owned(),
            file: None,
            pieces: Vec::new(),
            tokens,
            found: String::new(),
        }
    }

    fn work(tokens: u64, cuts: &[(SplitBy, &[u64])]) -> Work {
        let cut = |(by, parts): &(SplitBy, &[u64])| Cut {
            by: *by,
            parts: parts.iter().map(|tokens| part("p", *tokens)).collect(),
        };
        Work {
            tokens,
            cuts: cuts.iter().map(cut).collect(),
        }
    }

    #[test]
    fn the_way_follows_from_the_failure_unless_it_is_named() {
        use FailureClass as C;
        use SplitBy as By;
        let both = work(
            100,
            &[
                (By::Diagnostic, &[50, 50]),
                (By::File, &[50, 50]),
                (By::Symbol, &[30, 40]),
            ],
        );
        let alone = work(100, &[(By::Symbol, &[30, 40])]);
        for (way, class, work, expected) in [
            (By::Auto, C::TooLarge, &both, Some(By::File)),
            (By::Auto, C::Truncated, &both, Some(By::File)),
            (By::Auto, C::VerifyFailed, &both, Some(By::Diagnostic)),
            (By::Auto, C::VerifyFailed, &alone, Some(By::Symbol)),
            (By::Symbol, C::Truncated, &both, Some(By::Symbol)),
            (By::File, C::Truncated, &alone, None),
            (By::Auto, C::Denied, &both, None),
            (By::Auto, C::Transport, &both, None),
            (By::Auto, C::Cancelled, &both, None),
        ] {
            let found = split(way, class, work, 0).map(|cut| cut.by);
            assert_eq!(found, expected, "{way:?} {class:?}");
        }
    }

    #[test]
    fn a_cut_that_makes_nothing_smaller_is_refused() {
        let by = SplitBy::File;
        for (parts, helps) in [
            (vec![60, 60], true),
            // Nothing is cut off, or one part has all of it.
            (vec![60], false),
            (vec![100, 1], false),
            (vec![], false),
            (vec![5; 16], true),
            (vec![5; 17], false),
        ] {
            let work = work(100, &[(by, &parts)]);
            assert_eq!(
                split(by, FailureClass::TooLarge, &work, 0).is_some(),
                helps,
                "{parts:?}"
            );
        }
        let planned = work(100, &[(SplitBy::Plan, &[])]);
        let of_plan = |depth| split(SplitBy::Plan, FailureClass::TooLarge, &planned, depth).is_some();
        assert_eq!([of_plan(0), of_plan(1)], [true, false]);
        let small = work(100, &[(by, &[5; 8])]);
        assert!(split(by, FailureClass::TooLarge, &small, 1).is_some());
        assert!(
            split(by, FailureClass::TooLarge, &small, 2).is_none(),
            "it was cut often enough"
        );
    }

    proptest! {
        #[test]
        fn groups_are_few_and_lose_nothing(
            tokens in prop::collection::vec(0_u64..5000, 0..60), room in 0_u64..4000, depth in 0_usize..2,
        ) {
            let piece = |(at, tokens): (usize, &u64)| Piece { name: at.to_string(), tokens: *tokens };
            let pieces: Vec<Piece> = tokens.iter().enumerate().map(piece).collect();
            let groups = group(&pieces, room, depth);
            prop_assert!(groups.len() <= MAX_PARTS[depth]);
            let all: Vec<&Piece> = groups.iter().flatten().copied().collect();
            prop_assert_eq!(all, pieces.iter().collect::<Vec<_>>());
            prop_assert!(groups.iter().all(|group| !group.is_empty()));
        }
    }
}
