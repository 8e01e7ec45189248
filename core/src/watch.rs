//! What can honestly be known of a lock from outside, by one who only reads.
//!
//! Everything counts from our own receipts, nothing from the record's timestamps (R1). A change proves that the holder
//! wrote between the sending of the read before and the receipt of this one: so its lease ends between those two
//! moments plus a lease. *Led* is said only after a change was seen and only until the later of them; that nobody has
//! taken an expired lock is said only once a read that was sent after it found no change.

use std::time::Duration;

use crate::lock::{Standing, Version};
use crate::record::Record;
use crate::time::Now;

/// A wall clock that ran no further ahead than this was merely adjusted.
const TOLERANCE: Duration = Duration::from_secs(1);

/// What is known, and how surely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing was read yet.
    Unread,
    /// Somebody holds it, and was not yet seen to renew.
    Held,
    /// The holder was seen to write, and its lease may still run.
    Led,
    /// Nobody ever held it, or somebody emptied it.
    Free,
    /// The last holder gave it back.
    Released,
    /// A whole lease has passed without a change: nobody leads, and nobody has taken it.
    Expired,
    /// The text is no record: respected for a lease.
    Unclear,
    /// What was read last is too old to say anything.
    Stale,
    /// As `Stale`, and the store did not answer.
    Unreachable,
}

/// What a reader remembers.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    seen: Option<Seen>,
    /// The last read brought nothing; whether that is because the store did not answer.
    failing: Option<bool>,
}

#[derive(Clone, Debug)]
struct Seen {
    standing: Standing,
    /// When this state was first received.
    received: Now,
    /// When the last read that was answered was sent, and when its answer came.
    read_sent: Now,
    read_answered: Now,
    /// The sending of the last read that still showed something else; `None`: it stood there when we came.
    not_before: Option<Now>,
    renewals: u32,
}

/// What a read brought, compared with what was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The first read.
    First,
    /// The same term was written again.
    Renewed,
    /// Another term, or none.
    Moved,
    /// Nothing.
    None,
}

impl Watch {
    /// A read that was sent at `sent` shows `standing`. `now` is the receipt of the answer that showed it: reading may go
    /// on after it, with requests for what it means.
    pub fn saw(&mut self, sent: Now, now: Now, standing: Standing) -> Change {
        self.failing = None;
        let Some(before) = self.seen.take() else {
            self.seen = Some(Seen {
                standing,
                received: now,
                read_sent: sent,
                read_answered: now,
                not_before: None,
                renewals: 0,
            });
            return Change::First;
        };
        if before.standing.state == standing.state {
            self.seen = Some(Seen { standing, read_sent: sent, read_answered: now, ..before });
            return Change::None;
        }
        let renewed = is_renewal(before.standing.record.as_deref(), standing.record.as_deref());
        self.seen = Some(Seen {
            standing,
            received: now,
            not_before: Some(before.read_sent),
            read_sent: sent,
            read_answered: now,
            renewals: if renewed { before.renewals + 1 } else { 0 },
        });
        if renewed { Change::Renewed } else { Change::Moved }
    }

    /// A read that was sent at `sent` found what the one before found.
    pub const fn unchanged(&mut self, sent: Now, now: Now) {
        self.failing = None;
        if let Some(seen) = &mut self.seen {
            seen.read_sent = sent;
            seen.read_answered = now;
        }
    }

    /// A read brought nothing: the store did not answer, or it did (it refuses, it wants to be left alone) or cannot
    /// have been asked.
    pub const fn failed(&mut self, is_unreachable: bool) {
        self.failing = Some(is_unreachable);
    }

