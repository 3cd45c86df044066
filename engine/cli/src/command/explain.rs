//! `smallcode explain`: the page of a code.

use clap::Args;
use smallcode_core::diagnostic::{Code, closest, explanation};

use super::print;
use crate::exit::{Exit, Refusal};

/// Explain a code such as E0201, or B0201 of BoneScript
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code; every code with its title where it is left out
    code: Option<String>,
}

/// Prints the page, or the list of codes.
pub(crate) fn run(explain: &Explain) -> Result<Exit, Refusal> {
    let Some(wanted) = &explain.code else {
        let titles = codes().filter_map(|code| page(code)?.lines().next());
        let titles: Vec<&str> = titles.map(|title| title.trim_start_matches("# ")).collect();
        print(&format!("{}\n", titles.join("\n")))?;
        return Ok(Exit::Done);
    };
    if let Some(page) = page(wanted) {
        print(page)?;
        return Ok(Exit::Done);
    }
    let near = closest(&wanted.to_ascii_uppercase(), codes());
    let refusal = Refusal::new(Exit::Wrong, format!("there is no code `{wanted}`"));
    Err(match near {
        Some(near) => refusal.hint(format!("did you mean `{near}`?")),
        None => refusal.hint("`smallcode explain` lists them all"),
    })
}

/// The codes of workflows, then those of BoneScript.
fn codes() -> impl Iterator<Item = &'static str> {
    let bone = bonescript::Code::ALL.iter().map(|code| code.as_str());
    Code::ALL.iter().map(|code| code.as_str()).chain(bone)
}

fn page(code: &str) -> Option<&'static str> {
    explanation(code).or_else(|| bonescript::explanation(code))
}
