//! The graph of a workflow as text for Mermaid and Graphviz, and as a picture.
//!
//! What goes in is plain: nodes and the edges between them, by index. All three give the same bytes for the
//! same graph, take any text as id and label, and leave out edges to nodes that aren't there.

mod layout;
mod svg;

use std::fmt::Write as _;

use indexmap::IndexMap;

pub(crate) use svg::svg;

use super::text;

/// A graph to draw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// What is connected.
    pub(crate) nodes: Vec<GraphNode>,
    /// Indices of two nodes: the second needs the first.
    pub(crate) edges: Vec<(usize, usize)>,
}

/// A node of a graph.
#[derive(Clone, Debug, Default)]
pub(crate) struct GraphNode {
    /// Its name, unique in the graph.
    pub(crate) id: String,
    /// What to write on it; the id where this is empty.
    pub(crate) label: String,
    /// What sort of node it is: `prompt`, `run`.
    pub(crate) kind: String,
    /// What it belongs to, such as a used workflow.
    pub(crate) group: Option<String>,
}

impl GraphNode {
    fn caption(&self) -> &str {
        if self.label.trim().is_empty() {
            &self.id
        } else {
            &self.label
        }
    }
}

impl Graph {
    /// The edges between nodes that are there.
    fn valid_edges(&self) -> impl Iterator<Item = (usize, usize)> {
        let count = self.nodes.len();
        self.edges
            .iter()
            .copied()
            .filter(move |(from, to)| *from < count && *to < count)
    }

    /// The kinds in the order in which they first occur.
    fn kinds(&self) -> Vec<&str> {
        let kinds: IndexMap<&str, ()> = self.nodes.iter().map(|node| (node.kind.as_str(), ())).collect();
        kinds.into_keys().collect()
    }

    /// The nodes by their group, in the order in which the groups first occur.
    fn groups(&self) -> IndexMap<Option<&str>, Vec<(usize, &GraphNode)>> {
        let mut groups: IndexMap<Option<&str>, Vec<(usize, &GraphNode)>> = IndexMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            groups
                .entry(node.group.as_deref())
                .or_default()
                .push((index, node));
        }
        groups
    }
}

/// The colours of a kind: the strong one for a light and for a dark background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hue {
    light: &'static str,
    dark: &'static str,
}

/// The hue of each kind that this version knows.
const HUES: &[(&str, Hue)] = &[
    (
        "prompt",
        Hue {
            light: "#0969da",
            dark: "#58a6ff",
        },
    ),
    (
        "edit",
        Hue {
            light: "#1b7c83",
            dark: "#39c5cf",
        },
    ),
    (
        "agent",
        Hue {
            light: "#8250df",
            dark: "#bc8cff",
        },
    ),
    (
        "plan",
        Hue {
            light: "#bf3989",
            dark: "#f778ba",
        },
    ),
    (
        "run",
        Hue {
            light: "#1a7f37",
            dark: "#3fb950",
        },
    ),
    (
        "render",
        Hue {
            light: "#57606a",
            dark: "#8b949e",
        },
    ),
    (
        "bone",
        Hue {
            light: "#9a6700",
            dark: "#d29922",
        },
    ),
    (
        "uses",
        Hue {
            light: "#3d4fb0",
            dark: "#8c9eff",
        },
    ),
    (
        "approve",
        Hue {
            light: "#cf222e",
            dark: "#ff7b72",
        },
    ),
];

/// The hue of a kind that no table knows.
const OTHER: Hue = Hue {
    light: "#57606a",
    dark: "#8b949e",
};

fn hue(kind: &str) -> Hue {
    HUES.iter()
        .find(|(known, _)| *known == kind)
        .map_or(OTHER, |(_, hue)| *hue)
}

/// The graph in the language of Mermaid, as Markdown pages take it in a `mermaid` block.
pub(crate) fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    let kinds = graph.kinds();
    for (number, (group, nodes)) in graph.groups().into_iter().enumerate() {
        let indent = if group.is_some() { "    " } else { "  " };
        if let Some(group) = group {
            let _ = writeln!(out, "  subgraph g{number}[\"{}\"]", mermaid_text(group));
        }
        for (index, node) in nodes {
            let caption = mermaid_text(node.caption());
            let shape = if node.kind == "approve" {
                format!("{{{{\"{caption}\"}}}}")
            } else {
                format!("[\"{caption}\"]")
            };
            let class = kinds
                .iter()
                .position(|kind| *kind == node.kind)
                .unwrap_or_default();
            let _ = writeln!(out, "{indent}n{index}{shape}:::k{class}");
        }
        if group.is_some() {
            out.push_str("  end\n");
        }
    }
    for (from, to) in graph.valid_edges() {
        let _ = writeln!(out, "  n{from} --> n{to}");
    }
    for (number, kind) in kinds.iter().enumerate() {
        // A stroke alone reads on light and dark pages; the fill is the page's own theme.
        let _ = writeln!(
            out,
            "  classDef k{number} stroke:{},stroke-width:2px",
            hue(kind).light
        );
    }
    out
}

/// Mermaid reads `#name;` as an entity, and Markdown and HTML inside of labels: nothing of that gets through.
fn mermaid_text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in text::clean(raw.trim()).chars() {
        match c {
            '\n' => out.push_str("<br/>"),
            '"' | '#' | '&' | '<' | '>' | '`' | '*' | '_' | '~' | '\\' | '[' | ']' | '{' | '}' | '('
            | ')' | ';' | '|' | '%' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    // An empty label would be read as none.
    if out.is_empty() { " ".to_owned() } else { out }
}

/// The graph in the language of Graphviz.
pub(crate) fn dot(graph: &Graph) -> String {
    let mut out = String::from(
        "digraph workflow {\n  rankdir=LR;\n  bgcolor=transparent;\n  \
         node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\", fontsize=11];\n  \
         edge [color=\"#8c959f\", arrowsize=0.7];\n",
    );
    for (number, (group, nodes)) in graph.groups().into_iter().enumerate() {
        let indent = if group.is_some() { "    " } else { "  " };
        if let Some(group) = group {
            let _ = writeln!(
                out,
                "  subgraph \"cluster_{number}\" {{\n    label={};",
                dot_text(group)
            );
            out.push_str("    style=\"rounded,dashed\";\n    color=\"#8c959f\";\n");
        }
        for (_, node) in nodes {
            let (id, label) = (dot_text(&node.id), dot_text(node.caption()));
            let (kind, color) = (dot_text(&node.kind), hue(&node.kind).light);
            let _ = writeln!(
                out,
                "{indent}{id} [label={label}, tooltip={kind}, color=\"{color}\"];"
            );
        }
        if group.is_some() {
            out.push_str("  }\n");
        }
    }
    for (from, to) in graph.valid_edges() {
        if let (Some(from), Some(to)) = (graph.nodes.get(from), graph.nodes.get(to)) {
            let _ = writeln!(out, "  {} -> {};", dot_text(&from.id), dot_text(&to.id));
        }
    }
    out.push_str("}\n");
    out
}

/// A quoted string; in labels a backslash begins an escape, and `&` an HTML entity.
fn dot_text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() + 2);
    out.push('"');
    for c in text::clean(raw).chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
