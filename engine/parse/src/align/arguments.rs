//! The arguments of a call, in whatever they were wrapped: an object, a text that holds one, a list in the order of the
//! parameters, or the value of the only one.

use super::{Aligner, DIAGNOSTIC, Out, found, object};
use crate::schema::Type;
use crate::tree::{Kind, NodeId};
use crate::{DiagnosticKind, RepairKind};

impl Aligner<'_, '_> {
    pub(super) fn arguments(&mut self, node: NodeId, out: &mut Out) {
        let root = self.schema.root();
        let place = out.writer().map_or(0, |writer| writer.here());
        match self.tree.kind(node) {
            Kind::Object => self.align(node, root, 0, out),
            Kind::Null => self.nothing(node, out),
            Kind::Quoted | Kind::Bare if self.tree.text(node).trim().is_empty() => self.nothing(node, out),
            Kind::Array => self.positional(node, out),
            Kind::Bool(_) | Kind::Number | Kind::Quoted | Kind::Bare => self.single(node, out),
        }
        match out.writer() {
            Some(writer) if !writer.is_object(place) => writer.rewind(place),
            _ => return,
        }
        out.diagnostic(DiagnosticKind::Mismatch, self.span(node), || {
            format!(
                "expected an object of arguments, found {}",
                found(self.tree, node)
            )
        });
        out.empty_object();
    }

    /// No arguments at all.
    fn nothing(&mut self, node: NodeId, out: &mut Out) {
        if let Some(members) = self.schema.members() {
            self.missing(
                self.span(node),
                members,
                &vec![false; members.properties.len()],
                out,
            );
        }
        out.empty_object();
    }

    /// Arguments in a list: the object in it, or values in the order of the schema.
    fn positional(&mut self, node: NodeId, out: &mut Out) {
        let items: Vec<_> = self.tree.children(node).collect();
        let Some(members) = self.schema.members() else {
            return match items.as_slice() {
                [one] if self.tree.kind(*one) == Kind::Object => {
                    out.repair(RepairKind::Nesting, self.span(node));
                    self.plain(*one, out);
                }
                [] => out.empty_object(),
                _ => out.null(),
            };
        };
        if let [one] = items.as_slice()
            && self.tree.kind(*one) == Kind::Object
            && self.cost(*one, self.schema.root(), 0) < DIAGNOSTIC
        {
            out.repair(RepairKind::Nesting, self.span(node));
            return self.align(*one, self.schema.root(), 0, out);
        }
        if let [only] = members.properties.as_slice()
            && matches!(self.schema.ty(only.ty), Type::Array(_))
        {
            return self.implied(node, only, 0, out);
        }
        if items.len() > members.properties.len() {
            return out.null();
        }
        out.repair(RepairKind::Nesting, self.span(node));
        let start = out.open_object();
        let mut filled = vec![false; members.properties.len()];
        for ((item, property), filled) in items.into_iter().zip(&members.properties).zip(&mut filled) {
            *filled = true;
            let length = out.member(&property.name);
            self.align(item, property.ty, 1, out);
            out.leave(length);
        }
        self.missing(self.span(node), members, &filled, out);
        out.close(start);
    }

    /// Arguments that are no object: JSON in a string, or the value of the only parameter that needs one.
    fn single(&mut self, node: NodeId, out: &mut Out) {
        let root = self.schema.root();
        let only = self.schema.members().and_then(object::only);
        let mut quiet = Out::new(true);
        let decoded = self.decoded(node, root, Kind::Object, 0, &mut quiet);
        // Text that looks like JSON and has nothing of the parameters is the text of the one that wants text.
        if decoded && (quiet.cost < DIAGNOSTIC || only.is_none()) {
            self.decoded(node, root, Kind::Object, 0, out);
            return;
        }
        match only {
            Some(only) if self.cost(node, only.ty, 0) < DIAGNOSTIC => self.implied(node, only, 0, out),
            _ if self.schema.members().is_some() => self.mismatch(node, root, out),
            _ => out.null(),
        }
    }
}
