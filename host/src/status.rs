//! `leader-elector status`: who leads, as far as it can be known from outside.

use std::time::Duration;

use leader_elector_core::gist::Settings;
use leader_elector_core::watch::{self, Watch};
use leader_elector_core::{Now, Record, WallClock, WriteMode};
use serde::Serialize;

use crate::args::{OutputFormat, StatusArgs};
use crate::end::{self, Failure};
use crate::observe::Observer;
use crate::say::{complain, print, printable};
use crate::world::World;

/// Nobody leads.
const NOT_LED: u8 = 1;
/// As often as a candidate with the usual timings.
const POLL: Duration = Duration::from_secs(2);
/// Where the store leaves less than a request every two seconds.
const SLOW_POLL: Duration = Duration::from_mins(1);
/// For how long an answer says something of a lock that anybody may take.
const FRESH: Duration = Duration::from_secs(10);

/// What is known, and how surely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Held, and by the record's own clock the lease has not run out: an estimate.
    Held,
    /// The holder was seen to write.
    Led,
    /// Held by a lease that has run out, by the record's own clock: an estimate.
    Expired,
    /// The lease has passed here without a renewal.
    Abandoned,
    /// Nobody holds it.
    Free,
    /// The text is no record.
    Unclear,
    /// What was read last is too old to say anything.
    Unknown,
}

impl State {
    fn of(watch: &Watch, now: Now) -> Self {
        match watch.state(now, FRESH) {
            watch::State::Held => match watch.record().and_then(end_by_its_clock) {
                Some(until) if leader_elector_core::record::timestamp(now.wall).is_some_and(|now| until <= now) => {
                    Self::Expired
                }
                _ => Self::Held,
            },
            watch::State::Led => Self::Led,
            watch::State::Free | watch::State::Released => Self::Free,
            watch::State::Expired => Self::Abandoned,
            watch::State::Unclear => Self::Unclear,
            watch::State::Unread | watch::State::Stale | watch::State::Unreachable => Self::Unknown,
        }
    }

    /// Whether watching on would make it surer.
    const fn is_estimate(self) -> bool {
        matches!(self, Self::Held | Self::Expired)
    }

    const fn exit_code(self) -> u8 {
        match self {
            Self::Held | Self::Led => 0,
            Self::Expired | Self::Abandoned | Self::Free => NOT_LED,
            Self::Unclear | Self::Unknown => end::REFUSED,
        }
    }
}

/// The answer, as JSON shows it.
#[derive(Debug, Serialize)]
struct Status {
    state: State,
    /// Whether it was watched long enough to be sure.
    observed: bool,
    leader: Option<String>,
    token: Option<u64>,
    since: Option<String>,
    renewed: Option<String>,
    /// At most: by this machine's clock where `state` is `led`, else an estimate by the record's own clock.
    until_at_most: Option<String>,
    lease_seconds: Option<u64>,
    write: Option<String>,
    revisions: Option<usize>,
    /// Older revisions may exist.
    more_revisions: bool,
    /// Content writes of all candidates that the revisions tell, and in how many seconds before now; none where pushes
    /// replace them.
    writes_seen: Option<usize>,
    writes_seen_seconds: Option<u64>,
    /// What GitHub allows.
    writes_an_hour: Option<u32>,
    /// Requests that the store leaves this hour, to all who share the token's user; without a token, the address.
    requests_left: Option<u64>,
    requests_an_hour: Option<u64>,
}

/// Prints who leads.
///
/// # Errors
/// The lock cannot be read; [`Failure::Code`] where nobody leads. Watching ends when nobody reads it any more.
pub async fn run<W: World>(args: &StatusArgs, settings: Settings, world: W) -> Result<(), Failure> {
    let mut look = Look { observer: Observer::new(settings, world)?, watch: Watch::default() };
    look.read().await?;
    while args.observe && look.state().is_estimate() {
        look.observer.pause(POLL).await;
        look.read().await?;
    }
    look.show(args)?;
    if !args.watch {
        return match look.state().exit_code() {
            0 => Ok(()),
            code => Err(Failure::Code(code)),
        };
    }
    loop {
        let before = (look.state(), look.watch.version().cloned());
        look.observer.pause(look.poll()).await;
        if let Err(Failure::Refused(why)) = look.read().await {
            look.watch.failed(true);
            complain(why);
        }
        if (look.state(), look.watch.version().cloned()) != before {
            look.show(args)?;
        }
    }
}

/// The lock, as it is looked at again and again.
struct Look<W> {
    observer: Observer<W>,
    watch: Watch,
}

impl<W: World> Look<W> {
    async fn read(&mut self) -> Result<(), Failure> {
        let sent = self.observer.world().now();
        let standing = self.observer.read().await?;
        let now = self.observer.world().now();
        match standing {
            Some(standing) => _ = self.watch.saw(sent, now, standing),
            None => self.watch.unchanged(sent, now),
        }
        Ok(())
    }

