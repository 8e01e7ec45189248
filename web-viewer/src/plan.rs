//! When to read next, so that the budget lasts: as often as a candidate with a token, once a minute without one.

use std::time::Duration;

use http::HeaderName;
use http::header::RETRY_AFTER;

/// A candidate's poll at the usual timings.
const POLL: Duration = Duration::from_secs(2);
/// Without a token GitHub allows 60 requests an hour; assume that unchanged answers count.
const POLL_WITHOUT_TOKEN: Duration = Duration::from_mins(1);
/// A failure is tried again after this, doubled up to a minute.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LONGEST_RETRY: Duration = Duration::from_mins(1);
/// Of the hour's requests, so many are left for others who use the same token or address.
const RESERVE: u32 = 5;

/// Where the API says so. Named here: to look a name up by its text takes a table of all names there are.
pub(crate) const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
pub(crate) const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
pub(crate) const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// What the API said of the hour's budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Requests an hour.
    pub limit: Option<u32>,
    /// Of which are left.
    pub remaining: Option<u32>,
    /// When it begins anew, in seconds since the Unix epoch.
    pub reset: Option<i64>,
}

impl Budget {
    /// Takes in an answer's headers.
    pub fn note(&mut self, headers: &http::HeaderMap) {
        let number = |name: &HeaderName| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
        let count = |name: &HeaderName| number(name).and_then(|n| u32::try_from(n).ok());
        self.limit = count(&LIMIT).or(self.limit);
        self.remaining = count(&REMAINING).or(self.remaining);
        self.reset = number(&RESET).or(self.reset);
    }
}

/// How long to wait after a read that was answered.
#[must_use]
pub fn next_read(has_token: bool, budget: Budget, unix_seconds: i64) -> Duration {
    let usual = if has_token { POLL } else { POLL_WITHOUT_TOKEN };
    let (Some(remaining), Some(reset)) = (budget.remaining, budget.reset) else { return usual };
    let until_reset = Duration::from_secs(u64::try_from(reset - unix_seconds).unwrap_or(0));
    // With a token an unchanged answer is free: only a budget that runs low slows the page down.
    let low = !has_token || budget.limit.is_some_and(|limit| remaining < limit / 10);
    if !low || until_reset.is_zero() {
        return usual;
    }
    match remaining.saturating_sub(RESERVE) {
        0 => until_reset.clamp(usual, Duration::from_hours(1)),
        spendable => (until_reset / spendable).clamp(usual, Duration::from_hours(1)),
    }
}

/// How long to wait after so many failures in a row.
#[must_use]
pub fn retry(failures: u32) -> Duration {
    (FIRST_RETRY * (1 << failures.saturating_sub(1).min(5))).min(LONGEST_RETRY)
}

/// For how long a read is believed: until the next one is due, and has had the time of a request. However seldom the
/// budget lets the page read: what anybody may change at any moment is not known for longer.
#[must_use]
pub fn fresh(next_read: Duration) -> Duration {
    next_read.min(POLL_WITHOUT_TOKEN) * 2 + Duration::from_secs(3)
}

/// Whether a refusal tells for how long, as far as a page may read its headers.
#[must_use]
pub fn is_told(headers: &http::HeaderMap) -> bool {
    let mut budget = Budget::default();
    budget.note(headers);
    headers.contains_key(RETRY_AFTER) || (budget.remaining == Some(0) && budget.reset.is_some())
}

/// How many requests a look back at the history may spend.
#[must_use]
pub fn for_history(has_token: bool, budget: Budget) -> u32 {
    let usual = if has_token { 120 } else { 15 };
    budget.remaining.map_or(usual, |remaining| usual.min(remaining.saturating_sub(RESERVE) / 2))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn budget(limit: u32, remaining: u32, reset: i64) -> Budget {
        Budget { limit: Some(limit), remaining: Some(remaining), reset: Some(reset) }
    }

    #[test]
    fn as_a_candidate_with_a_token_and_once_a_minute_without() {
        assert_eq!(next_read(true, Budget::default(), 0), POLL);
        assert_eq!(next_read(false, Budget::default(), 0), POLL_WITHOUT_TOKEN);
        assert_eq!(next_read(true, budget(5000, 4000, 3600), 0), POLL);
    }

    #[test]
    fn the_page_slows_down_before_the_budget_ends() {
        assert_eq!(next_read(false, budget(60, 15, 3600), 0), Duration::from_mins(6));
        assert_eq!(next_read(true, budget(5000, 105, 1000), 0), Duration::from_secs(10));
        assert_eq!(next_read(true, budget(5000, 5, 1000), 0), Duration::from_secs(1000));
        assert_eq!(next_read(false, budget(60, 0, 10), 20), POLL_WITHOUT_TOKEN, "the hour is over");
    }

    #[test]
    fn an_hour_without_a_token_stays_within_sixty() {
        let (mut now, mut left, mut reads) = (0_i64, 60_u32, 0);
        left -= for_history(false, budget(60, 60, 3600));
        while now < 3600 {
            reads += 1;
            left = left.checked_sub(1).expect("never beyond the budget");
            now += i64::try_from(next_read(false, budget(60, left, 3600), now).as_secs()).unwrap();
        }
        assert!((30..60).contains(&reads), "{reads}");
    }

    #[test]
    fn failures_are_tried_again_ever_more_slowly() {
        let waits: Vec<u64> = (1..8).map(|n| retry(n).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn a_read_is_believed_for_two_minutes_at_most() {
        assert_eq!(fresh(POLL), Duration::from_secs(7));
        assert_eq!(fresh(Duration::from_hours(1)), Duration::from_secs(123));
    }

    #[test]
    fn a_history_never_takes_more_than_half() {
        assert_eq!(for_history(true, budget(5000, 5000, 0)), 120);
        assert_eq!(for_history(false, budget(60, 25, 0)), 10);
        assert_eq!(for_history(false, budget(60, 3, 0)), 0);
    }

    #[test]
    fn a_limit_tells_for_how_long_only_where_the_page_may_read_it() {
        let told = |headers: &[(&'static str, &str)]| {
            let pairs = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            is_told(&pairs.collect())
        };
        assert!(told(&[("retry-after", "60")]));
        assert!(told(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")]));
        assert!(!told(&[("x-ratelimit-remaining", "41"), ("x-ratelimit-reset", "9")]), "a secondary limit");
        assert!(!told(&[]));
    }

    #[test]
    fn headers_are_read() {
        let mut budget = Budget::default();
        let mut headers = http::HeaderMap::new();
        headers.insert("x-ratelimit-remaining", "41".parse().unwrap());
        budget.note(&headers);
        headers.insert("x-ratelimit-remaining", "nonsense".parse().unwrap());
        budget.note(&headers);
        assert_eq!(budget.remaining, Some(41));
    }
}
