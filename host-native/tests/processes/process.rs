//! A candidate's process, as the tests of both hosts see it: short leases, and an end whatever happens.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

/// Short leases: these tests are about processes and hosts, not about time.
pub(crate) const TIMINGS: [&str; 12] = [
    "--lease",
    "5s",
    "--renew-deadline",
    "3500ms",
    "--renew-interval",
    "1s",
    "--poll",
    "200ms",
    "--settle",
    "200ms",
    "--request-timeout",
    "1s",
];
/// That of `TIMINGS`.
pub(crate) const LEASE: Duration = Duration::from_secs(5);

/// How a process ended; `None`: it did not within a minute, and was killed.
pub(crate) fn ended(child: &mut Child) -> Option<ExitStatus> {
    let end = Instant::now() + Duration::from_mins(1);
    while Instant::now() < end {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    self::end(child);
    None
}

/// Ends a process, and waits for its end.
pub(crate) fn end(child: &mut Child) {
    // It may have ended by itself.
    _ = child.kill();
    _ = child.wait();
}
