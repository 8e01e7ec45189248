//! Valid and void: what counts, for its writer and for every reader.

use std::time::Duration;

use leader_elector_core::WriteMode::{Patch, Push};
use leader_elector_core::emulator::HistoryField;
use leader_elector_core::lock::{Failure, Intent, Reply};

use crate::hand::{Hand, LEASE, Store, Trick, failed, foreign, status};

/// Two candidates read the same head, and both write.
#[test]
fn of_two_claims_on_one_head_the_first_counts_and_the_other_is_void_or_refused() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let free = hand.standing();
        let ours = hand.become_other("theirs");
        let same = hand.standing();
        assert_eq!(same.head, free.head);
        hand.written(Intent::Claim, 1, &same.head);
        let theirs = std::mem::replace(&mut hand.lock, ours);
        // A push is not even sent where the branch's head is another; a PATCH cannot know.
        let expected = if write == Push { Failure::Unsent } else { Failure::Conflict };
        assert_eq!(*failed(&hand.try_write(Intent::Claim, 1, &free.head)), expected, "{write}");
        hand.lock = theirs;
        let standing = hand.standing();
        assert_eq!(standing.record.unwrap().holder, "theirs", "{write}: the void one changes nothing");
    }
}

#[test]
fn an_old_text_put_back_by_a_person_is_void() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        hand.claimed();
        let old = hand.store.lock_file();
        let (_, token) = (hand.standing(), 1);
        let head = hand.standing_head();
        hand.written(Intent::Release, token, &head);
        hand.store.edit(Some(&old));
        let standing = hand.standing();
        assert_eq!(standing.stands_for, Duration::ZERO, "{write}: the release below it counts");
        assert!(!standing.record.unwrap().is_held(), "{write}");
        assert_ne!(standing.state, standing.head, "{write}");
    }
}

#[test]
fn a_record_without_base_counts() {
    let mut hand = Hand::new(Push);
    hand.store.edit(Some(&foreign("go", 45, 3)));
    let standing = hand.standing();
    assert_eq!((standing.state == standing.head, standing.stands_for), (true, Duration::from_secs(45)));
}

/// A gist with a long history, of which the last visible revision is ours and its parent is not shown.
#[test]
fn the_oldest_visible_counts_but_never_as_the_head() {
    let mut hand = Hand::new(Patch);
    hand.claimed();
    for round in 0..150 {
        hand.store.edit(Some(&format!("garbled {round}")));
    }
    let standing = hand.standing();
    assert_eq!(standing.stands_for, Duration::from_secs(LEASE), "text that is no record stands for a lease");
    assert!(standing.bar.is_some(), "no record within the bound: the newest token is not known");
    // A void head above what cannot be seen is not valid by being all there is.
    let mut hand = Hand::new(Patch);
    let (token, written) = hand.claimed();
    let text = hand.store.lock_file();
    hand.written(Intent::Release, token, &written.head);
    for round in 0..150 {
        hand.store.edit_file("notes.md", Some(&format!("note {round}")));
    }
    hand.store.edit(Some(&text));
    let standing = hand.standing();
    assert!(standing.record.is_none_or(|record| !record.is_held()), "an old text put back is void");
}

#[test]
fn a_holder_that_finds_another_head_than_its_own_learns_it_from_the_write() {
    let mut hand = Hand::new(Patch);
    let (token, written) = hand.claimed();
    // Somebody edits another file right after our renewal has landed.
    hand.tricks([Trick::LoseAnswer]);
    let head = written.head.clone();
    assert_eq!(*failed(&hand.try_write(Intent::Renew, token, &head)), Failure::Unknown);
    hand.store.edit_file("notes.md", Some("by hand\n"));
    let standing = hand.standing();
    let acknowledged = standing.acknowledges.expect("our renewal lies valid below it");
    assert!(acknowledged.overlaid && acknowledged.head == standing.head);
    let renewed = hand.written(Intent::Renew, token, &standing.head);
    assert!(!renewed.overlaid);
}

