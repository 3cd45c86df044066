//! Where the nodes of a graph go: layers from left to right.
//!
//! The usual four steps, each linear but for sorting: layers by longest path; an edge over several layers
//! gets a waypoint in each; the order inside of a layer by two sweeps of barycentres; then positions that are
//! as close to a node's neighbours as order and gaps allow. The same graph always gives the same layout.

/// Where one node or waypoint is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place {
    /// The layer, from the left.
    pub(super) layer: usize,
    /// The middle, from the top, in units of a row.
    pub(super) row: f64,
}

/// A finished layout.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Of each node.
    pub(super) nodes: Vec<Place>,
    /// Of each edge: the waypoints between its ends.
    pub(super) waypoints: Vec<Vec<Place>>,
    /// How many layers there are.
    pub(super) layers: usize,
    /// How many rows: no place is outside of `0.0..=rows`.
    pub(super) rows: f64,
}

/// A waypoint needs less room than a node.
const WAYPOINT_GAP: f64 = 0.45;
/// Waypoints are given up where there would be more of them than this, for each node and edge.
const MOST_WAYPOINTS: usize = 8;

/// The cells of the layered graph: first the nodes, then the waypoints.
struct Cells {
    layer: Vec<usize>,
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
    node_count: usize,
}

/// Lays a graph of `count` nodes out. Edges must be in bounds.
pub(super) fn layout(count: usize, edges: &[(usize, usize)]) -> Layout {
    let layer = layers(count, edges);
    let (mut cells, chains) = cells(&layer, edges);
    let layers = cells.layer.iter().max().map_or(0, |last| last + 1);
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); layers];
    for (cell, layer) in cells.layer.iter().enumerate() {
        if let Some(cells) = order.get_mut(*layer) {
            cells.push(cell);
        }
    }
    for neighbours in [&mut cells.before, &mut cells.after] {
        for list in neighbours {
            list.sort_unstable();
            list.dedup();
        }
    }
    sort_layers(&cells, &mut order);
    let rows = positions(&cells, &order);
    let place = |cell: usize| Place {
        layer: cells.layer.get(cell).copied().unwrap_or_default(),
        row: rows.get(cell).copied().unwrap_or_default(),
    };
    Layout {
        nodes: (0..count).map(place).collect(),
        waypoints: chains
            .into_iter()
            .map(|chain| chain.into_iter().map(place).collect())
            .collect(),
        layers,
        rows: rows.iter().copied().fold(0.0, f64::max) + 0.5,
    }
}

/// The longest path that leads to each node. Nodes of a circle are taken in their order, as if the edge that
/// closes it were not there.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut missing = vec![0_usize; count];
    for (from, to) in edges {
        if let (Some(after), Some(missing)) = (after.get_mut(*from), missing.get_mut(*to)) {
            after.push(*to);
            *missing += 1;
        }
    }
    let mut layer = vec![0_usize; count];
    let mut done = vec![false; count];
    let mut ready: Vec<usize> = Vec::new();
    let free = |node: &usize| missing.get(*node) == Some(&0);
    ready.extend((0..count).rev().filter(free));
    let mut next = 0;
    loop {
        let node = match ready.pop() {
            Some(node) => node,
            None if next < count => {
                next += 1;
                next - 1
            }
            None => break,
        };
        match done.get_mut(node) {
            Some(done) if !*done => *done = true,
            _ => continue,
        }
        let own = layer.get(node).copied().unwrap_or_default();
        for to in after.get(node).into_iter().flatten() {
            if done.get(*to) == Some(&true) {
                continue;
            }
            if let (Some(layer), Some(missing)) = (layer.get_mut(*to), missing.get_mut(*to)) {
                *layer = (*layer).max(own + 1);
                *missing -= 1;
                if *missing == 0 {
                    ready.push(*to);
                }
            }
        }
    }
    layer
}

/// Adds the waypoints; the second part has those of each edge.
fn cells(layer: &[usize], edges: &[(usize, usize)]) -> (Cells, Vec<Vec<usize>>) {
    let node_count = layer.len();
    let at = |node: usize| layer.get(node).copied().unwrap_or_default();
    let spans = edges
        .iter()
        .map(|(from, to)| at(*to).saturating_sub(at(*from) + 1));
    let wanted = spans.fold(0_usize, usize::saturating_add);
    let draw_waypoints = wanted <= MOST_WAYPOINTS * (node_count + edges.len());
    let mut cells = Cells {
        before: vec![Vec::new(); node_count],
        after: vec![Vec::new(); node_count],
        layer: layer.to_owned(),
        node_count,
    };
    let mut chains = Vec::with_capacity(edges.len());
    for (from, to) in edges {
        let between = if draw_waypoints {
            at(*from) + 1..at(*to)
        } else {
            0..0
        };
        let mut chain = Vec::new();
        let mut last = *from;
        for layer in between {
            let cell = cells.layer.len();
            cells.layer.push(layer);
            cells.before.push(Vec::new());
            cells.after.push(Vec::new());
            cells.join(last, cell);
            chain.push(cell);
            last = cell;
        }
        if at(*from) < at(*to) {
            cells.join(last, *to);
        }
        chains.push(chain);
    }
    (cells, chains)
}

