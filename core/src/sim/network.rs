//! What becomes of a request on its way: how long it takes, what is lost, who says no.

use std::time::Duration;

use http::{Response, StatusCode};

use super::coverage::Coverage;
use super::dice::Dice;
use super::faults::{Fault, Weather};
use super::store::Lost;
use crate::emulator::{CANNOT_BE_UPDATED, error_response, secondary_limit_response};
use crate::lock::Sent;

/// How a machine is connected, as a scenario wants it; random faults come on top.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    /// Nothing passes, in either direction.
    pub(super) is_cut: bool,
    /// Requests pass, answers do not.
    pub(super) loses_answers: bool,
    /// Added before a read takes effect.
    pub(super) holds_reads: Duration,
    /// Added before a write takes effect.
    pub(super) holds_writes: Duration,
    /// Added to every answer.
    pub(super) holds_answers: Duration,
    /// Reads show what stood so long ago.
    pub(super) lags: Duration,
    /// Reads that are refused with 403, in ten thousandths.
    pub(super) refuses_reads: u32,
    /// Everything is answered so.
    pub(super) answers_only: Option<StatusCode>,
    /// Everything is answered 429, with so many seconds to wait.
    pub(super) told_to_wait: Option<i64>,
}

/// The kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `GET /gists/:id`.
    Read,
    /// `GET /gists/:id/commits`.
    List,
    /// `GET /gists/:id/:sha`.
    Revision,
    /// `GET …/info/refs`.
    Refs,
    /// `PATCH /gists/:id`, or a push.
    Write,
}

impl Kind {
    pub(super) fn of(request: &http::Request<Vec<u8>>) -> Self {
        let path = request.uri().path();
        match *request.method() {
            http::Method::GET if path.ends_with("/info/refs") => Self::Refs,
            http::Method::GET if path.ends_with("/commits") => Self::List,
            http::Method::GET if path.matches('/').count() > 2 => Self::Revision,
            http::Method::GET => Self::Read,
            _ => Self::Write,
        }
    }
}

/// What is going to happen to one request.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    /// The way there; `None`: it never arrives.
    pub(super) up: Option<Duration>,
    pub(super) effect: Effect,
    /// The way back; `None`: there is no answer.
    pub(super) down: Option<Duration>,
    /// The answer comes once more, so much later.
    pub(super) twice: Option<Duration>,
    /// What the host hears in place of an answer, and after how long.
    pub(super) failure: Option<(Duration, Sent)>,
    /// The request arrives once more, so much later, and nobody gets that answer.
    pub(super) repeated: Option<Duration>,
}

/// What the store does with a request.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) is_carried_out: bool,
    pub(super) says_instead: Option<No>,
    pub(super) stale_by: Option<Duration>,
    pub(super) lost: Option<Lost>,
    pub(super) hides_history: bool,
    /// Half of the answer's body is missing, and nothing says so.
    pub(super) is_cut_short: bool,
}

/// An answer in place of the store's own.
#[derive(Clone, Copy, Debug)]
pub(super) enum No {
    Status(StatusCode),
    Wait { status: StatusCode, retry_after: Option<i64> },
}

impl No {
    pub(super) fn response(self, unix_ms: i64) -> Response<Vec<u8>> {
        match self {
            Self::Status(StatusCode::CONFLICT) => error_response(unix_ms, StatusCode::CONFLICT, CANNOT_BE_UPDATED),
            Self::Status(StatusCode::NOT_FOUND) => error_response(unix_ms, StatusCode::NOT_FOUND, "Not Found"),
            // Not in the words of each: a table of them all is a kilobyte of a page.
            Self::Status(status) => error_response(unix_ms, status, "Server Error"),
            Self::Wait { status, retry_after } => secondary_limit_response(unix_ms, status, retry_after),
        }
    }
}

/// Draws fates.
pub(super) struct Network<'a> {
    pub(super) dice: &'a mut Dice,
    pub(super) weather: &'a Weather,
    pub(super) coverage: &'a mut Coverage,
    pub(super) link: Link,
    /// One way, at least and at most.
    pub(super) latency: (Duration, Duration),
    /// How late late writes land at most.
    pub(super) latest: Duration,
}

