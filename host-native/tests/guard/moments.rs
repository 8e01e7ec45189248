//! When the command is asked and killed, and what holds if elector or guard is not there.

use std::io::{Read, Write};
use std::process::Command;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, Signal, geteuid, kill_process, pidfd_getfd, pidfd_open};

use crate::stage::{Candidate, Server};
use crate::{GRACE, Guarded, RELEASED, SOON, STARTED, behind, guard_of, mark, marked, wait_until};

/// Milliseconds of the day in `2026-11-28T08:15:00.123Z`.
fn millis(time: &str) -> i64 {
    let part = |from: usize, to: usize| time[from..to].parse::<i64>().expect("digits");
    ((part(11, 13) * 60 + part(14, 16)) * 60 + part(17, 19)) * 1000 + part(20, 23)
}

/// By how much `time` is before `until`.
fn before(until: &str, time: &str) -> i64 {
    (millis(until) - millis(time)).rem_euclid(86_400_000)
}

/// The store hangs; the grace is a second.
#[test]
fn a_term_that_cannot_be_renewed_asks_a_grace_before_its_end_and_kills_half_a_second_before() {
    let server = Server::start();
    let mark = mark();
    let script = format!(
        "now() {{ echo $1 $(date -u +%FT%T.%3NZ); }}; trap 'now asked' TERM; while :; do now alive; done # {mark}"
    );
    let mut guarded = Guarded::start(&server, &[], &["sh", "-c", &script]);
    let started: serde_json::Value = serde_json::from_str(&guarded.wait_for(STARTED)).expect("JSON");
    server.faults(r#"[{"fault":"hang"}]"#);
    let until = started["until"].as_str().expect("a time");
    wait_until("it runs", || !marked(&mark).is_empty());
    wait_until("nothing is left", || marked(&mark).is_empty());
    guarded.signal(Signal::KILL);
    let mut said = String::new();
    guarded.stdout.read_to_string(&mut said).expect("text");
    let last = |word: &str| {
        let mut times = said.lines().rev().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        before(until, times.find(|time| time.len() == until.len()).unwrap_or_else(|| panic!("no {word}: {said}")))
    };
    let (asked, alive) = (last("asked"), last("alive"));
    assert!((700..=1050).contains(&asked), "asked {asked} ms before the end");
    assert!((250..=800).contains(&alive), "it lived until {alive} ms before the end");
}

fn running(server: &Server, mark: &str) -> Guarded {
    let mut guarded = Guarded::start(server, &[], &["sh", "-c", &endless(mark)]);
    assert_eq!(guarded.line(), "ready");
    guarded
}

fn endless(mark: &str) -> String {
    format!("trap '' TERM; echo ready; while :; do sleep 0.1; done # {mark}")
}

fn stop(pid: Pid) {
    kill_process(pid, Signal::STOP).expect("it lives");
    let stat = format!("/proc/{pid}/stat");
    wait_until("stopped", || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")));
}

#[test]
fn the_command_dies_with_its_guard_though_the_elector_is_stopped() {
    let server = Server::start();
    let mark = mark();
    let guarded = running(&server, &mark);
    stop(Pid::from_child(&guarded.child));
    kill_process(guard_of(&mark), Signal::KILL).expect("it lives");
    wait_until("nothing is left", || marked(&mark).is_empty());
}

#[test]
fn a_stopped_guard_goes_on_and_kills_when_its_elector_dies() {
    let server = Server::start();
    let mark = mark();
    let guarded = running(&server, &mark);
    stop(Pid::from_child(&guarded.child));
    stop(guard_of(&mark));
    guarded.signal(Signal::KILL);
    wait_until("nothing is left", || marked(&mark).is_empty());
}

/// The elector leads on; a guard that has killed all the same takes the term along.
#[test]
fn nobody_leads_on_without_a_command_that_the_guard_has_killed() {
    if !geteuid().is_root() {
        println!("NOT RUN: only root can speak for a guard");
        return;
    }
    let server = Server::start();
    let mark = mark();
    let script = endless(&mark);
    let flags = [&GRACE[..], &["--", "sh", "-c", &script]].concat();
    let mut napoleon = Candidate::start(&server, "napoleon", &flags);
    wait_until("it runs", || !marked(&mark).is_empty());
    let guard = pidfd_open(guard_of(&mark), PidfdFlags::empty()).expect("it lives");
    let socket = pidfd_getfd(guard, 0, PidfdGetfdFlags::empty()).expect("its standard input");
    std::fs::File::from(socket).write_all(b"gone\n").expect("written");
    napoleon.wait_for(RELEASED, SOON);
    assert_eq!(marked(&mark), [0; 0], "released though it runs");
}

/// Their memory and environment have the API token.
#[test]
fn elector_and_guard_cannot_be_read_by_others_of_their_user() {
    let server = Server::start();
    let mark = mark();
    // Root could read everything.
    let weak: &[&str] =
        if geteuid().is_root() { &["setpriv", "--bounding-set=-sys_ptrace,-perfmon,-sys_admin"] } else { &["env"] };
    let mut guarded =
        Guarded::with(&server, &[], &["sh", "-c", &endless(&mark)], |process| *process = behind(weak, process));
    assert_eq!(guarded.line(), "ready");
    let can_be_read = |pid: i32| {
        let mut cat = Command::new("cat");
        cat.arg(format!("/proc/{pid}/environ"));
        behind(weak, &cat).output().expect("it runs").status.success()
    };
    assert!(marked(&mark).into_iter().all(can_be_read), "the command can be read");
    for pid in [Pid::from_child(&guarded.child), guard_of(&mark)] {
        assert!(!can_be_read(pid.as_raw_nonzero().get()), "{pid:?} can be read");
    }
}
