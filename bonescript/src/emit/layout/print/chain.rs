//! Chains of members and calls: on one line, or each called member on its own.

use super::super::document::{Doc, Docs};
use super::super::syntax::{Chain, Element, Expression, Items, Link, Type};
use super::Printer;
use super::call::{Expand, is_function, is_simple, is_test, value};
use super::place::Place;

impl<'a, 't> Printer<'a, 't> {
    /// A chain, and whether it is one that stands over several lines when it is broken.
    pub(super) fn chain(&mut self, chain: &'t Chain<'a>, place: Place<'a>) -> (Doc, bool) {
        self.prefix(chain, chain.links.len(), place)
    }

    fn head(&mut self, chain: &'t Chain<'a>) -> Doc {
        let place = match chain.links.first() {
            Some(Link::Call { .. }) => Place::Callee,
            Some(Link::Index { .. } | Link::NonNull) => Place::Object { computed: true },
            _ => Place::Object { computed: false },
        };
        self.expression(&chain.head, place)
    }

    /// The first `count` links of a chain.
    fn prefix(&mut self, chain: &'t Chain<'a>, count: usize, place: Place<'a>) -> (Doc, bool) {
        let Some(link) = count.checked_sub(1).and_then(|index| chain.links.get(index)) else {
            return (self.head(chain), false);
        };
        let before = count.checked_sub(2).and_then(|index| chain.links.get(index));
        match link {
            Link::Call { arguments, .. } => {
                let whole = count == chain.links.len();
                let template = matches!(
                    arguments.all.as_slice(),
                    [only] if matches!(value(&only.node), Some(Expression::Template { text, starts_line })
                        if text.contains('\n') && !starts_line)
                );
                if template || is_test(chain, count, arguments) {
                    let (callee, _) = self.prefix(chain, count - 1, place);
                    let around = self.bailed;
                    let docs: Vec<Doc> = arguments
                        .all
                        .iter()
                        .map(|item| match &item.node {
                            // However long the title, its parameters stay on the line.
                            Element::Value(function) if is_function(&item.node) => {
                                self.expression_as(function, Place::Argument, Expand::Last, false)
                            }
                            other => self.element(other, Place::Argument),
                        })
                        .collect();
                    self.bailed = around;
                    let separator = self.text(", ");
                    let inner = self.docs.join(&[separator], &docs);
                    let call = self.between("(", inner, ")");
                    return (self.all(&[callee, call]), false);
                }
                if matches!(before, Some(Link::Member { .. } | Link::Index { .. })) {
                    return self.member_chain(chain, count, whole && place == Place::Statement);
                }
                let (callee, _) = self.prefix(chain, count - 1, place);
                let call = self.link(link);
                let contents = [callee, call];
                if matches!(before, Some(Link::Call { .. })) {
                    (self.docs.group(&contents), false)
                } else {
                    (self.all(&contents), false)
                }
            }
            Link::Member { .. } => {
                let (object, is_chain) = self.prefix(chain, count - 1, place);
                let lookup = self.link(link);
                let called_with =
                    matches!(before, Some(Link::Call { arguments, .. }) if !arguments.all.is_empty());
                let inline = place == Place::AssignLeft
                    || place == Place::NewCallee
                    || (count == 1 && chain.links.len() == 1 && matches!(chain.head, Expression::Name(_)))
                    || (matches!(place, Place::Value | Place::Assigned) && (called_with || is_chain));
                let lookup = if inline {
                    lookup
                } else {
                    let inner = self.docs.indent(&[Docs::SOFT, lookup]);
                    self.docs.group(&[inner])
                };
                (self.all(&[object, lookup]), is_chain)
            }
            Link::Index { .. } | Link::NonNull | Link::Template { .. } => {
                let (object, is_chain) = self.prefix(chain, count - 1, place);
                let lookup = self.link(link);
                (self.all(&[object, lookup]), is_chain)
            }
        }
    }

