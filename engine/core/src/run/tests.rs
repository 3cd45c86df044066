//! The state of a run, driven by a simulated world in simulated time.

mod cost;
mod order;
mod properties;
mod recovery;
mod sim;
mod stops;
mod world;
