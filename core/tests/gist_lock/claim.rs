//! Claim, settle, confirm; solid; unknown outcomes; one write in either mode.

use std::time::Duration;

use leader_elector_core::Lock;
use leader_elector_core::WriteMode::{Patch, Push};
use leader_elector_core::lock::{Failure, Intent, Reply};
use leader_elector_core::warning::Warning;

use crate::hand::{EPOCH, Hand, Trick, failed, foreign, status};

const WRITES: [&str; 2] = ["PATCH", "POST"];

fn writes(hand: &Hand) -> usize {
    WRITES.iter().map(|method| hand.count(method)).sum()
}

#[test]
fn a_claim_is_confirmed_by_a_second_write_after_settle() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let before = hand.now().at;
        let (_, written) = hand.claimed();
        assert_eq!(writes(&hand), 2, "{write}: {:?}", hand.asked);
        assert!(written.sent.since(before) > Duration::from_secs(1), "{write}: it counts from the confirmation");
        assert!(written.solid < written.sent, "{write}: and rests on the claim");
    }
}

#[test]
fn without_settle_one_write_is_enough() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write).settle(0);
        let (_, written) = hand.claimed();
        assert_eq!((writes(&hand), written.solid), (1, written.sent), "{write}");
    }
}

/// The store dropped the claim within settle, and another stands there.
#[test]
fn a_claim_that_vanished_while_it_settled_is_no_term() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let free = hand.standing();
        let before = hand.store.head();
        let reads = if write == Push { 2 } else { 1 };
        let mut tricks: Vec<_> = (0..reads).map(|_| Trick::Pass).collect();
        tricks.push(Trick::After(Box::new(move |store| {
            assert!(store.emulator.reset(EPOCH + store.ms, store.gist, before));
            store.edit(Some(&foreign("go", 15, 1)));
        })));
        hand.tricks(tricks);
        assert_eq!(*failed(&hand.try_write(Intent::Claim, 1, &free.head)), Failure::Conflict, "{write}");
        assert_eq!(writes(&hand), 1, "{write}: nothing is written over the other");
    }
}

#[test]
fn a_void_confirmation_is_repeated_once_on_the_new_head() {
    let mut hand = Hand::new(Patch);
    let free = hand.standing();
    // Between the look and the confirmation somebody edits another file: the confirmation's base is not its parent.
    hand.tricks([
        Trick::Pass,
        Trick::Pass,
        Trick::After(Box::new(|store| store.edit_file("notes.md", Some("by hand\n")))),
    ]);
    let written = hand.written(Intent::Claim, 1, &free.head);
    assert_eq!(writes(&hand), 3, "{:?}", hand.asked);
    assert!(!written.overlaid);
}

#[test]
fn after_a_second_void_confirmation_the_claim_is_given_up() {
    let mut hand = Hand::new(Patch);
    let free = hand.standing();
    let edit = |text: &'static str| Trick::After(Box::new(move |store| store.edit_file("notes.md", Some(text))));
    hand.tricks([Trick::Pass, Trick::Pass, edit("one\n"), Trick::Pass, Trick::Pass, edit("two\n")]);
    assert!(matches!(hand.try_write(Intent::Claim, 1, &free.head), Reply::Failed(_)));
    assert_eq!(writes(&hand), 3, "{:?}", hand.asked);
}

#[test]
fn a_confirmation_of_unknown_outcome_is_followed_back_to_its_claim() {
    for write in [Patch, Push] {
        for lost in [Trick::LoseAnswer, Trick::SayAfter(status(409)), Trick::SayAfter(status(502))] {
            let mut hand = Hand::new(write);
            let free = hand.standing();
            let mut tricks = vec![Trick::Pass, Trick::Pass, lost];
            if write == Push {
                tricks.insert(0, Trick::Pass);
            }
            hand.tricks(tricks);
            hand.written(Intent::Claim, 1, &free.head);
            assert_eq!(writes(&hand), 2, "{write}: {:?}", hand.asked);
        }
    }
}

#[test]
fn a_claim_of_unknown_outcome_is_never_adopted_and_its_token_is_used_up() {
    for write in [Patch, Push] {
        for lost in [Trick::LoseAnswer, Trick::SayAfter(status(409)), Trick::SayAfter(status(500))] {
            let mut hand = Hand::new(write);
            let free = hand.standing();
            hand.tricks(if write == Push { vec![Trick::Pass, lost] } else { vec![lost] });
            assert_eq!(*failed(&hand.try_write(Intent::Claim, 1, &free.head)), Failure::Unknown, "{write}");
            let standing = hand.standing();
            assert_eq!(standing.acknowledges, None, "{write}: it stands there, and is not led on");
            assert_eq!(standing.newest_token.get(), 1, "{write}");
        }
        // The same where it never arrived: nobody can know.
        let mut hand = Hand::new(write);
        let free = hand.standing();
        hand.tricks(if write == Push { vec![Trick::Pass, Trick::Lose] } else { vec![Trick::Lose] });
        hand.try_write(Intent::Claim, 1, &free.head);
        assert_eq!(hand.standing().newest_token.get(), 1, "{write}");
    }
}

