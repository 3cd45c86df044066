//! Diagnostics for people: the problem, the lines it is in, the way out; and as JSON for programs.
//!
//! Laid out as rustc does it, by `annotate-snippets`. What this adds: only the lines that matter are handed
//! over, long ones cut round the caret ([`excerpt`]), and a count at the end.

mod excerpt;

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet};
use serde_json::{Value, json};
use smallcode_core::diagnostic::{Diagnostic, Fix, Label, Severity, SourceId, Sources, Span, count};

use excerpt::Excerpt;

use super::style::{Paint, Style};
use super::text;

/// Snippets are laid out for this many cells, whatever the terminal: a report reads the same everywhere.
const WIDTH: usize = 80;

/// The most problems that are shown whole: nobody reads more, and a broken file can have as many as it has bytes.
const MAX_SHOWN: usize = 1000;

/// The problems as a text that ends with a count of them and a line break; empty where there are none.
pub(crate) fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(WIDTH);
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(MAX_SHOWN) {
        out.push_str(&one(diagnostic, sources, &renderer));
        out.push_str("\n\n");
    }
    let unseen = diagnostics.len().saturating_sub(MAX_SHOWN);
    if unseen > 0 {
        let _ = writeln!(out, "{} more, not shown\n", count(unseen, "problem"));
    }
    if let Some(first) = diagnostics.first() {
        let style = Style { color };
        let any_error = diagnostics.iter().any(Diagnostic::is_error);
        let paint = if any_error { Paint::Bad } else { Paint::Warn };
        out.push_str(&style.paint(paint, summary(diagnostics, sources)));
        out.push('\n');
        out.push_str(&style.paint(Paint::Hint, "hint:"));
        let _ = writeln!(out, " `smallcode explain {}` says more", first.code.as_str());
    }
    out
}

/// `2 errors, 1 warning in workflow.yaml`
fn summary(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .count();
    let warnings = diagnostics.len() - errors;
    let counts = [(errors, "error"), (warnings, "warning")];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    let mut places: Vec<SourceId> = diagnostics
        .iter()
        .filter_map(|diagnostic| Some(diagnostic.labels.first()?.source))
        .collect();
    places.retain(|place| sources.get(*place).is_some());
    places.sort_unstable();
    places.dedup();
    let place = match places.as_slice() {
        [] => String::new(),
        [only] => sources
            .get(*only)
            .map_or_else(String::new, |file| format!(" in {}", text::one_line(&file.name))),
        several => format!(" in {}", count(several.len(), "file")),
    };
    counts.join(", ") + &place
}

fn one(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(text::one_line(&diagnostic.message))
        .id(diagnostic.code.as_str());
    let mut problem = Group::with_title(title);
    let excerpts = Excerpt::around(diagnostic, sources);
    for excerpt in &excerpts {
        let mut snippet = Snippet::source(&excerpt.text)
            .line_start(excerpt.first_line)
            .path(&excerpt.name);
        for mark in &excerpt.marks {
            let kind = if mark.primary {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let label = (!mark.label.is_empty()).then(|| mark.label.clone());
            snippet = snippet.annotation(kind.span(mark.range.clone()).label(label));
        }
        problem = problem.element(snippet);
    }
    let fix = diagnostic
        .fix
        .as_ref()
        .and_then(|fix| Some((fix, Excerpt::of_fix(fix, sources)?)));
    // The line of help that names the replacement becomes the title of the patch.
    let titled = fix.as_ref().and_then(|(fix, _)| {
        let named = format!("`{}`", fix.replacement);
        diagnostic.help.iter().position(|help| help.contains(&named))
    });
    for (index, help) in diagnostic.help.iter().enumerate() {
        if Some(index) != titled {
            problem = problem.element(Level::HELP.message(text::clean(help).into_owned()));
        }
    }
    let mut groups = vec![problem];
    if let Some((fix, excerpt)) = fix {
        let title = titled
            .and_then(|index| diagnostic.help.get(index))
            .map_or("write this instead", String::as_str);
        let patches = excerpt
            .marks
            .iter()
            .map(|mark| Patch::new(mark.range.clone(), text::clean(&fix.replacement).into_owned()));
        groups.push(
            Level::HELP.secondary_title(text::one_line(title)).element(
                Snippet::source(excerpt.text.clone())
                    .line_start(excerpt.first_line)
                    .patches(patches),
            ),
        );
    }
    let mut shown = renderer.render(&groups);
    for excerpt in &excerpts {
        // The renderer counts columns in the lines that it is given; say where it is in the file.
        if let Some((seen, real)) = excerpt.moved() {
            shown = shown.replacen(&seen, &real, 1);
        }
    }
    shown
}

/// The problems for programs: one object each, lines and columns from 1, columns in characters.
pub(crate) fn json(diagnostics: &[Diagnostic], sources: &Sources) -> Value {
    diagnostics
        .iter()
        .map(|diagnostic| one_json(diagnostic, sources))
        .collect()
}

fn one_json(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let mut object = json!({
        "code": diagnostic.code.as_str(),
        "severity": diagnostic.severity,
        "message": diagnostic.message,
    });
    let mut labels = diagnostic.labels.iter();
    let primary = labels.next();
    let place = primary.map_or(Value::Null, |label| place(label.source, label.span, sources));
    let related: Vec<Value> = labels.map(|label| related(label, sources)).collect();
    if let Some(object) = object.as_object_mut() {
        if let Value::Object(place) = place {
            object.extend(place);
        }
        if let Some(label) = primary.filter(|label| !label.text.is_empty()) {
            object.insert("label".to_owned(), json!(label.text));
        }
        object.insert("help".to_owned(), json!(diagnostic.help));
        object.insert("related".to_owned(), json!(related));
        object.insert(
            "fix".to_owned(),
            diagnostic
                .fix
                .as_ref()
                .map_or(Value::Null, |fix| fix_json(fix, sources)),
        );
    }
    object
}

fn related(label: &Label, sources: &Sources) -> Value {
    let mut value = place(label.source, label.span, sources);
    if let Some(object) = value.as_object_mut() {
        object.insert("label".to_owned(), json!(label.text));
    }
    value
}

fn fix_json(fix: &Fix, sources: &Sources) -> Value {
    let mut value = place(fix.source, fix.span, sources);
    if let Some(object) = value.as_object_mut() {
        object.insert("replacement".to_owned(), json!(fix.replacement));
    }
    value
}

fn place(source: SourceId, span: Span, sources: &Sources) -> Value {
    let Some(file) = sources.get(source) else {
        return json!({ "file": null });
    };
    let (line, column) = sources.position(source, span.start);
    let (end_line, end_column) = sources.position(source, span.end);
    json!({
        "file": file.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    })
}

#[cfg(test)]
mod tests;
