//! What the names in an expression stand for.

use crate::ir::{EntityId, Parameter, Type};

/// Where an expression stands.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    /// A default: no names at all.
    Constant,
    /// A constraint, guard or derived field: bare names are columns of the row, and nothing else is known.
    Row {
        entity: EntityId,
        /// A part of the entity could not be read.
        incomplete: bool,
    },
    /// A capability: its parameters, and the results of the steps of its pipeline so far.
    Capability {
        parameters: Vec<Parameter>,
        incomplete: bool,
    },
    /// A constraint outside of entities: paths begin with an entity, the same throughout.
    Outside { entity: Option<EntityId> },
    /// The filter of a channel: `participant`, `event` and `caller`.
    Channel { participants: Option<EntityId> },
    /// A step of a flow: any name, which is then an input.
    Flow { inputs: Vec<Parameter> },
}

impl Scope {
    /// The type of a parameter, an input or a result.
    pub(super) fn parameter(&self, name: &str) -> Option<&Type> {
        let (Self::Capability {
            parameters: known, ..
        }
        | Self::Flow { inputs: known }) = self
        else {
            return None;
        };
        known
            .iter()
            .find(|known| known.name == name)
            .map(|known| &known.ty)
    }

    /// The names that a path can begin with.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Capability {
                parameters: known, ..
            }
            | Self::Flow { inputs: known } => {
                let mut names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
                names.push("caller");
                names
            }
            Self::Channel { .. } => vec!["participant", "event", "caller"],
            Self::Constant | Self::Row { .. } | Self::Outside { .. } => Vec::new(),
        }
    }

    /// Whether it is about one row and must be the same for that row at any time.
    pub(super) fn is_row(&self) -> bool {
        matches!(self, Self::Row { .. } | Self::Outside { .. })
    }
}
