//! The graph as a picture that stands alone: no script, no font of its own, light or dark as the reader is.

use std::fmt::Write as _;

use super::layout::{Place, layout};
use super::{Graph, GraphNode, hue};
use crate::render::text;

/// The height of a node, and of a row with the gap below.
const NODE_HEIGHT: f64 = 42.0;
const ROW: f64 = 58.0;
/// Between two layers.
const COLUMN_GAP: f64 = 64.0;
const MARGIN: f64 = 24.0;
const LEGEND: f64 = 34.0;
/// Cells of a fixed-width font: their widths at 13 and 10.5 pixels, a little more than any common font's.
const CELL: f64 = 7.9;
const SMALL_CELL: f64 = 6.4;
/// Longer labels are cut; the whole text is the tooltip.
const LABEL_CELLS: usize = 30;
const MIN_WIDTH: f64 = 84.0;

const STYLE: &str = "\
.page{fill:#ffffff}.node{fill:#f6f8fa;stroke:#d0d7de}.edge{fill:none;stroke:#8c959f;stroke-width:1.4}\
.head{fill:#8c959f}.name{fill:#1f2328;font-size:13px;font-weight:600}.small{font-size:10.5px;fill:#59636e}\
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}";
const DARK_STYLE: &str = "\
.page{fill:#0d1117}.node{fill:#161b22;stroke:#30363d}.edge{stroke:#6e7681}.head{fill:#6e7681}\
.name{fill:#e6edf3}.small{fill:#9198a1}";

/// The picture of a graph, as SVG.
pub(crate) fn svg(graph: &Graph) -> String {
    let edges: Vec<(usize, usize)> = graph.valid_edges().collect();
    let layout = layout(graph.nodes.len(), &edges);
    let boxes: Vec<Text> = graph.nodes.iter().map(Text::of).collect();
    let columns = columns(&boxes, &layout.nodes, layout.layers);
    let kinds = graph.kinds();
    let (legend, legend_width) = legend(&kinds);
    let width = columns
        .last()
        .map_or(0.0, |column| column.left + column.width)
        .max(legend_width)
        + MARGIN;
    let top = MARGIN + if legend.is_empty() { 0.0 } else { LEGEND };
    let height = top + layout.rows * ROW - (ROW - NODE_HEIGHT) / 2.0 + MARGIN;
    let picture = Picture {
        top: top - (ROW - NODE_HEIGHT) / 2.0,
        columns,
        kinds,
    };

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"workflow graph\">\n<style>{STYLE}"
    );
    for (index, kind) in picture.kinds.iter().enumerate() {
        let _ = write!(out, ".k{index}{{fill:{}}}", hue(kind).light);
    }
    let _ = write!(out, "@media (prefers-color-scheme:dark){{{DARK_STYLE}");
    for (index, kind) in picture.kinds.iter().enumerate() {
        let _ = write!(out, ".k{index}{{fill:{}}}", hue(kind).dark);
    }
    out.push_str("}</style>\n");
    out.push_str(
        "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"head\" d=\"M0 0.8 8 4 0 7.2z\"/></marker></defs>\n",
    );
    let _ = writeln!(
        out,
        "<rect class=\"page\" width=\"{width:.0}\" height=\"{height:.0}\" rx=\"8\"/>"
    );
    out.push_str(&legend);
    for ((from, to), waypoints) in edges.iter().zip(&layout.waypoints) {
        if let (Some(from), Some(to)) = (layout.nodes.get(*from), layout.nodes.get(*to)) {
            picture.edge(&mut out, from, waypoints, to);
        }
    }
    for ((node, text), place) in graph.nodes.iter().zip(&boxes).zip(&layout.nodes) {
        picture.node(&mut out, node, text, place);
    }
    out.push_str("</svg>\n");
    out
}

/// What is written on a node, and how wide that makes it.
struct Text {
    name: String,
    small: String,
    width: f64,
}

impl Text {
    fn of(node: &GraphNode) -> Self {
        let name = text::cut(&text::one_line(node.caption()), LABEL_CELLS).into_owned();
        let mut small = text::one_line(&node.kind);
        if let Some(group) = &node.group {
            small.push_str(" · ");
            small.push_str(&text::one_line(group));
        }
        let small = text::cut(&small, LABEL_CELLS + 6).into_owned();
        let width = (cells(&name) * CELL).max(cells(&small) * SMALL_CELL) + 30.0;
        Self {
            name,
            small,
            width: width.max(MIN_WIDTH),
        }
    }
}

