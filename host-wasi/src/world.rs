//! The component's clocks.

use http::{Request, Response};
use leader_elector_core::{Instant, Now, WallClock};
use leader_elector_host::{NoAnswer, World};
use wasip2::clocks::{monotonic_clock, wall_clock};
use wstd::runtime::AsyncPollable;

use crate::transport;

/// What the runtime lends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component;

impl World for Component {
    /// The monotonic clock may stand still while the machine sleeps; the wall clock tells (R13).
    fn now(&self) -> Now {
        let wall = wall_clock::now();
        let seconds = i64::try_from(wall.seconds).unwrap_or(i64::MAX);
        let millis = seconds.saturating_mul(1000).saturating_add(i64::from(wall.nanoseconds / 1_000_000));
        Now { at: Instant::from_nanos(monotonic_clock::now()), wall: WallClock(millis) }
    }

    async fn sleep_until(&self, at: Instant) {
        AsyncPollable::new(monotonic_clock::subscribe_instant(at.as_nanos())).wait_for().await;
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
        transport::send(request).await
    }
}
