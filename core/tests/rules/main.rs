//! R1 to R13, each by name, on the elector alone: time and the lock's replies are scripted, nothing else is there.
//! Each fails when its rule is broken in `elector.rs`; the last line of each comment says how it was broken to see that.

#![expect(unused_must_use, reason = "many a step is only on the way")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod renewing;
mod script;
mod stopping;

use std::time::Duration;

use leader_elector_core::elector::{Input, Request};
use leader_elector_core::lock::{Failure, Intent, Op, Reason, Reply, Written};
use leader_elector_core::{Candidate, Clock, Event, Identity, Instant, Memory, Next, Now, StopReason, Timing};
use leader_elector_core::{WallClock, Warning, Why, memory, timing};
use script::{Script, free, held, ours, unclear, written};

/// Broken by counting from every receipt, not the first.
#[test]
fn r1_a_foreign_lease_stands_from_our_first_receipt_of_that_version() {
    let mut script = Script::new();
    script.read(0, held("v1", "stalin", 4));
    // A read of the same version, 20 s later, starts nothing anew.
    script.read_due(2_000, 20_000, Reply::Unchanged);
    script.nothing_claimed_before(30_000);
    let claimed = script.claims_from(30_000, &Reply::Unchanged);
    assert!(claimed <= 30_250, "{claimed}");
}

/// A renewal may have landed since the read was sent. Broken by claiming after any read that is answered late enough.
#[test]
fn r1_what_is_claimed_over_was_asked_for_after_its_end() {
    let mut script = Script::new();
    script.read(0, held("v1", "stalin", 4));
    script.nothing_claimed_before(27_000);
    let read = (27_000..29_999).find_map(|ms| script.at(ms, Input::Wake).request).unwrap();
    let output = script.at(30_200, Input::Reply(read.ticket, Reply::Unchanged));
    assert!(!matches!(output.request, Some(Request { op: Op::Write { .. }, .. })), "{output:?}");
}

/// Broken by restarting nothing on a new version.
#[test]
fn r1_a_renewal_starts_the_lease_anew() {
    let mut script = Script::new();
    script.read(0, held("v1", "stalin", 4));
    script.read_due(2_000, 20_000, held("v2", "stalin", 4));
    script.nothing_claimed_before(50_000);
}

/// Broken by counting from the acknowledgement.
#[test]
fn r2_a_lease_counts_from_the_sending() {
    let mut script = Script::new();
    script.lead_with(written("v2", 1_000, 0), 4_000);
    // min(1 s + 20 s, 0 s + 29.4 s)
    assert_eq!(script.until(), Some(21_000));
    let mut script = Script::new();
    script.lead_with(written("v2", 20_000, 0), 21_000);
    assert_eq!(script.until(), Some(29_400), "98 % of the lease, from the newest write that cannot vanish");
}

/// Broken by taking the acknowledgement at any time.
#[test]
fn r2_a_late_acknowledgement_revives_nothing() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    let output = script.at(20_000, Input::Wake);
    assert_eq!(output.events[0], Event::Stopping { why: StopReason::Deadline, by: Instant::from_millis(20_000) });
    script.at(20_001, Input::Reply(ticket, Reply::Written(written("v3", 10_000, 0))));
    assert_eq!(script.until(), None);
}

/// Broken by beginning whatever the time is.
#[test]
fn r2_a_claim_acknowledged_after_its_own_end_begins_no_term() {
    let mut script = Script::new();
    let read = script.at(25_000, Input::Wake).request.unwrap().ticket;
    script.at(25_000, Input::Reply(read, free("v1", 0)));
    let output = script.at(25_001, Input::Reply(script.ticket(), Reply::Written(written("v2", 1_000, 1_000))));
    assert!(!output.events.iter().any(|event| matches!(event, Event::StartedLeading { .. })), "{output:?}");
    assert_eq!(script.until(), None);
}

/// Broken by showing it for another second.
#[test]
fn r2_a_lease_is_not_shown_after_its_end_though_nothing_woke_the_elector() {
    let mut script = Script::new();
    script.lead();
    assert_eq!(script.until_as_asked_at(19_999), Some(20_000));
    assert_eq!(script.until_as_asked_at(20_000), None);
}

