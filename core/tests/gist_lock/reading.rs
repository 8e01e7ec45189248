//! Reading without being fooled.

use std::time::Duration;

use leader_elector_core::WriteMode::{Patch, Push};
use leader_elector_core::emulator::{HistoryField, RevisionId};
use leader_elector_core::lock::{Failure, Intent, Reply, Written};
use leader_elector_core::warning::Warning;
use leader_elector_core::{Lock, WriteMode};

use crate::hand::{Hand, LEASE, Trick, failed, foreign, status};

#[test]
fn without_history_content_and_list_are_two_moments_and_must_agree() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        hand.store.history(HistoryField::Null);
        // Between the content and the list somebody takes the lock: what was read as free no longer is.
        hand.tricks([Trick::Pass, Trick::After(Box::new(|store| store.edit(Some(&foreign("go", 60, 3)))))]);
        assert_eq!(*failed(&hand.read()), Failure::Unknown, "{write}");
        let standing = hand.standing();
        assert_eq!(standing.stands_for, Duration::from_mins(1), "{write}");
    }
}

#[test]
fn a_404_on_a_revision_means_that_the_list_is_outdated() {
    let mut hand = Hand::new(Patch);
    hand.store.edit(Some("garbled"));
    hand.store.edit(Some("garbled again"));
    hand.tricks([Trick::Pass, Trick::Say(status(404))]);
    assert_eq!(*failed(&hand.read()), Failure::Unknown);
    hand.standing();
}

#[test]
fn an_etag_is_kept_only_with_a_snapshot_that_was_resolved_to_its_end() {
    let mut hand = Hand::new(Patch);
    hand.store.edit(Some("garbled"));
    // The gist is read, what lies below it is not.
    hand.tricks([Trick::Pass, Trick::Lose]);
    assert_eq!(*failed(&hand.read()), Failure::Unknown);
    hand.standing();
    assert_eq!(hand.count("GET* "), 0, "{:?}", hand.asked);
    assert_eq!(hand.read(), Reply::Unchanged);
    assert_eq!(hand.count("GET* "), 1, "{:?}", hand.asked);
}

/// A 304 after another head was seen would speak of a snapshot that is no longer the newest.
#[test]
fn an_etag_is_dropped_once_another_head_was_seen() {
    let mut hand = Hand::new(Patch);
    hand.standing();
    hand.store.edit(Some("garbled"));
    hand.tricks([Trick::Pass, Trick::Lose]);
    assert_eq!(*failed(&hand.read()), Failure::Unknown);
    let asked = hand.asked.len();
    assert!(matches!(hand.read(), Reply::Standing(_)));
    assert!(hand.asked[asked].starts_with("GET /"), "{:?}", &hand.asked[asked..]);
}

/// The list of a snapshot that was never resolved has told what is old all the same.
#[test]
fn what_is_older_is_noted_when_the_list_is_seen() {
    let mut hand = Hand::new(Patch);
    hand.claimed();
    let before = hand.store.head();
    hand.store.edit(Some("garbled first"));
    hand.store.edit(Some("garbled"));
    hand.tricks([Trick::Pass, Trick::Lose]);
    assert_eq!(*failed(&hand.read()), Failure::Unknown);
    hand.tricks([Trick::Stale(before)]);
    assert_eq!(*failed(&hand.read()), Failure::Unknown);
    let said = hand.lock.take_warnings();
    assert!(said.iter().any(|warning| matches!(warning, Warning::StaleRead { .. })), "{said:?}");
}

#[test]
fn another_holder_ends_the_term_at_first_sight_even_if_more_has_to_be_fetched() {
    for (write, history) in [
        (Patch, HistoryField::Null),
        (Push, HistoryField::Null),
        (Patch, HistoryField::Present),
        (Push, HistoryField::Present),
    ] {
        let mut hand = Hand::new(write);
        hand.claimed();
        hand.store.history(history);
        hand.store.edit(Some("what lies between, and is not known"));
        hand.store.edit(Some(&foreign("go", 15, 9)));
        let asked = hand.asked.len();
        assert_eq!(*failed(&hand.read()), Failure::Superseded, "{write}");
        assert_eq!(hand.asked.len(), asked + 1, "{write}: the first answer is enough");
    }
}

