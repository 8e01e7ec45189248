//! What a candidate may cost the store, and what it did.

use std::time::Duration;

use crate::lock::Limits;
use crate::time::Instant;
use crate::timing::Timing;
use crate::warning::Warning;

const HOUR: Duration = Duration::from_hours(1);
const MINUTES: usize = 60;

/// Requests and content writes an hour (R10): as configured, as spent in the hour that ends now, as allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    limits: Limits,
    requests_configured: u32,
    writes_configured: u32,
    requests: Spent,
    writes: Spent,
}

impl Budget {
    /// The budget that these timings need: a leader's writes, a follower's reads.
    #[must_use]
    pub fn new(timing: &Timing, limits: Limits) -> Self {
        Self {
            limits,
            requests_configured: an_hour(timing.poll()),
            writes_configured: an_hour(timing.renew_interval()),
            requests: Spent::default(),
            writes: Spent::default(),
        }
    }

    /// Counts a request that is sent now.
    pub fn spend(&mut self, now: Instant, is_write: bool) {
        self.requests.add(now);
        if is_write {
            self.writes.add(now);
        }
    }

    /// Requests an hour with these timings: as a follower.
    #[must_use]
    pub const fn requests_configured(&self) -> u32 {
        self.requests_configured
    }

    /// Content writes an hour with these timings: as the leader.
    #[must_use]
    pub const fn writes_configured(&self) -> u32 {
        self.writes_configured
    }

    /// Requests sent in the hour before `now`, to the minute.
    #[must_use]
    pub fn requests_spent(&self, now: Instant) -> u32 {
        self.requests.sum(now)
    }

    /// Content writes sent in the hour before `now`, to the minute.
    #[must_use]
    pub fn writes_spent(&self, now: Instant) -> u32 {
        self.writes.sum(now)
    }

    /// What the store allows.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Where the timings need more than the store allows. Never a refusal.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let beyond = |configured: u32, allowed: Option<u32>| allowed.filter(|allowed| configured > *allowed);
        let writes = beyond(self.writes_configured, self.limits.writes_an_hour)
            .map(|allowed| Warning::WritesBeyondBudget { configured: self.writes_configured, allowed });
        let requests = beyond(self.requests_configured, self.limits.requests_an_hour)
            .map(|allowed| Warning::RequestsBeyondBudget { configured: self.requests_configured, allowed });
        writes.into_iter().chain(requests).collect()
    }
}

fn an_hour(interval: Duration) -> u32 {
    u32::try_from(HOUR.as_millis().div_ceil(interval.as_millis().max(1))).unwrap_or(u32::MAX)
}

/// A ring of minutes: an hour's count in constant space.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spent {
    minutes: [u32; MINUTES],
    newest: u64,
}

impl Default for Spent {
    fn default() -> Self {
        Self { minutes: [0; MINUTES], newest: 0 }
    }
}

impl Spent {
    fn add(&mut self, now: Instant) {
        let minute = minute(now);
        for passed in (self.newest + 1..=minute).rev().take(MINUTES) {
            self.minutes[slot(passed)] = 0;
        }
        self.newest = self.newest.max(minute);
        self.minutes[slot(self.newest)] += 1;
    }

    fn sum(&self, now: Instant) -> u32 {
        let oldest = (minute(now) + 1).saturating_sub(MINUTES as u64);
        (oldest..=self.newest).rev().take(MINUTES).map(|minute| self.minutes[slot(minute)]).sum()
    }
}

fn minute(now: Instant) -> u64 {
    now.as_millis() / 60_000
}

fn slot(minute: u64) -> usize {
    usize::try_from(minute % MINUTES as u64).expect("less than 60")
}