/// Broken by keeping on until the deadline.
#[test]
fn r3_another_holder_ends_leadership_in_the_same_step() {
    for reply in [held("v9", "stalin", 2), Reply::Failed(Failure::Superseded)] {
        let mut script = Script::new();
        script.lead();
        let (ticket, _) = script.request_due(10_000, Intent::Renew);
        let output = script.at(10_100, Input::Reply(ticket, Reply::Failed(Failure::Conflict)));
        let read = output.request.unwrap().ticket;
        let output = script.at(10_200, Input::Reply(read, reply));
        let lost = Event::Stopping { why: StopReason::Lost, by: Instant::from_millis(10_200) };
        assert!(output.events.contains(&lost), "{output:?}");
        assert_eq!(script.until(), None);
    }
}

/// Broken by renewing over what nobody has read.
#[test]
fn r3_what_lies_on_our_own_write_is_read_before_the_next() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    let overlaid = Written { overlaid: true, ..script::written("v9", 10_000, 0) };
    let output = script.at(10_100, Input::Reply(ticket, Reply::Written(overlaid)));
    assert!(script::is_read(output.request.as_ref()), "{output:?}");
}

/// Broken by taking a conflict for a loss.
#[test]
fn r4_a_failed_precondition_proves_nothing_but_that_a_read_is_due() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    let output = script.at(10_100, Input::Reply(ticket, Reply::Failed(Failure::Conflict)));
    assert!(script.until().is_some());
    assert!(output.events.is_empty());
    assert!(script::is_read(output.request.as_ref()));
}

/// Broken by sending the renewal again.
#[test]
fn r5_after_a_lost_reply_the_next_request_is_a_read() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    let output = script.at(15_000, Input::Reply(ticket, Reply::Failed(Failure::Unknown)));
    let at = script::wake_at(&output);
    assert!((16_000..=16_250).contains(&at), "repeated after 1 s: {at}");
    assert!(script::is_read(script.at(at, Input::Wake).request.as_ref()));
}

/// Broken by using the token of the lost claim again.
#[test]
fn r5_a_claim_lost_from_sight_is_never_adopted() {
    let mut script = Script::new();
    let claim = script.claim(0, free("v1", 6));
    assert_eq!(claim.token.get(), 7);
    let output = script.at(5_000, Input::Reply(script.ticket(), Reply::Failed(Failure::Unknown)));
    let at = script::wake_at(&output);
    let read = script.at(at, Input::Wake).request.unwrap();
    let output = script.at(at + 10, Input::Reply(read.ticket, ours("v2", 7)));
    assert_eq!(script.until(), None, "it landed, and is not ours to lead on");
    assert_eq!(script::term(output.request.as_ref()).token.get(), 8);
}

/// Broken by taking the number from the last record alone.
#[test]
fn r7_tokens_only_grow() {
    let mut script = Script::new();
    assert_eq!(script.claim(0, free("v1", 41)).token.get(), 42);
    // A foreign program reset the number: what was seen before still counts.
    let output = script.at(100, Input::Reply(script.ticket(), Reply::Failed(Failure::Conflict)));
    let output = script.at(200, Input::Reply(output.request.unwrap().ticket, free("v5", 0)));
    let again = script::wake_at(&output);
    let read = script.at(again, Input::Wake).request.unwrap();
    let output = script.at(again, Input::Reply(read.ticket, Reply::Unchanged));
    assert_eq!(script::term(output.request.as_ref()).token.get(), 43);
}

/// Broken by claiming all the same.
#[test]
fn r7_a_token_that_would_leave_the_range_is_never_claimed() {
    let mut script = Script::new();
    let output = script.read(0, free("v1", (1 << 53) - 2));
    assert!(output.request.is_none());
    assert!(matches!(output.events[..], [.., Event::Warning(Warning::TokensExhausted { .. })]), "{output:?}");
}

/// Broken by comparing names.
#[test]
fn r8_the_same_name_is_another_holder() {
    let mut script = Script::new();
    script.read(0, held("v1", "napoleon", 3));
    script.nothing_claimed_before(30_000);
}

/// Broken by treating whatever has no record as free.
#[test]
fn r9_free_is_free_and_unclear_is_held() {
    assert_eq!(Script::new().claim(0, free("v1", 0)).token.get(), 1);
    let mut script = Script::new();
    script.read(0, unclear("v1"));
    script.nothing_claimed_before(30_000);
}

