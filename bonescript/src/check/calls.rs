//! Calls: `count`, `sum` and extension points, declared or implied.

use super::Checker;
use super::scope::Scope;
use super::types::TypePlace;
use crate::Level;
use crate::ast::{self, Name};
use crate::diagnostic::{Code, count, misspelt};
use crate::ir::{Expression, ExpressionKind as K, ExtensionPoint, ExtensionPointId, Parameter, Type};
use crate::text::Span;

/// So many names are told, and compared with a word that is unknown.
const MAX_LISTED: usize = 100;

const BUILT_IN: &[&str] = &["count", "sum", "now"];

impl Checker<'_> {
    /// Parameters and answers of extension points, which everything may call.
    pub(super) fn signatures(&mut self) {
        for (source, tree) in self.trees.extension_points.clone() {
            self.source = source;
            let parameters = self.parameters(&tree.parameters);
            let returns = tree.returns.as_ref().map(|ty| self.ty(ty, TypePlace::Returns));
            let stable = self.flag(tree.stable.as_ref());
            if let Some(language) = &tree.language
                && !matches!(language.text.as_str(), "typescript" | "javascript")
            {
                let message = format!("extension points can't be written in `{}`", language.text);
                let problem = self.problem(Code::UNKNOWN_WORD, language.span, message);
                self.report(problem.one_of(&language.text, ["typescript", "javascript"]));
            }
            if BUILT_IN.contains(&tree.name.text.as_str()) {
                let message = format!("`{}` is a function of the language", tree.name.text);
                let problem = self.problem(Code::RESERVED_NAME, tree.name.span, message);
                self.report(problem.help("give the extension point another name"));
            }
            self.system.extension_points.push(ExtensionPoint {
                name: tree.name.text.clone(),
                parameters,
                returns,
                stable,
                implied: false,
            });
        }
        self.events();
        self.capability_signatures();
    }

    /// Parameters, each name once.
    pub(super) fn parameters(&mut self, trees: &[ast::Parameter]) -> Vec<Parameter> {
        let mut seen = std::collections::HashMap::new();
        let mut parameters = Vec::new();
        for tree in trees {
            let ty = self.ty(&tree.ty, TypePlace::Parameter);
            let first = seen.insert(tree.name.text.clone(), (self.source, tree.name.span));
            if self.twice("the parameter", &tree.name, first) || self.reserved_value(&tree.name) {
                continue;
            }
            parameters.push(Parameter {
                name: tree.name.text.clone(),
                ty,
            });
        }
        parameters
    }

    /// A call inside of an expression.
    pub(super) fn function(
        &mut self,
        name: &Name,
        arguments: &[ast::Expression],
        span: Span,
        scope: &Scope,
    ) -> Expression {
        if scope.is_row() || matches!(scope, Scope::Constant) {
            let message = format!("`{}` can't be called here", self.text(span));
            let problem = self.problem(Code::NOT_OWN, span, message);
            self.report(problem.help(
                "constraints, derived fields and defaults use only the row itself: call it in a `requires`",
            ));
            return Expression::unknown();
        }
        match name.text.as_str() {
            "count" | "sum" => self.collection(name, arguments, span, scope),
            "now" => {
                let problem = self.problem(Code::ARGUMENT_COUNT, span, "`now()` takes nothing");
                self.report(problem.expected("`now()`").replace(span, "now()"));
                Expression::new(K::Now, Type::Timestamp)
            }
            _ => {
                let values: Vec<Expression> = arguments
                    .iter()
                    .map(|tree| self.expression(tree, scope))
                    .collect();
                let Some(id) = self.extension_point(name, &values) else {
                    return Expression::unknown();
                };
                let values = self.arguments(name, id, values, arguments, span);
                let point = self.system.extension_points.get(id.0);
                let ty = point
                    .and_then(|point| point.returns.clone())
                    .unwrap_or(Type::Json);
                Expression::new(K::Call(id, values), ty)
            }
        }
    }

    fn collection(
        &mut self,
        name: &Name,
        arguments: &[ast::Expression],
        span: Span,
        scope: &Scope,
    ) -> Expression {
        let [tree] = arguments else {
            let message = format!("`{}` takes 1 argument, here are {}", name.text, arguments.len());
            let problem = self.problem(Code::ARGUMENT_COUNT, span, message);
            self.report(problem.expected("one list or set"));
            return Expression::unknown();
        };
        let value = self.expression(tree, scope);
        let counts = name.text == "count";
        let ty = match (counts, value.ty.required()) {
            (_, Type::Unknown) => Type::Unknown,
            (true, Type::List(_) | Type::Set(_) | Type::Map(..) | Type::Json) => Type::Uint,
            (false, Type::Json) => Type::Float,
            (false, Type::List(element) | Type::Set(element)) if element.required().is_numeric() => {
                element.required().clone()
            }
            (false, Type::List(element) | Type::Set(element))
                if matches!(**element, Type::Json | Type::Unknown) =>
            {
                Type::Float
            }
            (_, other) => {
                let message = format!("`{}` of `{}`", name.text, self.show(other));
                let problem = self.problem(Code::BAD_OPERAND, tree.span, message);
                self.report(problem.expected(if counts {
                    "a list, a set or a map"
                } else {
                    "a list or set of numbers"
                }));
                Type::Unknown
            }
        };
        let value = Box::new(value);
        Expression::new(if counts { K::Count(value) } else { K::Sum(value) }, ty)
    }

    /// The extension point of this name. Where there is none, and leniency lets it pass, it is implied.
    fn extension_point(&mut self, name: &Name, values: &[Expression]) -> Option<ExtensionPointId> {
        // What only a step implies is declared nowhere: whether that step stands before or behind makes no difference.
        if let Some(id) = self.names.extension_points.get(&name.text).copied()
            && (self.level == Level::Lenient || !self.is_implied(id) || self.undeclared.contains(&name.text))
        {
            return Some(ExtensionPointId(id));
        }
        if self.is_lost(&name.text) {
            return None;
        }
        let points = self
            .system
            .extension_points
            .iter()
            .filter(|point| !point.implied)
            .take(MAX_LISTED);
        let mut known: Vec<&str> = points.map(|point| point.name.as_str()).collect();
        known.extend(["count", "sum"]);
        let near = misspelt(&name.text, known.iter().copied());
        let message = format!("there is no function `{}`", name.text);
        let mut problem = self.problem(Code::UNKNOWN_CALL, name.span, message);
        if near.is_some() {
            problem = problem.one_of(&name.text, known);
            self.report(problem);
            return None;
        }
        let problem = problem.help(self.declaration(name, values));
        self.tolerate(problem, "it is an extension point that you write");
        self.undeclared.insert(name.text.clone());
        Some(match self.names.extension_points.get(&name.text) {
            Some(id) => ExtensionPointId(*id),
            None => self.imply(name, values),
        })
    }

    /// The extension point that a step names, or an input of an algorithm, which has the scope `input_in`. One that nobody
    /// declares is implied: there such a name can be nothing else. A declared name misspelt is a mistake, be it that of an
    /// extension point, of a capability (for a step) or of a parameter (for an input).
    pub(super) fn point_of_step(
        &mut self,
        name: &Name,
        values: &[Expression],
        input_in: Option<&Scope>,
    ) -> Option<ExtensionPointId> {
        if let Some(id) = self.names.extension_points.get(&name.text) {
            return Some(ExtensionPointId(*id));
        }
        if self.is_lost(&name.text) {
            return None;
        }
        if let Some(what) = self.uncallable(&name.text) {
            let message = format!("`{}` is {what}, and can't be called here", name.text);
            let problem = self.problem(Code::UNKNOWN_CALL, name.span, message);
            self.report(problem.expected("a capability or an extension point"));
            return None;
        }
        let declared = self
            .trees
            .extension_points
            .iter()
            .map(|(_, tree)| tree.name.text.as_str());
        let (values_there, capabilities) = match input_in {
            Some(scope) => (scope.names(), [].iter()),
            None => (Vec::new(), self.system.capabilities.iter()),
        };
        let capabilities = capabilities.map(|capability| capability.name.as_str());
        let known = values_there.into_iter().chain(declared).chain(capabilities);
        if !self.problems.is_full()
            && let Some(near) = misspelt(&name.text, known)
        {
            let message = format!("there is no `{}`", name.text);
            let problem = self.problem(Code::UNKNOWN_CALL, name.span, message);
            let problem = problem.meant(name.span, near);
            self.report(problem);
            return None;
        }
        let message = format!(
            "`{}` is declared nowhere: it is an extension point that you write",
            name.text
        );
        let problem = self.problem(Code::IMPLIED_POINT, name.span, message);
        self.report(problem.help(self.declaration(name, values)));
        Some(self.imply(name, values))
    }

    /// What else than a function bears this name.
    fn uncallable(&self, name: &str) -> Option<&'static str> {
        if BUILT_IN.contains(&name) {
            Some("a function of the language")
        } else if self.names.entities.contains_key(name) {
            Some("an entity")
        } else if self.names.events.contains_key(name) {
            Some("an event")
        } else if self.trees.flows.iter().any(|(_, tree)| tree.name.text == name) {
            Some("a flow")
        } else {
            None
        }
    }

    fn is_implied(&self, id: usize) -> bool {
        self.system
            .extension_points
            .get(id)
            .is_some_and(|point| point.implied)
    }

    /// How to declare a function that is given these values.
    fn declaration(&self, name: &Name, values: &[Expression]) -> String {
        let types: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(at, value)| format!("a{}: {}", at + 1, self.written(&value.ty)))
            .collect();
        format!(
            "declare it: `extension_point {}({}) {{ returns: json }}`",
            name.text,
            types.join(", ")
        )
    }

    /// A type as it can be written in a signature.
    fn written(&self, ty: &Type) -> String {
        match ty {
            Type::Unknown | Type::None | Type::Duration => "json".to_owned(),
            Type::State(_) => "string".to_owned(),
            Type::Caller => "uuid".to_owned(),
            other => self.show(other),
        }
    }

    fn imply(&mut self, name: &Name, values: &[Expression]) -> ExtensionPointId {
        let id = self.system.extension_points.len();
        let parameters = values.iter().enumerate().map(|(at, value)| Parameter {
            name: format!("a{}", at + 1),
            ty: match &value.ty {
                Type::Unknown | Type::None | Type::Duration => Type::Json,
                Type::State(_) => Type::String,
                Type::Caller => Type::Uuid,
                other => other.clone(),
            },
        });
        self.system.extension_points.push(ExtensionPoint {
            name: name.text.clone(),
            parameters: parameters.collect(),
            returns: Some(Type::Json),
            stable: false,
            implied: true,
        });
        self.names.extension_points.insert(name.text.clone(), id);
        ExtensionPointId(id)
    }

    fn arguments(
        &mut self,
        name: &Name,
        id: ExtensionPointId,
        values: Vec<Expression>,
        trees: &[ast::Expression],
        span: Span,
    ) -> Vec<Expression> {
        let point = self.system.extension_points.get(id.0);
        let parameters = point.map(|point| point.parameters.clone()).unwrap_or_default();
        self.fitting(&name.text, &parameters, &values, trees, span);
        values
    }

    /// Says where arguments don't fit parameters.
    pub(super) fn fitting(
        &mut self,
        name: &str,
        parameters: &[Parameter],
        values: &[Expression],
        trees: &[ast::Expression],
        span: Span,
    ) {
        if self.problems.is_full() {
            return;
        }
        if parameters.len() != values.len() {
            let wanted: Vec<String> = parameters
                .iter()
                .take(MAX_LISTED)
                .map(|parameter| format!("{}: {}", parameter.name, self.show(&parameter.ty)))
                .collect();
            let message = format!(
                "`{name}` takes {}, here are {}",
                count(parameters.len(), "argument"),
                values.len()
            );
            let problem = self.problem(Code::ARGUMENT_COUNT, span, message);
            self.report(problem.expected(format!("`{name}({})`", wanted.join(", "))));
            return;
        }
        for ((parameter, value), tree) in parameters.iter().zip(values).zip(trees) {
            let what = format!("`{}` of `{name}`", parameter.name);
            self.fits(value, &parameter.ty, tree.span, &what);
        }
    }
}
