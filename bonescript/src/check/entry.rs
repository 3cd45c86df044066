//! Whether anybody gets in: who may sign up, needing nothing that only those who are in can make.

use super::Checker;
use crate::diagnostic::Code;
use crate::ir::{Auth, Authorization, Capability, ColumnKind, Entity, EntityId};

impl Checker<'_> {
    /// Warns where the first row of those who log in can't be made by a request.
    pub(super) fn entry(&mut self) {
        let made = |id: usize| {
            // Only who needs no token can make the first account.
            let anyone = |capability: &&Capability| capability.authorization == Authorization::Anyone;
            let open = self.system.capabilities.iter().filter(anyone);
            let mut creations = open.filter_map(|capability| capability.creates.as_ref());
            creations.any(|creation| creation.entity == EntityId(id))
        };
        let entities = &self.system.entities;
        // Tokens of others come from outside, and a capability may be another way to sign up.
        let elsewhere = |(id, entity): (usize, &Entity)| {
            entity
                .login()
                .is_some_and(|auth| auth == Auth::Oauth2 || made(id))
        };
        if entities.iter().enumerate().any(elsewhere) {
            return;
        }
        // Those whose rows need only rows of those that were found before: each round finds one more, or is the last.
        let mut open = vec![false; entities.len()];
        loop {
            let lacking = |entity: &Entity| lacking(entity, &open).is_none();
            let next = entities
                .iter()
                .zip(&open)
                .position(|(entity, open)| !open && entity.login().is_some() && lacking(entity));
            match next.and_then(|index| open.get_mut(index)) {
                Some(place) => *place = true,
                None => break,
            }
        }
        if open.contains(&true) {
            return;
        }
        let found = self
            .trees
            .entities
            .iter()
            .zip(entities)
            .find_map(|((source, tree), entity)| {
                entity.login()?;
                let (column, target) = lacking(entity, &open)?;
                Some((
                    *source,
                    tree.auth.as_ref()?.span,
                    entity.name.clone(),
                    column,
                    self.entity_name(target).to_owned(),
                ))
            });
        let Some((source, span, entity, column, target)) = found else {
            return;
        };
        self.source = source;
        let message = format!(
            "nobody can sign up as `{entity}`: that takes a `{column}`, and only who is logged in makes a `{target}`"
        );
        let problem = self.problem(Code::NO_WAY_IN, span, message);
        self.report(
            problem.help("make the relation optional with `[0..1]`, or make the first rows in the database"),
        );
    }
}

/// The first column of an entity that must name a row of one that nobody signs up as, with that.
fn lacking(entity: &Entity, open: &[bool]) -> Option<(String, EntityId)> {
    entity.columns.iter().find_map(|column| match column.kind {
        ColumnKind::ForeignKey(target)
            if !column.nullable && column.default.is_none() && open.get(target.0) != Some(&true) =>
        {
            Some((column.name.clone(), target))
        }
        _ => None,
    })
}
