//! What a reply leads to while leading and while releasing, and what can be seen of it from outside.

use std::time::Duration;

use leader_elector_core::elector::Input;
use leader_elector_core::lock::{Failure, Intent, Reason, Reply, Version};
use leader_elector_core::{Event, Next, Warning, Why};

use crate::script::{Script, acknowledging, free, held, is_read, ours, replaces, term, unclear, written};

#[test]
fn an_acknowledged_renewal_extends_the_term_and_the_next_is_an_interval_later() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    script.at(10_100, Input::Reply(ticket, Reply::Written(written("v3", 10_000, 0))));
    assert_eq!(script.until(), Some(29_400), "98 % of the lease, from the newest write that cannot vanish");
    script.at(19_999, Input::Wake);
    let output = script.at(20_000, Input::Wake);
    assert_eq!(term(output.request.as_ref()).intent, Intent::Renew);
    assert_eq!(replaces(output.request.as_ref()), Version::from("v3"));
    script.at(20_100, Input::Reply(script.ticket(), Reply::Written(written("v4", 20_000, 10_000))));
    assert_eq!(script.until(), Some(39_400));
}

#[test]
fn an_acknowledgement_that_proves_less_takes_nothing_back() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    script.at(10_100, Input::Reply(ticket, Reply::Written(written("v3", 0, 0))));
    assert_eq!(script.until(), Some(20_000));
}

#[test]
fn a_read_that_shows_the_renewal_acknowledges_it() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    let output = script.at(12_000, Input::Reply(ticket, Reply::Failed(Failure::Unknown)));
    let at = crate::script::wake_at(&output);
    let read = script.at(at, Input::Wake).request;
    assert!(is_read(read.as_ref()));
    let shown = acknowledging(ours("v3", 1), written("v3", 10_000, 0));
    script.at(at, Input::Reply(read.unwrap().ticket, shown));
    assert_eq!(script.until(), Some(29_400));
    assert!(script.at(19_999, Input::Wake).request.is_none(), "it counts as renewed at 10 s");
    assert_eq!(replaces(script.at(20_000, Input::Wake).request.as_ref()), Version::from("v3"));
}

#[test]
fn a_read_that_shows_an_older_write_of_ours_has_it_renewed_at_once() {
    for sent in [0, 5_000] {
        let mut script = Script::new();
        script.lead_with(written("v2", 5_000, 0), 5_100);
        let (ticket, _) = script.request_due(15_000, Intent::Renew);
        let output = script.at(15_100, Input::Reply(ticket, Reply::Failed(Failure::Conflict)));
        let read = output.request.unwrap().ticket;
        let shown = acknowledging(ours("v2", 1), written("v2", sent, 0));
        let output = script.at(15_200, Input::Reply(read, shown));
        assert_eq!(replaces(output.request.as_ref()), Version::from("v2"));
        assert_eq!(script.until(), Some(25_000));
    }
}

#[test]
fn what_lies_on_our_term_is_lost_to_another_or_renewed_over() {
    let table = [
        // Another's, released: of a term that came later, or of one before ours.
        (released("stalin-1", 2), true),
        (released("stalin-1", 1), false),
        // Ours by instance and not by token: another term of this process, never this one.
        (ours("v9", 2), true),
        (ours("v9", 1), false),
        (held("v9", "stalin", 1), true),
        (unclear("v9"), false),
        (free("v9", 1), false),
    ];
    for (reply, is_lost) in table {
        let mut script = Script::new();
        script.lead();
        let (ticket, _) = script.request_due(10_000, Intent::Renew);
        let read = script.at(10_100, Input::Reply(ticket, Reply::Failed(Failure::Conflict))).request.unwrap().ticket;
        let output = script.at(10_200, Input::Reply(read, reply.clone()));
        assert_eq!(script.until().is_none(), is_lost, "{reply:?}");
        if !is_lost {
            assert_eq!(replaces(output.request.as_ref()), Version::from("v9"), "{reply:?}");
        }
    }
}

#[test]
fn a_renewal_that_was_surely_not_sent_is_tried_again_on_the_same_head() {
    let mut script = Script::new();
    script.lead();
    let (ticket, _) = script.request_due(10_000, Intent::Renew);
    let output = script.at(10_100, Input::Reply(ticket, Reply::Failed(Failure::Unsent)));
    let request = script.at(crate::script::wake_at(&output), Input::Wake).request;
    assert_eq!(replaces(request.as_ref()), Version::from("v2"));
}

