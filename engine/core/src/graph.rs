//! How the tasks of one workflow depend on each other: order, cycles, and what is sure to have run.

mod reach;

use petgraph::algo::{kosaraju_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

pub(crate) use reach::Reach;

/// The tasks of one workflow as a graph. Tasks are numbered in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct TaskGraph {
    /// What each task needs.
    pub needs: Vec<Vec<usize>>,
    /// What needs each task.
    pub dependents: Vec<Vec<usize>>,
    /// The tasks so that each comes after its needs; equals keep the order of the file.
    pub order: Vec<usize>,
    /// How many tasks the longest way to each task has before it.
    pub rank: Vec<usize>,
    /// Whether a task starts only where all its needs have ended well: no status function in its `if`.
    pub waits_for_success: Vec<bool>,
    /// Whether what needs a task goes on when it fails.
    pub goes_on: Vec<bool>,
    /// Whether it is not known all that a task comes after, as an error among its needs, or among theirs, was reported.
    /// Nothing is said of these that a mended file might disprove.
    open: Vec<bool>,
    /// Who comes after whom.
    after: Reach,
    /// Who comes after whom over tasks that wait for success.
    sure: Reach,
}

/// The circles in which tasks need each other: one for each knot of such tasks.
pub fn cycles(needs: &[Vec<usize>]) -> Vec<Cycle> {
    let mut graph = DiGraph::<(), (), usize>::with_capacity(needs.len(), needs.iter().map(Vec::len).sum());
    for _ in needs {
        graph.add_node(());
    }
    for (task, own) in needs.iter().enumerate() {
        for need in own {
            graph.add_edge(NodeIndex::new(*need), NodeIndex::new(task), ());
        }
    }
    if toposort(&graph, None).is_ok() {
        return Vec::new();
    }
    let needs_itself = |task: &usize| needs.get(*task).is_some_and(|own| own.contains(task));
    kosaraju_scc(&graph)
        .into_iter()
        .map(|knot| knot.into_iter().map(NodeIndex::index).collect::<Vec<_>>())
        .filter(|knot| knot.len() > 1 || knot.iter().any(needs_itself))
        .map(|knot| Cycle {
            path: shortest_cycle(needs, &knot),
            knot,
        })
        .collect()
}

/// Tasks that need each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// A shortest one; the first comes again after the last.
    pub path: Vec<usize>,
    /// All tasks that are in circles with these.
    pub knot: Vec<usize>,
}

impl TaskGraph {
    /// Builds the graph. `needs[i]` are the tasks that task `i` needs.
    ///
    /// # Errors
    /// When tasks need each other in a circle: one circle for each knot of such tasks.
    pub fn new(
        needs: Vec<Vec<usize>>,
        waits_for_success: Vec<bool>,
        goes_on: Vec<bool>,
    ) -> Result<Self, Vec<Cycle>> {
        let cycles = cycles(&needs);
        if !cycles.is_empty() {
            return Err(cycles);
        }
        let mut dependents = vec![Vec::new(); needs.len()];
        for (task, own) in needs.iter().enumerate() {
            for need in own {
                if let Some(list) = dependents.get_mut(*need) {
                    list.push(task);
                }
            }
        }
        let (order, rank) = order(&needs, &dependents);
        let after = Reach::new(dependents.clone(), &order);
        let waiting = |tasks: &Vec<usize>| {
            let waits = |task: &usize| waits_for_success.get(*task).copied().unwrap_or(false);
            tasks.iter().copied().filter(waits).collect()
        };
        let sure = Reach::new(dependents.iter().map(waiting).collect(), &order);
        Ok(Self {
            needs,
            dependents,
            order,
            rank,
            waits_for_success,
            goes_on,
            open: Vec::new(),
            after,
            sure,
        })
    }

    /// Says whose needs are not all known; whatever comes after these is not known, either.
    pub fn open(&mut self, mut open: Vec<bool>) {
        for task in &self.order {
            let mut needs = self.needs.get(*task).into_iter().flatten();
            if needs.any(|need| open.get(*need) == Some(&true))
                && let Some(open) = open.get_mut(*task)
            {
                *open = true;
            }
        }
        self.open = open;
    }

    /// Whether it is not known all that a task comes after.
    pub fn is_open(&self, task: usize) -> bool {
        self.open.get(task).copied().unwrap_or(false)
    }

