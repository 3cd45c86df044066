//! `smallcode bone init`: a first program to go on from.

use std::fs;
use std::io::{self, Write as _};

use bonescript::ir::Domain;
use camino::Utf8PathBuf;
use clap::Args;

use crate::exit::{Exit, Refusal};
use crate::report::Verbosity;
use crate::terminal::Terminal;

/// Write a first program from a template
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The name of the system, such as `plant-shop`
    #[arg(value_name = "NAME")]
    name: String,
    /// What it is: `marketplace`, `saas_platform`, `iot_system`, `social_network`, `multiplayer_game` or
    /// `realtime_collaboration`
    #[arg(long, value_name = "DOMAIN", default_value = "marketplace", value_parser = domain)]
    domain: Domain,
    /// The folder that it goes to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: Utf8PathBuf,
}

fn domain(word: &str) -> Result<Domain, String> {
    let found = Domain::ALL.iter().find(|domain| domain.as_str() == word);
    found.copied().ok_or_else(|| {
        let words: Vec<&str> = Domain::ALL.iter().map(|domain| domain.as_str()).collect();
        let near = bonescript::closest(word, words.iter().copied());
        let near = near
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        format!("the domains are {}{near}", words.join(", "))
    })
}

/// Writes the program; one that is there stays.
pub(crate) fn run(init: &Init, terminal: &Terminal) -> Result<Exit, Refusal> {
    let Some(start) = bonescript::start(init.domain, &init.name) else {
        let message = format!(
            "`{}` has no letter that a system's name could begin with",
            init.name
        );
        return Err(Refusal::new(Exit::Wrong, message).hint("write a name such as `plant-shop`"));
    };
    let path = if init.out == "." {
        Utf8PathBuf::from(&start.file)
    } else {
        init.out.join(&start.file)
    };
    let written = fs::create_dir_all(&init.out).and_then(|()| {
        let mut file = fs::File::create_new(&path)?;
        file.write_all(start.text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Refusal::new(Exit::Failed, format!("`{path}` is there already"))
            .hint("choose another name, or another folder with `--out`"),
        _ => Refusal::new(Exit::Io, format!("`{path}` can't be written: {error}")),
    })?;
    if terminal.verbosity > Verbosity::Quiet {
        // Where nobody reads it, nobody misses it.
        let _ = writeln!(
            io::stderr(),
            "`{path}` is written; next: smallcode bone compile {path} --out server"
        );
    }
    Ok(Exit::Done)
}
