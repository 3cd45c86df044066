//! The form of outputs: which fields there are, as far as the file shows it.

use super::{Place, Walk};
use crate::diagnostic::{Code, Span, closest, listed};
use crate::load::ModuleId;
use crate::spec::{BoneAction, Foreach, InputType, Kind, Loaded, Output, Parse, Task, Text};
use crate::template::{Reference, Template};

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

/// What a value is that a `foreach` can't go over, or a shell line can't hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    List,
    Mapping,
}

impl Form {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Plain => "text or a number",
            Self::List => "a list",
            Self::Mapping => "a mapping",
        }
    }
}

impl Walk<'_, '_> {
    /// What the value of an expression is that only names an input or an output; `None` where that is not sure.
    pub(super) fn form(&self, template: &Template) -> Option<Form> {
        let [reference] = template.references() else {
            return None;
        };
        let source = template.source().trim();
        let inner = source.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        if inner.unwrap_or(source).trim() != reference.path.join(".") {
            return None;
        }
        let workflow = &self.checker.module.loaded.workflow;
        let path: Vec<&str> = reference.path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["inputs", name] => Some(match workflow.inputs.get(*name)?.kind {
                InputType::List => Form::List,
                InputType::Object => Form::Mapping,
                InputType::String
                | InputType::Integer
                | InputType::Number
                | InputType::Boolean
                | InputType::Path
                | InputType::Enum => Form::Plain,
            }),
            ["tasks", name, "output"] => {
                let (index, _, task) = workflow.tasks.read.get_full(*name)?;
                match self.shape(task, index) {
                    Shape::Any => None,
                    Shape::Plain => Some(Form::Plain),
                    Shape::List => Some(Form::List),
                    Shape::Fields(_) => Some(Form::Mapping),
                }
            }
            _ => None,
        }
    }

    /// Reports a `foreach` or an axis whose expression gives no list.
    pub(super) fn goes_over(&mut self, key: &str, foreach: &Foreach, place: &Place<'_>) {
        let Foreach::Expression(expression) = foreach else {
            return;
        };
        if let Some(form) = self.form(&expression.0.template)
            && form != Form::List
        {
            let message = format!("`{key}` goes over a list, and this is {}", form.words());
            self.error(place, Code::WRONG_TYPE, expression.0.span, message, |d| {
                d.help("`parse: lines` or `parse: json` makes a list of what a command prints, `|lines` of a text")
            });
        }
    }

    /// Reports a value of a shell line that is no text.
    pub(super) fn in_line(&mut self, text: &Text, place: &Place<'_>) {
        if let Some(form) = self.form(&text.template)
            && form != Form::Plain
        {
            let help = match form {
                Form::Mapping => "use one of its fields, or `|tojson`",
                Form::List | Form::Plain => {
                    "use `argv`, where it becomes several arguments, or `|join(' ')` for one text"
                }
            };
            let message = format!("{} cannot be put in a shell line", form.words());
            self.error(place, Code::SHELL_VALUE, text.span, message, |d| d.help(help));
        }
    }

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
                let list = listed(fields.iter());
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
