//! Free, held, unclear: for how long what stands must be respected.

use std::time::Duration;

use leader_elector_core::Token;
use leader_elector_core::WriteMode::{Patch, Push};
use leader_elector_core::lock::{Bar, Intent, Lock};
use leader_elector_core::warning::Warning;

use crate::hand::{Hand, LEASE, foreign};

const OURS: Duration = Duration::from_secs(LEASE);

/// What stands after a term of ours was displaced by `text`, or after an empty lock was written so.
fn stands(text: Option<&str>, over_ours: bool) -> Duration {
    let mut hand = Hand::new(Push);
    if over_ours {
        hand.claimed();
        hand.become_other("theirs");
    }
    if text != Some("{}") || over_ours {
        hand.store.edit(text);
    }
    hand.standing().stands_for
}

#[test]
fn nothing_is_free_at_once_unless_something_displaced_lies_below() {
    let released = foreign("", 1, 4);
    for text in [None, Some(""), Some(" \n"), Some("{}"), Some(released.as_str())] {
        assert_eq!(stands(text, false), Duration::ZERO, "{text:?}");
        assert_eq!(stands(text, true), OURS, "{text:?} displaces a term of ours");
    }
}

#[test]
fn text_that_is_no_record_stands_for_our_lease_or_the_displaced_ones_whichever_is_longer() {
    assert_eq!(stands(Some("please do not edit"), false), OURS);
    assert_eq!(stands(Some("please do not edit"), true), OURS);
}

#[test]
fn a_foreign_record_stands_for_its_own_duration_or_the_displaced_ones_whichever_is_longer() {
    for (seconds, alone, over) in [(5, 5, LEASE), (90, 90, 90)] {
        let text = foreign("go", seconds, 3);
        assert_eq!(stands(Some(&text), false), Duration::from_secs(alone));
        assert_eq!(stands(Some(&text), true), Duration::from_secs(over));
    }
}

#[test]
fn a_valid_release_of_ours_is_free_at_once() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let (token, written) = hand.claimed();
        hand.written(Intent::Release, token, &written.head);
        hand.become_other("theirs");
        assert_eq!(hand.standing().stands_for, Duration::ZERO, "{write}");
    }
}

#[test]
fn void_revisions_are_skipped_and_the_look_back_is_bounded() {
    let mut hand = Hand::new(Push);
    hand.claimed();
    let ours = hand.store.lock_file();
    hand.become_other("theirs");
    hand.store.edit(Some("{}"));
    // The same record put back lies on another parent: void.
    hand.store.edit(Some(&ours));
    hand.store.edit(None);
    assert_eq!(hand.standing().stands_for, OURS, "what was displaced first still stands");
    for round in 0..40 {
        hand.store.edit(Some(["{}", ""][round % 2]));
    }
    assert_eq!(hand.standing().stands_for, Duration::ZERO, "nobody looks back for ever");
}

#[test]
fn what_is_outside_every_range_is_no_record() {
    let record = foreign("go", 15, 3);
    let long = format!("\"{}\"", "x".repeat(1025));
    let padded = record.replace("\"strategy\":\"\"", &format!("\"strategy\":\"{}\"", "y".repeat(70_000)));
    let texts = [
        record.replace("15", "0"),
        record.replace("15", "3601"),
        record.replace("15", "-1"),
        record.replace("15", "1.5"),
        record.replace("15", "\"15\""),
        record.replace(":3,", ":9007199254740992,"),
        record.replace(":3,", ":9007199254740991,"),
        record.replace(":3,", ":-3,"),
        record.replace("\"go\"", &long),
        record.replace('{', "{\"holderIdentity\":\"twice\","),
        format!("\u{feff}{record}"),
        format!("{}{}", "[".repeat(5000), "]".repeat(5000)),
        padded,
        "x".repeat(1 << 20),
        // Cut off by the API where nothing but a record is left.
        format!("{record}{}", " ".repeat(3 << 19)),
    ];
    for text in texts {
        let mut hand = Hand::new(Patch);
        hand.store.edit(Some(&text));
        let standing = hand.standing();
        let short: String = text.chars().take(80).collect();
        assert_eq!((standing.record.as_deref(), standing.stands_for), (None, OURS), "{short}");
    }
    let mut hand = Hand::new(Patch);
    hand.store.edit(Some(&record.replace(":3,", ":9007199254740990,")));
    let standing = hand.standing();
    assert_eq!(standing.newest_token.next(), None, "the next token would leave the range");
}

