//! A run in words: what a candidate is doing and what it waits for, and what each event was.

use leader_elector_core::event::{Event, StopReason};
use leader_elector_core::sim::{Happening, Kind, Moment, Status};
use leader_elector_core::{Phase, Why};

use super::engine::Engine;
use super::picture::Ink;
use super::trace::{Entry, Trace};

/// What a candidate is seen to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No process runs.
    Dead,
    /// It stands still.
    Paused,
    /// It follows.
    Following,
    /// It claims.
    Claiming,
    /// It waits until what it wrote is settled.
    Settling,
    /// It leads.
    Leading,
    /// It stops its work.
    Stopping,
    /// It gives the lock back.
    Releasing,
}

impl State {
    /// The state of a candidate.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        match status.phase {
            None | Some(Phase::Done) => Self::Dead,
            Some(_) if status.is_paused => Self::Paused,
            Some(Phase::Following) => Self::Following,
            Some(Phase::Claiming) if status.why == Some(Why::Lock) => Self::Settling,
            Some(Phase::Claiming) => Self::Claiming,
            Some(Phase::Leading) => Self::Leading,
            Some(Phase::Stopping) => Self::Stopping,
            Some(Phase::Releasing) => Self::Releasing,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Paused => "paused",
            Self::Following => "following",
            Self::Claiming => "claiming",
            Self::Settling => "settling",
            Self::Leading => "leading",
            Self::Stopping => "stopping",
            Self::Releasing => "releasing",
        }
    }

    /// How it is drawn; the dead are not.
    #[must_use]
    pub const fn ink(self) -> Option<Ink> {
        Some(match self {
            Self::Dead => return None,
            Self::Paused => Ink::Paused,
            Self::Following => Ink::Following,
            Self::Claiming => Ink::Claiming,
            Self::Settling => Ink::Settling,
            Self::Leading => Ink::Leading,
            Self::Stopping | Self::Releasing => Ink::Stopping,
        })
    }
}

