//! Templates that mirror the tree that is emitted, and typed printing.
//!
//! `templates/common` lies below `templates/postgres` and `templates/sqlite`: a file of the target stands in for the
//! common one of the same path. A file whose name ends in `.j2` is rendered; any other goes out as it is. One whose name
//! begins with `_` is rendered once for each thing of its kind, to another path.
//!
//! A template prints pieces (`piece::Piece`) and nothing else: each says what it is, and the language of the file (by its name) says
//! how that is written there. Plain strings, numbers and booleans may steer a template, but printing one is an error, so
//! neither an injection nor a forgotten escape can be written.

mod piece;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};

use super::{EmitError, Target};
use piece::Language;
pub(super) use piece::{code, comment, key, name, sql_name, sql_text, text, typescript};

/// The files below `templates/` that belong to an area of the project.
pub(super) struct Templates {
    /// Their texts, by the path below `templates/`.
    files: &'static [(&'static str, &'static str)],
    /// Those that are rendered, for each target: compiled when it is first asked for, and no other's with it.
    compiled: [OnceLock<Result<Environment<'static>, Error>>; Target::ALL.len()],
}

/// Files below `templates/`, embedded.
macro_rules! templates {
    ($($path:literal,)*) => {
        crate::emit::templates::Templates::new(
            &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $path)))),*]
        )
    };
}
pub(super) use templates;

impl Templates {
    pub(super) const fn new(files: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            files,
            compiled: [const { OnceLock::new() }; Target::ALL.len()],
        }
    }

    /// Renders a template, named by the path of what it makes, such as `src/app.ts`.
    pub(super) fn render(&self, target: Target, path: &str, context: Value) -> Result<String, EmitError> {
        let own = format!("{}/{path}.j2", target.as_str());
        let failed = |template: &str, error: &Error| EmitError::Template {
            template: template.to_owned(),
            message: match error.detail() {
                Some(detail) => format!("{detail} (line {})", error.line().unwrap_or(0)),
                None => format!("{error:#}"),
            },
        };
        let environment = self
            .environment(target)
            .as_ref()
            .map_err(|error| failed(error.name().unwrap_or(path), error))?;
        let template = environment
            .get_template(&own)
            .or_else(|_| environment.get_template(&format!("common/{path}.j2")));
        template
            .and_then(|template| template.render(context))
            .map_err(|error| failed(error.name().unwrap_or(&own), &error))
    }

    /// The files that go out as they are, by path in the project.
    pub(super) fn fixed(&self, target: Target) -> BTreeMap<&'static str, &'static str> {
        let mut files = BTreeMap::new();
        for layer in [COMMON, target.as_str()] {
            for (path, text) in self.files {
                let inside = path.strip_prefix(layer).map(|path| path.trim_start_matches('/'));
                if let Some(inside) = inside.filter(|inside| !is_template(inside)) {
                    files.insert(inside, *text);
                }
            }
        }
        files
    }

    fn environment(&self, target: Target) -> &Result<Environment<'static>, Error> {
        let [postgres, sqlite] = &self.compiled;
        let compiled = match target {
            Target::Postgres => postgres,
            Target::Sqlite => sqlite,
        };
        compiled.get_or_init(|| {
            let mut environment = empty()?;
            for (path, text) in self.files {
                let layer = path.split('/').next().unwrap_or_default();
                if is_template(path) && (layer == COMMON || layer == target.as_str()) {
                    environment.add_template(path, text)?;
                }
            }
            Ok(environment)
        })
    }
}

/// The folder of what both targets have.
const COMMON: &str = "common";

/// The manner in which templates are read and print, without one.
fn empty() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_debug(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()?,
    );
    environment.set_auto_escape_callback(|name| AutoEscape::Custom(Language::of(name).as_str().into()));
    environment.set_formatter(piece::write);
    Ok(environment)
}

fn is_template(path: &str) -> bool {
    extension(path) == "j2"
}

/// What stands behind the last dot of the name.
pub(super) fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Renders a text as if it were a template of this path.
#[cfg(test)]
pub(super) fn render_text(path: &str, template: &str, context: Value) -> Result<String, Error> {
    let mut environment = empty()?;
    environment.add_template_owned(path.to_owned(), template.to_owned())?;
    environment.get_template(path)?.render(context)
}

#[cfg(test)]
mod tests;
