//! What happens outside the state: how attempts end and when, what humans answer, which signals arrive.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::run::{Event, FailureClass};

/// How an attempt ends.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// With which value, or why not.
    pub(super) outcome: Result<Json, FailureClass>,
    /// After how many milliseconds.
    pub(super) millis: u64,
    /// How many calls of a model it makes.
    pub(super) calls: u32,
}

/// A model whose attempts don't depend on one another: what it is told helps it nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Skill {
    /// How many of a hundred attempts are right.
    pub(super) right: u64,
    /// In how many ways a value or a file can be wrong, each as likely as the others.
    pub(super) ways: u64,
    /// Whether what is told of it tells the ways apart.
    pub(super) told_apart: bool,
}

/// What humans answer to gates.
#[derive(Clone, Debug, Default)]
pub(super) enum Answers {
    /// Nothing.
    #[default]
    Nobody,
    /// Yes or no, by chance.
    Chance,
    /// This to these gates.
    To(HashMap<String, bool>),
}

/// A world that depends on nothing but its seed: the same attempt ends the same, whenever it is made.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) seed: u64,
    /// Whether attempts that no script names may fail, and take a while of their own.
    pub(super) chance: bool,
    /// Whether what is evaluated takes time, so that other things happen before it is known.
    pub(super) latency: bool,
    /// Whether everything that is due is told before the state is asked what is next.
    pub(super) batches: bool,
    /// How many commands are claimed at once, before the first of them starts; nothing where none are.
    pub(super) claims: Option<usize>,
    pub(super) inputs: serde_json::Map<String, Json>,
    pub(super) answers: Answers,
    /// By node and attempt; attempt 0 stands for all of a node.
    pub(super) script: HashMap<(String, u32), Ending>,
    /// How good the model is, where attempts are its.
    pub(super) skill: Option<Skill>,
    /// Into how many parts the work of every node can be cut; by chance where nothing is said.
    pub(super) parts: Option<usize>,
    /// Events from outside, each once, at their time.
    pub(super) signals: Vec<(u64, Event)>,
}

impl World {
    /// A world in which everything ends well after 10 ms.
    pub(super) fn calm() -> Self {
        Self::default()
    }

    /// A world in which anything happens.
    pub(super) fn wild(seed: u64) -> Self {
        Self {
            seed,
            chance: true,
            latency: seed & 1 == 1,
            batches: seed & 2 == 2,
            claims: Some(4),
            answers: Answers::Chance,
            ..Self::default()
        }
    }

    /// Commands are claimed before they start, so many at once.
    pub(super) fn claims(mut self, most: usize) -> Self {
        self.claims = Some(most);
        self
    }

    pub(super) fn input(mut self, name: &str, value: Json) -> Self {
        self.inputs.insert(name.to_owned(), value);
        self
    }

    /// All attempts of a node fail.
    pub(super) fn fails(self, node: &str) -> Self {
        self.ends(node, 0, Err(FailureClass::CommandFailed), 10)
    }

    /// All attempts of a node take that long and end well.
    pub(super) fn takes(self, node: &str, millis: u64) -> Self {
        self.ends(node, 0, Ok(Json::Null), millis)
    }

    /// One attempt of a node ends so; attempt 0 stands for all.
    pub(super) fn ends(
        mut self,
        node: &str,
        attempt: u32,
        outcome: Result<Json, FailureClass>,
        millis: u64,
    ) -> Self {
        let ending = Ending {
            outcome,
            millis,
            calls: 0,
        };
        self.script.insert((node.to_owned(), attempt), ending);
        self
    }

    /// All attempts of a node make this many calls, 10 ms each.
    pub(super) fn calls(mut self, node: &str, calls: u32) -> Self {
        let ending = Ending {
            outcome: Ok(Json::Null),
            millis: 10 * u64::from(calls),
            calls,
        };
        self.script.insert((node.to_owned(), 0), ending);
        self
    }

    pub(super) fn answers(mut self, answers: &[(&str, bool)]) -> Self {
        let answers = answers.iter().map(|(node, yes)| ((*node).to_owned(), *yes));
        self.answers = Answers::To(answers.collect());
        self
    }

