//! Problems of programs as people and programs see them.

use std::fmt::Write as _;

use bonescript::{Analysis, Diagnostic, Label, Severity, Sources, Span};
use serde_json::{Value, json};
use smallcode_core::diagnostic as engine;

use crate::render;

/// More than this are not drawn: nobody reads them, and each costs a look through its file.
const MOST: usize = 100;

/// The problems with their lines, as those of workflows are drawn.
pub(super) fn people(analysis: &Analysis, color: bool) -> String {
    let mut sources = engine::Sources::default();
    for source in analysis.sources.iter() {
        sources.add(source.name.clone(), source.text.clone());
    }
    let shown: Vec<engine::Diagnostic> = analysis.diagnostics.iter().take(MOST).map(of_engine).collect();
    let mut text = render::diagnostics::render(&shown, &sources, color);
    if let Some(more @ 1..) = analysis.diagnostics.len().checked_sub(MOST) {
        let _ = writeln!(
            text,
            "{} more; `--format compact` has them all",
            engine::count(more, "problem")
        );
    }
    text
}

fn of_engine(problem: &Diagnostic) -> engine::Diagnostic {
    let source = |label: &Label| engine::SourceId(u32::try_from(label.source.0).unwrap_or(u32::MAX));
    let span = |span: Span| engine::Span::new(span.start as usize, span.end as usize);
    let labels = problem.labels.iter().map(|label| engine::Label {
        source: source(label),
        span: span(label.span),
        text: label.text.clone(),
    });
    let mut labels: Vec<engine::Label> = labels.collect();
    // What was expected stands under the caret, where the message does not say it.
    if let (Some(expected), Some(first)) = (&problem.expected, labels.first_mut())
        && !problem.message.starts_with("expected")
    {
        first.text = format!("expected {expected}");
    }
    let fix = problem.fix.as_ref().map(|fix| engine::Fix {
        source: engine::SourceId(u32::try_from(fix.source.0).unwrap_or(u32::MAX)),
        span: span(fix.span),
        replacement: fix.replacement.clone(),
    });
    engine::Diagnostic {
        code: engine::Code::foreign(problem.code.as_str()),
        severity: match problem.severity {
            Severity::Error => engine::Severity::Error,
            Severity::Warning => engine::Severity::Warning,
        },
        message: problem.message.clone(),
        labels,
        help: problem.help.iter().cloned().collect(),
        fix,
    }
}

/// The problems as objects: code, place (lines and columns from 1), what was expected, and the way out in one line.
pub(super) fn json(analysis: &Analysis) -> Vec<Value> {
    let objects = analysis.diagnostics.iter().map(|problem| {
        let (source, span) = problem.place();
        let mut object = place(source, span, &analysis.sources);
        let fix = problem.fix.as_ref().map(|fix| {
            let mut object = place(fix.source, fix.span, &analysis.sources);
            insert(&mut object, "replacement", json!(fix.replacement));
            object
        });
        let related: Vec<Value> = problem
            .labels
            .iter()
            .skip(1)
            .map(|label| {
                let mut object = place(label.source, label.span, &analysis.sources);
                insert(&mut object, "label", json!(label.text));
                object
            })
            .collect();
        insert(&mut object, "code", json!(problem.code.as_str()));
        insert(&mut object, "severity", json!(problem.severity.to_string()));
        insert(&mut object, "message", json!(problem.message));
        insert(&mut object, "expected", json!(problem.expected));
        insert(&mut object, "way_out", json!(problem.way_out(&analysis.sources)));
        insert(&mut object, "fix", json!(fix));
        insert(&mut object, "related", json!(related));
        object
    });
    objects.collect()
}

fn insert(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

fn place(source: bonescript::SourceId, span: Span, sources: &Sources) -> Value {
    let (line, column) = sources.position(source, span.start);
    let (end_line, end_column) = sources.position(source, span.end);
    json!({
        "file": sources.get(source).map(|source| source.name.as_str()),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    })
}
