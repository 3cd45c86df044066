//! Any bytes as a program: no panic, places inside of the text, and a layout that says the same.

#![no_main]

use bonescript::{Level, check, format, outline};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for level in [Level::Strict, Level::Lenient] {
        let analysis = check("any.bone", text, level);
        for problem in &analysis.diagnostics {
            for label in &problem.labels {
                assert!(text.get(label.span.range()).is_some(), "{problem:?}");
            }
        }
    }
    outline(text);
    if let Ok(formatted) = format("any.bone", text) {
        let again = format("any.bone", &formatted).expect("what was laid out can be read");
        assert_eq!(again, formatted);
        let meant = |text: &str| check("any.bone", text, Level::Lenient).program;
        assert_eq!(meant(text), meant(&formatted));
    }
});
