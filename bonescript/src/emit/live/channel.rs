//! The channels of a program: who takes part, which messages each gets, and what capabilities tell.

use std::collections::BTreeSet;

use minijinja::{Value, context};

use super::super::expression::{Compiler, Scope};
use super::super::project::FileSet;
use super::super::server::{entity_file, entity_name, input_name};
use super::super::templates::{code, comment, key, text};
use super::super::{EmitError, names};
use crate::ir::{Capability, Channel, Expression, ExpressionKind as K, System};

pub(super) fn emit(system: &System, files: &mut FileSet) -> Result<(), EmitError> {
    let mut functions = BTreeSet::new();
    let mut entities = BTreeSet::new();
    let mut channels = Vec::new();
    for channel in &system.channels {
        entities.extend(channel.participants);
        channels.push(describe(system, channel, &mut functions)?);
    }
    let functions: Vec<Value> = functions.into_iter().map(code).collect();
    let entities: Vec<Value> = entities
        .into_iter()
        .map(|id| {
            context! {
                constant => code(entity_name(system, id)),
                file => text(format!("../entities/{}.ts", entity_file(system, id))),
            }
        })
        .collect();
    let anyone = system
        .channels
        .iter()
        .any(|channel| channel.participants.is_none() && channel.filter.is_some());
    files.render(
        "src/channels/definitions.ts",
        context! { channels, functions, entities, anyone },
    )
}

/// The path of its routes.
pub(super) fn path(channel: &Channel) -> String {
    format!("/channels/{}", names::kebab(&channel.name))
}

fn describe(
    system: &System,
    channel: &Channel,
    functions: &mut BTreeSet<&'static str>,
) -> Result<Value, EmitError> {
    let mut compiler = Compiler::new(system, Scope::Channel(channel.participants));
    let filter = channel.filter.as_ref();
    let condition = filter
        .map(|filter| compiler.condition(&filter.condition))
        .transpose()?;
    functions.extend(&compiler.used);
    let uses = |wanted: fn(&K) -> bool| filter.is_some_and(|filter| names(&filter.condition, wanted));
    let uses_message = uses(|kind| matches!(kind, K::Message));
    let uses_caller = uses(|kind| matches!(kind, K::CallerId | K::CallerRole));
    let with_message = uses_message || uses_caller;
    let parameters = match (uses(|kind| matches!(kind, K::Participant)), with_message) {
        // Where no rows matter, the message is all that there is.
        _ if channel.participants.is_none() => {
            if with_message {
                "sent"
            } else {
                ""
            }
        }
        (true, true) => "participant, sent",
        (true, false) => "participant",
        (false, true) => "_participant, sent",
        (false, false) => "",
    };
    let entity = channel.participants.and_then(|id| system.entity(id));
    let tells: Vec<Value> = system
        .capabilities
        .iter()
        .filter(|capability| system.tells(channel, capability))
        .map(|capability| {
            context! { key => key(capability.name.as_str()), fields => told(system, capability) }
        })
        .collect();
    Ok(context! {
        key => key(channel.name.as_str()),
        text => text(channel.name.as_str()),
        ordering => comment(channel.ordering.as_str()),
        path => text(path(channel)),
        transport => text(channel.transport.as_str()),
        entity => entity.map(|entity| text(entity.name.as_str())),
        constant => channel.participants.map(|id| code(entity_name(system, id))),
        keep => code(channel.persistence.map_or_else(|| "null".to_owned(), |keep| keep.to_string())),
        max_size => code(channel.max_size.to_string()),
        filter => condition.map(|condition| code(condition.text)),
        filter_text => filter.map(|filter| comment(filter.text.as_str())),
        parameters => code(parameters),
        uses_message,
        uses_caller,
        tells,
    })
}

fn names(condition: &Expression, wanted: fn(&K) -> bool) -> bool {
    let mut found = false;
    condition.walk(&mut |part| found |= wanted(&part.kind));
    found
}

/// What of the request is told: nothing that a row would keep for itself.
fn told(system: &System, capability: &Capability) -> Vec<Value> {
    let secret = |name: &str| {
        let mut columns = system.entities.iter().flat_map(|entity| &entity.columns);
        columns.any(|column| column.sensitive && column.name == name)
    };
    capability
        .parameters
        .iter()
        .filter(|parameter| !secret(&parameter.name))
        .map(|parameter| text(input_name(parameter)))
        .collect()
}
