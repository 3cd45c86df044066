//! Files, systems and the smaller declarations.

use std::collections::HashSet;

use super::{Parse, Parser, Reported};
use crate::ast::{
    Channel, Constraint, Declaration, Event, ExtensionPoint, File, Flow, FlowStep, Import, Name, Policy,
    RateLimit, Store, System,
};
use crate::diagnostic::{Code, Diagnostic, closest, some_of};
use crate::lexer::unescape;
use crate::load::declared;
use crate::text::Span;
use crate::token::TokenKind;

/// The words that declarations begin with.
const DECLARATIONS: &[&str] = &[
    "entity",
    "capability",
    "event",
    "store",
    "channel",
    "policy",
    "flow",
    "constraint",
    "import",
    "extension_point",
];

const EVENT: &[&str] = &["payload", "delivery", "ttl"];
const STORE: &[&str] = &["engine", "schema", "retention", "partition", "replicas"];
const CHANNEL: &[&str] = &[
    "transport",
    "ordering",
    "participants",
    "persistence",
    "filter",
    "max_size",
];
const POLICY: &[&str] = &["rate_limit", "access", "audit", "encryption"];
const FLOW: &[&str] = &["step", "compensate"];
const EXTENSION_POINT: &[&str] = &["returns", "stable", "language"];

