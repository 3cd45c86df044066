//! A JSON Schema as the parser needs it: what a value may be, with references resolved and nothing else.
//!
//! It never refuses a schema: what it does not know allows any value, and checking the finished value against the
//! whole schema is left to others. Types stand in an arena and name each other by index, so a schema that contains
//! itself is as good as any.

mod compile;

use std::collections::BTreeMap;

use serde_json::Value;

/// A compiled schema.
#[derive(Clone, Debug)]
pub struct Schema {
    types: Vec<Type>,
    root: TypeId,
}

/// A type of a [`Schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TypeId(u32);

#[derive(Clone, Debug)]
pub(crate) enum Type {
    Any,
    Null,
    Boolean,
    Integer,
    Number,
    String,
    /// One of these values.
    Literal(Literals),
    Array(Items),
    Object(Members),
    /// What any of these allows; of equally good ones the first.
    Union(Vec<TypeId>),
}

#[derive(Clone, Debug)]
pub(crate) struct Literals {
    pub(crate) options: Vec<Literal>,
}

/// A value of an enum, with the text by which a model may name it.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    pub(crate) value: Value,
    /// Its text: the string itself, JSON for all else.
    pub(crate) text: String,
    /// What the description of the enum says of it.
    pub(crate) description: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Items {
    pub(crate) prefix: Vec<TypeId>,
    pub(crate) rest: TypeId,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    pub(crate) properties: Vec<Property>,
    /// The place in `properties` by name.
    pub(crate) by_name: BTreeMap<String, usize>,
    pub(crate) additional: Additional,
}

#[derive(Clone, Debug)]
pub(crate) struct Property {
    pub(crate) name: String,
    /// The name as [`crate::names::plain`] has it.
    pub(crate) plain: String,
    pub(crate) ty: TypeId,
    pub(crate) required: bool,
}

/// What becomes of members that the schema does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Additional {
    /// The schema is silent: JSON Schema allows them, and few authors think of it.
    #[default]
    Unsaid,
    Allowed(TypeId),
    Forbidden,
}

impl Schema {
    /// Compiles a schema. What it does not understand allows any value.
    pub fn new(schema: &Value) -> Self {
        compile::compile(schema)
    }

    /// The schema that allows every value.
    pub fn any() -> Self {
        Self {
            types: vec![Type::Any],
            root: TypeId(0),
        }
    }

    pub(crate) fn root(&self) -> TypeId {
        self.root
    }

    pub(crate) fn ty(&self, id: TypeId) -> &Type {
        self.types.get(id.0 as usize).unwrap_or(&Type::Any)
    }

    /// The members of the root, where it is an object.
    pub(crate) fn members(&self) -> Option<&Members> {
        match self.ty(self.root) {
            Type::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Whether a type allows a kind of value, looking through unions. `kind` judges types that are none.
    pub(crate) fn allows(&self, id: TypeId, kind: &impl Fn(&Type) -> bool) -> bool {
        // Unions may contain themselves; no honest one is nested deeper.
        self.allows_within(id, kind, 8)
    }

    fn allows_within(&self, id: TypeId, kind: &impl Fn(&Type) -> bool, depth: usize) -> bool {
        match self.ty(id) {
            Type::Any => true,
            Type::Union(members) => {
                depth > 0
                    && members
                        .iter()
                        .any(|member| self.allows_within(*member, kind, depth - 1))
            }
            other => kind(other),
        }
    }

    pub(crate) fn allows_null(&self, id: TypeId) -> bool {
        self.allows(id, &|ty| match ty {
            Type::Null => true,
            Type::Literal(literals) => literals.options.iter().any(|option| option.value.is_null()),
            _ => false,
        })
    }

    pub(crate) fn allows_string(&self, id: TypeId) -> bool {
        self.allows(id, &|ty| matches!(ty, Type::String))
    }

    /// What is expected, in the words of a message.
    pub(crate) fn expected(&self, id: TypeId) -> String {
        self.expected_within(id, 3)
    }

    fn expected_within(&self, id: TypeId, depth: usize) -> String {
        match self.ty(id) {
            Type::Any => "any value".to_owned(),
            Type::Null => "null".to_owned(),
            Type::Boolean => "true or false".to_owned(),
            Type::Integer => "an integer".to_owned(),
            Type::Number => "a number".to_owned(),
            Type::String => "a string".to_owned(),
            Type::Array(_) => "an array".to_owned(),
            Type::Object(members) => {
                let names: Vec<_> = members
                    .properties
                    .iter()
                    .filter(|property| property.required)
                    .collect();
                if names.is_empty() {
                    return "an object".to_owned();
                }
                let names = names.iter().map(|property| format!("`{}`", property.name));
                format!("an object with {}", names.collect::<Vec<_>>().join(", "))
            }
            Type::Literal(literals) => match literals.options.as_slice() {
                [one] => one.value.to_string(),
                several => {
                    let shown = several.iter().map(|option| option.value.to_string());
                    format!("one of {}", shown.collect::<Vec<_>>().join(", "))
                }
            },
            Type::Union(_) if depth == 0 => "another value".to_owned(),
            Type::Union(members) => {
                let shown = members
                    .iter()
                    .map(|member| self.expected_within(*member, depth - 1));
                shown.collect::<Vec<_>>().join(" or ")
            }
        }
    }
}
