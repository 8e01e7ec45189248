//! Any bytes, any answers: nothing panics, and nothing frees a lock that is held.

use leader_elector_core::WriteMode::{Patch, Push};
use leader_elector_core::lock::Reply;
use leader_elector_core::record::{Mark, Record, Text};
use leader_elector_core::{Token, WriteMode};
use proptest::prelude::*;

use crate::hand::{Hand, LEASE, Trick, foreign, status};

fn names() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,12}", "\\PC{1,40}"]
}

prop_compose! {
    fn marks()(
        instance in names(),
        base in proptest::option::of("[0-9a-f]{40}"),
        nonce in proptest::option::of("[0-9a-f]{32}"),
        write in proptest::option::of(prop_oneof![Just(WriteMode::Push), Just(WriteMode::Patch)]),
        released_by in proptest::option::of(names()),
    ) -> Mark {
        Mark { instance, base, nonce, write, released_by }
    }
}

prop_compose! {
    fn records()(
        holder in prop_oneof![Just(String::new()), names()],
        seconds in 1_u64..=3600,
        at in proptest::option::of(0_i64..4_000_000_000),
        token in 0..=Token::MAX.get(),
        strategy in names(),
        preferred_holder in names(),
        mark in proptest::option::of(marks()),
        unknown in proptest::collection::btree_map("[a-z]{3}", "\\PC{0,20}", 0..4),
    ) -> Record {
        let time = at.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
        Record {
            holder,
            lease: std::time::Duration::from_secs(seconds),
            acquired: time,
            renewed: time,
            token: Token::new(token).unwrap(),
            strategy,
            preferred_holder,
            mark,
            unknown: unknown.into_iter().map(|(name, value)| (name, serde_json::Value::from(value).to_string())).collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_record_comes_back_as_it_went(record in records()) {
        let text = record.to_text();
        let parsed = Text::parse(&text);
        prop_assert_eq!(parsed.record(), Some(&record), "{}", text);
    }

    /// A term of ours, displaced by any text: it stands for its lease.
    #[test]
    fn any_text_on_top_never_frees_a_held_lock(text in "\\PC{0,200}", push in any::<bool>()) {
        let mut hand = Hand::new(if push { Push } else { Patch });
        hand.claimed();
        hand.become_other("theirs");
        hand.store.edit(Some(&text));
        prop_assert!(hand.standing().stands_for.as_secs() >= LEASE, "{}", text);
    }

    /// A record with one byte changed is another record, or none; a lock that was held is never free by it.
    #[test]
    fn a_damaged_record_never_frees_a_held_lock(at in 0_usize..400, byte in any::<u8>()) {
        let mut hand = Hand::new(Push);
        hand.claimed();
        let mut text = hand.store.lock_file().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        hand.become_other("theirs");
        let gist = hand.store.gist;
        let changed = hand.store.emulator.edit(crate::hand::EPOCH, gist, &[(leader_elector_core::gist::DEFAULT_FILE, Some(&text))]);
        if changed.is_some() {
            prop_assert!(hand.standing().stands_for.as_secs() >= LEASE, "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn any_answer_is_survived(code in 100_u16..600, body in proptest::collection::vec(any::<u8>(), 0..200), push in any::<bool>()) {
        let mut hand = Hand::new(if push { Push } else { Patch });
        let free = hand.standing();
        let mut answer = status(code);
        *answer.body_mut() = body;
        hand.tricks([Trick::Say(answer.clone()), Trick::Say(answer.clone()), Trick::Say(answer.clone())]);
        let claim = hand.try_write(leader_elector_core::lock::Intent::Claim, 1, &free.head);
        prop_assert!(matches!(claim, Reply::Failed(_)), "{:?}", claim);
        hand.tricks([Trick::Say(answer)]);
        prop_assert!(!matches!(hand.read(), Reply::Standing(_)));
    }

    /// JSON of the right shape with anything in it.
    #[test]
    fn any_gist_is_survived(content in "\\PC{0,100}", versions in proptest::collection::vec("\\PC{0,45}", 0..5)) {
        let history: Vec<_> = versions.iter().map(|version| serde_json::json!({ "version": version })).collect();
        let file = serde_json::json!({ "content": content, "raw_url": content });
        let body = serde_json::json!({ "files": { "multi-cluster-leader-election.lock": file }, "history": history, "git_push_url": content });
        let mut answer = status(200);
        *answer.body_mut() = body.to_string().into_bytes();
        let mut hand = Hand::new(Push);
        hand.store.edit(Some(&foreign("go", 15, 3)));
        hand.tricks((0..8).map(|_| Trick::Say(answer.clone())));
        if let Reply::Standing(standing) = hand.read() {
            // Whatever stands there: a claim on it goes nowhere.
            let claim = hand.try_write(leader_elector_core::lock::Intent::Claim, 9, &standing.head);
            prop_assert!(matches!(claim, Reply::Failed(_)), "{:?}", claim);
        }
    }
}