    /// What is known now. What could change at any moment (free, unclear) is believed for `fresh` after a read.
    #[must_use]
    pub fn state(&self, now: Now, fresh: Duration) -> State {
        let lost = if self.failing == Some(true) { State::Unreachable } else { State::Stale };
        let Some(seen) = &self.seen else {
            return if self.failing.is_some() { lost } else { State::Unread };
        };
        let fresh_enough = elapsed(seen.read_answered, now) < fresh;
        match seen.standing.record.as_deref() {
            Some(record) if record.is_held() => {
                // That a lease has passed is counted on the clock that never runs ahead.
                let passed = seen.read_sent.at.since(seen.received.at) >= record.lease;
                if passed {
                    if fresh_enough { State::Expired } else { lost }
                } else if elapsed(seen.received, now) >= record.lease {
                    lost
                } else if seen.not_before.is_some() {
                    State::Led
                } else {
                    State::Held
                }
            }
            _ if !fresh_enough => lost,
            Some(record) if record.is_ours() => State::Released,
            // Nobody is named, by a text or by another program, over a record that is still respected.
            _ if !seen.standing.stands_for.is_zero() => State::Unclear,
            Some(_) | None => State::Free,
        }
    }

    /// How much longer the holder's lease can run: at least, if it wrote right after the read before, and at most.
    /// `None` where nobody holds it. Both are zero once it must have run out.
    #[must_use]
    pub fn left(&self, now: Now) -> Option<(Duration, Duration)> {
        let seen = self.seen.as_ref()?;
        let lease = self.record().filter(|record| record.is_held())?.lease;
        let longest = lease.saturating_sub(elapsed(seen.received, now));
        let shortest = seen.not_before.map_or(Duration::ZERO, |sent| lease.saturating_sub(elapsed(sent, now)));
        Some((shortest, longest))
    }

    /// The record that stands.
    #[must_use]
    pub fn record(&self) -> Option<&Record> {
        self.seen.as_ref()?.standing.record.as_deref()
    }

    /// The revision that stands.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.seen.as_ref().map(|seen| &seen.standing.state)
    }

    /// How often the term that stands was seen renewed.
    #[must_use]
    pub fn renewals(&self) -> u32 {
        self.seen.as_ref().map_or(0, |seen| seen.renewals)
    }

    /// How long ago the lock was last read.
    #[must_use]
    pub fn age(&self, now: Now) -> Option<Duration> {
        self.seen.as_ref().map(|seen| elapsed(seen.read_answered, now))
    }
}

/// Time that passed, the time that the monotonic clock slept through included (R13).
fn elapsed(since: Now, now: Now) -> Duration {
    let mono = now.at.since(since.at);
    let wall = Duration::from_millis(u64::try_from(now.wall.0.saturating_sub(since.wall.0)).unwrap_or(0));
    if wall > mono + TOLERANCE { wall } else { mono }
}

