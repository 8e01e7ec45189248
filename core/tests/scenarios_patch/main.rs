//! The scenarios in patch mode.

#[path = "../scenarios/main.rs"]
mod scenarios;
