//! What nodes write while they run, made lines, and the last of them kept.

use std::collections::{HashMap, VecDeque};

use smallcode_core::run::{NodeId, Stream};

use crate::render::text;

/// How many last lines of each node are kept.
const TAIL_LINES: usize = 10;
/// A line is ended after this many bytes, so that a stream without line breaks needs no memory.
const LONGEST_LINE: usize = 4 * 1024;
/// Of a line, this much is kept for the tail.
const TAIL_CELLS: usize = 400;

/// The output of all running nodes.
#[derive(Debug, Default)]
pub(super) struct Output {
    nodes: HashMap<NodeId, NodeOutput>,
}

#[derive(Debug, Default)]
struct NodeOutput {
    stdout: String,
    stderr: String,
    answer: String,
    tail: VecDeque<String>,
}

impl NodeOutput {
    fn partial(&mut self, stream: Stream) -> &mut String {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
            Stream::Answer => &mut self.answer,
        }
    }

    fn keep(&mut self, line: &str) {
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(text::cut(line, TAIL_CELLS).into_owned());
    }
}

impl Output {
    /// Takes a piece of output in; the lines that it completes, safe to show.
    pub(super) fn push(&mut self, node: &NodeId, stream: Stream, piece: &str) -> Vec<String> {
        let output = self.nodes.entry(node.clone()).or_default();
        let mut lines = Vec::new();
        for part in piece.split_inclusive(['\n', '\r']) {
            let partial = output.partial(stream);
            partial.push_str(part);
            if part.ends_with(['\n', '\r']) || partial.len() > LONGEST_LINE {
                let whole = std::mem::take(partial);
                let line = text::clean(whole.trim_end_matches(['\n', '\r']))
                    .trim_end()
                    .to_owned();
                // `\r\n` may come in two pieces, and progress bars end in many `\r`.
                if !line.is_empty() || !part.ends_with('\r') && part != "\n" {
                    output.keep(&line);
                    lines.push(line);
                }
            }
        }
        lines
    }

    /// The last line of a node, whether it is complete or not.
    pub(super) fn last_line(&self, node: &NodeId) -> Option<String> {
        let output = self.nodes.get(node)?;
        let partial = [&output.answer, &output.stderr, &output.stdout];
        let partial = partial.into_iter().find(|partial| !partial.trim().is_empty());
        match partial {
            Some(partial) => Some(text::one_line(partial)),
            None => output.tail.back().cloned(),
        }
    }

    /// The node's attempt has ended: lines that were not ended, and the last lines of all.
    pub(super) fn take(&mut self, node: &NodeId) -> (Vec<String>, Vec<String>) {
        let Some(mut output) = self.nodes.remove(node) else {
            return (Vec::new(), Vec::new());
        };
        let mut rest = Vec::new();
        for stream in [Stream::Stdout, Stream::Stderr, Stream::Answer] {
            let line = text::one_line(output.partial(stream));
            if !line.is_empty() {
                output.keep(&line);
                rest.push(line);
            }
        }
        (rest, output.tail.into())
    }
}
