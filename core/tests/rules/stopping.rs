//! R6, and the orderly end in all its ways.

use std::time::Duration;

use leader_elector_core::elector::Input;
use leader_elector_core::lock::{Failure, Intent, Reason, Reply, Version, Written};
use leader_elector_core::{Event, Instant, Next, StopReason, Warning, Why, timing};

use super::script::{self, Script, free, held, ours, ours_released, written};

fn stopping(why: StopReason, by: u64) -> Event {
    Event::Stopping { why, by: Instant::from_millis(by) }
}

/// Broken by releasing at `Stop`.
#[test]
fn r6_the_release_waits_for_the_work() {
    let mut script = Script::new();
    script.lead();
    let output = script.at(5_000, Input::Stop);
    assert_eq!(output.events, [stopping(StopReason::Stop, 20_000)]);
    assert!(output.request.is_none());
    assert_eq!(output.next, Next::OnInput(Why::WorkStopped), "it waits without limit");
    assert!(script.at(900_000, Input::Wake).request.is_none());
}

#[test]
fn r6_what_is_released_is_our_own_version() {
    let mut script = Script::new();
    script.lead();
    script.at(5_000, Input::Stop);
    let output = script.at(6_000, Input::WorkStopped);
    assert_eq!(output.events, [Event::StoppedLeading]);
    assert_eq!(script::term(output.request.as_ref()).intent, Intent::Release);
    let output = script.at(6_100, Input::Reply(script.ticket(), Reply::Written(written("v3", 6_000, 0))));
    assert_eq!(output.events, [Event::Released, Event::NewLeader { leader: String::new() }]);
    assert_eq!(output.next, Next::Done);
}

/// Whoever acts on `stopping` names the term that ends. Broken by telling the record that was read before the claim.
#[test]
fn until_a_read_tells_otherwise_the_token_is_that_of_the_own_term() {
    let mut script = Script::new();
    script.claim(0, ours_released("v1", 6));
    script.at(0, Input::Reply(script.ticket(), Reply::Written(written("v2", 0, 0))));
    assert_eq!(script.token(), Some(7));
    script.at(5_000, Input::StepDown);
    assert_eq!(script.token(), Some(7), "stopping");
    script.at(6_000, Input::WorkStopped);
    assert_eq!(script.token(), Some(7), "stopped");
    let output = script.at(6_100, Input::Reply(script.ticket(), Reply::Written(written("v3", 6_000, 0))));
    assert_eq!(script.token(), Some(7), "released");
    let read = script.at(script::wake_at(&output), Input::Wake).request.unwrap();
    script.at(9_000, Input::Reply(read.ticket, held("v9", "stalin", 8)));
    assert_eq!(script.token(), Some(8), "another's");
}

/// Broken by releasing what a conflict said nothing about.
#[test]
fn r6_a_successor_is_never_erased() {
    let mut script = Script::new();
    script.lead();
    script.at(5_000, Input::Stop);
    script.at(6_000, Input::WorkStopped);
    let output = script.at(6_100, Input::Reply(script.ticket(), Reply::Failed(Failure::Conflict)));
    let read = output.request.unwrap();
    let output = script.at(6_200, Input::Reply(read.ticket, held("v9", "stalin", 2)));
    assert!(output.request.is_none());
    assert_eq!(output.next, Next::Done);
}

/// What lies on top may be another holder's: after a read that told nothing, nothing is written. Broken by releasing
/// the version that was known before.
#[test]
fn r6_nothing_is_released_until_what_stands_is_known() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    let output = script.at(11_000, Input::Reply(ticket, Reply::Failed(Failure::Unknown)));
    let read = script.at(script::wake_at(&output), Input::Wake).request.unwrap();
    script.at(12_500, Input::Reply(read.ticket, Reply::Failed(Failure::Unknown)));
    script.at(12_600, Input::Stop);
    let mut output = script.at(12_700, Input::WorkStopped);
    let mut reads = 0;
    while let Some(request) = output.request {
        assert!(script::is_read(Some(&request)), "{request:?}");
        let now = 13_000 + reads * 5_000;
        output = script.at(now, Input::Reply(request.ticket, Reply::Failed(Failure::Unknown)));
        if output.request.is_none() && output.next != Next::Done {
            output = script.at(script::wake_at(&output), Input::Wake);
        }
        reads += 1;
    }
    assert!(reads > 1 && output.next == Next::Done, "{reads}: {output:?}");
}

