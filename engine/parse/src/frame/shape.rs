//! The shapes in which an object says that it is a call.

mod keys;

use super::{Claim, RawCall};
use crate::tools::{Resolved, Tools};
use crate::tree::{Kind, NodeId, Tree};
use crate::{Dialect, RepairKind};
use keys::{ARGUMENTS, BESIDE, Folded, LISTS, NAMES, NESTED, RECORD, TYPES, folded};

/// Wrappers go no deeper in any known format: `{"tool_calls": [{"function": {…}}]}`.
const DEPTH: usize = 4;

/// The calls that `node` says; none where it is something else.
pub(crate) fn calls_of(
    tree: &mut Tree<'_>,
    node: NodeId,
    tools: &Tools,
    claim: Claim,
    dialect: Dialect,
) -> Vec<RawCall> {
    let mut reader = Shapes {
        tree,
        tools,
        claim,
        dialect,
        calls: Vec::new(),
    };
    reader.read(node, None, 0);
    reader.calls
}

struct Shapes<'r, 't, 'a> {
    tree: &'r mut Tree<'t>,
    tools: &'a Tools,
    claim: Claim,
    dialect: Dialect,
    calls: Vec<RawCall>,
}

impl Shapes<'_, '_, '_> {
    fn read(&mut self, node: NodeId, id: Option<String>, depth: usize) {
        if depth > DEPTH {
            return;
        }
        match self.tree.kind(node) {
            Kind::Array => {
                let items: Vec<_> = self.tree.children(node).collect();
                for item in items {
                    self.read(item, None, depth + 1);
                }
            }
            Kind::Object => self.object(node, id, depth),
            // `"[{…}]"`: a list of calls that was encoded as a string.
            _ => {}
        }
    }

    fn object(&mut self, node: NodeId, id: Option<String>, depth: usize) {
        let members = self.folded(node);
        if let Some(list) = find(&members, LISTS).filter(|id| self.tree.kind(*id) == Kind::Array) {
            let before = self.calls.len();
            // What was called and what came of it: a record. Servers have an empty `content` beside their calls.
            let record = |(key, _): &(Folded, NodeId)| key.is_one_of(RECORD) && !key.is("content");
            if self.claim != Claim::Marker && members.iter().any(record) {
                return;
            }
            self.read(list, None, depth + 1);
            if self.calls.len() > before || find(&members, NAMES).is_none() {
                return;
            }
        }
        let id = find(&members, &["toolcallid", "callid", "id"])
            .map(|id| self.tree.text(id).to_owned())
            .or(id);
        let names = self.names(&members);
        let arguments = self.arguments(&members);
        if let Some(name) = names.first() {
            if let Some(mut call) = self.named(node, *name, arguments.first().copied(), id.clone()) {
                call.rivals = self.rivals(node, &names, &arguments, id.as_ref());
                self.calls.push(call);
            }
            return;
        }
        let arguments = arguments.first().copied();
        if let Some(nested) = find(&members, NESTED).filter(|id| self.tree.kind(*id) == Kind::Object) {
            let before = self.calls.len();
            // `{"function": {"name": …}, "arguments": …}`.
            let within = self.folded(nested);
            let inner = self.names(&within).first().copied();
            if let (Some(inner), Some(arguments)) = (inner, arguments)
                && find(&within, ARGUMENTS).is_none()
            {
                let call = self.named(nested, inner, Some(arguments), id);
                self.calls.extend(call);
                return;
            }
            self.read(nested, id, depth + 1);
            if self.calls.len() > before {
                return;
            }
        }
        self.by_key(node);
    }

    /// The members that name a tool: text under one of the keys. Those that name different offered tools, each of which
    /// may be meant; where none does, the first.
    fn names(&self, members: &[(Folded, NodeId)]) -> Vec<NodeId> {
        let mut candidates = NAMES
            .iter()
            .filter_map(|key| last(members, key))
            .filter(|id| matches!(self.tree.kind(*id), Kind::Quoted | Kind::Bare))
            .filter(|id| !self.tree.text(*id).trim().is_empty());
        let mut known = Vec::new();
        let mut offered = Vec::new();
        for id in candidates.clone() {
            if let Resolved::Exact(tool) | Resolved::Near(tool) = self.tools.resolve(self.tree.text(id))
                && !known.contains(&tool.name.as_str())
            {
                known.push(tool.name.as_str());
                offered.push(id);
            }
        }
        if offered.is_empty() {
            offered.extend(candidates.next());
        }
        offered
    }

    /// The members that may hold the arguments; what holds nothing says nothing where another one does.
    fn arguments(&self, members: &[(Folded, NodeId)]) -> Vec<NodeId> {
        let mut found: Vec<_> = ARGUMENTS.iter().filter_map(|key| last(members, key)).collect();
        if found.len() > 1 {
            let empty = |id: &NodeId| self.tree.kind(*id) == Kind::Object && self.tree.count(*id) == 0;
            found.sort_by_key(empty);
        }
        found
    }

    /// What else an object may say that names several tools, has several members for arguments, or has the arguments
    /// beside the name.
    fn rivals(
        &mut self,
        node: NodeId,
        names: &[NodeId],
        arguments: &[NodeId],
        id: Option<&String>,
    ) -> Vec<RawCall> {
        let mut rivals = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let written = self.tree.text(*name).to_owned();
            if !self.is_offered(&written) {
                continue;
            }
            let first = usize::from(place == 0);
            for given in arguments.iter().skip(first) {
                rivals.extend(self.named(node, *name, Some(*given), id.cloned()));
            }
            // The usual case: one name, and what looks like its arguments is none of its parameters.
            let usual = names.len() == 1 && !arguments.iter().any(|id| self.is_parameter(&written, *id));
            if usual {
                continue;
            }
            let flat = self.others(node, *name, None);
            let known = |member: &NodeId| names.contains(member) || self.is_parameter(&written, *member);
            let beside = !flat.is_empty() && flat.iter().all(known);
            if beside && (place > 0 || !arguments.is_empty()) {
                // Where something looks like the arguments, the likelier reading is that it is them.
                let cost = if arguments.is_empty() {
                    0
                } else {
                    RepairKind::Nesting.cost()
                };
                let call = self.named(node, *name, None, id.cloned());
                rivals.extend(call.map(|call| RawCall { cost, ..call }));
            }
        }
        rivals
    }

    fn is_offered(&self, name: &str) -> bool {
        matches!(self.tools.resolve(name), Resolved::Exact(_) | Resolved::Near(_))
    }

    /// The call that an object makes with a member as its name and another as its arguments, if it makes one.
    fn named(
        &mut self,
        node: NodeId,
        name: NodeId,
        arguments: Option<NodeId>,
        id: Option<String>,
    ) -> Option<RawCall> {
        let written = self.tree.text(name).to_owned();
        let key = folded(self.tree.key(name).unwrap_or_default());
        if self.is_definition(node, arguments) {
            return None;
        }
        let offered = self.is_offered(&written);
        let marked = self.claim == Claim::Marker;
        // A tool may have a parameter that is called like the arguments: `{"tool": "f", "input": 1, "n": 2}`.
        let arguments = arguments.filter(|id| {
            key.is("name")
                || self.tree.kind(*id) == Kind::Object
                || !self.is_parameter(&written, *id)
                || self.others(node, name, Some(*id)).is_empty()
        });
        let (arguments, claim) = if let Some(arguments) = arguments {
            // Data that happens to have a name and some input has more to say about itself.
            let others = self.others(node, name, Some(arguments));
            let record = |id: &NodeId| folded(self.tree.key(*id).unwrap_or_default()).is_one_of(RECORD);
            if !marked && others.iter().any(record) {
                return None;
            }
            let alone = others.is_empty();
            (
                Some(arguments),
                if alone {
                    self.claim.max(Claim::Shape)
                } else {
                    self.claim
                },
            )
        } else {
            let flat = self.others(node, name, None);
            let plain = key.is("name") || key.is("function");
            // What a tool without parameters is given is meant for something else.
            if !marked && !flat.is_empty() && self.takes_nothing(&written) {
                return None;
            }
            // Much has a name: its other members must be the tool's parameters, all of them.
            let fits = !flat.is_empty() && flat.iter().all(|id| self.is_parameter(&written, *id));
            if !(marked || offered && !plain || fits) {
                return None;
            }
            (self.gather(node, &flat), self.claim)
        };
        let list = arguments.is_some_and(|id| self.tree.kind(id) == Kind::Array && self.tree.count(id) > 0);
        if !marked && list {
            return None;
        }
        let object = arguments.is_none_or(|id| self.tree.kind(id) == Kind::Object);
        if !marked && (!offered || !object) && claim == Claim::Form {
            return None;
        }
        Some(self.call(written, node, arguments, id, claim))
    }

    /// `{name: {arguments}}`.
    fn by_key(&mut self, node: NodeId) {
        let members: Vec<_> = self.tree.children(node).collect();
        let single = members.len() == 1;
        let named = |this: &Self, id: NodeId| {
            let key = this.tree.key(id).unwrap_or_default();
            let object = matches!(this.tree.kind(id), Kind::Object | Kind::Null);
            match this.tools.resolve(key) {
                // Services, counts and settings are named like tools; only calls have parameters in each.
                Resolved::Exact(_) if !single && this.claim == Claim::Form => {
                    object
                        && this
                            .tree
                            .children(id)
                            .all(|member| this.is_parameter(key, member))
                }
                Resolved::Exact(_) => object || single && this.claim == Claim::Marker,
                Resolved::Near(_) => object && single,
                Resolved::Anything | Resolved::Unknown => object && single && this.claim == Claim::Marker,
                Resolved::Ambiguous(_) => false,
            }
        };
        if members.is_empty() || !members.iter().all(|id| named(self, *id)) {
            return;
        }
        for member in members {
            if single && self.is_definition(member, None) {
                return;
            }
            let name = self.tree.key(member).unwrap_or_default().to_owned();
            let arguments = Some(member).filter(|id| self.tree.kind(*id) != Kind::Null);
            let call = self.call(name, node, arguments, None, self.claim);
            self.calls.push(call);
        }
    }

    fn call(
        &self,
        name: String,
        node: NodeId,
        arguments: Option<NodeId>,
        id: Option<String>,
        claim: Claim,
    ) -> RawCall {
        RawCall {
            id,
            claim,
            ..RawCall::marked(name, arguments, self.tree.span(node), self.dialect)
        }
    }

    /// Whether this is what a tool is, and not a call of it.
    fn is_definition(&self, node: NodeId, arguments: Option<NodeId>) -> bool {
        let describes = self
            .tree
            .children(node)
            .any(|id| folded(self.tree.key(id).unwrap_or_default()).is("description"))
            && self.dialect != Dialect::Xml;
        let schema = arguments.unwrap_or(node);
        if arguments.is_some_and(|id| self.lists_types(id)) {
            return true;
        }
        let is_schema = self.tree.kind(schema) == Kind::Object
            && self
                .tree
                .member(schema, "properties")
                .is_some_and(|id| self.tree.kind(id) == Kind::Object)
            && self
                .tree
                .member(schema, "type")
                .is_some_and(|id| self.tree.text(id) == "object");
        is_schema
            || describes
                && (self.claim != Claim::Marker
                    || arguments.is_none_or(|id| self.tree.key(id) == Some("parameters")))
    }

    /// `{"path": {"type": "string"}}`, and under `parameters` also `{"path": "string"}`.
    fn lists_types(&self, arguments: NodeId) -> bool {
        let is_type = |id: NodeId| {
            self.tree.kind(id) == Kind::Quoted && TYPES.contains(&self.tree.text(id).to_lowercase().as_str())
        };
        let short = self
            .tree
            .key(arguments)
            .is_some_and(|key| folded(key).is("parameters"));
        let mut members = self.tree.children(arguments).peekable();
        self.tree.kind(arguments) == Kind::Object
            && members.peek().is_some()
            && members.all(|id| match self.tree.kind(id) {
                Kind::Object => self.tree.member(id, "type").is_some_and(is_type),
                _ => short && is_type(id),
            })
    }

    fn takes_nothing(&self, tool: &str) -> bool {
        match self.tools.resolve(tool) {
            Resolved::Exact(tool) | Resolved::Near(tool) => tool
                .parameters
                .members()
                .is_some_and(|members| members.properties.is_empty()),
            _ => false,
        }
    }

    fn is_parameter(&self, tool: &str, member: NodeId) -> bool {
        match self.tools.resolve(tool) {
            Resolved::Exact(tool) | Resolved::Near(tool) => {
                tool.parameters.members().is_some_and(|members| {
                    members
                        .by_name
                        .contains_key(self.tree.key(member).unwrap_or_default())
                })
            }
            _ => false,
        }
    }

    /// The members beside the name, the arguments and what says nothing.
    fn others(&self, node: NodeId, name: NodeId, arguments: Option<NodeId>) -> Vec<NodeId> {
        self.tree
            .children(node)
            .filter(|id| *id != name && Some(*id) != arguments)
            .filter(|id| {
                let key = self.tree.key(*id).unwrap_or_default();
                self.is_parameter(self.tree.text(name), *id) && arguments.is_none()
                    || !folded(key).is_one_of(BESIDE)
            })
            .collect()
    }

    /// An object of these members.
    fn gather(&mut self, node: NodeId, members: &[NodeId]) -> Option<NodeId> {
        if members.is_empty() {
            return None;
        }
        let object = self.tree.push(Kind::Object, self.tree.span(node));
        for member in members {
            let key = self.tree.keep_key_of(*member);
            let member = self.tree.copy(*member);
            self.tree.append(object, key, member);
        }
        if self.tree.is_cut(node) {
            self.tree.mark_cut(object);
        }
        Some(object)
    }

    fn folded(&self, node: NodeId) -> Vec<(Folded, NodeId)> {
        let members = self.tree.children(node);
        members
            .map(|id| (folded(self.tree.key(id).unwrap_or_default()), id))
            .collect()
    }
}

/// The member under the first of the keys that there is.
fn find(members: &[(Folded, NodeId)], keys: &[&str]) -> Option<NodeId> {
    keys.iter().find_map(|key| last(members, key))
}

fn last(members: &[(Folded, NodeId)], key: &str) -> Option<NodeId> {
    let found = members.iter().rev().find(|(folded, _)| folded.is(key));
    found.map(|(_, id)| *id)
}
