//! First programs, one for each domain.

use crate::ir::Domain;

/// A first program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The name of its file: `plant_shop.bone`.
    pub file: String,
    /// The program.
    pub text: String,
}

/// The first program of a domain, for a system of this name in any spelling; nothing where the name has no letter to
/// begin with.
pub fn start(domain: Domain, name: &str) -> Option<Start> {
    let system = pascal(name)?;
    let text = match domain {
        Domain::MultiplayerGame => include_str!("../starts/multiplayer_game.bone"),
        Domain::SaasPlatform => include_str!("../starts/saas_platform.bone"),
        Domain::IotSystem => include_str!("../starts/iot_system.bone"),
        Domain::SocialNetwork => include_str!("../starts/social_network.bone"),
        Domain::Marketplace => include_str!("../starts/marketplace.bone"),
        Domain::RealtimeCollaboration => include_str!("../starts/realtime_collaboration.bone"),
    };
    Some(Start {
        file: format!("{}.bone", crate::check::snake(&system)),
        text: text.replacen("system Start {", &format!("system {system} {{"), 1),
    })
}

/// `plant-shop` to `PlantShop`: the letters and digits, each word with a capital.
fn pascal(name: &str) -> Option<String> {
    let words = name.split(|char: char| !char.is_ascii_alphanumeric());
    let mut out = String::new();
    for word in words {
        let mut chars = word.chars();
        out.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out.starts_with(|first: char| first.is_ascii_alphabetic())
        .then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, check, format};

    #[test]
    fn each_is_right_and_laid_out() {
        for domain in Domain::ALL {
            let start = start(*domain, "my first-app").unwrap();
            assert_eq!(start.file, "my_first_app.bone");
            let analysis = check(&start.file, &start.text, Level::Strict);
            assert_eq!(crate::tests::examples::problems(&analysis), [""; 0]);
            let system = &analysis.program.unwrap().systems[0];
            assert_eq!(
                (system.name.as_str(), system.domain),
                ("MyFirstApp", Some(*domain))
            );
            assert_eq!(format("a", &start.text).unwrap(), start.text);
        }
    }

    #[test]
    fn names_in_any_spelling() {
        for (name, system) in [
            ("shop", Some("Shop")),
            ("PlantShop", Some("PlantShop")),
            ("plant_shop-2", Some("PlantShop2")),
            ("ü shop", Some("Shop")),
            ("2shop", None),
            ("", None),
        ] {
            assert_eq!(pascal(name).as_deref(), system, "{name}");
        }
    }
}