    pub(super) fn signal(mut self, at: u64, event: Event) -> Self {
        self.signals.push((at, event));
        self
    }

    /// How an attempt ends.
    pub(super) fn ending(&self, node: &str, attempt: u32) -> Ending {
        let scripted = self
            .script
            .get(&(node.to_owned(), attempt))
            .or_else(|| self.script.get(&(node.to_owned(), 0)));
        if let Some(ending) = scripted {
            return ending.clone();
        }
        if let Some(skill) = self.skill {
            return Ending {
                outcome: self.tries(skill, node, attempt),
                millis: 10,
                calls: 1,
            };
        }
        if !self.chance {
            return Ending {
                outcome: Ok(Json::Null),
                millis: 10,
                calls: 0,
            };
        }
        let classes = [
            FailureClass::CommandFailed,
            FailureClass::TimedOut,
            FailureClass::VerifyFailed,
            FailureClass::Transport,
            FailureClass::Denied,
            FailureClass::Expression,
            FailureClass::Internal,
        ];
        let draw = self.draw("ending", node, attempt);
        let outcome = match draw % 10 {
            0..=2 => Err(classes[usize::try_from(draw / 16 % 7).unwrap()]),
            3 => Ok(json!("text")),
            4 => Ok(json!([])),
            _ => Ok(json!(["x", 2, null])),
        };
        Ending {
            outcome,
            millis: 1 + draw / 256 % 40,
            calls: u32::try_from(draw / 65_536 % 3).unwrap(),
        }
    }

    /// Of ten wrong answers five are refused by a verifier, two by their schema, and one each holds no value, is empty,
    /// or goes round in circles.
    fn tries(&self, skill: Skill, node: &str, attempt: u32) -> Result<Json, FailureClass> {
        if self.draw("right", node, attempt) % 100 < skill.right {
            return Ok(Json::Null);
        }
        Err(match self.draw("wrong", node, attempt) % 10 {
            0..=4 => FailureClass::VerifyFailed,
            5 | 6 => FailureClass::SchemaMismatch,
            7 => FailureClass::Unparseable,
            8 => FailureClass::Empty,
            _ => FailureClass::Looping,
        })
    }

    /// Into how many parts the work of a node can be cut.
    pub(super) fn parts(&self, node: &str) -> usize {
        let draw = self.draw("parts", node, 0) % 5;
        self.parts.unwrap_or_else(|| usize::try_from(draw).unwrap())
    }

    /// What is told of a failed attempt, and what the model had answered.
    pub(super) fn told(&self, class: FailureClass, node: &str, attempt: u32) -> (String, Option<String>) {
        let told = "it failed".to_owned();
        let Some(skill) = self.skill else {
            return (told, None);
        };
        if !matches!(class, FailureClass::VerifyFailed | FailureClass::SchemaMismatch) {
            return (told, Some(format!("{class:?}")));
        }
        let answer = format!("wrong in way {}", self.draw("way", node, attempt) % skill.ways);
        (if skill.told_apart { answer.clone() } else { told }, Some(answer))
    }

    /// How long it takes to evaluate something.
    pub(super) fn latency(&self, what: &str, of: &str) -> u64 {
        if self.latency {
            self.draw(what, of, 0) % 4
        } else {
            0
        }
    }

    /// What a human answers to a gate, if one does.
    pub(super) fn answer(&self, node: &str) -> Option<bool> {
        match &self.answers {
            Answers::Nobody => None,
            Answers::Chance => Some(!self.draw("answer", node, 0).is_multiple_of(4)),
            Answers::To(answers) => answers.get(node).copied(),
        }
    }

    fn draw(&self, what: &str, of: &str, number: u32) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(what.as_bytes());
        hasher.update(&[0]);
        hasher.update(of.as_bytes());
        hasher.update(&number.to_le_bytes());
        u64::from_le_bytes(hasher.finalize().as_bytes()[..8].try_into().unwrap())
    }
}
