//! Channels, policies and constraints outside of entities.

use super::scope::Scope;
use super::{Checker, snake};
use crate::ast::{self, ExpressionKind as A, Name, TypeKind};
use crate::diagnostic::{Code, closest};
use crate::ir::{
    Access, CapabilityId, Channel, Check, Constraint, Encryption, EntityId, Expression, ExpressionKind as K,
    Ordering, Policy, PolicyScope, RelationKind, Sync, Transport, Type,
};
use crate::text::Span;

/// The largest number of participants, messages and requests that is meant and not mistyped.
const MAX_COUNT: u64 = 1_000_000_000;

/// So many names are compared with a role that may be mistyped.
const MAX_LISTED: usize = 100;

impl Checker<'_> {
    pub(super) fn surface(&mut self) {
        for (source, tree) in self.trees.channels.clone() {
            self.source = source;
            let channel = self.channel(tree);
            self.system.channels.push(channel);
        }
        self.unheard();
        for (source, tree) in self.trees.policies.clone() {
            self.source = source;
            let policy = self.policy(tree);
            self.system.policies.push(policy);
        }
        for (source, tree) in self.trees.constraints.clone() {
            self.source = source;
            self.outside_constraint(tree);
        }
    }

    /// What is done at once is told in channels, and only where there is one for it.
    fn unheard(&mut self) {
        let at_once = |word: &&Name| word.text == Sync::Realtime.as_str();
        for (index, (source, tree)) in self.trees.capabilities.clone().into_iter().enumerate() {
            let (Some(word), Some(capability)) = (
                tree.sync.as_ref().filter(at_once),
                self.system.capabilities.get(index),
            ) else {
                continue;
            };
            let mut channels = self.system.channels.iter();
            if channels.any(|channel| capability.concerns(channel.participants)) {
                continue;
            }
            self.source = source;
            let message = format!("no channel tells of `{}`", tree.name.text);
            let problem = self.problem(Code::UNHEARD, word.span, message);
            self.report(
                problem.help("give it a parameter of those who take part in a channel, declare such a channel, or leave `sync` out"),
            );
        }
    }

    fn channel(&mut self, tree: &ast::Channel) -> Channel {
        let defaults = self.defaults;
        let transport = tree
            .transport
            .as_ref()
            .and_then(|word| self.word::<Transport>("transport", word));
        let ordering = tree
            .ordering
            .as_ref()
            .and_then(|word| self.word::<Ordering>("ordering", word));
        if let (Some(Transport::Polling), Some(Ordering::Total), Some(word)) =
            (transport, ordering, &tree.ordering)
        {
            let message = "who polls can't be given one order for all";
            let problem = self.problem(Code::EXCLUSIVE, word.span, message);
            self.report(problem.help("take `ordering: fifo`, or `transport: websocket`"));
        }
        let participants = tree.participants.as_ref().and_then(|ty| self.participants(ty));
        let persistence = tree
            .persistence
            .as_ref()
            .map_or(defaults.persistence, |word| self.persistence(word));
        let filter = tree.filter.as_ref().map(|filter| {
            let scope = Scope::Channel { participants };
            let condition = self.condition(filter, &scope);
            self.filter(&condition, filter.span, tree.participants.is_some(), participants);
            Check {
                condition,
                text: self.text(filter.span),
            }
        });
        let max_size = tree.max_size.map_or(defaults.max_size, |number| {
            self.bounded("the number of participants", number, 1, MAX_COUNT)
        });
        Channel {
            name: tree.name.text.clone(),
            transport: transport.unwrap_or(defaults.transport),
            ordering: ordering.unwrap_or(defaults.ordering),
            participants,
            persistence,
            filter,
            max_size,
        }
    }

    /// A filter is asked of each message and each participant: it reads the row of the participant, and no other.
    fn filter(
        &mut self,
        condition: &Expression,
        span: Span,
        with_rows: bool,
        participants: Option<EntityId>,
    ) {
        let entity = participants.and_then(|id| self.system.entity(id));
        let own_key = |relation: &str| {
            let found = entity.and_then(|entity| entity.relation(relation));
            found.is_some_and(|found| found.kind == RelationKind::BelongsTo)
        };
        let (mut names_row, mut names_role, mut beyond) = (false, false, false);
        condition.walk(&mut |part| match &part.kind {
            K::Participant => names_row = true,
            K::CallerRole => names_role = true,
            K::Column { row, column } if column != "id" => beyond |= row.kind != K::Participant,
            K::Related { row, relation } => beyond |= row.kind != K::Participant || !own_key(relation),
            _ => {}
        });
        if names_row && !with_rows {
            let message = "the channel does not say whose row `participant` is";
            let problem = self.problem(Code::UNKNOWN_NAME, span, message);
            self.report(problem.help("give it `participants: set<…>` of an entity"));
        }
        if names_role {
            let message = "a filter knows the id of the caller who sent a message, and no roles";
            let problem = self.problem(Code::NOT_OWN, span, message);
            self.report(problem.help("name the roles in the `access` of a policy"));
        }
        if beyond {
            let message = "a filter reads no rows beyond that of the participant";
            let problem = self.problem(Code::NOT_OWN, span, message);
            self.report(
                problem
                    .expected("columns of the participant itself, a foreign key among them")
                    .help(
                        "compare the key with one in the message: `participant.guild_id == event.guild_id`",
                    ),
            );
        }
    }

    fn participants(&mut self, tree: &ast::TypeExpression) -> Option<EntityId> {
        let ty = self.ty(tree, super::types::TypePlace::Field);
        if let Some(Type::Entity(id)) = ty.element() {
            return Some(*id);
        }
        let unknown = ty == Type::Unknown || ty.element() == Some(&Type::Unknown);
        if !unknown {
            let message = format!("participants are rows of an entity, not `{}`", self.show(&ty));
            let problem = self
                .problem(Code::MISPLACED_TYPE, tree.span, message)
                .expected("`set<…>` of an entity");
            let problem = match (&tree.kind, &ty) {
                (TypeKind::Named(name), Type::Entity(_)) => {
                    problem.replace(tree.span, format!("set<{name}>"))
                }
                _ => problem,
            };
            self.report(problem);
        }
        None
    }

    /// `none`, `full` or `last_N`.
    fn persistence(&mut self, word: &Name) -> Option<u64> {
        let last = word
            .text
            .strip_prefix("last_")
            .and_then(|number| number.parse().ok());
        match (word.text.as_str(), last) {
            ("none", _) => Some(0),
            ("full", _) => None,
            (_, Some(number)) if (1..=MAX_COUNT).contains(&number) => Some(number),
            (other, _) => {
                let message = format!("there is no persistence `{other}`");
                let problem = self.problem(Code::UNKNOWN_WORD, word.span, message);
                self.report(problem.one_of(other, ["none", "full", "last_100"]));
                Some(0)
            }
        }
    }

    fn policy(&mut self, tree: &ast::Policy) -> Policy {
        let rate_limit = tree.rate_limit.map(|limit| {
            let requests = self.bounded("the number of requests", limit.requests, 1, MAX_COUNT);
            (requests, self.span_of_time("the window", limit.per))
        });
        let access = tree.access.as_ref().map(|names| {
            let mut seen = std::collections::HashMap::new();
            let mut access = Vec::new();
            for name in names {
                let first = seen.insert(name.text.clone(), (self.source, name.span));
                if !self.twice("the role", name, first) {
                    access.push(self.access(name));
                }
            }
            access
        });
        Policy {
            name: tree.name.text.clone(),
            scope: self.policy_scope(&tree.name.text),
            rate_limit,
            access,
            audit: self.flag(tree.audit.as_ref()),
            encryption: tree
                .encryption
                .as_ref()
                .and_then(|word| self.word::<Encryption>("encryption", word)),
        }
    }

    /// `member` is the entity `Member`; any other word is a role that tokens name.
    fn access(&mut self, name: &Name) -> Access {
        if let Some(id) = self.names.by_snake.get(&snake(&name.text)) {
            return Access::Entity(EntityId(*id));
        }
        let names: Vec<String> = self
            .system
            .entities
            .iter()
            .take(MAX_LISTED)
            .map(|entity| snake(&entity.name))
            .collect();
        // A role may have any name; one that is an entity's but for a letter is worth a look.
        if let Some(near) = closest(&name.text, names.iter().map(String::as_str)) {
            let near = near.to_owned();
            let message = format!("`{}` is no entity, so it is a role", name.text);
            let problem = self.problem(Code::CLOSE_ROLE, name.span, message);
            self.report(problem.help(format!("write `{near}` if the entity is meant")));
        }
        Access::Role(name.text.clone())
    }

    fn policy_scope(&self, name: &str) -> PolicyScope {
        // The longest name wins: `order_item_limits` is about `OrderItem`, not `Order`.
        let mut prefix = name;
        loop {
            if let Some(id) = self.names.capabilities.get(prefix) {
                return PolicyScope::Capability(CapabilityId(*id));
            }
            if let Some(id) = self.names.by_snake.get(prefix) {
                return PolicyScope::Entity(EntityId(*id));
            }
            match prefix.rsplit_once('_') {
                Some((shorter, _)) => prefix = shorter,
                None => return PolicyScope::System,
            }
        }
    }

    fn outside_constraint(&mut self, tree: &ast::Constraint) {
        let entity = self.entity_of(&tree.condition);
        let scope = Scope::Outside { entity };
        let condition = self.condition(&tree.condition, &scope);
        let Some(entity) = entity else {
            if condition.ty != Type::Unknown {
                self.about_nothing(tree.condition.span);
            }
            return;
        };
        let mut known = true;
        condition.walk(&mut |part| {
            known &= part.ty != Type::Unknown;
        });
        if known {
            let check = Check {
                condition,
                text: self.text(tree.condition.span),
            };
            self.system.constraints.push(Constraint {
                name: tree.name.text.clone(),
                entity,
                check,
            });
        }
    }

    fn about_nothing(&mut self, span: Span) {
        let problem = self.problem(
            Code::NOT_OWN,
            span,
            "this constraint is about the rows of no entity",
        );
        self.report(problem.expected("paths that begin with an entity, such as `Order.total <= 1000`"));
    }

    /// The entity that the first path with a known one names.
    fn entity_of(&self, tree: &ast::Expression) -> Option<EntityId> {
        let mut names = Vec::new();
        super::row::paths(tree, &mut names);
        if let A::Group(inner) = &tree.kind {
            return self.entity_of(inner);
        }
        names
            .iter()
            .find_map(|name| self.names.entities.get(*name).map(|id| EntityId(*id)))
    }
}