    fn state(&self) -> State {
        State::of(&self.watch, self.observer.world().now())
    }

    /// Without a token GitHub allows 60 requests an hour.
    fn poll(&self) -> Duration {
        let polls_an_hour = 3600 / POLL.as_secs();
        if self.observer.budget().is_some_and(|budget| budget.limit < polls_an_hour) { SLOW_POLL } else { POLL }
    }

    fn show(&self, args: &StatusArgs) -> Result<(), Failure> {
        let status = self.status();
        print(&match (args.output, args.watch) {
            (OutputFormat::Json, true) => serde_json::to_string(&status).map_err(anyhow::Error::from)?,
            (OutputFormat::Json, false) => serde_json::to_string_pretty(&status).map_err(anyhow::Error::from)?,
            (OutputFormat::Text, true) => status.text() + "\n",
            (OutputFormat::Text, false) => status.text(),
        })
    }

    fn status(&self) -> Status {
        let now = self.observer.world().now();
        let state = State::of(&self.watch, now);
        let observed = matches!(state, State::Led | State::Abandoned);
        let stands = self.watch.record();
        let record = stands.filter(|record| record.is_held());
        let text = |time: leader_elector_core::record::Timestamp| leader_elector_core::record::rfc3339(&time);
        let seen_until = || {
            let left = u64::try_from(self.watch.left(now)?.1.as_millis()).ok()?;
            leader_elector_core::record::timestamp(WallClock(now.wall.0.saturating_add_unsigned(left)))
        };
        let until = if state == State::Led { seen_until() } else { record.and_then(end_by_its_clock) };
        let (revisions, complete) = self.observer.revisions().map_or((None, true), |(n, complete)| (Some(n), complete));
        let budget = self.observer.budget();
        let write = stands.and_then(Record::write_mode);
        let writes = self.observer.writes().filter(|_| write != Some(WriteMode::Push));
        Status {
            state,
            observed,
            leader: record.map(|record| record.holder.clone()),
            token: stands.map(|record| record.token.get()),
            since: record.and_then(|record| record.acquired).map(text),
            renewed: record.and_then(|record| record.renewed).map(text),
            until_at_most: until.map(text),
            lease_seconds: record.map(|record| record.lease.as_secs()),
            write: write.map(|mode| mode.to_string()),
            revisions,
            more_revisions: !complete,
            writes_seen: writes.map(|writes| writes.seen),
            writes_seen_seconds: writes.map(|writes| writes.seconds),
            writes_an_hour: writes.and(self.observer.writes_allowed()),
            requests_left: budget.map(|budget| budget.left),
            requests_an_hour: budget.map(|budget| budget.limit),
        }
    }
}

/// The end of the lease by the record's own clock.
fn end_by_its_clock(record: &Record) -> Option<leader_elector_core::record::Timestamp> {
    record.renewed?.checked_add_signed(leader_elector_core::record::span(record.lease)?)
}

impl Status {
    fn text(&self) -> String {
        let words = match self.state {
            State::Held => "held; not seen renewed yet (--observe makes sure)",
            State::Led => "led: a renewal was seen",
            State::Expired => "held, but its lease has run out by the record's own clock (--observe makes sure)",
            State::Abandoned => "nobody leads: the lease has passed without a renewal",
            State::Free => "free: nobody leads",
            State::Unclear => "the lock file is no record: respected for a lease, then replaced",
            State::Unknown => "unknown: the store cannot be asked, and what was read is too old",
        };
        let clock = if self.state == State::Led { "as it was seen from here" } else { "an estimate, by its own clock" };
        let more = if self.more_revisions { " or more" } else { "" };
        let writes = self.writes_seen.zip(self.writes_seen_seconds).zip(self.writes_an_hour);
        let budget = self.requests_left.zip(self.requests_an_hour);
        let lines = [
            ("state", Some(words.to_owned())),
            ("leader", self.leader.clone()),
            ("token", self.token.map(|token| token.to_string())),
            ("since", self.since.clone()),
            ("renewed", self.renewed.clone()),
            ("until", self.until_at_most.as_ref().map(|until| format!("{until} at most ({clock})"))),
            ("write", self.write.clone()),
            ("revisions", self.revisions.map(|n| format!("{n}{more}"))),
            (
                "writes",
                writes.map(|((seen, seconds), allowed)| {
                    format!("{seen} in the last {seconds} s; {allowed} an hour are allowed")
                }),
            ),
            ("budget", budget.map(|(left, limit)| format!("{left} of {limit} requests left this hour"))),
        ];
        let told = lines.into_iter().filter_map(|(name, value)| Some(format!("{name:<12}{}", printable(&value?))));
        told.collect::<Vec<_>>().join("\n")
    }
}
