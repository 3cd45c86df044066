//! The policies, as a list that the guard reads.

use minijinja::{Value, context};

use super::super::project::FileSet;
use super::super::templates::{code, text};
use super::EmitError;
use super::rules::accessor;
use crate::ir::{PolicyScope, System};

pub(super) fn emit(system: &System, files: &mut FileSet) -> Result<(), EmitError> {
    let policies: Vec<Value> = system
        .policies
        .iter()
        .map(|policy| {
            let entity = |id| {
                system
                    .entity(id)
                    .map(|entity| entity.name.clone())
                    .unwrap_or_default()
            };
            let (kind, of) = match policy.scope {
                PolicyScope::System => ("system", String::new()),
                PolicyScope::Entity(id) => ("entity", entity(id)),
                PolicyScope::Capability(id) => (
                    "capability",
                    system
                        .capabilities
                        .get(id.0)
                        .map(|capability| capability.name.clone())
                        .unwrap_or_default(),
                ),
            };
            let access = policy.access.as_ref().map(|access| {
                let names = access.iter().map(|access| text(accessor(system, access)));
                names.collect::<Vec<_>>()
            });
            let limit = policy.rate_limit.map(|(requests, window)| {
                context! { requests => code(requests.to_string()), window => code(window.to_string()) }
            });
            context! {
                name => text(policy.name.as_str()),
                kind => text(kind),
                system => kind == "system",
                key => code(kind),
                of => text(of),
                limit,
                access,
                audit => policy.audit,
            }
        })
        .collect();
    files.render("src/policies/policies.ts", context! { policies })
}