impl Parser<'_> {
    pub(super) fn file(&mut self) -> File {
        let mut file = File::default();
        // Where what stands behind the last system begins.
        let mut outside = None;
        while self.peek() != TokenKind::End {
            if self.is_word("system") {
                self.lose_outside(&mut file, outside.take());
                if let Ok(system) = self.system() {
                    file.systems.push(system);
                }
                continue;
            }
            // What stands behind a closed system most likely belongs to it: a `}` too many.
            let start = self.at;
            if self.at_declaration() {
                self.outside();
                let read = self.declaration();
                if let (Ok(declaration), Some(system)) = (read, file.systems.last_mut()) {
                    system.declarations.push(declaration);
                }
            } else {
                self.expected("`system NAME { … }`");
            }
            while self.at == start || !(self.peek() == TokenKind::End || self.at_declaration()) {
                if self.peek() == TokenKind::End {
                    break;
                }
                self.skip();
            }
            outside = outside.or(Some(start));
        }
        self.lose_outside(&mut file, outside);
        if file.systems.is_empty() && self.reported_at.is_none() {
            self.expected("`system NAME { … }`");
        }
        file
    }

    fn lose_outside(&self, file: &mut File, start: Option<usize>) {
        if let (Some(start), Some(system)) = (start, file.systems.last_mut()) {
            self.lose(system, start);
        }
    }

    fn outside(&mut self) {
        if self.reported_at != Some(self.at) {
            self.reported_at = Some(self.at);
            let span = self.span();
            let word = self.word().to_owned();
            let problem = Diagnostic::new(
                Code::SYNTAX,
                self.source,
                span,
                format!("this `{word}` stands outside of a system"),
            );
            self.report(problem.expected("`system NAME { … }`").help(
                "put it inside of the braces of the system: a `}` before it is one too many, or the system is missing",
            ));
        }
    }

    fn system(&mut self) -> Parse<System> {
        self.step();
        let name = self.name("the name of the system")?;
        let open = self.want(TokenKind::OpenBrace)?;
        let start = self.at;
        let mut whole = true;
        let mut system = System {
            name,
            domain: None,
            declarations: Vec::new(),
            incomplete: false,
            lost: Vec::new(),
        };
        loop {
            let closed = self.eat(TokenKind::CloseBrace);
            if closed || self.peek() == TokenKind::End || (self.is_word("system") && self.at_declaration()) {
                if !closed {
                    self.unclosed_system(open, &system.name);
                }
                if !(closed && whole) {
                    self.lose(&mut system, start);
                }
                system.declarations.shrink_to_fit();
                return Ok(system);
            }
            if self.is_word("domain") && self.kind_at(self.at + 1) == TokenKind::Colon {
                self.step();
                self.step();
                match self.name("a domain") {
                    Ok(domain) if system.domain.is_none() => system.domain = Some(domain),
                    Ok(domain) => {
                        let problem = Diagnostic::new(
                            Code::REPEATED_CLAUSE,
                            self.source,
                            domain.span,
                            "`domain` is there twice",
                        );
                        self.report(problem.help("remove one of them"));
                    }
                    Err(Reported) => self.skip_to_declaration(),
                }
                continue;
            }
            let begun = !self.word().is_empty();
            let name = self.word_at(self.at + 1).to_owned();
            if let Ok(declaration) = self.declaration() {
                system.declarations.push(declaration);
                continue;
            }
            whole = false;
            if !name.is_empty() {
                system.lost.push(name);
            } else if begun {
                system.incomplete = true;
            }
            self.skip_to_declaration();
        }
    }

    /// Remembers which names stand behind the word of a declaration, from a token on, and were not read as one: what was
    /// stepped over may declare these, and no others.
    fn lose(&self, system: &mut System, start: usize) {
        let read: HashSet<&str> = system.declarations.iter().filter_map(declared).collect();
        let named = (start..self.at).filter(|at| DECLARATIONS.contains(&self.word_at(*at)));
        let names = named.map(|at| self.word_at(at + 1));
        let lost: Vec<String> = names
            .filter(|name| !name.is_empty() && !read.contains(name))
            .map(str::to_owned)
            .collect();
        system.lost.extend(lost);
    }

    fn unclosed_system(&mut self, open: Span, name: &Name) {
        let message = format!("the `{{` of system `{}` is never closed", name.text);
        let end = self.before().after();
        let problem = Diagnostic::new(Code::UNCLOSED, self.source, open, message)
            .expected("`}`")
            .help("close it with `}`")
            .replace(end, "\n}");
        // Where a bracket inside of it was said to be open, this one most likely only lacks its partner by that.
        if self.reported_at != Some(self.at) {
            self.report(problem);
        }
    }

    /// Goes to the next declaration, or to the end of the system.
    fn skip_to_declaration(&mut self) {
        self.words = &[];
        while !matches!(self.peek(), TokenKind::End | TokenKind::CloseBrace) && !self.at_declaration() {
            self.skip();
        }
    }

    fn declaration(&mut self) -> Parse<Declaration> {
        let word = self.word().to_owned();
        let span = self.span();
        let known = match DECLARATIONS.iter().find(|known| **known == word) {
            Some(known) => *known,
            None if word.is_empty() => {
                let reported = self.expected(&format!("a declaration ({}) or `}}`", some_of(DECLARATIONS)));
                // A bracket that closes nothing is no reason to leave the system.
                self.skip();
                return Err(reported);
            }
            None => {
                let near = closest(&word, DECLARATIONS.iter().copied());
                let message = format!("no declaration begins with `{word}`");
                let mut problem = Diagnostic::new(Code::UNKNOWN_CLAUSE, self.source, span, message)
                    .expected(some_of(DECLARATIONS));
                if let Some(near) = near {
                    problem = problem.meant(span, near);
                }
                self.report(problem);
                let known = DECLARATIONS.iter().find(|known| Some(**known) == near);
                if known.is_none() {
                    self.step();
                }
                *known.ok_or(Reported)?
            }
        };
        self.step();
        Ok(match known {
            "entity" => Declaration::Entity(Box::new(self.entity()?)),
            "capability" => Declaration::Capability(Box::new(self.capability()?)),
            "event" => Declaration::Event(self.event()?),
            "store" => Declaration::Store(self.store()?),
            "channel" => Declaration::Channel(self.channel()?),
            "policy" => Declaration::Policy(self.policy()?),
            "flow" => Declaration::Flow(self.flow()?),
            "constraint" => {
                let name = self.name("the name of the constraint")?;
                self.want(TokenKind::Colon)?;
                let condition = self.expression()?;
                Declaration::Constraint(Constraint { name, condition })
            }
            "import" => Declaration::Import(self.import()?),
            _ => Declaration::ExtensionPoint(self.extension_point()?),
        })
    }

    fn event(&mut self) -> Parse<Event> {
        let name = self.name("the name of the event")?;
        let owner = format!("event `{}`", name.text);
        let mut event = Event {
            name,
            payload: Vec::new(),
            delivery: None,
            ttl: None,
            incomplete: false,
        };
        let whole = self.body(&owner, EVENT, &mut |parser, word, seen| {
            parser.once(word, seen)?;
            match word {
                "payload" => {
                    let (fields, whole) = parser.list(TokenKind::OpenBrace, &mut Self::field)?;
                    event.payload.extend(fields);
                    return whole.then_some(()).ok_or(Reported);
                }
                "delivery" => event.delivery = Some(parser.name("a way of delivery")?),
                _ => event.ttl = Some(parser.duration()?),
            }
            Ok(())
        })?;
        event.incomplete = !whole;
        Ok(event)
    }

    fn store(&mut self) -> Parse<Store> {
        let name = self.name("the name of the store")?;
        let owner = format!("store `{}`", name.text);
        let mut store = Store {
            name,
            engine: None,
            schema: Vec::new(),
            retention: None,
            partition: None,
            replicas: None,
            incomplete: false,
        };
        let whole = self.body(&owner, STORE, &mut |parser, word, seen| {
            parser.once(word, seen)?;
            match word {
                "engine" => store.engine = Some(parser.name("an engine")?),
                "schema" => {
                    let (fields, whole) = parser.list(TokenKind::OpenBrace, &mut Self::field)?;
                    store.schema.extend(fields);
                    return whole.then_some(()).ok_or(Reported);
                }
                "retention" => store.retention = Some(parser.duration()?),
                "partition" => store.partition = Some(parser.name("the name of a field")?),
                _ => store.replicas = Some(parser.number("a number of replicas")?),
            }
            Ok(())
        })?;
        store.incomplete = !whole;
        Ok(store)
    }

    fn channel(&mut self) -> Parse<Channel> {
        let name = self.name("the name of the channel")?;
        let owner = format!("channel `{}`", name.text);
        let mut channel = Channel {
            name,
            transport: None,
            ordering: None,
            participants: None,
            persistence: None,
            filter: None,
            max_size: None,
        };
        self.body(&owner, CHANNEL, &mut |parser, word, seen| {
            parser.once(word, seen)?;
            match word {
                "transport" => channel.transport = Some(parser.name("a transport")?),
                "ordering" => channel.ordering = Some(parser.name("an ordering")?),
                "participants" => channel.participants = Some(parser.ty()?),
                "persistence" => channel.persistence = Some(parser.name("`none`, `full` or `last_N`")?),
                "filter" => channel.filter = Some(parser.expression()?),
                _ => channel.max_size = Some(parser.number("a number of participants")?),
            }
            Ok(())
        })?;
        Ok(channel)
    }

    fn policy(&mut self) -> Parse<Policy> {
        let name = self.name("the name of the policy")?;
        let owner = format!("policy `{}`", name.text);
        let mut policy = Policy {
            name,
            rate_limit: None,
            access: None,
            audit: None,
            encryption: None,
        };
        self.body(&owner, POLICY, &mut |parser, word, seen| {
            parser.once(word, seen)?;
            match word {
                "rate_limit" => {
                    let requests = parser.number("a number of requests, as in `100 per 1m`")?;
                    if !parser.eat_word("per") {
                        return Err(parser.expected("`per`"));
                    }
                    let per = parser.duration()?;
                    policy.rate_limit = Some(RateLimit { requests, per });
                }
                "access" => {
                    policy.access = Some(parser.names(TokenKind::OpenBracket, "an entity or a role")?);
                }
                "audit" => policy.audit = Some(parser.name("`true` or `false`")?),
                _ => policy.encryption = Some(parser.name("`at_rest`, `in_transit` or `both`")?),
            }
            Ok(())
        })?;
        Ok(policy)
    }

    fn flow(&mut self) -> Parse<Flow> {
        let name = self.name("the name of the flow")?;
        let owner = format!("flow `{}`", name.text);
        let mut steps: Vec<FlowStep> = Vec::new();
        let whole = self.body(&owner, FLOW, &mut |parser, word, _| {
            if word == "step" {
                let name = parser.name("the name of the step")?;
                parser.want(TokenKind::Colon)?;
                let call = parser.call("a capability and its arguments")?;
                let step = FlowStep {
                    name,
                    call,
                    compensation: None,
                };
                steps.push(step);
                return Ok(());
            }
            let place = parser.before();
            parser.want(TokenKind::Colon)?;
            let call = parser.call("a capability and its arguments")?;
            if let Some(step) = steps.last_mut().filter(|step| step.compensation.is_none()) {
                step.compensation = Some(call);
            } else {
                let message = "this `compensate` stands behind no step of its own";
                let problem = Diagnostic::new(Code::REPEATED_CLAUSE, parser.source, place, message);
                parser.report(problem.help("put it behind the step that it undoes, one for each"));
            }
            Ok(())
        })?;
        Ok(Flow {
            name,
            steps,
            incomplete: !whole,
        })
    }

    fn import(&mut self) -> Parse<Import> {
        let name = self.name("a name")?;
        if !self.eat_word("from") {
            return Err(self.expected("`from`"));
        }
        if self.peek() != TokenKind::String {
            return Err(self.expected("the path of a file, as in `\"shared/users.bone\"`"));
        }
        let path = Name {
            text: unescape(self.text_at(self.at)),
            span: self.span(),
        };
        self.step();
        Ok(Import { name, path })
    }

    fn extension_point(&mut self) -> Parse<ExtensionPoint> {
        let name = self.name("the name of the extension point")?;
        let owner = format!("extension point `{}`", name.text);
        let (parameters, _) = self.parameters()?;
        let mut point = ExtensionPoint {
            name,
            parameters,
            returns: None,
            stable: None,
            language: None,
        };
        self.body(&owner, EXTENSION_POINT, &mut |parser, word, seen| {
            parser.once(word, seen)?;
            match word {
                "returns" => point.returns = Some(parser.ty()?),
                "stable" => point.stable = Some(parser.name("`true` or `false`")?),
                _ => point.language = Some(parser.name("a language")?),
            }
            Ok(())
        })?;
        Ok(point)
    }
}
