//! `smallcode bone diff`: the migrations that lead from one version of a program to another.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use bonescript::emit::{File, Owner, Project, emit};
use bonescript::ir::{Program, System};
use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use super::super::print;
use super::compile::{Named, refusal, target};
use super::source::{Strictness, Texts};
use crate::exit::{Exit, Refusal};
use crate::report::Verbosity;
use crate::terminal::Terminal;

/// Show the migrations that lead from one version of a program to another
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The version that databases are at
    #[arg(value_name = "OLD")]
    old: Utf8PathBuf,
    /// The version that they are to be brought to
    #[arg(value_name = "NEW")]
    new: Utf8PathBuf,
    /// Which dialect: `sqlite`, or `postgres` (also called `express`)
    #[arg(long, value_name = "TARGET", default_value = "sqlite", value_parser = target)]
    target: Named,
    /// Also write each migration to this folder, where it is not there yet
    #[arg(long, value_name = "DIR")]
    write: Option<Utf8PathBuf>,
    #[command(flatten)]
    strictness: Strictness,
}

/// Prints the migrations; nothing where both versions lead to the same tables.
pub(crate) fn run(diff: &Diff, terminal: &Terminal) -> Result<Exit, Refusal> {
    diff.target.tell(terminal);
    let program = |path: &Utf8Path| {
        Texts::default()
            .check(path, diff.strictness.level())?
            .right(terminal, false)
    };
    let (old, new) = (program(&diff.old)?, program(&diff.new)?);
    let mut added = Vec::new();
    for system in &new.systems {
        added.extend(between(before(&old, &new, system), system, diff)?);
    }
    if added.is_empty() && terminal.verbosity > Verbosity::Quiet {
        // Where nobody reads it, nobody misses it.
        let _ = writeln!(
            std::io::stderr(),
            "no migration: both versions lead to the same tables"
        );
    }
    let mut text = String::new();
    for file in &added {
        // Writing to a string does not fail.
        let _ = write!(text, "-- {}\n{}", file.path, file.text);
        if let Some(folder) = &diff.write {
            put(folder, file)?;
        }
    }
    print(&text)?;
    Ok(Exit::Done)
}

/// The system that was there before: of the same name, or the only one where there is only one.
fn before<'a>(old: &'a Program, new: &Program, system: &System) -> Option<&'a System> {
    let named = old.systems.iter().find(|before| before.name == system.name);
    match (named, old.systems.as_slice(), new.systems.len()) {
        (None, [only], 1) => Some(only),
        (named, _, _) => named,
    }
}

/// The migrations that the new system has and the old has not.
fn between(old: Option<&System>, new: &System, diff: &Diff) -> Result<Vec<File>, Refusal> {
    let project = |system: &System, previous: Option<&str>| {
        emit(system, diff.target.target, previous).map_err(|error| refusal(&error.into()))
    };
    let old = old.map(|system| project(system, None)).transpose()?;
    let has = |project: &Option<Project>, path: &str| {
        project
            .as_ref()
            .and_then(|project| project.files.iter().find(|file| file.path == path).cloned())
    };
    let schema = has(&old, "migrations/schema.json");
    let project = project(new, schema.as_ref().map(|file| file.text.as_str()))?;
    let files = project
        .files
        .into_iter()
        .filter(|file| file.owner == Owner::Migration);
    Ok(files.filter(|file| has(&old, &file.path).is_none()).collect())
}

/// Writes a migration where none of its name is.
fn put(folder: &Utf8Path, file: &File) -> Result<(), Refusal> {
    let path = folder.join(Utf8Path::new(&file.path).file_name().unwrap_or(&file.path));
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut to = fs::File::create_new(&path)?;
        to.write_all(file.text.as_bytes())?;
        to.sync_all()
    });
    written.map_err(|error| Refusal::new(Exit::Io, format!("`{path}` can't be written: {error}")))
}
