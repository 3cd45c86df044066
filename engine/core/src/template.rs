//! Expressions and templates: the only module that names MiniJinja.
//!
//! A template is compiled and checked when its file is loaded and says what it refers to, so that a
//! wrong name is found before anything runs. Rendering reads values from a [`Scope`] as it needs
//! them, never looks at text again that a value brought in, and is bounded in time, memory and
//! output. What the names mean is for others to know.

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;

mod engine;
mod filters;
mod fixed;
mod lex;
mod limits;
mod names;
mod scan;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use lex::SHELL_LENGTH;
pub use value::Value;

/// How a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Text with tags in it.
    Text,
    /// One expression, with or without `{{ }}` around it.
    Expression,
}

/// A name that a template reads from its scope, with the names that follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The names: `tasks.build.output` and `tasks['build'].output` have three.
    pub path: Vec<String>,
    /// Bytes in the source.
    pub span: Range<usize>,
    /// Whether `default` or `is defined` follows, so that it may be missing.
    pub guarded: bool,
}

/// A use of a function or filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The name of the function or filter.
    pub name: String,
    /// Bytes of the name in the source.
    pub span: Range<usize>,
}

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong: lower case, without a full stop.
    pub message: String,
    /// Bytes in the source.
    pub range: Range<usize>,
    /// What to do about it.
    pub help: Option<String>,
}

impl TemplateError {
    fn new(message: impl Into<String>, range: Range<usize>) -> Self {
        TemplateError {
            message: message.into(),
            range,
            help: None,
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the name that was probably meant.
    fn meant(self, name: Option<&str>) -> Self {
        match name {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None => self,
        }
    }
}

/// What the names and functions of a template mean.
///
/// It is shared, since a render may look into it at any moment: nothing is converted beforehand.
pub trait Scope: Send + Sync {
    /// Returns what a global name stands for.
    fn variable(&self, name: &str) -> Option<Variable>;

    /// Answers a function: one of `success`, `failure`, `always`, `cancelled`, `glob`, `read`,
    /// `outline` and `budget`. Used as a filter, what was piped in is the first argument.
    ///
    /// # Errors
    ///
    /// A message for the user: lower case, without a full stop.
    fn call(
        &self,
        function: &str,
        arguments: &[serde_json::Value],
        keywords: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<serde_json::Value, String>;
}

/// What a name stands for.
#[derive(Clone)]
pub enum Variable {
    /// A value.
    Value(Value),
    /// A mapping whose fields are looked up when they are used.
    Fields(Arc<dyn Fields>),
}

impl Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Variable::Value(value) => value.fmt(f),
            Variable::Fields(_) => f.write_str("Fields"),
        }
    }
}

/// A mapping whose fields are looked up when they are used.
pub trait Fields: Send + Sync {
    /// Returns one field.
    fn field(&self, name: &str) -> Option<Variable>;

    /// Returns the names of all fields, in the order in which they are shown.
    fn names(&self) -> Vec<String>;
}

/// A compiled template or expression; cheap to clone.
#[derive(Debug, Clone)]
pub struct Template(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    source: Box<str>,
    mode: Mode,
    references: Vec<Reference>,
    calls: Vec<Call>,
    filters: Vec<Call>,
    single: bool,
    program: engine::Program,
}

impl Template {
    /// Compiles a value of a workflow file, of at most 64 KiB.
    ///
    /// ```
    /// use smallcode_core::template::{Mode, Template};
    ///
    /// let template = Template::compile("Read {{ tasks.build.output.file }}", Mode::Text).unwrap();
    /// assert_eq!(template.references()[0].path, ["tasks", "build", "output", "file"]);
    ///
    /// let error = Template::compile("{{ inputs.name|uper }}", Mode::Text).unwrap_err();
    /// assert_eq!(error.help.as_deref(), Some("did you mean `upper`?"));
    /// ```
    ///
    /// # Errors
    ///
    /// When the source is no template, uses something that does not exist, or exceeds a limit.
    pub fn compile(source: &str, mode: Mode) -> Result<Template, TemplateError> {
        Self::compile_within(source, mode, limits::VALUE_BYTES)
    }

