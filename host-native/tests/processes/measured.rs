//! What was measured on others, where they had two leaders at once: hanging requests, dropped packets, lost answers,
//! slow writes, a stopped process, eight at once, refusals. Each in both write modes.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use crate::stage::{Candidate, LEASE, Server};
use crate::{ENDED, SOON, STARTED};

/// A leader and a follower that knows it.
fn led(write: &str) -> (Server, Candidate, Candidate) {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &["--write", write]);
    napoleon.wait_for(STARTED, SOON);
    let mut stalin = Candidate::start(&server, "stalin", &["--write", write]);
    stalin.wait_for("All hail napoleon", SOON);
    (server, napoleon, stalin)
}

/// The leader meets a fault; it must have ended before the follower starts, and follow once that is over.
fn succeeded_under(write: &str, fault: &str, heals_after: Duration) {
    let (server, mut napoleon, mut stalin) = led(write);
    server.faults(&format!(r#"[{{"token":"napoleon",{fault}}}]"#));
    let ended = napoleon.wait_for(ENDED, SOON).at;
    let started = stalin.wait_for(STARTED, SOON);
    assert!(ended < started.at, "{write}, {fault}: two leaders for {:?}", ended - started.at);
    assert!(started.token > Some(1), "{write}, {fault}");
    sleep(heals_after);
    server.faults("[]");
    // What was under way may land now, and changes nothing.
    napoleon.wait_for("All hail stalin", SOON * 2);
    assert!(!stalin.has_said(ENDED), "{write}, {fault}: the successor leads on");
}

macro_rules! in_both_modes {
    ($($(#[$doc:meta])* $name:ident($write:ident) $body:block)*) => {
        mod push {
            use super::*;
            $($(#[$doc])* #[test] fn $name() { let $write = "push"; $body })*
        }
        mod patch {
            use super::*;
            $($(#[$doc])* #[test] fn $name() { let $write = "patch"; $body })*
        }
    };
}

in_both_modes! {
    /// The Go original: two leaders in 10 of 10, for 35 to 87 s.
    requests_that_hang_for_three_leases(write) {
        succeeded_under(write, &format!(r#""fault":"delay","ms":{}"#, (LEASE * 3).as_millis()), LEASE * 2);
    }

    /// The Go original: 3 of 3, the old leader leads on for 17 minutes.
    packets_that_are_dropped(write) {
        succeeded_under(write, r#""fault":"hang""#, Duration::ZERO);
    }

    /// The Go original: 6 of 6. client-go: 16 of 16.
    writes_that_land_while_answers_are_lost(write) {
        succeeded_under(write, r#""fault":"lose_answer""#, Duration::ZERO);
    }

    /// The Go original: 7 of 12.
    writes_that_take_longer_than_a_lease(write) {
        let late = (LEASE + LEASE / 2).as_millis();
        succeeded_under(write, &format!(r#""method":"write","fault":"delay","ms":{late}"#), LEASE);
    }

    /// The Go original leads on: its PATCH was refused, and nobody looked.
    refusals_of_every_kind(write) {
        for fault in [
            r#""fault":"status","status":503"#,
            r#""fault":"status","status":403,"retry_after":2"#,
            r#""fault":"status","status":429,"retry_after":2"#,
            r#""fault":"status","status":502,"applied":true"#,
        ] {
            succeeded_under(write, fault, Duration::ZERO);
        }
    }

    /// The Go original: 12 of 12, 15 s after waking.
    a_process_that_is_stopped_past_its_lease(write) {
        let (_server, mut napoleon, mut stalin) = led(write);
        napoleon.signal(Signal::STOP);
        let started = stalin.wait_for(STARTED, SOON);
        napoleon.signal(Signal::CONT);
        napoleon.wait_for(ENDED, SOON);
        napoleon.wait_for("All hail stalin", SOON);
        assert_eq!(started.token, Some(2), "the token tells the old leader's work apart");
        assert!(!stalin.has_said(ENDED));
    }

    /// The Go original: none in 48, because it sleeps for a lease first.
    eight_at_once_twenty_times(write) {
        for round in 0..20 {
            let server = Server::start();
            let start = |n| Candidate::start(&server, &format!("c{n}"), &["--write", write]);
            let mut candidates: Vec<_> = (0..8).map(start).collect();
            let mut started = || candidates.iter_mut().map(|candidate| u32::from(candidate.has_said(STARTED))).sum();
            for _ in 0..150 {
                let leaders: u32 = started();
                if leaders > 0 {
                    break;
                }
                sleep(Duration::from_millis(100));
            }
            // Long enough for a second one to settle and confirm, and too short for a first one to end.
            sleep(Duration::from_millis(800));
            assert_eq!(started(), 1, "{write}, round {round}");
        }
    }
}
