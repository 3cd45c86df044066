//! Objects, arrays and patterns.

use super::super::document::{Doc, Docs};
use super::super::syntax::{Element, Expression, Items, Parameter, Pattern, PatternProperty, Property};
use super::Printer;
use super::place::Place;

fn is_number(element: &Element<'_>) -> bool {
    match element {
        Element::Value(Expression::Number(_)) => true,
        Element::Value(Expression::Unary(sign, value)) => {
            matches!(*sign, "+" | "-") && matches!(**value, Expression::Number(_))
        }
        _ => false,
    }
}

/// Whether as many elements as fit stand in each line.
pub(super) fn is_of_numbers(items: &Items<'_, Element<'_>>) -> bool {
    !items.all.is_empty() && items.all.iter().all(|item| is_number(&item.node))
}

/// Whether all elements are objects, or all arrays, of more than one part.
fn is_of_lists(items: &Items<'_, Element<'_>>) -> bool {
    let large_objects = items
        .all
        .iter()
        .all(|item| matches!(&item.node, Element::Value(Expression::Object(inner)) if inner.all.len() > 1));
    let large_arrays = items
        .all
        .iter()
        .all(|item| matches!(&item.node, Element::Value(Expression::Array(inner)) if inner.all.len() > 1));
    items.all.len() > 1 && (large_objects || large_arrays)
}

impl<'a, 't> Printer<'a, 't> {
    pub(super) fn array(&mut self, items: &'t Items<'a, Element<'a>>) -> Doc {
        if items.all.is_empty() && items.rest.is_empty() {
            return self.text("[]");
        }
        let id = self.docs.id();
        let comma = self.text(",");
        let inner = if is_of_numbers(items) {
            let mut parts = Vec::new();
            for (index, item) in items.all.iter().enumerate() {
                let element = self.element(&item.node, Place::Free);
                let last = index + 1 == items.all.len();
                let behind = if last {
                    self.docs.if_break(comma, Docs::EMPTY, Some(id))
                } else {
                    comma
                };
                parts.push(self.docs.concat(&[element, behind]));
                if !last {
                    parts.push(if item.blank_after {
                        self.docs.concat(&[Docs::HARD, Docs::HARD])
                    } else {
                        Docs::LINE
                    });
                }
            }
            self.docs.fill(&parts)
        } else {
            let mut parts = Vec::new();
            for (index, item) in items.all.iter().enumerate() {
                let element = self.element(&item.node, Place::Free);
                parts.extend(self.lead_notes(&item.lead));
                parts.push(self.docs.group(&[element]));
                let last = index + 1 == items.all.len();
                if last {
                    parts.push(self.docs.trailing_comma());
                } else {
                    parts.push(comma);
                }
                parts.extend(self.trail_notes(&item.trail));
                if !last {
                    parts.push(Docs::LINE);
                    if item.blank_after {
                        parts.push(Docs::SOFT);
                    }
                }
            }
            self.dangling(items, &mut parts);
            self.all(&parts)
        };
        let open = self.text("[");
        let close = self.text("]");
        let body = self.docs.indent(&[Docs::SOFT, inner]);
        self.docs
            .group_as(&[open, body, Docs::SOFT, close], is_of_lists(items), Some(id))
    }

    pub(super) fn element(&mut self, element: &'t Element<'a>, place: Place<'a>) -> Doc {
        match element {
            Element::Hole => Docs::EMPTY,
            Element::Value(value) => self.expression(value, place),
            Element::Spread(value) => {
                let dots = self.text("...");
                let value = self.expression(value, Place::Spread);
                self.all(&[dots, value])
            }
        }
    }

    pub(super) fn object(&mut self, items: &'t Items<'a, Property<'a>>) -> Doc {
        let parts = self.separated(items, ",", Self::property);
        let comma = self.docs.trailing_comma();
        self.braced(items, parts, comma, false)
    }

    /// Parts between braces, with `last` behind the last item. They are broken where the first stood on a line of its own,
    /// and in any case if they are to be.
    pub(super) fn braced<T>(
        &mut self,
        items: &'t Items<'a, T>,
        mut parts: Vec<Doc>,
        last: Doc,
        in_any_case: bool,
    ) -> Doc {
        if items.all.is_empty() && items.rest.is_empty() {
            return self.text("{}");
        }
        self.close(items, &mut parts, last);
        let body = self.in_braces(&parts);
        let broken = !items.all.is_empty() && (in_any_case || items.opened.get());
        let id = self.watched(&items.opened);
        self.docs.group_as(&[body], broken, Some(id))
    }