#[test]
fn two_hundred_without_our_revision_is_at_most_a_read() {
    let mut hand = Hand::new(Patch);
    let free = hand.standing();
    let mut other = Hand::new(Patch);
    other.standing();
    // What a read of the gist without our write would show.
    let request = http::Request::get(format!("http://api.test/gists/{}", hand.store.gist))
        .header("user-agent", "test")
        .header("authorization", "Bearer secret")
        .body(Vec::new())
        .unwrap();
    let before = hand.store.emulator.handle(crate::hand::EPOCH, "test", &request);
    hand.tricks([Trick::SayAfter(before)]);
    assert_eq!(*failed(&hand.try_write(Intent::Claim, 1, &free.head)), Failure::Unknown);
    assert!(matches!(hand.read(), Reply::Standing(standing) if standing.acknowledges.is_none()), "never adopted");
}

/// The answer to our PATCH may show what somebody laid on it already. Which revision is ours, only the text of the one
/// above our base tells, read by its id.
#[test]
fn a_write_that_was_overlaid_before_its_answer_is_looked_up_by_its_id() {
    for history in [HistoryField::Present, HistoryField::Null] {
        let mut hand = Hand::new(Patch);
        hand.store.history(history);
        let (token, claimed) = hand.claimed();
        hand.pass(Duration::from_secs(8));
        let notes = |store: &mut Store| store.edit_file("notes.md", Some("by hand\n"));
        hand.tricks([Trick::Overlaid(Box::new(notes))]);
        let sent = hand.now().at + Duration::from_secs(2);
        let written = hand.written(Intent::Renew, token, &claimed.head);
        let ours = hand.store.emulator.revisions(hand.store.gist).nth(1).unwrap().id().to_string();
        assert_eq!(hand.asked.last(), Some(&format!("GET /gists/ID/{ours}")), "{:?}", hand.asked);
        assert_eq!((written.sent, written.overlaid), (sent, true), "{history:?}: it counts, and lies below");
        assert_eq!(written.head, hand.standing_head(), "{history:?}: the next one goes on top");
    }
}

/// The same, where the list is older or newer than the revision: nothing is known, until a read tells.
#[test]
fn a_write_whose_revision_cannot_be_looked_up_is_of_unknown_outcome() {
    // Neither a refusal nor a throttling of the look says anything of the write.
    let refusals = [403, 404, 429, 502].map(|code| Trick::Say(status(code)));
    for lost in refusals.into_iter().chain([Trick::Lose]) {
        let mut hand = Hand::new(Patch);
        let (token, claimed) = hand.claimed();
        hand.pass(Duration::from_secs(8));
        let notes = |store: &mut Store| store.edit_file("notes.md", Some("by hand\n"));
        hand.tricks([Trick::Overlaid(Box::new(notes)), lost]);
        let sent = hand.now().at + Duration::from_secs(2);
        assert_eq!(*failed(&hand.try_write(Intent::Renew, token, &claimed.head)), Failure::Unknown);
        hand.pass(Duration::from_mins(1));
        assert_eq!(hand.standing().acknowledges.expect("it landed").sent, sent);
    }
}

/// R3: what stands on top is enough. Nothing more is asked for.
#[test]
fn a_write_that_another_holder_overlaid_ends_the_term() {
    let mut hand = Hand::new(Patch);
    let (token, claimed) = hand.claimed();
    hand.pass(Duration::from_secs(8));
    hand.tricks([Trick::Overlaid(Box::new(|store| store.edit(Some(&foreign("go", 15, 9)))))]);
    assert_eq!(*failed(&hand.try_write(Intent::Renew, token, &claimed.head)), Failure::Superseded);
    assert!(hand.asked.last().unwrap().starts_with("PATCH"), "{:?}", hand.asked);
}

/// R3: so is what lies on our base, below our own write, once its text was fetched. Broken by calling the write void, and
/// reading again.
#[test]
fn a_write_that_landed_on_another_holders_ends_the_term() {
    let mut hand = Hand::new(Patch);
    let (token, claimed) = hand.claimed();
    hand.pass(Duration::from_secs(8));
    hand.tricks([Trick::After(Box::new(|store| store.edit(Some(&foreign("go", 15, 9)))))]);
    assert_eq!(*failed(&hand.try_write(Intent::Renew, token, &claimed.head)), Failure::Superseded);
    assert!(hand.asked.last().unwrap().starts_with("GET /gists/ID/"), "{:?}", hand.asked);
}

impl Hand {
    fn standing_head(&mut self) -> leader_elector_core::lock::Version {
        let head = self.store.head().to_string();
        leader_elector_core::lock::Version::from(head.as_str())
    }
}
