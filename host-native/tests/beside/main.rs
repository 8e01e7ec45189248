//! What a workload and a cluster ask and say over HTTP: every rule, against real processes.

mod http;
#[path = "../processes/stage.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod stage;

use std::io::{BufRead, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use self::http::{Answer, Stream, ask, get};
use self::stage::{Candidate, LEASE, RENEW_DEADLINE, Server};

const SOON: Duration = Duration::from_secs(20);
const STARTED: &str = "started leading.";
const ENDED: &str = "I am no longer the leader";
const RELEASED: &str = "released the lock";

/// A candidate with both listeners.
struct Beside {
    candidate: Candidate,
    http: String,
    probe: String,
}

impl Beside {
    fn start(server: &Server, name: &str, flags: &[&str]) -> Self {
        let listen = ["--http", "127.0.0.1:0", "--probe-addr", "127.0.0.1:0"];
        let mut candidate = Candidate::start(server, name, &[&listen[..], flags].concat());
        let mut address = |words: &str| {
            candidate.wait_for(words, SOON);
            let line: Value = serde_json::from_str(candidate.said().last().expect("said")).expect("JSON");
            line["address"].as_str().expect("an address").to_owned()
        };
        let (http, probe) = (address("http listens on"), address("probe addr listens on"));
        Self { candidate, http, probe }
    }

    fn leading(server: &Server, flags: &[&str]) -> Self {
        let mut beside = Self::start(server, "napoleon", flags);
        beside.candidate.wait_for(STARTED, SOON);
        beside
    }

    fn stopped(&self, body: &str) -> Answer {
        self.post("/leader/stopped", body)
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        ask(&self.http, "POST", path, &[("content-type", "application/json")], body)
    }
}

/// Method, path, headers, body; the status that it must have.
type Call<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16);

