//! What a system becomes: the files of a project that runs.
//!
//! [`emit`] reads the [`ir`] and nothing else, and gives texts with their paths; whoever calls it writes them. The same
//! system gives the same bytes. Each area of the project has an emitter of its own below; what they share is
//! `templates` (typed rendering), `names` (spelling) and `project` (the set of files).

mod client;
mod database;
mod expression;
mod layout;
mod live;
mod names;
mod project;
mod server;
mod templates;
#[cfg(test)]
mod tests;

pub use database::{Migration, diff, schema};
pub use project::{File, Owner, Project};

use crate::ir;
use project::FileSet;
use templates::Table;

/// What the project keeps its rows in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A `PostgreSQL` server.
    Postgres,
    /// A file, through `node:sqlite`.
    Sqlite,
}

impl Target {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::Postgres, Self::Sqlite];

    /// Its name: also that of its folder of templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }
}

/// Why nothing was emitted. Save for `Previous`, a fault of the emitter and not of the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// A template failed.
    #[error("the template `{template}` failed: {message}")]
    Template {
        /// Its path below `templates/`.
        template: String,
        /// What it said.
        message: String,
    },
    /// Two emitters made the same file.
    #[error("`{path}` would be written twice")]
    DuplicatePath {
        /// Its path in the project.
        path: String,
    },
    /// Something of the program cannot be said in the language of the output.
    #[error("{what} cannot be written: {why}")]
    Unwritable {
        /// What, in words of the program.
        what: String,
        /// Why.
        why: String,
    },
    /// What is left of the last compilation is of no use.
    #[error("`migrations/schema.json` cannot be read: {message}; restore it from version control")]
    Previous {
        /// What is wrong with it.
        message: String,
    },
}

/// What an emitter is given.
struct Build<'a> {
    system: &'a ir::System,
    target: Target,
    /// The text of `migrations/schema.json` of the last compilation.
    previous: Option<&'a str>,
}

/// Reads the system and adds files.
type Emitter = fn(&Build<'_>, &mut FileSet) -> Result<(), EmitError>;

/// Each area of the project; the order is of no importance.
const EMITTERS: &[Emitter] = &[
    // A line for each, so that areas can be added side by side.
    client::emit_papers,
    client::emit_programs,
    database::emit,
    live::emit,
    server::emit,
];

/// The templates and fixed files of each area.
const TABLES: &[Table] = &[
    // As above.
    client::TEMPLATES,
    database::TEMPLATES,
    live::TEMPLATES,
    server::TEMPLATES,
];

/// What is done to the text of each rendered file, given with its path.
const LAYOUT: fn(&str, String) -> Result<String, EmitError> = |path, text| Ok(layout::file(path, &text));

/// Gives every file of the project.
///
/// `previous` is the text of `migrations/schema.json` of the last compilation, if there was one: what changed since
/// becomes a new migration.
pub fn emit(system: &ir::System, target: Target, previous: Option<&str>) -> Result<Project, EmitError> {
    let build = Build {
        system,
        target,
        previous,
    };
    let mut files = FileSet::new(target, LAYOUT);
    for area in areas(&build) {
        files.extend(area?)?;
    }
    Ok(files.finish())
}

/// The files of each area. None of them needs those of another, so they are made side by side; what they give does not
/// depend on which is ready first.
fn areas(build: &Build<'_>) -> Vec<Result<FileSet, EmitError>> {
    let make = |emitter: Emitter| {
        let mut files = FileSet::new(build.target, LAYOUT);
        emitter(build, &mut files).map(|()| files)
    };
    std::thread::scope(|scope| {
        let (first, others) = (EMITTERS.first(), EMITTERS.iter().skip(1));
        let others: Vec<_> = others
            .map(|emitter| scope.spawn(move || make(*emitter)))
            .collect();
        let first = first.map(|emitter| make(*emitter));
        let others = others.into_iter().map(|area| {
            area.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        first.into_iter().chain(others).collect()
    })
}
