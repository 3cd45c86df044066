//! Go's tests and panics, and linkers. What its compiler says has the general form.

use super::place::{Place, leading, tidy_file};
use super::{Found, MAX_BLOCK, Problem, Severity};

/// How many lines the message of a panic may have: recovered ones and signals are told below it.
const MAX_MESSAGE_LINES: usize = 8;

/// `--- FAIL: TestAdd (0.00s)`, and below it what the test said.
pub(super) fn go_test(lines: &[&str], found: &mut Found) -> Option<usize> {
    let (head, rest) = lines.split_first()?;
    let name = head.trim_start().strip_prefix("--- FAIL: ")?.split(' ').next()?;
    let mut taken = 1;
    let mut current: Option<Problem> = None;
    for line in rest.iter().take(MAX_BLOCK) {
        if !line.starts_with("    ") || line.trim_start().starts_with("--- ") {
            break;
        }
        taken += 1;
        let text = line.trim();
        match leading(text) {
            Some((place, rest)) if rest.starts_with(':') => {
                current.take().into_iter().for_each(|problem| found.push(problem));
                let message = rest.trim_start_matches(':').trim();
                current = Some(place.problem(Severity::Error, format!("{name}: {message}")));
            }
            // testify and others explain below.
            _ => {
                if let Some(problem) = &mut current {
                    problem.message.push(' ');
                    problem.message.push_str(text);
                }
            }
        }
    }
    current.take().into_iter().for_each(|problem| found.push(problem));
    Some(taken)
}

/// `panic: …` with the first frame that is not of Go itself.
pub(super) fn go_panic(lines: &[&str], found: &mut Found) -> Option<usize> {
    let message = lines.first()?.strip_prefix("panic: ")?;
    let block = || lines.iter().enumerate().skip(1).take(MAX_BLOCK);
    block()
        .take(MAX_MESSAGE_LINES)
        .find(|(_, line)| line.starts_with("goroutine "))?;
    let own = block().find_map(|(number, line)| {
        let text = line.strip_prefix('\t')?;
        let (place, _) = leading(text)?;
        let of_go = ["/src/runtime/", "/src/testing/", "/libexec/", "/go/src/"];
        (!of_go.iter().any(|part| place.file.contains(part))).then_some((number, place))
    });
    let (number, place) = own?;
    let message = message.strip_suffix(" [recovered]").unwrap_or(message);
    found.push(place.problem(Severity::Error, format!("panic: {message}")));
    Some(number + 1)
}

/// `main.c:(.text+0x5): undefined reference to 'f'`, which knows no line.
pub(super) fn linker(lines: &[&str], found: &mut Found) -> Option<usize> {
    let line = lines.first()?;
    let at = line.find(":(.")?;
    let (head, rest) = line.split_at_checked(at)?;
    let message = rest.split_once("): ")?.1;
    // `/usr/bin/ld: main.c`.
    let file = head.rsplit(' ').next()?;
    let place = Place {
        file,
        line: 1,
        column: None,
    };
    let mut problem = place.problem(Severity::Error, message);
    problem.line = None;
    problem.file = Some(tidy_file(file).to_owned());
    found.push(problem);
    Some(1)
}
