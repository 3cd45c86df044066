//! From a reply, or from a server's own calls, to calls of the tools that were offered.
//!
//! [`crate::frame`] says what the reply holds; here is decided what of it is a call: by its name, by how sure it is
//! that a call was meant, and by whether its arguments could be read at all.

mod judge;
mod placeholder;

use serde_json::Value as Json;

use crate::frame::{self, Claim, Piece, RawCall};
use crate::tape::{Builder, Value};
use crate::tools::{Resolved, Tool, Tools};
use crate::tree::{Kind, NodeId, Span, Tree};
use crate::{
    Call, Diagnostic, DiagnosticKind, Dialect, MAX_BYTES, Reading, Repair, RepairKind, RunnerUp, align,
};

/// What looked like a call and is none: so many are told of; each costs the building of its value.
const RUNNERS_UP: usize = 3;

/// Reads the calls of a reply. `partial` where more of the reply is to come: what is cut off is no problem then.
pub(crate) fn read(text: &str, tools: &Tools, partial: bool) -> Reading {
    let framed = frame::frame(text, tools);
    let mut gate = Gate {
        tree: framed.tree,
        tools,
        partial,
        reading: Reading::default(),
    };
    // The items of a list may share one place, and a call may begin with a header that is text already.
    let mut told = 0;
    for piece in framed.pieces {
        match piece {
            Piece::Text(span) => {
                gate.reading.text.push_str(span.of(text));
                told = told.max(span.end);
            }
            Piece::Thinking(span) => gate.thinking(span.of(text)),
            Piece::Mark => {}
            Piece::Call(raw) => {
                let (name, arguments, span) = (raw.name.clone(), raw.arguments, raw.span);
                if !gate.call(*raw) {
                    gate.not_taken(&name, arguments, span);
                    let new = Span::new(span.start.max(told), span.end);
                    gate.reading.text.push_str(new.of(text));
                    told = told.max(span.end);
                }
            }
        }
    }
    let mut reading = gate.reading;
    reading.repairs.extend(framed.repairs);
    reading.text = reading.text.trim().to_owned();
    reading.runners_up.sort_by_key(|other| other.cost);
    reading
}

/// Reads a call that the server has already found: its name, and its arguments as text or as a value.
pub fn native(name: &str, arguments: &Json, tools: &Tools) -> Reading {
    let text = match arguments {
        Json::String(text) => text.clone(),
        Json::Null => "{}".to_owned(),
        other => other.to_string(),
    };
    let mut reading = Reading::default();
    if text.len() > MAX_BYTES {
        reading.diagnostics.push(Diagnostic::too_long(text.len()));
        return reading;
    }
    let mut tree = Tree::new(&text);
    let whole = Span::new(0, text.len());
    let read = crate::read::json(&mut tree, whole);
    // Text that is no object may be what a tool with one parameter is given.
    let node = match read.node.filter(|node| tree.kind(*node) == Kind::Object) {
        Some(node) => {
            reading.repairs.extend(read.repairs);
            Some(node)
        }
        None if text.trim().is_empty() => None,
        None => Some(tree.push(Kind::Quoted, whole)),
    };
    let mut gate = Gate {
        tree,
        tools,
        partial: false,
        reading,
    };
    gate.call(RawCall::marked(name.to_owned(), node, whole, Dialect::Native));
    gate.reading.bounded()
}

struct Gate<'t, 'a> {
    tree: Tree<'t>,
    tools: &'a Tools,
    partial: bool,
    reading: Reading,
}

impl Gate<'_, '_> {
    fn thinking(&mut self, text: &str) {
        let text = text.trim();
        if !self.reading.thinking.is_empty() && !text.is_empty() {
            self.reading.thinking.push('\n');
        }
        self.reading.thinking.push_str(text);
    }

