//! The clocks of this machine. The monotonic one counts the time that the machine slept (rule R13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leader_elector_core::{Instant, Now, WallClock};
use rustix::time::{ClockId, clock_gettime};

/// A sleeping machine freezes Tokio's timers: no sleep is longer than this before the clock is looked at again.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Both clocks, now.
#[must_use]
pub fn now() -> Now {
    let boot = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(boot.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(boot.tv_nsec).unwrap_or(0);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Now {
        at: Instant::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos)),
        wall: WallClock(i64::try_from(wall).unwrap_or(i64::MAX)),
    }
}

/// Returns at `at` or soon after, also when the machine slept meanwhile.
pub async fn sleep_until(at: Instant) {
    loop {
        let left = at.since(now().at);
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
    }
}
