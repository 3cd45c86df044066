//! `smallcode bone`: BoneScript programs, without a workflow.

mod check;
mod compile;
mod diff;
mod fmt;
mod init;
mod show;
mod source;
mod watch;

use std::fs;
use std::io::Read as _;

use camino::Utf8Path;
use clap::{Args, Subcommand};

use super::explain;
use crate::exit::{Exit, Refusal};
use crate::terminal::Terminal;

/// Check, compile and lay out BoneScript programs
#[derive(Debug, Args)]
pub(crate) struct Bone {
    #[command(subcommand)]
    command: BoneCommand,
}

/// What to do with them.
#[derive(Debug, Subcommand)]
enum BoneCommand {
    /// Check programs: every name, type and word
    Check(check::Check),
    /// Compile a program to a backend
    Compile(compile::Compile),
    /// Lay programs out
    Fmt(fmt::Fmt),
    /// Write a first program from a template
    Init(init::Init),
    /// Show the migrations that lead from one version of a program to another
    Diff(diff::Diff),
    /// Compile a program, and again whenever it changes
    Watch(watch::Watch),
    /// Explain a code such as B0201
    Explain(explain::Explain),
}

/// Carries a command out.
pub(crate) fn run(bone: &Bone, terminal: &Terminal) -> Result<Exit, Refusal> {
    match &bone.command {
        BoneCommand::Check(check) => check::run(check, terminal),
        BoneCommand::Compile(compile) => compile::run(compile, terminal),
        BoneCommand::Fmt(fmt) => fmt::run(fmt, terminal),
        BoneCommand::Init(init) => init::run(init, terminal),
        BoneCommand::Diff(diff) => diff::run(diff, terminal),
        BoneCommand::Watch(watch) => watch::run(watch, terminal),
        BoneCommand::Explain(explain) => explain::run(explain),
    }
}

/// The text of a program, or why it can't be read. One that is too large is read a little beyond the limit, so that the
/// check says so.
fn read(path: &Utf8Path) -> Result<String, String> {
    let most = bonescript::MAX_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // The limit may cut a character in two.
        Err(error) if error.as_bytes().len() as u64 == most => {
            Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
        }
        Err(_) => Err("it is not UTF-8".to_owned()),
    }
}

/// The files that programs import.
struct Disk;

impl bonescript::Files for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        read(Utf8Path::new(path))
    }
}
