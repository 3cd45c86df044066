//! `smallcode completions`: what a shell completes.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Arguments, print};
use crate::exit::{Exit, Refusal};

/// Print the completions of a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(completions: &Completions) -> Result<Exit, Refusal> {
    let mut script = Vec::new();
    clap_complete::generate(
        completions.shell,
        &mut Arguments::command(),
        "smallcode",
        &mut script,
    );
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
