//! Lists, and what stands where a list is wanted.

use super::{Aligner, DIAGNOSTIC, Mode, Out};
use crate::RepairKind;
use crate::schema::{Items, Type, TypeId};
use crate::tree::{Kind, NodeId};

impl<'a> Aligner<'a, '_> {
    pub(super) fn array(&mut self, node: NodeId, ty: TypeId, items: &'a Items, depth: usize, out: &mut Out) {
        match self.tree.kind(node) {
            Kind::Array => self.items(node, items, depth, out),
            Kind::Null => self.mismatch(node, ty, out),
            Kind::Object => self.object_as_array(node, ty, items, depth, out),
            Kind::Bool(_) | Kind::Number | Kind::Quoted | Kind::Bare => {
                if self.decoded(node, ty, Kind::Array, depth, out) {
                    return;
                }
                if self.text(node).is_some_and(|text| text.trim().is_empty()) {
                    out.repair(RepairKind::Type, self.span(node));
                    let start = out.open_array();
                    return out.close(start);
                }
                self.list_of_one(node, items, depth, out);
            }
        }
    }

    fn items(&mut self, node: NodeId, items: &Items, depth: usize, out: &mut Out) {
        let start = out.open_array();
        for (place, child) in self.tree.children(node).enumerate() {
            let ty = items.prefix.get(place).copied().unwrap_or(items.rest);
            // Of a list of words those that the schema does not know say nothing about the others.
            if self.mode == Mode::Value
                && matches!(self.schema.ty(ty), Type::Literal(_))
                && self.cost(child, ty, depth) >= DIAGNOSTIC
            {
                out.repair(RepairKind::UnknownParameter, self.span(child));
                continue;
            }
            let length = out.enter_item(place);
            self.align(child, ty, depth + 1, out);
            out.leave(length);
        }
        out.close(start);
    }

    fn list_of_one(&mut self, node: NodeId, items: &Items, depth: usize, out: &mut Out) {
        out.repair(RepairKind::Type, self.span(node));
        let ty = items.prefix.first().copied().unwrap_or(items.rest);
        let start = out.open_array();
        let length = out.enter_item(0);
        self.align(node, ty, depth + 1, out);
        out.leave(length);
        out.close(start);
    }

    /// An object is the only item of the list, or has the list as its only member (`{"items": […]}`).
    fn object_as_array(&mut self, node: NodeId, ty: TypeId, items: &'a Items, depth: usize, out: &mut Out) {
        let first = items.prefix.first().copied().unwrap_or(items.rest);
        let mut members = self.tree.children(node);
        if let (Some(inner), None) = (members.next(), members.next())
            && (self.tree.kind(inner) == Kind::Array
                || self
                    .text(inner)
                    .is_some_and(|text| text.trim_start().starts_with('[')))
            && self
                .cost(inner, ty, depth)
                .saturating_add(RepairKind::Nesting.cost())
                < self
                    .cost(node, first, depth)
                    .saturating_add(RepairKind::Type.cost())
        {
            out.repair(RepairKind::Nesting, self.span(node));
            return self.align(inner, ty, depth + 1, out);
        }
        self.list_of_one(node, items, depth, out);
    }
}
