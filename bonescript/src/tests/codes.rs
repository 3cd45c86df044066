//! Every code: its page, and the place where it is said.

use super::*;

/// What the wrong example of each page has underlined. Codes without one need files, or a file too large for a page: they
/// have tests of their own.
const PLACES: &[(&str, &str)] = &[
    ("B0101", "$"),
    ("B0102", r#"""#),
    ("B0103", "/*"),
    ("B0104", r"\q"),
    ("B0105", "99999999999999999999"),
    ("B0106", "string"),
    ("B0107", "("),
    ("B0108", "{"),
    ("B0109", "ownz"),
    ("B0110", "owns"),
    ("B0111", "<"),
    ("B0114", "&&"),
    ("B0201", "name"),
    ("B0202", "plnt"),
    ("B0203", "stok"),
    ("B0204", "strng"),
    ("B0205", "Solt"),
    ("B0206", "Plnt"),
    ("B0207", r#""opne""#),
    ("B0208", "demand"),
    ("B0209", "caller"),
    ("B0210", "floppy"),
    ("B0211", "secret"),
    ("B0212", "percentil"),
    ("B0301", r#""many""#),
    ("B0302", "plant.stock"),
    ("B0303", "plant.name == 3"),
    ("B0304", "plant.name * 2"),
    ("B0305", "plant.notes += text"),
    ("B0306", "map<string>"),
    ("B0307", "Plant"),
    ("B0308", "-1"),
    ("B0309", "amount"),
    ("B0310", "price"),
    ("B0311", "plant.stock"),
    ("B0401", "0"),
    ("B0402", "5..1"),
    ("B0403", "a"),
    ("B0404", "Sold"),
    ("B0405", "f"),
    ("B0406", "total"),
    ("B0407", r#""shipped""#),
    ("B0408", "size"),
    ("B0409", "doc.secret"),
    ("B0410", "received"),
    ("B0501", r#""nowhere.bone""#),
    ("B0901", "not Plant.old"),
    ("B0902", "bakery"),
    ("B0904", "c"),
    ("B0905", "plantr"),
    ("B0906", "pack"),
    ("B0907", "uint"),
    ("B0908", "realtime"),
    ("B0909", "jwt"),
];

fn example<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    page.split(heading)
        .nth(1)?
        .split("```bone\n")
        .nth(1)?
        .split("\n```")
        .next()
}

#[test]
fn wrong_examples_give_exactly_their_code_at_its_place() {
    for (code, underlined) in PLACES {
        let page = explanation(code).unwrap();
        let wrong = example(page, "## Wrong").unwrap();
        let analysis = check("page.bone", wrong, Level::Strict);
        let found = examples::problems(&analysis);
        let [problem] = analysis.diagnostics.as_slice() else {
            panic!("{code}: {found:#?}");
        };
        assert_eq!(problem.code.as_str(), *code, "{found:#?}");
        assert_eq!(&wrong[problem.place().1.range()], *underlined, "{code}");
        let way_out = problem.expected.is_some() || problem.way_out(&analysis.sources).is_some();
        assert!(way_out, "{code} says what is right, or what to do: {found:?}");
        let right = example(page, "## Right").unwrap();
        let analysis = check("page.bone", right, Level::Strict);
        assert_eq!(examples::problems(&analysis), [""; 0], "{code}");
    }
}

#[test]
fn fixes_mend_what_they_are_for() {
    let mut fixed = 0;
    for (code, _) in PLACES {
        let wrong = example(explanation(code).unwrap(), "## Wrong").unwrap();
        let analysis = check("page.bone", wrong, Level::Strict);
        if let Some(fix) = &analysis.diagnostics[0].fix {
            let mut text = wrong.to_owned();
            text.replace_range(fix.span.range(), &fix.replacement);
            let again = check("page.bone", &text, Level::Strict);
            assert_eq!(examples::problems(&again), [""; 0], "{code}:\n{text}");
            fixed += 1;
        }
    }
    assert!(fixed >= 12, "{fixed}");
}

#[test]
fn every_code_has_a_page_and_a_test() {
    /// Tested by name elsewhere in this file or in `imports`.
    const OTHERS: &[Code] = &[
        Code::TOO_LARGE,
        Code::TOO_MANY,
        Code::CIRCULAR_IMPORT,
        Code::UNUSED_IMPORT,
        Code::UNREADABLE,
    ];
    for code in Code::ALL {
        let page = explanation(code.as_str()).unwrap();
        assert!(page.starts_with(&format!("# {code}: ")), "{code}");
        let placed = PLACES.iter().any(|(known, _)| *known == code.as_str());
        assert!(placed || OTHERS.contains(code), "{code}");
    }
    assert_eq!(explanation("B9999"), None);
}

#[test]
fn a_file_that_is_too_large_is_said_to_be() {
    let analysis = check("large.bone", &" ".repeat(MAX_BYTES + 1), Level::Strict);
    assert_eq!(analysis.diagnostics[0].code, Code::TOO_LARGE);
}

#[test]
fn a_file_that_can_not_be_read_is_a_problem_like_others() {
    let analysis = unreadable("nowhere.bone", "it is not there");
    let lines = examples::problems(&analysis);
    assert_eq!(
        lines,
        [
            "nowhere.bone:1:1: error[B0503]: `nowhere.bone` can't be read: it is not there; expected a file in UTF-8"
        ]
    );
}

#[test]
fn problems_end_at_a_number() {
    let analysis = check("many.bone", &"$ a ".repeat(5000), Level::Strict);
    assert_eq!(analysis.diagnostics.len(), MAX_PROBLEMS + 1);
    let codes: Vec<Code> = analysis.diagnostics.iter().map(|problem| problem.code).collect();
    assert!(codes.contains(&Code::TOO_MANY));
}