/// Seconds with a tenth.
fn secs(from: Moment, to: Moment) -> String {
    let ms = to.since(from).as_millis() + 50;
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// A moment of a run: minutes and seconds.
#[must_use]
pub fn clock(seconds: u64) -> String {
    match seconds {
        0..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// The same with thousandths.
#[must_use]
pub fn moment(at: Moment) -> String {
    let span = at.since(Moment::ZERO);
    format!("{}.{:03}", clock(span.as_secs()), span.subsec_millis())
}

/// The rule that a candidate follows now, and for how much longer.
#[must_use]
pub fn rule(now: Moment, status: &Status) -> String {
    let left = |at: Option<Moment>| at.map_or_else(|| "…".to_owned(), |at| secs(now, at));
    let wakes = left(status.wakes);
    match (State::of(status), status.why) {
        (State::Dead, _) => {
            "No process runs. A lease that it held and did not give back stands until it has run out.".to_owned()
        }
        (State::Paused, _) => match status.until.filter(|_| status.token.is_some()) {
            Some(until) if until <= now => {
                format!("Stands still, and cannot know that its term ended {} ago.", secs(until, now))
            }
            Some(until) => format!("Stands still. Its term ends in {} all the same.", secs(now, until)),
            None => "Stands still (SIGSTOP). Its clock goes on.".to_owned(),
        },
        (State::Leading, why) => {
            let Some(until) = status.until else {
                return "Believes that it leads, and knows no end: whatever the time, until a request comes back."
                    .to_owned();
            };
            let next = match why {
                Some(Why::Renew) => format!("Renews in {wakes}"),
                Some(Why::Retry) => format!("Tries again in {wakes}"),
                Some(Why::Throttled) => format!("Told to wait {wakes}"),
                Some(Why::Lock) => format!("Looks at what it wrote in {wakes}"),
                _ => "Awaits an answer".to_owned(),
            };
            format!("{next}. Stops by itself in {}, unless a renewal is acknowledged.", secs(now, until))
        }
        (State::Settling, _) => {
            format!("Settles {wakes} more: the store may still drop a write. Then it reads what is left.")
        }
        (State::Claiming, Some(Why::GiveUp | Why::Answer)) => {
            "Its claim is on the way. No answer is not a no: only reading will tell.".to_owned()
        }
        (State::Claiming, _) if status.until.is_none() && status.stands_until.is_none() => {
            format!("Sleeps {wakes} more, looks once, and writes without comparing.")
        }
        (State::Claiming, _) => format!("Claims; goes on in {wakes}."),
        (State::Stopping, _) => match status.until {
            Some(until) => format!("Its work has to end, and be gone in {}.", secs(now, until)),
            None => "Its work has to end before anything is given back.".to_owned(),
        },
        (State::Releasing, _) => "Gives the lock back: nobody has to wait for its lease.".to_owned(),
        (State::Following, Some(Why::Throttled)) => format!("The store said to wait: {wakes} more."),
        (State::Following, why) => {
            let stands = status.stands_until.filter(|until| *until > now);
            match (status.leader.as_deref(), stands) {
                (Some(leader), Some(until)) if !leader.is_empty() => {
                    format!("Waits {} more: {leader}'s lease as it first saw it.", secs(now, until))
                }
                (_, Some(until)) => format!("Waits {} more: unclear is held, for a lease.", secs(now, until)),
                (None, None) => "Has not read the lock yet.".to_owned(),
                (Some(_), None) if matches!(why, Some(Why::GiveUp | Why::Answer)) => {
                    "The lease has run out as it saw it. It looks once more before it claims.".to_owned()
                }
                (Some(_), None) => format!("Comes back in {wakes}."),
            }
        }
    }
}

const fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Read => "a read",
        Kind::List => "a read of the list of revisions",
        Kind::Revision => "a read of one revision",
        Kind::Refs => "a read of the refs",
        Kind::Write => "a write",
    }
}

/// Whether an entry is one of the many that only say that nothing changed.
#[must_use]
pub fn is_routine(what: &Happening) -> bool {
    match what {
        Happening::Sent { kind, .. } => *kind != Kind::Write,
        Happening::Arrived { kind, status, .. } => *kind != Kind::Write && status.is_some_and(|status| status < 400),
        Happening::Heard { status, .. } => *status < 400,
        // All others are told by an event.
        Happening::Became { status, .. } => !matches!(State::of(status), State::Claiming | State::Settling),
        _ => false,
    }
}

/// What happened, in a sentence.
#[must_use]
pub fn event(engine: &Engine, entry: &Entry) -> String {
    let name = |seat: &usize| engine.world().name(*seat);
    let at = entry.at;
    match &entry.what {
        Happening::Sent { seat, kind, arrives, .. } => {
            let way =
                arrives.map_or_else(|| "it never arrives".to_owned(), |arrives| secs(at, arrives) + " to the store");
            format!("{} sends {}: {way}", name(seat), kind_words(*kind))
        }
        Happening::Arrived { seat, kind, made, is_void, lost, status, back, .. } => {
            let what = match (made, is_void) {
                (Some(_), true) => "makes a revision on another than it names: it counts for nobody",
                (Some(_), false) => "makes a revision",
                (None, _) => "changes nothing",
            };
            let vanishes = if lost.is_some() { ", and a revision vanishes" } else { "" };
            let answer = match (status, back) {
                (Some(status), Some(_)) => format!("answered {status}"),
                (Some(status), None) => format!("answered {status}, and the answer is lost"),
                (None, _) => "no answer".to_owned(),
            };
            format!("{} of {} {what}{vanishes}; {answer}", kind_words(*kind), name(seat))
        }
        Happening::Heard { seat, status, is_late, .. } => {
            let late = if *is_late { ", which it had given up" } else { "" };
            format!("{} hears {status}{late}", name(seat))
        }
        Happening::Unanswered { seat, .. } => format!("{} learns that no answer will come", name(seat)),
        Happening::Vanished { .. } => "an acknowledged revision vanishes: the one before is the head again".to_owned(),
        Happening::Said { seat, event } => format!("{}: {}", name(seat), said(event)),
        Happening::Became { seat, status } => format!("{} is {}", name(seat), State::of(status).word()),
        Happening::Befell { seat: Some(seat), what } => format!("{} {what}", name(seat)),
        Happening::Befell { seat: None, what } => what.clone(),
        Happening::Broken(violation) => format!("a promise is broken: {}", violation.words),
    }
}

fn said(event: &Event) -> String {
    match event {
        Event::NewLeader { leader } if leader.is_empty() => "the lock is free".to_owned(),
        Event::NewLeader { leader } => format!("new leader {leader}"),
        Event::StartedLeading { token } => format!("started leading with token {token}"),
        Event::Stopping { why, .. } => match why {
            StopReason::Stop => "stops, as it was asked to",
            StopReason::Deadline => "stops: no renewal was acknowledged in time",
            StopReason::Lost => "stops: another holds the lock",
        }
        .to_owned(),
        Event::StoppedLeading => "stopped leading".to_owned(),
        Event::Released => "gave the lock back".to_owned(),
        Event::Warning(warning) => warning.to_string(),
    }
}

/// The record that belongs to an entry: what was written, or what an answer shows.
#[must_use]
pub fn record(trace: &Trace, entry: &Entry) -> Option<String> {
    let arrived = |of: &Entry| match &of.what {
        Happening::Arrived { message, made, shows, .. } => Some((*message, *made, *shows)),
        _ => None,
    };
    let written = |by| {
        trace.all().rev().find_map(|entry| match &entry.what {
            Happening::Sent { message, writes: Some(text), .. } if *message == by => Some(text.clone()),
            _ => None,
        })
    };
    let message = match &entry.what {
        Happening::Sent { message, .. } | Happening::Heard { message, .. } | Happening::Unanswered { message, .. } => {
            if let Some(text) = written(*message) {
                return Some(text);
            }
            *message
        }
        Happening::Arrived { message, .. } => *message,
        _ => return None,
    };
    let answer = trace.all().rev().filter_map(arrived).find(|(of, ..)| *of == message)?;
    if answer.1.is_some() {
        return written(message);
    }
    let shown = answer.2?;
    let maker = trace.all().rev().filter_map(arrived).find(|(_, made, _)| *made == Some(shown))?;
    written(maker.0)
}

/// A record with a line a field. Its text is JSON without spaces, in which `,"` begins a field and nothing else.
#[must_use]
pub fn lines(record: &str) -> String {
    record.replace(",\"", ",\n \"")
}
