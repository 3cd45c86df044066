//! The programs under `examples/`.

use super::*;

/// The programs, each with its text.
pub(crate) const PROGRAMS: &[(&str, &str)] = &[
    ("booking.bone", include_str!("../../examples/booking.bone")),
    ("erp.bone", include_str!("../../examples/erp.bone")),
    ("game.bone", include_str!("../../examples/game.bone")),
    ("iot.bone", include_str!("../../examples/iot.bone")),
    ("saas.bone", include_str!("../../examples/saas.bone")),
    ("shop.bone", include_str!("../../examples/shop.bone")),
    ("social.bone", include_str!("../../examples/social.bone")),
];

/// The files that the programs import.
pub(crate) struct Shared;

impl Files for Shared {
    fn read(&self, path: &str) -> Result<String, String> {
        match path {
            "shared/billing.bone" => Ok(include_str!("../../examples/shared/billing.bone").to_owned()),
            _ => Err("there is no such file".to_owned()),
        }
    }
}

/// All problems, each as its line for models.
pub(crate) fn problems(analysis: &Analysis) -> Vec<String> {
    let shown = analysis
        .diagnostics
        .iter()
        .map(|problem| problem.compact(&analysis.sources));
    shown.collect()
}

#[test]
fn they_are_right() {
    for (name, text) in PROGRAMS {
        let analysis = check_with(name, text, &Shared, Level::Strict);
        assert_eq!(problems(&analysis), [""; 0], "{name}");
        properties::decided(&analysis.program.unwrap());
    }
}

#[test]
fn they_are_laid_out() {
    for (name, text) in PROGRAMS {
        let formatted = format(name, text).unwrap();
        assert_eq!(
            format(name, &formatted).unwrap(),
            formatted,
            "{name}: a second time"
        );
        assert_eq!(formatted, *text, "{name}");
    }
}
