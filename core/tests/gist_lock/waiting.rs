//! Waiting as told.

use std::time::Duration;

use leader_elector_core::WriteMode::{Patch, Push};
use leader_elector_core::lock::{Failure, Intent, Lock, Reply};

use crate::hand::{Hand, Trick, failed, with_headers};

fn told(code: u16, headers: &[(&str, &str)]) -> Option<Duration> {
    let mut hand = Hand::new(Patch);
    hand.tricks([Trick::Say(with_headers(code, headers))]);
    match failed(&hand.read()) {
        Failure::Throttled { wait } => Some(*wait),
        _ => None,
    }
}

#[test]
fn retry_after_comes_first_then_the_reset_by_the_answers_own_date_then_a_minute() {
    let date = ("date", "Tue, 14 Nov 2023 22:13:20 GMT");
    let empty = ("x-ratelimit-remaining", "0");
    // 2023-11-14T22:13:20Z is 1,700,000,000.
    let reset = ("x-ratelimit-reset", "1700000100");
    for code in [403, 429] {
        assert_eq!(told(code, &[("retry-after", "7"), empty, reset, date]), Some(Duration::from_secs(7)));
        assert_eq!(told(code, &[empty, reset, date]), Some(Duration::from_secs(100)));
    }
    assert_eq!(told(429, &[]), Some(Duration::from_mins(1)));
    assert_eq!(told(429, &[empty, reset]), Some(Duration::from_mins(1)), "no clock of ours stands in for the date");
}

#[test]
fn a_minute_doubles_up_to_sixteen() {
    let mut hand = Hand::new(Patch);
    let mut waits = Vec::new();
    for _ in 0..7 {
        hand.tricks([Trick::Say(with_headers(429, &[]))]);
        let Failure::Throttled { wait } = failed(&hand.read()).clone() else { panic!("it is throttled") };
        waits.push(wait.as_secs());
        hand.pass(wait);
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 960, 960]);
    hand.standing();
    hand.tricks([Trick::Say(with_headers(429, &[]))]);
    assert_eq!(*failed(&hand.read()), Failure::Throttled { wait: Duration::from_mins(1) }, "a success starts anew");
}

/// Broken by starting anew at the read between two writes.
#[test]
fn a_read_that_is_answered_says_nothing_of_the_limit_on_writes() {
    let mut hand = Hand::new(Patch);
    let free = hand.standing();
    let mut waits = Vec::new();
    for _ in 0..3 {
        hand.tricks([Trick::Say(with_headers(429, &[]))]);
        let reply = hand.try_write(Intent::Claim, 1, &free.head);
        let Failure::Throttled { wait } = failed(&reply).clone() else { panic!("it is throttled: {reply:?}") };
        waits.push(wait.as_secs());
        hand.pass(wait);
        hand.standing_or_unchanged();
        // Nor does an answer that comes too late.
        let now = hand.now();
        assert_eq!(hand.lock.overheard(now, &with_headers(200, &[])), None);
    }
    assert_eq!(waits, [60, 120, 240]);
}

/// A claim that was acknowledged stands, whatever becomes of its confirmation. Broken by passing the throttling on as if it
/// were the claim's.
#[test]
fn a_confirmation_that_is_throttled_or_refused_leaves_a_claim_of_unknown_outcome() {
    for (write, code) in [(Patch, 429), (Push, 429), (Patch, 403), (Push, 403)] {
        let before = if write == Push { 3 } else { 2 };
        let mut hand = Hand::new(write);
        let free = hand.standing();
        let tricks = (0..before).map(|_| Trick::Pass).chain([Trick::Say(with_headers(code, &[]))]);
        hand.tricks(tricks.collect::<Vec<_>>());
        assert_eq!(*failed(&hand.try_write(Intent::Claim, 1, &free.head)), Failure::Unknown, "{write} {code}");
        hand.pass(Duration::from_mins(1));
        assert_eq!(hand.standing().newest_token.get(), 1, "{write} {code}");
    }
}

#[test]
fn a_403_that_says_nothing_of_a_limit_is_a_refusal() {
    assert_eq!(told(403, &[]), None);
    for code in [401, 403, 404, 422] {
        let mut hand = Hand::new(Patch);
        hand.tricks([Trick::Say(with_headers(code, &[]))]);
        assert!(matches!(failed(&hand.read()), Failure::Denied(reason) if reason.status == code), "{code}");
    }
}

