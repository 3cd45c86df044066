//! Values of one type where another is wanted.

use super::code::{Code, Level};
use super::operator::{Kind, kind};
use super::{Compiler, string};
use crate::ir::{Literal, Type};

impl Compiler<'_> {
    /// A value beside others of a type: whole numbers become floats where the others are.
    pub(super) fn alike(&mut self, code: Code, ty: &Type) -> Code {
        let float = *ty.required() == Type::Float && kind(&code.ty) == Kind::Whole;
        if !float {
            return code;
        }
        if code.literal {
            let text = code.text.trim_end_matches('n').to_owned();
            return Code {
                ty: Type::Float,
                text,
                ..code
            };
        }
        let text = if code.nullable {
            format!("{}({}, Number)", self.call("some"), code.text)
        } else {
            format!("Number({})", code.text)
        };
        Code {
            nullable: code.nullable,
            ..Code::new(text, Level::Primary, Type::Float)
        }
    }

    /// A value that is written where a type is wanted: checked where it may not fit. `what` is its place in messages.
    pub(in super::super) fn fit(&mut self, code: Code, ty: &Type, what: &str) -> Code {
        let optional = matches!(ty, Type::Optional(_));
        let wanted = ty.required();
        if code.ty == Type::None {
            return if optional || matches!(wanted, Type::Json | Type::Unknown) {
                code
            } else {
                self.checked("there", &code, wanted, what)
            };
        }
        let code = self.alike(code, wanted);
        let holds_json = match wanted {
            Type::List(inner) | Type::Set(inner) | Type::Map(_, inner) => {
                matches!(inner.required(), Type::Json | Type::Unknown) && !is_json(code.ty.required())
            }
            _ => false,
        };
        let code = if holds_json {
            self.json(&code, Type::Json)
        } else {
            code
        };
        let checked = function_for(&code, wanted);
        match checked {
            // Nothing is JSON, too.
            Some("asJson") => self.json(&code, wanted.clone()),
            Some(function) if code.nullable && optional => {
                let text = format!(
                    "{}({}, (value) => {}(value, {}))",
                    self.call("some"),
                    code.text,
                    self.call(function),
                    string(what)
                );
                Code::new(text, Level::Primary, wanted.clone()).or_null()
            }
            Some(function) => self.checked(function, &code, wanted, what),
            None if code.nullable && !optional && !matches!(wanted, Type::Json | Type::Unknown) => {
                self.checked("there", &code, wanted, what)
            }
            None => code,
        }
    }

    /// A value as JSON has it.
    fn json(&mut self, code: &Code, ty: Type) -> Code {
        let text = format!("{}({})", self.call("asJson"), code.text);
        Code {
            nullable: code.nullable,
            ..Code::new(text, Level::Primary, ty)
        }
    }

    fn checked(&mut self, function: &'static str, code: &Code, ty: &Type, what: &str) -> Code {
        let text = format!("{}({}, {})", self.call(function), code.text, string(what));
        Code::new(text, Level::Primary, ty.clone())
    }

    /// The name of the description of an entity.
    pub(in super::super) fn table(&mut self, id: crate::ir::EntityId) -> String {
        self.tables.insert(id);
        super::super::server::entity_name(self.system, id)
    }
}

/// The function that checks whether a value fits; `None` where it surely does.
fn function_for(code: &Code, wanted: &Type) -> Option<&'static str> {
    let from = code.ty.required();
    match wanted {
        // What is no plain name or constant may have left the range.
        Type::Uint if *from == Type::Uint && is_plain(code) => None,
        Type::Uint => Some("asUint"),
        Type::Int if matches!(from, Type::Uint | Type::Int) && is_plain(code) => None,
        Type::Int => Some("asInt"),
        Type::Float if kind(from) == Kind::Float && (is_plain(code) || code.text.starts_with("Number(")) => {
            None
        }
        Type::Float => Some("asFloat"),
        Type::String | Type::Uuid | Type::State(_) | Type::Entity(_) | Type::Caller => {
            (kind(from) != Kind::Text).then_some("asText")
        }
        Type::Bool => (*from != Type::Bool).then_some("asBool"),
        Type::Timestamp => (*from != Type::Timestamp).then_some("asTime"),
        Type::Json | Type::Unknown => (!is_json(from)).then_some("asJson"),
        Type::List(element) | Type::Set(element) => match from {
            Type::List(known) | Type::Set(known) if known == element || code.text == "[]" => None,
            Type::List(known) | Type::Set(known)
                if kind(known) == kind(element) && kind(known) != Kind::Any =>
            {
                None
            }
            Type::List(_) | Type::Set(_) if matches!(**element, Type::Json | Type::Union(_)) => None,
            _ => Some("asList"),
        },
        Type::Map(..) => (!matches!(from, Type::Map(..))).then_some("asMap"),
        Type::Bytes => (*from != Type::Bytes).then_some("asBytes"),
        Type::Duration
        | Type::Optional(_)
        | Type::Result(..)
        | Type::Tuple(_)
        | Type::Union(_)
        | Type::None => None,
    }
}

/// Whether it is a name or a constant: what it holds was in range before.
fn is_plain(code: &Code) -> bool {
    (code.literal && !code.text.starts_with('-'))
        || code
            .text
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '?' | '[' | ']' | '"'))
}

/// Whether every value of the type is JSON as it is.
fn is_json(ty: &Type) -> bool {
    match ty {
        Type::Json | Type::Unknown | Type::None => true,
        Type::List(element) | Type::Set(element) => is_json(element.required()),
        Type::Map(_, value) => is_json(value.required()),
        Type::Union(members) | Type::Tuple(members) => {
            members.iter().all(|member| is_json(member.required()))
        }
        other => matches!(
            kind(other),
            Kind::Text | Kind::Whole | Kind::Float | Kind::Bool | Kind::Span
        ),
    }
}

/// A constant as a type wants it.
pub(in super::super) fn constant(literal: &Literal, ty: &Type) -> String {
    match (literal, ty.required()) {
        (Literal::Integer(value), Type::Float) => value.to_string(),
        (Literal::String(text), Type::Timestamp) => format!("new Date({})", string(text)),
        (Literal::List(items), other) => {
            let element = other.element().cloned().unwrap_or(Type::Json);
            let items: Vec<String> = items.iter().map(|item| constant(item, &element)).collect();
            format!("[{}]", items.join(", "))
        }
        (other, _) => super::code::literal(other),
    }
}
