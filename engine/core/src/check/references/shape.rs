//! The form of outputs: which fields there are, as far as the file shows it.

use super::{Place, Walk};
use crate::diagnostic::{Code, Span, closest};
use crate::load::ModuleId;
use crate::spec::{BoneAction, Kind, Loaded, Output, Parse, Task};
use crate::template::Reference;

/// What is known of the form of a task's output.
enum Shape {
    /// Anything.
    Any,
    /// Text or a number: it has no fields.
    Plain,
    /// A list.
    List,
    /// A mapping with these fields.
    Fields(Vec<String>),
}

impl Walk<'_, '_> {
    pub(super) fn output_field(
        &mut self,
        reference: &Reference,
        name: &str,
        task: &Task,
        index: usize,
        span: Span,
        place: &Place<'_>,
    ) {
        let Some(field) = reference.path.get(3) else {
            return;
        };
        let message = match self.shape(task, index) {
            Shape::Any => return,
            Shape::Fields(fields) if fields.iter().any(|known| known == field) => return,
            Shape::Plain => format!("the output of `{name}` is text and has no `{field}`"),
            Shape::List => format!("the output of `{name}` is a list and has no `{field}`"),
            Shape::Fields(fields) => {
                let near = closest(field, fields.iter().map(String::as_str));
                let near = near.map(|near| format!("tasks.{name}.output.{near}"));
                let list = fields
                    .iter()
                    .map(|known| format!("`{known}`"))
                    .collect::<Vec<_>>()
                    .join(", ");
                self.error(
                    place,
                    Code::UNKNOWN_REFERENCE,
                    span,
                    format!("the output of `{name}` has no `{field}`"),
                    |d| d.did_you_mean(near.as_deref()).help(format!("it has {list}")),
                );
                return;
            }
        };
        let help = match &task.kind {
            Kind::Run(_) => Some("`parse: json` makes a value of what a command prints"),
            Kind::Prompt(_) => Some("`output: { schema: … }` makes a value of the answer"),
            _ => None,
        };
        self.error(place, Code::UNKNOWN_REFERENCE, span, message, |d| match help {
            Some(help) => d.help(help),
            None => d,
        });
    }

    fn shape(&self, task: &Task, index: usize) -> Shape {
        if task.common.foreach.is_some() || task.common.matrix.is_some() {
            return Shape::List;
        }
        let fields = |names: &[&str]| Shape::Fields(names.iter().map(|name| (*name).to_owned()).collect());
        match &task.kind {
            Kind::Prompt(prompt) => match &prompt.beside.output {
                None => Shape::Plain,
                Some(Output::Schema(_)) => Shape::Any,
                Some(Output::File(_)) => fields(&["file"]),
                Some(Output::Files(_)) => fields(&["files"]),
            },
            Kind::Edit(_) | Kind::Agent(_) => fields(&["files", "summary"]),
            Kind::Plan(_) => fields(&["tasks"]),
            Kind::Run(run) => match run.beside.parse {
                None => Shape::Plain,
                Some(Parse::Json) => Shape::Any,
                Some(Parse::Lines | Parse::Diagnostics) => Shape::List,
            },
            Kind::Render(_) => fields(&["file"]),
            Kind::Bone(bone) => match bone.action {
                BoneAction::Check => fields(&["diagnostics"]),
                _ => fields(&["dir", "files", "diagnostics"]),
            },
            Kind::Approve(_) => fields(&["approved", "comment"]),
            Kind::Uses(_) => match self.checker.module.uses.get(&index) {
                Some(used) => Shape::Fields(outputs(self.used(*used))),
                None => Shape::Any,
            },
        }
    }

    fn used(&self, id: ModuleId) -> &Loaded {
        &self.checker.bundle.module(id).loaded
    }
}

fn outputs(loaded: &Loaded) -> Vec<String> {
    loaded
        .workflow
        .outputs
        .keys()
        .map(|name| name.as_str().to_owned())
        .collect()
}
