//! A part of an `edit`: what of the files it is shown, how the whole can be cut, and what parts made together.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use smallcode_core::context::{PieceKind, Section, outline_of, pieces};
use smallcode_core::load::Module;
use smallcode_core::patch::Files;
use smallcode_core::run::{Failure, FailureClass, Part, TaskResult};
use smallcode_core::spec::{Shrink, SplitBy, Task};
use smallcode_core::template::Scope;

use super::super::parts::{Made, Measure, Source, outputs, with_work};
use super::super::verify::{Subject, Verification};
use super::super::{Job, Shared, keep};
use super::{SUMMARY, section};

/// What a model is told that has a part.
pub(super) const PART: &str = "\
You are shown one part of the work. Change in it what the instruction asks for, and nothing else. If there is nothing \
to change in it, answer with the words `NO CHANGE` and nothing else.";

/// How less important than anything else the rest of the work is.
const REST: u64 = 0;

/// What an attempt is shown of the files, and may change.
pub(super) struct View {
    /// The files that it may change, whole.
    pub(super) files: Files,
    /// What it is shown of them.
    pub(super) shown: Vec<String>,
    /// What it is shown of the rest.
    pub(super) rest: Vec<Section>,
}

impl View {
    /// All of the files, or what a part has of them.
    pub(super) fn new(all: &Files, part: Option<&Part>) -> Self {
        let Some((part, file)) = part.and_then(|part| Some((part, part.file.as_deref()?))) else {
            let shown = all.iter().map(|(path, text)| section(path, text.as_deref()));
            return Self {
                shown: shown.collect(),
                files: all.clone(),
                rest: Vec::new(),
            };
        };
        let of_part = |path: &str| path == file;
        let files: Files = all
            .iter()
            .filter(|(path, _)| of_part(path))
            .map(|(path, text)| (path.clone(), text.clone()))
            .collect();
        let mut shown = Vec::new();
        let mut rest = Vec::new();
        for (path, text) in &files {
            if part.pieces.is_empty() {
                shown.push(section(path, text.as_deref()));
            } else if let Some(text) = text {
                let (found, others) = of_pieces(path, text, &part.pieces);
                shown.extend(found);
                rest.extend(others);
            }
        }
        let others = all.iter().filter(|(path, _)| !of_part(path));
        rest.extend(others.filter_map(|(path, text)| outlined(path, text.as_deref()?)));
        Self { files, shown, rest }
    }
}

/// The pieces of a file that a part has, neighbours together, and the outline of the file.
fn of_pieces(path: &str, text: &str, names: &[String]) -> (Vec<String>, Option<Section>) {
    let Some((kind, found)) = pieces(path, text) else {
        // Those before it have changed the file so much that it is one piece by now.
        return (vec![section(path, Some(text))], None);
    };
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    let mut left_out = Vec::new();
    for piece in found {
        if !names.contains(&piece.name) {
            left_out.push(piece.name);
            continue;
        }
        match ranges.last_mut() {
            Some(last) if last.end == piece.range.start => last.end = piece.range.end,
            _ => ranges.push(piece.range),
        }
    }
    let shown = ranges.into_iter().map(|range| {
        let text = text.get(range).unwrap_or_default();
        format!("Lines of {}", section(path, Some(text)))
    });
    let rest = match kind {
        PieceKind::Symbol => outlined(path, text),
        PieceKind::Section => Some(rest(path, &left_out.join("\n"))),
    };
    (shown.collect(), rest)
}

/// The signatures of a file that is not to be changed, or not here.
pub(in super::super) fn outlined(path: &str, text: &str) -> Option<Section> {
    Some(rest(path, &outline_of(path, text)?))
}

fn rest(path: &str, text: &str) -> Section {
    Section {
        title: format!("{path} in outline, only to know what is there"),
        path: None,
        text: text.to_owned(),
        priority: REST,
        min: None,
        max: None,
        shrink: vec![Shrink::HeadTail, Shrink::Line, Shrink::Omit],
    }
}

/// Adds to a failure how the work of the attempt can be cut.
pub(super) fn measured(
    failure: Failure,
    measure: &Measure<'_>,
    files: &Files,
    part: Option<&Part>,
) -> Failure {
    let only = part.map(|part| part.pieces.as_slice()).unwrap_or_default();
    let mut tokens = part
        .filter(|part| !part.pieces.is_empty())
        .map_or(0, |part| part.tokens);
    let (mut whole, mut symbols, mut sections) = (Vec::new(), Vec::new(), Vec::new());
    for (path, text) in files {
        let text = text.as_deref().unwrap_or_default();
        let file = Part {
            name: path.clone(),
            file: Some(path.clone()),
            pieces: Vec::new(),
            tokens: measure.tokens(text),
            found: String::new(),
        };
        if only.is_empty() {
            tokens += file.tokens;
        }
        match measure.cut(&Source { name: path, text }, only) {
            Some((PieceKind::Symbol, parts)) => {
                symbols.extend(parts);
                sections.push(file.clone());
            }
            Some((PieceKind::Section, parts)) => {
                sections.extend(parts);
                symbols.push(file.clone());
            }
            None => {
                symbols.push(file.clone());
                sections.push(file.clone());
            }
        }
        whole.push(file);
    }
    let mut cuts = vec![(SplitBy::File, whole.clone())];
    // Where there are no symbols at all, this is the cut by files again.
    let finer = |parts: &[Part]| parts.iter().any(|part| !part.pieces.is_empty());
    cuts.extend(finer(&symbols).then_some((SplitBy::Symbol, symbols)));
    cuts.extend(finer(&sections).then_some((SplitBy::Section, sections)));
    if failure.class == FailureClass::VerifyFailed {
        for part in &mut whole {
            part.found = found_in(&failure.detail, &part.name);
        }
        if whole.iter().any(|part| !part.found.is_empty()) {
            cuts.push((SplitBy::Diagnostic, whole));
        }
    }
    // Whether that is wanted, the core decides.
    cuts.push((SplitBy::Plan, Vec::new()));
    with_work(failure, tokens, cuts)
}

