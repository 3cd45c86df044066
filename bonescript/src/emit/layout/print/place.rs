//! Where an expression stands, and whether it needs brackets there.

use super::super::parse::strength;
use super::super::syntax::{ArrowBody, Expression, Link};

/// Where an expression stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// Where nothing around matters: between brackets or commas, in a list.
    Free,
    /// An argument of a call.
    Argument,
    Statement,
    /// In the head of a `for`.
    Loop,
    /// Behind `=` of a declaration or of a member of a class; behind `:` of a property.
    Value,
    /// Behind the operator of an assignment.
    Assigned,
    Return,
    ArrowBody,
    /// In the brackets of `if`, `while` and `switch`.
    Head,
    Callee,
    NewCallee,
    /// Before `.` or `[`, or a template.
    Object {
        computed: bool,
    },
    Unary(&'a str),
    Update,
    Await,
    Spread,
    Test,
    Then,
    Otherwise,
    Left(&'a str),
    Right(&'a str),
    Cast,
    AssignLeft,
    Yield,
}

pub(super) fn is_logical(operator: &str) -> bool {
    matches!(operator, "&&" | "||" | "??")
}

fn is_bitwise(operator: &str) -> bool {
    matches!(operator, "|" | "^" | "&" | "<<" | ">>" | ">>>")
}

/// Whether an operator in the left side of another joins it in one row.
pub(super) fn joins(outer: &str, inner: &str) -> bool {
    let equality = |operator| matches!(operator, "==" | "!=" | "===" | "!==");
    let product = |operator| matches!(operator, "*" | "/" | "%");
    let shift = |operator| matches!(operator, "<<" | ">>" | ">>>");
    strength(outer) == strength(inner)
        && outer != "**"
        && !(equality(outer) && equality(inner))
        && !(product(outer) && product(inner) && (outer != inner || outer == "%"))
        && !(shift(outer) && shift(inner))
        && !(outer == ">" && inner == "<")
}

/// Whether an expression needs brackets where it stands.
pub(super) fn needs_brackets(expression: &Expression<'_>, place: Place<'_>) -> bool {
    use Expression as E;
    use Place as P;
    let as_object = matches!(place, P::Callee | P::NewCallee | P::Object { .. });
    let as_operand = matches!(place, P::Unary(_) | P::Update | P::Await | P::Spread);
    match expression {
        E::Sequence(_) => place != P::Loop,
        E::Arrow(_) => {
            as_object
                || matches!(
                    place,
                    P::Unary(_) | P::Await | P::Test | P::Left(_) | P::Right(_) | P::Cast | P::Update
                )
        }
        E::Function(_) => matches!(place, P::Callee),
        E::Assign(_) => !matches!(place, P::Statement | P::Loop | P::Assigned),
        E::Conditional(_) => {
            (as_object && place != P::Object { computed: true } || matches!(place, P::Object { .. }))
                || as_operand
                || matches!(place, P::Test | P::Left(_) | P::Right(_) | P::Cast)
        }
        E::Yield(..) => {
            as_object || as_operand || matches!(place, P::Test | P::Left(_) | P::Right(_) | P::Cast)
        }
        E::Await(_) => {
            as_object
                || matches!(place, P::Unary(_) | P::Update | P::Spread)
                || matches!(place, P::Test | P::Left(_) | P::Right(_) | P::Cast)
        }
        E::Cast(..) => {
            as_object
                || as_operand
                || matches!(
                    place,
                    P::Left(_) | P::Right(_) | P::AssignLeft | P::Then | P::Otherwise
                )
        }
        E::Binary(binary) => {
            let inner = binary.operator;
            match place {
                P::Left(outer) | P::Right(outer) => {
                    let (high, low) = (strength(outer), strength(inner));
                    high > low
                        || (high == low && matches!(place, P::Right(_)))
                        || (high == low && !joins(outer, inner))
                        || (is_logical(outer) && is_logical(inner) && outer != inner)
                        || (high < low && inner == "%" && matches!(outer, "+" | "-"))
                        || is_bitwise(outer)
                }
                P::Cast => true,
                P::Then | P::Otherwise => inner == "??",
                _ => as_object || as_operand,
            }
        }
        E::Unary(inner, _) => match place {
            P::Unary(outer) => *inner == outer && matches!(outer, "+" | "-"),
            P::Left(outer) => outer == "**",
            _ => as_object,
        },
        E::Update {
            operator, is_prefix, ..
        } => match place {
            P::Unary(outer) => *is_prefix && operator.starts_with(outer),
            P::Left(outer) => outer == "**",
            _ => as_object,
        },
        E::Number(_) => place == P::Object { computed: false },
        E::Chain(chain) => match place {
            P::NewCallee => chain.links.iter().any(|link| matches!(link, Link::Call { .. })),
            P::Object { .. } | P::Callee => true,
            _ => false,
        },
        _ => false,
    }
}

/// The expression that the text of this one begins with, and that brackets would go round.
pub(super) fn leftmost<'e, 'a>(expression: &'e Expression<'a>) -> &'e Expression<'a> {
    use Expression as E;
    let mut here = expression;
    loop {
        here = match here {
            E::Binary(binary) => &binary.left,
            E::Conditional(conditional) => &conditional.test,
            // Braces that take apart what is assigned: the brackets go round it all.
            E::Assign(assign) if matches!(assign.left, E::Object(_)) => return here,
            E::Assign(assign) => &assign.left,
            E::Sequence(all) => match all.first() {
                Some(first) => first,
                None => return here,
            },
            E::Chain(chain) => &chain.head,
            E::Cast(value, ..)
            | E::Update {
                is_prefix: false,
                value,
                ..
            } => value,
            _ => return here,
        };
    }
}

/// Whether the body of an arrow function is another arrow function.
pub(super) fn arrow_behind<'e, 'a>(body: &'e ArrowBody<'a>) -> Option<&'e super::super::syntax::Arrow<'a>> {
    match body {
        ArrowBody::Expression(Expression::Arrow(arrow)) => Some(arrow),
        _ => None,
    }
}
