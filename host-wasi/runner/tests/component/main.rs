//! The component alone, in virtual time: what its requests meet, its clocks, its words and its exit codes.

#[path = "../shared/reigns.rs"]
mod reigns;
mod world;

use std::time::Duration;

use leader_elector_wasi_runner::{Policy, Program};
use reigns::{Reign, Told, check, reigns};
use tokio::time::sleep;
use world::{Candidate, EPOCH, Fault, Store};

const STARTED: &str = "started leading.";
const ENDED: &str = "I am no longer the leader";
const MODES: [&str; 2] = ["push", "patch"];
const EVENTS: [&str; 2] = ["--events", "json"];
/// Of the default timings.
const LEASE: Duration = Duration::from_secs(30);
const RENEW: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_secs(5);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What a candidate told, in milliseconds since the beginning. The lines carry both the end and what remained of it, and
/// so the moment at which they were written.
fn told(candidate: &Candidate, who: &str) -> Vec<Reign> {
    let lines = candidate.events();
    reigns(
        who,
        lines.iter().filter_map(|line| {
            let moment = |name: &str| {
                let end = line[name]["unix_ms"].as_i64()?;
                let left = line[name]["remaining_ms"].as_i64()?;
                Some((u64::try_from(end - EPOCH).ok()?, u64::try_from(end - left - EPOCH).ok()?))
            };
            let token = line["token"].as_u64().unwrap_or_default();
            if let Some((deadline, at)) = moment("deadline") {
                Some(Told { at, token, deadline: Some(deadline) })
            } else {
                moment("by").map(|(_, at)| Told { at, token, deadline: None })
            }
        }),
    )
}

async fn leads(store: &Store, name: &str, flags: &[&str]) -> Candidate {
    let mut candidate = Candidate::run(store, name, &[flags, &EVENTS].concat());
    candidate.wait_for(STARTED, SOON).await;
    candidate
}

