//! Compiles what was scanned with MiniJinja, renders it under limits, and puts its errors into the
//! words of a workflow.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "MiniJinja's enums may grow, so they need a wildcard"
)]

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use super::filters::{self, Explained};
use super::scan::{Origin, Rewritten, Scan};
use super::{Compiled, Fields, Scope, TemplateError, Value, Variable, limits, names};

/// The filter that goes one step into a value and does not mind if there is none.
pub(super) const STEP: &str = "__step";

/// What ends an operand of `~`: a filter that makes text of it as `{{ }}` would.
pub(super) const AS_TEXT: &str = ")|__text";

/// What ends an operand of `+`: a filter that pays for a list, since MiniJinja joins lists for
/// nothing and writes them out, unpaid, when many were joined.
pub(super) const AS_PART: &str = ")|__part";

/// The name under which functions find the scope; no template can write it.
const SCOPE: &str = "$scope";

/// The name of the one template in its environment.
const NAME: &str = "template";

/// What runs when a template is rendered.
pub(super) enum Program {
    /// Text without tags.
    Literal,
    /// One expression.
    Expression(minijinja::Expression<'static, 'static>, Origin),
    /// Text with tags. The environment shares all but this one template with every other.
    Text(Box<Environment<'static>>, Origin),
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Program::Literal => "Literal",
            Program::Expression(..) => "Expression",
            Program::Text(..) => "Text",
        })
    }
}

/// Compiles a source that was scanned.
pub(super) fn compile(source: &str, scan: &mut Scan<'_>) -> Result<Program, TemplateError> {
    if !scan.marked {
        return Ok(Program::Literal);
    }
    let range = scan.single.clone();
    let Rewritten { text, origin } = scan.rewritten(range.clone().unwrap_or(0..source.len()));
    if range.is_some() {
        return match environment().compile_expression_owned(text) {
            Ok(expression) => Ok(Program::Expression(expression, origin)),
            Err(error) => Err(Place {
                source,
                origin: &origin,
                references: &[],
            }
            .explain(&error)),
        };
    }
    let mut environment = Box::new(environment().clone());
    match environment.add_template_owned(NAME, text) {
        Ok(()) => Ok(Program::Text(environment, origin)),
        Err(error) => Err(Place {
            source,
            origin: &origin,
            references: &[],
        }
        .explain(&error)),
    }
}

/// Renders to text.
pub(super) fn text(template: &Compiled, scope: &Arc<dyn Scope>) -> Result<String, TemplateError> {
    match &template.program {
        Program::Literal => Ok(template.source.to_string()),
        Program::Expression(expression, origin) => {
            let place = Place::new(template, origin);
            let value = evaluate(expression, place, scope)?;
            filters::as_text(&value, limits::DATA_BYTES)
                .map(|(text, _)| text.into_owned())
                .map_err(|error| place.explain(&error))
        }
        Program::Text(environment, origin) => {
            let place = Place::new(template, origin);
            let mut output = Capped::new(limits::OUTPUT_BYTES);
            environment
                .get_template(NAME)
                .and_then(|template| template.render_captured_to(root(scope), &mut output).map(drop))
                .map_err(|error| place.explain(&error))?;
            Ok(output.into_text())
        }
    }
}

/// Evaluates; what is not a single expression becomes text.
pub(super) fn value(template: &Compiled, scope: &Arc<dyn Scope>) -> Result<Value, TemplateError> {
    match &template.program {
        Program::Expression(expression, origin) => {
            evaluate(expression, Place::new(template, origin), scope).map(Value)
        }
        Program::Literal => Ok(Value::from(&*template.source)),
        Program::Text(..) => text(template, scope).map(|text| Value(minijinja::Value::from(text))),
    }
}

fn evaluate(
    expression: &minijinja::Expression<'static, 'static>,
    place: Place<'_>,
    scope: &Arc<dyn Scope>,
) -> Result<minijinja::Value, TemplateError> {
    let value = expression
        .eval(root(scope))
        .map_err(|error| place.explain(&error))?;
    match value.kind() {
        ValueKind::Undefined => Err(place.explain(&Error::from(ErrorKind::UndefinedError))),
        _ => Ok(value),
    }
}

/// The environment that all templates share.
fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(limits::FUEL));
        // Without it an error does not say where it is.
        environment.set_debug(true);
        environment.set_formatter(filters::write);
        let whitespace = SyntaxConfig::builder()
            .keep_trailing_newline(true)
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        if let Ok(whitespace) = whitespace {
            environment.set_syntax(whitespace);
        }
        for name in ["safe", "escape", "e", "attr", "pprint", "chain"] {
            environment.remove_filter(name);
        }
        for name in ["namespace", "debug"] {
            environment.remove_global(name);
        }
        filters::add(&mut environment);
        for name in names::SCOPE_FUNCTIONS {
            environment.add_function(name, filters::scope_call(name));
        }
        for name in names::SCOPE_FILTERS {
            environment.add_filter(name, filters::scope_call(name));
        }
        environment
    })
}

