//! Entities: their columns, states and words; conditions come later, when all columns are known.

use std::collections::HashMap;

use super::types::TypePlace;
use super::{Checker, Member, MemberKind, snake, table};
use crate::ast::{self, Name, StateGraph};
use crate::diagnostic::Code;
use crate::ir::{Column, ColumnKind, Entity, EntityId, Facts, Machine, Transition, Type};
use crate::text::{SourceId, Span};

/// The largest state graph: alternatives multiply, and nobody can follow more.
pub(super) const MAX_LINKS: usize = 128;

impl Checker<'_> {
    /// Gives every entity its columns, states and relations.
    pub(super) fn entities(&mut self) {
        for (_, tree) in self.trees.entities.clone() {
            self.system.entities.push(Entity {
                name: tree.name.text.clone(),
                table: table(&tree.name.text),
                auth: None,
                columns: Vec::new(),
                uniques: Vec::new(),
                checks: Vec::new(),
                indexes: Vec::new(),
                machine: None,
                relations: Vec::new(),
                owner: None,
                storage: None,
            });
            let id = self.members.len();
            self.names.by_snake.entry(snake(&tree.name.text)).or_insert(id);
            self.members.push(HashMap::new());
        }
        for (index, (source, tree)) in self.trees.entities.clone().into_iter().enumerate() {
            self.source = source;
            self.owned(EntityId(index), tree);
        }
        self.relations();
        for (index, (source, tree)) in self.trees.entities.clone().into_iter().enumerate() {
            self.source = source;
            self.columns_alike(EntityId(index));
            self.indexes(EntityId(index), tree);
        }
    }

    fn owned(&mut self, id: EntityId, tree: &ast::Entity) {
        let nowhere = (self.source, tree.name.span);
        self.column(id, implicit("id", Type::Uuid), nowhere);
        for field in &tree.fields {
            let column = self.field(field, ColumnKind::Owned);
            let place = (self.source, field.name.span);
            if !self.implicit_twice(id, field, &column) && !self.taken_member(id, "the field", &field.name) {
                self.column(id, column, place);
            }
        }
        if let Some(graph) = &tree.states {
            let machine = self.machine(graph);
            let first = machine.states.first().cloned().unwrap_or_default();
            let mut column = implicit("state", Type::State(id));
            column.kind = ColumnKind::State;
            column.default = Some(crate::ir::Literal::String(first));
            column.facts.choices.clone_from(&machine.states);
            let own = self
                .members
                .get(id.0)
                .and_then(|members| members.get("state"))
                .cloned();
            if let Some(own) = own.filter(|own| *own.ty.required() != Type::String) {
                let message = "the states need the column `state`, which this field is";
                let problem = self.problem(Code::DUPLICATE, own.span, message);
                self.report(problem.help("remove the field: `states` brings it"));
            }
            self.replace_column(id, column, nowhere);
            self.entity_mut(id, |entity| entity.machine = Some(machine));
        }
        for name in ["created_at", "updated_at"] {
            self.column(id, implicit(name, Type::Timestamp), nowhere);
        }
        let auth = tree
            .auth
            .as_ref()
            .and_then(|word| self.word("way to authenticate", word));
        self.entity_mut(id, |entity| entity.auth = auth);
    }

    /// Whether a field says again what every entity has.
    fn implicit_twice(&mut self, id: EntityId, field: &ast::Field, column: &Column) -> bool {
        let expected = match field.name.text.as_str() {
            "id" => Type::Uuid,
            "created_at" | "updated_at" => Type::Timestamp,
            _ => return false,
        };
        if column.ty != expected || column.nullable {
            let shown = self.show(&expected);
            let message = format!("every entity has `{}: {shown}` already", field.name.text);
            let problem = self.problem(Code::RESERVED_NAME, field.name.span, message);
            self.report(problem.help(format!(
                "remove it, or give `{}` another name",
                self.entity_name(id)
            )));
        }
        true
    }

    /// A field as a column.
    pub(super) fn field(&mut self, field: &ast::Field, kind: ColumnKind) -> Column {
        let ty = self.ty(&field.ty, TypePlace::Field);
        let nullable = matches!(ty, Type::Optional(_));
        let ty = ty.required().clone();
        let default = field
            .default
            .as_ref()
            .and_then(|tree| self.default(tree, &ty, nullable));
        let mut column = Column {
            name: field.name.text.clone(),
            ty,
            nullable,
            default,
            kind,
            sensitive: false,
            renamed_from: None,
            facts: Facts::default(),
            by_effects: false,
        };
        for annotation in &field.annotations {
            match (annotation.name.text.as_str(), annotation.arguments.as_slice()) {
                ("sensitive", []) => column.sensitive = true,
                ("renamed_from", [old]) => column.renamed_from = Some(old.text.clone()),
                ("sensitive", _) => self.annotation_arguments(&annotation.name, "`@sensitive` takes nothing"),
                ("renamed_from", _) => {
                    self.annotation_arguments(&annotation.name, "`@renamed_from` takes the old name");
                }
                (other, _) => {
                    let message = format!("there is no annotation `@{other}`");
                    let problem = self.problem(Code::UNKNOWN_ANNOTATION, annotation.name.span, message);
                    self.report(problem.one_of(other, ["sensitive", "renamed_from"]));
                }
            }
        }
        column
    }

    fn annotation_arguments(&mut self, name: &Name, message: &str) {
        let problem = self.problem(Code::ARGUMENT_COUNT, name.span, message);
        self.report(problem.expected("`@sensitive` or `@renamed_from(old_name)`"));
    }

    /// Whether an entity has a member of this name; says so.
    pub(super) fn taken_member(&mut self, id: EntityId, what: &str, name: &Name) -> bool {
        let first = self
            .members
            .get(id.0)
            .and_then(|members| members.get(&name.text))
            .map(|member| (member.source, member.span));
        self.twice(what, name, first)
    }

    /// Adds a column that nobody has yet.
    pub(super) fn column(&mut self, id: EntityId, column: Column, (source, span): (SourceId, Span)) {
        let ty = if column.nullable {
            Type::Optional(Box::new(column.ty.clone()))
        } else {
            column.ty.clone()
        };
        let kind = if matches!(column.kind, ColumnKind::Derived(_)) {
            MemberKind::Derived
        } else {
            MemberKind::Column
        };
        self.member(
            id,
            &column.name,
            Member {
                ty,
                kind,
                span,
                source,
            },
        );
        self.entity_mut(id, |entity| entity.columns.push(column));
    }

    fn replace_column(&mut self, id: EntityId, column: Column, place: (SourceId, Span)) {
        self.entity_mut(id, |entity| entity.columns.retain(|old| old.name != column.name));
        self.column(id, column, place);
    }

    pub(super) fn member(&mut self, id: EntityId, name: &str, member: Member) {
        if let Some(members) = self.members.get_mut(id.0)
            && members.insert(name.to_owned(), member).is_none()
        {
            self.having.entry(name.to_owned()).or_default().push(id.0);
        }
    }

    pub(super) fn entity_mut(&mut self, id: EntityId, change: impl FnOnce(&mut Entity)) {
        if let Some(entity) = self.system.entities.get_mut(id.0) {
            change(entity);
        }
    }

    /// States and transitions. `|` gives alternatives, and `->` leads from every alternative before it; guards are added
    /// once columns are known.
    fn machine(&mut self, graph: &StateGraph) -> Machine {
        let mut machine = Machine {
            states: vec![graph.first.text.clone()],
            transitions: Vec::new(),
        };
        if graph.links.len() > MAX_LINKS {
            let message = format!("this graph has more than {MAX_LINKS} arrows and alternatives");
            let problem = self.problem(Code::TOO_DEEP, graph.span, message);
            self.report(problem.help("keep what has so many values in a field, with a constraint"));
            return machine;
        }
        for (from, link) in edges(graph) {
            if !machine.states.contains(&link.state.text) {
                machine.states.push(link.state.text.clone());
            }
            let known = machine
                .transitions
                .iter()
                .any(|transition| transition.from == from.text && transition.to == link.state.text);
            if !known {
                machine.transitions.push(Transition {
                    from: from.text.clone(),
                    to: link.state.text.clone(),
                    trigger: format!("{}_to_{}", from.text, link.state.text),
                    guard: None,
                });
            }
        }
        machine
    }

    fn indexes(&mut self, id: EntityId, tree: &ast::Entity) {
        for index in &tree.indexes {
            let mut columns = Vec::new();
            for field in &index.fields {
                if columns.contains(&field.text) {
                    let message = format!("`{}` is in this index twice", field.text);
                    let problem = self.problem(Code::DUPLICATE, field.span, message);
                    self.report(problem.help("remove one of them"));
                } else if self.own_column(id, field, tree.incomplete) {
                    columns.push(field.text.clone());
                }
            }
            if !columns.is_empty() {
                self.entity_mut(id, |entity| {
                    if !entity.indexes.contains(&columns) {
                        entity.indexes.push(columns);
                    }
                });
            }
        }
    }

    /// Whether the entity has this column; says so where it does not.
    pub(super) fn own_column(&mut self, id: EntityId, name: &Name, incomplete: bool) -> bool {
        let member = self.members.get(id.0).and_then(|members| members.get(&name.text));
        if member.is_some_and(|member| member.kind != MemberKind::Relation) {
            return true;
        }
        if !incomplete && !self.derives(id, &name.text) {
            let entity = self.entity_name(id);
            let message = format!("entity `{entity}` has no field `{}`", name.text);
            let problem = self.problem(Code::UNKNOWN_FIELD, name.span, message);
            let columns = self
                .system
                .entity(id)
                .map(|entity| entity.columns.as_slice())
                .unwrap_or_default();
            let problem = problem.one_of(&name.text, columns.iter().map(|column| column.name.as_str()));
            self.report(problem);
        }
        self.derives(id, &name.text)
    }

    fn derives(&self, id: EntityId, name: &str) -> bool {
        let tree = self.trees.entities.get(id.0);
        tree.is_some_and(|(_, tree)| tree.derived.iter().any(|derived| derived.name.text == name))
    }
}

/// The pairs of states of a graph, with the link that says each.
pub(super) fn edges(graph: &StateGraph) -> Vec<(&Name, &ast::Link)> {
    let mut edges = Vec::new();
    // What the next `->` leads from, and what the next `|` is an alternative to.
    let mut before: Vec<&Name> = Vec::new();
    let mut here: Vec<&Name> = vec![&graph.first];
    for link in &graph.links {
        if !link.alternative {
            before = std::mem::take(&mut here);
        }
        edges.extend(before.iter().map(|from| (*from, link)));
        here.push(&link.state);
    }
    edges
}

pub(super) fn implicit(name: &str, ty: Type) -> Column {
    Column {
        name: name.to_owned(),
        ty,
        nullable: false,
        default: None,
        kind: ColumnKind::Implicit,
        sensitive: false,
        renamed_from: None,
        facts: Facts::default(),
        by_effects: false,
    }
}
