//! Types as written to types as meant, and which fits where.

use super::Checker;
use crate::ast::{Name, TypeExpression, TypeKind};
use crate::diagnostic::{Code, some_of};
use crate::ir::{EntityId, Type};
use crate::text::Span;

const PRIMITIVES: &[&str] = &[
    "string",
    "uint",
    "int",
    "float",
    "bool",
    "timestamp",
    "uuid",
    "bytes",
    "json",
];
const GENERICS: &[&str] = &["list", "set", "map", "optional", "result"];

/// Words of other languages, with ours.
const FOREIGN: &[(&str, &str)] = &[
    ("text", "string"),
    ("str", "string"),
    ("varchar", "string"),
    ("email", "string"),
    ("url", "string"),
    ("number", "float"),
    ("decimal", "float"),
    ("double", "float"),
    ("money", "uint"),
    ("integer", "int"),
    ("i64", "int"),
    ("long", "int"),
    ("u64", "uint"),
    ("boolean", "bool"),
    ("date", "timestamp"),
    ("datetime", "timestamp"),
    ("time", "timestamp"),
    ("id", "uuid"),
    ("object", "json"),
    ("any", "json"),
    ("array", "list"),
    ("vec", "list"),
    ("dict", "map"),
];

/// Whether a word is a type of the language.
pub(super) fn is_type_word(word: &str) -> bool {
    PRIMITIVES.contains(&word) || GENERICS.contains(&word)
}

/// Where a type stands: not every one may stand everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypePlace {
    /// A field of an entity, an event or a store.
    Field,
    /// A parameter.
    Parameter,
    /// What is answered.
    Returns,
}

