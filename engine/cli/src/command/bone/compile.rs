//! `smallcode bone compile`: a program to a project that runs.

use std::fmt::Write as _;
use std::io::Write as _;

use bonescript::emit::Target;
use camino::Utf8PathBuf;
use clap::Args;
use serde_json::{Value, json};
use smallcode_core::diagnostic::count;
use smallcode_runtime::generated::{Done, GeneratedError, Prepared};

use super::super::{pretty, print};
use super::source::{Strictness, Texts};
use crate::exit::{Exit, Refusal};
use crate::report::Verbosity;
use crate::terminal::Terminal;

/// Compile a program to a backend
#[derive(Debug, Args)]
pub(crate) struct Compile {
    /// The program
    #[arg(value_name = "FILE")]
    pub(super) file: Utf8PathBuf,
    #[command(flatten)]
    pub(super) output: Output,
    /// Print what was done as one JSON object
    #[arg(long)]
    json: bool,
}

/// Where a project goes, and what for.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// What it keeps its rows in: `sqlite`, or `postgres` (also called `express`)
    #[arg(long, value_name = "TARGET", default_value = "sqlite", value_parser = target)]
    pub(super) target: Named,
    /// The folder that the project goes to
    #[arg(long, value_name = "DIR")]
    pub(super) out: Utf8PathBuf,
    /// Overwrite generated files that somebody has edited
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) strictness: Strictness,
}

/// A target, as it was called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) target: Target,
    express: bool,
}

/// The target of a name.
pub(super) fn target(name: &str) -> Result<Named, String> {
    let express = name == "express";
    let target = Target::ALL.iter().find(|target| target.as_str() == name);
    match (target, name) {
        (Some(target), _) => Ok(Named {
            target: *target,
            express,
        }),
        (None, "express") => Ok(Named {
            target: Target::Postgres,
            express,
        }),
        (None, "prisma" | "nakama") => Err(format!(
            "the public compiler's target `{name}` is not there; this version compiles to `postgres` and `sqlite`"
        )),
        (None, _) => Err("the targets are `postgres` (also called `express`) and `sqlite`".to_owned()),
    }
}

impl Named {
    /// Says that a name of the public compiler was understood.
    pub(super) fn tell(self, terminal: &Terminal) {
        if self.express && terminal.verbosity > Verbosity::Quiet {
            say("`express` is another name of `postgres`");
        }
    }
}

fn say(line: &str) {
    // Where nobody reads it, nobody misses it.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Compiles the program; exits with 2 where it is wrong, with 1 where something is in the way.
pub(crate) fn run(compile: &Compile, terminal: &Terminal) -> Result<Exit, Refusal> {
    compile.output.target.tell(terminal);
    once(&Texts::default(), compile, terminal)
}

/// Compiles once.
pub(super) fn once(texts: &Texts, compile: &Compile, terminal: &Terminal) -> Result<Exit, Refusal> {
    let output = &compile.output;
    let program = texts
        .check(&compile.file, output.strictness.level())?
        .right(terminal, compile.json)?;
    let prepared = Prepared::new(&program, output.target.target, &output.out, output.force)
        .map_err(|error| refusal(&error))?;
    let refused = prepared.refused();
    if !refused.is_empty() {
        if compile.json {
            let list: Vec<Value> = refused
                .iter()
                .map(|refused| json!({ "path": refused.path, "why": refused.why.in_words() }))
                .collect();
            print(&pretty(&json!({ "refused": list }))?)?;
        }
        for file in &refused {
            say(&format!(
                "`{}` {}",
                output.out.join(&file.path),
                file.why.in_words()
            ));
        }
        let refusal = Refusal::new(
            Exit::Failed,
            format!("{}: nothing is written", in_the_way(refused.len())),
        );
        return Err(if refused.iter().all(|file| file.why.may_be_forced()) {
            refusal.hint("move your changes to the files that are yours (`owner: user` in `bone.manifest.json`), or overwrite them with `--force`")
        } else {
            refusal.hint("move what stands there out of the way")
        });
    }
    prepared.apply().map_err(|error| refusal(&error))?;
    told(&prepared, compile, terminal)?;
    Ok(Exit::Done)
}

fn in_the_way(files: usize) -> String {
    if files == 1 {
        "1 file is in the way".to_owned()
    } else {
        format!("{files} files are in the way")
    }
}

/// Lists what was done: on standard output as that is what was asked for.
fn told(prepared: &Prepared, compile: &Compile, terminal: &Terminal) -> Result<(), Refusal> {
    let outcomes = prepared.outcomes();
    let target = compile.output.target.target.as_str();
    if compile.json {
        let files: Vec<Value> = outcomes
            .iter()
            .map(|file| json!({ "path": file.path, "blake3": file.hash, "status": file.done.as_str() }))
            .collect();
        let kept: Vec<Value> = prepared
            .kept()
            .iter()
            .map(|kept| json!({ "path": kept.path, "why": kept.why.in_words() }))
            .collect();
        let object = json!({ "out": prepared.out(), "target": target, "files": files, "kept": kept });
        return print(&pretty(&object)?);
    }
    for kept in prepared.kept() {
        say(&format!(
            "`{}` {}",
            compile.output.out.join(&kept.path),
            kept.why.in_words()
        ));
    }
    if terminal.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    let mut lines = String::new();
    for file in &outcomes {
        // As much of the hash as tells two contents apart for people.
        let short = file.hash.get(..16).unwrap_or("");
        let _ = writeln!(lines, "{short:16}  {:9}  {}", file.done.as_str(), file.path);
    }
    print(&lines)?;
    let many = |done: Done| outcomes.iter().filter(|file| file.done == done).count();
    say(&format!(
        "{} written, {} unchanged, {} removed in `{}` for `{target}`",
        count(many(Done::Written), "file"),
        many(Done::Unchanged),
        many(Done::Removed),
        prepared.out()
    ));
    Ok(())
}

/// Why a project could not be written.
pub(super) fn refusal(error: &GeneratedError) -> Refusal {
    let exit = match error {
        GeneratedError::Emit(bonescript::emit::EmitError::Previous { .. })
        | GeneratedError::Manifest { .. }
        | GeneratedError::NoSchema { .. }
        | GeneratedError::Another { .. }
        | GeneratedError::Refused { .. } => Exit::Failed,
        GeneratedError::Emit(bonescript::emit::EmitError::Unwritable { .. })
        | GeneratedError::SameFolder { .. } => Exit::Wrong,
        GeneratedError::Emit(_) => Exit::Bug,
        GeneratedError::InUse { .. } => Exit::InUse,
        GeneratedError::Io { .. } => Exit::Io,
    };
    Refusal::of(exit)(error)
}