    /// Compiles a template file, of at most 1 MiB.
    ///
    /// # Errors
    ///
    /// As for [`Template::compile`].
    pub fn compile_file(source: &str) -> Result<Template, TemplateError> {
        Self::compile_within(source, Mode::Text, limits::FILE_BYTES)
    }

    fn compile_within(source: &str, mode: Mode, bytes: usize) -> Result<Template, TemplateError> {
        if source.len() > bytes {
            return Err(TemplateError::new(
                format!(
                    "a template may hold {} KiB here, this has {}",
                    bytes / 1024,
                    source.len().div_ceil(1024)
                ),
                0..0,
            ));
        }
        let mut scan = match mode {
            Mode::Text => scan::Scan::text(source)?,
            Mode::Expression => Self::scan_expression(source)?,
        };
        let program = engine::compile(source, &mut scan)?;
        Ok(Template(Arc::new(Compiled {
            source: Box::from(source),
            mode,
            single: scan.single.is_some(),
            references: scan.references,
            calls: scan.calls,
            filters: scan.filters,
            program,
        })))
    }

    fn scan_expression(source: &str) -> Result<scan::Scan<'_>, TemplateError> {
        if !source.trim_start().starts_with("{{") {
            return scan::Scan::bare(source);
        }
        scan::Scan::tagged(source)?.ok_or_else(|| {
            TemplateError::new("this is more than one expression", 0..source.len())
                .help("write all of it inside one `{{ }}`, or without them: `a ~ '-' ~ b`")
        })
    }

    /// Returns the source, as it was given.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Returns how the source was read.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// Returns the names that are read from the scope, in the order of the source.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// Returns the uses of functions.
    pub fn calls(&self) -> &[Call] {
        &self.0.calls
    }

    /// Returns the uses of filters that MiniJinja does not bring along.
    pub fn filters(&self) -> &[Call] {
        &self.0.filters
    }

    /// Whether the source holds no tag at all, so that it is its own text.
    pub fn is_literal(&self) -> bool {
        matches!(self.0.program, engine::Program::Literal)
    }

    /// Returns what is said whatever the values are: the text outside of tags and of blocks, which may leave theirs out.
    pub fn fixed(&self) -> String {
        if self.is_literal() {
            return self.source().to_owned();
        }
        if self.is_single() || self.mode() != Mode::Text {
            return String::new();
        }
        fixed::outside(self.source())
    }

    /// Whether the source is exactly one expression, which keeps its type.
    pub fn is_single(&self) -> bool {
        self.0.single
    }

    /// Renders to text. Lists and mappings become compact JSON; null is an error.
    ///
    /// # Errors
    ///
    /// When a name is not defined, a value does not fit its use, or a limit is reached.
    pub fn text(&self, scope: &Arc<dyn Scope>) -> Result<String, TemplateError> {
        engine::text(&self.0, scope)
    }

    /// Evaluates: exactly one `{{ }}`, or an expression, keeps its type; all else is text.
    ///
    /// # Errors
    ///
    /// As for [`Template::text`].
    pub fn value(&self, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
        engine::value(&self.0, scope)
    }

    /// Evaluates a condition: false, null, zero and what is empty are false.
    ///
    /// # Errors
    ///
    /// As for [`Template::text`].
    pub fn truth(&self, scope: &Arc<dyn Scope>) -> Result<bool, TemplateError> {
        self.value(scope).map(|value| value.is_true())
    }
}

/// Returns where the tag that begins at `start` ends; its text is not looked at further.
pub(crate) fn tag_end(source: &str, start: usize) -> Result<usize, TemplateError> {
    lex::tag_end(source, start)
}