impl Checker<'_> {
    /// The type that is meant.
    pub(super) fn ty(&mut self, tree: &TypeExpression, place: TypePlace) -> Type {
        match &tree.kind {
            TypeKind::Named(word) => self.named_type(word, tree.span),
            TypeKind::Tuple(members) => {
                Type::Tuple(members.iter().map(|member| self.ty(member, place)).collect())
            }
            TypeKind::Union(members) => {
                let mut types: Vec<Type> = Vec::new();
                for member in members {
                    let ty = self.ty(member, place);
                    if ty != Type::Unknown && types.contains(&ty) {
                        let message = format!("`{}` is in this union twice", self.text(member.span));
                        let problem = self.problem(Code::DUPLICATE, member.span, message);
                        self.report(problem.help("remove one of them"));
                    }
                    types.push(ty);
                }
                Type::Union(types)
            }
            TypeKind::Generic(name, arguments) => self.generic(name, arguments, tree.span, place),
        }
    }

    fn named_type(&mut self, word: &str, span: Span) -> Type {
        let primitive = match word {
            "string" => Type::String,
            "uint" => Type::Uint,
            "int" => Type::Int,
            "float" => Type::Float,
            "bool" => Type::Bool,
            "timestamp" => Type::Timestamp,
            "uuid" => Type::Uuid,
            "bytes" => Type::Bytes,
            "json" => Type::Json,
            _ => Type::Unknown,
        };
        if primitive != Type::Unknown {
            return primitive;
        }
        if let Some(id) = self.names.entities.get(word) {
            return Type::Entity(EntityId(*id));
        }
        if GENERICS.contains(&word) {
            let full = if word == "map" {
                "map<string, json>".to_owned()
            } else {
                format!("{word}<string>")
            };
            let problem = self.problem(Code::ARGUMENT_COUNT, span, format!("`{word}` of what?"));
            self.report(
                problem
                    .expected(format!("`{full}` or the like"))
                    .help(format!("write `{full}`"))
                    .replace(span, full),
            );
            return Type::Unknown;
        }
        if !self.is_lost(word) {
            self.unknown_type(word, span);
        }
        Type::Unknown
    }

    fn unknown_type(&mut self, word: &str, span: Span) {
        // Nobody would read it, and each looks at the names of all entities.
        if self.problems.is_full() {
            let problem = self.problem(Code::UNKNOWN_TYPE, span, String::new());
            return self.report(problem);
        }
        let lower = word.to_ascii_lowercase();
        let message = format!("there is no type `{word}`");
        let problem = self.problem(Code::UNKNOWN_TYPE, span, message);
        let foreign = FOREIGN.iter().find(|(other, _)| *other == lower);
        let problem = if let Some((_, ours)) = foreign {
            problem
                .expected(some_of(PRIMITIVES))
                .help(format!("write `{ours}`"))
                .replace(span, *ours)
        } else {
            let mut known: Vec<&str> = PRIMITIVES.to_vec();
            known.extend(self.system.entities.iter().map(|entity| entity.name.as_str()));
            known.extend(GENERICS);
            problem.one_of(word, known)
        };
        self.report(problem);
    }

    fn generic(&mut self, name: &Name, arguments: &[TypeExpression], span: Span, place: TypePlace) -> Type {
        let wanted = match name.text.as_str() {
            "list" | "set" | "optional" => 1,
            "map" | "result" => 2,
            _ => {
                let message = format!("there is no type `{}<…>`", name.text);
                let problem = self.problem(Code::UNKNOWN_TYPE, name.span, message);
                let foreign = FOREIGN
                    .iter()
                    .find(|(other, _)| *other == name.text.to_ascii_lowercase());
                let problem = match foreign.filter(|(_, ours)| GENERICS.contains(ours)) {
                    Some((_, ours)) => problem
                        .help(format!("write `{ours}<…>`"))
                        .replace(name.span, *ours),
                    None => problem.one_of(&name.text, GENERICS.iter().copied()),
                };
                self.report(problem);
                return Type::Unknown;
            }
        };
        if arguments.len() != wanted {
            let message = format!("`{}` takes {wanted}, here are {}", name.text, arguments.len());
            let problem = self.problem(Code::ARGUMENT_COUNT, span, message);
            self.report(problem.expected(if wanted == 1 { "one type" } else { "two types" }));
            return Type::Unknown;
        }
        let mut types = arguments.iter().map(|argument| self.ty(argument, place));
        let first = types.next().unwrap_or(Type::Unknown);
        let second = types.next().unwrap_or(Type::Unknown);
        drop(types);
        let first = Box::new(first);
        match name.text.as_str() {
            "list" => Type::List(first),
            "set" => Type::Set(first),
            "optional" => match *first {
                Type::Optional(_) => *first,
                _ => Type::Optional(first),
            },
            "map" => {
                self.map_key(&first, arguments);
                Type::Map(first, Box::new(second))
            }
            _ => {
                if place != TypePlace::Returns {
                    let problem = self.problem(Code::MISPLACED_TYPE, span, "`result` can only be returned");
                    self.report(problem.help("take the type of what went well"));
                }
                Type::Result(first, Box::new(second))
            }
        }
    }

    fn map_key(&mut self, key: &Type, arguments: &[TypeExpression]) {
        let fits = matches!(
            key,
            Type::String | Type::Uuid | Type::Int | Type::Uint | Type::Unknown
        );
        if let (false, Some(argument)) = (fits, arguments.first()) {
            let message = format!("`{}` can't be the key of a map", self.text(argument.span));
            let problem = self.problem(Code::MISPLACED_TYPE, argument.span, message);
            self.report(problem.expected("`string`, `uuid`, `int` or `uint`"));
        }
    }

    /// How a type is written.
    pub(super) fn show(&self, ty: &Type) -> String {
        let list = |types: &[Type], between: &str| {
            let shown: Vec<String> = types.iter().map(|ty| self.show(ty)).collect();
            shown.join(between)
        };
        match ty {
            Type::String => "string".to_owned(),
            Type::Uint => "uint".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Float => "float".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Timestamp => "timestamp".to_owned(),
            Type::Duration => "duration".to_owned(),
            Type::Uuid => "uuid".to_owned(),
            Type::Bytes => "bytes".to_owned(),
            Type::Json => "json".to_owned(),
            Type::List(inner) => format!("list<{}>", self.show(inner)),
            Type::Set(inner) => format!("set<{}>", self.show(inner)),
            Type::Optional(inner) => format!("optional<{}>", self.show(inner)),
            Type::Map(key, value) => format!("map<{}, {}>", self.show(key), self.show(value)),
            Type::Result(good, bad) => format!("result<{}, {}>", self.show(good), self.show(bad)),
            Type::Tuple(members) => format!("({})", list(members, ", ")),
            Type::Union(members) => list(members, " | "),
            Type::Entity(id) => self.entity_name(*id).to_owned(),
            Type::State(id) => format!("state of {}", self.entity_name(*id)),
            Type::Caller => "caller".to_owned(),
            Type::None => "none".to_owned(),
            Type::Unknown => "?".to_owned(),
        }
    }

    /// Whether a value of one type can be put where the other is wanted.
    ///
    /// Whole numbers convert both ways, because the difference of two `uint` may be either: the database refuses a
    /// negative one. `json` and what was reported already fit everywhere.
    pub(super) fn assignable(&self, from: &Type, to: &Type) -> bool {
        use Type as T;
        match (from, to) {
            (T::Unknown | T::Json, _)
            | (_, T::Unknown | T::Json)
            | (T::None, T::Optional(_))
            | (T::Uint | T::Int, T::Uint | T::Int | T::Float)
            | (T::State(_), T::String)
            | (T::Entity(_) | T::Caller, T::Uuid) => true,
            // `optional` is a matter of null, which the database decides.
            (T::Optional(from), to) => self.assignable(from, to),
            (from, T::Optional(to)) => self.assignable(from, to),
            (T::Entity(id) | T::State(id), T::Entity(other) | T::State(other))
                if std::mem::discriminant(from) == std::mem::discriminant(to) =>
            {
                id == other
            }
            (T::Caller, T::Entity(id)) => self.logs_in(*id),
            (T::List(from) | T::Set(from), T::List(to) | T::Set(to)) => self.assignable(from, to),
            (T::Map(k, v), T::Map(key, value)) | (T::Result(k, v), T::Result(key, value)) => {
                self.assignable(k, key) && self.assignable(v, value)
            }
            (T::Tuple(from), T::Tuple(to)) => {
                from.len() == to.len() && from.iter().zip(to).all(|(from, to)| self.assignable(from, to))
            }
            (T::Union(members), to) => members.iter().all(|member| self.assignable(member, to)),
            (from, T::Union(members)) => members.iter().any(|member| self.assignable(from, member)),
            (from, T::Result(good, _)) => self.assignable(from, good),
            (from, to) => from == to,
        }
    }

    pub(super) fn logs_in(&self, id: EntityId) -> bool {
        let entity = self.system.entity(id);
        entity.is_some_and(|entity| entity.login().is_some())
    }
}
