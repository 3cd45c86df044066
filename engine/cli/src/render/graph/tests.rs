use std::time::Instant;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::layout::layout;
use super::*;

fn node(id: &str, kind: &str, group: Option<&str>) -> GraphNode {
    GraphNode {
        id: id.to_owned(),
        label: String::new(),
        kind: kind.to_owned(),
        group: group.map(str::to_owned),
    }
}

fn backend() -> Graph {
    let mut graph = Graph {
        nodes: vec![
            node("design", "prompt", None),
            node("compile", "bone", None),
            node("notes/read", "render", Some("notes")),
            node("notes/write", "edit", Some("notes")),
            node("test[0]", "run", None),
            node("ship", "approve", None),
        ],
        edges: vec![(0, 1), (0, 2), (2, 3), (1, 4), (3, 5), (4, 5), (0, 5), (0, 99)],
    };
    graph.nodes[4].label = "say \"hi\" <b>&amp;</b>\n#1; `x` \\n 漢字".to_owned();
    graph
}

#[test]
fn as_mermaid() {
    assert_snapshot!(mermaid(&backend()), @r#"
    flowchart LR
      n0["design"]:::k0
      n1["compile"]:::k1
      n4["say #34;hi#34; #60;b#62;#38;amp#59;#60;/b#62;<br/>#35;1#59; #96;x#96; #92;n 漢字"]:::k4
      n5{{"ship"}}:::k5
      subgraph g1["notes"]
        n2["notes/read"]:::k2
        n3["notes/write"]:::k3
      end
      n0 --> n1
      n0 --> n2
      n2 --> n3
      n1 --> n4
      n3 --> n5
      n4 --> n5
      n0 --> n5
      classDef k0 stroke:#0969da,stroke-width:2px
      classDef k1 stroke:#9a6700,stroke-width:2px
      classDef k2 stroke:#57606a,stroke-width:2px
      classDef k3 stroke:#1b7c83,stroke-width:2px
      classDef k4 stroke:#1a7f37,stroke-width:2px
      classDef k5 stroke:#cf222e,stroke-width:2px
    "#);
}

#[test]
fn as_dot() {
    assert_snapshot!(dot(&backend()), @r##"
    digraph workflow {
      rankdir=LR;
      bgcolor=transparent;
      node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif", fontsize=11];
      edge [color="#8c959f", arrowsize=0.7];
      "design" [label="design", tooltip="prompt", color="#0969da"];
      "compile" [label="compile", tooltip="bone", color="#9a6700"];
      "test[0]" [label="say \"hi\" <b>&amp;amp;</b>\n#1; `x` \\n 漢字", tooltip="run", color="#1a7f37"];
      "ship" [label="ship", tooltip="approve", color="#cf222e"];
      subgraph "cluster_1" {
        label="notes";
        style="rounded,dashed";
        color="#8c959f";
        "notes/read" [label="notes/read", tooltip="render", color="#57606a"];
        "notes/write" [label="notes/write", tooltip="edit", color="#1b7c83"];
      }
      "design" -> "compile";
      "design" -> "notes/read";
      "notes/read" -> "notes/write";
      "compile" -> "test[0]";
      "notes/write" -> "ship";
      "test[0]" -> "ship";
      "design" -> "ship";
    }
    "##);
}

#[test]
fn as_svg() {
    let graph = Graph {
        nodes: vec![node("a<b", "prompt", None), node("c", "run", Some("g"))],
        edges: vec![(0, 1)],
    };
    assert_snapshot!(svg(&graph), @r#"
    <svg xmlns="http://www.w3.org/2000/svg" width="280" height="132" viewBox="0 0 280 132" role="img" aria-label="workflow graph">
    <style>.page{fill:#ffffff}.node{fill:#f6f8fa;stroke:#d0d7de}.edge{fill:none;stroke:#8c959f;stroke-width:1.4}.head{fill:#8c959f}.name{fill:#1f2328;font-size:13px;font-weight:600}.small{font-size:10.5px;fill:#59636e}text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}.k0{fill:#0969da}.k1{fill:#1a7f37}@media (prefers-color-scheme:dark){.page{fill:#0d1117}.node{fill:#161b22;stroke:#30363d}.edge{stroke:#6e7681}.head{fill:#6e7681}.name{fill:#e6edf3}.small{fill:#9198a1}.k0{fill:#58a6ff}.k1{fill:#3fb950}}</style>
    <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 0.8 8 4 0 7.2z"/></marker></defs>
    <rect class="page" width="280" height="132" rx="8"/>
    <rect class="k0" x="24.0" y="22.0" width="9" height="9" rx="2"/><text class="small" x="38.0" y="30.5">prompt</text>
    <rect class="k1" x="94.4" y="22.0" width="9" height="9" rx="2"/><text class="small" x="108.4" y="30.5">run</text>
    <path class="edge" d="M108.0 79.0L172.0 79.0" marker-end="url(#arrow)"/>
    <g><title>a&lt;b</title><rect class="node" x="24.0" y="58.0" width="84.0" height="42" rx="6"/><rect class="k0" x="30.0" y="65.0" width="4" height="28" rx="2"/><text class="name" x="41.0" y="76.5">a&lt;b</text><text class="small" x="41.0" y="90.5">prompt</text></g>
    <g><title>c</title><rect class="node" x="172.0" y="58.0" width="84.0" height="42" rx="6"/><rect class="k1" x="178.0" y="65.0" width="4" height="28" rx="2"/><text class="name" x="189.0" y="76.5">c</text><text class="small" x="189.0" y="90.5">run · g</text></g>
    </svg>
    "#);
    assert_eq!(svg(&graph), svg(&graph));
    // For looking at: `GRAPH_SVG=/tmp/graph.svg cargo test -p smallcode as_svg`.
    if let Some(path) = std::env::var_os("GRAPH_SVG") {
        std::fs::write(path, svg(&backend())).unwrap();
    }
}

#[test]
fn nothing_to_draw() {
    let graph = Graph::default();
    assert_eq!(mermaid(&graph), "flowchart LR\n");
    assert!(dot(&graph).ends_with("}\n"));
    assert!(svg(&graph).ends_with("</svg>\n"));
}

#[test]
fn layers_follow_the_longest_path_and_circles_end() {
    let places = layout(5, &[(0, 1), (1, 2), (0, 2), (2, 3), (3, 1), (4, 4)]).nodes;
    assert_eq!(
        places.iter().map(|place| place.layer).collect::<Vec<_>>(),
        [0, 1, 2, 3, 0]
    );
}

#[test]
fn large_graphs_are_quick() {
    let fan: Vec<(usize, usize)> = (1..9_999)
        .flat_map(|middle| [(0, middle), (middle, 9_999)])
        .collect();
    let chain: Vec<(usize, usize)> = (1..10_000).map(|to| (to - 1, to)).collect();
    let long: Vec<(usize, usize)> = chain
        .iter()
        .copied()
        .chain((2..10_000).map(|to| (0, to)))
        .collect();
    for edges in [fan, chain, long] {
        let nodes = (0..10_000)
            .map(|index| node(&format!("task[{index}]"), "prompt", None))
            .collect();
        let start = Instant::now();
        assert!(svg(&Graph { nodes, edges }).len() > 10_000);
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    }
}

proptest! {
    #[test]
    fn nodes_of_a_layer_never_overlap(
        count in 1_usize..30,
        edges in prop::collection::vec((0_usize..30, 0_usize..30), 0..60),
    ) {
        let edges: Vec<_> = edges.into_iter().map(|(from, to)| (from % count, to % count)).collect();
        let places = layout(count, &edges).nodes;
        for (index, one) in places.iter().enumerate() {
            prop_assert!(one.row.is_finite() && one.row >= 0.49);
            for other in &places[..index] {
                prop_assert!(one.layer != other.layer || (one.row - other.row).abs() > 0.99);
            }
        }
    }

    #[test]
    fn any_text_is_escaped(label in any::<String>()) {
        let mut only = node(&label, &label, Some(&label));
        only.label.clone_from(&label);
        let graph = Graph { nodes: vec![only], edges: vec![(0, 0)] };
        for line in mermaid(&graph).lines() {
            prop_assert!(matches!(line.matches('"').count(), 0 | 2), "{}", line);
        }
        let dot = dot(&graph).replace("\\\\", "").replace("\\\"", "");
        prop_assert_eq!(dot.matches('"').count() % 2, 0);
        let picture = svg(&graph);
        let mut reader = picture.as_str();
        while let Some(at) = reader.find('&') {
            reader = &reader[at..];
            prop_assert!(["&lt;", "&gt;", "&amp;", "&quot;"].iter().any(|entity| reader.starts_with(entity)));
            reader = &reader[1..];
        }
    }
}
