//! A prompt that fits: what a model is shown beside its instruction, each part as whole as the window allows.
//!
//! Goes in: sections with a priority, bounds and the smaller forms that they may take, and how many tokens there are
//! for all of them. Comes out: one text that takes no more, and what became of each section. What is shown smaller, and
//! what is left out, is always said to the model: it must not take a part for the whole. Where the texts come from is
//! not known here.

mod forms;
mod outline;
mod pieces;

use serde::{Deserialize, Serialize};

use crate::spec::Shrink;
use crate::tokens::{Family, Tokens, count};

pub(crate) use outline::parsed;
pub use outline::{Language, ParseError, outline, outline_of};
pub use pieces::{FilePiece, PieceKind, pieces};

/// A part of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading above it.
    pub title: String,
    /// The path, where it is a file: what its outline is made by.
    pub path: Option<String>,
    /// The whole text.
    pub text: String,
    /// Which section shrinks first: the lowest; of equals the last.
    pub priority: u64,
    /// The fewest tokens that its head and tail are worth showing with.
    pub min: Option<u64>,
    /// The most tokens that it may take.
    pub max: Option<u64>,
    /// The smaller forms that it may take, in order; where empty, all that its kind has.
    pub shrink: Vec<Shrink>,
}

/// How a section is shown.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// All of it.
    Whole,
    /// The signatures of a source file.
    Outline,
    /// The first and the last lines.
    HeadTail,
    /// One line that says what it is.
    Line,
    /// Not at all, but for a word that says so.
    Omitted,
}

impl Form {
    /// What follows a title: `src/a.rs` as its signatures.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Outline => "as its signatures",
            Self::HeadTail => "as its first and last lines",
            Self::Line => "as one line",
            Self::Omitted => "not at all",
        }
    }
}

/// What became of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its heading.
    pub title: String,
    /// How it is shown.
    pub form: Form,
    /// How many tokens that takes, at most.
    pub tokens: Tokens,
}

/// Sections that fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fitted {
    /// What is put into the prompt; empty where there are no sections.
    pub text: String,
    /// The sections in their order.
    pub shown: Vec<Shown>,
}

/// Why sections can't be made to fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the model is to be shown takes {smallest} tokens at least, and there is room for {room}")]
pub struct FitError {
    /// What it takes when everything has its smallest form.
    pub smallest: Tokens,
    /// What there is.
    pub room: Tokens,
}

/// The fewest tokens that the head and tail of a text are worth showing with, where a section names none: some eight
/// lines of code.
const MIN_HEAD_TAIL: u64 = 80;

/// Which part of what a head and tail take must be left over for them to be cut again: less shows hardly more lines.
const WORTH_MORE: u64 = 32;

/// Makes the sections fit into `room` tokens, counted as the models of `family` count.
///
/// # Errors
/// When even the smallest allowed forms take more.
pub fn fit(sections: &[Section], room: Tokens, family: Family) -> Result<Fitted, FitError> {
    let mut placed: Vec<Placed<'_>> = sections
        .iter()
        .map(|section| Placed::new(section, family))
        .collect();
    loop {
        let (text, total) = joined(&placed, family);
        if total <= room {
            let text = grown(&mut placed, (text, total), room, family);
            let shown = placed.into_iter().map(Placed::shown).collect();
            return Ok(Fitted { text, shown });
        }
        let over = Tokens(total.get().saturating_sub(room.get()));
        let smallest = placed
            .iter_mut()
            .enumerate()
            .filter(|(_, placed)| placed.can_shrink())
            .min_by_key(|(index, placed)| (placed.section.priority, std::cmp::Reverse(*index)));
        let Some((_, placed)) = smallest else {
            return Err(FitError {
                smallest: total,
                room,
            });
        };
        placed.shrink(over, family);
    }
}

/// Gives the room that is left to what shrank before something larger did: the highest priority first.
fn grown(placed: &mut [Placed<'_>], whole: (String, Tokens), room: Tokens, family: Family) -> String {
    let (mut text, mut total) = whole;
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.sort_by_key(|index| {
        placed
            .get(*index)
            .map(|placed| std::cmp::Reverse(placed.section.priority))
    });
    for index in order {
        let left = room.saturating_sub(total);
        let Some(place) = placed.get_mut(index).filter(|placed| placed.could_grow(left)) else {
            continue;
        };
        let allowed = place.tokens.saturating_add(left);
        let mut larger = Placed::new(place.section, family);
        while larger.tokens > allowed && larger.can_shrink() {
            larger.shrink(larger.tokens.saturating_sub(allowed), family);
        }
        if larger.tokens <= place.tokens {
            continue;
        }
        let smaller = std::mem::replace(place, larger);
        let (longer, takes) = joined(placed, family);
        if takes <= room {
            (text, total) = (longer, takes);
        } else if let Some(place) = placed.get_mut(index) {
            *place = smaller;
        }
    }
    text
}

/// A section in the form that it has at the moment.
struct Placed<'a> {
    section: &'a Section,
    form: Form,
    text: String,
    tokens: Tokens,
    /// The forms that are left, in order.
    ladder: Vec<Form>,
}

