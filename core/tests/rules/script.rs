//! An elector with scripted replies. Milliseconds everywhere.

use std::sync::Arc;
use std::time::Duration;

use leader_elector_core::elector::{Elector, Input, Output, Request, Ticket};
use leader_elector_core::lock::{Intent, Op, Reply, Standing, Term, Version, Written};
use leader_elector_core::record::{Mark, Record};
use leader_elector_core::{Identity, Instant, Next, Timing, Token, timing};

/// The elector of `napoleon`, instance `i-1`, with the default timings.
pub(crate) struct Script {
    elector: Elector,
    ms: u64,
    ticket: Option<Ticket>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::with(timing::Settings::default())
    }

    pub(crate) fn with(settings: timing::Settings) -> Self {
        Self::of(settings, 7)
    }

    /// Whose wakes are spread by `seed`.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self::of(timing::Settings::default(), seed)
    }

    fn of(settings: timing::Settings, seed: u64) -> Self {
        let timing = Timing::new(settings, Duration::ZERO).unwrap();
        let me = Identity::new("napoleon", "i-1").unwrap();
        Self { elector: Elector::new(me, timing, seed, Instant::ZERO), ms: 0, ticket: None }
    }

    pub(crate) fn at(&mut self, ms: u64, input: Input) -> Output {
        self.ms = ms;
        let output = self.elector.handle(Instant::from_millis(ms), input);
        if let Some(request) = &output.request {
            self.ticket = Some(request.ticket);
        }
        output
    }

    /// The ticket of the last request.
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket.unwrap()
    }

    pub(crate) fn until(&self) -> Option<u64> {
        self.until_as_asked_at(self.ms)
    }

    /// What whoever asks at `ms` is told, if nothing woke the elector since the last step.
    pub(crate) fn until_as_asked_at(&self, ms: u64) -> Option<u64> {
        self.elector.lease(Instant::from_millis(ms)).map(|lease| lease.until.as_millis())
    }

    pub(crate) fn token(&self) -> Option<u64> {
        self.elector.token().map(Token::get)
    }

    pub(crate) fn leader(&self) -> Option<&str> {
        self.elector.leader()
    }

    pub(crate) fn stands_until(&self) -> Option<u64> {
        self.elector.stands_until().map(Instant::as_millis)
    }

    pub(crate) fn retry_now(&mut self, ms: u64) {
        self.elector.retry_now(Instant::from_millis(ms));
    }

    pub(crate) fn stale_replies(&self) -> u64 {
        self.elector.stale_replies()
    }

    /// The first read, answered at once.
    pub(crate) fn read(&mut self, ms: u64, reply: Reply) -> Output {
        self.read_due(ms, ms, reply)
    }

    /// A read that is due at `due`, sent and answered at `ms`.
    pub(crate) fn read_due(&mut self, due: u64, ms: u64, reply: Reply) -> Output {
        assert!(due == 0 || self.at(due - 1, Input::Wake).request.is_none(), "nothing before {due}");
        let request = self.at(ms, Input::Wake).request;
        assert!(is_read(request.as_ref()), "{request:?}");
        self.at(ms, Input::Reply(request.unwrap().ticket, reply))
    }

    /// The first read finds `reply`; what is claimed then.
    pub(crate) fn claim(&mut self, ms: u64, reply: Reply) -> Term {
        term(self.read(ms, reply).request.as_ref())
    }

    /// Leads from 0 on, until 20 s.
    pub(crate) fn lead(&mut self) {
        self.lead_with(written("v2", 0, 0), 0);
    }

    /// Leads by a claim that is acknowledged at `ms`.
    pub(crate) fn lead_with(&mut self, written: Written, ms: u64) {
        self.claim(0, free("v1", 0));
        self.at(ms, Input::Reply(self.ticket(), Reply::Written(written)));
    }

    /// The write that is due at `ms`.
    pub(crate) fn request_due(&mut self, ms: u64, intent: Intent) -> (Ticket, Term) {
        assert!(self.at(ms - 1, Input::Wake).request.is_none(), "nothing before {ms}");
        let request = self.at(ms, Input::Wake).request;
        let term = term(request.as_ref());
        assert_eq!(term.intent, intent);
        (request.unwrap().ticket, term)
    }

    /// Answers every read with `Unchanged` up to `ms`; none of them may lead to a claim.
    pub(crate) fn nothing_claimed_before(&mut self, ms: u64) {
        while self.ms < ms - 1 {
            let at = (self.ms + 50).min(ms - 1);
            if let Some(request) = self.at(at, Input::Wake).request {
                let output = self.at(at, Input::Reply(request.ticket, Reply::Unchanged));
                assert!(output.request.is_none(), "claimed at {at}: {output:?}");
            }
        }
    }

    /// Answers every read with `reply` from `ms` on; when the claim comes.
    pub(crate) fn claims_from(&mut self, ms: u64, reply: &Reply) -> u64 {
        for at in (ms..ms + 10_000).step_by(10) {
            if let Some(request) = self.at(at, Input::Wake).request
                && let Some(Request { op: Op::Write { term, .. }, .. }) =
                    self.at(at, Input::Reply(request.ticket, reply.clone())).request
            {
                assert_eq!(term.intent, Intent::Claim);
                return at;
            }
        }
        panic!("nothing was claimed")
    }
}

