//! References: every name in an expression is something that is there when it is evaluated.

mod shape;

use std::collections::{HashMap, HashSet};

use super::Checker;
use super::needs::STATUS_FUNCTIONS;
use crate::diagnostic::{Code, Diagnostic, SourceId, Span, closest, listed};
use crate::spec::{Kind, Name, Program, Task, Text, VerifierKind};
use crate::template::{Reference, Template};

/// The fields of `run` in expressions.
pub(crate) const RUN_FIELDS: [&str; 2] = ["id", "workflow"];

/// The fields of `tasks.x`.
const TASK_FIELDS: [&str; 6] = ["output", "status", "nodes", "stdout", "stderr", "exit_code"];

/// Where an expression stands, which decides what it may name.
struct Place<'a> {
    /// The task; none for the workflow's outputs.
    task: Option<(usize, &'a Name, &'a Task)>,
    /// Names beside the known ones: those of `values`, `output` in a verifier.
    extra: Vec<&'a str>,
    /// Whether `item`, `index` and `matrix` are known here.
    per_node: bool,
    /// Whether the status functions may be called here.
    status: bool,
    /// The source that the spans are in.
    source: SourceId,
}

/// Checks every expression of a workflow; gives the names of the inputs that are used.
pub(super) fn check(checker: &mut Checker<'_>) -> HashSet<String> {
    let module = checker.module;
    let loaded = &module.loaded;
    let mut walk = Walk {
        checker,
        used: HashSet::new(),
        sure: HashMap::new(),
    };
    for (index, (name, task)) in loaded.workflow.tasks.read.iter().enumerate() {
        walk.task(index, name, task);
    }
    let outputs = Place {
        task: None,
        extra: Vec::new(),
        per_node: false,
        status: false,
        source: loaded.source,
    };
    let mut texts = Vec::new();
    loaded
        .workflow
        .outputs
        .values()
        .for_each(|output| output.texts(&mut texts));
    for text in texts {
        walk.text(text, &outputs);
    }
    let permissions = &loaded.workflow.permissions;
    for text in permissions
        .read
        .iter()
        .chain(permissions.write.iter())
        .chain(permissions.run.iter())
    {
        walk.only_inputs(
            text,
            "permissions are fixed before the run: only `inputs` may stand here",
        );
    }
    walk.used
}

struct Walk<'a, 'b> {
    checker: &'a mut Checker<'b>,
    used: HashSet<String>,
    /// Remembers the answers of the graph, which may have to search: (task, other) -> sure.
    sure: HashMap<(usize, usize), Known>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Sure,
    Maybe,
    NotNeeded,
}

