//! Capabilities.

use super::{Parse, Parser, Reported};
use crate::ast::{
    Algorithm, Capability, Effect, EffectOperator, Emit, OnError, Parameter, Pipeline, PipelineStep, Retry,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::token::TokenKind;

const CLAUSES: &[&str] = &[
    "requires",
    "effects",
    "emits",
    "sync",
    "timeout",
    "retry",
    "idempotent",
    "pipeline",
    "parallel",
    "algorithm",
    "returns",
];

const RETRY: &[&str] = &["max_attempts", "backoff", "interval"];

impl Parser<'_> {
    pub(super) fn capability(&mut self) -> Parse<Capability> {
        let name = self.name("the name of the capability")?;
        let owner = format!("capability `{}`", name.text);
        let (parameters, parameters_whole) = self.parameters()?;
        let mut capability = Capability {
            name,
            parameters,
            requires: Vec::new(),
            effects: Vec::new(),
            emits: Vec::new(),
            sync: None,
            timeout: None,
            retry: None,
            idempotent: None,
            pipeline: None,
            algorithm: None,
            returns: None,
            incomplete: false,
        };
        let whole = self.body(&owner, CLAUSES, &mut |parser, word, seen| {
            parser.once(word, seen)?;
            match word {
                "requires" => {
                    let (list, whole) = parser.list(TokenKind::OpenBracket, &mut Self::expression)?;
                    capability.requires.extend(list);
                    return whole.then_some(()).ok_or(Reported);
                }
                "effects" => {
                    let (list, whole) = parser.list(TokenKind::OpenBracket, &mut Self::effect)?;
                    capability.effects.extend(list);
                    return whole.then_some(()).ok_or(Reported);
                }
                "emits" => loop {
                    capability.emits.push(parser.emit()?);
                    if !parser.eat(TokenKind::Comma) {
                        break;
                    }
                },
                "sync" => {
                    capability.sync =
                        Some(parser.name("`realtime`, `eventual`, `batch` or `transactional`")?);
                }
                "timeout" => capability.timeout = Some(parser.duration()?),
                "retry" => capability.retry = Some(parser.retry()?),
                "idempotent" => capability.idempotent = Some(parser.name("`true` or `false`")?),
                "pipeline" | "parallel" => {
                    let pipeline = parser.pipeline(word == "parallel")?;
                    if capability.pipeline.is_some() {
                        let message = "a capability has either `pipeline` or `parallel`";
                        let problem = Diagnostic::new(Code::EXCLUSIVE, parser.source, pipeline.span, message);
                        parser.report(problem.help("call the parallel steps in a capability of their own"));
                    }
                    capability.pipeline = Some(pipeline);
                }
                "algorithm" => capability.algorithm = Some(parser.algorithm()?),
                _ => capability.returns = Some(parser.ty()?),
            }
            Ok(())
        })?;
        capability.incomplete = !(whole && parameters_whole);
        Ok(capability)
    }

    /// `(name: type, …)`.
    pub(super) fn parameters(&mut self) -> Parse<(Vec<Parameter>, bool)> {
        self.list(TokenKind::OpenParen, &mut |parser| {
            let name = parser.name("the name of a parameter")?;
            parser.want(TokenKind::Colon)?;
            let ty = parser.ty()?;
            Ok(Parameter { name, ty })
        })
    }

    fn effect(&mut self) -> Parse<Effect> {
        let start = self.span();
        let first = self.name("what changes, such as `order.status`")?;
        let target = self.path_after(first)?;
        let operator = match self.peek() {
            TokenKind::Equal => EffectOperator::Set,
            TokenKind::PlusEqual => EffectOperator::Add,
            TokenKind::MinusEqual => EffectOperator::Remove,
            TokenKind::Append => EffectOperator::Append,
            TokenKind::EqualEqual => {
                let span = self.span();
                let message = "`==` compares; an effect sets with `=`";
                let problem = Diagnostic::new(Code::FOREIGN_OPERATOR, self.source, span, message);
                self.report(problem.replace(span, "="));
                EffectOperator::Set
            }
            _ => return Err(self.expected("`=`, `+=`, `-=` or `<<=`")),
        };
        self.step();
        let value = self.expression()?;
        let span = start.to(value.span);
        Ok(Effect {
            target,
            operator,
            value,
            span,
        })
    }

    fn emit(&mut self) -> Parse<Emit> {
        let event = self.name("the name of an event")?;
        let start = event.span;
        let arguments = if self.peek() == TokenKind::OpenParen {
            Some(self.list(TokenKind::OpenParen, &mut Self::expression)?.0)
        } else {
            None
        };
        Ok(Emit {
            event,
            arguments,
            span: start.to(self.before()),
        })
    }

    fn retry(&mut self) -> Parse<Retry> {
        let mut retry = Retry {
            max_attempts: None,
            backoff: None,
            interval: None,
        };
        let (_, whole) = self.list(TokenKind::OpenBrace, &mut |parser| {
            let name = parser.name(&Self::listed(RETRY))?;
            parser.want(TokenKind::Colon)?;
            match name.text.as_str() {
                "max_attempts" => retry.max_attempts = Some(parser.number("a number of attempts")?),
                "backoff" => retry.backoff = Some(parser.name("`fixed`, `linear` or `exponential`")?),
                "interval" => retry.interval = Some(parser.duration()?),
                other => {
                    let message = format!("`retry` has no `{other}`");
                    let problem = Diagnostic::new(Code::UNKNOWN_CLAUSE, parser.source, name.span, message);
                    parser.report(problem.one_of(other, RETRY.iter().copied()));
                    parser.reported_at = Some(parser.at);
                    return Err(Reported);
                }
            }
            Ok(())
        })?;
        if whole { Ok(retry) } else { Err(Reported) }
    }

    fn pipeline(&mut self, parallel: bool) -> Parse<Pipeline> {
        let start = self.span();
        let mut pipeline = Pipeline {
            parallel,
            steps: Vec::new(),
            on_error: None,
            span: start,
        };
        self.want(TokenKind::OpenBrace)?;
        while !self.eat(TokenKind::CloseBrace) {
            if self.is_word("on_error") && self.kind_at(self.at + 1) == TokenKind::Colon {
                self.step();
                self.step();
                let word = self.name("`rollback`, `compensate`, `ignore` or `retry`")?;
                let call = if word.text == "compensate" {
                    Some(self.call("the function that compensates")?)
                } else {
                    None
                };
                pipeline.on_error = Some(OnError { word, call });
                continue;
            }
            let call = self.call("a step such as `reserve(order)`, or `}`")?;
            let binding = if self.eat_word("as") {
                Some(self.name("a name for the result")?)
            } else {
                None
            };
            pipeline.steps.push(PipelineStep { call, binding });
            // A comma between steps harms nobody.
            self.eat(TokenKind::Comma);
        }
        pipeline.span = start.to(self.before());
        Ok(pipeline)
    }

    fn algorithm(&mut self) -> Parse<Algorithm> {
        let name = self.name("the name of an algorithm")?;
        let mut inputs = Vec::new();
        if self.eat_word("using") {
            let (list, whole) = self.list(TokenKind::OpenBrace, &mut |parser| {
                let name = parser.name("the name of an input")?;
                parser.want(TokenKind::Colon)?;
                Ok((name, parser.expression()?))
            })?;
            inputs = list;
            if !whole {
                return Err(Reported);
            }
        }
        Ok(Algorithm { name, inputs })
    }
}