    /// Puts the last separator before the comments that follow the last item.
    pub(super) fn close<T>(&mut self, items: &'t Items<'a, T>, parts: &mut Vec<Doc>, last: Doc) {
        let notes = items.all.last().map_or(0, |item| {
            item.trail
                .iter()
                .map(|note| 1 + usize::from(note.text.starts_with("//")))
                .sum()
        });
        if !items.all.is_empty() {
            let at = parts.len().saturating_sub(notes);
            parts.insert(at, last);
        }
        self.dangling(items, parts);
    }

    pub(super) fn in_braces(&mut self, parts: &[Doc]) -> Doc {
        let open = self.text("{");
        let close = self.text("}");
        let mut inner = vec![Docs::LINE];
        inner.extend_from_slice(parts);
        let body = self.docs.indent(&inner);
        self.docs.concat(&[open, body, Docs::LINE, close])
    }

    fn property(&mut self, property: &'t Property<'a>) -> Doc {
        match property {
            Property::Short(name) => self.text(name),
            Property::Spread(value) => {
                let dots = self.text("...");
                let value = self.expression(value, Place::Spread);
                self.all(&[dots, value])
            }
            Property::Pair(key, value) => {
                let key = self.key(key, true);
                self.pair(key, value)
            }
            Property::Method(word, key, function) => {
                let mut parts = Vec::new();
                if function.is_async {
                    parts.push(self.text("async "));
                }
                if let Some(word) = word {
                    parts.push(self.text(word));
                    parts.push(Docs::SPACE);
                }
                if function.is_generator {
                    parts.push(self.text("*"));
                }
                parts.push(self.key(key, true));
                parts.push(self.method(function));
                self.all(&parts)
            }
        }
    }

    pub(super) fn pattern(&mut self, pattern: &'t Pattern<'a>, in_parameters: bool) -> Doc {
        match pattern {
            Pattern::Name(name) => self.text(name),
            Pattern::Object(items) => {
                let nested = items.all.iter().any(|item| {
                    matches!(
                        &item.node,
                        PatternProperty::Pair(_, Pattern::Object(_) | Pattern::Array(_), None)
                    )
                });
                let parts = self.pattern_properties(items);
                if items.all.is_empty() {
                    return self.text("{}");
                }
                let body = self.in_braces(&parts);
                self.docs.group_as(&[body], nested && !in_parameters, None)
            }
            Pattern::Array(items) => {
                let parts =
                    self.separated(
                        items,
                        ",",
                        |printer, element: &'t Option<Parameter<'a>>| match element {
                            Some(parameter) => printer.parameter(parameter),
                            None => Docs::EMPTY,
                        },
                    );
                let ends_with_rest =
                    matches!(items.all.last().map(|item| &item.node), Some(Some(last)) if last.rest);
                let mut inner = vec![Docs::SOFT];
                inner.extend(parts);
                if !ends_with_rest {
                    inner.push(self.docs.trailing_comma());
                }
                let open = self.text("[");
                let close = self.text("]");
                let body = self.docs.indent(&inner);
                self.docs.group(&[open, body, Docs::SOFT, close])
            }
        }
    }

    pub(super) fn pattern_properties(&mut self, items: &'t Items<'a, PatternProperty<'a>>) -> Vec<Doc> {
        let mut parts = self.separated(items, ",", |printer, property| match property {
            PatternProperty::Rest(name) => {
                let dots = printer.text("...");
                let name = printer.text(name);
                printer.all(&[dots, name])
            }
            PatternProperty::Short(name, default) => {
                let name = printer.text(name);
                printer.with_default(name, default.as_ref())
            }
            PatternProperty::Pair(key, pattern, default) => {
                let key = printer.key(key, true);
                let colon = printer.text(": ");
                let pattern = printer.pattern(pattern, true);
                let pair = printer.all(&[key, colon, pattern]);
                printer.with_default(pair, default.as_ref())
            }
        });
        let ends_with_rest = matches!(
            items.all.last().map(|item| &item.node),
            Some(PatternProperty::Rest(_))
        );
        let last = if ends_with_rest {
            Docs::EMPTY
        } else {
            self.docs.trailing_comma()
        };
        self.close(items, &mut parts, last);
        parts
    }

    pub(super) fn with_default(&mut self, left: Doc, default: Option<&'t Expression<'a>>) -> Doc {
        match default {
            Some(default) => {
                let equals = self.text(" = ");
                let default = self.expression(default, Place::Free);
                self.all(&[left, equals, default])
            }
            None => left,
        }
    }
}