impl<'b> Walk<'_, 'b> {
    fn task(&mut self, index: usize, name: &'b Name, task: &'b Task) {
        let source = self.checker.module.loaded.source;
        let common = &task.common;
        let place = |per_node, status, extra| Place {
            task: Some((index, name, task)),
            extra,
            per_node,
            status,
            source,
        };
        let mut texts = Vec::new();
        if let Some(foreach) = &common.foreach {
            foreach.texts(&mut texts);
        }
        if let Some(matrix) = &common.matrix {
            matrix.texts(&mut texts);
        }
        for text in texts.drain(..) {
            self.text(text, &place(false, false, Vec::new()));
        }
        let axes = common.matrix.iter().flat_map(|matrix| &matrix.axes);
        let lists = common.foreach.iter().map(|foreach| ("foreach", foreach));
        for (key, list) in lists.chain(axes.map(|(name, values)| (name.as_str(), values))) {
            self.goes_over(key, list, &place(false, false, Vec::new()));
        }
        if let Kind::Run(run) = &task.kind
            && let Program::Line(line) = &run.program
        {
            for (_, text) in &line.values {
                self.in_line(text, &place(true, false, Vec::new()));
            }
        }
        if let Some(condition) = &common.condition {
            self.text(&condition.0, &place(true, true, Vec::new()));
        }
        let values: Vec<&str> = match &task.kind {
            Kind::Render(render) => render.values.iter().map(|(name, _)| name.as_str()).collect(),
            _ => Vec::new(),
        };
        task.kind.texts(&mut texts);
        texts.extend(common.reads.iter().chain(common.writes.iter()));
        texts.extend(common.env.0.iter().map(|(_, text)| text));
        texts.extend(&common.cwd);
        for text in texts.drain(..) {
            self.text(text, &place(true, false, values.clone()));
        }
        if let Some((source, template)) = self.checker.module.templates.get(&index) {
            let place = Place {
                source: *source,
                ..place(true, false, values)
            };
            self.template(template, &|range| Span::new(range.start, range.end), &place);
        }
        for verifier in common.verify.iter() {
            verifier.kind.texts(&mut texts);
            // What must stay as it is is looked at before there is an output.
            let extra = match verifier.kind {
                VerifierKind::Unchanged(_) => Vec::new(),
                _ => vec!["output"],
            };
            for text in texts.drain(..) {
                self.text(text, &place(true, false, extra.clone()));
            }
        }
    }

    fn text(&mut self, text: &Text, place: &Place<'_>) {
        let file = std::sync::Arc::clone(&self.checker.module.loaded.text);
        self.template(&text.template, &|range| text.place(&file, range), place);
    }

    fn template(
        &mut self,
        template: &Template,
        at: &dyn Fn(std::ops::Range<usize>) -> Span,
        place: &Place<'_>,
    ) {
        for call in template.calls() {
            if STATUS_FUNCTIONS.contains(&call.name.as_str()) && !place.status {
                self.error(
                    place,
                    Code::BAD_EXPRESSION,
                    at(call.span.clone()),
                    format!("`{}()` can only be asked in an `if`", call.name),
                    |d| d.help("elsewhere, look at `tasks.NAME.status`"),
                );
            }
        }
        for reference in template.references() {
            self.reference(reference, at(reference.span.clone()), place);
        }
    }

    fn error(
        &mut self,
        place: &Place<'_>,
        code: Code,
        span: Span,
        message: String,
        finish: impl FnOnce(Diagnostic) -> Diagnostic,
    ) {
        self.checker
            .problems
            .push(finish(Diagnostic::new(code, place.source, span, message)));
    }

    fn reference(&mut self, reference: &Reference, span: Span, place: &Place<'_>) {
        let loaded = &self.checker.module.loaded;
        let Some(root) = reference.path.first().map(String::as_str) else {
            return;
        };
        let field = reference.path.get(1).map(String::as_str);
        if place.extra.contains(&root) {
            return;
        }
        let common = place.task.map(|(_, _, task)| &task.common);
        let fans = common.is_some_and(|common| common.foreach.is_some() || common.matrix.is_some());
        match root {
            "inputs" => self.input(field, span, place),
            "tasks" => self.task_reference(reference, span, place),
            "env" => {
                let names: Vec<&str> = loaded
                    .workflow
                    .env
                    .0
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect();
                if let Some(field) = field
                    && !names.contains(&field)
                {
                    let near = closest(field, names);
                    self.error(
                        place,
                        Code::UNKNOWN_REFERENCE,
                        span,
                        format!("`env.{field}` is not declared"),
                        |d| {
                            d.did_you_mean(near.map(|near| format!("env.{near}")).as_deref())
                                .help(format!("add `{field}` to the top-level `env:` list"))
                        },
                    );
                }
            }
            "run" => self.one_of(field, &RUN_FIELDS, "run", span, place),
            "item" | "index" if place.per_node && fans => {}
            "matrix" if place.per_node && common.is_some_and(|common| common.matrix.is_some()) => {
                let names: Vec<&str> = common
                    .and_then(|common| common.matrix.as_ref())
                    .map(crate::spec::Matrix::names)
                    .unwrap_or_default();
                // Not every combination has what `include` adds, but a strict value says so at run time.
                self.one_of(field, &names, "matrix", span, place);
            }
            "item" | "index" | "matrix" => {
                let help = if place.per_node {
                    "it is known in tasks with `foreach` or `matrix`"
                } else {
                    "it is not known yet where the items are made, nor in the workflow's outputs"
                };
                self.error(
                    place,
                    Code::UNKNOWN_REFERENCE,
                    span,
                    format!("`{root}` is not known here"),
                    |d| d.help(help),
                );
            }
            _ => {
                let mut known = vec!["inputs", "tasks", "env", "run"];
                known.extend(&place.extra);
                if fans {
                    known.extend(["item", "index", "matrix"]);
                }
                let near = if loaded.workflow.inputs.contains_key(root) {
                    Some(format!("inputs.{root}"))
                } else if loaded.workflow.tasks.read.contains_key(root) {
                    Some(format!("tasks.{root}.output"))
                } else {
                    closest(root, known.iter().copied()).map(str::to_owned)
                };
                let list = listed(known.iter());
                self.error(
                    place,
                    Code::UNKNOWN_REFERENCE,
                    span,
                    format!("`{root}` is not defined"),
                    |d| {
                        d.did_you_mean(near.as_deref())
                            .help(format!("known here: {list}"))
                    },
                );
            }
        }
    }

    fn input(&mut self, field: Option<&str>, span: Span, place: &Place<'_>) {
        let loaded = &self.checker.module.loaded;
        let inputs = &loaded.workflow.inputs;
        match field {
            // The whole mapping: every input is used.
            None => self
                .used
                .extend(inputs.keys().map(|name| name.as_str().to_owned())),
            Some(field) if inputs.contains_key(field) => {
                self.used.insert(field.to_owned());
            }
            Some(field) if loaded.broken_inputs.iter().any(|broken| broken == field) => {}
            Some(field) => {
                let near = near(field, inputs.keys()).map(|near| self::field("inputs", near));
                self.error(
                    place,
                    Code::UNKNOWN_REFERENCE,
                    span,
                    format!("there is no input `{field}`"),
                    |d| d.did_you_mean(near.as_deref()),
                );
            }
        }
    }

    fn one_of(&mut self, field: Option<&str>, known: &[&str], root: &str, span: Span, place: &Place<'_>) {
        let Some(field) = field else { return };
        if !known.contains(&field) {
            let near = closest(field, known.iter().copied()).map(|near| format!("{root}.{near}"));
            let list = known
                .iter()
                .map(|name| format!("`{root}.{name}`"))
                .collect::<Vec<_>>()
                .join(", ");
            self.error(
                place,
                Code::UNKNOWN_REFERENCE,
                span,
                format!("`{root}` has no `{field}`"),
                |d| d.did_you_mean(near.as_deref()).help(format!("there are {list}")),
            );
        }
    }

    fn task_reference(&mut self, reference: &Reference, span: Span, place: &Place<'_>) {
        let loaded = &self.checker.module.loaded;
        let tasks = &loaded.workflow.tasks;
        let Some(name) = reference.path.get(1) else {
            self.error(
                place,
                Code::UNKNOWN_REFERENCE,
                span,
                "`tasks` can't be used as a whole".to_owned(),
                |d| d.help("name the task: `tasks.NAME.output`"),
            );
            return;
        };
        if tasks.broken.contains_key(name.as_str()) {
            return;
        }
        let Some((other, other_name, other_task)) = tasks.read.get_full(name.as_str()) else {
            let near = near(name, tasks.read.keys()).map(|near| {
                let rest = reference.path.get(2..).unwrap_or_default();
                // Behind a `-`, what follows belongs to another name.
                let rest = if near.contains('-') { &[] } else { rest };
                std::iter::once(self::field("tasks", near))
                    .chain(rest.iter().cloned())
                    .collect::<Vec<_>>()
                    .join(".")
            });
            self.error(
                place,
                Code::UNKNOWN_REFERENCE,
                span,
                format!("there is no task `{name}`"),
                |d| d.did_you_mean(near.as_deref()),
            );
            return;
        };
        let known = self.known(place, other);
        if known == Known::NotNeeded {
            let own = place.task.map_or("", |(_, own, _)| own.as_str());
            let message = if own == name {
                format!("`{own}` can't use its own output")
            } else {
                format!("`{own}` uses `{name}` but does not need it")
            };
            let message_help = if own == name {
                None
            } else {
                Some(format!("add `needs: {name}` to `{own}`"))
            };
            self.error(place, Code::NOT_NEEDED, span, message, |d| match message_help {
                Some(help) => d.also(place.source, other_name.span(), "this task").help(help),
                None => d,
            });
            return;
        }
        let field = reference.path.get(2).map(String::as_str);
        self.one_of(field, &TASK_FIELDS, &format!("tasks.{name}"), span, place);
        if let Some(field @ ("stdout" | "stderr" | "exit_code")) = field {
            let fans = other_task.common.foreach.is_some() || other_task.common.matrix.is_some();
            if !matches!(other_task.kind, Kind::Run(_)) {
                self.error(
                    place,
                    Code::UNKNOWN_REFERENCE,
                    span,
                    format!("`{name}` has no `{field}`: it is not a `run`"),
                    |d| d,
                );
            } else if fans {
                self.error(
                    place,
                    Code::UNKNOWN_REFERENCE,
                    span,
                    format!("`{name}` has many nodes, each with its `{field}`"),
                    |d| d.help(format!("take one: `tasks.{name}.nodes[0].{field}`")),
                );
            }
        }
        let always = matches!(field, Some("status" | "nodes"));
        if known == Known::Maybe && !reference.guarded && !always && field.is_some() {
            let path = reference.path.join(".");
            self.error(
                place,
                Code::MAYBE_MISSING,
                span,
                format!(
                    "`{name}` may have no output here: it can be skipped or fail before this is evaluated"
                ),
                |d| d.help(format!("say what to use then: `{path}|default('')`")),
            );
        }
        if field == Some("output") {
            self.output_field(reference, name, other_task, other, span, place);
        }
    }

    fn known(&mut self, place: &Place<'_>, other: usize) -> Known {
        let graph = &self.checker.module.graph;
        let Some((task, ..)) = place.task else {
            // The workflow's outputs: what ran in a run that succeeded.
            let sure = graph.waits_for_success.get(other).copied().unwrap_or(false)
                && !graph.goes_on.get(other).copied().unwrap_or(false)
                && !self.may_be_skipped(other);
            return if sure { Known::Sure } else { Known::Maybe };
        };
        if let Some(known) = self.sure.get(&(task, other)) {
            return *known;
        }
        let known = if graph.is_sure(task, other) || (graph.is_open(task) && task != other) {
            // A task with a status function in its `if` may run whatever became of its needs.
            Known::Sure
        } else if graph.is_after(task, other) {
            Known::Maybe
        } else {
            Known::NotNeeded
        };
        self.sure.insert((task, other), known);
        known
    }

    /// Whether a task, or one that it waits for, has an `if`: it may be skipped in a run that succeeds.
    fn may_be_skipped(&self, task: usize) -> bool {
        let tasks = &self.checker.module.loaded.workflow.tasks.read;
        let graph = &self.checker.module.graph;
        let mut seen = HashSet::new();
        let mut stack = vec![task];
        while let Some(task) = stack.pop() {
            if tasks
                .get_index(task)
                .is_some_and(|(_, task)| task.common.condition.is_some())
            {
                return true;
            }
            stack.extend(
                graph
                    .needs
                    .get(task)
                    .into_iter()
                    .flatten()
                    .filter(|need| seen.insert(**need)),
            );
        }
        false
    }

    fn only_inputs(&mut self, text: &Text, help: &str) {
        let place = Place {
            task: None,
            extra: Vec::new(),
            per_node: false,
            status: false,
            source: self.checker.module.loaded.source,
        };
        let file = std::sync::Arc::clone(&self.checker.module.loaded.text);
        for reference in text.template.references() {
            let span = text.place(&file, reference.span.clone());
            if reference.path.first().is_some_and(|root| root == "inputs") {
                self.reference(reference, span, &place);
            } else {
                let name = reference.path.join(".");
                self.error(
                    &place,
                    Code::UNKNOWN_REFERENCE,
                    span,
                    format!("`{name}` is not known here"),
                    |d| d.help(help),
                );
            }
        }
    }
}

/// How an expression names a field: one with a `-` in it needs brackets, or it would be a subtraction.
pub(super) fn field(root: &str, name: &str) -> String {
    if name.contains('-') {
        format!("{root}['{name}']")
    } else {
        format!("{root}.{name}")
    }
}

/// The name that was meant: one that goes on behind a `-`, else the nearest.
fn near<'n>(word: &str, names: impl Iterator<Item = &'n Name> + Clone) -> Option<&'n str> {
    let cut = |name: &&str| name.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'));
    let mut all = names.clone().map(Name::as_str);
    all.find(cut).or_else(|| closest(word, names.map(Name::as_str)))
}
