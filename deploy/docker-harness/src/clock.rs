//! The clock that the harness and the jobs share: the kernel's, monotonic.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u128);

impl Moment {
    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let part = |value: i64| u128::try_from(value).unwrap_or_default();
        Self(part(now.tv_sec) * 1_000_000_000 + part(now.tv_nsec))
    }

    /// Zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(u64::MAX))
    }

    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0 + span.as_nanos())
    }
}