#[test]
fn bytes_that_are_no_text_are_no_record() {
    let released = foreign("go", 15, 3).replace("\"go\"", "\"\"");
    for bytes in [&b"\xff\xfe"[..], b"\xef\xbb\xbf{}", &[released.as_bytes(), b"\xff"].concat(), b"{}\0"] {
        let mut hand = Hand::new(Patch);
        let gist = hand.store.gist;
        let file = [(leader_elector_core::gist::DEFAULT_FILE, Some(bytes))];
        hand.store.emulator.edit(crate::hand::EPOCH, gist, &file).expect("it changes something");
        assert_eq!(hand.standing().stands_for, OURS, "{bytes:?}");
    }
}

#[test]
fn only_the_configured_file_counts() {
    let mut hand = Hand::new(Push);
    hand.store.edit_file("aaa.lock", Some(&foreign("go", 60, 7)));
    hand.store.edit_file("zzz.lock", Some("garbled"));
    let standing = hand.standing();
    assert_eq!((standing.stands_for, standing.newest_token), (Duration::ZERO, Token::NONE));
}

#[test]
fn other_files_survive_a_term() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let odd = b"\x00\xff not text, no newline";
        let gist = hand.store.gist;
        hand.store.emulator.edit(crate::hand::EPOCH, gist, &[("odd.bin", Some(odd))]).unwrap();
        let (token, written) = hand.claimed();
        hand.written(Intent::Release, token, &written.head);
        let head = hand.store.emulator.revisions(gist).next().unwrap();
        assert_eq!(head.file("odd.bin"), Some(&odd[..]), "{write}");
        assert_eq!(head.file("notes.md"), Some(&b"notes\n"[..]), "{write}");
    }
}

#[test]
fn the_newest_token_is_found_below_text_that_is_no_record() {
    let mut hand = Hand::new(Push);
    hand.store.edit(Some(&foreign("go", 15, 41)));
    hand.store.edit(Some("garbled"));
    hand.store.edit(None);
    assert_eq!(hand.standing().newest_token.get(), 41);
    assert_eq!(hand.claimed_after_all().0, 42);
}

#[test]
fn nothing_is_claimed_where_no_record_is_in_sight_and_older_ones_may_exist() {
    let mut hand = Hand::new(Push);
    for round in 0..60 {
        hand.store.edit(Some(&format!("garbled {round}")));
    }
    assert_eq!(hand.standing().bar, Some(Bar::NoRecordInSight));
    let said = hand.lock.take_warnings();
    // The head, and what lies below it as far as it looks.
    assert!(said.contains(&Warning::NoRecordInSight { looked_back: 31 }), "{said:?}");
    let mut hand = Hand::new(Push);
    hand.store.edit(Some("garbled"));
    assert_eq!(hand.standing().bar, None, "the list is complete: there never was one");
}

/// One gist, one mode.
#[test]
fn a_record_of_ours_of_the_other_mode_is_never_claimed_over() {
    for (theirs, ours) in [(Push, Patch), (Patch, Push)] {
        for released in [false, true] {
            let mut hand = Hand::new(theirs);
            let (token, written) = hand.claimed();
            if released {
                hand.written(Intent::Release, token, &written.head);
            }
            hand.write = ours;
            hand.become_other("other");
            hand.pass(OURS * 3);
            assert_eq!(hand.standing().bar, Some(Bar::OtherMode), "{theirs}, then {ours}, released: {released}");
        }
    }
}

impl Hand {
    fn claimed_after_all(&mut self) -> (u64, leader_elector_core::lock::Written) {
        self.become_other("another");
        self.claimed()
    }
}
