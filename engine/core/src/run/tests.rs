//! The state of a run, driven by a simulated world in simulated time.

#![expect(
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    reason = "a story is told in one piece"
)]

mod claims;
mod cost;
mod escalation;
mod ladder;
mod order;
mod parts;
mod properties;
mod recovery;
mod sim;
mod stops;
mod turns;
mod wall;
mod world;
