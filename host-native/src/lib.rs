//! Leader election in a Tokio program: run something while this process leads, and stop it before another one can.
//!
//! ```no_run
//! # async fn demo() -> Result<(), leader_elector::BuildError> {
//! use leader_elector::LeaderElection;
//!
//! let election = LeaderElection::builder()
//!     .gist("d1cd…")
//!     .token("…")
//!     .name("napoleon")
//!     .on_started_leading(|leadership| async move {
//!         println!("leading with token {}", leadership.token());
//!         leadership.cancelled().await;
//!     })
//!     .build()?;
//! election.run(tokio_util::sync::CancellationToken::new()).await;
//! # Ok(())
//! # }
//! ```
//!
//! The decisions are made in [`leader_elector_core`]; here are the clock, the network and the callbacks.

pub mod certificates;
pub mod clock;
pub mod drive;
mod election;
pub mod transport;

pub use leader_elector_core::{Token, WriteMode, timing};

pub use self::election::{BuildError, Builder, LeaderElection, Leadership, candidate};
