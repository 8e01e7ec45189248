//! The lock in a gist alone, by hand: each trap and each paragraph of its rules has a test with its name.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod claim;
mod free_held_unclear;
mod hand;
mod hostile;
mod interop;
mod reading;
mod valid_and_void;
mod waiting;