/// Returns the scope of a render that is under way.
pub(super) fn scope_of(state: &minijinja::State<'_, '_>) -> Option<Arc<dyn Scope>> {
    let root = state.lookup(SCOPE)?;
    root.downcast_object_ref::<Root>().map(|root| Arc::clone(&root.0))
}

fn root(scope: &Arc<dyn Scope>) -> minijinja::Value {
    minijinja::Value::from_object(Root(Arc::clone(scope)))
}

fn variable(variable: Variable) -> minijinja::Value {
    match variable {
        Variable::Value(value) => value.0,
        Variable::Fields(fields) => minijinja::Value::from_object(Lazy(fields)),
    }
}

/// What a template sees at its top: the names of the scope, looked up as they are used.
struct Root(Arc<dyn Scope>);

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Root")
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<minijinja::Value> {
        if key == SCOPE {
            return Some(minijinja::Value::from_dyn_object(Arc::clone(self)));
        }
        self.0.variable(key).map(variable)
    }
}

/// A mapping whose fields are looked up as they are used.
struct Lazy(Arc<dyn Fields>);

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fields")
    }
}

impl Object for Lazy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &minijinja::Value) -> Option<minijinja::Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<minijinja::Value> {
        self.0.field(key).map(variable)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.names().into_iter().map(minijinja::Value::from).collect())
    }
}

/// Where the errors of a template are.
#[derive(Clone, Copy)]
struct Place<'t> {
    source: &'t str,
    origin: &'t Origin,
    references: &'t [super::Reference],
}

impl<'t> Place<'t> {
    fn new(template: &'t Compiled, origin: &'t Origin) -> Self {
        Place {
            source: &template.source,
            origin,
            references: &template.references,
        }
    }

    /// Puts an error of MiniJinja into the words of a workflow.
    fn explain(self, error: &Error) -> TemplateError {
        let range = error
            .range()
            .map_or_else(|| self.origin.whole(), |range| self.origin.range(range));
        let range = self.trimmed(range);
        let detail = error.detail().unwrap_or("");
        let explained = match error.kind() {
            ErrorKind::UndefinedError => self.undefined(detail, range),
            ErrorKind::OutOfFuel => {
                TemplateError::new("this template does too much work", range).help(format!(
                    "a render may take {} steps and hold {} MiB of data",
                    limits::FUEL,
                    limits::DATA_BYTES >> 20
                ))
            }
            ErrorKind::WriteFailure => TemplateError::new(
                format!("the text is larger than {} MiB", limits::OUTPUT_BYTES >> 20),
                range,
            ),
            ErrorKind::UnknownMethod => TemplateError::new("this is not a function", range),
            kind if detail.is_empty() => TemplateError::new(kind.to_string(), range),
            _ => TemplateError::new(sentence(detail), range),
        };
        match std::error::Error::source(error).and_then(|source| source.downcast_ref::<Explained>()) {
            Some(Explained(help)) => explained.help(*help),
            None => explained,
        }
    }

    fn undefined(self, detail: &str, range: Range<usize>) -> TemplateError {
        let named = detail.split('`').nth(1);
        let shown = named.or_else(|| {
            let text = self.source.get(range.clone())?;
            let path = |c: char| c.is_ascii_alphanumeric() || "_.[]'\"".contains(c);
            (!text.is_empty() && text.chars().all(path)).then_some(text)
        });
        let Some(shown) = shown else {
            return TemplateError::new("a value is not defined", range);
        };
        let known = self
            .references
            .iter()
            .filter(|reference| self.source.get(reference.span.clone()) == Some(shown));
        let known = known.map(|reference| &reference.span);
        let range = known
            .min_by_key(|span| span.start.abs_diff(range.start))
            .cloned()
            .unwrap_or(range);
        TemplateError::new(format!("`{shown}` is not defined"), range)
            .help("where it may be missing, write `|default(…)` behind it")
    }

    /// Takes the space around a range off it.
    fn trimmed(self, range: Range<usize>) -> Range<usize> {
        let Some(text) = self.source.get(range.clone()) else {
            return 0..self.source.len();
        };
        let start = range.start + (text.len() - text.trim_start().len());
        start..(range.start + text.trim_end().len()).max(start)
    }
}

/// Makes a message of the house's form: lower case, without a full stop.
fn sentence(detail: &str) -> String {
    let detail = detail.trim_end_matches('.');
    let mut characters = detail.chars();
    match characters.next() {
        Some(first) if characters.clone().next().is_some_and(char::is_lowercase) => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => detail.to_owned(),
    }
}

/// Holds what is written to it, up to a limit.
pub(super) struct Capped {
    bytes: Vec<u8>,
    limit: usize,
}

impl Capped {
    pub(super) fn new(limit: usize) -> Self {
        Capped {
            bytes: Vec::new(),
            limit,
        }
    }

    pub(super) fn into_text(self) -> String {
        String::from_utf8(self.bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.bytes.len() {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the text is too large",
            ));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
