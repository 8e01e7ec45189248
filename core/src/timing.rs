//! The timings of an election and the inequalities that make them safe.

use std::time::Duration;

use thiserror::Error;

/// The longest lease that a record may carry (`gist-lock`: no record outside 1..3600 s).
const LONGEST_LEASE: Duration = Duration::from_hours(1);
/// Below this a renew deadline leaves no margin for clock rates and scheduling.
const LEAST_MARGIN: Duration = Duration::from_millis(500);
/// A follower that polls faster only spends the budget of the store.
const LEAST_POLL: Duration = Duration::from_millis(100);
/// A request that may take longer than this is better given up and looked at again.
const LONGEST_DEFAULT_REQUEST: Duration = Duration::from_secs(5);
/// The pause before the first repetition of a failed renewal.
pub(crate) const FIRST_RETRY: Duration = Duration::from_secs(1);

/// What a user chooses; [`Timing::new`] is the only way from here to a running election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// For how long others must respect a lease after its last renewal. Whole seconds, 1 s to 1 h.
    pub lease: Duration,
    /// How long after the sending of its last acknowledged write a leader stops leading.
    pub renew_deadline: Duration,
    /// The time between two renewals.
    pub renew_interval: Duration,
    /// The time between two reads of a follower.
    pub poll: Duration,
    /// How long the store may take to drop one of two concurrent writes that it acknowledged; 0 where it never does.
    pub settle: Duration,
    /// The time that the guarded work needs to end.
    pub stop_grace: Duration,
    /// The bound on one HTTP request; `None`: the lesser of 5 s and a third of the renew deadline.
    pub request_timeout: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            renew_deadline: Duration::from_secs(20),
            renew_interval: Duration::from_secs(10),
            poll: Duration::from_secs(2),
            settle: Duration::from_secs(1),
            stop_grace: Duration::ZERO,
            request_timeout: None,
        }
    }
}

/// Timings that satisfy every inequality of this module. All fields are as in [`Settings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    lease: Duration,
    renew_deadline: Duration,
    renew_interval: Duration,
    poll: Duration,
    settle: Duration,
    stop_grace: Duration,
    request_timeout: Duration,
}

impl Timing {
    /// Checks `settings` against a store that wants at least `write_interval` between two writes.
    ///
    /// # Errors
    /// Every inequality that does not hold, in the order of [`TimingError`]; never an empty list.
    pub fn new(settings: Settings, write_interval: Duration) -> Result<Self, Vec<TimingError>> {
        use TimingError as E;
        let Settings { lease, renew_deadline, renew_interval, poll, settle, stop_grace, request_timeout } = settings;
        let third = renew_deadline / 3;
        let whole_millis = Duration::from_millis(u64::try_from(third.as_millis()).unwrap_or(u64::MAX));
        let timeout = request_timeout.unwrap_or_else(|| whole_millis.min(LONGEST_DEFAULT_REQUEST));
        let margin = LEAST_MARGIN.max(lease / 50);
        let usable = usable(lease);
        let mut wrong = Vec::new();
        let mut require = |holds: bool, error: E| {
            if !holds {
                wrong.push(error);
            }
        };
        require(lease.subsec_nanos() == 0, E::LeaseNotWhole { lease });
        require((Duration::from_secs(1)..=LONGEST_LEASE).contains(&lease), E::LeaseOutOfRange { lease });
        require(
            renew_deadline.saturating_add(margin) <= lease,
            E::DeadlineBeyondLease { renew_deadline, lease, most: lease.saturating_sub(margin) },
        );
        require(!timeout.is_zero() && timeout <= third, E::RequestTimeout { request_timeout: timeout, most: third });
        require(
            renew_interval.saturating_add(timeout) < renew_deadline,
            E::RenewBeyondDeadline { renew_interval, request_timeout: timeout, renew_deadline },
        );
        require(
            renew_interval.saturating_mul(6) < renew_deadline.saturating_mul(5),
            E::RenewTooRare { renew_interval, renew_deadline },
        );
        if !settle.is_zero() {
            let proven = renew_interval
                .saturating_add(renew_interval.max(settle.saturating_add(timeout)))
                .saturating_add(timeout);
            require(
                proven < usable,
                E::SettleTooLong { settle, renew_interval, request_timeout: timeout, needs: proven, usable },
            );
        }
        require(
            !renew_interval.is_zero() && renew_interval >= write_interval,
            E::RenewTooOften { renew_interval, least: write_interval },
        );
        require((LEAST_POLL..=lease / 2).contains(&poll), E::Poll { poll, least: LEAST_POLL, most: lease / 2 });
        require(settle <= lease / 4, E::Settle { settle, most: lease / 4 });
        require(
            stop_grace.is_zero() || renew_interval.saturating_add(timeout).saturating_add(stop_grace) < renew_deadline,
            E::StopGrace {
                stop_grace,
                most: renew_deadline.saturating_sub(renew_interval).saturating_sub(timeout),
                renew_deadline,
            },
        );
        if wrong.is_empty() {
            Ok(Self { lease, renew_deadline, renew_interval, poll, settle, stop_grace, request_timeout: timeout })
        } else {
            Err(wrong)
        }
    }