pub(crate) fn is_read(request: Option<&Request>) -> bool {
    matches!(request, Some(Request { op: Op::Read, .. }))
}

/// The revision that a request writes on.
pub(crate) fn replaces(request: Option<&Request>) -> Version {
    match request {
        Some(Request { op: Op::Write { replaces, .. }, .. }) => replaces.clone(),
        other => panic!("no write: {other:?}"),
    }
}

/// `reply` says also that `written` was acknowledged.
pub(crate) fn acknowledging(reply: Reply, written: Written) -> Reply {
    match reply {
        Reply::Standing(standing) => Reply::Standing(Standing { acknowledges: Some(written), ..standing }),
        other => panic!("no standing: {other:?}"),
    }
}

/// What a request writes.
pub(crate) fn term(request: Option<&Request>) -> Term {
    match request {
        Some(Request { op: Op::Write { term, .. }, .. }) => *term,
        other => panic!("no write: {other:?}"),
    }
}

pub(crate) fn wake_at(output: &Output) -> u64 {
    match output.next {
        Next::WakeAt(at, _) => at.as_nanos().div_ceil(1_000_000),
        ref other => panic!("{other:?}"),
    }
}

pub(crate) fn written(head: &str, sent: u64, solid: u64) -> Written {
    Written {
        head: Version::from(head),
        sent: Instant::from_millis(sent),
        solid: Instant::from_millis(solid),
        overlaid: false,
    }
}

/// Nobody holds it; the newest token seen is `token`.
pub(crate) fn free(version: &str, token: u64) -> Reply {
    standing(version, None, 0, token)
}

/// Text that is no record.
pub(crate) fn unclear(version: &str) -> Reply {
    standing(version, None, 30, 0)
}

/// Held by another instance, with a lease of 30 s.
pub(crate) fn held(version: &str, holder: &str, token: u64) -> Reply {
    standing(version, Some(record(holder, "other", token)), 30, token)
}

/// Held by this very instance.
pub(crate) fn ours(version: &str, token: u64) -> Reply {
    standing(version, Some(record("napoleon", "i-1", token)), 30, token)
}

/// Released by this very instance.
pub(crate) fn ours_released(version: &str, token: u64) -> Reply {
    released_by(version, "i-1", token)
}

/// Released by `instance`.
pub(crate) fn released_by(version: &str, instance: &str, token: u64) -> Reply {
    standing(version, Some(record("", instance, token)), 0, token)
}

fn record(holder: &str, instance: &str, token: u64) -> Record {
    Record {
        holder: holder.to_owned(),
        lease: Duration::from_secs(30),
        acquired: None,
        renewed: None,
        token: Token::new(token).unwrap(),
        strategy: String::new(),
        preferred_holder: String::new(),
        mark: Some(Mark { instance: instance.to_owned(), base: None, nonce: None, write: None, released_by: None }),
        unknown: Vec::new(),
    }
}

fn standing(version: &str, record: Option<Record>, stands_for: u64, token: u64) -> Reply {
    Reply::Standing(Standing {
        head: Version::from(version),
        state: Version::from(version),
        record: record.map(Arc::new),
        stands_for: Duration::from_secs(stands_for),
        newest_token: Token::new(token).unwrap(),
        acknowledges: None,
        bar: None,
    })
}