    /// Keeps what looked like a call and is none, for whoever wonders why.
    fn not_taken(&mut self, name: &str, arguments: Option<NodeId>, span: Span) {
        let told = self.reading.runners_up.iter().any(|other| other.span == span);
        if !told && self.reading.runners_up.len() < RUNNERS_UP {
            let value = named(name, |out| match arguments {
                Some(node) => align::plain(&self.tree, node, out),
                None => out.null(),
            });
            self.reading.runners_up.push(RunnerUp {
                value,
                span,
                cost: align::DIAGNOSTIC,
            });
        }
    }

    /// Adds the call if it is one; false where it is text.
    fn call(&mut self, raw: RawCall) -> bool {
        let claim = raw.claim;
        let Some(mut raw) = self.best(raw) else {
            return claim == Claim::Marker;
        };
        let tools = self.tools;
        let tool = match tools.resolve(&raw.name) {
            Resolved::Exact(tool) => Some(tool),
            Resolved::Near(tool) => {
                self.reading.repairs.push(Repair {
                    kind: RepairKind::ToolName,
                    span: raw.span,
                });
                Some(tool)
            }
            Resolved::Anything if likely(&raw) => None,
            Resolved::Anything => return false,
            Resolved::Ambiguous(several) => {
                let names: Vec<_> = several.iter().map(|tool| format!("`{}`", tool.name)).collect();
                let message = format!("`{}` may mean {}", shortened(&raw.name), names.join(" or "));
                self.diagnostic(DiagnosticKind::Ambiguous, raw.span, message);
                return raw.claim == Claim::Marker;
            }
            Resolved::Unknown => {
                if raw.claim > Claim::Form {
                    let message = unknown(&raw.name, tools);
                    self.diagnostic(DiagnosticKind::UnknownTool, raw.span, message);
                }
                return false;
            }
        };
        if raw.unreadable {
            let message = format!("the arguments of `{}` are no JSON object", shortened(&raw.name));
            self.diagnostic(DiagnosticKind::Mismatch, raw.span, message);
            return true;
        }
        if !self.name_positional(&mut raw, tool) {
            return raw.claim == Claim::Marker;
        }
        let node = raw.arguments.unwrap_or_else(|| {
            self.tree
                .push(Kind::Object, Span::new(raw.span.end, raw.span.end))
        });
        let aligned = align::arguments(&self.tree, node, tool);
        let arguments = aligned.value;
        if !arguments.view().is_object() {
            let message = format!("the arguments of `{}` are no JSON object", shortened(&raw.name));
            self.diagnostic(DiagnosticKind::Mismatch, raw.span, message);
            return true;
        }
        if placeholder::is_template(&arguments) || is_ellipsis(&self.tree, node) {
            return false;
        }
        // Nothing but its form says that it is a call: then it must fit.
        if raw.claim == Claim::Form
            && raw.dialect == Dialect::Json
            && !fits(&aligned.diagnostics, &aligned.repairs)
        {
            return false;
        }
        self.reading.repairs.extend(aligned.repairs);
        self.reading.diagnostics.extend(aligned.diagnostics);
        let name = tool.map_or_else(|| plain_name(&raw), |tool| tool.name.clone());
        if aligned.cut.is_some() && !self.partial {
            self.diagnostic(
                DiagnosticKind::Cut,
                raw.span,
                format!("the reply ends in the middle of `{}`", shortened(&name)),
            );
        }
        self.add(Call {
            name,
            arguments,
            id: raw.id,
            span: raw.span,
            dialect: raw.dialect,
            cut: aligned.cut,
        });
        true
    }

    fn add(&mut self, call: Call) {
        let repeated = self
            .reading
            .calls
            .iter()
            .rev()
            .take(REPEATS)
            .any(|other| same(other, &call));
        if repeated {
            self.reading.repairs.push(Repair {
                kind: RepairKind::Repeated,
                span: call.span,
            });
        }
        self.reading.calls.push(call);
    }