#[test]
fn a_wait_that_ends_within_the_lease_is_a_plain_warning() {
    for (wait, left) in [(9_899, None), (9_900, Some(9_900))] {
        let mut script = Script::new();
        script.lead();
        let (ticket, _) = script.request_due(10_000, Intent::Renew);
        let wait = Duration::from_millis(wait);
        let output = script.at(10_100, Input::Reply(ticket, Reply::Failed(Failure::Throttled { wait })));
        let warning = match left.map(Duration::from_millis) {
            None => Warning::Throttled { wait },
            Some(left) => Warning::ThrottledBeyondLease { wait, left },
        };
        assert_eq!(output.events, [Event::Warning(warning)]);
    }
}

#[test]
fn a_wait_in_a_reply_that_nobody_awaits_counts_if_it_is_longer() {
    for (wait, due) in [(1_000, 2_000), (60_000, 60_500)] {
        let mut script = Script::new();
        script.read(0, held("v1", "stalin", 4));
        let wait = Duration::from_millis(wait);
        let output = script.at(500, Input::Reply(script.ticket(), Reply::Failed(Failure::Throttled { wait })));
        assert_eq!(crate::script::wake_at(&output), due);
        assert_eq!(script.stale_replies(), 1);
    }
}

#[test]
fn a_renewal_still_under_way_is_what_there_is_to_release() {
    let mut script = Script::new();
    script.lead();
    let (renewal, _) = script.request_due(10_000, Intent::Renew);
    script.at(10_050, Input::Stop);
    script.at(10_060, Input::WorkStopped);
    let output = script.at(10_100, Input::Reply(renewal, Reply::Written(written("v3", 10_000, 0))));
    assert_eq!(term(output.request.as_ref()).intent, Intent::Release);
    assert_eq!(replaces(output.request.as_ref()), Version::from("v3"));
    // It may be tried for as long as the renewal stands for others.
    let output = script.at(10_200, Input::Reply(script.ticket(), Reply::Failed(Failure::Unsent)));
    let request = script.at(crate::script::wake_at(&output), Input::Wake).request;
    assert_eq!(replaces(request.as_ref()), Version::from("v3"));
    let output = script.at(25_000, Input::Reply(script.ticket(), Reply::Failed(throttled(14_999))));
    assert!(matches!(output.next, Next::WakeAt(_, Why::Throttled)), "{output:?}");
}

#[test]
fn a_release_that_met_a_conflict_reads_at_once_and_releases_what_it_finds() {
    let mut script = Script::new();
    script.lead();
    script.at(5_000, Input::Stop);
    script.at(6_000, Input::WorkStopped);
    let read = script.at(6_100, Input::Reply(script.ticket(), Reply::Failed(Failure::Conflict))).request;
    assert!(is_read(read.as_ref()));
    let output = script.at(6_200, Input::Reply(read.unwrap().ticket, ours("v7", 1)));
    assert_eq!(replaces(output.request.as_ref()), Version::from("v7"));
    assert_eq!(term(output.request.as_ref()).token.get(), 1);
}

#[test]
fn what_is_seen_is_told() {
    let mut script = Script::new();
    assert_eq!((script.leader(), script.token(), script.stands_until()), (None, None, None));
    script.read(0, held("v1", "stalin", 4));
    assert_eq!((script.leader(), script.token(), script.stands_until()), (Some("stalin"), Some(4), Some(30_000)));
    script.read_due(2_000, 2_000, unclear("v2"));
    assert_eq!((script.leader(), script.stands_until()), (Some("stalin"), Some(32_000)), "unclear text names nobody");
    let output = script.read_due(4_000, 4_000, free("v3", 4));
    assert_eq!(output.events, [Event::NewLeader { leader: String::new() }]);
    assert_eq!((script.leader(), script.stands_until()), (Some(""), None));
    let output = script.at(5_000, Input::Reply(script.ticket(), Reply::Written(written("v4", 4_000, 4_000))));
    assert_eq!(output.events[0], Event::NewLeader { leader: "napoleon".to_owned() });
    assert_eq!((script.leader(), script.token()), (Some("napoleon"), Some(5)));
}

#[test]
fn what_holds_up_a_retry_can_be_taken_away_and_nothing_else() {
    let mut script = Script::new();
    let read = script.at(0, Input::Wake).request.unwrap().ticket;
    let reason = Reason { status: 403, message: "no".to_owned() };
    script.at(0, Input::Reply(read, Reply::Failed(Failure::Denied(reason))));
    script.retry_now(100);
    assert!(is_read(script.at(100, Input::Wake).request.as_ref()));
    let mut script = Script::new();
    script.read(0, held("v1", "stalin", 4));
    script.retry_now(100);
    assert!(script.at(100, Input::Wake).request.is_none(), "a poll is no retry");
}

/// Released by another instance.
fn released(instance: &str, token: u64) -> Reply {
    crate::script::released_by("v9", instance, token)
}

fn throttled(ms: u64) -> Failure {
    Failure::Throttled { wait: Duration::from_millis(ms) }
}
