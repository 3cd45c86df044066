//! Programs in the style of the published ones: everything that the public compiler lets pass and that has a meaning.

use super::*;
use crate::diagnostic::Severity;

/// The programs, each with what the strict level says of it: codes, with how often.
const PROGRAMS: &[(&str, &str, &str)] = &[
    (
        "market.bone",
        include_str!("../../testdata/style/market.bone"),
        "B0404×3",
    ),
    (
        "courier.bone",
        include_str!("../../testdata/style/courier.bone"),
        "",
    ),
    (
        "guildhall.bone",
        include_str!("../../testdata/style/guildhall.bone"),
        "B0203×10 B0208 B0404×2",
    ),
    (
        "world.bone",
        include_str!("../../testdata/style/world.bone"),
        "B0404×6 B0408×2",
    ),
    (
        "harness.bone",
        include_str!("../../testdata/style/harness.bone"),
        "B0203 B0212 B0404×2 B0407",
    ),
    ("words.bone", include_str!("../../testdata/style/words.bone"), ""),
    ("forms.bone", include_str!("../../testdata/style/forms.bone"), ""),
    (
        "clinic.bone",
        include_str!("../../testdata/style/clinic.bone"),
        "",
    ),
    (
        "library.bone",
        include_str!("../../testdata/style/library.bone"),
        "",
    ),
    (
        "factory.bone",
        include_str!("../../testdata/style/factory.bone"),
        "",
    ),
    (
        "newsroom.bone",
        include_str!("../../testdata/style/newsroom.bone"),
        "",
    ),
    ("edges.bone", include_str!("../../testdata/style/edges.bone"), ""),
    (
        "transit.bone",
        include_str!("../../testdata/style/transit.bone"),
        "",
    ),
];

/// The errors by code.
fn errors(analysis: &Analysis) -> String {
    let mut codes: Vec<(String, usize)> = Vec::new();
    let found = analysis
        .diagnostics
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    let mut all: Vec<String> = found.map(|problem| problem.code.to_string()).collect();
    all.sort();
    for code in all {
        match codes.last_mut() {
            Some((last, count)) if *last == code => *count += 1,
            _ => codes.push((code, 1)),
        }
    }
    let words = codes.into_iter().map(|(code, count)| {
        if count == 1 {
            code
        } else {
            format!("{code}×{count}")
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_is_compiled_leniently() {
    for (name, text, _) in PROGRAMS {
        let analysis = check(name, text, Level::Lenient);
        assert_eq!(errors(&analysis), "", "{name}");
        properties::decided(&analysis.program.unwrap());
    }
}

#[test]
fn what_does_not_resolve_is_an_error_for_the_strict() {
    for (name, text, expected) in PROGRAMS {
        let analysis = check(name, text, Level::Strict);
        assert_eq!(
            errors(&analysis),
            *expected,
            "{name}: {:#?}",
            examples::problems(&analysis)
        );
    }
}

#[test]
fn each_survives_its_layout() {
    for (name, text, _) in PROGRAMS {
        let formatted = format(name, text).unwrap();
        let meaning = |text: &str| check(name, text, Level::Lenient).program.unwrap();
        assert_eq!(meaning(&formatted), meaning(text), "{name}");
    }
}

#[test]
fn what_nothing_fills_may_be_nothing() {
    let text = "system S {\n  entity Job { owns: [title: string] auth: jwt }\n  event Done { payload: { job_id: uuid, cost: uint, at: optional<timestamp> } }\n  \
                capability finish(job: Job) { requires: [caller == job] effects: [job.title = \"done\"] emits: Done }\n}\n";
    let analysis = check("s.bone", text, Level::Strict);
    assert_eq!(errors(&analysis), "B0404");
    let analysis = check("s.bone", text, Level::Lenient);
    let program = analysis.program.unwrap();
    let event = &program.systems.first().unwrap().events[0];
    let optional: Vec<bool> = event
        .payload
        .iter()
        .map(|field| matches!(field.ty, crate::ir::Type::Optional(_)))
        .collect();
    assert_eq!(optional, [false, true, true], "{:?}", event.payload);
}
