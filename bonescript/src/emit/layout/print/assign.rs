//! What stands behind `=` and `:`, and on which line.

use super::super::document::{Doc, Docs};
use super::super::syntax::{Assign, Binding, Expression, Pattern, PatternProperty, Type};
use super::Printer;
use super::binary::breaks_behind_equals;
use super::call::Expand;
use super::chain::is_poorly_breakable;
use super::place::Place;
use super::types::TypePlace;

/// How a value follows its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// On a line of its own, if both do not fit.
    BreakAfter,
    /// On the line of the sign in any case.
    NeverBreakAfter,
    /// On a line of its own, if its first line does not fit.
    Fluid,
    /// The left side breaks first.
    BreakLeft,
}

/// `const { a: b, c = 1, d } = …` breaks on the left.
fn is_complex_pattern(pattern: &Pattern<'_>) -> bool {
    match pattern {
        Pattern::Object(items) => {
            items.all.len() > 2
                && items.all.iter().any(|item| {
                    matches!(
                        item.node,
                        PatternProperty::Pair(..) | PatternProperty::Short(_, Some(_))
                    )
                })
        }
        _ => false,
    }
}

/// `Map<string, List<T>>` breaks on the left.
fn is_complex_type(ty: Option<&Type<'_>>) -> bool {
    match ty {
        Some(Type::Reference(_, Some(arguments))) => {
            arguments.len() > 1
                && arguments
                    .iter()
                    .any(|argument| matches!(argument, Type::Reference(_, Some(_)) | Type::Conditional(_)))
        }
        _ => false,
    }
}

impl<'a, 't> Printer<'a, 't> {
    pub(super) fn binding(&mut self, binding: &'t Binding<'a>, in_parameters: bool, hugged: bool) -> Doc {
        let mut parts = Vec::new();
        match &binding.pattern {
            Pattern::Object(items) if hugged && !items.all.is_empty() => {
                let properties = self.pattern_properties(items);
                parts.push(self.in_braces(&properties));
            }
            pattern => parts.push(self.pattern(pattern, in_parameters)),
        }
        if let Some(mark) = binding.mark {
            parts.push(self.text(mark));
        }
        if let Some(ty) = &binding.ty {
            parts.push(self.text(": "));
            let hugged = hugged && matches!(binding.pattern, Pattern::Name(_) | Pattern::Object(_));
            parts.push(match ty {
                Type::Object(members) if hugged && !members.all.is_empty() => self.members_in_braces(members),
                ty => self.ty(ty, TypePlace::Annotation),
            });
        }
        self.all(&parts)
    }

    /// `left`, a sign and a value; `short` is whether the left side is too short to gain by breaking behind it.
    pub(super) fn assigned(
        &mut self,
        left: Doc,
        sign: &'a str,
        value: &'t Expression<'a>,
        breaks_left: bool,
        is_property: bool,
    ) -> Doc {
        let layout = self.layout_of(left, value, breaks_left, is_property);
        let right = self.expression_as(value, Place::Value, Expand::No, true);
        let sign = self.text(sign);
        self.laid_out(layout, left, sign, right)
    }

    pub(super) fn laid_out(&mut self, layout: Layout, left: Doc, sign: Doc, right: Doc) -> Doc {
        let grouped = self.docs.group(&[left]);
        match layout {
            Layout::BreakAfter => {
                let inner = self.docs.indent(&[Docs::LINE, right]);
                let inner = self.docs.group(&[inner]);
                self.docs.group(&[grouped, sign, inner])
            }
            Layout::NeverBreakAfter => self.docs.group(&[grouped, sign, Docs::SPACE, right]),
            Layout::Fluid => {
                let id = self.docs.id();
                let line = self.docs.indent(&[Docs::LINE]);
                let line = self.docs.group_as(&[line], false, Some(id));
                let right = self.docs.indent_if_break(right, id);
                self.docs.group(&[grouped, sign, line, right])
            }
            Layout::BreakLeft => {
                let right = self.docs.group(&[right]);
                self.docs.group(&[left, sign, Docs::SPACE, right])
            }
        }
    }

    fn layout_of(
        &mut self,
        left: Doc,
        value: &'t Expression<'a>,
        breaks_left: bool,
        is_property: bool,
    ) -> Layout {
        if let Expression::Chain(chain) = value
            && matches!(chain.head, Expression::Name("require"))
        {
            return Layout::NeverBreakAfter;
        }
        let left_breaks = self.docs.can_break(left);
        if breaks_left || (!is_property && left_breaks && matches!(value, Expression::Arrow(_))) {
            return Layout::BreakLeft;
        }
        // Under a key that is no longer than the indentation and two more, a line of its own gains nothing.
        let short_key = is_property && self.docs.text_width(left).is_some_and(|width| width < 5);
        if breaks_after(value, short_key) {
            return Layout::BreakAfter;
        }
        let stays = short_key
            || matches!(
                value,
                Expression::Template { .. }
                    | Expression::Word("true" | "false")
                    | Expression::Number(_)
                    | Expression::Class(_)
            )
            || matches!(value, Expression::Chain(chain)
                if matches!(chain.links.as_slice(), [super::super::syntax::Link::Template { .. }]));
        if !left_breaks && stays {
            return Layout::NeverBreakAfter;
        }
        Layout::Fluid
    }

    pub(super) fn pair(&mut self, key: Doc, value: &'t Expression<'a>) -> Doc {
        self.assigned(key, ":", value, false, true)
    }

    pub(super) fn assign(&mut self, assign: &'t Assign<'a>) -> Doc {
        let left = self.expression(&assign.left, Place::AssignLeft);
        let operator = self.text(assign.operator);
        let layout = if matches!(&assign.right, Expression::Assign(inner) if matches!(inner.right, Expression::Assign(_)))
        {
            Layout::BreakAfter
        } else {
            self.layout_of(left, &assign.right, false, false)
        };
        let layout = if layout == Layout::BreakLeft {
            Layout::Fluid
        } else {
            layout
        };
        let right = self.expression_as(&assign.right, Place::Assigned, Expand::No, true);
        let sign = self.all(&[Docs::SPACE, operator]);
        self.laid_out(layout, left, sign, right)
    }

    pub(super) fn declared(&mut self, binding: &'t Binding<'a>, value: Option<&'t Expression<'a>>) -> Doc {
        let left = self.binding(binding, false, false);
        match value {
            None => left,
            Some(value) => {
                let breaks_left =
                    is_complex_pattern(&binding.pattern) || is_complex_type(binding.ty.as_ref());
                self.assigned(left, " =", value, breaks_left, false)
            }
        }
    }
}

fn breaks_after(value: &Expression<'_>, short_key: bool) -> bool {
    if breaks_behind_equals(value) {
        return true;
    }
    match value {
        Expression::Sequence(_) => return true,
        Expression::Conditional(conditional) => return breaks_behind_equals(&conditional.test),
        _ => {}
    }
    if short_key {
        return false;
    }
    let mut inner = value;
    loop {
        inner = match inner {
            Expression::Unary(_, value) | Expression::Await(value) | Expression::Yield(_, Some(value)) => {
                value
            }
            _ => break,
        };
    }
    matches!(inner, Expression::String(_)) || is_poorly_breakable(inner)
}
