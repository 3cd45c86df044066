//! Systems, and their smaller declarations.

use super::{Call, Capability, Duration, Entity, Expression, Field, Name, Number, Parameter, TypeExpression};

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct File {
    pub(crate) systems: Vec<System>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct System {
    pub(crate) name: Name,
    pub(crate) domain: Option<Name>,
    pub(crate) declarations: Vec<Declaration>,
    /// A declaration lacks its name: what seems not to be declared may be it.
    pub(crate) incomplete: bool,
    /// The names of other declarations that could not be read, or that were stepped over with what stands around them.
    pub(crate) lost: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Declaration {
    Entity(Box<Entity>),
    Capability(Box<Capability>),
    Event(Event),
    Store(Store),
    Channel(Channel),
    Policy(Policy),
    Flow(Flow),
    Constraint(Constraint),
    Import(Import),
    ExtensionPoint(ExtensionPoint),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: Name,
    pub(crate) payload: Vec<Field>,
    pub(crate) delivery: Option<Name>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) incomplete: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Store {
    pub(crate) name: Name,
    pub(crate) engine: Option<Name>,
    pub(crate) schema: Vec<Field>,
    pub(crate) retention: Option<Duration>,
    pub(crate) partition: Option<Name>,
    pub(crate) replicas: Option<Number>,
    pub(crate) incomplete: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Channel {
    pub(crate) name: Name,
    pub(crate) transport: Option<Name>,
    pub(crate) ordering: Option<Name>,
    pub(crate) participants: Option<TypeExpression>,
    pub(crate) persistence: Option<Name>,
    pub(crate) filter: Option<Expression>,
    pub(crate) max_size: Option<Number>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    pub(crate) name: Name,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) access: Option<Vec<Name>>,
    pub(crate) audit: Option<Name>,
    pub(crate) encryption: Option<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RateLimit {
    pub(crate) requests: Number,
    pub(crate) per: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Flow {
    pub(crate) name: Name,
    pub(crate) steps: Vec<FlowStep>,
    pub(crate) incomplete: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FlowStep {
    pub(crate) name: Name,
    pub(crate) call: Call,
    pub(crate) compensation: Option<Call>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Constraint {
    pub(crate) name: Name,
    pub(crate) condition: Expression,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Import {
    pub(crate) name: Name,
    pub(crate) path: Name,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExtensionPoint {
    pub(crate) name: Name,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: Option<TypeExpression>,
    pub(crate) stable: Option<Name>,
    pub(crate) language: Option<Name>,
}
