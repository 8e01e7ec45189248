//! The events for programs: one JSON object each, on standard output with `--events json`, and wherever else a host
//! tells them.
//!
//! What a reader must do to act on them safely:
//! * It leads only while the newest object says `"leading": true` **and** that object's `deadline` has not passed, on
//!   the reader's own reading of the clock, at the moment it acts. A line may be read late.
//! * `deadline` is absolute. From the native binary it is `{"boot_ns": …}`, on `CLOCK_BOOTTIME` of the same machine.
//!   From a component it is `{"unix_ms": …, "remaining_ms": …}`: the end on the wall clock, and how long that was when
//!   the line was written. Take the earlier of the two: the wall clock may be set back, and a line may be read late.
//! * Every object replaces what the ones before it said. `renewed` may move the deadline either way.
//! * The end of the stream, or of the process, means: not leading.
//! * After `stopping` the work must be gone by the deadline in `by`. As soon as the reader writes the line `stopped` on
//!   the candidate's standard input, the lock is released; where it is not told so, nothing is released (`work`).

use std::io::{Write, stdout};

use leader_elector_core::{Clock, Event, Instant, Lease, Now, Output, Token, View};
use serde::Serialize;

/// Something worth telling: what the core calls an event, and the renewals between them.
#[derive(Clone, Copy, Debug)]
pub enum Happened<'a> {
    /// An event of the core.
    Event(&'a Event),
    /// The own term's end has moved.
    Renewed(Lease),
}

/// What happened in a step, in order; `led` is the lease before it.
pub fn happened(led: Option<Lease>, output: &Output) -> impl Iterator<Item = Happened<'_>> {
    let same_term = |lease: &Lease| led.is_some_and(|led| led.token == lease.token && led.until != lease.until);
    let renewed = output.lease.filter(same_term).map(Happened::Renewed);
    output.events.iter().map(Happened::Event).chain(renewed)
}

/// One object. `null` fields are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// `new_leader`, `started_leading`, `renewed`, `stopping`, `stopped_leading`, `released` or `warning`; over HTTP
    /// first of all `present`.
    pub event: &'static str,
    /// Whether this candidate leads, as of this object and until its deadline.
    pub leading: bool,
    /// The holder's name; empty: the lock is free; none: not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// The fencing token of the term that stands: in `stopping` still the own one, unless another's was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<u64>,
    /// The end of the own term; always there while leading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// In `stopping`: by when the guarded work must be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Deadline>,
    /// In `stopping`: `stop`, `deadline` or `lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// In `warning`: the sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Told {
    /// The object as one line, without its end.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it holds strings and numbers only")]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers are always JSON")
    }
}

/// An absolute moment, as far as the host's clocks can name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Deadline {
    /// On `CLOCK_BOOTTIME`, which all processes of a machine share.
    Boot {
        /// Nanoseconds.
        boot_ns: u64,
    },
    /// Where the monotonic clock is the component's own: the wall clock, and what remained at the time of writing.
    Wall {
        /// Milliseconds since the Unix epoch.
        unix_ms: i64,
        /// Milliseconds, rounded down.
        remaining_ms: u64,
    },
}

impl Deadline {
    fn at(clock: Clock, now: Now, at: Instant) -> Self {
        match clock {
            Clock::Boot => Self::Boot { boot_ns: at.as_nanos() },
            Clock::MayStop => {
                let remaining_ms = u64::try_from(at.since(now.at).as_millis()).unwrap_or(u64::MAX);
                let unix_ms = now.wall.0.saturating_add_unsigned(remaining_ms);
                Self::Wall { unix_ms, remaining_ms }
            }
        }
    }
}

/// Makes the objects of one candidate.
#[derive(Clone, Debug)]
pub struct Teller {
    name: String,
    clock: Clock,
}

impl Teller {
    /// For the candidate `name`, whose host has this clock.
    #[must_use]
    pub fn new(name: impl Into<String>, clock: Clock) -> Self {
        Self { name: name.into(), clock }
    }

    /// A moment, as it is told.
    #[must_use]
    pub fn deadline(&self, now: Now, at: Instant) -> Deadline {
        Deadline::at(self.clock, now, at)
    }

