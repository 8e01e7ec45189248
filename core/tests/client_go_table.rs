//! client-go's own test table (`tools/leaderelection`, 32ce75a), row by row under names close to its own, over the lock
//! in memory, where a candidate answers at once.
//!
//! Rows that stand elsewhere, or not at all, with the reason:
//!
//! | row | where, or why not |
//! |---|---|
//! | spec ↔ record round trip | `record.rs`: `what_goes_out_comes_back` |
//! | release retries on conflict | `rules/stopping.rs`: `r6_a_successor_is_never_erased` and its neighbours: a conflict is read, not retried blindly |
//! | release reads first | differs on purpose: a release is a compare-and-swap on our own version; it reads only if that fails |
//! | release on cancel during an in-flight write or read | `rules/stopping.rs`: `r6_stopped_during_a_claim_…`, `r6_a_claim_of_unknown_outcome_…` |
//! | coordinated: do not acquire, renew | differs on purpose: `coordinated_a_preferred_holder_is_carried_and_never_acted_upon` |
//! | health: nil before start, error when expired past tolerance, nil when another holds, nil inside tolerance | differs on purpose: a leader whose lease has expired has ended by itself, so health is the loop's: `health_is_neither_leading_nor_the_store` in `host-native/tests/beside` |
#![expect(clippy::disallowed_names, reason = "the name of client-go's own test")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::time::Duration;

use leader_elector_core::elector;
use leader_elector_core::lock::{Failure, Intent, Reply};
use leader_elector_core::memory::{Memory, Store};
use leader_elector_core::record::Text;
use leader_elector_core::{
    Candidate, Clock, Event, Identity, Input, Instant, Next, Now, Output, Record, Timing, Token, WallClock, timing,
};

use script::{Script, is_read, ours, term, written};

#[allow(dead_code, unused_must_use, reason = "the rules need all of it, and look at the outputs that they are about")]
#[path = "rules/script.rs"]
mod script;

/// A record of client-go's.
fn record(holder: &str, lease: u64, transitions: u64) -> Record {
    let text = format!(
        r#"{{"holderIdentity":"{holder}","leaseDurationSeconds":{lease},"acquireTime":"2020-01-01T00:00:00Z","renewTime":"2020-01-01T00:00:00Z","leaderTransitions":{transitions},"strategy":"","preferredHolder":""}}"#
    );
    Text::parse(&text).record().unwrap().clone()
}

/// A candidate named `baz` over a store, and its clock.
struct Baz {
    store: Store,
    candidate: Candidate<Memory>,
    events: Vec<Event>,
    ms: u64,
    next: Next,
}

impl Baz {
    fn over(found: Option<Record>) -> Self {
        let store = Store::default();
        if let Some(record) = found {
            store.put(record);
        }
        let lock = Memory::new(store.clone(), Identity::new("baz", "baz-1").unwrap());
        let timing = Timing::new(timing::Settings::default(), Duration::ZERO).unwrap();
        let candidate = Candidate::new(lock, timing, Clock::Boot, 3, now(0));
        let mut baz = Self { store, candidate, events: Vec::new(), ms: 0, next: Next::Done };
        baz.give(Input::Wake);
        baz
    }

    fn give(&mut self, input: Input) {
        let Output { events, next, .. } = self.candidate.handle(now(self.ms), input);
        self.events.extend(events);
        self.next = next;
    }

    /// Wakes it whenever it asks to be woken, up to `ms`.
    fn run_to(&mut self, ms: u64) {
        while let Next::WakeAt(at, _) = self.next {
            let at = at.as_nanos().div_ceil(1_000_000);
            if at > ms {
                break;
            }
            self.ms = at;
            self.give(Input::Wake);
        }
        self.ms = ms;
    }

    fn leads(&self) -> Option<Token> {
        self.candidate.lease(now(self.ms)).map(|lease| lease.token)
    }

    fn stands(&self) -> (String, u64) {
        let record = self.store.record().unwrap();
        (record.holder.clone(), record.token.get())
    }
}

fn now(ms: u64) -> Now {
    Now { at: Instant::from_millis(ms), wall: WallClock(1_790_000_000_000 + i64::try_from(ms).unwrap()) }
}

fn token(number: u64) -> Option<Token> {
    Token::new(number)
}

#[test]
fn acquire_from_no_object() {
    let baz = Baz::over(None);
    // client-go starts at 0; a token of 0 is too easily taken for none.
    assert_eq!(baz.leads(), token(1));
    assert_eq!(baz.stands(), ("baz".to_owned(), 1));
}

