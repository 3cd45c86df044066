//! Writes that overlap once the inputs are known: what [`check`](crate::check) could not see in the file alone.
//!
//! The tasks of used workflows count, too. Each `uses` task stands in the order twice: where it starts, before all
//! that is in it, and where it ends, after all of it.

use crate::check::{Write, clashes};
use crate::diagnostic::{Code, Diagnostic, SourceId, Span};
use crate::graph::Reach;
use crate::spec::Text;

/// A task's place in the order.
pub(super) type Step = usize;

/// The tasks of a plan in their order, with what they write.
#[derive(Debug, Default)]
pub(super) struct Writes {
    next: Vec<Vec<Step>>,
    ids: Vec<String>,
    written: Vec<Write>,
    places: Vec<(SourceId, Span)>,
}

impl Writes {
    /// Adds a step that comes after others, all of which were added before.
    pub(super) fn step(&mut self, id: &str, after: impl IntoIterator<Item = Step>) -> Step {
        let step = self.ids.len();
        self.ids.push(id.to_owned());
        self.next.push(Vec::new());
        for earlier in after {
            if let Some(next) = self.next.get_mut(earlier) {
                next.push(step);
            }
        }
        step
    }

    /// Adds what a node of a step writes: the texts, and what the inputs made of them.
    pub(super) fn add(&mut self, step: Step, texts: &[&Text], paths: &[String], source: SourceId) {
        for (text, path) in texts.iter().zip(paths) {
            let template = &text.template;
            if !template.is_literal() && template.source() == path {
                // Known only at run time.
                continue;
            }
            self.written.push(Write {
                task: step,
                under: String::new(),
                path: path.clone(),
            });
            self.places.push((source, text.span));
        }
    }

    /// The problems.
    pub(super) fn problems(self) -> Vec<Diagnostic> {
        let order: Vec<Step> = (0..self.next.len()).collect();
        let reach = Reach::new(self.next, &order);
        let found = clashes(&self.written, &reach);
        let place = |number: usize| {
            let (write, (source, span)) = (self.written.get(number)?, self.places.get(number)?);
            Some((self.ids.get(write.task)?, &write.path, *source, *span))
        };
        found
            .into_iter()
            .filter_map(|(left, right)| {
                let (left, left_path, left_source, left_span) = place(left)?;
                let (right, right_path, right_source, right_span) = place(right)?;
                let (earlier, later) = apart(left, right);
                let message =
                    format!("`{left}` and `{right}` may run at the same time and write the same files");
                let diagnostic = Diagnostic::new(Code::OVERLAPPING_WRITES, right_source, right_span, message)
                    .label(format!("this is `{right_path}` here"))
                    .also(left_source, left_span, format!("`{left}` writes `{left_path}`"))
                    .help(format!(
                        "let one wait for the other: `needs: {earlier}` in `{later}`"
                    ));
                Some(diagnostic)
            })
            .collect()
    }
}

/// The tasks of one workflow under which two tasks lie: where the order between them can be set.
fn apart<'a>(left: &'a str, right: &'a str) -> (&'a str, &'a str) {
    left.split('/')
        .zip(right.split('/'))
        .find(|(left, right)| left != right)
        .unwrap_or((left, right))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::check::load_files;
    use crate::plan::{Given, plan};

    /// What is said when the plan is made with `out` as an input.
    fn said(files: &[(&str, &str)], out: &str) -> Vec<String> {
        let load = load_files(files);
        let bundle = load.bundle.unwrap_or_else(|| panic!("{:?}", load.problems));
        let mut given = Given::default();
        given.inputs.insert("out".to_owned(), json!(out));
        let problems = plan(&bundle, &given, "test").err().unwrap_or_default();
        let lines = problems.iter().map(|problem| {
            let places = problem.labels.iter().map(|label| {
                let (line, column) = load.sources.position(label.source, label.span.start);
                format!("{line}:{column} {}", label.text)
            });
            let places = places.collect::<Vec<_>>().join("; ");
            format!(
                "{} {} [{places}] {}",
                problem.code,
                problem.message,
                problem.help.join("; ")
            )
        });
        lines.collect()
    }

    #[test]
    fn overlaps_are_refused_once_the_inputs_are_known() {
        let text = "smallcode: 1\ninputs: { out: path }\ntasks:\n  a: { run: x, writes: 'build/**' }\n  b: { run: x, writes: '{{ inputs.out }}/**' }\n";
        assert_eq!(
            said(&[("main.yaml", text)], "build"),
            [
                "E0403 `a` and `b` may run at the same time and write the same files \
                 [5:24 this is `build/**` here; 4:24 `a` writes `build/**`] \
                 let one wait for the other: `needs: a` in `b`"
            ]
        );
        assert_eq!(said(&[("main.yaml", text)], "target"), [""; 0]);
        let ordered = text.replace("b: { run", "b: { needs: a, run");
        assert_eq!(said(&[("main.yaml", &ordered)], "build"), [""; 0]);
    }

    #[test]
    fn nodes_of_one_task_take_turns() {
        let text = "smallcode: 1\ninputs: { out: path }\ntasks:\n  a: { foreach: [1, 2], run: 'x {{ item }}', writes: '{{ inputs.out }}/**' }\n";
        assert_eq!(said(&[("main.yaml", text)], "build"), [""; 0]);
    }

    #[test]
    fn tasks_of_used_workflows_are_compared_with_those_around_them() {
        let main = "smallcode: 1\ninputs: { out: path }\ntasks:\n  a: { run: x, writes: '{{ inputs.out }}/x' }\n  b: { uses: inner.yaml }\n  c: { needs: b, run: x, writes: build/x }\n";
        let inner = "smallcode: 1\ntasks:\n  d: { run: x, writes: 'build/**' }\n";
        let said_of = |main: &str| said(&[("main.yaml", main), ("inner.yaml", inner)], "build");
        let found = said_of(main);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(
            found
                .iter()
                .any(|line| line.contains("`a` and `b/d`") && line.contains("`needs: a` in `b`")),
            "{found:#?}"
        );
        let ordered = main.replace("b: { uses", "b: { needs: a, uses");
        assert_eq!(said_of(&ordered), [""; 0]);
    }
}
