//! `smallcode bone fmt`: the same tokens and comments, laid out.

use std::fs;
use std::io::{self, Write as _};

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use smallcode_core::diagnostic::count;

use super::{read, show};
use crate::exit::{Exit, Refusal};
use crate::report::Verbosity;
use crate::terminal::Terminal;

/// Lay programs out
#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// The programs
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Utf8PathBuf>,
    /// Change nothing; exit with 2 when a program is laid out otherwise
    #[arg(long)]
    check: bool,
}

/// Lays the programs out in place. One that can't be read stays as it is.
pub(crate) fn run(fmt: &Fmt, terminal: &Terminal) -> Result<Exit, Refusal> {
    let mut exit = Exit::Done;
    let mut changed = 0;
    for path in &fmt.files {
        let text =
            read(path).map_err(|why| Refusal::new(Exit::Wrong, format!("`{path}` can't be read: {why}")))?;
        let formatted = match bonescript::format(path.as_str(), &text) {
            Ok(formatted) => formatted,
            Err(analysis) => {
                let text = show::people(&analysis, terminal.style.color);
                // Where nobody reads it, nobody misses it.
                let _ = write!(io::stderr(), "{text}");
                exit = Exit::Wrong;
                continue;
            }
        };
        if formatted == text {
            continue;
        }
        changed += 1;
        if fmt.check {
            exit = Exit::Wrong;
            let _ = writeln!(io::stderr(), "`{path}` is laid out otherwise");
        } else {
            replace(path, &formatted)
                .map_err(|error| Refusal::new(Exit::Io, format!("`{path}` can't be written: {error}")))?;
        }
    }
    if !fmt.check && changed > 0 && terminal.verbosity > Verbosity::Quiet {
        let _ = writeln!(io::stderr(), "{} laid out", count(changed, "program"));
    }
    Ok(exit)
}

/// Puts a text in the place of a file: all of it or nothing, with its permissions, through links.
fn replace(path: &Utf8Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize_utf8()?;
    let beside = path.with_file_name(format!(
        ".{}.{}",
        path.file_name().unwrap_or("program"),
        std::process::id()
    ));
    let written = fs::File::create_new(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.set_permissions(fs::metadata(&path)?.permissions())?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    });
    if written.is_err() {
        // It may not have come to be.
        let _ = fs::remove_file(&beside);
    }
    written
}