async fn follows(store: &Store, name: &str, flags: &[&str], whom: &str) -> Candidate {
    let mut candidate = Candidate::run(store, name, &[flags, &EVENTS].concat());
    candidate.wait_for(&format!("All hail {whom}"), SOON).await;
    candidate
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn its_requests_are_whole_and_go_to_the_api_and_its_git_alone() {
    for (write, hosts) in [("push", &["api.test", "gist.test"][..]), ("patch", &["api.test"])] {
        let store = Store::new();
        let mut napoleon = leads(&store, "napoleon", &["--write", write]).await;
        sleep(3 * RENEW).await;
        napoleon.stop().await;
        let sent = napoleon.sent();
        assert!(sent.iter().all(|request| hosts.contains(&&*request.host)), "{sent:#?}");
        assert!(hosts.iter().all(|host| sent.iter().any(|request| request.host == *host)), "{sent:#?}");
        for request in &sent {
            let has = |name| request.headers.contains_key(name);
            assert!(has("user-agent") && has("authorization") && !has("transfer-encoding"), "{request:?}");
            assert_eq!(has("content-length"), request.method != "GET", "{request:?}");
        }
        assert!(sent.iter().filter(|request| request.method != "GET").count() > 3, "{sent:#?}");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_leader_whose_requests_fail_ends_before_another_begins() {
    let faults = [
        Fault::Refused,
        Fault::Hang,
        Fault::LostAnswer,
        Fault::LateAnswer(seconds(60)),
        Fault::HalfBody,
        Fault::SlowBody(seconds(60)),
        Fault::Status(502),
        Fault::Status(403),
    ];
    for write in MODES {
        for fault in faults {
            let store = Store::new();
            let flags = ["--write", write];
            let mut napoleon = leads(&store, "napoleon", &flags).await;
            let mut stalin = follows(&store, "stalin", &flags, "napoleon").await;
            napoleon.meets(Some(fault));
            napoleon.wait_for(ENDED, LEASE).await;
            stalin.wait_for(STARTED, 2 * LEASE).await;
            napoleon.meets(None);
            napoleon.wait_for("All hail stalin", 3 * LEASE).await;
            stalin.stop().await;
            napoleon.wait_for(STARTED, 3 * LEASE).await;
            let all = [told(&napoleon, "napoleon"), told(&stalin, "stalin")].concat();
            assert_eq!(all.len(), 3, "{write}, {fault:?}: {all:#?}");
            check(all);
        }
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn answers_that_are_merely_slow_end_nothing() {
    for write in MODES {
        for fault in [Fault::LateAnswer(seconds(1)), Fault::SlowBody(seconds(1))] {
            let store = Store::new();
            let mut napoleon = leads(&store, "napoleon", &["--write", write]).await;
            napoleon.meets(Some(fault));
            sleep(6 * RENEW).await;
            assert!(!napoleon.log().contains(ENDED), "{write}, {fault:?}: {}", napoleon.log());
            napoleon.meets(None);
            napoleon.stop().await;
        }
    }
}

/// Not one of these lines says that it leads, and one that the work has to end.
fn check_ended(lines: &[serde_json::Value]) {
    assert!(lines.iter().all(|line| line["leading"] == false), "{lines:#?}");
    assert!(lines.iter().any(|line| line["event"] == "stopping"), "{lines:#?}");
}

/// R13: a machine that slept looks from inside as if the wall clock had run on alone.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_wall_clock_that_ran_on_ends_the_term_before_anything_else_is_said() {
    for slept in [2, 19, 3600] {
        let store = Store::new();
        let mut napoleon = leads(&store, "napoleon", &[]).await;
        sleep(2 * RENEW + seconds(3)).await;
        let before = napoleon.events().len();
        napoleon.clocks().set_wall(slept * 1000);
        let woken = store.now_ms();
        let ended = napoleon.wait_for(ENDED, seconds(2)).await;
        assert!(ended - woken <= 1_100, "{slept} s: it noticed {} ms later", ended - woken);
        let events = napoleon.events();
        check_ended(&events[before..]);
    }
}

/// R13, while the machine sleeps: the monotonic clock and all timers stand still, and nothing is done at all.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_component_that_was_suspended_past_its_lease_leads_no_longer() {
    let store = Store::new();
    let mut napoleon = leads(&store, "napoleon", &[]).await;
    let mut stalin = follows(&store, "stalin", &[], "napoleon").await;
    napoleon.suspend();
    stalin.wait_for(STARTED, 2 * LEASE).await;
    let before = napoleon.events().len();
    let requests = napoleon.sent().len();
    napoleon.resume();
    napoleon.wait_for(ENDED, seconds(1)).await;
    check_ended(&napoleon.events()[before..]);
    napoleon.say("stopped").await;
    napoleon.wait_for("All hail stalin", SOON).await;
    let sent = napoleon.sent();
    assert!(sent[requests..].iter().all(|request| request.method == "GET"), "{:#?}", &sent[requests..]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_wall_clock_that_is_set_back_ends_nothing_and_hides_no_sleep() {
    let store = Store::new();
    let mut napoleon = leads(&store, "napoleon", &[]).await;
    napoleon.clocks().set_wall(-3_600_000);
    sleep(3 * RENEW).await;
    assert!(!napoleon.log().contains(ENDED), "{}", napoleon.log());
    napoleon.clocks().set_wall(-3_600_000 + 5_000);
    napoleon.wait_for(ENDED, seconds(2)).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_adjusted_wall_clock_ends_nothing() {
    let store = Store::new();
    let napoleon = leads(&store, "napoleon", &[]).await;
    for ahead in [500, 1_000, 1_500] {
        napoleon.clocks().set_wall(ahead);
        sleep(2 * RENEW).await;
    }
    assert!(!napoleon.log().contains(ENDED), "{}", napoleon.log());
}

/// A line's deadline is absolute: whoever reads it late sees that it is over.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_line_that_is_read_late_tells_that_it_is_over() {
    let store = Store::new();
    let mut napoleon = leads(&store, "napoleon", &[]).await;
    sleep(2 * RENEW).await;
    let events = napoleon.events();
    assert!(events.iter().filter(|line| line["event"] == "renewed").count() >= 2, "{events:#?}");
    let last = events.last().expect("a line").clone();
    assert_eq!((&last["leading"], &last["leader"], &last["token"]), (&true.into(), &"napoleon".into(), &1.into()));
    let (end, left) = (last["deadline"]["unix_ms"].as_i64(), last["deadline"]["remaining_ms"].as_i64());
    let (end, left) = (end.expect("an end"), left.expect("what remained"));
    // Within one term: now it may act, and a lease later, reading the same line, it may not.
    assert!(end > store.unix_ms() && (1..=20_000).contains(&left), "{last}");
    napoleon.meets(Some(Fault::Hang));
    sleep(LEASE).await;
    assert!(end < store.unix_ms(), "{last}");
    napoleon.wait_for(ENDED, Duration::from_millis(1)).await;
}

/// R6: with readers, the lock is held until they say that their work has ended.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_lock_with_readers_is_released_on_their_word() {
    let store = Store::new();
    let mut napoleon = leads(&store, "napoleon", &["--stop-grace", "4s"]).await;
    napoleon.say("stop").await;
    napoleon.wait_for(ENDED, SOON).await;
    sleep(seconds(2)).await;
    assert!(!napoleon.log().contains("released the lock"), "{}", napoleon.log());
    napoleon.say("stopped").await;
    assert_eq!(napoleon.code().await, 0);
    assert!(napoleon.log().contains("released the lock"), "{}", napoleon.log());
}

/// R6: where that word does not come, nothing is released.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn readers_that_say_nothing_get_no_release() {
    let store = Store::new();
    let mut napoleon = leads(&store, "napoleon", &["--stop-grace", "4s"]).await;
    let mut stalin = follows(&store, "stalin", &["--stop-grace", "4s"], "napoleon").await;
    napoleon.say("stop").await;
    assert_eq!(napoleon.code().await, 0);
    assert!(napoleon.log().contains("the lease expires by itself"), "{}", napoleon.log());
    assert!(!napoleon.log().contains("released the lock"), "{}", napoleon.log());
    stalin.wait_for(STARTED, 2 * LEASE).await;
    check([told(&napoleon, "napoleon"), told(&stalin, "stalin")].concat());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_end_of_its_input_means_nothing_unless_it_was_told_so() {
    let store = Store::new();
    let mut napoleon = leads(&store, "napoleon", &[]).await;
    napoleon.close_stdin();
    sleep(LEASE).await;
    assert!(napoleon.is_running() && !napoleon.log().contains(ENDED));
    drop(napoleon);
    for flags in [&["--stop-on-eof"][..], &["--stop-on-eof", "--events", "json"]] {
        let mut stalin = Candidate::run(&store, "stalin", flags);
        stalin.wait_for(STARTED, 2 * LEASE).await;
        stalin.close_stdin();
        assert_eq!(stalin.code().await, 0);
        assert!(stalin.log().contains("released the lock"), "{}", stalin.log());
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn exit_codes_are_the_native_binarys() {
    let store = Store::new();
    let gist = store.gist.to_string();
    let env = |gist, token, url| {
        [("GIST_ID", gist), ("GITHUB_API_TOKEN", token), ("GITHUB_API_URL", url), ("LEADER_NAME", "napoleon")]
    };
    let local = "http://127.0.0.1:1";
    let lock = env(&gist, "t-napoleon", local);
    for (args, env, code, words) in [
        (&["run"][..], &[][..], 2, "gist is not given"),
        (&["run"], &[], 2, "a component knows no host name"),
        (&["run", "--lease", "1.5"], &lock, 2, "lease is `1.5`"),
        (&["run"], &env(&gist, "t-napoleon", "http://example.com"), 2, "plain http"),
        (&["run", "--token-file", "/token"], &lock, 2, "a component sees no files"),
        (&["run", "--", "job"], &lock, 2, "command is `job`: a component starts no process"),
        (&["run", "--http", "127.0.0.1:80"], &lock, 2, "http is `127.0.0.1:80`: a component opens no socket"),
        (&["doctor"], &lock, 2, "command is `doctor`: allowed are run and status"),
        (&["run", "--nonsense"], &lock, 2, "--nonsense"),
        (&["run"], &env(&gist, "wrong", local), 3, "the token is wrong"),
        (&["run"], &env("abcdef", "t-napoleon", local), 3, "no such gist"),
        (&["status"], &lock, 1, ""),
        (&["status"], &env("abcdef", "t-napoleon", local), 3, "refused"),
        (&["run", "--help"], &[], 0, ""),
    ] {
        let mut component = Candidate::start(&store, args, env, None);
        assert_eq!(component.code().await, code, "{args:?}: {}", component.log());
        assert!(component.log().contains(words), "{args:?}: {}", component.log());
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_only_the_native_binary_obeys_is_refused_from_variables_too() {
    let store = Store::new();
    for (name, value) in [
        ("LEADER_ELECTION_HTTP", "127.0.0.1:80"),
        ("LEADER_ELECTION_PROBE_ADDR", ":8081"),
        ("LEADER_ELECTION_ON_EXIT", "exit"),
        ("LEADER_ELECTION_KILL_SIGNAL", "TERM"),
        ("LEADER_ELECTION_RELEASE", "now"),
        ("LEADER_ELECTION_KUBE", "true"),
        ("LEADER_ELECTION_TOKEN_FILE", "/token"),
        ("LEADER_ELECTION_CA_FILE", "/ca.pem"),
    ] {
        let mut component = Candidate::start(&store, &["run"], &[(name, value)], None);
        assert_eq!(component.code().await, 2, "{name}: {}", component.log());
        assert!(component.log().contains(&format!("is `{value}`: ")), "{name}: {}", component.log());
        assert!(component.log().contains("a component "), "{name}: {}", component.log());
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_stands_in_many_surroundings_and_means_nothing_is_named_without_its_value() {
    // The native binary would refuse it.
    let proxy = "gopher://someone:password@proxy.example";
    let env = [
        ("GIST_ID", "abc"),
        ("GITHUB_API_URL", "http://api.test"),
        ("GITHUB_API_TOKEN", "secret"),
        ("LEADER_NAME", "napoleon"),
        ("LEADER_ELECTION_ALLOW_HTTP", "true"),
        ("HTTPS_PROXY", proxy),
        ("all_proxy", proxy),
        ("POD_NAME", "napoleon-0"),
        ("POD_UID", ""),
    ];
    for (command, prefix) in [("run", " WARN "), ("status", "warning: ")] {
        let store = Store::new();
        let mut component = Candidate::start(&store, &[command], &env, None);
        component.wait_for("POD_NAME is ignored: ", LEASE).await;
        let log = component.log();
        for name in ["HTTPS_PROXY", "all_proxy", "POD_NAME"] {
            assert!(log.contains(&format!("{prefix}{name} is ignored: ")), "{log}");
        }
        assert!(!log.contains("POD_UID") && !log.contains("password"), "{log}");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_api_that_cannot_be_reached_or_is_ill_is_waited_for() {
    for fault in [Fault::Refused, Fault::Hang, Fault::Status(503)] {
        let store = Store::new();
        let mut napoleon = Candidate::run_with(&store, "napoleon", &[], Some(fault));
        napoleon.wait_for("WARN", LEASE).await;
        sleep(LEASE).await;
        assert!(napoleon.is_running(), "{fault:?}: {}", napoleon.log());
        napoleon.meets(None);
        napoleon.wait_for(STARTED, 2 * LEASE).await;
        napoleon.say("stop").await;
        assert_eq!(napoleon.code().await, 0);
    }
}

/// No busy loop: what it does in a second of following is a poll every two.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn following_is_a_poll_and_nothing_between() {
    let store = Store::new();
    let _napoleon = leads(&store, "napoleon", &[]).await;
    let stalin = follows(&store, "stalin", &[], "napoleon").await;
    let (requests, reads) = (stalin.sent().len(), stalin.clocks().reads());
    sleep(seconds(600)).await;
    let (requests, reads) = (stalin.sent().len() - requests, stalin.clocks().reads() - reads);
    assert!((290..=310).contains(&requests), "{requests} requests");
    assert!(reads < 600 * 20, "the clock was read {reads} times");
}

/// What `wasmtime run` says without `-S http`: README and help quote it.
#[tokio::test(flavor = "current_thread")]
async fn without_http_it_cannot_start_and_the_words_are_those_of_the_help() {
    let error = world::without_http().await;
    let words = error.lines().next().expect("words");
    for text in [include_str!("../../../src/cli.rs"), include_str!("../../../../README.md")] {
        let text = text.replace('\n', " ");
        assert!(text.contains(words), "not quoted: {error}");
    }
}

/// Nothing but the list: a gist whose server names another place to push to gets no token there.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_request_that_is_not_on_the_list_never_leaves() {
    let store = Store::new();
    let env = [
        ("GITHUB_API_URL", "https://elsewhere.test"),
        ("GIST_ID", "abc"),
        ("GITHUB_API_TOKEN", "t-napoleon"),
        ("LEADER_NAME", "napoleon"),
    ];
    let policy = Policy::of(&[], &[]);
    let mut napoleon = Candidate::start_under(&store, &["run"], &env, None, policy);
    napoleon.wait_for("no answer", LEASE).await;
    assert!(napoleon.sent().is_empty(), "{:#?}", napoleon.sent());
}

#[test]
fn what_is_no_component_is_refused() {
    let error = Program::new(b"nonsense", None).expect_err("no component");
    assert!(error.to_string().contains("this is no component"), "{error:#}");
}
