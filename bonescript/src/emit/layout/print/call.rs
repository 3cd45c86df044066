//! Arguments of calls, of which the first or the last may take what is left of the line.

use super::super::document::{Doc, Docs};
use super::super::syntax::{ArrowBody, Chain, Element, Expression, Items, Link, Property, Type};
use super::Printer;
use super::object::is_of_numbers;
use super::place::Place;

/// Whether an argument takes what is left of the line, instead of moving to one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expand {
    No,
    First,
    Last,
}

/// Names of functions that take the name of a test and its body; those stay on the line.
const TESTS: &[&str] = &["it", "describe", "test", "skip"];
/// What may follow such a name.
const TEST_KINDS: &[&str] = &["only", "skip", "step"];

pub(super) fn value<'e, 'a>(element: &'e Element<'a>) -> Option<&'e Expression<'a>> {
    match element {
        Element::Value(value) => Some(value),
        _ => None,
    }
}

pub(super) fn is_function(element: &Element<'_>) -> bool {
    matches!(
        value(element),
        Some(Expression::Arrow(_) | Expression::Function(_))
    )
}

fn is_call(expression: &Expression<'_>) -> bool {
    matches!(expression, Expression::Chain(chain) if matches!(chain.links.last(), Some(Link::Call { .. })))
}

/// Whether it can be spread over lines behind the bracket that it follows.
fn could_expand(expression: &Expression<'_>, in_arrow: bool) -> bool {
    match expression {
        Expression::Object(items) => !items.all.is_empty() || !items.rest.is_empty(),
        Expression::Array(items) => !items.all.is_empty() || !items.rest.is_empty(),
        Expression::Cast(inner, ..) => could_expand(inner, false),
        Expression::Function(_) => true,
        Expression::Arrow(arrow) => match &arrow.body {
            ArrowBody::Block(_) => true,
            ArrowBody::Expression(body) => match body {
                Expression::Object(_) | Expression::Array(_) => true,
                Expression::Arrow(_) => could_expand(body, true),
                Expression::Conditional(_) => !in_arrow,
                body => !in_arrow && is_call(body),
            },
        },
        _ => false,
    }
}

fn same_kind(one: &Element<'_>, other: &Element<'_>) -> bool {
    match (value(one), value(other)) {
        (Some(Expression::Chain(one)), Some(Expression::Chain(other))) => {
            matches!(one.links.last(), Some(Link::Call { .. }))
                == matches!(other.links.last(), Some(Link::Call { .. }))
        }
        (Some(one), Some(other)) => std::mem::discriminant(one) == std::mem::discriminant(other),
        (None, None) => true,
        _ => false,
    }
}

/// Whether an argument says little: `depth` levels of calls and lists at most.
pub(super) fn is_simple(expression: &Expression<'_>, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    let all_simple = |items: &Items<'_, Element<'_>>, depth: usize| {
        items
            .all
            .iter()
            .all(|item| value(&item.node).is_some_and(|value| is_simple(value, depth)))
    };
    match expression {
        Expression::Regex(text) => text.rfind('/').unwrap_or_default() <= 6,
        Expression::Name(_)
        | Expression::This
        | Expression::Word(_)
        | Expression::Number(_)
        | Expression::String(_) => true,
        Expression::Template { text, .. } => {
            let simple = |next: char| next.is_alphanumeric() || "_$.[]\"'(), ".contains(next);
            !text.contains('\n')
                && text
                    .split("${")
                    .skip(1)
                    .all(|part| part.split('}').next().unwrap_or_default().chars().all(simple))
        }
        Expression::Object(items) => items.all.iter().all(|item| match &item.node {
            Property::Short(_) => true,
            Property::Pair(_, value) => !item.node.is_computed() && is_simple(value, depth - 1),
            Property::Method(..) | Property::Spread(_) => false,
        }),
        Expression::Array(items) => all_simple(items, depth - 1),
        Expression::New {
            callee, arguments, ..
        } => is_simple(callee, depth) && arguments.all.len() <= depth && all_simple(arguments, depth - 1),
        Expression::Chain(chain) => {
            is_simple(&chain.head, depth)
                && chain.links.iter().all(|link| match link {
                    Link::Member { .. } | Link::NonNull => true,
                    Link::Index { index, .. } => is_simple(index, depth),
                    Link::Call { arguments, .. } => {
                        arguments.all.len() <= depth && all_simple(arguments, depth - 1)
                    }
                    Link::Template { .. } => false,
                })
        }
        Expression::Unary(operator, value) => {
            matches!(*operator, "!" | "-" | "+" | "~") && is_simple(value, depth)
        }
        Expression::Update { value, .. } => is_simple(value, depth),
        _ => false,
    }
}

