//! The tree to what it means: every name looked up, every type and word checked, all problems collected.
//!
//! Declarations come first, in four passes: names get ids, entities their columns and relations, stores join their
//! entities, derived fields their types. Then every expression is read once, which gives its type and its typed form
//! together: what is checked and what is compiled cannot differ. What could not be read or found has the type
//! [`Type::Unknown`](crate::ir::Type), of which nothing more is said.

mod calls;
mod capability;
mod compare;
mod constant;
mod creation;
mod declare;
mod effect;
mod emission;
mod entity;
mod entry;
mod expression;
mod flow;
mod path;
mod relation;
mod row;
mod scope;
mod sensitive;
mod store;
mod surface;
mod types;

use std::collections::{HashMap, HashSet};

use crate::Level;
use crate::ast::{self, Name};
use crate::diagnostic::{Code, Diagnostic, Problems, Severity};
use crate::ir::{self, Defaults, Domain, EntityId, Type, Words};
use crate::text::{SourceId, Sources, Span};

/// A declaration and the file that it stands in.
pub(crate) type Placed<'a, T> = (SourceId, &'a T);

/// One system with what it imports.
pub(crate) struct Unit<'a> {
    pub(crate) source: SourceId,
    pub(crate) system: &'a ast::System,
    pub(crate) declarations: Vec<Placed<'a, ast::Declaration>>,
    /// A declaration lacks its name, or an import could not be read: any name may be meant.
    pub(crate) incomplete: bool,
    /// What could not be read, by its names.
    pub(crate) lost: Vec<&'a str>,
}

/// Checks one system; the result means something only where no error was found.
pub(crate) fn check(unit: &Unit<'_>, sources: &Sources, level: Level, problems: &mut Problems) -> ir::System {
    let mut checker = Checker {
        sources,
        level,
        problems,
        source: unit.source,
        incomplete: unit.incomplete,
        lost: unit.lost.iter().copied().collect(),
        undeclared: HashSet::new(),
        unfilled: Vec::new(),
        defaults: Defaults::of(None),
        names: Names::default(),
        members: Vec::new(),
        having: HashMap::new(),
        trees: Trees::default(),
        system: ir::System {
            name: unit.system.name.text.clone(),
            domain: None,
            entities: Vec::new(),
            stores: Vec::new(),
            capabilities: Vec::new(),
            events: Vec::new(),
            channels: Vec::new(),
            policies: Vec::new(),
            flows: Vec::new(),
            constraints: Vec::new(),
            extension_points: Vec::new(),
        },
    };
    checker.domain(unit.system.domain.as_ref());
    checker.declare(unit);
    checker.entities();
    checker.stores();
    checker.derived();
    checker.constraints_of_entities();
    checker.signatures();
    checker.capabilities();
    checker.leave_unfilled();
    checker.flows();
    checker.surface();
    checker.owners();
    checker.entry();
    checker.system
}

struct Checker<'a> {
    sources: &'a Sources,
    level: Level,
    problems: &'a mut Problems,
    /// The file of what is being checked.
    source: SourceId,
    incomplete: bool,
    lost: HashSet<&'a str>,
    /// Functions that expressions call and nobody declares: each is told once.
    undeclared: HashSet<String>,
    /// Fields of events, by the event and the field's place, that some capability leaves unfilled and leniency lets pass.
    unfilled: Vec<(usize, usize)>,
    defaults: Defaults,
    names: Names,
    /// What can stand behind the dot of a row, for each entity.
    members: Vec<HashMap<String, Member>>,
    /// Which entities have a member of this name.
    having: HashMap<String, Vec<usize>>,
    trees: Trees<'a>,
    system: ir::System,
}

/// What names stand for, each kind by itself.
#[derive(Default)]
struct Names {
    entities: HashMap<String, usize>,
    /// Entities by their name in tables and routes.
    by_snake: HashMap<String, usize>,
    capabilities: HashMap<String, usize>,
    events: HashMap<String, usize>,
    extension_points: HashMap<String, usize>,
}

/// The trees behind the ids.
#[derive(Default)]
struct Trees<'a> {
    entities: Vec<Placed<'a, ast::Entity>>,
    capabilities: Vec<Placed<'a, ast::Capability>>,
    events: Vec<Placed<'a, ast::Event>>,
    stores: Vec<Placed<'a, ast::Store>>,
    channels: Vec<Placed<'a, ast::Channel>>,
    policies: Vec<Placed<'a, ast::Policy>>,
    flows: Vec<Placed<'a, ast::Flow>>,
    constraints: Vec<Placed<'a, ast::Constraint>>,
    extension_points: Vec<Placed<'a, ast::ExtensionPoint>>,
}

/// What stands behind a dot.
#[derive(Clone)]
struct Member {
    /// With `optional` where it may be nothing.
    ty: Type,
    kind: MemberKind,
    span: Span,
    source: SourceId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MemberKind {
    Column,
    Derived,
    Relation,
}

impl Checker<'_> {
    fn problem(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        let mut problem = Diagnostic::new(code, self.source, span, message);
        if self.problems.is_full() {
            problem.labels.clear();
        }
        problem
    }

    fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Whether a name that nobody knows may be that of a declaration that could not be read.
    fn is_lost(&self, name: &str) -> bool {
        self.incomplete || self.lost.contains(name)
    }

    /// Reports what can still be compiled: with [`Level::Lenient`] it is a warning, which says what is made of it. What is
    /// nearly a word that is there is a slip, and an error.
    fn tolerate(&mut self, mut problem: Diagnostic, made: &str) {
        if self.level == Level::Lenient && problem.fix.is_none() {
            problem.severity = Severity::Warning;
            problem.message.push_str(": ");
            problem.message.push_str(made);
        }
        self.report(problem);
    }

    /// The text of a span on one line.
    fn text(&self, span: Span) -> String {
        let text = self
            .sources
            .get(self.source)
            .map_or("", |source| source.text.as_str());
        let text = text.get(span.range()).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A word of a closed list.
    fn word<W: Words>(&mut self, what: &str, name: &Name) -> Option<W> {
        let found = W::of(&name.text);
        if found.is_none() {
            let message = format!("there is no {what} `{}`", name.text);
            let problem = self.problem(Code::UNKNOWN_WORD, name.span, message);
            self.report(problem.one_of(&name.text, W::WORDS.iter().map(|(word, _)| *word)));
        }
        found
    }

    /// `true` or `false`.
    fn flag(&mut self, name: Option<&Name>) -> bool {
        let Some(name) = name else { return false };
        match name.text.as_str() {
            "true" => true,
            "false" => false,
            other => {
                let message = format!("`{other}` is neither `true` nor `false`");
                let problem = self.problem(Code::UNKNOWN_WORD, name.span, message);
                self.report(problem.one_of(other, ["true", "false"]));
                false
            }
        }
    }

    /// A number that must lie in a range.
    fn bounded(&mut self, what: &str, number: ast::Number, least: u64, most: u64) -> u64 {
        if (least..=most).contains(&number.value) {
            return number.value;
        }
        let message = format!("{what} is {}", number.value);
        let problem = self.problem(Code::BAD_NUMBER, number.span, message);
        self.report(problem.expected(format!("a number from {least} to {most}")));
        least
    }

    /// A time span that must not be nothing.
    fn span_of_time(&mut self, what: &str, duration: ast::Duration) -> u64 {
        if duration.milliseconds == 0 {
            let problem = self.problem(
                Code::BAD_NUMBER,
                duration.span,
                format!("{what} is no time at all"),
            );
            self.report(problem.expected("a duration such as `30s`"));
        }
        duration.milliseconds.max(1)
    }

    fn domain(&mut self, name: Option<&Name>) {
        let Some(name) = name else { return };
        let domain = Domain::of(&name.text);
        if domain.is_none() {
            let message = format!("the domain `{}` has no defaults of its own", name.text);
            let problem = self.problem(Code::UNKNOWN_DOMAIN, name.span, message);
            self.report(problem.one_of(&name.text, Domain::WORDS.iter().map(|(word, _)| *word)));
        }
        self.system.domain = domain;
        self.defaults = Defaults::of(domain);
    }

    fn entity_name(&self, id: EntityId) -> &str {
        self.system.entity(id).map_or("", |entity| entity.name.as_str())
    }

    /// Says that a name is there twice, unless it is there once.
    fn twice(&mut self, what: &str, name: &Name, first: Option<(SourceId, Span)>) -> bool {
        let Some((source, span)) = first else { return false };
        let message = format!("{what} `{}` is there twice", name.text);
        let problem = self
            .problem(Code::DUPLICATE, name.span, message)
            .also(source, span, "first here")
            .help("give one of them another name");
        self.report(problem);
        true
    }
}

/// `OrderItem` to `order_item`, `HTTPServer` to `http_server`.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let chars: Vec<char> = name.chars().collect();
    for (at, char) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        let begins = char.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if begins {
            out.push('_');
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}

/// The plural, as tables are called.
pub(crate) fn plural(name: &str) -> String {
    format!("{name}s")
}

/// What the service has under its own paths, beside tables.
const SERVICE: [&str; 4] = ["channels", "flows", "jobs", "metrics"];

/// The table of an entity, after which its routes are called. Where the service has that path, it stays singular.
pub(crate) fn table(entity: &str) -> String {
    let name = snake(entity);
    let table = plural(&name);
    if SERVICE.contains(&table.as_str()) {
        name
    } else {
        table
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_tables() {
        for (name, expected) in [
            ("OrderItem", "order_item"),
            ("HTTPServer", "http_server"),
            ("A1B", "a1_b"),
            ("plain", "plain"),
            ("X", "x"),
        ] {
            assert_eq!(super::snake(name), expected);
        }
    }
}
