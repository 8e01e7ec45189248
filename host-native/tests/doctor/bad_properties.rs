//! Each bad property that a store can have: what is seen, what follows, and that `run` takes what is suggested.

use crate::stage::{Server, get};
use crate::{Run, assert_is_accepted, examine};

/// A property, and the finding that must tell it.
struct Bad {
    /// A change of the store, JSON.
    store: &'static str,
    /// Faults, JSON.
    faults: &'static str,
    limits: &'static str,
    check: &'static str,
    verdict: &'static str,
    /// Words of the finding.
    says: &'static str,
    code: i32,
    /// Words of the suggested command line; `None`: nothing can be suggested.
    command: Option<&'static str>,
}

const BAD: Bad = Bad {
    store: "{}",
    faults: "[]",
    limits: "off",
    check: "",
    verdict: "change",
    says: "",
    code: 1,
    command: Some("leader-elector run"),
};

fn check(bad: &Bad) -> (Server, Run) {
    let server = Server::with_limits(bad.limits);
    server.store(bad.store);
    server.faults(bad.faults);
    let run = examine(&server, &[]);
    let finding = run.finding(bad.check);
    assert_eq!(finding["verdict"], bad.verdict, "{run:#?}");
    assert!(finding.to_string().contains(bad.says), "`{}` is missing in {finding}", bad.says);
    assert_eq!(run.code, Some(bad.code), "{run:#?}");
    match bad.command {
        None => assert!(run.report["command"].is_null(), "{run:#?}"),
        Some(words) => {
            assert!(run.command().contains(words), "`{words}` is missing in {}", run.command());
            assert_is_accepted(&server, run.command());
        }
    }
    (server, run)
}

/// Each takes ten seconds of waiting, so they run side by side.
#[test]
fn each_bad_property_is_told_and_what_is_suggested_is_accepted() {
    let properties: &[(&str, fn())] = &[
        ("a_token_without_the_scope", a_token_without_the_scope),
        ("a_token_of_an_app", a_token_of_an_app),
        ("a_clock_that_is_off", a_clock_that_is_off),
        ("answers_that_are_slow", answers_that_are_slow),
        ("limits_that_are_tight", limits_that_are_tight),
        ("limits_that_are_used_up", limits_that_are_used_up),
        ("unchanged_reads_that_count", unchanged_reads_that_count),
        ("unchanged_reads_that_come_in_full", unchanged_reads_that_come_in_full),
        ("answers_without_history", answers_without_history),
        ("reads_of_the_past_after_a_push", reads_of_the_past_after_a_push),
        ("pushes_that_are_not_compared", pushes_that_are_not_compared),
        ("replacing_pushes_that_are_refused", replacing_pushes_that_are_refused),
        ("pushes_that_vanish_under_a_patch", pushes_that_vanish_under_a_patch),
        ("patches_that_vanish_where_only_patch_mode_works", patches_that_vanish_where_only_patch_mode_works),
        ("a_push_address_of_another_site", a_push_address_of_another_site),
        ("pushes_that_fail", pushes_that_fail),
        ("patches_that_conflict", patches_that_conflict),
    ];
    let failed: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = properties.iter().map(|(name, property)| (name, scope.spawn(property))).collect();
        running.into_iter().filter_map(|(name, thread)| thread.join().is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "{failed:?}; each says why above");
}

