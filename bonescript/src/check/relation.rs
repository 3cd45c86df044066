//! Relations: which column or table holds each.

use std::collections::{HashMap, HashSet};

use super::entity::implicit;
use super::{Checker, Member, MemberKind, Placed, snake};
use crate::ast::{self, UpperBound};
use crate::diagnostic::Code;
use crate::ir::{Column, ColumnKind, EntityId, Junction, Relation, RelationKind, Type};

/// What is looked up for each relation.
struct Known<'a> {
    /// The names of relations, by their entity, kind and target.
    relations: HashMap<[&'a str; 3], Vec<&'a str>>,
    /// The tables of entities.
    tables: HashSet<String>,
}

impl<'a> Known<'a> {
    fn of(entities: &[Placed<'a, ast::Entity>], tables: impl Iterator<Item = String>) -> Self {
        let mut relations: HashMap<_, Vec<&str>> = HashMap::new();
        for (_, tree) in entities {
            for relation in &tree.relations {
                let way = [&tree.name, &relation.kind, &relation.target].map(|name| name.text.as_str());
                relations
                    .entry(way)
                    .or_default()
                    .push(relation.name.text.as_str());
            }
        }
        Self {
            relations,
            tables: tables.collect(),
        }
    }

    /// The relations of the entity that are of this kind and to this target, that one among them.
    fn alike<'k>(&'k self, tree: &'k ast::Entity, relation: &'k ast::Relation) -> &'k [&'k str] {
        self.named([&tree.name.text, &relation.kind.text, &relation.target.text])
    }

    /// The relations of a kind that lead from the target to the entity.
    fn back<'k>(
        &'k self,
        tree: &'k ast::Entity,
        relation: &'k ast::Relation,
        kind: &'k str,
    ) -> &'k [&'k str] {
        self.named([&relation.target.text, kind, &tree.name.text])
    }

    fn named<'k>(&'k self, way: [&'k str; 3]) -> &'k [&'k str] {
        self.relations.get(&way).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Checker<'_> {
    /// `belongs_to` first, because the other side of a relation uses its column.
    pub(super) fn relations(&mut self) {
        let entities = self.trees.entities.clone();
        let known = Known::of(
            &entities,
            self.system.entities.iter().map(|entity| entity.table.clone()),
        );
        for belongs in [true, false] {
            for (index, (source, tree)) in entities.iter().copied().enumerate() {
                self.source = source;
                for relation in &tree.relations {
                    if (relation.kind.text == "belongs_to") == belongs {
                        self.relation(EntityId(index), tree, relation, &known);
                    }
                }
            }
        }
    }

    fn relation(&mut self, id: EntityId, tree: &ast::Entity, relation: &ast::Relation, known: &Known<'_>) {
        let kind: Option<RelationKind> = self.word("kind of relation", &relation.kind);
        let target = self.target(relation);
        let (Some(kind), Some(target)) = (kind, target) else {
            // What stands behind it is not missed.
            let (span, source) = (relation.name.span, self.source);
            let member = Member {
                ty: Type::Unknown,
                kind: MemberKind::Relation,
                span,
                source,
            };
            return self.member(id, &relation.name.text, member);
        };
        let (least, most) = self.bounds(kind, relation);
        if self.taken_member(id, "the relation", &relation.name) {
            return;
        }
        let mut lowered = Relation {
            name: relation.name.text.clone(),
            kind,
            target,
            column: None,
            junction: None,
            least,
            most,
        };
        let ty = match kind {
            RelationKind::BelongsTo => {
                let (column, nullable) = self.foreign_key(
                    id,
                    relation,
                    known.alike(tree, relation).len() < 2,
                    target,
                    least == 0,
                );
                lowered.column = Some(column);
                if nullable {
                    Type::Optional(Box::new(Type::Entity(target)))
                } else {
                    Type::Entity(target)
                }
            }
            RelationKind::HasOne => {
                self.one_way_back(relation, known.back(tree, relation, "belongs_to"), target);
                lowered.column = Some(self.column_of_target(id, target));
                Type::Optional(Box::new(Type::Entity(target)))
            }
            RelationKind::HasMany => {
                self.one_way_back(relation, known.back(tree, relation, "belongs_to"), target);
                lowered.column = Some(self.column_of_target(id, target));
                Type::List(Box::new(Type::Entity(target)))
            }
            RelationKind::ManyToMany => {
                lowered.junction = Some(self.junction(id, tree, relation, target, known));
                Type::List(Box::new(Type::Entity(target)))
            }
        };
        let member = Member {
            ty,
            kind: MemberKind::Relation,
            span: relation.name.span,
            source: self.source,
        };
        self.member(id, &relation.name.text, member);
        self.entity_mut(id, |entity| entity.relations.push(lowered));
    }

    fn target(&mut self, relation: &ast::Relation) -> Option<EntityId> {
        let found = self.names.entities.get(&relation.target.text);
        if found.is_none() && !self.is_lost(&relation.target.text) {
            let message = format!("there is no entity `{}`", relation.target.text);
            let problem = self.problem(Code::UNKNOWN_ENTITY, relation.target.span, message);
            let known = self.system.entities.iter().map(|entity| entity.name.as_str());
            let problem = problem.one_of(&relation.target.text, known);
            self.report(problem);
        }
        self.names
            .entities
            .get(&relation.target.text)
            .map(|id| EntityId(*id))
    }

    /// The fewest and the most rows; what the kind implies where nothing is said.
    fn bounds(&mut self, kind: RelationKind, relation: &ast::Relation) -> (u64, Option<u64>) {
        let single = matches!(kind, RelationKind::BelongsTo | RelationKind::HasOne);
        let implied = match kind {
            RelationKind::BelongsTo => (1, Some(1)),
            RelationKind::HasOne => (0, Some(1)),
            RelationKind::HasMany | RelationKind::ManyToMany => (0, None),
        };
        let Some((least, most)) = relation.bounds else {
            return implied;
        };
        let (high, span) = match most {
            UpperBound::Many => (None, least.span),
            UpperBound::Number(number) => (Some(number.value), least.span.to(number.span)),
        };
        let wrong = if high.is_some_and(|high| high < least.value) {
            Some(format!(
                "no row can have from {} to {} of them",
                least.value,
                high.unwrap_or(0)
            ))
        } else if high == Some(0) {
            Some("a relation to no row at all".to_owned())
        } else if single && (high != Some(1) || least.value > 1) {
            Some(format!("`{}` leads to one row at most", kind.as_str()))
        } else {
            None
        };
        if let Some(message) = wrong {
            let expected = if single {
                "`[0..1]` or `[1..1]`"
            } else {
                "`[LEAST..MOST]`, with LEAST at most MOST, or `*`"
            };
            let problem = self.problem(Code::BAD_CARDINALITY, span, message);
            self.report(problem.expected(expected));
            return implied;
        }
        (least.value, high)
    }

    /// The column of a `belongs_to`: one that `owns` has, else one that is added. It is called after the relation where
    /// the entity has several to the same target, else after the target.
    fn foreign_key(
        &mut self,
        id: EntityId,
        relation: &ast::Relation,
        alone: bool,
        target: EntityId,
        optional: bool,
    ) -> (String, bool) {
        let by_name = format!("{}_id", relation.name.text);
        let by_target = format!("{}_id", snake(self.entity_name(target)));
        let own = |name: &str| {
            // Nearly always there is none, which is known without a look at each.
            self.members.get(id.0)?.get(name)?;
            let entity = self.system.entity(id)?;
            let column = entity.columns.iter().find(|column| column.name == name)?;
            matches!(column.kind, ColumnKind::Owned).then(|| column.clone())
        };
        let given = own(&by_name).or_else(|| own(&by_target).filter(|_| alone));
        if let Some(column) = given {
            if !matches!(column.ty, Type::Uuid | Type::Unknown) {
                let shown = self.show(&column.ty);
                let message = format!(
                    "the field `{}` holds this relation, but is of type `{shown}`",
                    column.name
                );
                let problem = self.problem(Code::TYPE_MISMATCH, relation.name.span, message);
                self.report(
                    problem
                        .expected("`uuid`")
                        .help("make it a `uuid`, or rename one of the two"),
                );
            }
            let nullable = column.nullable || optional;
            self.entity_mut(id, |entity| {
                for known in &mut entity.columns {
                    if known.name == column.name {
                        known.kind = ColumnKind::ForeignKey(target);
                        known.nullable = nullable;
                    }
                }
            });
            return (column.name, nullable);
        }
        let name = if alone { by_target } else { by_name };
        self.add_foreign_key(id, target, &name, optional);
        (name, optional)
    }

    fn add_foreign_key(&mut self, id: EntityId, target: EntityId, name: &str, nullable: bool) {
        let known = self
            .members
            .get(id.0)
            .is_some_and(|members| members.contains_key(name));
        if known {
            return;
        }
        let column = Column {
            kind: ColumnKind::ForeignKey(target),
            nullable,
            ..implicit(name, Type::Uuid)
        };
        let span = self
            .trees
            .entities
            .get(id.0)
            .map(|(source, tree)| (*source, tree.name.span));
        self.column(id, column, span.unwrap_or_default());
    }

    /// The column of the target that leads back; added where no `belongs_to` of it does.
    fn column_of_target(&mut self, id: EntityId, target: EntityId) -> String {
        let back = self.system.entity(target).and_then(|entity| {
            let mut relations = entity.relations.iter();
            relations.find(|relation| relation.kind == RelationKind::BelongsTo && relation.target == id)
        });
        if let Some(column) = back.and_then(|relation| relation.column.clone()) {
            return column;
        }
        let name = format!("{}_id", snake(self.entity_name(id)));
        let unused = self
            .system
            .entity(target)
            .and_then(|entity| entity.column(&name))
            .is_some_and(|column| column.ty == Type::Uuid && column.kind == ColumnKind::Owned);
        if unused {
            self.entity_mut(target, |entity| {
                for column in &mut entity.columns {
                    if column.name == name {
                        column.kind = ColumnKind::ForeignKey(id);
                    }
                }
            });
        } else {
            self.add_foreign_key(target, id, &name, true);
        }
        name
    }

    /// Says where a relation may be the other side of several of its target. The first is taken otherwise.
    fn one_way_back(&mut self, relation: &ast::Relation, back: &[&str], target: EntityId) {
        let [first, _, ..] = back else { return };
        let message = format!(
            "`{}` may be the other side of {} of `{}`",
            relation.name.text,
            crate::diagnostic::some_of(back),
            self.entity_name(target),
        );
        let problem = self.problem(Code::AMBIGUOUS_RELATION, relation.name.span, message);
        let made = format!("it is that of `{first}`");
        let problem = problem.help("leave it out, and ask the target by the relation that is meant");
        self.tolerate(problem, &made);
    }

    /// The table of links. It is that of both sides, where each has one such relation; one of several to the same target is
    /// called after the relation.
    fn junction(
        &mut self,
        id: EntityId,
        tree: &ast::Entity,
        relation: &ast::Relation,
        target: EntityId,
        known: &Known<'_>,
    ) -> Junction {
        let is_one_of_several = known.alike(tree, relation).len() > 1;
        let is_of_several = known.back(tree, relation, "many_to_many").len() > 1;
        if id != target && !is_one_of_several && is_of_several {
            let message = format!(
                "`{}` may be the other side of several relations of `{}`",
                relation.name.text, relation.target.text
            );
            let problem = self.problem(Code::AMBIGUOUS_RELATION, relation.name.span, message);
            let problem = problem.help("leave it out, and ask the target by the relation that is meant");
            self.tolerate(problem, "it is a relation of its own");
        }
        let entity = |id: EntityId| self.system.entity(id).map_or("", |entity| entity.table.as_str());
        let mut table = if is_one_of_several {
            format!("{}_{}", entity(id), snake(&relation.name.text))
        } else {
            let mut tables = [entity(id), entity(target)];
            tables.sort_unstable();
            tables.join("_")
        };
        while known.tables.contains(&table) {
            table.push_str("_link");
        }
        let own = format!("{}_id", snake(self.entity_name(id)));
        let other = if id == target {
            format!("other_{own}")
        } else {
            format!("{}_id", snake(self.entity_name(target)))
        };
        Junction { table, own, other }
    }

    /// Says where two columns are one for a database: SQL tells no capitals.
    pub(super) fn columns_alike(&mut self, id: EntityId) {
        let mut seen = HashMap::new();
        let Some(entity) = self.system.entity(id) else {
            return;
        };
        let mut alike = Vec::new();
        for column in &entity.columns {
            if let Some(first) = seen.insert(column.name.to_ascii_lowercase(), column.name.clone()) {
                alike.push((column.name.clone(), first));
            }
        }
        for (one, other) in alike {
            // What the compiler adds stands nowhere: the other of them does.
            let place = |name: &String| self.members.get(id.0).and_then(|members| members.get(name));
            let own = |name: &String| place(name).map(|member| (member.source, member.span));
            let nowhere = self.trees.entities.get(id.0).map(|(_, tree)| tree.name.span);
            let at = [&one, &other]
                .into_iter()
                .filter_map(own)
                .find(|(_, span)| Some(*span) != nowhere);
            let Some((source, span)) = at else { continue };
            let message = format!("a database takes `{one}` and `{other}` for one column");
            let here = std::mem::replace(&mut self.source, source);
            let problem = self.problem(Code::DUPLICATE, span, message);
            self.report(problem.help("capitals do not tell columns apart: give one of them another name"));
            self.source = here;
        }
    }

    /// Whose row it is: the shortest way over `belongs_to` to an entity that logs in.
    pub(super) fn owners(&mut self) {
        let count = self.system.entities.len();
        let mut owners: Vec<Option<Vec<String>>> = vec![None; count];
        for (index, owner) in owners.iter_mut().enumerate() {
            if self.logs_in(EntityId(index)) {
                *owner = Some(Vec::new());
            }
        }
        // From the ends backwards, one step a round; ways get longer by the round, so the first found is the shortest.
        loop {
            let mut found = Vec::new();
            for (index, entity) in self.system.entities.iter().enumerate() {
                if owners.get(index).is_none_or(Option::is_some) {
                    continue;
                }
                let way = entity.relations.iter().find_map(|relation| {
                    let rest = owners.get(relation.target.0)?.as_ref()?;
                    (relation.kind == RelationKind::BelongsTo).then(|| {
                        let first = std::iter::once(relation.name.clone());
                        first.chain(rest.iter().cloned()).collect::<Vec<_>>()
                    })
                });
                found.extend(way.map(|way| (index, way)));
            }
            // A chain longer than this is no ownership that anybody would see.
            let longest = found.iter().map(|(_, way)| way.len()).max().unwrap_or(0);
            let done = found.is_empty() || longest > 8;
            for (index, way) in found {
                if let Some(owner) = owners.get_mut(index) {
                    *owner = Some(way);
                }
            }
            if done {
                break;
            }
        }
        for (entity, owner) in self.system.entities.iter_mut().zip(owners) {
            entity.owner = owner;
        }
    }
}
