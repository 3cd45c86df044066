//! `smallcode graph`: the tasks of a workflow as a picture.

use std::collections::HashMap;

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};
use smallcode_core::load::{Bundle, ModuleId};

use super::{load, print};
use crate::exit::{Exit, Refusal};
use crate::render::graph::{Graph, GraphNode, dot, mermaid, svg};
use crate::terminal::Terminal;

/// Draw the tasks of a workflow
#[derive(Debug, Args)]
pub(crate) struct GraphCommand {
    /// The workflow file
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
    /// The language of the picture
    #[arg(long, value_enum, default_value = "mermaid")]
    format: Format,
}

/// The languages of pictures.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Mermaid, for Markdown
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture, without any other program
    Svg,
}

/// Prints the picture.
pub(crate) fn run(command: &GraphCommand, terminal: &Terminal) -> Result<Exit, Refusal> {
    let (bundle, _) = load(&command.file, terminal)?;
    let graph = of_bundle(&bundle);
    print(&match command.format {
        Format::Mermaid => mermaid(&graph),
        Format::Dot => dot(&graph),
        Format::Svg => svg(&graph),
    })?;
    Ok(Exit::Done)
}

fn of_bundle(bundle: &Bundle) -> Graph {
    let mut graph = Graph {
        nodes: Vec::new(),
        edges: Vec::new(),
    };
    add(bundle, ModuleId(0), "", None, &mut graph);
    graph
}

/// Adds the tasks of a workflow and of those that it uses; gives the first and the last of them.
fn add(
    bundle: &Bundle,
    id: ModuleId,
    prefix: &str,
    group: Option<&str>,
    graph: &mut Graph,
) -> (Vec<usize>, Vec<usize>) {
    let module = bundle.module(id);
    let mut places = HashMap::new();
    let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
    for index in &module.graph.order {
        let Some((name, task)) = module.loaded.workflow.tasks.read.get_index(*index) else {
            continue;
        };
        let node = graph.nodes.len();
        let full = format!("{prefix}{name}");
        let many = task.common.foreach.is_some() || task.common.matrix.is_some();
        graph.nodes.push(GraphNode {
            id: full.clone(),
            label: if many {
                format!("{name} ×")
            } else {
                name.to_string()
            },
            kind: task.kind.name().as_str().to_owned(),
            group: group.map(str::to_owned),
        });
        places.insert(*index, node);
        let needs = module
            .graph
            .needs
            .get(*index)
            .map(Vec::as_slice)
            .unwrap_or_default();
        graph
            .edges
            .extend(needs.iter().filter_map(|need| Some((*places.get(need)?, node))));
        if needs.is_empty() {
            firsts.push(node);
        }
        if module.graph.dependents.get(*index).is_none_or(Vec::is_empty) {
            lasts.push(node);
        }
        if let Some(used) = module.uses.get(index) {
            let (inner, _) = add(bundle, *used, &format!("{full}/"), Some(&full), graph);
            graph.edges.extend(inner.into_iter().map(|first| (node, first)));
        }
    }
    (firsts, lasts)
}