/// Whether a second argument is short enough to stand behind a function.
fn is_hopefully_short(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::Cast(inner, _, ty) => {
            matches!(**ty, Type::Keyword(_) | Type::Reference(_, None)) && is_simple(inner, 1)
        }
        Expression::Binary(binary) => is_simple(&binary.left, 1) && is_simple(&binary.right, 1),
        Expression::Chain(chain) => {
            let many =
                matches!(chain.links.last(), Some(Link::Call { arguments, .. }) if arguments.all.len() > 1);
            !many && is_simple(expression, 2)
        }
        Expression::New { arguments, .. } => arguments.all.len() <= 1 && is_simple(expression, 2),
        other => is_simple(other, 2),
    }
}

/// Several functions, or calls that are given functions: each stands on lines of its own.
fn composes(items: &Items<'_, Element<'_>>) -> bool {
    if items.all.len() <= 1 {
        return false;
    }
    let mut functions = 0;
    for item in &items.all {
        if is_function(&item.node) {
            functions += 1;
            if functions > 1 {
                return true;
            }
        } else if let Some(Expression::Chain(chain)) = value(&item.node)
            && let Some(Link::Call { arguments, .. }) = chain.links.last()
            && arguments.all.iter().any(|inner| is_function(&inner.node))
        {
            return true;
        }
    }
    false
}

fn has_block(element: &Element<'_>) -> bool {
    match value(element) {
        Some(Expression::Function(_)) => true,
        Some(Expression::Arrow(arrow)) => matches!(arrow.body, ArrowBody::Block(_)),
        _ => false,
    }
}

fn expands_first(items: &Items<'_, Element<'_>>) -> bool {
    let [first, second] = items.all.as_slice() else {
        return false;
    };
    let Some(second_value) = value(&second.node) else {
        return false;
    };
    first.lead.is_empty()
        && first.trail.is_empty()
        && has_block(&first.node)
        && !is_function(&second.node)
        && !matches!(second_value, Expression::Conditional(_))
        && is_hopefully_short(second_value)
        && !could_expand(second_value, false)
}

fn expands_last(items: &Items<'_, Element<'_>>) -> bool {
    let Some(last) = items.all.last() else {
        return false;
    };
    let before = items
        .all
        .len()
        .checked_sub(2)
        .and_then(|index| items.all.get(index));
    let Some(last_value) = value(&last.node) else {
        return false;
    };
    let is_array = matches!(last_value, Expression::Array(_));
    last.lead.is_empty()
        && last.trail.is_empty()
        && items.rest.is_empty()
        && could_expand(last_value, false)
        && before.is_none_or(|before| !same_kind(&before.node, &last.node))
        && (items.all.len() != 2
            || !is_array
            || !matches!(
                before.and_then(|before| value(&before.node)),
                Some(Expression::Arrow(_))
            ))
        && !(items.all.len() > 1 && matches!(last_value, Expression::Array(inner) if is_of_numbers(inner)))
}

/// `useEffect(() => { … }, [a, b])`.
fn is_hook_with_list(items: &Items<'_, Element<'_>>) -> bool {
    let [first, second] = items.all.as_slice() else {
        return false;
    };
    let no_notes = first.lead.is_empty() && second.lead.is_empty() && second.trail.is_empty();
    let is_body = matches!(
        value(&first.node),
        Some(Expression::Arrow(arrow))
            if arrow.signature.parameters.all.is_empty() && matches!(arrow.body, ArrowBody::Block(_))
    );
    no_notes && is_body && matches!(value(&second.node), Some(Expression::Array(_)))
}

/// `test("name", () => …)`: never broken between the two.
pub(super) fn is_test(chain: &Chain<'_>, count: usize, arguments: &Items<'_, Element<'_>>) -> bool {
    let Expression::Name(name) = &chain.head else {
        return false;
    };
    let named = TESTS.contains(name)
        && match chain.links.get(..count.saturating_sub(1)) {
            Some([]) => true,
            Some([Link::Member { name: kind, .. }]) => TEST_KINDS.contains(kind),
            _ => false,
        };
    let (first, second) = match arguments.all.as_slice() {
        [first, second] => (first, second),
        [first, second, third]
            if has_block(&second.node) && matches!(value(&third.node), Some(Expression::Number(_))) =>
        {
            (first, second)
        }
        _ => return false,
    };
    let titled = matches!(
        value(&first.node),
        Some(Expression::String(_) | Expression::Template { .. })
    );
    named && titled && is_function(&second.node)
}

