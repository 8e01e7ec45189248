//! How a run ends: beside an election, interrupted, throttled, and on a gist of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::stage::{Candidate, Server, command, get, leader_elector, send, spawn};
use crate::{
    DOCTOR, FILE, LOCK, Run, SECRET, WRITES, assert_counts_right, edit, env, examine, foreign_record, gist, sent,
};

const SOON: Duration = Duration::from_secs(15);

/// A doctor that takes its time.
fn start(server: &Server, args: &[&str]) -> Child {
    spawn(&[&["doctor", "-o", "json", "--pause", "300ms"], args].concat(), &env(server))
}

fn end(doctor: Child) -> Run {
    Run::of(&doctor.wait_with_output().expect("it ends"))
}

/// Waits until so many writes were sent.
fn wait_for_writes(server: &Server, writes: usize) {
    let end = Instant::now() + SOON;
    while sent(server, DOCTOR, &WRITES) < writes {
        assert!(Instant::now() < end, "it did not write {writes} times");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_live_lock_is_refused() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for("started leading.", SOON);
    let run = examine(&server, &[]);
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert!(run.errors.contains("the lock is alive"), "{run:#?}");
    assert_eq!(sent(&server, DOCTOR, &WRITES), 0);
}

#[test]
fn a_lock_that_nobody_renews_is_watched_for_its_lease_and_then_left_alone() {
    let server = Server::start();
    let mut napoleon = Candidate::start(&server, "napoleon", &[]);
    napoleon.wait_for("started leading.", SOON);
    napoleon.signal(Signal::KILL);
    napoleon.wait();
    let before = gist(&server);
    let run = examine(&server, &[]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(run.errors.contains("the lock names napoleon as its leader: watching for 5 s"), "{run:#?}");
    assert_eq!(gist(&server)["history"], before["history"], "not a revision more");
}

#[test]
fn a_watch_outlives_an_answer_that_is_lost_but_not_the_last_one() {
    let server = Server::start();
    edit(&server, LOCK, &foreign_record(5));
    let watched = |faults: &str| {
        let mut doctor = spawn(&["doctor", "-o", "json", "--pause", "0s"], &env(&server));
        let mut said = BufReader::new(doctor.stderr.take().expect("piped")).lines().map(|line| line.expect("text"));
        assert!(said.any(|line| line.contains("watching for 5 s")));
        server.faults(faults);
        let words: Vec<_> = said.collect();
        (end(doctor), words.join("\n"))
    };
    let (run, said) = watched(r#"[{"fault":"status","status":502,"method":"GET","times":3}]"#);
    assert_eq!(run.code, Some(0), "{said}");
    let (run, said) = watched(r#"[{"fault":"status","status":502,"method":"GET"}]"#);
    assert_eq!(run.code, Some(3), "{said}");
    assert!(said.contains("unknown: no answer; nothing was written"), "{said}");
}

#[test]
fn the_longest_watch_reads_seldom_and_an_interrupt_ends_it() {
    let server = Server::start();
    edit(&server, LOCK, &foreign_record(3600));
    let mut doctor = start(&server, &[]);
    let mut said = BufReader::new(doctor.stderr.take().expect("piped")).lines().map(|line| line.expect("text"));
    let announced = said.next().expect("a line");
    assert!(announced.contains("held or unclear is first watched for its lease, an hour at most"), "{announced}");
    assert!(said.next().expect("a line").contains("watching for 3600 s"));
    let so_far = sent(&server, DOCTOR, &["GET"]);
    sleep(Duration::from_secs(5));
    assert_eq!(sent(&server, DOCTOR, &["GET"]), so_far, "every 72 s it reads");
    kill_process(Pid::from_child(&doctor), Signal::INT).expect("it lives");
    let run = end(doctor);
    assert_eq!(run.code, Some(130), "{run:#?}");
    assert_counts_right(&server, &run);
}

#[test]
fn it_stops_at_once_when_the_lock_file_changes() {
    let server = Server::start();
    let doctor = start(&server, &[]);
    wait_for_writes(&server, 3);
    edit(&server, LOCK, "somebody's text");
    let so_far = sent(&server, DOCTOR, &WRITES);
    let run = end(doctor);
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert!(run.errors.contains("the lock file changed meanwhile"), "{run:#?}");
    assert!(run.left().contains("is still in the gist"), "{run:#?}");
    assert!(sent(&server, DOCTOR, &WRITES) <= so_far + 1, "only what was under way");
    assert_eq!(gist(&server)["files"][LOCK]["content"], "somebody's text");
    // The next run finds what this one left, and takes it away. The text is no record: it is watched for a lease.
    edit(&server, LOCK, "{}");
    let run = examine(&server, &[]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert_eq!(gist(&server)["files"].get(FILE), None, "{run:#?}");
}

#[test]
fn what_a_person_adds_meanwhile_is_kept() {
    let server = Server::start();
    let doctor = start(&server, &[]);
    wait_for_writes(&server, 3);
    edit(&server, "notes.txt", "by a person");
    let run = end(doctor);
    assert_eq!(gist(&server)["files"]["notes.txt"]["content"], "by a person");
    assert!(run.left().starts_with("its file is gone; "), "{run:#?}");
}

#[test]
fn it_stops_when_somebody_else_writes_its_file() {
    let server = Server::start();
    let doctor = start(&server, &[]);
    wait_for_writes(&server, 3);
    edit(&server, FILE, "another doctor's");
    let run = end(doctor);
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert!(run.errors.contains("somebody else writes"), "{run:#?}");
    assert_eq!(gist(&server)["files"][FILE]["content"], "another doctor's");
}

#[test]
fn an_interrupt_puts_the_gist_back() {
    // What `nohup` made these tests ignore is ignored by what they start.
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    let hears_hang_up = ignored.is_some_and(|ignored| ignored & 1 == 0);
    let hang_up = hears_hang_up.then_some((Signal::HUP, 129));
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)].into_iter().chain(hang_up) {
        let server = Server::start();
        let before = gist(&server);
        let doctor = start(&server, &[]);
        wait_for_writes(&server, 4);
        kill_process(Pid::from_child(&doctor), signal).expect("it lives");
        let run = end(doctor);
        assert_eq!(run.code, Some(code), "{run:#?}");
        assert_eq!(run.report["verdict"], "unknown");
        assert_eq!(run.left(), "the gist is as it was");
        assert_eq!(gist(&server)["history"], before["history"]);
    }
}

/// As under `nohup`.
#[test]
fn a_hang_up_that_it_was_started_to_ignore_ends_nothing() {
    let server = Server::start();
    let call = command(&["doctor", "-o", "json", "--pause", "300ms"]);
    let mut deaf = Command::new("sh");
    deaf.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(call.get_program()).args(call.get_args());
    deaf.env("NO_PROXY", "127.0.0.1").envs(env(&server)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let doctor = deaf.spawn().expect("there is a shell");
    wait_for_writes(&server, 2);
    kill_process(Pid::from_child(&doctor), Signal::HUP).expect("it lives");
    wait_for_writes(&server, 5);
    kill_process(Pid::from_child(&doctor), Signal::TERM).expect("it lives");
    let run = end(doctor);
    assert_eq!(run.code, Some(143), "{run:#?}");
    assert_eq!(run.left(), "the gist is as it was");
}

/// As with `| head -1`: what was written is taken back all the same.
#[test]
fn who_stops_reading_ends_the_trial_and_the_gist_is_put_back() {
    let server = Server::start();
    let before = gist(&server);
    let mut doctor = spawn(&["doctor", "--pause", "300ms"], &env(&server));
    let begun = Instant::now();
    wait_for_writes(&server, 2);
    drop(doctor.stdout.take());
    let run = end(doctor);
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert_eq!(run.errors.lines().count(), 1, "what it spends at most, and no more: {run:#?}");
    assert_eq!(gist(&server)["history"], before["history"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "it went on for nobody");
}

#[test]
fn a_store_that_throttles_is_left_alone_as_long_as_it_asks_and_the_gist_put_back() {
    let server = Server::start();
    let before = gist(&server);
    server.faults(r#"[{"fault":"status","status":429,"retry_after":3,"method":"PATCH","times":1}]"#);
    let run = examine(&server, &[]);
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert!(run.errors.contains("throttled: the store asks to be left alone for 3 s"), "{run:#?}");
    assert_eq!(run.left(), "the gist is as it was");
    assert_eq!(gist(&server)["history"], before["history"]);
    assert_is_left_alone(&server, 1, 3);
}

/// So often it was throttled, and each time there was not even a read before the seconds were over.
fn assert_is_left_alone(server: &Server, times: usize, seconds: u64) {
    let log: Vec<serde_json::Value> =
        serde_json::from_str(&get(&format!("{}/_control/log", server.url))).expect("a list");
    let ms = |entry: &serde_json::Value| entry["ms"].as_u64().expect("a time");
    let mut throttled = 0;
    for pair in log.windows(2).filter(|pair| pair[0]["status"] == 429) {
        throttled += 1;
        assert!(ms(&pair[1]) >= ms(&pair[0]) + seconds * 1_000, "{pair:#?}");
    }
    assert_eq!(throttled, times, "{log:#?}");
}

#[test]
fn a_store_that_throttles_while_things_are_put_back_is_waited_for_as_well() {
    let server = Server::start();
    server.store(r#"{"replacing":"refused"}"#);
    // The trial's PATCH, then the one that takes the file away.
    server.faults(r#"[{"fault":"status","status":429,"retry_after":2,"method":"PATCH","times":2}]"#);
    let run = examine(&server, &[]);
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert!(run.left().starts_with("its file is gone; "), "{run:#?}");
    assert_eq!(gist(&server)["files"].get(FILE), None);
    assert_is_left_alone(&server, 2, 2);
}

#[test]
fn writes_that_are_never_answered_are_named() {
    let server = Server::start();
    server.faults(r#"[{"fault":"lose_answer","method":"PATCH","times":1}]"#);
    let run = examine(&server, &[]);
    assert!(run.left().ends_with("1 writes had no answer and may still land: look again later"), "{run:#?}");
}

/// The gist that a run with `--scratch` made.
fn scratch_of(run: &Run) -> String {
    let gist = run.report["gist"].as_str().expect("an id").to_owned();
    assert!(run.left().contains("the scratch gist is deleted"), "{run:#?}");
    gist
}

fn is_there(server: &Server, gist: &str) -> bool {
    send("GET", &format!("{}/gists/{gist}", server.url), SECRET, "").starts_with("HTTP/1.1 200")
}

#[test]
fn a_scratch_gist_is_made_and_deleted() {
    let server = Server::start();
    let env = [("GITHUB_API_URL", &*server.url), ("GITHUB_API_TOKEN", SECRET)];
    let run = Run::of(&leader_elector(&["doctor", "--scratch", "-o", "json", "--pause", "30ms"], &env));
    assert_eq!(run.code, Some(0), "{run:#?}");
    let scratch = scratch_of(&run);
    assert_ne!(scratch, server.gist);
    assert_eq!(run.command(), format!("leader-elector run --api-url {}", server.url), "no gist that is gone");
    let log = get(&format!("{}/_control/log", server.url));
    assert!(!log.contains(&server.gist), "the lock's own gist is not even read");
    assert!(!is_there(&server, &scratch) && is_there(&server, &server.gist));
}

#[test]
fn a_scratch_gist_is_deleted_after_an_interrupt_and_a_failure() {
    let server = Server::start();
    let doctor = start(&server, &["--scratch"]);
    wait_for_writes(&server, 4);
    kill_process(Pid::from_child(&doctor), Signal::INT).expect("it lives");
    let run = end(doctor);
    assert_eq!(run.code, Some(130), "{run:#?}");
    assert!(!is_there(&server, &scratch_of(&run)));

    server.faults(r#"[{"fault":"status","status":429,"retry_after":3600,"method":"PATCH"}]"#);
    let run = end(start(&server, &["--scratch"]));
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert!(!is_there(&server, &scratch_of(&run)));
}

#[test]
fn a_scratch_gist_is_deleted_when_the_store_wants_to_be_left_alone_for_a_while() {
    let server = Server::start();
    server.faults(r#"[{"fault":"status","status":429,"retry_after":4,"method":"DELETE","times":2}]"#);
    let run = examine(&server, &["--scratch"]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    let scratch = scratch_of(&run);
    assert!(!is_there(&server, &scratch));
    assert!(run.errors.contains(&format!("waiting 4 s, as the store asks, to delete the scratch gist {scratch}")));
    assert_is_left_alone(&server, 2, 4);

    // Longer than anybody waits: it is named, and how long that is.
    let server = Server::start();
    server.faults(r#"[{"fault":"status","status":429,"retry_after":3600,"method":"DELETE"}]"#);
    let run = examine(&server, &["--scratch"]);
    let scratch = run.report["gist"].as_str().expect("an id");
    assert!(run.left().contains(&format!("THE SCRATCH GIST {scratch} IS STILL THERE")), "{run:#?}");
    assert!(run.left().contains("left alone for 3600 s"), "{run:#?}");
    assert_eq!(sent(&server, DOCTOR, &["DELETE"]), 1);
    assert_counts_right(&server, &run);
}