#[test]
fn nothing_is_sent_while_a_wait_lasts() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let free = hand.standing();
        hand.tricks([Trick::Say(with_headers(429, &[("retry-after", "30")]))]);
        hand.read();
        let asked = hand.asked.len();
        assert!(matches!(failed(&hand.read()), Failure::Throttled { .. }));
        assert!(matches!(failed(&hand.try_write(Intent::Claim, 1, &free.head)), Failure::Throttled { .. }));
        assert_eq!(hand.asked.len(), asked, "{write}");
        hand.pass(Duration::from_secs(30));
        hand.standing_or_unchanged();
    }
}

#[test]
fn a_throttling_in_an_answer_that_comes_too_late_counts() {
    let mut hand = Hand::new(Patch);
    let now = hand.now();
    let late = with_headers(429, &[("retry-after", "20")]);
    assert_eq!(hand.lock.overheard(now, &late), Some(Duration::from_secs(20)));
    assert!(matches!(failed(&hand.read()), Failure::Throttled { .. }));
}

#[test]
fn two_writes_are_a_second_apart_beyond_the_exceptions() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        let (token, written) = hand.claimed();
        // One renewal may follow at once, the next waits.
        let first = hand.hasty(Intent::Renew, token, &written.head);
        let second = hand.hasty(Intent::Renew, token, &first.1.head);
        assert!(first.0 < Duration::from_millis(500), "{write}: {:?}", first.0);
        assert!(second.0 >= Duration::from_millis(900), "{write}: {:?}", second.0);
        let release = hand.hasty(Intent::Release, token, &second.1.head);
        assert!(release.0 < Duration::from_millis(500), "{write}: {:?}", release.0);
    }
}

#[test]
fn redirects_are_followed_for_reads_and_to_the_same_origin_only() {
    let read = |location: &str| {
        let mut hand = Hand::new(Patch);
        let location = location.replace("ID", &hand.store.gist.to_string());
        hand.tricks([Trick::Say(with_headers(301, &[("location", &location)]))]);
        (hand.read(), hand.asked.len())
    };
    let followed = read("http://api.test/gists/ID");
    assert!(matches!(followed, (Reply::Standing(_), 2..)), "{followed:?}");
    assert!(matches!(read("/gists/ID"), (Reply::Standing(_), 2..)));
    for elsewhere in ["http://evil.test/gists/ID", "https://api.test/gists/ID", "http://api.test:81/gists/ID"] {
        assert!(matches!(read(elsewhere), (Reply::Failed(_), 1)), "{elsewhere}");
    }
    // The list of refs is asked for where the repository is, which is not where the API is.
    for (location, followed) in [
        ("/ID.git/info/refs?service=git-upload-pack", true),
        ("http://gist.test/ID.git/info/refs?service=git-upload-pack", true),
        ("http://api.test/ID.git/info/refs?service=git-upload-pack", false),
    ] {
        let mut hand = Hand::new(Push);
        let free = hand.standing();
        let to = location.replace("ID", &hand.store.gist.to_string());
        hand.tricks([Trick::Say(with_headers(301, &[("location", &to)]))]);
        let reply = hand.try_write(Intent::Claim, 1, &free.head);
        assert_eq!(matches!(reply, Reply::Written(_)), followed, "{location}: {:?}", hand.asked);
    }
    let mut hand = Hand::new(Push);
    let free = hand.standing();
    hand.tricks([Trick::Say(with_headers(301, &[("location", "/moved.git/info/refs")]))]);
    hand.try_write(Intent::Claim, 1, &free.head);
    assert_eq!((hand.count("GET /moved.git"), hand.scheme.as_str()), (1, "Basic"), "{:?}", hand.asked);
    let mut hand = Hand::new(Patch);
    let free = hand.standing();
    hand.tricks([Trick::Say(with_headers(307, &[("location", "http://api.test/gists/x")]))]);
    assert_eq!(*failed(&hand.try_write(Intent::Claim, 1, &free.head)), Failure::Unknown);
    assert_eq!(hand.count("PATCH"), 1);
}

impl Hand {
    /// A write right after the one before, and how long it took to be sent.
    fn hasty(
        &mut self,
        intent: Intent,
        token: u64,
        on: &leader_elector_core::lock::Version,
    ) -> (Duration, leader_elector_core::lock::Written) {
        // A call begins two seconds later than the one before: take those back.
        self.store.ms -= 2000;
        let before = self.now().at + Duration::from_secs(2);
        let written = self.written(intent, token, on);
        (written.sent.since(before), written)
    }

    fn standing_or_unchanged(&mut self) {
        assert!(matches!(self.read(), Reply::Standing(_) | Reply::Unchanged));
    }
}
