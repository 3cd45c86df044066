//! `smallcode explain`: the page of a code.

use clap::Args;
use smallcode_core::diagnostic::{Code, closest, explanation};

use super::print;
use crate::exit::{Exit, Refusal};

/// Explain a code such as E0201
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code; every code with its title where it is left out
    code: Option<String>,
}

/// Prints the page, or the list of codes.
pub(crate) fn run(explain: &Explain) -> Result<Exit, Refusal> {
    let Some(wanted) = &explain.code else {
        let titles = Code::ALL
            .iter()
            .filter_map(|code| explanation(code.as_str())?.lines().next());
        let titles: Vec<&str> = titles.map(|title| title.trim_start_matches("# ")).collect();
        print(&format!("{}\n", titles.join("\n")))?;
        return Ok(Exit::Done);
    };
    if let Some(page) = explanation(wanted) {
        print(page)?;
        return Ok(Exit::Done);
    }
    let near = closest(
        &wanted.to_ascii_uppercase(),
        Code::ALL.iter().map(|code| code.as_str()),
    );
    let refusal = Refusal::new(Exit::Wrong, format!("there is no code `{wanted}`"));
    Err(match near {
        Some(near) => refusal.hint(format!("did you mean `{near}`?")),
        None => refusal.hint("`smallcode explain` lists them all"),
    })
}
