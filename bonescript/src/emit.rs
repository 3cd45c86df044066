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

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::ir;
use project::FileSet;
use templates::Templates;

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

/// Each area of the project with its templates and fixed files. The order is of no importance for what is made; the largest
/// are begun first.
static AREAS: &[(Emitter, &Templates)] = &[
    // A line for each, so that areas can be added side by side.
    (server::emit, &server::TEMPLATES),
    (client::emit_programs, &client::TEMPLATES),
    (client::emit_papers, &client::TEMPLATES),
    (database::emit, &database::TEMPLATES),
    (live::emit, &live::TEMPLATES),
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
    FileSet::join(areas(&build))
}

/// The files of each area. None of them needs those of another, so they are made side by side; what they give does not
/// depend on which is ready first. A thread takes one area after the other: one for each would cost more than it gives.
fn areas(build: &Build<'_>) -> Vec<Result<FileSet, EmitError>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut made = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((emitter, templates)) = AREAS.get(at) else {
                return made;
            };
            let mut files = FileSet::new(build.target, templates, LAYOUT);
            made.push((at, emitter(build, &mut files).map(|()| files)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut made = thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(AREAS.len())).map(|_| scope.spawn(work)).collect();
        let mut made = work();
        for other in others {
            made.extend(
                other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            );
        }
        made
    });
    made.sort_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, area)| area).collect()
}