#[test]
fn acquire_from_an_empty_spec() {
    let baz = Baz::over(Some(record("", 0, 0)));
    assert_eq!(baz.leads(), token(1));
}

#[test]
fn acquire_from_a_led_object_after_the_records_duration_not_ours() {
    let mut baz = Baz::over(Some(record("bing", 60, 0)));
    baz.run_to(59_999);
    assert_eq!(baz.leads(), None);
    baz.run_to(60_300);
    assert_eq!(baz.leads(), token(1));
}

#[test]
fn acquire_from_an_unled_object() {
    let baz = Baz::over(Some(record("", 1, 4)));
    assert_eq!(baz.leads(), token(5));
}

#[test]
fn acquire_from_a_led_object_observed_long_ago() {
    let mut baz = Baz::over(Some(record("bing", 30, 4)));
    baz.run_to(120_000);
    assert_eq!(baz.leads(), token(5));
}

#[test]
fn acquire_from_an_empty_holder_even_if_observed_just_now() {
    let mut baz = Baz::over(Some(record("bing", 30, 4)));
    baz.store.put(record("", 30, 4));
    baz.run_to(2_000);
    assert_eq!(baz.leads(), token(5));
}

#[test]
fn do_not_acquire_from_a_live_foreign_lease() {
    let mut baz = Baz::over(Some(record("bing", 30, 4)));
    for ms in (10_000..=100_000).step_by(10_000) {
        // Renewed every ten seconds: what its record says of time is of no interest.
        let mut renewed = record("bing", 30, 4);
        renewed.strategy = ms.to_string();
        baz.store.put(renewed);
        baz.run_to(ms);
        assert_eq!(baz.leads(), None, "{ms}");
    }
    assert_eq!(baz.stands(), ("bing".to_owned(), 4));
}

#[test]
fn renew_an_already_acquired_object() {
    let mut baz = Baz::over(None);
    let first = baz.store.record().unwrap();
    baz.run_to(65_000);
    let last = baz.store.record().unwrap();
    assert_eq!((last.token, last.acquired), (first.token, first.acquired));
    assert!(last.renewed > first.renewed);
    assert_eq!(baz.leads(), token(1));
}

#[test]
fn release_keeps_the_transitions_and_reports_that_nobody_leads() {
    let mut baz = Baz::over(None);
    baz.give(Input::Stop);
    baz.give(Input::WorkStopped);
    assert_eq!(baz.stands(), (String::new(), 1));
    assert_eq!(baz.events.last(), Some(&Event::NewLeader { leader: String::new() }));
    assert_eq!(baz.next, Next::Done);
}

#[test]
fn an_empty_identity_is_refused() {
    assert!(Identity::new("", "i").is_none() && Identity::new("baz", "").is_none());
}

/// Its calls: read, create, write, write.
#[test]
fn the_fast_path_writes_without_reading_and_reads_only_after_a_conflict() {
    let mut script = Script::new();
    script.lead();
    for ms in [10_000, 20_000] {
        let (ticket, _) = script.request_due(ms, Intent::Renew);
        let output = script.at(ms, elector::Input::Reply(ticket, Reply::Written(written("v3", ms, ms))));
        assert!(output.request.is_none(), "{output:?}");
    }
    let (ticket, _) = script.request_due(30_000, Intent::Renew);
    let output = script.at(30_100, elector::Input::Reply(ticket, Reply::Failed(Failure::Conflict)));
    assert!(is_read(output.request.as_ref()), "{output:?}");
    let output = script.at(30_200, elector::Input::Reply(script.ticket(), ours("v4", 1)));
    assert_eq!(term(output.request.as_ref()).intent, Intent::Renew);
}

#[test]
fn coordinated_a_preferred_holder_is_carried_and_never_acted_upon() {
    let mut baz = Baz::over(Some(Record { preferred_holder: "bing".to_owned(), ..record("", 30, 4) }));
    assert_eq!(baz.leads(), token(5), "acquired");
    baz.run_to(65_000);
    assert_eq!(baz.leads(), token(5), "renewed");
    assert_eq!(baz.store.record().unwrap().preferred_holder, "bing");
}

#[test]
fn a_conflict_with_another_holder_writes_nothing_over_it() {
    let mut baz = Baz::over(None);
    // A foreign write between two renewals: the compare-and-swap fails, the read shows another holder.
    baz.store.put(record("bing", 30, 7));
    baz.run_to(10_000);
    assert_eq!(baz.leads(), None);
    assert_eq!(baz.stands(), ("bing".to_owned(), 7), "nothing was written over it");
}
