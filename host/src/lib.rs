//! What every host says alike: the flags and variables, the settings and their mistakes, the sentences of the log, the
//! events for programs, `status`, and the exit codes.
//!
//! A host of its own brings a [`World`]: a clock, a timer and a transport. Nothing here knows Tokio, reqwest or a
//! socket, so that the same words come from the native binary and from the component under `wasmtime run`.

#![warn(clippy::print_stdout, clippy::print_stderr)] // They panic where nobody reads; `say` has what does not.

mod access;
pub mod args;
pub mod choice;
pub mod config;
pub mod end;
pub mod events;
pub mod flight;
pub mod hear;
pub mod log;
pub mod native_only;
pub mod observe;
mod place;
pub mod proxies;
pub mod say;
pub mod status;
mod timings;
pub mod work;
pub mod world;

pub use end::Failure;
pub use events::{Happened, Teller, Told, happened};
pub use world::{Access, NoAnswer, World};