/// Broken by leading on a claim that was confirmed after `Stop`.
#[test]
fn r6_stopped_during_a_claim_it_never_leads_and_releases_the_claim() {
    let mut script = Script::new();
    script.claim(0, free("v1", 0));
    let claim = script.ticket();
    let output = script.at(500, Input::Stop);
    assert!(output.events.is_empty() && output.next != Next::Done, "the outcome is awaited: {output:?}");
    let output = script.at(1_500, Input::Reply(claim, Reply::Written(written("v3", 1_000, 0))));
    assert_eq!(script.until(), None);
    assert_eq!(script::term(output.request.as_ref()).intent, Intent::Release);
}

#[test]
fn r6_a_claim_of_unknown_outcome_is_looked_for_and_released() {
    let mut script = Script::new();
    script.claim(0, free("v1", 0));
    let claim = script.ticket();
    script.at(500, Input::Stop);
    let output = script.at(5_000, Input::Reply(claim, Reply::Failed(Failure::Unknown)));
    let read = output.request.unwrap();
    let output = script.at(5_100, Input::Reply(read.ticket, ours("v2", 1)));
    assert_eq!(script::term(output.request.as_ref()).intent, Intent::Release);
}

/// The reads that look for it are conditional. Broken by taking 304 for "nothing of ours".
#[test]
fn r6_what_was_read_before_and_still_stands_is_released() {
    let mut script = Script::new();
    script.claim(0, free("v1", 0));
    let output = script.at(500, Input::Reply(script.ticket(), Reply::Failed(Failure::Conflict)));
    let read = output.request.unwrap();
    let output = script.at(600, Input::Reply(read.ticket, ours("v2", 1)));
    assert!(output.request.is_none(), "claims that met part: {output:?}");
    let read = script.at(700, Input::Stop).request.unwrap();
    let output = script.at(800, Input::Reply(read.ticket, Reply::Unchanged));
    assert_eq!(script::term(output.request.as_ref()).intent, Intent::Release);
    assert_eq!(script::replaces(output.request.as_ref()), Version::from("v2"));
}

/// What was throttled or refused was not applied: there is nothing to look for, and nothing to wait for. Broken by looking
/// for it until the lease is over.
#[test]
fn stopped_after_a_claim_that_was_refused_it_ends_at_once() {
    let wait = Duration::from_mins(1);
    let reason = Reason { status: 404, message: String::new() };
    for refusal in [Failure::Throttled { wait }, Failure::Denied(reason), Failure::Unsent] {
        let mut script = Script::new();
        script.claim(0, free("v1", 0));
        script.at(500, Input::Reply(script.ticket(), Reply::Failed(refusal.clone())));
        let output = script.at(600, Input::Stop);
        assert_eq!((output.next, output.events), (Next::Done, Vec::new()), "{refusal:?}");
    }
}

/// A renewal that was on its way at the stop, with something on it: that has to be read first (R3). Broken by releasing
/// whatever lies there.
#[test]
fn r6_what_lies_on_our_last_renewal_is_read_before_the_release() {
    let mut script = Script::new();
    script.lead();
    let (renewal, _) = script.request_due(10_000, Intent::Renew);
    script.at(10_100, Input::Stop);
    script.at(10_200, Input::WorkStopped);
    let overlaid = Written { overlaid: true, ..written("v3", 10_000, 0) };
    let output = script.at(10_300, Input::Reply(renewal, Reply::Written(overlaid)));
    assert!(script::is_read(output.request.as_ref()), "{output:?}");
}

/// Others wait a lease for it. Broken by ending without a word.
#[test]
fn text_that_lies_on_what_was_to_be_released_is_said() {
    let mut script = Script::new();
    script.lead();
    script.at(5_000, Input::Stop);
    script.at(6_000, Input::WorkStopped);
    let output = script.at(6_100, Input::Reply(script.ticket(), Reply::Failed(Failure::Conflict)));
    let output = script.at(6_200, Input::Reply(output.request.unwrap().ticket, script::unclear("v3")));
    assert!(matches!(output.events[..], [Event::Warning(Warning::NotReleased { .. })]), "{output:?}");
    assert_eq!(output.next, Next::Done);
}