/// Broken by asking again at the next poll.
#[test]
fn r10_throttled_means_wait_as_told() {
    let mut script = Script::new();
    let read = script.at(0, Input::Wake).request.unwrap();
    let wait = Duration::from_secs(77);
    let output = script.at(100, Input::Reply(read.ticket, Reply::Failed(Failure::Throttled { wait })));
    assert_eq!(output.events, [Event::Warning(Warning::Throttled { wait })]);
    assert_eq!(script::wake_at(&output), 77_100);
    assert!(script.at(77_000, Input::Wake).request.is_none());
}

/// Broken by warning at the deadline only.
#[test]
fn r10_a_wait_beyond_the_lease_is_said_at_once_and_the_term_ends_in_time() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    let wait = Duration::from_mins(1);
    let output = script.at(10_100, Input::Reply(ticket, Reply::Failed(Failure::Throttled { wait })));
    let left = Duration::from_millis(9_900);
    assert_eq!(output.events, [Event::Warning(Warning::ThrottledBeyondLease { wait, left })]);
    assert_eq!(output.next, Next::WakeAt(Instant::from_millis(20_000), Why::RenewDeadline));
    assert_eq!(script.at(20_000, Input::Wake).events.len(), 1);
}

/// Broken by rounding.
#[test]
fn r11_a_lease_of_half_a_second_is_refused() {
    let settings = timing::Settings { lease: Duration::from_millis(500), ..timing::Settings::default() };
    assert!(Timing::new(settings, Duration::ZERO).is_err());
    let claim = Script::new().claim(0, free("v1", 0));
    assert_eq!(claim.lease_seconds, 30);
}

/// Broken by polling on.
#[test]
fn r12_a_follower_wakes_when_the_lease_runs_out_reads_once_and_claims_if_nothing_changed() {
    let mut script = Script::new();
    script.read(0, held("v1", "stalin", 4));
    let output = script.read_due(2_000, 29_000, Reply::Unchanged);
    let at = script::wake_at(&output);
    assert!((30_000..=30_250).contains(&at), "{at}");
    let output = script.at(at, Input::Wake);
    assert!(script::is_read(output.request.as_ref()));
    let output = script.at(at + 50, Input::Reply(output.request.unwrap().ticket, held("v2", "stalin", 4)));
    assert!(output.request.is_none(), "it was renewed after all");
}

/// Broken by claiming again as soon as the read after the conflict shows that the lock is free.
#[test]
fn r12_claims_that_met_and_won_nothing_part_before_the_next() {
    let again = |seed| {
        let mut script = Script::seeded(seed);
        script.claim(0, free("v1", 0));
        let read = script.at(100, Input::Reply(script.ticket(), Reply::Failed(Failure::Conflict))).request.unwrap();
        let output = script.at(200, Input::Reply(read.ticket, free("v2", 0)));
        assert!(output.request.is_none(), "claimed at once: {output:?}");
        let at = script::wake_at(&output);
        let read = script.at(at, Input::Wake).request;
        assert!(script::is_read(read.as_ref()), "what stands by then is read first");
        let output = script.at(at, Input::Reply(read.unwrap().ticket, Reply::Unchanged));
        script::term(output.request.as_ref());
        at
    };
    let all: Vec<u64> = (0..50).map(again).collect();
    assert!(all.iter().all(|at| (1_200..=3_200).contains(at)), "{all:?}");
    let (first, last) = (all.iter().min().unwrap(), all.iter().max().unwrap());
    assert!(last - first > 1_000, "they part: {first} to {last}");
}

/// Broken by keeping in mind that claims met once somebody won.
#[test]
fn r12_after_a_collision_that_somebody_won_the_next_takeover_is_as_fast_as_any() {
    let mut script = Script::new();
    script.claim(0, free("v1", 0));
    let read = script.at(100, Input::Reply(script.ticket(), Reply::Failed(Failure::Conflict))).request.unwrap();
    script.at(200, Input::Reply(read.ticket, held("v2", "stalin", 1)));
    let claimed = script.claims_from(30_200, &Reply::Unchanged);
    assert!(claimed <= 30_400, "{claimed}");
}

