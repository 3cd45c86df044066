//! What a program means: everything looked up, typed and decided. What emitters read, and all that they read.
//!
//! A program without errors has one [`System`] for each of its systems. Names are resolved to ids, which index the lists
//! of the system; words are enums; durations are milliseconds; every expression has its type; defaults that the language
//! or the domain gives are filled in. Names of tables and columns are as in the database, unquoted: an emitter quotes
//! them. Order is that of the text, imported declarations last, so that the same source gives the same output.
//!
//! # What an emitter may rely on
//!
//! - Every id is in range, every column that is named exists, every path ends where its type says.
//! - `Column::nullable` decides about `NOT NULL`; a type is never `optional` in it.
//! - [`Entity::checks`] hold for each row and use its own columns only; [`Column::facts`] say the simple ones again.
//! - A capability has exactly one source for each payload field of what it emits.
//! - A transition that an effect makes is in the graph; guards are conditions over the row as it was before.
//! - Nothing of type [`Type::Unknown`] or [`Type::None`] is left, save the literal `none` itself.
//!
//! # What an effect means
//!
//! `requires` are evaluated on the state before, in one transaction with locks on every row that is read or written; then
//! the effects apply in their order, all or none; then the events are written to the outbox of the same transaction.

mod expression;
mod words;

pub use crate::ast::{BinaryOperator, EffectOperator};
pub use expression::{Expression, ExpressionKind, Literal, Type, UnaryOperator};
pub use words::{
    AlgorithmName, Auth, Backoff, Delivery, Domain, Encryption, Engine, OnErrorWord, Ordering, RelationKind,
    Sync, Transport,
};
pub(crate) use words::{Defaults, Words};

/// A whole program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// Its systems, at least one. Each becomes a project of its own.
    pub systems: Vec<System>,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub usize);)*
    };
}

ids! {
    /// An index into [`System::entities`].
    EntityId;
    /// An index into [`System::capabilities`].
    CapabilityId;
    /// An index into [`System::events`].
    EventId;
    /// An index into [`System::extension_points`].
    ExtensionPointId;
}

/// One backend.
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// As declared, such as `SimpleShop`.
    pub name: String,
    /// What kind of backend it is; decides about defaults.
    pub domain: Option<Domain>,
    /// Entities, with their tables.
    pub entities: Vec<Entity>,
    /// Stores that are no entity's: tables of their own.
    pub stores: Vec<Store>,
    /// What clients can have done.
    pub capabilities: Vec<Capability>,
    /// What is told to others.
    pub events: Vec<Event>,
    /// WebSocket channels.
    pub channels: Vec<Channel>,
    /// Limits and duties, each with what it applies to.
    pub policies: Vec<Policy>,
    /// Capabilities in a row, undone together.
    pub flows: Vec<Flow>,
    /// Conditions across the program.
    pub constraints: Vec<Constraint>,
    /// Functions that the user writes.
    pub extension_points: Vec<ExtensionPoint>,
}

/// A thing with an identity, and its table.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// As declared, such as `OrderItem`.
    pub name: String,
    /// `order_items`.
    pub table: String,
    /// How its rows log in; an entity with it can be the caller.
    pub auth: Option<Auth>,
    /// All columns: `id` first, then the owned ones, foreign keys, `state`, what a store adds, derived ones,
    /// `created_at` and `updated_at` last.
    pub columns: Vec<Column>,
    /// Columns whose values are unique, each by itself.
    pub uniques: Vec<String>,
    /// Conditions that each row meets.
    pub checks: Vec<Check>,
    /// Indexes, each over some columns in order.
    pub indexes: Vec<Vec<String>>,
    /// States and transitions; the column `state` is there exactly if this is.
    pub machine: Option<Machine>,
    /// Ways to other entities.
    pub relations: Vec<Relation>,
    /// From which relation to which, up to an entity with `auth`: whose row it is. Empty where the entity itself logs
    /// in; `None` where nobody owns it.
    pub owner: Option<Vec<String>>,
    /// What its store says of where it is kept.
    pub storage: Option<Storage>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name, in the database and in JSON.
    pub name: String,
    /// Its type, without `optional`.
    pub ty: Type,
    /// Whether it may be null.
    pub nullable: bool,
    /// A constant, as written.
    pub default: Option<Literal>,
    /// Where it comes from.
    pub kind: ColumnKind,
    /// Never leaves the server.
    pub sensitive: bool,
    /// What it was called before.
    pub renamed_from: Option<String>,
    /// What simple constraints say of it.
    pub facts: Facts,
    /// An effect of some capability writes it, so CRUD must not.
    pub by_effects: bool,
}

