//! What an expression means, said a second time: to compare with what Node makes of the emitted one.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "numbers become doubles here just as they do in JavaScript"
)]

use std::cmp::Ordering;

use crate::ir::{BinaryOperator as B, Expression, ExpressionKind as K, Literal, Type, UnaryOperator};

/// A value; `Err` in a result stands for a refusal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Whole(i128),
    Float(f64),
    Text(String),
    Bool(bool),
    Nothing,
}

/// No answer, such as that of a division by zero.
#[derive(Debug, PartialEq)]
pub(super) struct Refused;

/// The parameters of the conditions that are tried.
pub(super) fn parameter(name: &str) -> Value {
    match name {
        "count" => Value::Whole(7),
        "delta" => Value::Whole(-3),
        "ratio" => Value::Float(2.5),
        "name" => Value::Text("h\u{e9}llo \u{1f600} \"q\" \\ $".to_owned()),
        _ => Value::Nothing,
    }
}

pub(super) fn evaluate(expression: &Expression) -> Result<Value, Refused> {
    Ok(match &expression.kind {
        K::Literal(literal) => match literal {
            Literal::String(text) => Value::Text(text.clone()),
            Literal::Integer(value) => Value::Whole(i128::from(*value)),
            Literal::Float(value) => Value::Float(*value),
            Literal::Bool(value) => Value::Bool(*value),
            _ => Value::Nothing,
        },
        K::Parameter(name) => parameter(name),
        K::Length(inner) => match evaluate(inner)? {
            Value::Text(text) => Value::Whole(text.chars().count() as i128),
            _ => Value::Nothing,
        },
        K::Unary(UnaryOperator::Not, inner) => Value::Bool(!truth(inner)?),
        K::Unary(UnaryOperator::Negate, inner) => match evaluate(inner)? {
            Value::Whole(value) => Value::Whole(-value),
            Value::Float(value) => Value::Float(-value),
            other => other,
        },
        K::Ternary(condition, then, otherwise) => {
            let branch = if truth(condition)? { then } else { otherwise };
            alike(evaluate(branch)?, Some(expression.ty.required()))
        }
        K::Binary(operator, left, right) => binary(*operator, left, right, &expression.ty)?,
        other => panic!("no such expression is tried: {other:?}"),
    })
}

/// A value beside others of a type: a whole number becomes a float where the others are.
fn alike(value: Value, ty: Option<&Type>) -> Value {
    match (value, ty) {
        (Value::Whole(value), Some(Type::Float)) => Value::Float(value as f64),
        (value, _) => value,
    }
}

fn truth(expression: &Expression) -> Result<bool, Refused> {
    Ok(evaluate(expression)? == Value::Bool(true))
}

fn binary(operator: B, left: &Expression, right: &Expression, ty: &Type) -> Result<Value, Refused> {
    match operator {
        B::And => return Ok(Value::Bool(truth(left)? && truth(right)?)),
        B::Or => return Ok(Value::Bool(truth(left)? || truth(right)?)),
        B::In => {
            let part = evaluate(left)?;
            let held = match &right.kind {
                K::Range(low, high) => {
                    let (low, high) = (evaluate(low)?, evaluate(high)?);
                    let above = matches!(order(&low, &part), Some(Ordering::Less | Ordering::Equal));
                    above && matches!(order(&part, &high), Some(Ordering::Less | Ordering::Equal))
                }
                K::List(items) => {
                    let element = right.ty.required().element().map(Type::required);
                    let items: Result<Vec<Value>, Refused> = items
                        .iter()
                        .map(|item| Ok(alike(evaluate(item)?, element)))
                        .collect();
                    items?.iter().any(|item| equal(item, &part))
                }
                _ => contains(&evaluate(right)?, &part),
            };
            return Ok(Value::Bool(held));
        }
        _ => {}
    }
    let (left, right) = (evaluate(left)?, evaluate(right)?);
    Ok(match operator {
        B::Equal => Value::Bool(equal(&left, &right)),
        B::NotEqual => Value::Bool(!equal(&left, &right)),
        B::Less => Value::Bool(order(&left, &right) == Some(Ordering::Less)),
        B::Greater => Value::Bool(order(&left, &right) == Some(Ordering::Greater)),
        B::LessEqual => Value::Bool(matches!(
            order(&left, &right),
            Some(Ordering::Less | Ordering::Equal)
        )),
        B::GreaterEqual => Value::Bool(matches!(
            order(&left, &right),
            Some(Ordering::Greater | Ordering::Equal)
        )),
        B::Contains => Value::Bool(contains(&left, &right)),
        _ if *ty == Type::String => Value::Text(format!("{}{}", text(&left), text(&right))),
        _ => calculate(operator, &left, &right, *ty == Type::Float)?,
    })
}

fn calculate(operator: B, left: &Value, right: &Value, float: bool) -> Result<Value, Refused> {
    if *left == Value::Nothing || *right == Value::Nothing {
        return Ok(Value::Nothing);
    }
    if let (Value::Whole(left), Value::Whole(right), false) = (left, right, float) {
        return Ok(Value::Whole(match operator {
            B::Add => left + right,
            B::Subtract => left - right,
            B::Multiply => left * right,
            B::Divide => left.checked_div(*right).ok_or(Refused)?,
            _ => left.checked_rem(*right).ok_or(Refused)?,
        }));
    }
    let (left, right) = (number(left), number(right));
    Ok(Value::Float(match operator {
        B::Add => left + right,
        B::Subtract => left - right,
        B::Multiply => left * right,
        _ if right == 0.0 => return Err(Refused),
        B::Divide => left / right,
        _ => left % right,
    }))
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Whole(value) => *value as f64,
        Value::Float(value) => *value,
        _ => f64::NAN,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Whole(left), Value::Whole(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Whole(left), Value::Float(right)) => exact(*left, *right),
        (Value::Float(left), Value::Whole(right)) => exact(*right, *left).map(Ordering::reverse),
        _ => None,
    }
}

/// A whole number and another one, neither of them rounded: ECMAScript's `BigInt` and `Number` compare so too.
fn exact(whole: i128, other: f64) -> Option<Ordering> {
    if !other.is_finite() {
        return 0.0.partial_cmp(&other);
    }
    // What is tried stays far within 128 bits, where the conversion would stop at an end.
    let floor = other.floor();
    Some(whole.cmp(&(floor as i128)).then(if other > floor {
        Ordering::Less
    } else {
        Ordering::Equal
    }))
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Whole(_), Value::Float(_)) | (Value::Float(_), Value::Whole(_)) => {
            order(left, right) == Some(Ordering::Equal)
        }
        _ => left == right,
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    matches!((whole, part), (Value::Text(whole), Value::Text(part)) if whole.contains(part.as_str()))
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Whole(value) => value.to_string(),
        Value::Bool(value) => value.to_string(),
        // Only whole ones are tried, which both write alike.
        Value::Float(value) => value.to_string(),
        Value::Nothing => String::new(),
    }
}