    /// What to tell of what happened `now`, with the view of that moment.
    #[must_use]
    pub fn tell(&self, now: Now, happened: Happened<'_>, view: &View) -> Told {
        let deadline = |at| self.deadline(now, at);
        let mut told = Told {
            event: "",
            leading: view.until.is_some(),
            leader: view.until.map(|_| self.name.clone()).or_else(|| view.leader.clone()),
            token: view.token.map(Token::get),
            deadline: view.until.map(deadline),
            by: None,
            why: None,
            message: None,
        };
        told.event = match happened {
            Happened::Renewed(_) => "renewed",
            Happened::Event(Event::NewLeader { .. }) => "new_leader",
            Happened::Event(Event::StartedLeading { .. }) => "started_leading",
            Happened::Event(Event::Stopping { why, by }) => {
                told.why = Some(why.to_string());
                told.by = Some(deadline(*by));
                "stopping"
            }
            Happened::Event(Event::StoppedLeading) => "stopped_leading",
            Happened::Event(Event::Released) => "released",
            Happened::Event(Event::Warning(warning)) => {
                told.message = Some(warning.to_string());
                "warning"
            }
        };
        told
    }

    /// Writes the line to standard output, at once.
    ///
    /// # Errors
    /// Nobody reads it any more: whoever acted on the events is gone.
    pub fn write(&self, now: Now, happened: Happened<'_>, view: &View) -> anyhow::Result<()> {
        let line = self.tell(now, happened, view).line();
        let mut out = stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| {
            anyhow::anyhow!("events: nobody reads them any more ({error}); the lease expires by itself")
        })
    }
}

#[cfg(test)]
mod tests {
    use leader_elector_core::memory::Store;
    use leader_elector_core::{Candidate, Identity, Input, Memory, Timing, WallClock, timing};

    use super::*;

    const NOW: Now = Now { at: Instant::from_millis(5_000), wall: WallClock(1_790_000_000_000) };

    fn later(millis: u64) -> Now {
        Now { at: Instant::from_millis(5_000 + millis), wall: WallClock(NOW.wall.0.saturating_add_unsigned(millis)) }
    }

    /// What a candidate on its own tells in its first 13 seconds, and when it is asked to stop then.
    fn told(clock: Clock) -> Vec<String> {
        let timing = Timing::new(timing::Settings::default(), std::time::Duration::ZERO).expect("the defaults fit");
        let lock = Memory::new(Store::default(), Identity::new("napoleon", "i").expect("a name"));
        let mut candidate = Candidate::new(lock, timing, clock, 1, NOW);
        let teller = Teller::new("napoleon", clock);
        let mut led = None;
        let mut lines = Vec::new();
        for step in 0..=13 {
            let now = later(step * 1000);
            let output = candidate.handle(now, if step == 13 { Input::Stop } else { Input::Wake });
            let view = candidate.view();
            lines.extend(happened(led, &output).map(|happened| teller.tell(now, happened, &view).line()));
            led = output.lease;
        }
        lines
    }

    #[test]
    fn a_renewal_tells_its_new_deadline_on_the_clock_that_all_share() {
        let told = told(Clock::Boot);
        let leading = r#""leading":true,"leader":"napoleon","token":1"#;
        let first = format!(r#"{{"event":"started_leading",{leading},"deadline":{{"boot_ns":25000000000}}}}"#);
        assert!(told.contains(&first), "{told:#?}");
        let renewed = told.iter().filter(|line| line.starts_with(r#"{"event":"renewed","leading":true"#)).count();
        assert_eq!(renewed, 1, "{told:#?}");
        let last = told.last().expect("a line");
        let stopping = r#"{"event":"stopping","leading":false,"leader":"napoleon","token":1,"#;
        assert!(last.starts_with(stopping), "{last}");
        assert!(last.contains(r#""by":{"boot_ns":3"#) && last.ends_with(r#""why":"stop"}"#), "{last}");
    }

    #[test]
    fn a_component_tells_the_wall_clock_and_what_remains() {
        let told = told(Clock::MayStop);
        let deadline = r#""deadline":{"unix_ms":1790000020000,"remaining_ms":20000}"#;
        assert!(told.iter().any(|line| line.contains(deadline)), "{told:#?}");
    }
}
