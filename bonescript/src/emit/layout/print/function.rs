//! Functions: parameters, types of results, bodies.

use super::super::document::{Doc, Docs};
use super::super::syntax::{
    Arrow, ArrowBody, Expression, Function, Items, Parameter, Pattern, Signature, Type,
};
use super::Printer;
use super::call::Expand;
use super::place::{Place, arrow_behind, leftmost};
use super::types::TypePlace;

/// Whether a lone parameter takes its brackets: `({ a, b }) =>` breaks inside of the braces only.
pub(super) fn hugs(parameters: &Items<'_, Parameter<'_>>) -> bool {
    let [only] = parameters.all.as_slice() else {
        return false;
    };
    if !only.lead.is_empty() || !only.trail.is_empty() || only.node.rest {
        return false;
    }
    let parameter = &only.node;
    match (&parameter.binding.pattern, &parameter.default) {
        (Pattern::Object(_) | Pattern::Array(_), None) => true,
        (Pattern::Object(_) | Pattern::Array(_), Some(default)) => match default {
            Expression::Name(_) => true,
            Expression::Object(items) => items.all.is_empty(),
            Expression::Array(items) => items.all.is_empty(),
            _ => false,
        },
        (Pattern::Name(_), None) => matches!(parameter.binding.ty, Some(Type::Object(_) | Type::Mapped(_))),
        (Pattern::Name(_), Some(_)) => false,
    }
}

/// Whether the type of the result breaks before the parameters do.
fn groups_parameters(signature: &Signature<'_>, returns_break: bool) -> bool {
    let Some(returns) = &signature.returns else {
        return false;
    };
    if let Some(parameters) = &signature.type_parameters {
        match parameters.all.as_slice() {
            [] => {}
            [only] if only.node.constraint.is_none() && only.node.default.is_none() => {}
            _ => return false,
        }
    }
    signature.parameters.all.len() == 1
        && (matches!(returns, Type::Object(_) | Type::Mapped(_)) || returns_break)
}

impl<'a, 't> Printer<'a, 't> {
    pub(super) fn parameter(&mut self, parameter: &'t Parameter<'a>) -> Doc {
        let mut parts = Vec::new();
        if parameter.rest {
            parts.push(self.text("..."));
        }
        parts.push(self.binding(&parameter.binding, true, false));
        let left = self.all(&parts);
        self.with_default(left, parameter.default.as_ref())
    }

    pub(super) fn parameters(&mut self, parameters: &'t Items<'a, Parameter<'a>>, expand: bool) -> Doc {
        let open = self.text("(");
        let close = self.text(")");
        if parameters.all.is_empty() {
            let mut parts = Vec::new();
            self.dangling(parameters, &mut parts);
            let inner = self.all(&parts);
            return self.all(&[open, inner, close]);
        }
        if let [only] = parameters.all.as_slice()
            && hugs(parameters)
            && !expand
        {
            let inner = self.hugged_parameter(&only.node);
            return self.all(&[open, inner, close]);
        }
        let printed = self.separated(parameters, ",", Self::parameter);
        if expand {
            let inner = self.all(&printed);
            if self.docs.breaks(inner) {
                self.bailed = true;
            }
            let inner = self.docs.flat(inner);
            return self.docs.group(&[open, inner, close]);
        }
        let has_rest = parameters.all.last().is_some_and(|last| last.node.rest);
        let mut inner = vec![Docs::SOFT];
        inner.extend(printed);
        if !has_rest {
            inner.push(self.docs.trailing_comma());
        }
        let body = self.docs.indent(&inner);
        self.all(&[open, body, Docs::SOFT, close])
    }

    /// A parameter whose braces are not in a group of their own.
    fn hugged_parameter(&mut self, parameter: &'t Parameter<'a>) -> Doc {
        let left = self.binding(&parameter.binding, true, true);
        self.with_default(left, parameter.default.as_ref())
    }

    pub(super) fn returns(&mut self, returns: Option<&'t Type<'a>>) -> Doc {
        match returns {
            Some(ty) => {
                let colon = self.text(": ");
                let ty = self.ty(ty, TypePlace::Annotation);
                self.all(&[colon, ty])
            }
            None => Docs::EMPTY,
        }
    }

    /// Type parameters, parameters and the type of the result.
    pub(super) fn signature(&mut self, signature: &'t Signature<'a>, arrow: &'a str) -> Doc {
        self.signature_as(signature, arrow, false)
    }

    fn signature_as(&mut self, signature: &'t Signature<'a>, arrow: &'a str, expand: bool) -> Doc {
        let types = self.type_parameters(signature.type_parameters.as_ref());
        let parameters = self.parameters(&signature.parameters, expand);
        let returns = match &signature.returns {
            Some(ty) => {
                let arrow = self.text(arrow);
                let ty = self.ty(ty, TypePlace::Annotation);
                self.all(&[arrow, ty])
            }
            None => Docs::EMPTY,
        };
        let parameters = if groups_parameters(signature, self.docs.breaks(returns)) {
            self.docs.group(&[parameters])
        } else {
            parameters
        };
        let rest = self.docs.group(&[parameters, returns]);
        self.all(&[types, rest])
    }

    pub(super) fn function(&mut self, function: &'t Function<'a>) -> Doc {
        self.function_expression(function, Expand::No)
    }

    pub(super) fn function_expression(&mut self, function: &'t Function<'a>, expand: Expand) -> Doc {
        let mut parts = Vec::new();
        if function.is_async {
            parts.push(self.text("async "));
        }
        parts.push(self.text(if function.is_generator {
            "function* "
        } else {
            "function "
        }));
        if let Some(name) = function.name {
            parts.push(self.text(name));
        }
        parts.push(self.function_rest(function, expand == Expand::Last));
        self.all(&parts)
    }