impl Network<'_> {
    pub(super) fn fate(&mut self, kind: Kind) -> Fate {
        let hold = if kind == Kind::Write { self.link.holds_writes } else { self.link.holds_reads };
        let mut fate = Fate {
            up: Some(self.way() + hold),
            effect: self.effect(kind),
            down: Some(self.way() + self.link.holds_answers),
            twice: None,
            failure: None,
            repeated: None,
        };
        if self.happens(Fault::AnswerTwice) {
            fate.twice = Some(self.dice.between(Duration::ZERO, self.latest));
        }
        if kind == Kind::Write && self.happens(Fault::WriteRepeated) {
            fate.repeated = Some(self.dice.between(Duration::ZERO, self.latest));
        }
        if self.happens(Fault::AnswerLate) {
            fate.down = Some(self.dice.between(Duration::from_millis(200), self.latest));
        }
        if kind == Kind::Write && self.happens(Fault::EffectLate) {
            fate.up = Some(self.dice.between(Duration::from_millis(500), self.latest));
        }
        if self.happens(Fault::AnswerLost) || self.link.loses_answers {
            fate.down = None;
        }
        if self.happens(Fault::ConnectionBroken) {
            fate.down = None;
            fate.failure = Some((self.way(), Sent::Unknown));
        }
        if self.happens(Fault::RequestUnsent) {
            fate.up = None;
            fate.failure = Some((self.way(), Sent::No));
        } else if self.happens(Fault::RequestLost) || self.link.is_cut {
            fate.up = None;
        }
        fate
    }

    fn effect(&mut self, kind: Kind) -> Effect {
        let mut effect = Effect {
            is_carried_out: true,
            says_instead: None,
            stale_by: None,
            lost: None,
            hides_history: false,
            is_cut_short: false,
        };
        effect.hides_history = self.happens(Fault::HistoryNull);
        if kind == Kind::Write {
            effect.lost = self.lost();
        } else if self.happens(Fault::StaleRead) {
            // What hides a write that was just lost is a state of a moment ago.
            let most = if self.dice.below(2) == 0 { self.latest } else { Duration::from_millis(1500) };
            effect.stale_by = Some(self.dice.between(Duration::from_millis(1), most));
        } else if !self.link.lags.is_zero() {
            effect.stale_by = Some(self.link.lags);
        }
        effect.is_cut_short = self.happens(Fault::AnswerCut);
        if kind == Kind::Revision && self.happens(Fault::RevisionMissing) {
            effect.says_instead = Some(No::Status(StatusCode::NOT_FOUND));
        }
        if kind != Kind::Write && self.dice.happens(self.link.refuses_reads) {
            effect.says_instead = Some(No::Wait { status: StatusCode::FORBIDDEN, retry_after: Some(1) });
        }
        let servers = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
        let server_error = No::Status(self.dice.pick(&servers).unwrap_or_default());
        let throttles = [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
        let status = self.dice.pick(&throttles).unwrap_or_default();
        let seconds = self.dice.pick(&[0, 1, 2, 5, 13, 40, 70]);
        let refusals = [
            (Fault::Conflict, No::Status(StatusCode::CONFLICT), false),
            (Fault::ConflictApplied, No::Status(StatusCode::CONFLICT), true),
            (Fault::ServerError, server_error, false),
            (Fault::ServerErrorApplied, server_error, true),
            (Fault::Throttled, No::Wait { status, retry_after: seconds }, false),
            (Fault::ThrottledUntold, No::Wait { status, retry_after: None }, false),
        ];
        for (fault, no, is_applied) in refusals {
            let is_for_writes = matches!(fault, Fault::Conflict | Fault::ConflictApplied | Fault::ServerErrorApplied);
            if (kind == Kind::Write || !is_for_writes) && self.happens(fault) {
                effect.says_instead = Some(no);
                effect.is_carried_out = is_applied;
                break;
            }
        }
        let only = self.link.answers_only.map(No::Status);
        let told = self
            .link
            .told_to_wait
            .map(|seconds| No::Wait { status: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(seconds) });
        if let Some(no) = only.or(told) {
            effect.says_instead = Some(no);
            effect.is_carried_out = false;
        }
        effect
    }

    fn lost(&mut self) -> Option<Lost> {
        // Counted when it happens: it takes two writes.
        self.dice.happens(self.weather.rate(Fault::LostUpdate)).then(|| match self.dice.below(3) {
            0 => Lost::First,
            1 => Lost::Second,
            _ => Lost::SecondAfter(self.dice.between(Duration::from_millis(1), Duration::from_secs(1))),
        })
    }

    fn way(&mut self) -> Duration {
        self.dice.between(self.latency.0, self.latency.1)
    }

    fn happens(&mut self, fault: Fault) -> bool {
        let happens = self.dice.happens(self.weather.rate(fault));
        if happens {
            self.coverage.fault(fault);
        }
        happens
    }
}