impl<'a> Placed<'a> {
    fn new(section: &'a Section, family: Family) -> Self {
        let text = trimmed(forms::whole(section));
        let mut ladder: Vec<Form> = match section.shrink.as_slice() {
            [] => vec![Form::Outline, Form::HeadTail, Form::Line, Form::Omitted],
            named => named.iter().copied().map(Form::from).collect(),
        };
        ladder.retain(|form| *form != Form::Outline || forms::has_outline(section));
        ladder.reverse();
        let tokens = count(family, &text);
        let mut placed = Self {
            section,
            form: Form::Whole,
            text,
            tokens,
            ladder,
        };
        // Its own bound goes before any other.
        while let Some(max) = section.max.filter(|max| placed.tokens.get() > *max) {
            if !placed.can_shrink() {
                break;
            }
            placed.shrink(Tokens(placed.tokens.get().saturating_sub(max)), family);
        }
        placed
    }

    /// Whether so much more room may show more of it. What was cut to measure gains little from little.
    fn could_grow(&self, left: Tokens) -> bool {
        match self.form {
            Form::Whole => false,
            Form::HeadTail => left.get() > self.tokens.get() / WORTH_MORE,
            Form::Outline | Form::Line | Form::Omitted => left > Tokens::ZERO,
        }
    }

    fn can_shrink(&self) -> bool {
        !self.ladder.is_empty()
    }

    /// Takes the next smaller form, made to save `over` tokens where it can be made to measure.
    fn shrink(&mut self, over: Tokens, family: Family) {
        let Some(form) = self.ladder.pop() else { return };
        let text = trimmed(match form {
            Form::Whole => forms::whole(self.section),
            Form::Outline => forms::outlined(self.section),
            Form::HeadTail => {
                let room = self.tokens.saturating_sub(over);
                let min = self.section.min.unwrap_or(MIN_HEAD_TAIL);
                match forms::head_tail(self.section, room, Tokens(min), family) {
                    Some(text) => text,
                    // Too little to be worth it: the next form.
                    None => return self.shrink(over, family),
                }
            }
            Form::Line => forms::line(self.section),
            Form::Omitted => forms::omitted(self.section),
        });
        let tokens = count(family, &text);
        // An outline of a file of signatures is no smaller than the file.
        if tokens >= self.tokens {
            return;
        }
        (self.form, self.text, self.tokens) = (form, text, tokens);
    }

    fn shown(self) -> Shown {
        Shown {
            title: self.section.title.clone(),
            form: self.form,
            tokens: self.tokens,
        }
    }
}

impl From<Shrink> for Form {
    fn from(shrink: Shrink) -> Self {
        match shrink {
            Shrink::Outline => Self::Outline,
            Shrink::HeadTail => Self::HeadTail,
            Shrink::Line => Self::Line,
            Shrink::Omit => Self::Omitted,
        }
    }
}

/// The text without what would only make the gap to the next one larger.
fn trimmed(mut text: String) -> String {
    text.truncate(text.trim_end().len());
    text
}