/// The lines of what verifiers found that are about a file.
fn found_in(detail: &str, path: &str) -> String {
    let of_file = |line: &&str| {
        let rest = line.trim_start().strip_prefix(path);
        rest.is_some_and(|rest| rest.starts_with([':', '(']))
    };
    let lines: Vec<&str> = detail.lines().filter(of_file).collect();
    lines.join("\n")
}

/// Whether an answer says that there is nothing to change.
pub(super) fn is_no_change(text: &str) -> bool {
    let marks = |letter: char| !letter.is_alphanumeric();
    text.trim_matches(marks).eq_ignore_ascii_case("no change")
}

/// What a part leaves that has nothing to change.
pub(super) fn unchanged(shared: &Shared) -> Result<TaskResult, Failure> {
    result(shared, &json!({ "files": [], "summary": "no change" }))
}

fn result(shared: &Shared, value: &Json) -> Result<TaskResult, Failure> {
    Ok(TaskResult::of(keep(shared, value.clone())?))
}

/// What parts have changed together, once the verifiers have seen it.
pub(in super::super) async fn join(
    shared: &Arc<Shared>,
    module: &Module,
    task: &Task,
    made: &[Made],
    job: &Job,
    scope: &Arc<dyn Scope>,
) -> Result<TaskResult, Failure> {
    let verification = Verification::begin(shared, module, task, job, scope).await?;
    let mut changed = BTreeSet::new();
    let mut said = Vec::new();
    for output in outputs(shared, made)? {
        let files = output.get("files").and_then(Json::as_array);
        let files: Vec<&str> = files.into_iter().flatten().filter_map(Json::as_str).collect();
        if !files.is_empty() {
            said.extend(output.get("summary").and_then(Json::as_str).map(str::to_owned));
        }
        changed.extend(files.into_iter().map(str::to_owned));
    }
    if changed.is_empty() && job.part.is_none() {
        let message = "none of the parts changes anything";
        return Err(Failure::new(FailureClass::PatchWithoutMatch, message));
    }
    let summary: String = said.join("; ").chars().take(SUMMARY).collect();
    let value = json!({ "files": changed, "summary": summary });
    let files = texts(shared, changed).await?;
    let subject = Subject::files(value.clone(), &files);
    verification.all(&subject).await?;
    result(shared, &value)
}

/// What stands in files now.
pub(in super::super) async fn texts(
    shared: &Arc<Shared>,
    paths: BTreeSet<String>,
) -> Result<Vec<(String, String)>, Failure> {
    let shared = Arc::clone(shared);
    let read = move || {
        let file = |path: String| Ok((path.clone(), shared.workspace.read(&path)?));
        paths.into_iter().map(file).collect()
    };
    let read: Result<_, crate::workspace::FileError> = tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?;
    read.map_err(|error| Failure::new(FailureClass::Io, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_told_with_its_file() {
        let detail = "src/a.rs:3:1: expected `;`\nsrc/ab.rs:1: no\nsrc/a.rs(4,2): also\nin src/a.rs: x";
        assert_eq!(
            found_in(detail, "src/a.rs"),
            "src/a.rs:3:1: expected `;`\nsrc/a.rs(4,2): also"
        );
    }

    #[test]
    fn nothing_to_change_is_said_in_two_words() {
        for said in ["NO CHANGE", "`No change`.", "**NO CHANGE**\n"] {
            assert!(is_no_change(said), "{said}");
        }
        assert!(!is_no_change("No change is needed in `a`, but"));
    }

    #[test]
    fn a_part_is_shown_its_pieces_and_the_rest_in_outline() {
        let text = "fn a() {\n    1\n}\nfn b() {\n    2\n}\nfn c() {\n    3\n}\n";
        let files = Files::from([
            ("a.rs".to_owned(), Some(text.to_owned())),
            ("b.rs".to_owned(), Some("fn d() {\n    4\n}\n".to_owned())),
        ]);
        let part = Part {
            name: String::new(),
            file: Some("a.rs".to_owned()),
            pieces: vec!["fn b()".to_owned(), "fn c()".to_owned(), "fn gone()".to_owned()],
            tokens: 0,
            found: String::new(),
        };
        let view = View::new(&files, Some(&part));
        assert_eq!(view.files.keys().collect::<Vec<_>>(), ["a.rs"]);
        assert_eq!(
            view.shown,
            ["Lines of a.rs\n```\nfn b() {\n    2\n}\nfn c() {\n    3\n}\n```"]
        );
        let rest: Vec<&str> = view.rest.iter().map(|section| section.text.as_str()).collect();
        assert_eq!(rest, ["fn a()\nfn b()\nfn c()\n", "fn d()\n"]);
    }
}