fn a_token_without_the_scope() {
    let bad = Bad { store: r#"{"grant":"no_gist"}"#, check: "token", verdict: "unusable", says: "scope `gist`", ..BAD };
    let (_, run) = check(&Bad { code: 2, command: None, ..bad });
    assert_eq!(run.left(), "nothing was written");
}

fn a_token_of_an_app() {
    let bad = Bad { store: r#"{"grant":"app"}"#, check: "patch", verdict: "unusable", says: "403", ..BAD };
    check(&Bad { code: 2, command: None, ..bad });
}

fn a_clock_that_is_off() {
    check(&Bad { store: r#"{"clock_ms":90000}"#, check: "clock", says: "s behind the store's", ..BAD });
}

fn answers_that_are_slow() {
    let faults = r#"[{"fault":"delay","ms":4000,"method":"PATCH","times":1}]"#;
    check(&Bad { faults, check: "latency", says: "at most 40", command: Some("--request-timeout 9s"), ..BAD });
}

fn limits_that_are_tight() {
    let store = r#"{"hourly":1000}"#;
    check(&Bad { store, limits: "github", check: "limits", says: "of 1000 requests", command: Some("--lease"), ..BAD });
}

fn limits_that_are_used_up() {
    let server = Server::with_limits("github");
    server.store(r#"{"hourly":100}"#);
    let run = examine(&server, &[]);
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert!(run.errors.contains("requests are left this hour"), "{run:#?}");
    assert_eq!(run.writes(), 0);
}

fn unchanged_reads_that_count() {
    let store = r#"{"unchanged":"counted","hourly":3000}"#;
    let bad = Bad { store, limits: "github", check: "conditional reads", says: "and they count", ..BAD };
    check(&Bad { command: Some("--poll 4s"), ..bad });
}

fn unchanged_reads_that_come_in_full() {
    check(&Bad { faults: r#"[{"fault":"unconditional"}]"#, check: "conditional reads", says: "304 in 0 of 5", ..BAD });
}

fn answers_without_history() {
    check(&Bad { store: r#"{"history":"null"}"#, check: "history", says: "not in the answer", ..BAD });
}

fn reads_of_the_past_after_a_push() {
    let faults = r#"[{"fault":"stale","ms":500,"method":"GET"}]"#;
    let (_, run) = check(&Bad { faults, check: "read after push", says: "were stale, up to", ..BAD });
    assert_eq!(run.finding("read after patch")["verdict"], "change", "{run:#?}");
}

fn pushes_that_are_not_compared() {
    let bad = Bad { store: r#"{"swap":"overwrites"}"#, verdict: "unusable", command: Some("--write patch"), ..BAD };
    let (_, run) = check(&Bad { check: "push with a stale id", says: "TAKEN in 3 of 3", ..bad });
    let at_once = run.finding("pushes at once");
    assert_eq!(at_once["verdict"], "unusable", "{at_once}");
    assert_eq!(at_once["seen"], "8 of 8 from one old id won");
}

fn replacing_pushes_that_are_refused() {
    let store = r#"{"replacing":"refused"}"#;
    let (server, run) = check(&Bad { store, check: "replacing push", says: "append instead", ..BAD });
    // Here nothing could be put back, so that every revision is still there: none of them touched the lock.
    let read = |path: &str| -> serde_json::Value {
        serde_json::from_str(&get(&format!("{}/gists/{}/{path}", server.url, server.gist))).expect("JSON")
    };
    let mut untouched = 0;
    for revision in read("commits?per_page=100").as_array().expect("a list") {
        let then = read(revision["version"].as_str().expect("an id"));
        let text = then["files"][crate::LOCK]["content"].as_str().expect("the lock file");
        // The candidate that took the suggestion may have led since.
        assert!(text == "{}" || text.contains("napoleon"), "{text}");
        untouched += usize::from(text == "{}");
    }
    // More than `history` lists; all but the one that was there before.
    assert!((31..100).contains(&untouched), "{untouched} revisions");
    let more = untouched - 1;
    assert_eq!(run.left(), format!("its file is gone; {more} revisions more than before remain in the gist's history"));
}

fn pushes_that_vanish_under_a_patch() {
    let faults = r#"[{"fault":"lose_update","ms":1200}]"#;
    let bad = Bad { faults, check: "patch against push", says: "lost an acknowledged write, up to", ..BAD };
    let (_, run) = check(&Bad { command: Some("--settle 2s"), ..bad });
    let patch = run.finding("patch against patch").to_string();
    assert!(patch.contains("push mode does not rest on it"), "{patch}");
}

fn patches_that_vanish_where_only_patch_mode_works() {
    let (store, faults) = (r#"{"swap":"overwrites"}"#, r#"[{"fault":"lose_update","ms":1200}]"#);
    let bad = Bad { store, faults, check: "patch against patch", says: "lost an acknowledged write", ..BAD };
    let (_, run) = check(&Bad { command: Some("--write patch"), ..bad });
    assert!(run.command().contains("--settle"), "{}", run.command());
}

fn a_push_address_of_another_site() {
    let store = r#"{"git":"http://example.com"}"#;
    check(&Bad { store, check: "push", says: "not of its own site", command: Some("--write patch"), ..BAD });
}

fn pushes_that_fail() {
    let faults = r#"[{"fault":"status","status":503,"method":"POST"}]"#;
    check(&Bad { faults, check: "push", says: "not taken in 3 tries", command: Some("--write patch"), ..BAD });
}

fn patches_that_conflict() {
    let faults = r#"[{"fault":"status","status":409,"method":"PATCH"}]"#;
    let (_, run) = check(&Bad { faults, check: "patch", verdict: "unusable", says: "409", ..BAD });
    assert_eq!(run.left(), "the gist is as it was");
}
