//! The `smallcode` command: it reads arguments, has the runtime work, and shows what comes of it.
//!
//! Data goes to standard output, the talk to standard error.

mod command;
mod exit;
mod render;
mod report;
mod setting;
mod terminal;
mod watch;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use smallcode_runtime::process;

use command::Command;
use exit::{Exit, Refusal};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == process::HELPER) {
        return confined(arguments);
    }
    guarded(run).into()
}

/// What a panic leaves is not for scripts to guess: it has a code of its own. The panic itself has been told already,
/// with its place.
fn guarded(run: fn() -> Exit) -> Exit {
    std::panic::catch_unwind(run).unwrap_or_else(|_| {
        let _ = writeln!(
            std::io::stderr(),
            "error: the engine failed; this is a bug\nhint: {REPORT}"
        );
        Exit::Bug
    })
}

/// What to do about a bug of ours.
const REPORT: &str = concat!(
    "report it with what stands above: ",
    env!("CARGO_PKG_REPOSITORY"),
    "/issues; a run that was under way goes on with `smallcode resume`"
);

fn run() -> Exit {
    let arguments = match command::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no mistakes; a closed pipe is nobody's.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Wrong
            } else {
                Exit::Done
            };
        }
    };
    let terminal = terminal::Terminal::new(&arguments.shared);
    setup_logging(arguments.shared.verbose, &terminal);
    let result = match arguments.command {
        Command::Exec(exec) => command::exec::run(&exec, &arguments.shared, &terminal),
        Command::Check(check) => command::check::run(&check, &arguments.shared, &terminal),
        Command::Plan(plan) => command::plan::run(&plan, &arguments.shared, &terminal),
        Command::Graph(graph) => command::graph::run(&graph, &terminal),
        Command::Resume(resume) => command::resume::run(&resume, &arguments.shared, &terminal),
        Command::Runs(runs) => command::runs::run(&runs, &arguments.shared, &terminal),
        Command::Parse(parse) => command::parse::run(&parse, &terminal),
        Command::Bone(bone) => command::bone::run(&bone, &terminal),
        Command::Explain(explain) => command::explain::run(&explain),
        Command::Schema(schema) => command::schema::run(&schema),
        Command::Completions(completions) => command::completions::run(&completions),
    };
    match result {
        Ok(exit) => exit,
        Err(refusal) => {
            show(&refusal, &terminal);
            refusal.exit
        }
    }
}

/// Becomes a command of a model.
fn confined(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Err(error) = process::enter(arguments);
    let _ = writeln!(std::io::stderr(), "smallcode: {error}");
    process::NOT_STARTED.into()
}

/// Tells why something was not done.
fn show(refusal: &Refusal, terminal: &terminal::Terminal) {
    let mut stderr = std::io::stderr().lock();
    let style = terminal.style;
    let text = if refusal.rendered {
        refusal.message.trim_end().to_owned()
    } else {
        let message = render::text::clean(&refusal.message);
        format!("{} {message}", style.paint(render::style::Paint::Bad, "error:"))
    };
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(stderr, "{text}");
    for hint in &refusal.hints {
        let _ = writeln!(
            stderr,
            "{} {}",
            style.paint(render::style::Paint::Hint, "hint:"),
            render::text::clean(hint)
        );
    }
}

/// Logs are for debugging the engine; `SMALLCODE_LOG` chooses them as `RUST_LOG` does elsewhere.
fn setup_logging(verbose: u8, terminal: &terminal::Terminal) {
    let level = if verbose > 1 { "debug" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SMALLCODE_LOG").unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new(format!("smallcode_runtime={level},smallcode={level}"))
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // It would tell of a standard error that takes nothing on standard error, and panic.
        .log_internal_errors(false)
        .with_ansi(terminal.style.color)
        .without_time()
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_bug_of_ours() {
        assert_eq!(guarded(|| panic!("as a test of it")), Exit::Bug);
        assert_eq!(guarded(|| Exit::Failed), Exit::Failed);
    }
}