#[test]
fn every_rule_of_the_workloads_listener() {
    let server = Server::start();
    let napoleon = Beside::leading(&server, &[]);
    let json = ("content-type", "application/json");
    let long = " ".repeat(2000);
    let table: [Call<'_>; 24] = [
        ("GET", "/", &[], "", 200),
        ("GET", "/leader", &[], "", 200),
        ("GET", "/leader/me", &[], "", 200),
        ("HEAD", "/leader/me", &[], "", 200),
        ("GET", "/leader/me", &[("host", "localhost:9")], "", 200),
        ("GET", "/leader/me", &[("host", "[::1]")], "", 200),
        ("GET", "/leader/me", &[("host", "example.com")], "", 403),
        ("GET", "/leader/me", &[("host", "127.0.0.1.example.com")], "", 403),
        ("GET", "/leader/me", &[("host", "localhost"), ("origin", "http://localhost")], "", 200),
        ("GET", "/leader/me", &[("host", "localhost"), ("origin", "http://example.com")], "", 403),
        ("GET", "/leader/me", &[("host", "localhost"), ("origin", "null")], "", 403),
        ("GET", "/nothing", &[], "", 404),
        ("GET", "/metrics", &[], "", 404),
        ("DELETE", "/leader", &[], "", 405),
        ("GET", "/leader/stopped", &[], "", 405),
        ("POST", "/leader/stopped", &[], r#"{"token":1}"#, 415),
        ("POST", "/leader/stopped", &[("content-type", "text/plain")], r#"{"token":1}"#, 415),
        ("POST", "/leader/stopped", &[json], "token=1", 400),
        ("POST", "/leader/stopped", &[json], r#"{"token":"1"}"#, 400),
        ("POST", "/leader/stopped", &[json], &long, 413),
        ("POST", "/leader/stopped", &[json], r#"{"token":1}"#, 409),
        ("GET", "/leader/step-down", &[], "", 405),
        ("POST", "/leader/step-down", &[], r#"{"token":1}"#, 415),
        ("POST", "/leader/step-down", &[json], r#"{"token":2}"#, 409),
    ];
    for (method, path, headers, body, status) in table {
        let answer = ask(&napoleon.http, method, path, headers, body);
        let case = format!("{method} {path} {headers:?} {body:.20}: {answer:?}");
        assert_eq!(answer.status, status, "{case}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{case}");
        if status >= 400 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{case}");
            let problem = answer.json();
            assert_eq!(problem["status"], status, "{case}");
            assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{case}");
        }
    }
    for path in ["/leader", "/", "/leader/me", "/leader/events", "/leader/step-down", "/leader/stopped"] {
        assert_eq!(get(&napoleon.probe, path).status, 404, "{path} is not for the cluster");
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(&napoleon.probe, path).status, 200, "{path}");
        assert_eq!(ask(&napoleon.probe, "POST", path, &[], "").status, 405, "{path}");
    }
}

#[test]
fn who_leads_is_told_alike_by_leader_and_follower() {
    let server = Server::start();
    let napoleon = Beside::leading(&server, &[]);
    let mut stalin = Beside::start(&server, "stalin", &[]);
    stalin.candidate.wait_for("All hail napoleon", SOON);
    for (who, leads, most) in [(&napoleon, true, RENEW_DEADLINE), (&stalin, false, LEASE)] {
        assert_eq!(get(&who.http, "/").json(), serde_json::json!({"name": "napoleon"}));
        let leader = get(&who.http, "/leader").json();
        assert_eq!(leader["name"], "napoleon", "{leader}");
        assert_eq!(leader["leading"], leads, "{leader}");
        assert_eq!((&leader["token"], &leader["term"]), (&1.into(), &1.into()), "{leader}");
        let left = leader["remaining_ms"].as_u64().expect("a number");
        assert!(left > 0 && u128::from(left) < most.as_millis(), "{leader}");
    }
    let me = get(&napoleon.http, "/leader/me").json();
    assert_eq!((&me["leading"], &me["token"]), (&true.into(), &1.into()), "{me}");
    assert_eq!(get(&stalin.http, "/leader/me").status, 503);
}

#[test]
fn what_others_lead_for_counts_from_before_the_request_was_sent() {
    let server = Server::start();
    let _napoleon = Beside::leading(&server, &[]);
    let late = Duration::from_millis(700);
    server.faults(r#"[{"token":"stalin","fault":"delay","ms":700}]"#);
    let mut stalin = Beside::start(&server, "stalin", &[]);
    stalin.candidate.wait_for("All hail napoleon", SOON);
    let start = Instant::now();
    let mut most = 0;
    while start.elapsed() < LEASE {
        most = most.max(get(&stalin.http, "/leader").json()["remaining_ms"].as_u64().expect("a number"));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(most > 0 && Duration::from_millis(most) + late <= LEASE, "{most} ms");
}

#[test]
fn me_is_false_from_the_moment_on_that_the_lease_ends() {
    let server = Server::start();
    let napoleon = Beside::leading(&server, &[]);
    server.faults(r#"[{"token":"napoleon","fault":"hang"}]"#);
    let end = Instant::now() + RENEW_DEADLINE;
    loop {
        let asked = Instant::now();
        let answer = get(&napoleon.http, "/leader/me");
        if answer.status == 503 {
            break;
        }
        // The last renewal was sent before the fault: no answer may promise more than that leaves. It is rounded down: 0 in
        // the last millisecond.
        let left = answer.json()["remaining_ms"].as_u64().expect("a number");
        assert!(asked + Duration::from_millis(left) <= end, "{left} ms are promised too much");
    }
    assert!(Instant::now() < end + Duration::from_secs(1));
}

#[test]
fn the_stream_tells_renewals_and_goes_on_where_it_broke_off() {
    let server = Server::start();
    let napoleon = Beside::leading(&server, &[]);
    let mut stream = Stream::open(&napoleon.http, None);
    let (id, present) = stream.next().expect("the present");
    assert_eq!((&present["event"], &present["leading"]), (&"present".into(), &true.into()), "{present}");
    let first = id.expect("it has an id, since there is no history");
    let mut deadline = present["deadline"]["boot_ns"].as_u64().expect("an absolute deadline");
    for _ in 0..2 {
        let (_, renewed) = stream.next().expect("a renewal");
        assert_eq!((&renewed["event"], &renewed["leading"]), (&"renewed".into(), &true.into()), "{renewed}");
        let later = renewed["deadline"]["boot_ns"].as_u64().expect("an absolute deadline");
        assert!(later > deadline, "{renewed}");
        deadline = later;
    }
    drop(stream);
    let mut resumed = Stream::open(&napoleon.http, Some(&first));
    let (id, present) = resumed.next().expect("the present");
    assert_eq!((id, &present["event"]), (None, &"present".into()), "{present}");
    assert!(present["deadline"]["boot_ns"].as_u64() >= Some(deadline), "the present is afresh: {present}");
    for _ in 0..2 {
        let (id, missed) = resumed.next().expect("history");
        assert!(id.is_some_and(|id| id != first), "{missed}");
        assert_eq!((&missed["event"], &missed["history"]), (&"renewed".into(), &true.into()), "{missed}");
        assert!(missed.get("deadline").is_none() && missed.get("leading").is_none(), "{missed}");
    }
    napoleon.candidate.signal(Signal::KILL);
    for (_, event) in resumed {
        assert_ne!(event["event"], "released", "{event}");
    }
}

#[test]
fn the_workload_says_when_it_has_ended_and_only_then_the_lock_is_released() {
    let server = Server::start();
    let mut napoleon = Beside::leading(&server, &[]);
    let mut stream = Stream::open(&napoleon.http, None);
    assert_eq!(napoleon.stopped(r#"{"token":1}"#).status, 409, "before it was asked");
    napoleon.candidate.signal(Signal::TERM);
    let stopping = stream.by_ref().map(|(_, event)| event).find(|event| event["event"] == "stopping");
    let stopping = stopping.expect("it is asked");
    assert_eq!(stopping["leading"], false, "{stopping}");
    assert!(stopping["by"]["boot_ns"].is_u64(), "{stopping}");
    assert_eq!(get(&napoleon.http, "/leader/me").status, 503);
    assert_eq!(napoleon.stopped(r#"{"token":2}"#).status, 409, "another token");
    std::thread::sleep(Duration::from_millis(500));
    assert!(!napoleon.candidate.has_said(RELEASED), "it has not said so yet");
    assert_eq!(napoleon.stopped(r#"{"token":1}"#).status, 204);
    napoleon.candidate.wait_for(RELEASED, SOON);
    assert_eq!(napoleon.candidate.wait(), Some(0));
    assert!(stream.any(|(_, event)| event["event"] == "released"), "the stream tells it, and ends");
}

/// As on the deletion of a pod: the workload is told to end, and the sidecar only when the workload has ended.
#[test]
fn a_workload_that_is_to_end_has_the_term_ended_first() {
    let server = Server::start();
    let mut napoleon = Beside::leading(&server, &[]);
    assert_eq!(napoleon.post("/leader/step-down", r#"{"token":2}"#).status, 409, "another token");
    assert_eq!(get(&napoleon.http, "/leader/me").status, 200, "it leads on");
    assert_eq!(napoleon.post("/leader/step-down", r#"{"token":1}"#).status, 204);
    assert_eq!(get(&napoleon.http, "/leader/me").status, 503);
    std::thread::sleep(Duration::from_millis(500));
    assert!(!napoleon.candidate.has_said(RELEASED), "the work has not ended yet");
    assert_eq!(napoleon.stopped(r#"{"token":1}"#).status, 204);
    napoleon.candidate.wait_for(RELEASED, SOON);
    assert_eq!(napoleon.post("/leader/step-down", r#"{"token":1}"#).status, 409, "of a term that is over");
    // It stays away for a lease, as after SIGUSR1.
    let mut stalin = Beside::start(&server, "stalin", &[]);
    stalin.candidate.wait_for(STARTED, SOON);
    napoleon.candidate.signal(Signal::TERM);
    assert_eq!(napoleon.candidate.wait(), Some(0));
}

/// Both posts in one write: the second is read as soon as the first is answered.
#[test]
fn a_term_is_ending_when_stepping_down_is_answered() {
    let server = Server::start();
    let mut napoleon = Beside::leading(&server, &[]);
    let head = "host: localhost\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n{\"token\":1}";
    let posts = ["step-down", "stopped"].map(|path| format!("POST /leader/{path} HTTP/1.1\r\n{head}"));
    let mut stream = TcpStream::connect(&napoleon.http).expect("it listens");
    stream.write_all(posts.concat().as_bytes()).expect("sent");
    napoleon.candidate.wait_for(RELEASED, SOON);
}

#[test]
fn a_workload_that_says_nothing_keeps_the_lock_from_being_released() {
    let server = Server::start();
    let mut napoleon = Beside::leading(&server, &[]);
    napoleon.candidate.signal(Signal::TERM);
    assert_eq!(napoleon.candidate.wait(), Some(0));
    assert!(napoleon.candidate.has_said("the workload did not say that it has ended"));
    assert!(!napoleon.candidate.has_said(RELEASED));
}

#[test]
fn release_now_and_never_are_as_they_say() {
    let server = Server::start();
    let mut napoleon = Beside::leading(&server, &["--release", "now"]);
    assert_eq!(napoleon.stopped(r#"{"token":1}"#).status, 409, "nobody waits for it");
    napoleon.candidate.signal(Signal::TERM);
    assert_eq!(napoleon.candidate.wait(), Some(0));
    assert!(napoleon.candidate.has_said(RELEASED));
    let mut napoleon = Beside::leading(&server, &["--release", "never"]);
    napoleon.candidate.signal(Signal::TERM);
    assert_eq!(napoleon.candidate.wait(), Some(0));
    assert!(napoleon.candidate.has_said("not released"));
    assert!(!napoleon.candidate.has_said(RELEASED));
}

#[test]
fn health_is_neither_leading_nor_the_store() {
    let server = Server::start();
    server.faults(r#"[{"fault":"status","status":503}]"#);
    let beside = Beside::start(&server, "napoleon", &[]);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(&beside.probe, path).status, 200, "{path}");
    }
    assert_eq!(get(&beside.http, "/leader").json()["name"], Value::Null, "not known yet");
}

#[test]
fn slow_and_silent_clients_hold_up_neither_the_election_nor_the_others() {
    let server = Server::start();
    let mut napoleon = Beside::leading(&server, &[]);
    let mut stream = Stream::open(&napoleon.http, None);
    let mut held: Vec<TcpStream> = Vec::new();
    // More than either listener keeps.
    for address in [&napoleon.http, &napoleon.probe] {
        for number in 0..300 {
            let mut stream = TcpStream::connect(address).expect("it listens");
            match number % 4 {
                0 => {}
                1 => stream.write_all(b"GET /leader/me HT").expect("sent"),
                2 => stream.write_all(b"GET /leader/events HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("sent"),
                _ => stream
                    .write_all(b"POST /leader/stopped HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{")
                    .expect("sent"),
            }
            held.push(stream);
        }
    }
    let start = Instant::now();
    while start.elapsed() < LEASE {
        assert_eq!(get(&napoleon.http, "/leader/me").status, 200);
        assert_eq!(get(&napoleon.probe, "/healthz").status, 200);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(!napoleon.candidate.has_said(ENDED));
    let renewals = stream.by_ref().filter(|(_, event)| event["event"] == "renewed").take(4);
    assert_eq!(renewals.count(), 4, "who reads a stream gives way to nobody");
    // Of those above 64 were let in, before or with the first.
    let too_many = get(&napoleon.http, "/leader/events");
    assert_eq!((too_many.status, &too_many.json()["detail"]), (503, &"too many streams: close one".into()));
}

#[test]
fn the_metrics_tell_who_leads_and_what_it_costs() {
    let server = Server::start();
    let napoleon = Beside::leading(&server, &[]);
    let mut stalin = Beside::start(&server, "stalin", &[]);
    stalin.candidate.wait_for("All hail napoleon", SOON);
    std::thread::sleep(Duration::from_secs(2));
    let figure = |who: &Beside, name: &str| -> f64 {
        let text = get(&who.probe, "/metrics").body;
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit_once(' ').expect("a value").1.parse().expect("a number")
    };
    assert!(figure(&napoleon, "leader_election_master_status{name=\"napoleon\"}") > 0.5);
    assert!(figure(&stalin, "leader_election_master_status{name=\"stalin\"}") < 0.5);
    for who in [&napoleon, &stalin] {
        assert!((figure(who, "leader_election_transitions_total") - 1.0).abs() < 0.5);
    }
    let left = figure(&napoleon, "leader_election_lease_remaining_seconds");
    assert!(left > 0.0 && left < RENEW_DEADLINE.as_secs_f64(), "{left}");
    let age = figure(&napoleon, "leader_election_last_renewal_age_seconds");
    assert!(age > 0.0 && age < RENEW_DEADLINE.as_secs_f64(), "{age}");
    assert!(figure(&napoleon, "leader_election_request_duration_seconds_count{kind=\"write\",outcome=\"ok\"}") >= 2.0);
    assert!(
        figure(&stalin, "leader_election_request_duration_seconds_count{kind=\"read\",outcome=\"not_modified\"}")
            >= 1.0
    );
    assert!(figure(&napoleon, "leader_election_budget_spent{kind=\"writes\"}") >= 2.0);
    // The interval of these tests is a second.
    let configured = figure(&napoleon, "leader_election_budget_configured{kind=\"writes\"}");
    assert!((configured - 3600.0).abs() < 0.5, "{configured}");
    assert!(figure(&napoleon, "leader_election_budget_limit{kind=\"writes\"}") >= 500.0);
    assert!(figure(&napoleon, "leader_election_takeover_seconds_count") >= 1.0);
    server.faults(r#"[{"token":"napoleon","fault":"status","status":429,"retry_after":60}]"#);
    let mut napoleon = napoleon;
    napoleon.candidate.wait_for("throttled for 60", SOON);
    assert!(figure(&napoleon, "leader_election_throttled_seconds_total") >= 60.0);
    let text = get(&napoleon.probe, "/metrics");
    assert!(text.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text")));
    assert_eq!(text.body.lines().last(), Some("# EOF"));
}

#[test]
fn an_address_that_everybody_reaches_is_refused() {
    let output = stage::leader_elector(&["run", "--http", "0.0.0.0:8080", "--probe-addr", "x"], &[("GIST_ID", "abc")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("http is `0.0.0.0:8080`: allowed are addresses of this machine only"), "{said}");
    assert!(said.contains("probe addr is `x`"), "{said}");
}

/// The reader's side must not need more of the stream than lines.
#[test]
fn the_stream_is_made_of_lines() {
    let server = Server::start();
    let napoleon = Beside::leading(&server, &[]);
    let stream = Stream::open(&napoleon.http, None);
    let lines: Vec<String> = stream.into_lines().lines().map_while(Result::ok).take(4).collect();
    assert!(lines.iter().any(|line| line.starts_with("data: {\"event\":\"present\"")), "{lines:?}");
}
