//! `exec`: what each kind and key does.

mod approve;
mod budget;
mod fan;
mod inputs;
mod order;
mod render;
mod run;
mod uses;
