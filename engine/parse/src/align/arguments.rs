//! The arguments of a call, in whatever they were wrapped: an object, a text that holds one, a list in the order of the
//! parameters, or the value of the only one.

use serde_json::{Map, Value};

use super::{Aligner, DIAGNOSTIC, Out, found, object};
use crate::schema::Type;
use crate::tree::{Kind, NodeId};
use crate::{DiagnosticKind, RepairKind};

impl Aligner<'_, '_> {
    pub(super) fn arguments(&mut self, node: NodeId, out: &mut Out) -> Value {
        let root = self.schema.root();
        let value = match self.tree.kind(node) {
            Kind::Object => self.align(node, root, 0, out),
            Kind::Null => self.nothing(node, out),
            Kind::Quoted | Kind::Bare if self.tree.text(node).trim().is_empty() => self.nothing(node, out),
            Kind::Array => self.positional(node, out),
            Kind::Bool(_) | Kind::Number | Kind::Quoted | Kind::Bare => self.single(node, out),
        };
        if value.is_object() {
            return value;
        }
        out.diagnostic(DiagnosticKind::Mismatch, self.span(node), || {
            format!(
                "expected an object of arguments, found {}",
                found(self.tree, node)
            )
        });
        Value::Object(Map::new())
    }

    /// No arguments at all.
    fn nothing(&mut self, node: NodeId, out: &mut Out) -> Value {
        if let Some(members) = self.schema.members() {
            self.missing(
                self.span(node),
                members,
                &vec![false; members.properties.len()],
                out,
            );
        }
        Value::Object(Map::new())
    }

    /// Arguments in a list: the object in it, or values in the order of the schema.
    fn positional(&mut self, node: NodeId, out: &mut Out) -> Value {
        let items: Vec<_> = self.tree.children(node).collect();
        let Some(members) = self.schema.members() else {
            return match items.as_slice() {
                [one] if self.tree.kind(*one) == Kind::Object => {
                    out.repair(RepairKind::Nesting, self.span(node));
                    self.plain(*one, out)
                }
                [] => Value::Object(Map::new()),
                _ => Value::Null,
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
            return Value::Null;
        }
        out.repair(RepairKind::Nesting, self.span(node));
        let mut object = Map::new();
        let mut filled = vec![false; members.properties.len()];
        for ((item, property), filled) in items.into_iter().zip(&members.properties).zip(&mut filled) {
            *filled = true;
            let length = out.enter(&property.name);
            let value = self.align(item, property.ty, 1, out);
            out.leave(length);
            object.insert(property.name.clone(), value);
        }
        self.missing(self.span(node), members, &filled, out);
        Value::Object(object)
    }

    /// Arguments that are no object: JSON in a string, or the value of the only parameter that needs one.
    fn single(&mut self, node: NodeId, out: &mut Out) -> Value {
        let root = self.schema.root();
        let only = self.schema.members().and_then(object::only);
        let mut quiet = Out::new(true);
        let decoded = self.decoded(node, root, Kind::Object, 0, &mut quiet).is_some();
        // Text that looks like JSON and has nothing of the parameters is the text of the one that wants text.
        if decoded && (quiet.cost < DIAGNOSTIC || only.is_none()) {
            return self.decoded(node, root, Kind::Object, 0, out).unwrap_or_default();
        }
        match only {
            Some(only) if self.cost(node, only.ty, 0) < DIAGNOSTIC => self.implied(node, only, 0, out),
            _ if self.schema.members().is_some() => self.mismatch(node, root, out),
            _ => Value::Null,
        }
    }
}