/// Broken by ignoring the wall clock; by heeding it on a boot clock; by ending the term when it jumps back.
#[test]
fn r13_time_that_a_host_slept_through_counts() {
    for (clock, wall_ahead, leads) in [
        (Clock::Boot, 5_000, true),
        (Clock::MayStop, 5_000, false),
        (Clock::MayStop, 900, true),
        (Clock::MayStop, -3_600_000, true),
    ] {
        let now =
            |ms: u64, ahead: i64| Now { at: Instant::from_millis(ms), wall: WallClock(1_790_000_000_000 + ahead) };
        let timing = Timing::new(timing::Settings::default(), Duration::ZERO).unwrap();
        let lock = Memory::new(memory::Store::default(), Identity::new("napoleon", "i-1").unwrap());
        let mut candidate = Candidate::new(lock, timing, clock, 1, now(0, 0));
        let output = candidate.handle(now(0, 0), leader_elector_core::Input::Wake);
        assert!(output.lease.is_some());
        let output = candidate.handle(now(1_000, 1_000 + wall_ahead), leader_elector_core::Input::Wake);
        assert_eq!(output.lease.is_some(), leads, "{clock:?} {wall_ahead}: {:?}", output.events);
    }
}

#[test]
fn a_refusal_is_tried_again_slowly() {
    let mut script = Script::new();
    let read = script.at(0, Input::Wake).request.unwrap();
    let reason = Reason { status: 404, message: String::new() };
    let output = script.at(100, Input::Reply(read.ticket, Reply::Failed(Failure::Denied(reason))));
    assert_eq!(script::wake_at(&output), 60_100);
}

#[test]
fn repetitions_come_after_1_2_and_4_seconds_and_never_past_the_deadline() {
    let mut script = Script::new();
    script.lead();
    let mut at = 10_000;
    for pause in [1_000, 2_000, 4_000] {
        let request = script.at(at, Input::Wake).request.unwrap();
        let output = script.at(at, Input::Reply(request.ticket, Reply::Failed(Failure::Unsent)));
        let next = script::wake_at(&output);
        assert!((at + pause..=at + pause + 250).contains(&next), "{pause}: {}", next - at);
        at = next;
    }
    let request = script.at(at, Input::Wake).request.unwrap();
    let output = script.at(at, Input::Reply(request.ticket, Reply::Failed(Failure::Unsent)));
    assert_eq!(script::wake_at(&output), 20_000);
}

#[test]
fn wakes_that_nobody_asked_for_change_nothing() {
    let mut script = Script::new();
    script.lead();
    for ms in (500..10_000).step_by(500) {
        let output = script.at(ms, Input::Wake);
        assert!(output.request.is_none() && output.events.is_empty(), "{ms}: {output:?}");
    }
}

#[test]
fn a_reply_that_comes_twice_is_counted_and_ignored() {
    let mut script = Script::new();
    let read = script.at(0, Input::Wake).request.unwrap();
    script.at(10, Input::Reply(read.ticket, held("v1", "stalin", 4)));
    let output = script.at(20, Input::Reply(read.ticket, free("v2", 9)));
    assert!(output.request.is_none() && output.events.is_empty());
    assert_eq!(script.stale_replies(), 1);
}

/// A reply to a request that was given up is no reply to the next one. Broken by giving all of them one number.
#[test]
fn a_reply_to_an_earlier_request_is_counted_and_ignored() {
    let mut script = Script::new();
    assert_eq!(script.stale_replies(), 0);
    let first = script.at(0, Input::Wake).request.unwrap();
    let second = script.at(first.give_up_at.as_millis() + 5_000, Input::Wake).request.unwrap();
    let now = second.give_up_at.as_millis() - 1_000;
    let output = script.at(now, Input::Reply(first.ticket, free("v1", 0)));
    assert!(output.request.is_none() && output.events.is_empty(), "{output:?}");
    assert_eq!(script.stale_replies(), 1);
}

/// Whoever asks who leads is told. Broken by keeping the name of who gave the lock back.
#[test]
fn a_lock_that_was_given_back_has_no_leader() {
    let mut script = Script::new();
    script.read(0, held("v1", "stalin", 4));
    assert_eq!(script.leader(), Some("stalin"));
    let read = script.at(2_000, Input::Wake).request.unwrap();
    script.at(2_000, Input::Reply(read.ticket, script::released_by("v2", "other", 4)));
    assert_eq!(script.leader(), Some(""));
}

/// Text that names nobody lies on our term: it is still ours. Broken by telling the token of what was read last.
#[test]
fn the_token_of_a_running_term_is_told_whatever_lies_on_it() {
    let mut script = Script::new();
    script.lead();
    let (renewal, _) = script.request_due(10_000, Intent::Renew);
    let output = script.at(10_100, Input::Reply(renewal, Reply::Failed(Failure::Conflict)));
    script.at(10_200, Input::Reply(output.request.unwrap().ticket, script::unclear("v3")));
    assert_eq!(script.token(), Some(1));
}