/// Where a column comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnKind {
    /// `id`, `created_at` or `updated_at`: the database gives it.
    Implicit,
    /// From `owns`.
    Owned,
    /// The state of the machine.
    State,
    /// The id of a row of another entity.
    ForeignKey(EntityId),
    /// From the schema of the entity's store.
    Stored,
    /// Computed from the other columns of the row.
    Derived(Expression),
}

/// Bounds and choices of a column, for schemas and forms. Each is also in [`Entity::checks`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The least value.
    pub minimum: Option<f64>,
    /// The greatest value.
    pub maximum: Option<f64>,
    /// The fewest characters or elements.
    pub minimum_length: Option<u64>,
    /// The most characters or elements.
    pub maximum_length: Option<u64>,
    /// All values that it may have; empty where any will do.
    pub choices: Vec<String>,
}

/// A condition with the text that said it.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The condition; of type bool.
    pub condition: Expression,
    /// As written, on one line; for messages.
    pub text: String,
}

/// States and transitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// Each state once, in the order of the text; the first is the initial one.
    pub states: Vec<String>,
    /// Each pair once.
    pub transitions: Vec<Transition>,
}

/// A way from one state to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// `from_to_to`, unique in the machine.
    pub trigger: String,
    /// Must hold of the row before.
    pub guard: Option<Check>,
}

/// A way to another entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// As declared.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// The entity that it leads to.
    pub target: EntityId,
    /// The foreign key: on this table for `belongs_to`, on the target's for `has_one` and `has_many`; none for
    /// `many_to_many`.
    pub column: Option<String>,
    /// The table between the two, for `many_to_many`; its columns are `<table>_id` in the singular of each side.
    pub junction: Option<Junction>,
    /// The fewest rows.
    pub least: u64,
    /// The most rows; `None` is any number.
    pub most: Option<u64>,
}

/// The table of a `many_to_many` relation. Both sides of a pair of relations name the same one.
#[derive(Clone, Debug, PartialEq)]
pub struct Junction {
    /// Its name.
    pub table: String,
    /// The column that holds this entity's id.
    pub own: String,
    /// The column that holds the target's id.
    pub other: String,
}

/// What a store says of where rows are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// The name of the store.
    pub name: String,
    /// The engine.
    pub engine: Engine,
    /// Rows older than this are removed, in milliseconds.
    pub retention: Option<u64>,
    /// The column that rows are partitioned by.
    pub partition: Option<String>,
    /// How many copies; 1 or more.
    pub replicas: u64,
}

/// A store that is no entity's.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// `session` for `SessionStore`.
    pub table: String,
    /// Where it is kept.
    pub storage: Storage,
    /// Its columns, `id` first; empty where it has no schema and is only configuration.
    pub columns: Vec<Column>,
}