/// The width of a text in cells of a fixed-width font.
fn cells(text: &str) -> f64 {
    f64::from(u32::try_from(text::width(text)).unwrap_or(u32::MAX))
}

struct Column {
    left: f64,
    width: f64,
}

fn columns(boxes: &[Text], places: &[Place], layers: usize) -> Vec<Column> {
    let mut widths = vec![MIN_WIDTH; layers];
    for (text, place) in boxes.iter().zip(places) {
        if let Some(width) = widths.get_mut(place.layer) {
            *width = width.max(text.width);
        }
    }
    let mut left = MARGIN;
    let mut columns = Vec::with_capacity(layers);
    for width in widths {
        columns.push(Column { left, width });
        left += width + COLUMN_GAP;
    }
    columns
}

/// The kinds with their colours in a row, and how far that reaches.
fn legend(kinds: &[&str]) -> (String, f64) {
    let mut out = String::new();
    let mut left = MARGIN;
    for (index, kind) in kinds
        .iter()
        .enumerate()
        .filter(|(_, kind)| !kind.trim().is_empty())
    {
        let name = text::cut(&text::one_line(kind), LABEL_CELLS).into_owned();
        let _ = writeln!(
            out,
            "<rect class=\"k{index}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"9\" height=\"9\" rx=\"2\"/>\
             <text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            MARGIN - 2.0,
            left + 14.0,
            MARGIN + 6.5,
            xml(&name)
        );
        left += 14.0 + cells(&name) * SMALL_CELL + 18.0;
    }
    (out, left - 18.0)
}

struct Picture<'a> {
    top: f64,
    columns: Vec<Column>,
    kinds: Vec<&'a str>,
}

impl Picture<'_> {
    fn middle(&self, place: &Place) -> f64 {
        self.top + place.row * ROW
    }

    /// The left and right side of a place's column.
    fn sides(&self, place: &Place) -> (f64, f64) {
        self.columns
            .get(place.layer)
            .map_or((0.0, 0.0), |column| (column.left, column.left + column.width))
    }

    fn node(&self, out: &mut String, node: &GraphNode, text: &Text, place: &Place) {
        let (left, right) = self.sides(place);
        let width = right - left;
        let top = self.middle(place) - NODE_HEIGHT / 2.0;
        let kind = self
            .kinds
            .iter()
            .position(|kind| *kind == node.kind)
            .unwrap_or_default();
        let title = if node.label.trim().is_empty() || node.label == node.id {
            xml(&node.id)
        } else {
            format!("{}: {}", xml(&node.id), xml(&node.label))
        };
        let _ = writeln!(
            out,
            "<g><title>{title}</title>\
             <rect class=\"node\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{NODE_HEIGHT}\" rx=\"6\"/>\
             <rect class=\"k{kind}\" x=\"{:.1}\" y=\"{:.1}\" width=\"4\" height=\"{}\" rx=\"2\"/>\
             <text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
             <text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>",
            left + 6.0,
            top + 7.0,
            NODE_HEIGHT - 14.0,
            left + 17.0,
            top + 18.5,
            xml(&text.name),
            left + 17.0,
            top + 32.5,
            xml(&text.small)
        );
    }

    /// A curve through the waypoints, level where it crosses a column.
    fn edge(&self, out: &mut String, from: &Place, waypoints: &[Place], to: &Place) {
        let mut x = self.sides(from).1;
        let mut y = self.middle(from);
        let mut path = format!("M{x:.1} {y:.1}");
        for place in waypoints.iter().chain([to]) {
            let (left, right) = self.sides(place);
            let next = self.middle(place);
            let bend = ((left - x) / 2.0).abs().max(COLUMN_GAP / 2.0);
            if (next - y).abs() < 0.05 && left >= x {
                let _ = write!(path, "L{left:.1} {next:.1}");
            } else {
                let _ = write!(
                    path,
                    "C{:.1} {y:.1} {:.1} {next:.1} {left:.1} {next:.1}",
                    x + bend,
                    left - bend
                );
            }
            (x, y) = (left, next);
            if !std::ptr::eq(place, to) {
                let _ = write!(path, "L{right:.1} {next:.1}");
                x = right;
            }
        }
        let _ = writeln!(
            out,
            "<path class=\"edge\" d=\"{path}\" marker-end=\"url(#arrow)\"/>"
        );
    }
}

fn xml(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in text::clean(raw).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
