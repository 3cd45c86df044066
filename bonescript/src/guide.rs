//! What a model is told of the language before it writes a program.
//!
//! A window of a small model is dear, so there are two measures: all of it, within 600 tokens, and the [`Section`]s that
//! a task calls for, within 200. The sizes are kept by a test of the engine, which has the tokenizers; that every form
//! compiles, by one here.

/// A part of the guide, with an example that compiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// What a file looks like.
    Shape,
    /// Fields, types, states and relations.
    Entity,
    /// What clients can have done.
    Capability,
    /// What is told to others.
    Event,
    /// Making rows.
    Create,
    /// Capabilities in a row, undone together.
    Flow,
    /// Functions of the user, and pipelines.
    Code,
    /// Channels and policies.
    Surface,
}

impl Section {
    /// Every one, in the order of the guide.
    pub const ALL: &'static [Self] = &[
        Self::Shape,
        Self::Entity,
        Self::Capability,
        Self::Event,
        Self::Create,
        Self::Flow,
        Self::Code,
        Self::Surface,
    ];

    /// Its text: declarations, and comments beside them.
    pub fn text(self) -> &'static str {
        match self {
            Self::Shape => include_str!("../guide/shape.bone"),
            Self::Entity => include_str!("../guide/entity.bone"),
            Self::Capability => include_str!("../guide/capability.bone"),
            Self::Event => include_str!("../guide/event.bone"),
            Self::Create => include_str!("../guide/create.bone"),
            Self::Flow => include_str!("../guide/flow.bone"),
            Self::Code => include_str!("../guide/code.bone"),
            Self::Surface => include_str!("../guide/surface.bone"),
        }
    }

    /// What calls for it, in the words of a task or of a problem; the start of a word counts.
    fn calls(self) -> &'static [&'static str] {
        match self {
            Self::Shape => &["system", "backend", "login", "user", "auth", "password"],
            Self::Entity => &[
                "entit",
                "field",
                "relation",
                "state",
                "type",
                "unique",
                "index",
                "derived",
                "constraint",
            ],
            Self::Capability => &[
                "capabilit",
                "require",
                "effect",
                "transition",
                "action",
                "allow",
                "caller",
            ],
            Self::Event => &["event", "emit", "payload", "deliver", "outbox"],
            Self::Create => &[
                "create", "new", "make", "insert", "add", "register", "place", "sign",
            ],
            Self::Flow => &["flow", "step", "saga", "compensat", "undo", "checkout"],
            Self::Code => &[
                "extension",
                "function",
                "pipeline",
                "parallel",
                "algorithm",
                "compute",
                "score",
            ],
            Self::Surface => &[
                "channel",
                "chat",
                "websocket",
                "realtime",
                "live",
                "policy",
                "limit",
                "rate",
                "role",
                "audit",
                "store",
                "retention",
            ],
        }
    }
}

/// How many sections a task is given at most: any two are within 200 tokens.
const MOST: usize = 2;

/// The whole guide: within 600 tokens.
pub fn guide() -> String {
    joined(Section::ALL)
}

/// The sections that a text calls for, an instruction or problems of a program: within 200 tokens. Where nothing
/// calls for any, those that every program needs.
pub fn guide_for(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let words: Vec<&str> = text.split(|char: char| !char.is_ascii_alphanumeric()).collect();
    let called = |section: Section| {
        let calls = section.calls();
        words
            .iter()
            .filter(|word| calls.iter().any(|call| word.starts_with(call)))
            .count()
    };
    let mut sections: Vec<(usize, Section)> = Section::ALL
        .iter()
        .map(|section| (called(*section), *section))
        .collect();
    // Of equals the earlier one: the guide begins with what is needed most.
    sections.sort_by_key(|(count, section)| (std::cmp::Reverse(*count), *section));
    sections.truncate(MOST);
    if sections.first().is_none_or(|(count, _)| *count == 0) {
        return joined(&[Section::Shape, Section::Capability]);
    }
    let mut chosen: Vec<Section> = sections
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(_, section)| section)
        .collect();
    chosen.sort();
    joined(&chosen)
}

fn joined(sections: &[Section]) -> String {
    let texts: Vec<&str> = sections.iter().map(|section| section.text()).collect();
    texts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, check};

    #[test]
    fn every_form_compiles() {
        // The first is a whole program, which the others belong into.
        let shape = Section::Shape.text().trim_end();
        let shape = shape.strip_suffix('}').unwrap();
        let all: Vec<&str> = Section::ALL
            .iter()
            .skip(1)
            .map(|section| section.text())
            .collect();
        let whole = format!("{shape}{}}}", all.concat());
        let analysis = check("guide.bone", &whole, Level::Strict);
        assert_eq!(crate::tests::examples::problems(&analysis), [""; 0], "{whole}");
    }

    #[test]
    fn what_is_called_for_is_chosen() {
        let has = |text: &str, section: Section| guide_for(text).contains(section.text());
        assert!(has("add a chat with a rate limit", Section::Surface));
        assert!(has(
            "error[B0404]: nothing fills `x` of event `E`; emits",
            Section::Event
        ));
        assert!(has("a checkout saga that undoes its steps", Section::Flow));
        assert!(has("", Section::Shape) && has("", Section::Capability));
    }
}