impl Cells {
    fn join(&mut self, from: usize, to: usize) {
        if let (Some(after), Some(before)) = (self.after.get_mut(from), self.before.get_mut(to)) {
            after.push(to);
            before.push(from);
        }
    }

    /// The mean of what is known of a cell's neighbours.
    fn mean(&self, cell: usize, forward: bool, value: &[f64]) -> Option<f64> {
        let neighbours = if forward { &self.before } else { &self.after };
        let list = neighbours.get(cell)?;
        let sum: f64 = list.iter().filter_map(|other| value.get(*other)).sum();
        let count = u32::try_from(list.len()).ok().filter(|count| *count > 0)?;
        Some(sum / f64::from(count))
    }

    /// How much room a cell takes.
    fn room(&self, cell: usize) -> f64 {
        if cell < self.node_count { 1.0 } else { WAYPOINT_GAP }
    }
}

/// Two sweeps, each to the right and back.
fn sort_layers(cells: &Cells, order: &mut [Vec<usize>]) {
    let mut rank = vec![0.0; cells.layer.len()];
    let number = |layer: &[usize], rank: &mut [f64]| {
        let mut next = 0.0;
        for cell in layer {
            if let Some(rank) = rank.get_mut(*cell) {
                *rank = next;
            }
            next += 1.0;
        }
    };
    for layer in order.iter() {
        number(layer, &mut rank);
    }
    for forward in [true, false, true, false] {
        let sequence: Box<dyn Iterator<Item = &mut Vec<usize>>> = if forward {
            Box::new(order.iter_mut())
        } else {
            Box::new(order.iter_mut().rev())
        };
        for layer in sequence {
            let mut keyed: Vec<(f64, usize)> = layer
                .iter()
                .map(|cell| {
                    let own = rank.get(*cell).copied().unwrap_or_default();
                    (cells.mean(*cell, forward, &rank).unwrap_or(own), *cell)
                })
                .collect();
            // Stable: cells that want the same place keep their order.
            keyed.sort_by(|left, right| left.0.total_cmp(&right.0));
            *layer = keyed.into_iter().map(|(_, cell)| cell).collect();
            number(layer, &mut rank);
        }
    }
}

/// Rows for all cells: each layer in turn goes as near to its neighbours as its order allows.
fn positions(cells: &Cells, order: &[Vec<usize>]) -> Vec<f64> {
    let mut row = vec![0.0; cells.layer.len()];
    for layer in order {
        settle(cells, layer, &mut row, |_, _| None);
    }
    for forward in [true, false, true, false] {
        let sequence: Box<dyn Iterator<Item = &Vec<usize>>> = if forward {
            Box::new(order.iter())
        } else {
            Box::new(order.iter().rev())
        };
        for layer in sequence {
            settle(cells, layer, &mut row, |cell, row| cells.mean(cell, forward, row));
        }
    }
    let top = row.iter().copied().fold(f64::INFINITY, f64::min);
    if top.is_finite() {
        for row in &mut row {
            *row += 0.5 - top;
        }
    }
    row
}

/// Gives the cells of a layer the rows that are nearest to what they want (in the sum of squares) while they
/// keep their order and their room: isotonic regression by pooling neighbours that are in each other's way.
fn settle(cells: &Cells, layer: &[usize], row: &mut [f64], wish: impl Fn(usize, &[f64]) -> Option<f64>) {
    struct Pool {
        sum: f64,
        weight: f64,
        members: usize,
    }
    let mut offsets = Vec::with_capacity(layer.len());
    let mut pools: Vec<Pool> = Vec::new();
    let mut offset = 0.0;
    let mut last_room = 0.0;
    for cell in layer {
        let room = cells.room(*cell);
        if !offsets.is_empty() {
            offset += f64::midpoint(last_room, room);
        }
        last_room = room;
        offsets.push(offset);
        let own = row.get(*cell).copied().unwrap_or_default();
        let wanted = wish(*cell, row).unwrap_or(own);
        pools.push(Pool {
            sum: wanted - offset,
            weight: 1.0,
            members: 1,
        });
        while let [.., above, below] = pools.as_slice() {
            if above.sum / above.weight <= below.sum / below.weight {
                break;
            }
            if let (Some(below), Some(above)) = (pools.pop(), pools.last_mut()) {
                above.sum += below.sum;
                above.weight += below.weight;
                above.members += below.members;
            }
        }
    }
    let means = pools
        .iter()
        .flat_map(|pool| std::iter::repeat_n(pool.sum / pool.weight, pool.members));
    for ((cell, offset), mean) in layer.iter().zip(offsets).zip(means) {
        if let Some(row) = row.get_mut(*cell) {
            *row = mean + offset;
        }
    }
}
