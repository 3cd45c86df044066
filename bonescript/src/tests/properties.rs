//! What holds for any text.

use proptest::prelude::*;

use super::*;

/// Pieces that programs are made of, right and wrong ones.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => proptest::sample::select(vec![
            "system", "entity", "capability", "event", "store", "channel", "policy", "flow", "constraint", "import",
            "extension_point", "owns", "constraints", "states", "auth", "relation", "derived", "requires", "effects",
            "emits", "pipeline", "retry", "payload", "step", "compensate", "S", "A", "b", "caller", "not", "and", "in",
            "list", "map", "string", "uint", "belongs_to", "from", "as", "using", "algorithm", "returns", "now", "none",
        ]).prop_map(str::to_owned),
        8 => proptest::sample::select(vec![
            "{", "}", "[", "]", "(", ")", "<", ">", ":", ",", ".", "..", "->", "|", "=", "==", "+=", "-=", "<<=", "?",
            "@", "!", "&&", ";", "-", "+", "*", "%", "\"", "'", "/*", "*/", "//", "#", "\n", "$", "\\",
        ]).prop_map(str::to_owned),
        1 => "[0-9]{1,25}(ms|s|d)?",
        1 => "\"[a-zé\\\\\"]{0,4}\"?",
        1 => "\\PC{0,4}",
    ];
    proptest::collection::vec(piece, 0..120).prop_map(|pieces| pieces.join(" "))
}

/// A program that is right, with its parts cut or doubled at random.
fn damaged() -> impl Strategy<Value = String> {
    let program = proptest::sample::select(
        examples::PROGRAMS
            .iter()
            .map(|(_, text)| *text)
            .collect::<Vec<_>>(),
    );
    (
        program,
        proptest::collection::vec((any::<prop::sample::Index>(), 0..3usize, pieces()), 1..6),
    )
        .prop_map(|(program, changes)| {
            let mut text = program.to_owned();
            for (place, kind, pieces) in changes {
                let mut at = place.index(text.len().max(1));
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                match kind {
                    0 => text.truncate(at),
                    1 => text.insert_str(
                        at,
                        &pieces[..pieces.char_indices().nth(8).map_or(pieces.len(), |(at, _)| at)],
                    ),
                    _ => {
                        text.remove(at);
                    }
                }
                if text.is_empty() {
                    break;
                }
            }
            text
        })
}

fn holds(text: &str) {
    for level in [Level::Strict, Level::Lenient] {
        let analysis = check("any.bone", text, level);
        assert!(analysis.diagnostics.len() <= 2 * MAX_PROBLEMS + 1);
        for problem in &analysis.diagnostics {
            let places = problem.labels.iter().map(|label| label.span);
            for span in places.chain(problem.fix.as_ref().map(|fix| fix.span)) {
                assert!(text.get(span.range()).is_some(), "{problem:?}");
            }
            assert!(!problem.compact(&analysis.sources).contains('\n'));
        }
        analysis.program.iter().for_each(decided);
        assert_eq!(
            analysis.program.is_none(),
            analysis.diagnostics.iter().any(Diagnostic::is_error)
        );
    }
    outline(text);
    if let Ok(formatted) = format("any.bone", text) {
        assert_eq!(words(&formatted), words(text));
        assert_eq!(format("any.bone", &formatted).unwrap(), formatted);
    }
}

/// What emitters rely on: every type is known, every payload filled.
pub(super) fn decided(program: &ir::Program) {
    for system in &program.systems {
        let checks = system.entities.iter().flat_map(|entity| &entity.checks);
        let checks = checks.chain(system.constraints.iter().map(|constraint| &constraint.check));
        let requires = system
            .capabilities
            .iter()
            .flat_map(|capability| &capability.requires);
        let conditions = checks.chain(requires).map(|check| &check.condition);
        let effects = system
            .capabilities
            .iter()
            .flat_map(|capability| &capability.effects);
        let emissions = system
            .capabilities
            .iter()
            .flat_map(|capability| &capability.emits);
        for emission in emissions.clone() {
            assert_eq!(
                emission.values.len(),
                system.events[emission.event.0].payload.len()
            );
        }
        let values = emissions.flat_map(|emission| &emission.values);
        for value in conditions
            .chain(effects.map(|effect| &effect.value))
            .chain(values)
        {
            value.walk(&mut |part| assert_ne!(part.ty, ir::Type::Unknown, "{part:?}"));
        }
    }
}

/// The tokens of a text, comments among them, without the white space inside of comments.
fn words(text: &str) -> Vec<String> {
    let mut problems = Problems::default();
    let tokens = lexer::tokens(SourceId(0), text, &mut problems);
    let texts = tokens.iter().map(|token| &text[token.span.range()]);
    texts
        .map(|text| {
            if text.starts_with('/') {
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            } else {
                text.to_owned()
            }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces(text in pieces()) {
        holds(&text);
    }

    #[test]
    fn any_pieces_in_a_system(text in pieces()) {
        holds(&format!("system S {{ entity A {{ owns: [b: uint] }} {text} }}"));
    }

    #[test]
    fn any_text(text in "\\PC*") {
        holds(&text);
    }

    #[test]
    fn any_damage(text in damaged()) {
        holds(&text);
    }

    /// White space and comments between any two tokens change the layout at most.
    #[test]
    fn any_layout(index in 0..examples::PROGRAMS.len(), seeds in proptest::collection::vec(0..12usize, 64)) {
        let text = examples::PROGRAMS[index].1;
        let mut problems = Problems::default();
        let tokens = lexer::tokens(SourceId(0), text, &mut problems);
        let mut spread = String::new();
        for (at, token) in tokens.iter().enumerate() {
            spread.push_str(match seeds[at % seeds.len()] {
                0 => "\n",
                1 => "\n\n\n",
                2 => " // why\n",
                3 => "\n// above\n",
                4 => " /* in */ ",
                5 => "\n/* two\n lines */\n",
                _ => " ",
            });
            spread.push_str(&text[token.span.range()]);
            if text[token.span.range()].starts_with("//") {
                spread.push('\n');
            }
        }
        let formatted = format("spread.bone", &spread).unwrap();
        prop_assert_eq!(words(&formatted), words(&spread));
        prop_assert_eq!(&format("spread.bone", &formatted).unwrap(), &formatted);
    }
}

#[test]
fn brackets_and_words_without_end() {
    for piece in [
        "{",
        "[",
        "(",
        "system S {",
        "entity A { owns: [",
        "a.",
        "\"\\\"\n",
        "/*",
        "a: [b",
        "-> ",
        "| a",
        "- ",
        "}",
        "] ) }",
        "f(",
    ] {
        for before in [
            "",
            "system S { entity A { owns: [a: uint] constraints: [",
            "system S { capability c() { effects: [",
            "system S { entity A { states: a ",
        ] {
            holds(&format!("{before}{}", piece.repeat(3000)));
        }
    }
}
