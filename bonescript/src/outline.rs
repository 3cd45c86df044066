//! The signatures of a program: what it declares, a line each, without how.

use crate::ast::{Capability, Declaration, Entity, Field, Parameter};
use crate::diagnostic::Problems;
use crate::text::{MAX_BYTES, SourceId, Span};
use crate::{lexer, parser};

/// One line for each declaration that can be read; empty for what is no program.
///
/// ```
/// let text = "system Shop { entity Plant { owns: [name: string, stock: uint] states: growing -> sold } }";
/// assert_eq!(
///     bonescript::outline(text),
///     "system Shop\n  entity Plant(name: string, stock: uint) states growing -> sold\n"
/// );
/// ```
pub fn outline(text: &str) -> String {
    if text.len() > MAX_BYTES {
        return String::new();
    }
    let mut problems = Problems::default();
    let tokens = lexer::tokens(SourceId(0), text, &mut problems);
    let file = parser::parse(SourceId(0), text, &tokens, &mut problems);
    let mut out = String::new();
    for system in &file.systems {
        out.push_str("system ");
        out.push_str(&system.name.text);
        out.push('\n');
        for declaration in &system.declarations {
            out.push_str("  ");
            out.push_str(&line(declaration, text));
            out.push('\n');
        }
    }
    out
}

fn line(declaration: &Declaration, text: &str) -> String {
    match declaration {
        Declaration::Entity(tree) => entity(tree, text),
        Declaration::Capability(tree) => capability(tree, text),
        Declaration::Event(tree) => format!("event {}({})", tree.name.text, fields(&tree.payload, text)),
        Declaration::Store(tree) => format!("store {}", tree.name.text),
        Declaration::Channel(tree) => {
            let participants = tree.participants.as_ref().map(|ty| slice(text, ty.span));
            format!("channel {} {}", tree.name.text, participants.unwrap_or_default())
                .trim_end()
                .to_owned()
        }
        Declaration::Policy(tree) => format!("policy {}", tree.name.text),
        Declaration::Flow(tree) => {
            let steps: Vec<&str> = tree
                .steps
                .iter()
                .map(|step| step.call.name.text.as_str())
                .collect();
            format!("flow {}: {}", tree.name.text, steps.join(", "))
        }
        Declaration::Constraint(tree) => {
            format!(
                "constraint {}: {}",
                tree.name.text,
                slice(text, tree.condition.span)
            )
        }
        Declaration::Import(tree) => format!("import {} from \"{}\"", tree.name.text, tree.path.text),
        Declaration::ExtensionPoint(tree) => {
            let returns = tree
                .returns
                .as_ref()
                .map(|ty| format!(": {}", slice(text, ty.span)));
            let parameters = parameters(&tree.parameters, text);
            format!(
                "extension_point {}({parameters}){}",
                tree.name.text,
                returns.unwrap_or_default()
            )
        }
    }
}

fn entity(tree: &Entity, text: &str) -> String {
    let mut out = format!("entity {}({})", tree.name.text, fields(&tree.fields, text));
    for relation in &tree.relations {
        let line = format!(
            " {}: {} {}",
            relation.name.text, relation.kind.text, relation.target.text
        );
        out.push_str(&line);
    }
    if let Some(states) = &tree.states {
        out.push_str(" states ");
        out.push_str(&slice(text, states.span));
    }
    out
}

fn capability(tree: &Capability, text: &str) -> String {
    let mut out = format!(
        "capability {}({})",
        tree.name.text,
        parameters(&tree.parameters, text)
    );
    if let Some(returns) = &tree.returns {
        out.push_str(": ");
        out.push_str(&slice(text, returns.span));
    }
    let emits: Vec<&str> = tree.emits.iter().map(|emit| emit.event.text.as_str()).collect();
    if !emits.is_empty() {
        out.push_str(" emits ");
        out.push_str(&emits.join(", "));
    }
    out
}

fn fields(fields: &[Field], text: &str) -> String {
    let shown = fields
        .iter()
        .map(|field| format!("{}: {}", field.name.text, slice(text, field.ty.span)));
    shown.collect::<Vec<_>>().join(", ")
}

fn parameters(parameters: &[Parameter], text: &str) -> String {
    let shown = parameters
        .iter()
        .map(|known| format!("{}: {}", known.name.text, slice(text, known.ty.span)));
    shown.collect::<Vec<_>>().join(", ")
}

fn slice(text: &str, span: Span) -> String {
    let text = text.get(span.range()).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
