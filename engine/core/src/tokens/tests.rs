use proptest::prelude::*;

use super::*;

const FAMILIES: [Family; 4] = [
    Family::Qwen,
    Family::Llama3,
    Family::SentencePiece,
    Family::Unknown,
];

/// Large enough to panic an unguarded tokeniser on spaces.
const SPACES: usize = 1 << 20;

const WINDOW: Tokens = Tokens(8_192);

/// Two chunks, so that a seam is crossed; more takes long in a debug build.
const LARGE: usize = 2 * CHUNK_BYTES;

#[test]
fn names_give_families() {
    let cases = [
        ("qwen2.5-coder:7b", Family::Qwen),
        ("Qwen/Qwen3-4B-Instruct", Family::Qwen),
        ("qwen3:0.6b", Family::Qwen),
        ("qwen-7b-chat", Family::Qwen),
        ("deepseek-r1-distill-qwen-7b", Family::Qwen),
        ("qwq-32b", Family::Qwen),
        ("qwen3.5:4b", Family::Unknown),
        ("Qwen3.6-35B-A3B", Family::Unknown),
        ("qwen35-4b", Family::Unknown),
        ("llama3.2:1b", Family::Llama3),
        ("Meta-Llama-3-8B-Instruct.Q4_K_M.gguf", Family::Llama3),
        ("deepseek-r1-distill-llama-8b", Family::SentencePiece),
        ("llama-2-7b", Family::SentencePiece),
        ("llama-30b", Family::SentencePiece),
        ("codellama:34b", Family::SentencePiece),
        ("tinyllama-1.1b", Family::SentencePiece),
        ("llama-4-scout", Family::Unknown),
        ("mistral-7b-instruct", Family::SentencePiece),
        ("mistral-nemo", Family::Unknown),
        ("phi-3-mini", Family::SentencePiece),
        ("phi-4", Family::Unknown),
        ("gemma-3-4b-it", Family::SentencePiece),
        ("", Family::Unknown),
    ];
    for (name, family) in cases {
        assert_eq!(Family::of_model(name), family, "{name}");
    }
}

#[test]
fn digits_cost_a_token_each_where_the_model_says_so() {
    assert_eq!(count(Family::Llama3, "1234567"), Tokens(3));
    assert_eq!(count(Family::Qwen, "1234567"), Tokens(7));
    assert_eq!(count(Family::Unknown, "1234567"), Tokens(8));
    assert_eq!(count(Family::SentencePiece, "1234567"), Tokens(10));
    // One token each, whatever `cl100k` joins.
    let blank = "\t\n".repeat(3000);
    assert!(count(Family::SentencePiece, &blank) >= Tokens(6000));
    assert!(count(Family::Unknown, &blank) >= Tokens(6000));
}

#[test]
fn an_empty_text_costs_nothing() {
    for family in FAMILIES {
        assert_eq!(estimate(family, ""), Estimate::default());
    }
}

#[test]
fn hostile_text_is_counted_without_a_panic() {
    let base64 = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk+/".repeat(LARGE / 45);
    let texts = [
        ("spaces", " ".repeat(SPACES)),
        ("line ends", "\n".repeat(LARGE)),
        ("mixed space", " \t\r\n".repeat(LARGE / 4)),
        ("one letter", "a".repeat(LARGE)),
        ("base64", base64),
        ("chinese", "我们在".repeat(LARGE / 9)),
        ("joiners", "\u{200d}".repeat(LARGE / 3)),
    ];
    for (name, text) in texts {
        let estimate = estimate(Family::Unknown, &text);
        assert!(
            estimate.low > Tokens::ZERO && estimate.low < estimate.high,
            "{name}"
        );
        assert!(
            estimate.high.get() <= 2 * text.len() as u64,
            "{name}: {estimate:?}"
        );
    }
}

/// A vocabulary that is several times better at a script must not look like a cut prompt.
#[test]
fn the_lower_end_expects_little_of_other_scripts() {
    let hindi = "नमस्ते दुनिया, यह एक परीक्षण है। ".repeat(50);
    let range = estimate(Family::Llama3, &hindi);
    assert!(range.low.get() * 5 < range.high.get(), "{range:?}");
    let english = "The quick brown fox, a naïve one, jumps. ".repeat(50);
    let range = estimate(Family::Llama3, &english);
    assert!(range.low.get() * 2 > range.high.get(), "{range:?}");
}

#[test]
fn chunks_cut_at_character_boundaries_and_lose_nothing() {
    let text = format!("{}é{}", "x".repeat(CHUNK_BYTES - 1), "y".repeat(10));
    let parts: Vec<&str> = chunks(&text).collect();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts.concat(), text);
    assert!(parts.iter().all(|part| part.len() <= CHUNK_BYTES));
}