/// A claim of unknown outcome may still land: an earlier term's released record is not its release. Broken by taking it
/// for that.
#[test]
fn r6_the_release_of_an_earlier_term_is_not_that_of_a_claim_that_is_looked_for() {
    let mut script = Script::new();
    script.claim(0, ours_released("v1", 5));
    script.at(500, Input::Stop);
    let output = script.at(5_000, Input::Reply(script.ticket(), Reply::Failed(Failure::Unknown)));
    let output = script.at(5_100, Input::Reply(output.request.unwrap().ticket, ours_released("v1", 5)));
    assert!(output.events.is_empty() && output.next != Next::Done, "it is looked for again: {output:?}");
}

#[test]
fn a_release_of_unknown_outcome_that_a_read_shows_is_released() {
    let mut script = Script::new();
    script.lead();
    script.at(5_000, Input::Stop);
    script.at(6_000, Input::WorkStopped);
    let output = script.at(11_000, Input::Reply(script.ticket(), Reply::Failed(Failure::Unknown)));
    let at = script::wake_at(&output);
    let read = script.at(at, Input::Wake).request.unwrap();
    let output = script.at(at, Input::Reply(read.ticket, ours_released("v3", 1)));
    assert_eq!(output.events[0], Event::Released);
    assert_eq!(output.next, Next::Done);
}

#[test]
fn the_release_is_tried_until_the_lease_is_over() {
    let mut script = Script::new();
    script.lead();
    script.at(5_000, Input::Stop);
    let mut output = script.at(6_000, Input::WorkStopped);
    let mut tries = 0;
    while output.next != Next::Done {
        let at = script::wake_at(&output);
        assert!(at <= 30_000, "{at}");
        output = match output.request.take() {
            Some(request) => script.at(at.min(29_999), Input::Reply(request.ticket, Reply::Failed(Failure::Unknown))),
            None => script.at(at, Input::Wake),
        };
        tries += 1;
        assert!(tries < 50);
    }
    assert!(matches!(output.events[..], [Event::Warning(Warning::NotReleased { .. })]), "{output:?}");
}

#[test]
fn throttled_beyond_the_lease_the_release_is_given_up() {
    let mut script = Script::new();
    script.lead();
    script.at(5_000, Input::Stop);
    script.at(6_000, Input::WorkStopped);
    let wait = Duration::from_mins(1);
    let output = script.at(6_100, Input::Reply(script.ticket(), Reply::Failed(Failure::Throttled { wait })));
    assert!(matches!(output.events[..], [.., Event::Warning(Warning::NotReleased { .. })]), "{output:?}");
    assert_eq!(output.next, Next::Done);
}

#[test]
fn without_work_nothing_is_waited_for() {
    let mut script = Script::new();
    script.read(0, held("v1", "stalin", 4));
    assert_eq!(script.at(100, Input::Stop).next, Next::Done);
    assert!(script.at(99_000, Input::Wake).request.is_none());
}

#[test]
fn the_grace_comes_before_the_end() {
    let grace = Duration::from_secs(3);
    let mut script = Script::with(timing::Settings { stop_grace: grace, ..timing::Settings::default() });
    script.lead();
    script.request_due(10_000, Intent::Renew);
    let output = script.at(17_000, Input::Wake);
    assert_eq!(output.events, [stopping(StopReason::Deadline, 20_000)]);
    assert_eq!(script.until(), None);
}

#[test]
fn a_confirmation_within_the_grace_starts_nothing() {
    let grace = Duration::from_secs(3);
    let mut script = Script::with(timing::Settings { stop_grace: grace, ..timing::Settings::default() });
    script.lead_with(written("v2", 0, 0), 17_000);
    assert_eq!(script.until(), None);
}

#[test]
fn losing_the_lease_is_not_the_end() {
    let mut script = Script::new();
    script.lead();
    script.request_due(10_000, Intent::Renew);
    script.at(20_000, Input::Wake);
    let output = script.at(20_500, Input::WorkStopped);
    assert_eq!(output.events, [Event::StoppedLeading]);
    assert_ne!(output.next, Next::Done);
}