    /// Signature and body.
    pub(super) fn method(&mut self, function: &'t Function<'a>) -> Doc {
        self.function_rest(function, false)
    }

    fn function_rest(&mut self, function: &'t Function<'a>, expand: bool) -> Doc {
        let signature = self.signature_as(&function.signature, ": ", expand);
        if let Some(body) = &function.body {
            let body = self.kept_block(body);
            self.all(&[signature, Docs::SPACE, body])
        } else {
            let end = self.text(";");
            self.all(&[signature, end])
        }
    }

    fn arrow_signature(&mut self, arrow: &'t Arrow<'a>, expand: Expand) -> Doc {
        let mut parts = Vec::new();
        if arrow.is_async {
            parts.push(self.text("async "));
        }
        let expands = expand != Expand::No;
        let types = self.type_parameters(arrow.signature.type_parameters.as_ref());
        let parameters = self.parameters(&arrow.signature.parameters, expands);
        let mut returns = self.returns(arrow.signature.returns.as_ref());
        if expands {
            if self.docs.breaks(returns) {
                self.bailed = true;
            }
            returns = self.docs.flat(returns);
        }
        parts.push(self.docs.group(&[types, parameters, returns]));
        self.all(&parts)
    }

    pub(super) fn arrow(
        &mut self,
        arrow: &'t Arrow<'a>,
        expand: Expand,
        place: Place<'a>,
        assigned: bool,
    ) -> Doc {
        let is_chain = expand != Expand::Last && arrow_behind(&arrow.body).is_some();
        let mut signatures = vec![self.arrow_signature(arrow, expand)];
        let mut last = arrow;
        let mut breaks_chain = false;
        if is_chain {
            let breaks = |arrow: &Arrow<'a>| {
                (arrow.signature.returns.is_some() && !arrow.signature.parameters.all.is_empty())
                    || arrow.signature.type_parameters.is_some()
                    || arrow.signature.parameters.all.iter().any(|item| {
                        !matches!(item.node.binding.pattern, Pattern::Name(_))
                            || item.node.default.is_some()
                            || item.node.rest
                    })
            };
            breaks_chain = breaks(arrow);
            while let Some(inner) = arrow_behind(&last.body) {
                signatures.push(self.arrow_signature(inner, expand));
                breaks_chain |= breaks(inner);
                last = inner;
            }
        }
        let sign = self.text(" =>");
        let (body, same_line) = self.arrow_body(&last.body, breaks_chain, expand);
        if !is_chain {
            let signature = self.all(&signatures);
            let body = if same_line { body } else { self.docs.group(&[body]) };
            return self.docs.group(&[signature, sign, body]);
        }
        let id = self.docs.id();
        let joined = self.docs.join(&[sign, Docs::LINE], &signatures);
        let chain = if assigned {
            let grouped = self.docs.group_as(&[joined], breaks_chain, None);
            let inner = self.docs.indent(&[Docs::SOFT, grouped]);
            self.docs.group_as(&[inner], false, Some(id))
        } else if place == Place::Argument || matches!(place, Place::Left(_) | Place::Right(_)) {
            let (first, rest) = signatures.split_at(1.min(signatures.len()));
            let rest = self.docs.join(&[sign, Docs::LINE], rest);
            let rest = self.docs.indent(&[Docs::LINE, rest]);
            let first = self.all(first);
            let grouped = self.docs.group_as(&[first, sign, rest], breaks_chain, None);
            self.docs.group_as(&[grouped], false, Some(id))
        } else {
            let inner = self.docs.indent(&[joined]);
            let grouped = self.docs.group_as(&[inner], breaks_chain, None);
            self.docs.group_as(&[grouped], false, Some(id))
        };
        let body = self.docs.indent_if_break(body, id);
        self.docs.group(&[chain, sign, body])
    }

    /// What follows `=>`, and whether it stays on its line.
    fn arrow_body(&mut self, body: &'t ArrowBody<'a>, breaks_chain: bool, expand: Expand) -> (Doc, bool) {
        let body = match body {
            ArrowBody::Block(block) => {
                let block = self.kept_block(block);
                return (self.all(&[Docs::SPACE, block]), true);
            }
            ArrowBody::Expression(body) => body,
        };
        if matches!(leftmost(body), Expression::Object(_)) {
            self.wrapped = Some(leftmost(body));
        }
        let doc = self.kept(std::ptr::from_ref(body).addr(), |printer| {
            printer.expression(body, Place::ArrowBody)
        });
        let (comma, space) = if expand == Expand::Last {
            (self.docs.trailing_comma(), Docs::SOFT)
        } else {
            (Docs::EMPTY, Docs::EMPTY)
        };
        let is_conditional =
            matches!(body, Expression::Conditional(_)) && !matches!(leftmost(body), Expression::Object(_));
        let template =
            matches!(body, Expression::Template { text, starts_line } if text.contains('\n') && !starts_line);
        let same_line = matches!(
            body,
            Expression::Array(_) | Expression::Object(_) | Expression::Arrow(_) | Expression::Sequence(_)
        ) || template;
        if is_conditional && !breaks_chain {
            let open = self.text("(");
            let close = self.text(")");
            let open = self.docs.if_break(Docs::EMPTY, open, None);
            let close = self.docs.if_break(Docs::EMPTY, close, None);
            let inner = self.docs.indent(&[Docs::SOFT, doc]);
            let group = self.docs.group(&[open, inner, close, comma, space]);
            return (self.all(&[Docs::SPACE, group]), true);
        }
        if same_line {
            return (self.all(&[Docs::SPACE, doc]), true);
        }
        let inner = self.docs.indent(&[Docs::LINE, doc]);
        (self.all(&[inner, comma, space]), false)
    }
}