impl<'a, 't> Printer<'a, 't> {
    pub(super) fn arguments(&mut self, items: &'t Items<'a, Element<'a>>) -> Doc {
        if items.all.is_empty() {
            if items.rest.is_empty() {
                return self.text("()");
            }
            let mut parts = Vec::new();
            self.dangling(items, &mut parts);
            let mut inner = vec![Docs::SOFT];
            inner.extend(parts);
            let body = self.docs.indent(&inner);
            let closed = self.all(&[body, Docs::SOFT]);
            let brackets = self.between("(", closed, ")");
            return self.docs.group(&[brackets]);
        }
        let open = self.text("(");
        let close = self.text(")");
        let comma = self.text(",");
        if is_hook_with_list(items) {
            let docs: Vec<Doc> = items
                .all
                .iter()
                .map(|item| self.element(&item.node, Place::Argument))
                .collect();
            let inner = self.docs.join(&[comma, Docs::SPACE], &docs);
            return self.all(&[open, inner, close]);
        }
        let (printed, blank) = self.printed_arguments(items);
        let broken_out = |printer: &mut Self| {
            let mut inner = vec![Docs::LINE];
            inner.extend_from_slice(&printed);
            let body = printer.docs.indent(&inner);
            printer
                .docs
                .group_as(&[open, body, comma, Docs::LINE, close], true, None)
        };
        if blank || composes(items) {
            return broken_out(self);
        }
        let (first, last) = (items.all.first(), items.all.last());
        if let Some(first) = first.filter(|_| expands_first(items)) {
            let tail: Vec<Doc> = printed.iter().skip(1).copied().collect();
            if tail.iter().any(|doc| self.docs.breaks(*doc)) {
                return broken_out(self);
            }
            let Some(doc) = self.expanded(&first.node, Expand::First) else {
                return broken_out(self);
            };
            let tail = self.all(&tail);
            let separator = self.text(", ");
            let hugged = self.docs.group_as(&[doc], true, None);
            let hugged = self.all(&[open, hugged, separator, tail, close]);
            let out = broken_out(self);
            if self.docs.breaks(doc) {
                let choice = self.docs.first_that_fits(&[hugged, out]);
                return self.all(&[Docs::BREAK_PARENT, choice]);
            }
            let flat = self.all(&[open, doc, separator, tail, close]);
            return self.docs.first_that_fits(&[flat, hugged, out]);
        }
        if let Some(last) = last.filter(|_| expands_last(items)) {
            let heads: Vec<Doc> = printed
                .iter()
                .take(printed.len().saturating_sub(1))
                .copied()
                .collect();
            if heads.iter().any(|doc| self.docs.breaks(*doc)) {
                return broken_out(self);
            }
            let alone = items.all.len() == 1;
            let is_plain = matches!(value(&last.node), Some(Expression::Function(_)));
            let expand = if is_plain && alone {
                Expand::No
            } else {
                Expand::Last
            };
            let Some(doc) = self.expanded(&last.node, expand) else {
                return broken_out(self);
            };
            let heads = self.all(&heads);
            let hugged = self.docs.group_as(&[doc], true, None);
            let hugged = self.all(&[open, heads, hugged, close]);
            let out = broken_out(self);
            if self.docs.breaks(doc) {
                let choice = self.docs.first_that_fits(&[hugged, out]);
                return self.all(&[Docs::BREAK_PARENT, choice]);
            }
            let flat = self.all(&[open, heads, doc, close]);
            return self.docs.first_that_fits(&[flat, hugged, out]);
        }
        let breaks = printed.iter().any(|doc| self.docs.breaks(*doc));
        let mut inner = vec![Docs::SOFT];
        inner.extend_from_slice(&printed);
        let mut rest = Vec::new();
        self.dangling(items, &mut rest);
        let trailing = self.docs.trailing_comma();
        inner.push(trailing);
        inner.extend(rest);
        let body = self.docs.indent(&inner);
        self.docs.group_as(&[open, body, Docs::SOFT, close], breaks, None)
    }

    /// Each argument with the comma and the line behind it, and whether an empty line stands between two.
    fn printed_arguments(&mut self, items: &'t Items<'a, Element<'a>>) -> (Vec<Doc>, bool) {
        let comma = self.text(",");
        let mut printed = Vec::with_capacity(items.all.len());
        let mut blank = false;
        for (index, item) in items.all.iter().enumerate() {
            let doc = self.element(&item.node, Place::Argument);
            let mut parts = self.lead_notes(&item.lead);
            parts.push(doc);
            if index + 1 < items.all.len() {
                parts.push(comma);
                parts.extend(self.trail_notes(&item.trail));
                if item.blank_after {
                    blank = true;
                    parts.extend([Docs::HARD, Docs::HARD]);
                } else {
                    parts.push(Docs::LINE);
                }
            } else {
                parts.extend(self.trail_notes(&item.trail));
            }
            printed.push(self.all(&parts));
        }
        (printed, blank)
    }

    /// An argument that takes what is left of the line; nothing where its parameters break in any case.
    fn expanded(&mut self, element: &'t Element<'a>, expand: Expand) -> Option<Doc> {
        let around = std::mem::replace(&mut self.bailed, false);
        let doc = match element {
            Element::Value(value) => self.expression_as(value, Place::Argument, expand, false),
            other => self.element(other, Place::Argument),
        };
        let bailed = std::mem::replace(&mut self.bailed, around);
        (!bailed).then_some(doc)
    }
}