    /// For how long others respect a lease.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// The lease as the record carries it: whole seconds, at least 1 (R11).
    #[must_use]
    pub const fn lease_seconds(&self) -> u64 {
        self.lease.as_secs()
    }

    /// The part of the lease that may be used: 98 %, the rest covers the rates of two clocks.
    #[must_use]
    pub fn usable_lease(&self) -> Duration {
        usable(self.lease)
    }

    /// How long after the sending of a write its leader stops by itself.
    #[must_use]
    pub const fn renew_deadline(&self) -> Duration {
        self.renew_deadline
    }

    /// The time between two renewals.
    #[must_use]
    pub const fn renew_interval(&self) -> Duration {
        self.renew_interval
    }

    /// The time between two reads of a follower.
    #[must_use]
    pub const fn poll(&self) -> Duration {
        self.poll
    }

    /// The time within which the store may still drop an acknowledged write.
    #[must_use]
    pub const fn settle(&self) -> Duration {
        self.settle
    }

    /// The time that the guarded work needs to end.
    #[must_use]
    pub const fn stop_grace(&self) -> Duration {
        self.stop_grace
    }

    /// The bound on one HTTP request.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// What is allowed but worth knowing before it hurts.
    #[must_use]
    pub fn warnings(&self) -> Vec<TimingWarning> {
        let mut warnings = Vec::new();
        let first_attempt = self.renew_interval + self.request_timeout;
        if first_attempt + FIRST_RETRY >= self.renew_deadline {
            warnings.push(TimingWarning::NoRepetition {
                needs: first_attempt + FIRST_RETRY,
                renew_deadline: self.renew_deadline,
            });
        }
        let slow_start =
            self.request_timeout * 3 + self.settle + self.renew_interval.max(self.settle + self.request_timeout);
        if slow_start >= self.usable_lease() {
            warnings.push(TimingWarning::SlowFirstTerm { needs: slow_start, usable: self.usable_lease() });
        }
        warnings
    }
}

/// 98 % of a lease.
fn usable(lease: Duration) -> Duration {
    lease.saturating_mul(98) / 100
}

/// A duration as somebody would type it.
fn given(span: &Duration) -> String {
    if span.is_zero() { "0s".to_owned() } else { format!("{span:?}") }
}

/// The same for an upper bound: rounded down, so that who types it back is within it.
fn at_most(span: &Duration) -> String {
    given(&span.saturating_sub(rest(*span)))
}

/// The same for a lower bound: rounded up.
fn at_least(span: &Duration) -> String {
    let rest = rest(*span);
    if rest.is_zero() { given(span) } else { given(&span.saturating_sub(rest).saturating_add(step(*span))) }
}

/// What a bound is rounded by: a person reads hundredths of a second, or milliseconds below one.
const fn step(span: Duration) -> Duration {
    Duration::from_millis(if span.as_secs() == 0 { 1 } else { 10 })
}

fn rest(span: Duration) -> Duration {
    let step = step(span).subsec_nanos();
    Duration::from_nanos(u64::from(span.subsec_nanos() % step))
}