/// Something that a client can have done: `POST /<table>/<capability>` of its first entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Capability {
    /// As declared.
    pub name: String,
    /// The entity under whose routes it stands: that of its first parameter of an entity, else what it creates.
    pub home: Option<EntityId>,
    /// What the request gives. An entity is given by its id, as `<name>_id`.
    pub parameters: Vec<Parameter>,
    /// Must hold before.
    pub requires: Vec<Check>,
    /// Who may call it.
    pub authorization: Authorization,
    /// What changes, in order.
    pub effects: Vec<Effect>,
    /// The row that it makes.
    pub creates: Option<Creation>,
    /// What it tells, in order.
    pub emits: Vec<Emission>,
    /// How its work is done.
    pub sync: Sync,
    /// After this many milliseconds it is given up.
    pub timeout: u64,
    /// How it is tried again.
    pub retry: Option<Retry>,
    /// The same key gives the same answer.
    pub idempotent: bool,
    /// Functions that it calls in a row or side by side.
    pub pipeline: Option<Pipeline>,
    /// An algorithm of the catalogue that computes its answer.
    pub algorithm: Option<Algorithm>,
    /// The type of its answer, where it says one.
    pub returns: Option<Type>,
}

impl Capability {
    /// Whether it touches rows of those who take part in a channel; where anyone may, it does.
    pub(crate) fn concerns(&self, participants: Option<EntityId>) -> bool {
        let Some(wanted) = participants else { return true };
        let given = self.parameters.iter().filter_map(|parameter| {
            let ty = parameter.ty.required();
            match ty.element().unwrap_or(ty).required() {
                Type::Entity(id) => Some(*id),
                _ => None,
            }
        });
        let written = self.effects.iter().map(|effect| effect.target.entity);
        let made = self.creates.iter().map(|made| made.entity);
        given.chain(written).chain(made).any(|id| id == wanted)
    }
}

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// As declared.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// Who may call a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// `requires` names the caller and decides.
    Requires,
    /// The caller must be the row that this parameter, by its index, gives.
    IsParameter(usize),
    /// Whoever has a valid token.
    Authenticated,
    /// Nobody needs a token: it creates a row that logs in, as signing up does.
    Anyone,
}

/// A change of one row, or of each row of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// What changes.
    pub target: Target,
    /// How.
    pub operator: EffectOperator,
    /// What is set, added, removed or appended; evaluated after the effects before it.
    pub value: Expression,
}

/// A place that an effect writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The parameter that the path begins with, by its index: an entity, or a list or set of one (then each row).
    pub parameter: usize,
    /// `belongs_to` and `has_one` relations to follow, by name.
    pub relations: Vec<String>,
    /// The entity whose row is written in the end.
    pub entity: EntityId,
    /// The column.
    pub column: String,
    /// Keys inside of a json column; empty where the column itself is written.
    pub keys: Vec<String>,
    /// The type of what is written.
    pub ty: Type,
}

/// A row that a capability makes: its effects set bare names, which are the columns of this entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Creation {
    /// The entity.
    pub entity: EntityId,
    /// The columns that are given, each once. Others have their default, or that of their type.
    pub values: Vec<(String, Expression)>,
}

/// An event that a capability tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Emission {
    /// Which.
    pub event: EventId,
    /// For each field of its payload, in its order, what fills it.
    pub values: Vec<Expression>,
}

/// How a capability is tried again: on serialization failures only, never after it has taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The most attempts, the first among them; 1 or more.
    pub attempts: u64,
    /// How the pause grows.
    pub backoff: Backoff,
    /// The first pause, in milliseconds.
    pub interval: u64,
}

/// Steps in a row, or side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Side by side.
    pub parallel: bool,
    /// The steps.
    pub steps: Vec<PipelineStep>,
    /// What follows a step that fails.
    pub on_error: OnErrorWord,
    /// What `compensate` calls.
    pub compensation: Option<Call>,
}

/// A step of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineStep {
    /// What is called.
    pub call: Call,
    /// The name under which later steps find its result.
    pub binding: Option<String>,
}

/// A call of an extension point or a capability.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is called.
    pub callee: Callee,
    /// What it is given, in the order of its parameters.
    pub arguments: Vec<Expression>,
}

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A function that the user writes.
    ExtensionPoint(ExtensionPointId),
    /// A capability of this system.
    Capability(CapabilityId),
}

