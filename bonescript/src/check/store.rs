//! Stores: `FooStore` says more of the table of `Foo`; any other store is a table of its own.

use std::collections::HashMap;

use super::entity::implicit;
use super::{Checker, plural, snake};
use crate::ast;
use crate::diagnostic::Code;
use crate::ir::{Column, ColumnKind, Engine, EntityId, Storage, Store, Type};

/// The largest number of copies that is meant and not mistyped.
const MAX_REPLICAS: u64 = 1000;

impl Checker<'_> {
    pub(super) fn stores(&mut self) {
        for (source, tree) in self.trees.stores.clone() {
            self.source = source;
            let storage = self.storage(tree);
            let stem = tree.name.text.strip_suffix("Store").unwrap_or(&tree.name.text);
            let entity = self.names.entities.get(stem).map(|id| EntityId(*id));
            let columns = self.schema(tree);
            if let Some(id) = entity {
                self.partition(tree, |checker, name| {
                    checker.own_column(id, name, tree.incomplete)
                });
                self.merge(id, tree, columns);
                self.entity_mut(id, |entity| entity.storage = Some(storage));
                continue;
            }
            let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            self.partition(tree, |checker, name| {
                let known = names.contains(&name.text) || tree.incomplete;
                if !known {
                    let message = format!("store `{}` has no field `{}`", tree.name.text, name.text);
                    let problem = checker.problem(Code::UNKNOWN_FIELD, name.span, message);
                    let known = names.iter().map(String::as_str);
                    checker.report(problem.one_of(&name.text, known));
                }
                known
            });
            let mut all = Vec::new();
            if !columns.is_empty() {
                if !names.iter().any(|name| name == "id") {
                    all.push(implicit("id", Type::Uuid));
                }
                all.extend(columns);
            }
            self.system.stores.push(Store {
                table: plural(&snake(stem)),
                storage,
                columns: all,
            });
        }
    }

    fn storage(&mut self, tree: &ast::Store) -> Storage {
        let engine = tree.engine.as_ref().and_then(|word| self.word("engine", word));
        let retention = tree
            .retention
            .map(|duration| self.span_of_time("the retention", duration));
        let replicas = tree.replicas.map_or(1, |number| {
            self.bounded("the number of replicas", number, 1, MAX_REPLICAS)
        });
        Storage {
            name: tree.name.text.clone(),
            engine: engine.unwrap_or(Engine::Postgresql),
            retention,
            partition: tree.partition.as_ref().map(|name| name.text.clone()),
            replicas,
        }
    }

    fn partition(&mut self, tree: &ast::Store, known: impl FnOnce(&mut Self, &ast::Name) -> bool) {
        if let Some(name) = &tree.partition {
            known(self, name);
        }
    }

    fn schema(&mut self, tree: &ast::Store) -> Vec<Column> {
        let mut columns: Vec<Column> = Vec::new();
        let mut seen = HashMap::new();
        for field in &tree.schema {
            let first = seen.insert(field.name.text.clone(), (self.source, field.name.span));
            if self.twice("the field", &field.name, first) {
                continue;
            }
            columns.push(self.field(field, ColumnKind::Stored));
        }
        columns
    }

    /// Adds what the entity lacks. What both have must be of one type; json and text may stand for what the entity says
    /// more of.
    fn merge(&mut self, id: EntityId, tree: &ast::Store, columns: Vec<Column>) {
        for (column, field) in columns.into_iter().zip(&tree.schema) {
            let known = self
                .system
                .entity(id)
                .and_then(|entity| entity.column(&column.name));
            let Some(known) = known.cloned() else {
                if column.name == "state" {
                    continue;
                }
                self.column(id, column, (self.source, field.name.span));
                continue;
            };
            let fits = self.assignable(&known.ty, &column.ty) || known.ty == Type::Unknown;
            if !fits {
                let entity = self.show(&known.ty);
                let store = self.show(&column.ty);
                let message = format!(
                    "`{}` is `{entity}` in the entity and `{store}` in its store",
                    column.name
                );
                let problem = self.problem(Code::TYPE_MISMATCH, field.ty.span, message);
                self.report(
                    problem
                        .expected(format!("`{entity}`"))
                        .replace(field.ty.span, entity),
                );
            }
            let (sensitive, default) = (column.sensitive, column.default);
            self.entity_mut(id, |entity| {
                if let Some(known) = entity.columns.iter_mut().find(|known| known.name == column.name) {
                    known.sensitive |= sensitive;
                    known.default = known.default.take().or(default);
                }
            });
        }
    }
}
