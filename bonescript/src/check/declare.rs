//! Names get ids: each kind of declaration has names of its own.

use std::collections::HashMap;

use super::{Checker, Placed, Unit, snake};
use crate::ast::{Declaration, Name};
use crate::diagnostic::Code;
use crate::text::{SourceId, Span};

/// Names that the language gives a meaning wherever a value stands.
pub(super) const VALUE_WORDS: &[&str] = &[
    "caller", "true", "false", "none", "now", "not", "and", "or", "in", "contains",
];

impl<'a> Checker<'a> {
    /// Sorts the declarations by kind; the second of a name is reported and left out.
    pub(super) fn declare(&mut self, unit: &Unit<'a>) {
        let mut seen = Seen::default();
        for (source, declaration) in &unit.declarations {
            let source = *source;
            self.source = source;
            match declaration {
                Declaration::Entity(tree) => {
                    if !self.taken(&mut seen, "the entity", &tree.name) {
                        self.reserved_type(&tree.name);
                        add(
                            &mut self.trees.entities,
                            &mut self.names.entities,
                            source,
                            tree,
                            &tree.name,
                        );
                    }
                }
                Declaration::Capability(tree) => {
                    if !self.taken(&mut seen, "the capability", &tree.name) {
                        add(
                            &mut self.trees.capabilities,
                            &mut self.names.capabilities,
                            source,
                            tree,
                            &tree.name,
                        );
                    }
                }
                Declaration::Event(tree) => {
                    if !self.taken(&mut seen, "the event", &tree.name) {
                        add(
                            &mut self.trees.events,
                            &mut self.names.events,
                            source,
                            tree,
                            &tree.name,
                        );
                    }
                }
                Declaration::ExtensionPoint(tree) => {
                    // Both can be called, and a call must know which it means.
                    let capability = seen.0.get(&("the capability", tree.name.text.clone())).copied();
                    if !self.twice("the function", &tree.name, capability)
                        && !self.taken(&mut seen, "the extension point", &tree.name)
                    {
                        let names = &mut self.names.extension_points;
                        add(&mut self.trees.extension_points, names, source, tree, &tree.name);
                    }
                }
                Declaration::Store(tree) => {
                    if !self.taken(&mut seen, "the store", &tree.name) {
                        self.trees.stores.push((source, tree));
                    }
                }
                Declaration::Channel(tree) => {
                    if !self.taken(&mut seen, "the channel", &tree.name) {
                        self.trees.channels.push((source, tree));
                    }
                }
                Declaration::Policy(tree) => {
                    if !self.taken(&mut seen, "the policy", &tree.name) {
                        self.trees.policies.push((source, tree));
                    }
                }
                Declaration::Flow(tree) => {
                    if !self.taken(&mut seen, "the flow", &tree.name) {
                        self.trees.flows.push((source, tree));
                    }
                }
                Declaration::Constraint(tree) => {
                    if !self.taken(&mut seen, "the constraint", &tree.name) {
                        self.trees.constraints.push((source, tree));
                    }
                }
                Declaration::Import(_) => {}
            }
        }
    }

    fn taken(&mut self, seen: &mut Seen, kind: &'static str, name: &Name) -> bool {
        let key = (kind, name.text.clone());
        let first = seen.0.get(&key).copied();
        if first.is_none() {
            seen.0.insert(key, (self.source, name.span));
        }
        self.twice(kind, name, first) || self.alike(seen, kind, name)
    }

    /// Says where two names of a kind are one in files and routes, which know no capitals.
    fn alike(&mut self, seen: &mut Seen, kind: &'static str, name: &Name) -> bool {
        let written = snake(&name.text);
        let first = seen
            .1
            .entry((kind, written))
            .or_insert_with(|| name.text.clone())
            .clone();
        if first == name.text {
            return false;
        }
        let message = format!(
            "{kind} `{}` is called like `{first}` in files and routes",
            name.text
        );
        let problem = self.problem(Code::DUPLICATE, name.span, message);
        self.report(problem.help("capitals and `_` do not tell names apart: give one of them another name"));
        true
    }

    fn reserved_type(&mut self, name: &Name) {
        if super::types::is_type_word(&name.text) {
            let message = format!("`{}` is a type of the language", name.text);
            let problem = self.problem(Code::RESERVED_NAME, name.span, message);
            self.report(problem.help("give the entity another name"));
        }
    }

    /// Says that a value can't have this name.
    pub(super) fn reserved_value(&mut self, name: &Name) -> bool {
        let reserved = VALUE_WORDS.contains(&name.text.as_str());
        if reserved {
            let message = format!("`{}` means something else in every expression", name.text);
            let problem = self.problem(Code::RESERVED_NAME, name.span, message);
            self.report(problem.help("give it another name"));
        }
        reserved
    }
}

#[derive(Default)]
struct Seen(
    HashMap<(&'static str, String), (SourceId, Span)>,
    /// What was written first of each name without capitals.
    HashMap<(&'static str, String), String>,
);

fn add<'a, T>(
    list: &mut Vec<Placed<'a, T>>,
    names: &mut HashMap<String, usize>,
    source: SourceId,
    tree: &'a T,
    name: &Name,
) {
    names.insert(name.text.clone(), list.len());
    list.push((source, tree));
}