#[test]
fn a_hidden_system_text_does_not_teach_a_factor() {
    let mut calibration = Calibration::default();
    calibration.learn(Tokens(40), Tokens(90), WINDOW);
    assert_eq!(calibration.extra(WINDOW), Tokens(75));
    assert!((calibration.factor() - 1.0).abs() < f64::EPSILON);
    assert_eq!(calibration.apply(Tokens(1_000), WINDOW), Tokens(1_075));
}

#[test]
fn a_count_is_explained_by_what_explains_it_best() {
    for (estimated, counted, factor, extra) in [
        // Text that is counted otherwise.
        (1_000, 1_400, 1.4, 200),
        // A system text that nobody sees.
        (1_000, 2_600, 1.0, 2_400),
        (100, 1_100, 1.0, 1_500),
        // Text of which one token is several.
        (4_000, 9_000, 2.25, 0),
        // A count that is made up.
        (1_000, 9_000, 1.0, 0),
        (100, 5_000, 1.0, 0),
    ] {
        let mut calibration = Calibration::default();
        let learned = calibration.learn(Tokens(estimated), Tokens(counted), WINDOW);
        assert_eq!(learned, factor > 1.0 || extra > 0, "{counted}");
        assert!((calibration.factor() - factor).abs() < f64::EPSILON, "{counted}");
        assert_eq!(calibration.extra(WINDOW), Tokens(extra), "{counted}");
    }
}

#[test]
fn what_was_learned_wears_off_where_later_counts_disprove_it() {
    let mut calibration = Calibration::default();
    // One false count, and the truth ever after.
    assert!(calibration.learn(Tokens(60), Tokens(4_000), WINDOW));
    assert_eq!(calibration.extra(WINDOW), Tokens(4_096));
    // In a smaller window it takes half of that at most.
    assert_eq!(calibration.extra(Tokens(2_048)), Tokens(1_024));
    calibration.bear_out(Tokens(5), Tokens(60), Tokens(40));
    assert_eq!(calibration.extra(WINDOW), Tokens(35));
    assert!(calibration.learn(Tokens(1_000), Tokens(9_000), Tokens(4_096)) || calibration.factor() < 1.01);
    assert!(calibration.learn(Tokens(4_000), Tokens(12_000), Tokens(4_096)));
    assert!(calibration.factor() > 2.9);
    for _ in 0..30 {
        calibration.bear_out(Tokens(400), Tokens(1_000), Tokens(800));
    }
    assert!(calibration.factor() <= 2.0, "{}", calibration.factor());
}

#[test]
fn tokens_are_a_plain_number_in_json() {
    assert_eq!(serde_json::to_string(&Tokens(7)).unwrap(), "7");
    assert_eq!(serde_json::from_str::<Tokens>("7").unwrap(), Tokens(7));
    assert_eq!(Tokens(u64::MAX).checked_add(Tokens(1)), None);
    assert_eq!(Tokens(u64::MAX).saturating_add(Tokens(1)), Tokens(u64::MAX));
    assert_eq!(Tokens(12_345).to_string(), "12345");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_range_is_a_range(text in "\\PC{0,200}|[0-9a-z \n]{0,200}") {
        for family in FAMILIES {
            let range = estimate(family, &text);
            prop_assert!(range.low <= range.high);
            prop_assert_eq!(count(family, &text), range.high);
        }
    }

    /// Joining two texts changes the pieces at the seam only.
    #[test]
    fn a_whole_costs_hardly_more_than_its_parts(a in "\\PC{0,80}|[0-9a-z \n]{0,80}", b in "\\PC{0,80}|[0-9a-z \n]{0,80}") {
        for family in FAMILIES {
            let whole = count(family, &format!("{a}{b}")).get();
            let parts = count(family, &a).get() + count(family, &b).get();
            prop_assert!(whole <= parts + 8, "{} > {} + 8", whole, parts);
        }
    }

    #[test]
    fn any_name_has_a_family(name in "\\PC{0,40}") {
        Family::of_model(&name);
    }

    #[test]
    fn what_was_learned_holds_for_all_that_was_seen(seen in prop::collection::vec((0_u64..100_000, 0_u64..200_000), 1..20)) {
        let mut calibration = Calibration::default();
        let mut learned = Vec::new();
        for &(estimated, counted) in &seen {
            learned.push(calibration.learn(Tokens(estimated), Tokens(counted), WINDOW));
        }
        for (&(estimated, counted), learned) in seen.iter().zip(learned) {
            prop_assert!(!learned || calibration.apply(Tokens(estimated), WINDOW) >= Tokens(counted));
            // What no vocabulary explains spoils no later count.
            prop_assert!(calibration.apply(Tokens(estimated), WINDOW) <= Tokens(4 * estimated + 4_096));
            prop_assert!(calibration.apply(Tokens(estimated), WINDOW) >= Tokens(estimated));
        }
    }
}