/// All of them as one text, and how many tokens that takes.
fn joined(placed: &[Placed<'_>], family: Family) -> (String, Tokens) {
    if let [one] = placed {
        return (one.text.clone(), one.tokens);
    }
    let parts: Vec<&str> = placed.iter().map(|placed| placed.text.as_str()).collect();
    let text = parts.join("\n\n");
    // Counted as a whole: tokens may span the seams, and what fits must fit exactly.
    let tokens = count(family, &text);
    (text, tokens)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn section(title: &str, text: String, priority: u64) -> Section {
        Section {
            title: title.to_owned(),
            path: None,
            text,
            priority,
            min: None,
            max: None,
            shrink: Vec::new(),
        }
    }

    fn lines(count: usize) -> String {
        (1..=count).fold(String::new(), |text, line| {
            text + &format!("this is line {line} of the text\n")
        })
    }

    fn forms(fitted: &Fitted) -> Vec<Form> {
        fitted.shown.iter().map(|shown| shown.form).collect()
    }

    #[test]
    fn what_fits_stays_whole() {
        let sections = [section("a", lines(3), 1), section("b", lines(3), 2)];
        let fitted = fit(&sections, Tokens(1000), Family::Llama3).unwrap();
        assert_eq!(forms(&fitted), [Form::Whole, Form::Whole]);
        assert!(fitted.text.starts_with("## a\n\nthis is line 1 of"));
        assert_eq!(fit(&[], Tokens(0), Family::Llama3).unwrap().text, "");
    }

    #[test]
    fn the_lowest_priority_shrinks_first_and_says_so() {
        let sections = [section("low", lines(100), 1), section("high", lines(100), 2)];
        let fitted = fit(&sections, Tokens(1400), Family::Llama3).unwrap();
        assert_eq!(forms(&fitted), [Form::HeadTail, Form::Whole]);
        assert!(fitted.text.contains("lines are left out"), "{}", fitted.text);
        assert!(fitted.text.contains("this is line 1 of") && fitted.text.contains("this is line 100 of"));
        let alone = fit(&sections[1..], Tokens(1400), Family::Llama3).unwrap().shown[0].tokens;
        for (more, form, says) in [
            (40, Form::Line, "not shown: 100 lines"),
            (12, Form::Omitted, "low (left out)"),
        ] {
            let fitted = fit(&sections, Tokens(alone.get() + more), Family::Llama3).unwrap();
            assert_eq!(forms(&fitted), [form, Form::Whole]);
            assert!(fitted.text.contains(says), "{}", fitted.text);
        }
    }

    #[test]
    fn of_equals_the_last_shrinks_first() {
        let sections = [section("one", lines(100), 5), section("two", lines(100), 5)];
        let fitted = fit(&sections, Tokens(1400), Family::Llama3).unwrap();
        assert_eq!(forms(&fitted), [Form::Whole, Form::HeadTail]);
    }

    #[test]
    fn a_section_keeps_within_its_own_bound() {
        let mut bounded = section("a", lines(100), 5);
        bounded.max = Some(200);
        let fitted = fit(&[bounded], Tokens(100_000), Family::Llama3).unwrap();
        assert_eq!(forms(&fitted), [Form::HeadTail]);
        assert!(fitted.shown[0].tokens <= Tokens(200));
    }

    #[test]
    fn what_may_not_shrink_is_refused_when_it_does_not_fit() {
        let mut fixed = section("a", lines(100), 5);
        fixed.shrink = vec![Shrink::HeadTail];
        fixed.min = Some(100_000);
        let error = fit(&[fixed], Tokens(50), Family::Llama3).unwrap_err();
        assert_eq!(error.room, Tokens(50));
        assert!(error.smallest > Tokens(900));
    }

    #[test]
    fn a_source_file_becomes_its_outline() {
        let body = "    let x = compute(1, 2, 3);\n".repeat(200);
        let mut file = section(
            "src/a.rs",
            format!("/// Adds.\npub fn add(a: i32, b: i32) -> i32 {{\n{body}    a + b\n}}\n"),
            5,
        );
        file.path = Some("src/a.rs".to_owned());
        let fitted = fit(&[file], Tokens(200), Family::Llama3).unwrap();
        assert_eq!(forms(&fitted), [Form::Outline]);
        assert!(
            fitted.text.contains("pub fn add(a: i32, b: i32) -> i32"),
            "{}",
            fitted.text
        );
        assert!(!fitted.text.contains("compute"));
    }

    #[test]
    fn a_program_in_bonescript_becomes_its_outline() {
        let steps = "    requires: note.text != \"\"\n    effects: note.text = text\n".repeat(60);
        let mut file = section(
            "app/notes.bone",
            format!(
                "system Notes {{\n  entity Note {{ owns: [id: uuid, text: string] }}\n  capability write(note: Note, text: string) {{\n{steps}  }}\n}}\n"
            ),
            5,
        );
        file.path = Some("app/notes.bone".to_owned());
        let fitted = fit(&[file], Tokens(200), Family::Llama3).unwrap();
        assert_eq!(forms(&fitted), [Form::Outline]);
        assert!(
            fitted.text.contains(
                "  entity Note(id: uuid, text: string)\n  capability write(note: Note, text: string)"
            ),
            "{}",
            fitted.text
        );
        assert!(!fitted.text.contains("effects"));
        // What is no program is shown by its lines.
        let mut file = section("app/notes.bone", "words and words\n".repeat(300), 5);
        file.path = Some("app/notes.bone".to_owned());
        let fitted = fit(&[file], Tokens(200), Family::Llama3).unwrap();
        assert_eq!(forms(&fitted), [Form::HeadTail]);
    }

    fn hostile() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z ]{0,400}",
            "[\\u{4e00}-\\u{9fff}]{0,200}",
            "[A-Za-z0-9+/]{0,400}",
            "(😀|🏳️‍🌈|é){0,60}",
            "[ \\t\\n]{0,400}",
            "(\\d{1,3},){0,120}",
            "(```\\n|## x\\n|\\{\"a\":1\\}){0,40}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_given_always_fits(
            texts in prop::collection::vec((hostile(), 0_u64..4, prop::option::of(1_u64..200)), 0..6),
            room in 0_u64..600,
        ) {
            let sections: Vec<Section> = texts
                .into_iter()
                .enumerate()
                .map(|(index, (text, priority, max))| Section { max, ..section(&format!("part {index}"), text, priority) })
                .collect();
            for family in [Family::Llama3, Family::Qwen, Family::Unknown] {
                match fit(&sections, Tokens(room), family) {
                    Ok(fitted) => {
                        prop_assert!(count(family, &fitted.text) <= Tokens(room));
                        prop_assert_eq!(fitted.shown.len(), sections.len());
                    }
                    Err(error) => prop_assert!(error.smallest > error.room),
                }
            }
        }
    }
}