fn is_renewal(before: Option<&Record>, now: Option<&Record>) -> bool {
    let (Some(before), Some(now)) = (before, now) else { return false };
    let instance = |record: &Record| record.mark.as_ref().map(|mark| mark.instance.clone());
    before.is_held() && now.is_held() && before.token == now.token && instance(before) == instance(now)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::record::{Text, Token};
    use crate::time::{Instant, WallClock};

    const FRESH: Duration = Duration::from_secs(5);

    fn at(seconds: u64) -> Now {
        slept(seconds, 0)
    }

    /// The monotonic clock stood still for `asleep` seconds.
    fn slept(seconds: u64, asleep: i64) -> Now {
        let wall = WallClock(i64::try_from(seconds).unwrap() * 1000 + asleep * 1000);
        Now { at: Instant::from_millis(seconds * 1000), wall }
    }

    fn standing(id: &str, text: &str) -> Standing {
        let record = match Text::parse(text) {
            Text::Record(record) => Some(Arc::new(record)),
            _ => None,
        };
        Standing {
            head: id.into(),
            state: id.into(),
            stands_for: record.as_ref().filter(|record| record.is_held()).map_or(Duration::ZERO, |record| record.lease),
            record,
            newest_token: Token::NONE,
            acknowledges: None,
            bar: None,
        }
    }

    fn held(id: &str, token: u64) -> Standing {
        standing(
            id,
            &format!(
                r#"{{"holderIdentity":"n","leaseDurationSeconds":30,"leaderTransitions":{token},"instance":"i{token}"}}"#
            ),
        )
    }

    #[test]
    fn led_is_said_after_a_change_and_for_no_longer_than_a_lease() {
        let mut watch = Watch::default();
        assert_eq!(watch.state(at(0), FRESH), State::Unread);
        watch.saw(at(0), at(0), held("a", 1));
        assert_eq!(watch.state(at(1), FRESH), State::Held);
        assert_eq!(watch.left(at(1)), Some((Duration::ZERO, Duration::from_secs(29))));
        assert_eq!(watch.saw(at(8), at(10), held("b", 1)), Change::Renewed);
        assert_eq!(watch.state(at(39), FRESH), State::Led);
        assert_eq!(watch.left(at(20)), Some((Duration::from_secs(10), Duration::from_secs(20))));
        assert_eq!(watch.state(at(40), FRESH), State::Stale);
        assert_eq!(watch.renewals(), 1);
    }

    #[test]
    fn expired_needs_a_read_after_the_end() {
        let mut watch = Watch::default();
        watch.saw(at(0), at(0), held("a", 1));
        watch.unchanged(at(29), at(31));
        assert_eq!(watch.state(at(31), FRESH), State::Stale, "sent before the end");
        watch.unchanged(at(32), at(32));
        assert_eq!(watch.state(at(33), FRESH), State::Expired);
        assert_eq!(watch.state(at(38), FRESH), State::Stale);
    }

    #[test]
    fn a_failing_store_takes_away_what_is_known_only_when_it_is_too_old() {
        let mut watch = Watch::default();
        watch.failed(false);
        assert_eq!(watch.state(at(0), FRESH), State::Stale, "it was asked, and answered");
        watch.failed(true);
        assert_eq!(watch.state(at(0), FRESH), State::Unreachable);
        watch.saw(at(0), at(0), held("a", 1));
        watch.saw(at(2), at(2), held("b", 1));
        watch.failed(true);
        assert_eq!(watch.state(at(31), FRESH), State::Led);
        assert_eq!(watch.state(at(32), FRESH), State::Unreachable);
        watch.failed(false);
        assert_eq!(watch.state(at(32), FRESH), State::Stale);
    }

    #[test]
    fn a_machine_that_slept_knows_less() {
        let mut watch = Watch::default();
        watch.saw(at(0), at(0), held("a", 1));
        watch.saw(at(2), at(2), held("b", 1));
        assert_eq!(watch.state(slept(3, 0), FRESH), State::Led);
        assert_eq!(watch.state(slept(3, 40), FRESH), State::Stale);
        watch.unchanged(slept(4, 40), slept(4, 40));
        assert_eq!(watch.state(slept(4, 40), FRESH), State::Stale, "our own clock has not counted a lease");
    }

    #[test]
    fn free_released_and_unclear_are_believed_while_fresh() {
        let released =
            r#"{"holderIdentity":"","leaseDurationSeconds":1,"leaderTransitions":7,"instance":"i","releasedBy":"n"}"#;
        let unclear = Standing { stands_for: FRESH, ..standing("x", "hello") };
        for (standing, state) in [
            (standing("x", "{}"), State::Free),
            (standing("x", r#"{"holderIdentity":"","leaseDurationSeconds":1}"#), State::Free),
            (standing("x", released), State::Released),
            (unclear, State::Unclear),
            // Emptied by another program over a live record of ours.
            (
                Standing { stands_for: FRESH, ..standing("x", r#"{"holderIdentity":"","leaseDurationSeconds":1}"#) },
                State::Unclear,
            ),
        ] {
            let mut watch = Watch::default();
            watch.saw(at(0), at(0), standing);
            assert_eq!(watch.state(at(4), FRESH), state);
            assert_eq!(watch.state(at(5), FRESH), State::Stale);
        }
    }

    #[test]
    fn another_term_counts_anew() {
        let mut watch = Watch::default();
        assert_eq!(watch.saw(at(0), at(0), held("a", 1)), Change::First);
        watch.saw(at(2), at(2), held("b", 1));
        assert_eq!(watch.saw(at(4), at(4), held("c", 2)), Change::Moved);
        assert_eq!(watch.renewals(), 0);
        assert_eq!(watch.state(at(5), FRESH), State::Led);
    }
}