/// An algorithm with its inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Algorithm {
    /// Which.
    pub name: AlgorithmName,
    /// Every input of it that is given, in the order of the catalogue.
    pub inputs: Vec<(String, Expression)>,
}

/// Something that is told to others, through the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// As declared.
    pub name: String,
    /// Its fields.
    pub payload: Vec<Parameter>,
    /// How often it arrives.
    pub delivery: Delivery,
    /// After this many milliseconds it is dropped.
    pub ttl: Option<u64>,
}

/// A WebSocket channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// As declared.
    pub name: String,
    /// How clients are connected.
    pub transport: Transport,
    /// In which order messages arrive.
    pub ordering: Ordering,
    /// Whose callers may join; `None` is anyone with a token.
    pub participants: Option<EntityId>,
    /// How many messages are kept: 0 none, `None` all.
    pub persistence: Option<u64>,
    /// Which messages a participant gets.
    pub filter: Option<Check>,
    /// The most participants.
    pub max_size: u64,
}

/// Limits and duties.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// As declared.
    pub name: String,
    /// What it applies to.
    pub scope: PolicyScope,
    /// So many requests in so many milliseconds.
    pub rate_limit: Option<(u64, u64)>,
    /// Who is let in at all; `None` is anyone with a token.
    pub access: Option<Vec<Access>>,
    /// What is done is written to the audit log.
    pub audit: bool,
    /// What is encrypted.
    pub encryption: Option<Encryption>,
}

/// What a policy applies to: its name says it, as `order_limits` does for the entity `Order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyScope {
    /// Everything.
    System,
    /// The routes of an entity, its capabilities among them.
    Entity(EntityId),
    /// One capability.
    Capability(CapabilityId),
}

/// Someone who is let in.
#[derive(Clone, Debug, PartialEq)]
pub enum Access {
    /// Callers of this entity.
    Entity(EntityId),
    /// Callers whose token names this role.
    Role(String),
}

/// Capabilities in a row, undone in the opposite order when one fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// As declared.
    pub name: String,
    /// What starting it needs: the free names of its steps.
    pub inputs: Vec<Parameter>,
    /// The steps; two or more.
    pub steps: Vec<FlowStep>,
}

/// A step of a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowStep {
    /// As declared.
    pub name: String,
    /// What it calls.
    pub call: Call,
    /// What undoes it.
    pub compensation: Option<Call>,
}

/// A condition over the rows of one entity, declared outside of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// As declared.
    pub name: String,
    /// The entity whose rows must meet it; every column in it is that of one row.
    pub entity: EntityId,
    /// The condition.
    pub check: Check,
}

/// A function that the user writes.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtensionPoint {
    /// As declared.
    pub name: String,
    /// What it is given.
    pub parameters: Vec<Parameter>,
    /// What it answers; nothing where it says nothing.
    pub returns: Option<Type>,
    /// It must be written before the project is released.
    pub stable: bool,
    /// Called, but not declared: by a step or an algorithm, or by an expression with [`Level::Lenient`](crate::Level).
    pub implied: bool,
}

impl System {
    /// Whether a channel tells of what a capability does: those of its rows do, and those where anyone takes part.
    pub fn tells(&self, channel: &Channel, capability: &Capability) -> bool {
        capability.sync == Sync::Realtime && capability.concerns(channel.participants)
    }

    /// The entity behind an id.
    pub fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(id.0)
    }

    /// The event behind an id.
    pub fn event(&self, id: EventId) -> Option<&Event> {
        self.events.get(id.0)
    }
}

impl Entity {
    /// How its rows log in; nothing where they don't.
    pub fn login(&self) -> Option<Auth> {
        self.auth.filter(|auth| *auth != Auth::None)
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The relation of this name.
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name == name)
    }
}