    fn diagnostic(&mut self, kind: DiagnosticKind, span: Span, message: String) {
        self.reading.diagnostics.push(Diagnostic {
            kind,
            span: Some(span),
            path: None,
            message,
        });
    }

    /// Gives the arguments without names those of the tool's parameters, in their order; false where that can't be.
    fn name_positional(&mut self, raw: &mut RawCall, tool: Option<&Tool>) -> bool {
        let alone = raw
            .arguments
            .filter(|id| raw.dialect == Dialect::Pythonic && self.tree.kind(*id) != Kind::Object);
        if let Some(alone) = alone {
            raw.positional.push(alone);
            raw.arguments = Some(self.tree.push(Kind::Object, raw.span));
        }
        if raw.positional.is_empty() {
            return true;
        }
        let (Some(members), Some(object)) = (tool.and_then(|tool| tool.parameters.members()), raw.arguments)
        else {
            return false;
        };
        if members.properties.len() < raw.positional.len() {
            return false;
        }
        for (property, node) in members.properties.iter().zip(std::mem::take(&mut raw.positional)) {
            if self.tree.member(object, &property.name).is_some() {
                return false;
            }
            let key = self.tree.keep(&property.name);
            self.tree.append(object, Some(key), node);
        }
        true
    }
}

/// A call as a value.
fn named(name: &str, arguments: impl FnOnce(&mut Builder)) -> Value {
    let mut out = Builder::default();
    let start = out.open_object();
    out.key("name");
    out.text(name);
    out.key("arguments");
    arguments(&mut out);
    out.close(start);
    out.finish()
}

/// `{…}`: arguments of which only their place is shown.
fn is_ellipsis(tree: &Tree<'_>, node: crate::tree::NodeId) -> bool {
    let inner = tree.raw(node).trim_matches(['{', '}', ' ', '\n']);
    tree.kind(node) == Kind::Object && matches!(inner, "..." | "…")
}

fn fits(diagnostics: &[Diagnostic], repairs: &[Repair]) -> bool {
    diagnostics.is_empty()
        && !repairs
            .iter()
            .any(|repair| repair.kind == RepairKind::UnknownParameter)
}

/// How many calls before it a call is compared with: a model that repeats itself does so at once.
const REPEATS: usize = 8;

fn same(one: &Call, other: &Call) -> bool {
    one.name == other.name && one.arguments == other.arguments
}

/// Whether a name that nothing is known about can be one.
fn likely(raw: &RawCall) -> bool {
    let name = raw.name.trim();
    let word = name.len() <= 128
        && name.contains(char::is_alphanumeric)
        && !name.contains(['\n', '\r', '<', '>', '{', '}']);
    match raw.claim {
        Claim::Marker => word,
        Claim::Shape | Claim::Form => word && !name.contains(char::is_whitespace),
    }
}

/// The name without what the dialect puts before and behind it.
fn plain_name(raw: &RawCall) -> String {
    let name = raw.name.trim();
    if raw.dialect != Dialect::NameThenJson {
        return name.to_owned();
    }
    let name = name.strip_prefix("functions.").unwrap_or(name);
    let counted = name
        .rsplit_once(':')
        .filter(|(_, count)| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()));
    counted.map_or(name, |(name, _)| name).to_owned()
}

fn unknown(name: &str, tools: &Tools) -> String {
    // Enough to choose from; a model that was offered hundreds has its list.
    const SHOWN: usize = 12;
    let mut names: Vec<_> = tools
        .iter()
        .map(|tool| format!("`{}`", tool.name))
        .take(SHOWN)
        .collect();
    let more = tools.iter().count().saturating_sub(SHOWN);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    if names.is_empty() {
        return format!("`{}` was called, but no tool is offered", shortened(name));
    }
    format!(
        "there is no tool `{}`; offered are {}",
        shortened(name),
        names.join(", ")
    )
}

fn shortened(name: &str) -> &str {
    name.char_indices()
        .nth(64)
        .and_then(|(end, _)| name.get(..end))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests;
