//! `smallcode bone watch`: compiles whenever the program changes.

use std::io::Write as _;
use std::time::Duration;

use clap::Args;

use super::compile::{Compile, once};
use super::source::Texts;
use crate::exit::{Exit, Refusal};
use crate::terminal::Terminal;

/// How often the files are looked at: soon enough for somebody who has just saved one, and cheap for the machine.
const PAUSE: Duration = Duration::from_millis(200);

/// Compile a program, and again whenever it or a file that it imports changes
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    compile: Compile,
}

/// Compiles until a signal ends it. What is wrong is told, and the next change awaited.
pub(crate) fn run(watch: &Watch, terminal: &Terminal) -> Result<Exit, Refusal> {
    watch.compile.output.target.tell(terminal);
    loop {
        let texts = Texts::default();
        match once(&texts, &watch.compile, terminal) {
            Ok(_) => {}
            Err(refusal) => crate::show(&refusal, terminal),
        }
        // Where nobody reads it, nobody misses it.
        let _ = writeln!(
            std::io::stderr(),
            "waiting for a change of `{}`",
            watch.compile.file
        );
        while !texts.have_changed() {
            std::thread::sleep(PAUSE);
        }
    }
}
