//! Waiting as told (R10).
//!
//! GitHub's order (REST docs, "Exceeding the rate limit"): `retry-after`; else `x-ratelimit-remaining: 0` with
//! `x-ratelimit-reset`; else at least a minute, then exponentially longer. The reset is measured against the `Date`
//! of the same answer, never against a wall clock of ours.

use std::time::Duration;

use http::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::time::{Instant, http_date};

const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const FIRST_WAIT: Duration = Duration::from_mins(1);
/// 60 s, doubled four times: 16 min.
const DOUBLINGS: u32 = 4;
/// A store that says "wait" without saying how long means at least this.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// Until when the store wants to be left alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Throttle {
    until: Option<Instant>,
    /// Throttlings in a row that did not say for how long.
    untold: u32,
    /// A write was among them: a read that is answered says nothing of the limit on writes.
    writes: bool,
}

impl Throttle {
    /// How long is still to be waited.
    pub(super) fn remaining(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.since(now)).filter(|wait| !wait.is_zero())
    }

    /// Looks for a throttling in the answer to a read or a write, and remembers it.
    pub(super) fn observe(&mut self, now: Instant, is_read: bool, response: &Response<Vec<u8>>) -> Option<Duration> {
        if is_throttled(response) {
            return self.throttled(now, is_read, response);
        }
        let is_served = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
        if is_served && !(is_read && self.writes) {
            (self.untold, self.writes) = (0, false);
        }
        None
    }

    /// The same of an answer that comes too late: of what was asked before it says nothing else.
    pub(super) fn overhear(&mut self, now: Instant, response: &Response<Vec<u8>>) -> Option<Duration> {
        is_throttled(response).then(|| self.throttled(now, false, response)).flatten()
    }

    fn throttled(&mut self, now: Instant, is_read: bool, response: &Response<Vec<u8>>) -> Option<Duration> {
        let wait = told(response.headers()).map_or_else(
            || {
                let wait = FIRST_WAIT * (1 << self.untold.min(DOUBLINGS));
                self.untold += 1;
                self.writes |= !is_read;
                wait
            },
            |wait| wait.max(LEAST_WAIT),
        );
        let until = now + wait;
        self.until = self.until.max(Some(until));
        self.remaining(now)
    }
}

/// How long an answer asks to be left alone, whatever was asked before; `None`: it does not.
pub(super) fn wait(response: &Response<Vec<u8>>) -> Option<Duration> {
    is_throttled(response).then(|| told(response.headers()).map_or(FIRST_WAIT, |wait| wait.max(LEAST_WAIT)))
}

/// 429 always; 403 only with a sign of a limit, because a wrong scope is a 403 as well.
fn is_throttled(response: &Response<Vec<u8>>) -> bool {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => {
            let headers = response.headers();
            headers.contains_key(RETRY_AFTER)
                || number(headers, &RATELIMIT_REMAINING) == Some(0)
                || mentions_rate_limit(response.body())
        }
        _ => false,
    }
}

fn mentions_rate_limit(body: &[u8]) -> bool {
    let phrase = b"rate limit";
    body.windows(phrase.len()).any(|window| window.eq_ignore_ascii_case(phrase))
}

fn told(headers: &HeaderMap) -> Option<Duration> {
    if let Some(seconds) = number(headers, &RETRY_AFTER) {
        return Some(Duration::from_secs(seconds));
    }
    if number(headers, &RATELIMIT_REMAINING) != Some(0) {
        return None;
    }
    let reset = number(headers, &RATELIMIT_RESET)?;
    let date = http_date(headers.get(DATE)?.to_str().ok()?)?;
    Some(Duration::from_secs(reset.saturating_sub(date)))
}

/// A header that holds a count. Longer than a century is no answer.
fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    const CENTURY: u64 = 100 * 366 * 86_400 + 4_102_444_800;
    headers.get(name)?.to_str().ok()?.trim().parse().ok().filter(|number| *number < CENTURY)
}
