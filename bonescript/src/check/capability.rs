//! Capabilities.

use super::Checker;
use super::scope::Scope;
use super::types::TypePlace;
use crate::Level;
use crate::ast;
use crate::diagnostic::Code;
use crate::ir::{
    Algorithm, AlgorithmName, Authorization, Backoff, Call, Callee, Capability, CapabilityId, Check,
    EntityId, Expression, ExpressionKind as K, OnErrorWord, Parameter, Pipeline, PipelineStep, Retry, Sync,
    Type,
};

/// What is waited for a capability that says nothing.
const TIMEOUT: u64 = 30_000;
/// What is tried where `retry` says nothing of it: three times, a second apart at first.
const ATTEMPTS: u64 = 3;
const INTERVAL: u64 = 1000;
/// More attempts than this only make an outage worse.
const MAX_ATTEMPTS: u64 = 100;
/// Inputs of algorithms that are one value: a name there that stands for nothing is a slip of a parameter or a text
/// without its quotes (`order: desc`), while a graph or a list may well be left to a function.
const SINGLE: &[&str] = &["source", "target", "k", "order", "key", "replicas"];

impl Checker<'_> {
    /// Names, parameters and answers, so that flows and pipelines can call every one.
    pub(super) fn capability_signatures(&mut self) {
        for (source, tree) in self.trees.capabilities.clone() {
            self.source = source;
            let parameters = self.parameters(&tree.parameters);
            let returns = tree.returns.as_ref().map(|ty| self.ty(ty, TypePlace::Returns));
            let home = parameters
                .iter()
                .find_map(|parameter| match parameter.ty.required() {
                    Type::Entity(id) => Some(*id),
                    other => match other.element() {
                        Some(Type::Entity(id)) => Some(*id),
                        _ => None,
                    },
                });
            self.system.capabilities.push(Capability {
                name: tree.name.text.clone(),
                home,
                parameters,
                requires: Vec::new(),
                authorization: Authorization::Authenticated,
                effects: Vec::new(),
                creates: None,
                emits: Vec::new(),
                sync: self.defaults.sync,
                timeout: TIMEOUT,
                retry: None,
                idempotent: false,
                pipeline: None,
                algorithm: None,
                returns,
            });
        }
    }

    pub(super) fn capabilities(&mut self) {
        for (index, (source, tree)) in self.trees.capabilities.clone().into_iter().enumerate() {
            self.source = source;
            self.capability(CapabilityId(index), tree);
        }
    }

    fn capability(&mut self, id: CapabilityId, tree: &ast::Capability) {
        let Some(mut capability) = self.system.capabilities.get(id.0).cloned() else {
            return;
        };
        let mut scope = Scope::Capability {
            parameters: capability.parameters.clone(),
            // A parameter that is there twice or has a reserved name was left out, too.
            incomplete: tree.incomplete || capability.parameters.len() < tree.parameters.len(),
        };
        capability.requires = self.requires(&tree.requires, &scope);
        self.effects(&mut capability, tree, &scope);
        self.words(&mut capability, tree);
        capability.pipeline = tree
            .pipeline
            .as_ref()
            .map(|pipeline| self.pipeline(pipeline, &mut scope));
        capability.algorithm = tree
            .algorithm
            .as_ref()
            .and_then(|algorithm| self.algorithm(algorithm, &scope));
        capability.emits = tree
            .emits
            .iter()
            .filter_map(|emit| self.emission(emit, &capability, &scope))
            .collect();
        capability.authorization = self.authorization(&capability);
        self.excluded(tree);
        let does_nothing = tree.effects.is_empty()
            && tree.emits.is_empty()
            && tree.pipeline.is_none()
            && tree.algorithm.is_none()
            && tree.returns.is_none()
            && !tree.incomplete;
        if does_nothing {
            let message = format!("capability `{}` does nothing", tree.name.text);
            let problem = self.problem(Code::NO_EFFECT, tree.name.span, message);
            self.report(problem.help("give it `effects`, `emits`, a `pipeline` or an `algorithm`"));
        }
        self.empty_answer(&capability, tree);
        if let Some(place) = self.system.capabilities.get_mut(id.0) {
            *place = capability;
        }
    }

    /// Without a pipeline or an algorithm, the answer can only be a row that is there anyway.
    fn empty_answer(&mut self, capability: &Capability, tree: &ast::Capability) {
        let (Some(ty), Some(written)) = (&capability.returns, &tree.returns) else {
            return;
        };
        let row = match ty.required() {
            Type::Result(good, _) => good.required(),
            other => other,
        };
        let there = |id: &EntityId| {
            let made = capability.creates.as_ref().map(|made| made.entity);
            made == Some(*id) || Self::rows(capability).any(|(_, given)| given == *id)
        };
        let computed = tree.pipeline.is_some() || tree.algorithm.is_some() || tree.incomplete;
        if computed || *row == Type::Unknown || matches!(row, Type::Entity(id) if there(id)) {
            return;
        }
        let message = format!("nothing computes the answer of `{}`", tree.name.text);
        let problem = self.problem(Code::EMPTY_ANSWER, written.span, message);
        self.report(problem.help(
            "give it a `pipeline` or an `algorithm`, answer a row that it is given or makes, or remove `returns`",
        ));
    }

    fn requires(&mut self, trees: &[ast::Expression], scope: &Scope) -> Vec<Check> {
        trees
            .iter()
            .map(|tree| Check {
                condition: self.condition(tree, scope),
                text: self.text(tree.span),
            })
            .collect()
    }

    fn words(&mut self, capability: &mut Capability, tree: &ast::Capability) {
        if let Some(sync) = tree
            .sync
            .as_ref()
            .and_then(|word| self.word::<Sync>("way to synchronise", word))
        {
            capability.sync = sync;
        }
        if let Some(timeout) = tree.timeout {
            capability.timeout = self.span_of_time("the timeout", timeout);
        }
        capability.idempotent = self.flag(tree.idempotent.as_ref());
        if let Some(retry) = &tree.retry {
            let attempts = retry.max_attempts.map_or(ATTEMPTS, |number| {
                self.bounded("the number of attempts", number, 1, MAX_ATTEMPTS)
            });
            let backoff = retry
                .backoff
                .as_ref()
                .and_then(|word| self.word::<Backoff>("backoff", word));
            let interval = retry
                .interval
                .map_or(INTERVAL, |interval| self.span_of_time("the interval", interval));
            capability.retry = Some(Retry {
                attempts,
                backoff: backoff.unwrap_or(Backoff::Exponential),
                interval,
            });
        }
    }

    /// Only one thing can compute the answer.
    fn excluded(&mut self, tree: &ast::Capability) {
        if let (Some(pipeline), Some(algorithm)) = (&tree.pipeline, &tree.algorithm) {
            let message = "a capability has either a pipeline or an algorithm";
            let problem = self
                .problem(Code::EXCLUSIVE, algorithm.name.span, message)
                .also(self.source, pipeline.span, "the pipeline")
                .help("give one of them a capability of its own");
            self.report(problem);
        }
    }

    fn pipeline(&mut self, tree: &ast::Pipeline, scope: &mut Scope) -> Pipeline {
        if tree.steps.is_empty() {
            let problem = self.problem(Code::BAD_NUMBER, tree.span, "a pipeline without steps");
            self.report(problem.expected("one step or more, such as `reserve(order)`"));
        }
        let mut steps = Vec::new();
        let outer = scope.clone();
        for step in &tree.steps {
            // Steps side by side can't see each other's results.
            let visible = if tree.parallel { &outer } else { &*scope };
            let call = self.call(&step.call, visible);
            if let Some(binding) = &step.binding {
                let taken = scope.parameter(&binding.text).is_some();
                if taken {
                    let message = format!("`{}` stands for something already", binding.text);
                    let problem = self.problem(Code::DUPLICATE, binding.span, message);
                    self.report(problem.help("give the result another name"));
                } else if !self.reserved_value(binding)
                    && let Scope::Capability { parameters, .. } = scope
                {
                    let ty = call
                        .as_ref()
                        .map_or(Type::Unknown, |call| self.answer(call.callee));
                    parameters.push(Parameter {
                        name: binding.text.clone(),
                        ty,
                    });
                }
            }
            steps.extend(call.map(|call| PipelineStep {
                call,
                binding: step.binding.as_ref().map(|name| name.text.clone()),
            }));
        }
        let mut pipeline = Pipeline {
            parallel: tree.parallel,
            steps,
            on_error: OnErrorWord::Rollback,
            compensation: None,
        };
        if let Some(on_error) = &tree.on_error {
            pipeline.on_error = self
                .word("way to go on", &on_error.word)
                .unwrap_or(OnErrorWord::Rollback);
            pipeline.compensation = on_error.call.as_ref().and_then(|call| self.call(call, scope));
        }
        pipeline
    }

    /// The type of what a call answers.
    fn answer(&self, callee: Callee) -> Type {
        let returns = match callee {
            Callee::ExtensionPoint(id) => self.system.extension_points.get(id.0).map(|point| &point.returns),
            Callee::Capability(id) => self
                .system
                .capabilities
                .get(id.0)
                .map(|capability| &capability.returns),
        };
        returns.cloned().flatten().unwrap_or(Type::Json)
    }

    /// A call of a capability or an extension point.
    pub(super) fn call(&mut self, tree: &ast::Call, scope: &Scope) -> Option<Call> {
        let values: Vec<Expression> = tree
            .arguments
            .iter()
            .map(|tree| self.expression(tree, scope))
            .collect();
        let callee = self.callee(&tree.name, &values)?;
        // Copied only where they are compared one by one.
        let known = self.parameters_of(callee);
        let parameters = known
            .get(..known.len().min(values.len() + 12))
            .unwrap_or(known)
            .to_vec();
        self.fitting(&tree.name.text, &parameters, &values, &tree.arguments, tree.span);
        Some(Call {
            callee,
            arguments: values,
        })
    }

    /// What a name calls.
    pub(super) fn callee(&mut self, name: &ast::Name, values: &[Expression]) -> Option<Callee> {
        if let Some(id) = self.names.capabilities.get(&name.text) {
            return Some(Callee::Capability(CapabilityId(*id)));
        }
        self.point_of_step(name, values, None).map(Callee::ExtensionPoint)
    }

    /// The parameters of what is called.
    pub(super) fn parameters_of(&self, callee: Callee) -> &[Parameter] {
        let parameters = match callee {
            Callee::ExtensionPoint(id) => self
                .system
                .extension_points
                .get(id.0)
                .map(|point| &point.parameters),
            Callee::Capability(id) => self
                .system
                .capabilities
                .get(id.0)
                .map(|capability| &capability.parameters),
        };
        parameters.map(Vec::as_slice).unwrap_or_default()
    }

    fn algorithm(&mut self, tree: &ast::Algorithm, scope: &Scope) -> Option<Algorithm> {
        let Some(name) = AlgorithmName::ALL
            .iter()
            .find(|name| name.as_str() == tree.name.text)
            .copied()
        else {
            let message = format!("there is no algorithm `{}`", tree.name.text);
            let problem = self.problem(Code::UNKNOWN_ALGORITHM, tree.name.span, message);
            let known = AlgorithmName::ALL.iter().map(|name| name.as_str());
            self.report(problem.one_of(&tree.name.text, known));
            return None;
        };
        let mut given: Vec<(String, Expression)> = Vec::new();
        for (input, value) in &tree.inputs {
            let Some(known) = name.input(&input.text) else {
                let message = format!("`{}` has no input `{}`", name.as_str(), input.text);
                let problem = self.problem(Code::UNKNOWN_ALGORITHM, input.span, message);
                let problem = problem.one_of(&input.text, name.inputs().iter().copied());
                self.tolerate(problem, "it is left out");
                continue;
            };
            let first = given.iter().any(|(other, _)| other == known);
            if first {
                let message = format!("the input `{}` is there twice", input.text);
                let problem = self.problem(Code::DUPLICATE, input.span, message);
                self.report(problem.help("remove one of them"));
                continue;
            }
            let span = value.span;
            let value = self.input(known, value, scope);
            let what = format!("the answer that follows from `{}`", input.text);
            self.not_sensitive(&value, span, &what);
            given.push((known.to_owned(), value));
        }
        let mut inputs = Vec::new();
        for input in name.inputs() {
            let value = given
                .iter()
                .find(|(known, _)| known == input)
                .map(|(_, value)| value.clone());
            // An input that is not given is the parameter of the same name.
            let value = value.or_else(|| {
                let ty = scope.parameter(input)?.clone();
                Some(Expression::new(K::Parameter((*input).to_owned()), ty))
            });
            match value {
                Some(value) => inputs.push(((*input).to_owned(), value)),
                None if name.optional().contains(input) => {}
                None => {
                    let message = format!("`{}` needs `{input}`", name.as_str());
                    let problem = self.problem(Code::UNKNOWN_ALGORITHM, tree.name.span, message);
                    self.report(problem.help(format!("give it: `using {{ {input}: … }}`")));
                }
            }
        }
        Some(Algorithm { name, inputs })
    }

    /// An input of an algorithm: an expression, or the name of a function.
    fn input(&mut self, input: &str, tree: &ast::Expression, scope: &Scope) -> Expression {
        let word = match &tree.kind {
            ast::ExpressionKind::Path(names) => match names.as_slice() {
                [name] if scope.parameter(&name.text).is_none() && name.text != "caller" => Some(name),
                _ => None,
            },
            _ => None,
        };
        let Some(name) = word else {
            let value = self.expression(tree, scope);
            if input == "score_fn" && value.literal().is_some() {
                let message = "a score that is the same for all tells none from the others";
                let problem = self.problem(Code::TYPE_MISMATCH, tree.span, message);
                self.report(problem.expected("the name of a function that is given each item"));
            }
            return value;
        };
        if self.level == Level::Strict
            && SINGLE.contains(&input)
            && !self.names.extension_points.contains_key(&name.text)
        {
            return self.expression(tree, scope);
        }
        // `score_fn` is given each item; anything else that bears the name of a function is what it answers.
        let item = Expression::new(K::Parameter("item".to_owned()), Type::Json);
        let arguments = if input == "score_fn" {
            vec![item]
        } else {
            Vec::new()
        };
        let Some(id) = self.point_of_step(name, &arguments, Some(scope)) else {
            return Expression::unknown();
        };
        let point = self.system.extension_points.get(id.0);
        let (ty, takes) = point.map_or((None, 0), |point| (point.returns.clone(), point.parameters.len()));
        if takes != arguments.len() {
            let message = format!(
                "`{}` is called with {} here",
                name.text,
                crate::diagnostic::count(arguments.len(), "argument")
            );
            let problem = self.problem(Code::ARGUMENT_COUNT, name.span, message);
            self.report(problem.help(format!("`{input}` wants a function that takes so many")));
        }
        Expression::new(K::Call(id, arguments), ty.unwrap_or(Type::Json))
    }

    fn authorization(&self, capability: &Capability) -> Authorization {
        let mut named = false;
        for check in &capability.requires {
            check
                .condition
                .walk(&mut |part| named |= matches!(part.kind, K::CallerId | K::CallerRole));
        }
        if named {
            return Authorization::Requires;
        }
        let mut parameters = capability.parameters.iter();
        let caller =
            parameters.position(|parameter| matches!(parameter.ty, Type::Entity(id) if self.logs_in(id)));
        if let Some(index) = caller {
            return Authorization::IsParameter(index);
        }
        match &capability.creates {
            Some(creation) if self.logs_in(creation.entity) => Authorization::Anyone,
            _ => Authorization::Authenticated,
        }
    }

    /// The entities that a capability is given.
    pub(super) fn rows(capability: &Capability) -> impl Iterator<Item = (&Parameter, EntityId)> {
        capability
            .parameters
            .iter()
            .filter_map(|parameter| match parameter.ty.required() {
                Type::Entity(id) => Some((parameter, *id)),
                _ => None,
            })
    }
}