    fn link(&mut self, link: &'t Link<'a>) -> Doc {
        match link {
            Link::Member { optional, name } => {
                let dot = self.text(if *optional { "?." } else { "." });
                let name = self.text(name);
                self.all(&[dot, name])
            }
            Link::Index { optional, index } => {
                let open = self.text(if *optional { "?.[" } else { "[" });
                let close = self.text("]");
                let is_number = matches!(index, Expression::Number(_));
                let index = self.expression(index, Place::Free);
                if is_number {
                    return self.all(&[open, index, close]);
                }
                let body = self.docs.indent(&[Docs::SOFT, index]);
                self.docs.group(&[open, body, Docs::SOFT, close])
            }
            Link::Call {
                optional,
                type_arguments,
                arguments,
            } => {
                let mark = self.text(if *optional { "?." } else { "" });
                let types = self.type_arguments(type_arguments.as_deref());
                let arguments = self.arguments(arguments);
                self.all(&[mark, types, arguments])
            }
            Link::NonNull => self.text("!"),
            Link::Template { type_arguments, text } => {
                let types = self.type_arguments(type_arguments.as_deref());
                let text = self.docs.verbatim(text);
                self.all(&[types, text])
            }
        }
    }

    /// The first `count` links, the last of them a call of a member.
    fn member_chain(&mut self, chain: &'t Chain<'a>, count: usize, is_statement: bool) -> (Doc, bool) {
        let shape = Shape::of(chain, count, is_statement);
        let mut head = self.head(chain);
        let links = chain.links.get(..count).unwrap_or_default();
        if let Some(first) = links.first().filter(|_| shape.head_links == 1) {
            let call = self.link(first);
            head = self.all(&[head, call]);
        }
        let printed: Vec<Doc> = links
            .iter()
            .skip(shape.head_links)
            .map(|link| self.link(link))
            .collect();
        let mut groups = Vec::with_capacity(shape.groups.len());
        for (index, (from, to)) in shape.groups.iter().enumerate() {
            let mut parts = Vec::new();
            if index == 0 {
                parts.push(head);
            }
            parts.extend(printed.iter().skip(*from).take(to - from));
            groups.push(self.all(&parts));
        }
        let one_line = self.all(&groups);
        if !shape.is_chain() {
            return (self.docs.group(&[one_line]), false);
        }
        let kept = if shape.merges { 2 } else { 1 };
        let rest: Vec<Doc> = groups.iter().skip(kept).copied().collect();
        let mut expanded: Vec<Doc> = groups.iter().take(kept).copied().collect();
        if !rest.is_empty() {
            let joined = self.docs.join(&[Docs::HARD], &rest);
            expanded.push(self.docs.indent(&[Docs::HARD, joined]));
        }
        let calls: Vec<&Items<'a, Element<'a>>> = links
            .iter()
            .filter_map(|link| match link {
                Link::Call { arguments, .. } => Some(arguments),
                _ => None,
            })
            .collect();
        let simple = |items: &&Items<'a, Element<'a>>| {
            items
                .all
                .iter()
                .all(|item| value(&item.node).is_some_and(|value| is_simple(value, 2)))
        };
        let last_breaks = groups.last().is_some_and(|last| self.docs.breaks(*last));
        let given_functions = calls
            .iter()
            .rev()
            .skip(1)
            .any(|items| items.all.iter().any(|item| is_function(&item.node)));
        let inner_breaks = groups
            .iter()
            .take(groups.len().saturating_sub(1))
            .any(|group| self.docs.breaks(*group));
        let must_break = (calls.len() > 2 && !calls.iter().all(simple))
            || inner_breaks
            || (last_breaks && given_functions);
        let expanded = self.all(&expanded);
        if must_break {
            return (self.docs.group(&[expanded]), true);
        }
        let breaks = self.docs.breaks(one_line);
        let choice = self.docs.first_that_fits(&[one_line, expanded]);
        let before = if breaks { Docs::BREAK_PARENT } else { Docs::EMPTY };
        (self.all(&[before, choice]), true)
    }
}

/// How the links of a chain are put together: those that stay at the head, then a group for each line.
pub(super) struct Shape {
    /// 1 where the first link is a call that belongs to the head.
    head_links: usize,
    /// Ranges of links behind those, the first group's at first.
    groups: Vec<(usize, usize)>,
    /// The second group stays on the line of the first.
    merges: bool,
}

