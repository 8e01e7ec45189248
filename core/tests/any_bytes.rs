//! The bodies of the fuzz targets (`fuzz/`), on stable: any bytes, and what is worth beginning with, damaged.

use leader_elector_core::fuzz::{advertisement, inputs, push_report, record, rest_answer, seeds};
use proptest::prelude::*;

/// Any bytes, or one of the target's seeds with a piece of it replaced.
fn bytes(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let seed = proptest::sample::select(seeds(target));
    let damaged = (seed, any::<prop::sample::Index>(), 0..8_usize, prop::collection::vec(any::<u8>(), 0..8)).prop_map(
        |(mut bytes, at, length, piece)| {
            let at = at.index(bytes.len() + 1);
            bytes.splice(at..(at + length).min(bytes.len()), piece);
            bytes
        },
    );
    prop_oneof![1 => prop::collection::vec(any::<u8>(), 0..300), 3 => damaged]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_record(bytes in bytes("record")) {
        record(&bytes);
    }

    #[test]
    fn any_rest_answer(bytes in bytes("rest_answer")) {
        rest_answer(&bytes);
    }

    #[test]
    fn any_advertisement(bytes in bytes("advertisement")) {
        advertisement(&bytes);
    }

    #[test]
    fn any_push_report(bytes in bytes("push_report")) {
        push_report(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_inputs(bytes in prop_oneof![bytes("inputs"), prop::collection::vec(any::<u8>(), 100..1200)]) {
        inputs(&bytes);
    }
}

#[test]
fn the_seeds_are_what_they_are_meant_to_be() {
    for target in ["record", "rest_answer", "advertisement", "push_report", "inputs"] {
        assert!(!seeds(target).is_empty(), "{target}");
    }
    for (target, body) in [("record", record as fn(&[u8])), ("inputs", inputs)] {
        for bytes in seeds(target) {
            body(&bytes);
        }
    }
}