/// Leads with token 10 after a program whose record stood at the revision named, in a store that tells no history.
fn leads_after_another(write: WriteMode) -> (Hand, RevisionId, Written) {
    let mut hand = Hand::new(write);
    hand.store.edit(Some(&foreign("go", 15, 9)));
    let foreign = hand.standing();
    let before = hand.store.head();
    hand.pass(Duration::from_secs(LEASE));
    let claimed = hand.written(Intent::Claim, 10, &foreign.head);
    hand.store.history(HistoryField::Null);
    (hand, before, claimed)
}

/// Where `history` is missing the text comes before the list: one that is known to be older is no holder to give way to.
/// Broken by looking for it in the last snapshot only, which an own write drops.
#[test]
fn the_text_of_a_predecessor_in_a_stale_read_ends_no_term() {
    for write in [Patch, Push] {
        let (mut hand, before, claimed) = leads_after_another(write);
        hand.tricks([Trick::LoseAnswer, Trick::Stale(before)]);
        assert_eq!(*failed(&hand.try_write(Intent::Renew, 10, &claimed.head)), Failure::Unknown, "{write}");
        assert_eq!(*failed(&hand.read()), Failure::Unknown, "{write}");
        assert!(hand.standing().acknowledges.is_some(), "{write}");
    }
}

/// The same in the answer to a PATCH.
#[test]
fn the_text_of_a_predecessor_in_a_stale_answer_ends_no_term() {
    let (mut hand, before, claimed) = leads_after_another(Patch);
    let look = http::Request::get(format!("http://api.test/gists/{}", hand.store.gist))
        .header("user-agent", "test")
        .header("authorization", "Bearer secret")
        .body(Vec::new())
        .unwrap();
    let stale = hand.store.emulator.handle_at(crate::hand::EPOCH + hand.store.ms, "test", &look, before);
    hand.tricks([Trick::SayAfter(stale)]);
    let reply = hand.try_write(Intent::Renew, 10, &claimed.head);
    assert!(matches!(reply, Reply::Written(_)), "the list, which is none of those, shows it: {reply:?}");
}

#[test]
fn a_stale_read_is_counted_and_changes_nothing() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let (token, claimed) = hand.claimed();
        let before = hand.store.head();
        hand.written(Intent::Renew, token, &claimed.head);
        hand.tricks([Trick::Stale(before)]);
        assert_eq!(*failed(&hand.read()), Failure::Unknown, "{write}");
        let said = hand.lock.take_warnings();
        assert!(said.iter().any(|warning| matches!(warning, Warning::StaleRead { .. })), "{write}: {said:?}");
        assert!(hand.standing().acknowledges.is_some(), "{write}");
    }
}

#[test]
fn what_is_stale_for_a_whole_lease_is_history_that_somebody_rewrote() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let before = hand.store.head();
        hand.claimed();
        let gist = hand.store.gist;
        assert!(hand.store.emulator.reset(crate::hand::EPOCH + hand.store.ms, gist, before));
        assert_eq!(*failed(&hand.read()), Failure::Unknown, "{write}");
        hand.pass(Duration::from_secs(LEASE));
        assert!(hand.standing().record.is_none(), "{write}: it is believed in the end");
    }
}

#[test]
fn revisions_by_id_are_remembered() {
    let mut hand = Hand::new(Patch);
    for round in 0..5 {
        hand.store.edit(Some(&format!("garbled {round}")));
    }
    hand.standing();
    let fetched = |hand: &Hand| hand.count("GET /gists/ID/") - hand.count("GET /gists/ID/commits");
    let before = fetched(&hand);
    assert!(before >= 5, "{:?}", hand.asked);
    hand.store.edit(Some("garbled once more"));
    hand.standing();
    assert_eq!(fetched(&hand), before, "{:?}", hand.asked);
}

#[test]
fn half_an_answer_and_other_garbage_are_no_answer() {
    for body in
        [&b""[..], b"{", b"[]", b"null", b"{\"files\":3}", b"\xff\xfe", b"{\"files\":{\"x\":{\"content\":\"\xff\"}}}"]
    {
        let mut hand = Hand::new(Patch);
        let mut response = status(200);
        *response.body_mut() = body.to_vec();
        hand.tricks([Trick::Say(response)]);
        assert_eq!(*failed(&hand.read()), Failure::Unknown, "{body:?}");
        hand.standing();
    }
}
