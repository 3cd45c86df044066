//! The BoneScript language: one `.bone` file says what a backend is, and becomes it.
//!
//! ```
//! use bonescript::{Level, check};
//!
//! let text = r#"system Shop {
//!   entity Plant { owns: [name: string, stock: uint] }
//!   capability sell(plant: Plant, quantity: uint) {
//!     requires: [plant.stok >= quantity]
//!     effects: [plant.stock -= quantity]
//!   }
//! }"#;
//! let analysis = check("shop.bone", text, Level::Strict);
//! assert_eq!(
//!     analysis.diagnostics[0].compact(&analysis.sources).split("; ").last().unwrap(),
//!     "fix: write `stock` instead of `stok`"
//! );
//! ```
//!
//! # How it works
//!
//! `lexer` gives tokens, comments among them; `parser` the tree of `ast`, with every error of the grammar; `load` follows
//! imports; `check` looks every name up and gives what the program means, the [`ir`], with every error of meaning;
//! emitters read that and nothing else. [`format()`] and [`outline()`] need only the first two.
//!
//! # What holds for any text
//!
//! No panic; time and memory linear in its length; no recursion deeper than a fixed depth; every place of a problem
//! inside of the text, on character boundaries. The same program under other line ends, or with a byte order mark, means
//! the same. Nothing here reads a file, a clock or the environment.

mod ast;
pub mod changes;
mod check;
mod diagnostic;
pub mod emit;
mod format;
mod guide;
pub mod ir;
mod lexer;
mod load;
mod outline;
mod parser;
mod start;
#[cfg(test)]
mod tests;
mod text;
mod token;

pub use diagnostic::{Code, Diagnostic, Fix, Label, MAX_PROBLEMS, Severity, closest, explanation};
pub use format::format;
pub use guide::{Section, guide, guide_for};
pub use load::{Files, NoFiles};
pub use outline::outline;
pub use start::{Start, start};
pub use text::{MAX_BYTES, Source, SourceId, Sources, Span};

use diagnostic::Problems;
use load::Loaded;

/// How much is let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Every name, type and word must be right, and every field of an event filled. What a model writes is held to it.
    Strict,
    /// What the published programs leave open, and what can still be compiled, is a warning that says what is made of it:
    /// a function that nobody declares is an extension point, a constraint over a field that is not there is left out, a
    /// field of an event that nothing fills is null, a transition that the graph lacks is refused when it is tried. What
    /// is nearly a word that is there is a slip, and stays an error, as does every name and type elsewhere.
    #[default]
    Lenient,
}

/// What is known of a program.
#[derive(Debug)]
pub struct Analysis {
    /// Every text that was read.
    pub sources: Sources,
    /// What it means; nothing where it has errors.
    pub program: Option<ir::Program>,
    /// All problems, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

impl Analysis {
    /// How many errors there are.
    pub fn errors(&self) -> usize {
        self.diagnostics
            .iter()
            .filter(|problem| problem.is_error())
            .count()
    }
}

/// What is said of a program that can't be read at all.
pub fn unreadable(name: &str, why: &str) -> Analysis {
    let mut sources = Sources::default();
    let source = sources.add(name, "");
    let message = format!("`{name}` can't be read: {why}");
    let problem = Diagnostic::new(Code::UNREADABLE, source, Span::default(), message);
    Analysis {
        sources,
        program: None,
        diagnostics: vec![problem.expected("a file in UTF-8")],
    }
}

/// Checks a text that imports nothing.
pub fn check(name: &str, text: &str, level: Level) -> Analysis {
    check_with(name, text, &NoFiles, level)
}

/// Checks a text and the files that it imports.
pub fn check_with(name: &str, text: &str, files: &dyn Files, level: Level) -> Analysis {
    let mut problems = Problems::default();
    let loaded = Loaded::load(name, text, files, &mut problems);
    let mut program = ir::Program::default();
    let mut seen = std::collections::HashMap::new();
    for unit in loaded.units() {
        let name = &unit.system.name;
        if let Some(first) = seen.insert(name.text.as_str(), name.span) {
            let message = format!("the system `{}` is there twice", name.text);
            let problem = Diagnostic::new(Code::DUPLICATE, unit.source, name.span, message);
            problems.push(
                problem
                    .also(unit.source, first, "first here")
                    .help("give one of them another name"),
            );
        }
        let system = check::check(&unit, &loaded.sources, level, &mut problems);
        // What a program with errors means is of no use, and garbage may have thousands of systems.
        if problems.has_errors() {
            program.systems = Vec::new();
        } else {
            program.systems.push(system);
        }
    }
    let good = !problems.has_errors() && !program.systems.is_empty();
    let diagnostics = problems.into_sorted();
    Analysis {
        program: good.then_some(program),
        sources: loaded.sources,
        diagnostics,
    }
}
