//! Python: pytest, and tracebacks as the interpreter writes them.

use super::place::{Place, leading, number};
use super::{Found, MAX_BLOCK, Problem, Severity};

/// How many lines of an assertion are told: pytest explains the first in those that follow.
const MAX_EXPLAINED: usize = 4;

/// A failure of pytest, from its `____ name ____` to the next.
pub(super) fn pytest(lines: &[&str], found: &mut Found) -> Option<usize> {
    let header = lines.first()?;
    let name = header
        .strip_prefix("__")?
        .strip_suffix("__")?
        .trim_matches(['_', ' ']);
    if name.is_empty() {
        return None;
    }
    let name = name.strip_prefix("ERROR collecting ").unwrap_or(name);
    let mut place: Option<Place<'_>> = None;
    let mut kind = None;
    let (mut source, mut explained) = (None, Vec::new());
    let mut taken = 1;
    let mut over = false;
    for line in lines.iter().skip(1).take(MAX_BLOCK) {
        if line.starts_with("__") || line.starts_with("===") || line.starts_with("---") {
            break;
        }
        taken += 1;
        if over {
            continue;
        }
        if let Some(code) = line.strip_prefix('>').filter(|code| code.starts_with(' ')) {
            source = Some(code.trim());
        } else if let Some(text) = line.strip_prefix("E ") {
            if explained.len() < MAX_EXPLAINED {
                explained.push(text.trim());
            }
        } else if let Some((at, rest)) = leading(line) {
            let rest = rest.trim_start_matches(':').trim();
            let foreign = at.file.contains("site-packages") && place.is_some();
            let frame = rest.is_empty() || rest.starts_with("in ");
            if frame && explained.is_empty() && !foreign {
                // On the way to the place: its line stands below, or was marked above.
                let next = lines
                    .get(taken)
                    .filter(|next| rest.starts_with("in ") && next.starts_with("  "));
                source = next.map(|next| next.trim()).or(source);
                place = Some(at);
            } else if !frame && !explained.is_empty() {
                kind = Some(rest).filter(|kind| !kind.contains(' '));
                if !foreign {
                    place = Some(at);
                }
                over = true;
            }
        }
    }
    // `AssertionError: assert 3 == 4` says no more than `assert 3 == 4`.
    let told = explained.join(" ");
    let told = told.strip_prefix("AssertionError: ").unwrap_or(&told);
    if told.is_empty() {
        return None;
    }
    let message = if is_module(name) {
        told.to_owned()
    } else {
        format!("{}: {told}", last_name(name))
    };
    let mut problem = match place {
        Some(place) => place.problem(Severity::Error, message),
        None => unlocated(message),
    };
    problem.code = kind.map(str::to_owned);
    problem.source = source.map(str::to_owned);
    found.tests.insert(last_name(name).to_owned());
    found.push(problem);
    Some(taken)
}

/// A line of pytest's short summary, where the failure itself was not shown.
pub(super) fn summary(lines: &[&str], found: &mut Found) -> Option<usize> {
    let line = lines.first()?;
    let rest = line
        .strip_prefix("FAILED ")
        .or_else(|| line.strip_prefix("ERROR "))?;
    let (test, why) = rest.split_once(" - ").unwrap_or((rest, ""));
    let file = test.split("::").next()?;
    if file.contains(' ') || !(test.contains("::") || is_module(file)) {
        return None;
    }
    if found.tests.contains(last_name(test)) {
        return Some(1);
    }
    let name = test.split_once("::").map_or(test, |(_, name)| name);
    let message = if why.is_empty() {
        format!("{name} failed")
    } else {
        format!("{name}: {why}")
    };
    let mut problem = unlocated(message);
    problem.file = Some(file.to_owned());
    found.push(problem);
    Some(1)
}

fn is_module(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| extension == "py")
}

/// The name of a test without its file and class; with its parameters.
fn last_name(test: &str) -> &str {
    let end = test.find('[').unwrap_or(test.len());
    let head = test.get(..end).unwrap_or(test);
    let start = match head.rfind("::") {
        Some(at) => at + 2,
        None if is_module(head) => 0,
        None => head.rfind('.').map_or(0, |at| at + 1),
    };
    test.get(start..).unwrap_or(test)
}

/// A traceback: the innermost frame that is not of a library, and the line that says what was raised.
pub(super) fn traceback(lines: &[&str], found: &mut Found) -> Option<usize> {
    let first = lines.first()?;
    if !first.starts_with("Traceback (most recent call last)") {
        frame(first)?;
    }
    let (mut place, mut source) = (None, None);
    let mut taken = 0;
    for (number, line) in lines.iter().enumerate().take(MAX_BLOCK) {
        taken = number + 1;
        if let Some(at) = frame(line) {
            let foreign = at.file.contains("site-packages") || at.file.contains("/lib/python");
            if place.is_none() || !foreign && !at.file.starts_with('<') {
                source = lines
                    .get(number + 1)
                    .filter(|line| line.starts_with("    "))
                    .map(|line| line.trim().to_owned());
                place = Some(at);
            }
        } else if number > 0 && !line.starts_with(' ') && !line.trim().is_empty() {
            let place = place?;
            let mut problem = place.problem(Severity::Error, *line);
            problem.source = source;
            found.push(problem);
            return Some(taken);
        }
    }
    // What has been looked at is not looked at again.
    Some(taken)
}

/// `  File "a.py", line 3, in f`.
fn frame(line: &str) -> Option<Place<'_>> {
    let (file, rest) = line
        .trim_start()
        .strip_prefix("File \"")?
        .split_once("\", line ")?;
    let (line, _) = number(rest)?;
    Some(Place {
        file,
        line,
        column: None,
    })
}

fn unlocated(message: String) -> Problem {
    Problem {
        file: None,
        line: None,
        column: None,
        severity: Severity::Error,
        code: None,
        message,
        source: None,
    }
}
