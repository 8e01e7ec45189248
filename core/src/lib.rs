//! Leader election over any small shared record, as a machine without IO: it has no clock, no entropy and no socket.
//! It is told what time it is and what the lock answered, and says what to do next.
//!
//! [`Candidate`] is what a host drives; [`Gist`] and [`Memory`] are the locks; [`Elector`] holds the rules.

pub mod budget;
pub mod candidate;
pub mod elector;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod event;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod gist;
pub mod json;
pub mod lock;
pub mod memory;
mod ordered;
pub mod record;
#[cfg(feature = "sim")]
pub mod sim;
mod sleep;
mod spread;
pub mod time;
pub mod timing;
pub mod warning;
pub mod watch;

pub use candidate::{Candidate, Input, Output, Phase, Request, RequestId, View};
pub use elector::Elector;
pub use event::{Event, Lease, Next, StopReason, Why};
pub use gist::Gist;
pub use lock::{Identity, Lock, Sent};
pub use memory::Memory;
pub use record::{Record, Token, WriteMode};
pub use time::{Clock, Instant, Now, WallClock};
pub use timing::Timing;
pub use warning::Warning;
pub use watch::Watch;
