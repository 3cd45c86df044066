//! What the settings say of escalation: to whom, whether, and how much it may cost in a run.

use smallcode_core::price::Usd;

use super::Settings;
use super::layer::Kind;
use super::origin::Sourced;

/// Calls of a run where nobody says: the hardest few tasks of a workflow, with their repetitions.
const DEFAULT_CALLS: u64 = 10;

/// What they may cost where nobody says: enough for these with a large model, and nothing that hurts.
const DEFAULT_USD: Usd = Usd::cents(100);

/// What one layer says.
#[derive(Debug, Clone, Default)]
pub(super) struct Partial {
    pub(super) profile: Option<Sourced<String>>,
    pub(super) allow: Option<bool>,
    pub(super) calls: Option<u64>,
    pub(super) usd: Option<Usd>,
}

/// What all layers say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// The profile for tasks that name none.
    pub profile: Option<String>,
    /// Whether every run may escalate, without being told on its command line.
    pub allowed: bool,
    /// The most calls of a run.
    pub calls: u64,
    /// The most that they may cost together.
    pub usd: Usd,
}

impl Settings {
    /// Returns what is said of escalation. The user allows it and sets its caps; a workspace, which came with the
    /// workflow, can only make the caps smaller and say to whom.
    pub fn escalation(&self) -> Escalation {
        let partials = || {
            self.layers
                .iter()
                .rev()
                .map(|layer| (layer.kind, &layer.escalate))
        };
        let of_user = |kind: Kind| !kind.is_of_workspace();
        let user = || {
            partials()
                .filter(|(kind, _)| of_user(*kind))
                .map(|(_, partial)| partial)
        };
        let workspace = || {
            partials()
                .filter(|(kind, _)| !of_user(*kind))
                .map(|(_, partial)| partial)
        };
        let calls = user().find_map(|partial| partial.calls).unwrap_or(DEFAULT_CALLS);
        let usd = user().find_map(|partial| partial.usd).unwrap_or(DEFAULT_USD);
        Escalation {
            profile: partials()
                .find_map(|(_, partial)| partial.profile.as_ref())
                .map(|profile| profile.value.clone()),
            allowed: user().find_map(|partial| partial.allow).unwrap_or(false),
            calls: workspace()
                .filter_map(|partial| partial.calls)
                .fold(calls, u64::min),
            usd: workspace().filter_map(|partial| partial.usd).fold(usd, Usd::min),
        }
    }
}