/// Broken by claiming the lock that it has just released.
#[test]
fn who_steps_down_stays_away_for_a_lease() {
    let mut script = Script::new();
    script.lead();
    script.at(5_000, Input::StepDown);
    script.at(5_000, Input::WorkStopped);
    let output = script.at(5_100, Input::Reply(script.ticket(), Reply::Written(written("v3", 5_000, 0))));
    assert_eq!(output.events[0], Event::Released);
    let read = output.request.unwrap();
    let output = script.at(5_200, Input::Reply(read.ticket, free("v3", 1)));
    assert!(output.request.is_none());
    script.nothing_claimed_before(35_000);
    script.claims_from(35_000, &Reply::Unchanged);
}

/// Others respect the newest write of ours that landed, not the claim. Broken by counting from the claim.
#[test]
fn the_release_is_tried_until_the_lease_of_the_last_renewal_is_over() {
    let renewed = Reply::Written(written("v3", 10_000, 0));
    let shown = script::acknowledging(ours("v3", 1), written("v3", 10_000, 0));
    for replies in [vec![renewed], vec![Reply::Failed(Failure::Conflict), shown]] {
        let mut script = Script::new();
        script.lead();
        script.request_due(10_000, Intent::Renew);
        for reply in replies {
            script.at(10_100, Input::Reply(script.ticket(), reply));
        }
        script.at(11_000, Input::Stop);
        let mut output = script.at(11_000, Input::WorkStopped);
        let mut last = 11_000;
        while output.next != Next::Done {
            if let Some(request) = &output.request {
                output = script.at(last, Input::Reply(request.ticket, Reply::Failed(Failure::Unsent)));
            } else {
                last = script::wake_at(&output);
                output = script.at(last, Input::Wake);
            }
        }
        assert!((39_000..=40_000).contains(&last), "{last}");
    }
}

/// A renewal of unknown outcome, answered while the work ends: what stands has to be read first. Broken by releasing on what
/// was known before.
#[test]
fn r6_what_a_renewal_came_to_while_the_work_ended_is_read_before_the_release() {
    for failure in [Failure::Unknown, Failure::Conflict] {
        let mut script = Script::new();
        script.lead();
        let (renewal, _) = script.request_due(10_000, Intent::Renew);
        script.at(10_100, Input::Stop);
        script.at(10_200, Input::Reply(renewal, Reply::Failed(failure)));
        let output = script.at(10_300, Input::WorkStopped);
        assert!(script::is_read(output.request.as_ref()), "{output:?}");
    }
}

/// A claim of unknown outcome never landed, and what stands is our term before. Broken by releasing it with the claim's
/// token.
#[test]
fn r7_what_is_released_keeps_its_own_token() {
    let mut script = Script::new();
    script.claim(0, ours("v1", 5));
    script.at(500, Input::Stop);
    let output = script.at(5_000, Input::Reply(script.ticket(), Reply::Failed(Failure::Unknown)));
    let output = script.at(5_100, Input::Reply(output.request.unwrap().ticket, ours("v1", 5)));
    let release = script::term(output.request.as_ref());
    assert_eq!((release.intent, release.token.get()), (Intent::Release, 5));
}

/// Broken by looking until the lease is over.
#[test]
fn a_claim_that_is_nowhere_is_looked_for_a_few_times() {
    let mut script = Script::new();
    script.claim(0, free("v1", 0));
    script.at(500, Input::Stop);
    let mut output = script.at(5_000, Input::Reply(script.ticket(), Reply::Failed(Failure::Unknown)));
    let mut reads = 0;
    while output.next != Next::Done {
        let read = output.request.take().or_else(|| script.at(script::wake_at(&output), Input::Wake).request);
        output = script.at(6_000 + reads * 5_000, Input::Reply(read.unwrap().ticket, free("v1", 0)));
        reads += 1;
    }
    assert_eq!(reads, 3);
}

/// Broken by staying away for a lease.
#[test]
fn a_follower_that_is_asked_to_step_down_goes_on_following() {
    let mut script = Script::new();
    script.read(0, held("v1", "stalin", 4));
    let output = script.at(1_000, Input::StepDown);
    assert!(output.events.is_empty() && output.request.is_none(), "{output:?}");
    script.nothing_claimed_before(30_000);
    assert!(script.claims_from(30_000, &Reply::Unchanged) <= 30_250);
}