/// One inequality that does not hold, with the values that break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(
    missing_docs,
    reason = "the fields are the settings of the same names, and each message says what they must satisfy"
)]
pub enum TimingError {
    /// R11: the record carries whole seconds; anything finer would be rounded, in the worst case to nothing.
    #[error("lease is {}: allowed are whole seconds", given(lease))]
    LeaseNotWhole { lease: Duration },
    /// R11: from one second to one hour.
    #[error("lease is {}: allowed is 1s to 1h", given(lease))]
    LeaseOutOfRange { lease: Duration },
    /// `renew_deadline + max(500 ms, lease/50) <= lease`.
    #[error(
        "renew deadline is {}: allowed is at most {} with a lease of {} (a margin of 500ms or 2 % of the lease must remain)",
        given(renew_deadline),
        at_most(most),
        given(lease)
    )]
    DeadlineBeyondLease { renew_deadline: Duration, lease: Duration, most: Duration },
    /// `0 < request_timeout <= renew_deadline/3`.
    #[error(
        "request timeout is {}: allowed is more than 0s and at most {}, a third of the renew deadline",
        given(request_timeout),
        at_most(most)
    )]
    RequestTimeout { request_timeout: Duration, most: Duration },
    /// `renew_interval + request_timeout < renew_deadline`.
    #[error(
        "renew interval is {}: with the request timeout of {} it must stay under the renew deadline of {}",
        given(renew_interval),
        given(request_timeout),
        given(renew_deadline)
    )]
    RenewBeyondDeadline { renew_interval: Duration, request_timeout: Duration, renew_deadline: Duration },
    /// `1.2 x renew_interval < renew_deadline`, as client-go.
    #[error(
        "renew interval is {}: 1.2 times of it must stay under the renew deadline of {}",
        given(renew_interval),
        given(renew_deadline)
    )]
    RenewTooRare { renew_interval: Duration, renew_deadline: Duration },
    /// `renew_interval + max(renew_interval, settle + request_timeout) + request_timeout < 0.98 x lease`.
    #[error(
        "settle is {}: with a renew interval of {} and a request timeout of {} a lease is proven only after {}, which must stay under {} (98 % of the lease)",
        given(settle),
        given(renew_interval),
        given(request_timeout),
        at_least(needs),
        at_most(usable)
    )]
    SettleTooLong {
        settle: Duration,
        renew_interval: Duration,
        request_timeout: Duration,
        needs: Duration,
        usable: Duration,
    },
    /// `renew_interval >=` the lock's least time between two writes, and more than nothing.
    #[error(
        "renew interval is {}: allowed is more than 0s and at least {}, the lock's least time between two writes",
        given(renew_interval),
        at_least(least)
    )]
    RenewTooOften { renew_interval: Duration, least: Duration },
    /// `100 ms <= poll <= lease/2`.
    #[error("poll is {}: allowed is {} to {} (half of the lease)", given(poll), at_least(least), at_most(most))]
    Poll { poll: Duration, least: Duration, most: Duration },
    /// `settle <= lease/4`.
    #[error("settle is {}: allowed is 0s to {} (a quarter of the lease)", given(settle), at_most(most))]
    Settle { settle: Duration, most: Duration },
    /// `renew_interval + request_timeout + stop_grace < renew_deadline`.
    #[error(
        "stop grace is {}: allowed is less than {} (what the renew deadline of {} leaves after one renewal and its request timeout)",
        given(stop_grace),
        at_most(most),
        given(renew_deadline)
    )]
    StopGrace { stop_grace: Duration, most: Duration, renew_deadline: Duration },
}

impl TimingError {
    /// The setting that the error is about, as it is named in [`Settings`].
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::LeaseNotWhole { .. } | Self::LeaseOutOfRange { .. } => "lease",
            Self::DeadlineBeyondLease { .. } => "renew_deadline",
            Self::RequestTimeout { .. } => "request_timeout",
            Self::RenewBeyondDeadline { .. } | Self::RenewTooRare { .. } | Self::RenewTooOften { .. } => {
                "renew_interval"
            }
            Self::SettleTooLong { .. } | Self::Settle { .. } => "settle",
            Self::Poll { .. } => "poll",
            Self::StopGrace { .. } => "stop_grace",
        }
    }
}

/// Timings that are accepted although they leave little room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages name what the fields hold")]
pub enum TimingWarning {
    /// A single failed renewal ends the term.
    #[error(
        "no room to repeat a failed renewal: that takes {}, the renew deadline is {}; one lost request ends the term",
        at_least(needs),
        given(renew_deadline)
    )]
    NoRepetition { needs: Duration, renew_deadline: Duration },
    /// A term whose first requests are slow ends before its first renewal can prove it.
    #[error(
        "no room for a slow first term: that takes {}, usable are {} of the lease; a slow store ends new terms early",
        at_least(needs),
        at_most(usable)
    )]
    SlowFirstTerm { needs: Duration, usable: Duration },
}
