//! Texts of others: client-go, the Go original, `jq`.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use leader_elector_core::Lock;
use leader_elector_core::WriteMode::{Patch, Push};
use leader_elector_core::warning::Warning;

use crate::hand::{Hand, foreign};

/// As client-go v0.35 marshals it, before and after a release, and as older ones did.
const CLIENT_GO: [(&str, &str, u64, u64); 4] = [
    (
        r#"{"holderIdentity":"node-a_5f0c","leaseDurationSeconds":15,"acquireTime":"2026-07-01T10:00:00Z","renewTime":"2026-07-01T10:05:02Z","leaderTransitions":3,"strategy":"","preferredHolder":""}"#,
        "node-a_5f0c",
        15,
        3,
    ),
    (
        r#"{"holderIdentity":"","leaseDurationSeconds":1,"acquireTime":"2026-07-01T10:05:04Z","renewTime":"2026-07-01T10:05:04Z","leaderTransitions":3,"strategy":"","preferredHolder":""}"#,
        "",
        0,
        3,
    ),
    (
        r#"{"holderIdentity":"b","leaseDurationSeconds":30,"acquireTime":null,"renewTime":null,"leaderTransitions":0}"#,
        "b",
        30,
        0,
    ),
    (
        "{\n  \"renewTime\": \"2026-07-01T10:05:02.123456Z\",\n  \"leaderTransitions\": 12,\n  \"leaseDurationSeconds\": 40,\n  \"holderIdentity\": \"c\"\n}\n",
        "c",
        40,
        12,
    ),
];

#[test]
fn records_of_client_go_are_understood() {
    for (text, holder, seconds, transitions) in CLIENT_GO {
        let mut hand = Hand::new(Push);
        hand.store.edit(Some(text));
        let standing = hand.standing();
        let record = standing.record.unwrap();
        assert_eq!((record.holder.as_str(), record.token.get()), (holder, transitions), "{text}");
        assert_eq!(standing.stands_for, Duration::from_secs(seconds), "{text}");
        assert!(!record.is_ours());
    }
}

#[test]
fn a_lock_left_by_the_original_with_3_transitions_is_taken_with_token_4_and_read_by_jq() {
    for write in [Patch, Push] {
        let mut hand = Hand::new(write);
        hand.store.edit(Some(CLIENT_GO[0].0));
        assert_eq!(hand.standing().stands_for, Duration::from_secs(15), "{write}: it is waited for");
        let (token, _) = hand.claimed_again();
        assert_eq!(token, 4, "{write}");
        let text = hand.store.lock_file();
        let fields: serde_json::Value = serde_json::from_str(&text).unwrap();
        let seven = [
            "holderIdentity",
            "leaseDurationSeconds",
            "acquireTime",
            "renewTime",
            "leaderTransitions",
            "strategy",
            "preferredHolder",
        ];
        assert!(seven.iter().all(|name| fields.get(name).is_some()), "{text}");
        let filter = ".holderIdentity, .leaderTransitions, (.renewTime | fromdateiso8601 > 0)";
        assert_eq!(jq(filter, &text), "ours\n4\ntrue\n", "{text}");
    }
}

#[test]
fn fields_that_nobody_knows_survive_a_term() {
    let mut hand = Hand::new(Push);
    let text = CLIENT_GO[0].0.replace('{', r#"{"vendor":{"zone":"a","numbers":[1,2.5]},"#);
    hand.store.edit(Some(&text));
    hand.standing();
    hand.claimed_again();
    let fields: serde_json::Value = serde_json::from_str(&hand.store.lock_file()).unwrap();
    assert_eq!(fields["vendor"], serde_json::json!({ "zone": "a", "numbers": [1, 2.5] }));
}

#[test]
fn a_foreign_record_that_names_us_is_an_error_and_stands_its_whole_duration() {
    let mut hand = Hand::new(Push);
    hand.store.edit(Some(&foreign("ours", 25, 3)));
    assert_eq!(hand.standing().stands_for, Duration::from_secs(25));
    let said = hand.lock.take_warnings();
    assert!(said.iter().any(|warning| matches!(warning, Warning::ForeignNamesUs { .. })), "{said:?}");
}

/// `jq` is what users of the original read the lock with.
fn jq(filter: &str, text: &str) -> String {
    let mut jq = Command::new("jq")
        .args(["--raw-output", filter])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("jq runs: the lock must be readable by it, install it with `apt install jq`");
    jq.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(jq.wait_with_output().unwrap().stdout).unwrap()
}

impl Hand {
    /// A claim on what was just read, whatever it is.
    fn claimed_again(&mut self) -> (u64, leader_elector_core::lock::Written) {
        self.become_other("x");
        let ours = self.become_other("ours");
        drop(ours);
        self.claimed()
    }
}