    /// How many tasks there are.
    pub fn len(&self) -> usize {
        self.needs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }

    /// Whether `task` needs `other`, directly or through others.
    pub fn is_after(&self, task: usize, other: usize) -> bool {
        self.after.is_after(task, other)
    }

    /// Whether `other` has certainly succeeded when `task` starts.
    pub fn is_sure(&self, task: usize, other: usize) -> bool {
        !self.goes_on.get(other).copied().unwrap_or(false) && self.sure.is_after(task, other)
    }

    /// Who comes after whom.
    pub(crate) fn reach(&self) -> &Reach {
        &self.after
    }
}

/// Kahn's algorithm with the file's order among equals, and each task's rank.
fn order(needs: &[Vec<usize>], dependents: &[Vec<usize>]) -> (Vec<usize>, Vec<usize>) {
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut rank = vec![0; needs.len()];
    let mut ready: std::collections::BTreeSet<usize> = (0..needs.len())
        .filter(|task| open.get(*task) == Some(&0))
        .collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(task) = ready.pop_first() {
        order.push(task);
        let next = rank.get(task).copied().unwrap_or(0) + 1;
        for dependent in dependents.get(task).into_iter().flatten() {
            if let Some(rank) = rank.get_mut(*dependent) {
                *rank = next.max(*rank);
            }
            if let Some(open) = open.get_mut(*dependent) {
                *open -= 1;
                if *open == 0 {
                    ready.insert(*dependent);
                }
            }
        }
    }
    (order, rank)
}

/// A shortest circle inside a knot of tasks, beginning with the first of them in the file.
fn shortest_cycle(needs: &[Vec<usize>], knot: &[usize]) -> Vec<usize> {
    let members: std::collections::HashSet<usize> = knot.iter().copied().collect();
    let start = knot.iter().copied().min().unwrap_or_default();
    let mut came_from: std::collections::HashMap<usize, usize> = std::collections::HashMap::new();
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(task) = queue.pop_front() {
        for need in needs
            .get(task)
            .into_iter()
            .flatten()
            .filter(|need| members.contains(need))
        {
            if *need == start {
                let mut path = vec![task];
                while let Some(previous) = path.last().and_then(|last| came_from.get(last)) {
                    path.push(*previous);
                }
                path.reverse();
                return path;
            }
            if !came_from.contains_key(need) {
                came_from.insert(*need, task);
                queue.push_back(*need);
            }
        }
    }
    vec![start]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(needs: &[&[usize]]) -> Result<TaskGraph, Vec<Cycle>> {
        let needs: Vec<Vec<usize>> = needs.iter().map(|own| own.to_vec()).collect();
        let count = needs.len();
        TaskGraph::new(needs, vec![true; count], vec![false; count])
    }

    #[test]
    fn order_follows_needs_then_the_file() {
        let graph = graph(&[&[2], &[], &[], &[0, 1]]).unwrap();
        assert_eq!(graph.order, [1, 2, 0, 3]);
        assert_eq!(graph.rank, [1, 0, 0, 2]);
        assert!(graph.is_after(3, 2));
        assert!(!graph.is_after(1, 2));
    }

    #[test]
    fn cycles_are_shown_one_for_each_knot() {
        let cycles = graph(&[&[1], &[2], &[0], &[4], &[3], &[5]]).unwrap_err();
        let mut found: Vec<_> = cycles.into_iter().map(|cycle| cycle.path).collect();
        found.sort();
        assert_eq!(found, [vec![0, 1, 2], vec![3, 4], vec![5]]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let needs: Vec<Vec<usize>> = (0..100_000usize)
            .map(|task| task.checked_sub(1).into_iter().collect())
            .collect();
        let graph = TaskGraph::new(needs, vec![true; 100_000], vec![false; 100_000]).unwrap();
        assert!(graph.is_sure(99_999, 0));
    }

    #[test]
    fn only_what_every_way_waits_for_is_sure() {
        let needs = vec![vec![], vec![0], vec![1], vec![2]];
        let graph = TaskGraph::new(
            needs,
            vec![true, true, false, true],
            vec![false, true, false, false],
        )
        .unwrap();
        assert!(graph.is_sure(1, 0));
        assert!(!graph.is_sure(2, 1), "2 runs whatever became of 1");
        assert!(graph.is_sure(3, 2));
        assert!(!graph.is_sure(3, 0), "2 may have run without 0");
    }
}
