//! Objects: which member is which property, and what becomes of the rest.

use super::keys::{self, Target};
use super::{Aligner, DIAGNOSTIC, Mode, Out};
use crate::schema::{Additional, Members, Property, TypeId};
use crate::tree::{Kind, NodeId, Span};
use crate::{DiagnosticKind, RepairKind};

/// A member that the schema neither names nor forbids: no repair, but a sign that something else was meant.
pub(crate) const STRANGER: u32 = 5;

/// How many members an object has at most that is looked at for being written exactly as its schema has it.
const PLAIN: usize = 64;

/// The one property that text alone can be: the only one that is required, else the only one there is.
pub(super) fn only(members: &Members) -> Option<&Property> {
    let mut required = members.properties.iter().filter(|property| property.required);
    match (required.next(), required.next(), members.properties.as_slice()) {
        (Some(one), None, _) | (None, _, [one]) => Some(one),
        _ => None,
    }
}

impl<'a> Aligner<'a, '_> {
    pub(super) fn object(
        &mut self,
        node: NodeId,
        ty: TypeId,
        members: &'a Members,
        depth: usize,
        out: &mut Out,
    ) {
        if self.tree.kind(node) != Kind::Object {
            return self.no_object(node, ty, members, depth, out);
        }
        if let Some(order) = self.plain_order(node, members) {
            return self.exact(node, members, &order, depth, out);
        }
        let mut targets = keys::targets(self.tree, node, members, |child, property| {
            self.is_absent(child, property)
        });
        let stranger = targets.iter().all(|target| matches!(target, Target::Stranger));
        if stranger
            && !members.properties.is_empty()
            && let Some(inner) = self.wrapped(node, ty, members, depth)
        {
            out.repair(RepairKind::Nesting, self.span(node));
            return self.align(inner, ty, depth + 1, out);
        }
        if self.mode == Mode::Arguments {
            self.leftover(node, members, &mut targets, depth);
        }
        self.fill(node, members, &targets, depth, out);
    }

    /// Which property each member is, if every one is written exactly as the schema has it, once, and is there: the
    /// usual case.
    fn plain_order(&self, node: NodeId, members: &Members) -> Option<[u8; PLAIN]> {
        let mut order = [0; PLAIN];
        let mut seen = 0_u64;
        let mut next = 0;
        let known = self.tree.count(node) <= PLAIN
            && self.tree.children(node).zip(&mut order).all(|(child, place)| {
                let Some((index, property)) = self.named(child, members, next) else {
                    return false;
                };
                next = index + 1;
                *place = u8::try_from(index).unwrap_or(u8::MAX);
                let bit = 1_u64
                    .checked_shl(u32::try_from(index).unwrap_or(u32::MAX))
                    .unwrap_or(0);
                let fresh = bit != 0 && seen & bit == 0;
                seen |= bit;
                fresh && !self.is_absent(child, property)
            });
        let mut required = members
            .properties
            .iter()
            .zip(0_u32..)
            .filter(|(property, _)| property.required);
        (known && required.all(|(_, index)| seen.checked_shr(index).unwrap_or(0) & 1 == 1)).then_some(order)
    }

    /// The property of a member's key; `next` is where it stands if the members have the order of the schema.
    fn named<'m>(&self, child: NodeId, members: &'m Members, next: usize) -> Option<(usize, &'m Property)> {
        let key = self.tree.key(child)?;
        if let Some(property) = members
            .properties
            .get(next)
            .filter(|property| property.name == key)
        {
            return Some((next, property));
        }
        let index = *members.by_name.get(key)?;
        Some((index, members.properties.get(index)?))
    }

    fn exact(&mut self, node: NodeId, members: &'a Members, order: &[u8], depth: usize, out: &mut Out) {
        let start = out.open_object();
        let tree = self.tree;
        for (child, index) in tree.children(node).zip(order) {
            let Some(property) = members.properties.get(usize::from(*index)) else {
                continue;
            };
            let length = out.member(&property.name);
            self.align(child, property.ty, depth + 1, out);
            out.leave(length);
        }
        out.close(start);
    }

    fn fill(&mut self, node: NodeId, members: &'a Members, targets: &[Target], depth: usize, out: &mut Out) {
        let start = out.open_object();
        let mut filled = vec![false; members.properties.len()];
        for (child, target) in self.tree.children(node).zip(targets) {
            match *target {
                Target::Property { index, renamed } => {
                    let Some(property) = members.properties.get(index) else {
                        continue;
                    };
                    if self.is_absent(child, property) {
                        continue;
                    }
                    if renamed {
                        out.repair(RepairKind::ParameterName, self.span(child));
                    }
                    if let Some(filled) = filled.get_mut(index) {
                        *filled = true;
                    }
                    let length = out.member(&property.name);
                    self.align(child, property.ty, depth + 1, out);
                    out.leave(length);
                }
                Target::Absent => {}
                Target::Overwritten => out.repair(RepairKind::SeveralValues, self.span(child)),
                Target::Stranger => self.stranger(child, members, depth, out),
            }
        }
        self.missing(self.span(node), members, &filled, out);
        out.close_unique(start);
    }

    /// Whether a member says that there is none: null for what may be left out and may not be null.
    fn is_absent(&self, child: NodeId, property: &Property) -> bool {
        if property.required || self.schema.allows_null(property.ty) {
            return false;
        }
        match self.tree.kind(child) {
            Kind::Null => true,
            Kind::Bare => {
                matches!(self.tree.text(child).trim(), "null" | "None")
                    && !self.schema.allows_string(property.ty)
            }
            Kind::Quoted => {
                self.mode == Mode::Arguments
                    && matches!(self.tree.text(child), "null" | "None")
                    && !self.schema.allows_string(property.ty)
            }
            _ => false,
        }
    }

    fn stranger(&mut self, child: NodeId, members: &Members, depth: usize, out: &mut Out) {
        let key = self.tree.key(child).unwrap_or_default();
        let drop = match members.additional {
            Additional::Forbidden => true,
            Additional::Allowed(ty) => {
                let length = out.member(key);
                self.align(child, ty, depth + 1, out);
                return out.leave(length);
            }
            Additional::Unsaid => self.mode == Mode::Value && !members.properties.is_empty(),
        };
        if drop {
            out.repair(RepairKind::UnknownParameter, self.span(child));
            return;
        }
        if !members.properties.is_empty() {
            out.add(STRANGER);
        }
        let length = out.member(key);
        self.any(child, out);
        out.leave(length);
    }

    /// A value that no schema speaks of, with the place where it was cut.
    fn any(&self, node: NodeId, out: &mut Out) {
        if self.tree.is_cut(node) {
            out.cut_here();
        }
        self.plain(node, out);
    }

    pub(super) fn missing(&self, span: Span, members: &Members, filled: &[bool], out: &mut Out) {
        let lacking = members
            .properties
            .iter()
            .zip(filled)
            .filter(|(property, filled)| property.required && !**filled);
        for (property, _) in lacking {
            let length = out.enter(&property.name);
            out.diagnostic(DiagnosticKind::Missing, span, || {
                format!(
                    "`{}` is missing; expected {}",
                    property.name,
                    self.schema.expected(property.ty)
                )
            });
            out.leave(length);
        }
    }

    /// The value of the only member, if it is the object that was asked for: `{"arguments": {…}}`.
    fn wrapped(&mut self, node: NodeId, ty: TypeId, members: &'a Members, depth: usize) -> Option<NodeId> {
        let inner = match self.tree.count(node) {
            1 => self.tree.children(node).next()?,
            // A wrapper may stand beside what describes it: `{"type": "object", "properties": {…}}`.
            2 | 3 => self.tree.children(node).find(|child| {
                self.tree
                    .key(*child)
                    .is_some_and(|key| keys::WRAPPERS.contains(&key))
            })?,
            _ => return None,
        };
        let encoded = self
            .text(inner)
            .is_some_and(|text| text.trim_start().starts_with('{'));
        if self.tree.kind(inner) != Kind::Object && !encoded {
            return None;
        }
        let targets = vec![Target::Stranger; self.tree.count(node)];
        let mut own = Out::new(true);
        self.fill(node, members, &targets, depth, &mut own);
        let other = self
            .cost(inner, ty, depth)
            .saturating_add(RepairKind::Nesting.cost());
        (other < own.cost).then_some(inner)
    }

    /// One required property is missing and one member has no place: they belong together if the kinds fit.
    fn leftover(&mut self, node: NodeId, members: &'a Members, targets: &mut [Target], depth: usize) {
        let mut strangers = targets
            .iter()
            .enumerate()
            .filter(|(_, target)| matches!(target, Target::Stranger));
        let (Some((place, _)), None) = (strangers.next(), strangers.next()) else {
            return;
        };
        let mut lacking = members.properties.iter().enumerate().filter(|(index, property)| {
            property.required && !targets.iter().any(|target| target.is_property(*index))
        });
        let (Some((index, property)), None) = (lacking.next(), lacking.next()) else {
            return;
        };
        let Some(child) = self.tree.children(node).nth(place) else {
            return;
        };
        if self.cost(child, property.ty, depth) < DIAGNOSTIC
            && let Some(target) = targets.get_mut(place)
        {
            *target = Target::Property { index, renamed: true };
        }
    }

    /// Where an object is wanted and something else stands: one in a text, one in a list, or its only value.
    fn no_object(&mut self, node: NodeId, ty: TypeId, members: &'a Members, depth: usize, out: &mut Out) {
        if self.decoded(node, ty, Kind::Object, depth, out) {
            return;
        }
        if self.tree.kind(node) == Kind::Array
            && let Some(inner) = self.item(node, ty, depth)
        {
            let alone = self.tree.count(node) == 1;
            out.repair(
                if alone {
                    RepairKind::Nesting
                } else {
                    RepairKind::Choice
                },
                self.span(node),
            );
            return self.align(inner, ty, depth + 1, out);
        }
        if self.mode == Mode::Value
            && self.tree.kind(node) != Kind::Null
            && let Some(only) = only(members)
            && self.cost(node, only.ty, depth) < DIAGNOSTIC
        {
            return self.implied(node, only, depth, out);
        }
        self.mismatch(node, ty, out);
    }

    /// The object in a list: the only one, or for an answer the first that fits.
    fn item(&mut self, node: NodeId, ty: TypeId, depth: usize) -> Option<NodeId> {
        let first = self.tree.children(node).next()?;
        if self.tree.count(node) == 1 {
            return (self.tree.kind(first) == Kind::Object).then_some(first);
        }
        if self.mode == Mode::Arguments {
            return None;
        }
        let tree = self.tree;
        tree.children(node)
            .find(|item| tree.kind(*item) == Kind::Object && self.cost(*item, ty, depth) < DIAGNOSTIC)
    }

    /// An object of which only the one value was written.
    pub(super) fn implied(&mut self, node: NodeId, property: &'a Property, depth: usize, out: &mut Out) {
        out.repair(RepairKind::Nesting, self.span(node));
        let start = out.open_object();
        let length = out.member(&property.name);
        self.align(node, property.ty, depth + 1, out);
        out.leave(length);
        out.close(start);
    }
}
