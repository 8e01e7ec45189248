//! GitHub's limits on the number of requests, counted as documented.
//!
//! Every span is a window that opens with the first request after the one before it closed. A refused request counts
//! for nothing.

use http::Method;

use super::access::Caller;
use crate::ordered::OrderedMap;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Secondary limits (doc): points a minute, writes a minute, writes an hour.
const POINTS_A_MINUTE: u32 = 900;
const WRITES_A_MINUTE: u32 = 80;
const WRITES_AN_HOUR: u32 = 500;

/// How many clients without a token are remembered before those whose hour is over are forgotten.
const MANY_CLIENTS: usize = 1_000;

/// What each user and each client without a token has used.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts {
    users: OrderedMap<String, Account>,
    clients: OrderedMap<String, Account>,
}

/// What the `x-ratelimit-*` headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) limit: u32,
    pub(super) used: u32,
    /// Seconds since the Unix epoch.
    pub(super) reset: i64,
}

/// Whether a request may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Admitted,
    /// The hour's requests are used up.
    Exhausted,
    /// A secondary limit is reached; the seconds until it is lifted.
    Secondary {
        retry_after: i64,
    },
}

impl Budget {
    /// The budget where nothing is counted.
    pub(super) const fn untouched(unix_ms: i64, limit: u32) -> Self {
        Self { limit, used: 0, reset: seconds_up(unix_ms.saturating_add(HOUR_MS)) }
    }
}

impl Accounts {
    /// Counts one request, or refuses it and counts nothing.
    pub(super) fn admit(
        &mut self,
        unix_ms: i64,
        caller: Caller<'_>,
        hourly: u32,
        method: &Method,
    ) -> (Budget, Verdict) {
        self.forget_clients(unix_ms);
        self.of(caller).admit(unix_ms, hourly, method)
    }

    /// So many requests of an hour that ends then were made already.
    pub(super) fn use_up(&mut self, user: &str, count: u32, until_ms: i64) {
        account(&mut self.users, user).requests = Window { used: count, until_ms };
    }

    /// Takes a request out of the primary count again: a 304 is free to those with a token (doc).
    pub(super) fn refund(&mut self, caller: Caller<'_>, budget: &mut Budget) {
        let hour = &mut self.of(caller).requests;
        hour.used = hour.used.saturating_sub(1);
        budget.used = hour.used;
    }

    fn of(&mut self, caller: Caller<'_>) -> &mut Account {
        match caller {
            Caller::Client(client) => account(&mut self.clients, client),
            Caller::Token(token) => account(&mut self.users, &token.user),
        }
    }

    /// Anybody can be a client, so their number must not grow for ever.
    fn forget_clients(&mut self, unix_ms: i64) {
        if self.clients.len() > MANY_CLIENTS {
            self.clients.retain(|_, account| unix_ms < account.requests.until_ms);
        }
    }
}

fn account<'a>(accounts: &'a mut OrderedMap<String, Account>, name: &str) -> &'a mut Account {
    if !accounts.contains_key(name) {
        accounts.insert(name.to_owned(), Account::default());
    }
    accounts.get_mut(name).expect("inserted above if it was missing")
}

#[derive(Clone, Debug, Default)]
struct Account {
    requests: Window,
    points: Window,
    writes_in_minute: Window,
    writes_in_hour: Window,
}

impl Account {
    fn admit(&mut self, unix_ms: i64, limit: u32, method: &Method) -> (Budget, Verdict) {
        let writes = u32::from(matches!(*method, Method::POST | Method::PATCH));
        let points = if *method == Method::GET { 1 } else { 5 };
        let mut secondary = [
            (&mut self.points, MINUTE_MS, points, POINTS_A_MINUTE),
            (&mut self.writes_in_minute, MINUTE_MS, writes, WRITES_A_MINUTE),
            (&mut self.writes_in_hour, HOUR_MS, writes, WRITES_AN_HOUR),
        ];
        self.requests.open(unix_ms, HOUR_MS);
        for (window, span_ms, ..) in &mut secondary {
            window.open(unix_ms, *span_ms);
        }
        let full = secondary.iter().filter(|(window, _, cost, most)| window.used + cost > *most);
        let verdict = if self.requests.used >= limit {
            Verdict::Exhausted
        } else if let Some(until_ms) = full.map(|(window, ..)| window.until_ms).max() {
            Verdict::Secondary { retry_after: seconds_up(until_ms - unix_ms) }
        } else {
            self.requests.used += 1;
            for (window, _, cost, _) in secondary {
                window.used += cost;
            }
            Verdict::Admitted
        };
        let budget = Budget { limit, used: self.requests.used, reset: seconds_up(self.requests.until_ms) };
        (budget, verdict)
    }
}

/// What was used since the window opened.
#[derive(Clone, Debug, Default)]
struct Window {
    used: u32,
    until_ms: i64,
}

impl Window {
    fn open(&mut self, unix_ms: i64, span_ms: i64) {
        if self.until_ms <= unix_ms {
            *self = Self { used: 0, until_ms: unix_ms.saturating_add(span_ms) };
        }
    }
}

const fn seconds_up(ms: i64) -> i64 {
    ms.div_euclid(1000) + (ms.rem_euclid(1000) != 0) as i64
}