impl Shape {
    pub(super) fn of(chain: &Chain<'_>, count: usize, is_statement: bool) -> Self {
        let all = chain.links.get(..count).unwrap_or_default();
        let head_links = usize::from(matches!(
            all.first(),
            Some(Link::Call { .. } | Link::Template { .. })
        ));
        let links = all.get(head_links..).unwrap_or_default();
        let is_call = |index: usize| matches!(links.get(index), Some(Link::Call { .. }));
        let is_member =
            |index: usize| matches!(links.get(index), Some(Link::Member { .. } | Link::Index { .. }));
        let is_numbered = |index: usize| matches!(links.get(index), Some(Link::Index { index, .. }) if matches!(index, Expression::Number(_)));
        let mut at = 0;
        while at < links.len()
            && (is_call(at) || is_numbered(at) || matches!(links.get(at), Some(Link::NonNull)))
        {
            at += 1;
        }
        if head_links == 0 {
            while at + 1 < links.len() && is_member(at) && is_member(at + 1) {
                at += 1;
            }
        }
        let mut groups = vec![(0, at)];
        let first_end = at;
        let mut from = at;
        let mut called = false;
        while at < links.len() {
            if called && is_member(at) {
                if is_numbered(at) {
                    at += 1;
                    continue;
                }
                groups.push((from, at));
                from = at;
                called = false;
            }
            called |= is_call(at);
            at += 1;
        }
        if from < at {
            groups.push((from, at));
        }
        let computed = matches!(links.get(first_end), Some(Link::Index { .. }));
        let merges = groups.len() > 1
            && if first_end == 0 && head_links == 0 {
                match &chain.head {
                    Expression::This => true,
                    Expression::Name(name) => {
                        is_factory(name) || (is_statement && name.len() <= 2) || computed
                    }
                    _ => false,
                }
            } else {
                match first_end.checked_sub(1).and_then(|index| links.get(index)) {
                    Some(Link::Member { name, .. }) => is_factory(name) || computed,
                    _ => false,
                }
            };
        Self {
            head_links,
            groups,
            merges,
        }
    }

    /// Whether it has more than one member that is called.
    pub(super) fn is_chain(&self) -> bool {
        self.groups.len() > if self.merges { 3 } else { 2 }
    }
}

/// Names of classes, and `$` and `_`, stay with what is called on them.
fn is_factory(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        || name.chars().all(|next| next == '$' || next == '_')
}

/// Whether a chain has no call with arguments to break, so that it had better go to a line of its own.
pub(super) fn is_poorly_breakable(expression: &Expression<'_>) -> bool {
    let Expression::Chain(chain) = expression else {
        return false;
    };
    if !matches!(chain.head, Expression::Name(_) | Expression::This) {
        return false;
    }
    let mut deep = chain.links.len();
    while let Some(link) = deep.checked_sub(1).and_then(|index| chain.links.get(index)) {
        if let Link::Call {
            arguments,
            type_arguments,
            ..
        } = link
        {
            let called_member = matches!(
                deep.checked_sub(2).and_then(|index| chain.links.get(index)),
                Some(Link::Member { .. } | Link::Index { .. })
            );
            if called_member && Shape::of(chain, deep, false).is_chain() {
                return false;
            }
            let short = match arguments.all.as_slice() {
                [] => true,
                [only] => value(&only.node).is_some_and(is_short),
                _ => false,
            };
            if !short {
                return false;
            }
            if let Some([Type::Union(_) | Type::Intersection(_) | Type::Object(_)] | [_, _, ..]) =
                type_arguments.as_deref()
            {
                return false;
            }
        }
        if matches!(link, Link::Template { .. }) {
            return false;
        }
        deep -= 1;
    }
    true
}

/// Whether a lone argument is so short that breaking before it gains nothing: a quarter of the line.
fn is_short(expression: &Expression<'_>) -> bool {
    const SHORT: usize = 25;
    match expression {
        Expression::This | Expression::Word(_) | Expression::Number(_) => true,
        Expression::Name(name) => name.len() <= SHORT,
        Expression::String(text) => super::text::requoted(text).len() <= SHORT,
        Expression::Regex(text) => text.rfind('/').unwrap_or_default() <= 6,
        Expression::Template { text, .. } => {
            !text.contains("${") && text.len() <= SHORT + 2 && !text.contains('\n')
        }
        Expression::Unary(_, value) => is_short(value),
        Expression::Object(items) => items.all.is_empty() && items.rest.is_empty(),
        Expression::Array(items) => items.all.is_empty() && items.rest.is_empty(),
        _ => false,
    }
}