#[test]
fn a_write_that_surely_never_left_used_nothing_up() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let free = hand.standing();
        hand.tricks([Trick::Unsent]);
        assert_eq!(*failed(&hand.try_write(Intent::Claim, 1, &free.head)), Failure::Unsent, "{write}");
        assert_eq!(hand.standing().newest_token.get(), 0, "{write}");
    }
}

#[test]
fn a_read_that_shows_our_renewal_acknowledges_it_from_when_it_was_first_sent() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let (token, claimed) = hand.claimed();
        hand.pass(Duration::from_secs(8));
        hand.tricks([Trick::LoseAnswer]);
        let sent = hand.now().at + Duration::from_secs(2);
        assert_eq!(*failed(&hand.try_write(Intent::Renew, token, &claimed.head)), Failure::Unknown, "{write}");
        hand.pass(Duration::from_secs(3));
        let shown = hand.standing().acknowledges.expect("it landed");
        assert_eq!(shown.sent, sent, "{write}");
    }
}

/// The newest own write below the acknowledged one that had been known for `settle` before that one was sent.
#[test]
fn solid_is_the_newest_write_that_can_no_longer_vanish() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let (token, claimed) = hand.claimed();
        hand.pass(Duration::from_secs(8));
        let first = hand.written(Intent::Renew, token, &claimed.head);
        assert_eq!(first.solid, claimed.sent, "{write}: the confirmation had settled");
        hand.pass(Duration::from_secs(8));
        let second = hand.written(Intent::Renew, token, &first.head);
        assert_eq!(second.solid, first.sent, "{write}");
        // Less than settle after its acknowledgement the one before proves nothing yet.
        let hasty = {
            let at = hand.store.ms;
            let third = hand.written(Intent::Renew, token, &second.head);
            hand.store.ms = hand.store.ms.min(at + 5000) - 1500;
            (third, hand.written(Intent::Renew, token, &hand.head()))
        };
        assert_eq!(hasty.1.solid, second.sent, "{write}");
        assert!(hasty.1.solid < hasty.0.sent, "{write}");
    }
}

#[test]
fn a_term_is_one_revision_in_push_mode() {
    let mut hand = Hand::new(Push);
    let before = hand.store.emulator.revisions(hand.store.gist).count();
    let (token, mut written) = hand.claimed();
    for _ in 0..5 {
        hand.pass(Duration::from_secs(8));
        written = hand.written(Intent::Renew, token, &written.head);
    }
    hand.written(Intent::Release, token, &written.head);
    assert_eq!(hand.store.emulator.revisions(hand.store.gist).count(), before + 1);
    hand.claimed();
    assert_eq!(hand.store.emulator.revisions(hand.store.gist).count(), before + 2, "a new term appends");
}

#[test]
fn a_push_that_is_refused_for_ever_is_said_and_does_not_run_hot() {
    let mut hand = Hand::new(Push);
    let gist = hand.store.gist;
    for _ in 0..3 {
        let standing = hand.standing();
        let report = b"000eunpack ok\n0032ng refs/heads/main protected branch hook declined\n0000".to_vec();
        let mut refused = status(200);
        *refused.body_mut() =
            [&b"000eunpack ok\n"[..], b"0038ng refs/heads/main protected branch hook declined\n", b"0000"].concat();
        assert_eq!(report.len(), refused.body().len());
        hand.tricks([Trick::Pass, Trick::Say(refused)]);
        assert!(matches!(hand.try_write(Intent::Claim, 9, &standing.head), Reply::Failed(_)));
    }
    hand.standing();
    let said = hand.lock.take_warnings();
    let refused = said.iter().filter(|warning| matches!(warning, Warning::PushRefused { .. }));
    assert_eq!(refused.count(), 1, "{said:?}");
    assert_eq!(hand.store.emulator.revisions(gist).count(), 1);
}

impl Hand {
    fn head(&self) -> leader_elector_core::lock::Version {
        leader_elector_core::lock::Version::from(self.store.head().to_string().as_str())
    }
}
