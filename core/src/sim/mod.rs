//! The simulator: real candidates in a world of which every second is drawn from one seed.
//!
//! A [`World`] runs in true time, which no candidate sees. Scenarios script it:
//!
//! ```
//! use std::time::Duration;
//! use leader_elector_core::sim::World;
//!
//! let mut world = World::builder().candidates(3).seed(7).build()?;
//! let first = world.run_until_led(Duration::from_secs(5)).ok_or("nobody leads")?;
//! world.kill(first);
//! let second = world.run_until_led(Duration::from_secs(60));
//! world.run_for(Duration::from_secs(40));
//! assert_ne!(world.leader(), Some(first));
//! assert_eq!(world.violation(), None, "{world}");
//! # Ok::<(), String>(())
//! ```
//!
//! Random worlds come from [`explore`]: a seed draws the number of candidates, their clocks, what goes wrong and how
//! often. After the trouble there is peace, in which a leader must appear in time, stay, and hand over.
//!
//! Every promise is a [`Check`], made at every step, in true time; what really happened is counted in [`Coverage`].

mod agenda;
mod checks;
mod clock;
mod contract;
mod coverage;
mod dice;
mod explore;
mod faults;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod incidents;
mod network;
mod original;
mod people;
mod process;
mod pushed;
mod script;
mod shrink;
mod small;
mod store;
mod story;
mod watch;
mod world;

pub use checks::{Check, Term, Violation};
pub use clock::Moment;
pub use coverage::{Coverage, Path};
pub use explore::{Course, Outcome, Profile, Rules, explore, trace};
pub use faults::{Fault, Switches};
pub use network::Kind;
pub use people::{Deed, foreign_record};
pub use script::Builder;
pub use shrink::{Shrunk, shrink};
pub use small::{Bounds, Explored, explore_all};
pub use story::Story;
pub use watch::{Happening, Message, Status};
pub use world::{SentRequest, World};
