//! Rounds: elector or guard is killed, stopped or hung, while the command does what it can to survive. Nothing of it
//! lives when the term is over, and none when another leads.
//!
//! 20 rounds; `GUARD_ROUNDS=200` plays more.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::stage::{self, Candidate, RENEW_DEADLINE, Server};
use crate::{GRACE, RELEASED, SOON, STARTED, guard_of, mark, marked, wait_until};

#[derive(Clone, Copy, Debug)]
enum Fault {
    ElectorKilled,
    ElectorStopped,
    /// Nobody reads its log any more: it blocks in a write.
    ElectorHung,
    GuardKilled,
    GuardStopped,
}

const FAULTS: [Fault; 5] =
    [Fault::ElectorKilled, Fault::ElectorStopped, Fault::ElectorHung, Fault::GuardKilled, Fault::GuardStopped];

/// Ignores every signal it can; forks twice, leaves the session; forks on and on; and a chain of processes in which
/// each forks the next and ends.
fn wicked(mark: &str) -> String {
    format!(
        "# {mark}
         trap '' TERM INT HUP QUIT USR1
         bomb() {{
             if [ \"$1\" -gt 0 ]; then bomb $(($1 - 1)) & bomb $(($1 - 1)) & fi
             while :; do sleep 0.2 & wait; done
         }}
         chain() {{ sleep 0.02; chain & }}
         (setsid sh -c 'trap \"\" TERM INT HUP; while :; do sleep 1; done # {mark}' &)
         chain
         bomb 4"
    )
}

struct Elector(Child);

impl Drop for Elector {
    fn drop(&mut self) {
        stage::end(&mut self.0);
    }
}

fn round(number: usize, fault: Fault) -> Duration {
    let server = Server::start();
    let mark = mark();
    let mut process = stage::candidate(&server.url, &server.gist, "napoleon");
    process.args(GRACE).args(["--log-level", "debug", "--", "sh", "-c", &wicked(&mark)]);
    let (log, stderr) = rustix::pipe::pipe().expect("a pipe");
    // As small as a pipe can be: it is full after a few lines.
    rustix::pipe::fcntl_setpipe_size(&log, 4096).expect("a small pipe");
    let elector = Elector(process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().expect("starts"));
    drop(process);
    let pid = Pid::from_child(&elector.0);
    let mut log = BufReader::new(std::fs::File::from(log));
    let mut until_said = |words: &str| {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(log.read_line(&mut line).expect("text") > 0, "round {number}, {fault:?}: no `{words}`");
        }
    };
    until_said(STARTED);
    let hangs = matches!(fault, Fault::ElectorHung);
    let reader = (!hangs).then(|| {
        std::thread::spawn(move || {
            let mut rest = String::new();
            let _ = log.read_to_string(&mut rest);
            rest
        })
    });
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    stalin.wait_for("All hail napoleon", SOON);
    wait_until("all run", || marked(&mark).len() > 30);
    // At another moment between two renewals each time.
    sleep(Duration::from_millis(number as u64 * 137 % 1000));
    let guard = guard_of(&mark);
    let (victim, signal) = match fault {
        Fault::ElectorKilled => (pid, Some(Signal::KILL)),
        Fault::ElectorStopped => (pid, Some(Signal::STOP)),
        Fault::ElectorHung => (pid, None),
        Fault::GuardKilled => (guard, Some(Signal::KILL)),
        Fault::GuardStopped => (guard, Some(Signal::STOP)),
    };
    // No write is sent after this moment in which a stopped or killed elector leads: its term ends by then + deadline.
    let start = Instant::now();
    if let Some(signal) = signal {
        kill_process(victim, signal).expect("it lives");
        wait_until("nothing is left", || marked(&mark).is_empty());
        let took = start.elapsed();
        assert!(took < RENEW_DEADLINE, "round {number}, {fault:?}: something lived for {took:?}, beyond the term");
    }
    let took = start.elapsed();
    stalin.wait_for(STARTED, SOON);
    assert!(marked(&mark).is_empty(), "round {number}, {fault:?}: two at work");
    drop(elector);
    if let Some(reader) = reader {
        let said = reader.join().expect("read");
        let guard_fell = matches!(fault, Fault::GuardKilled | Fault::GuardStopped);
        assert_eq!(said.contains(RELEASED), guard_fell, "round {number}, {fault:?}: {said}");
    }
    assert!(marked(&mark).is_empty(), "round {number}, {fault:?}: it came back");
    took
}

#[test]
fn nothing_survives_the_term() {
    let rounds = std::env::var("GUARD_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20);
    for number in 0..rounds {
        let fault = FAULTS[number % FAULTS.len()];
        let took = round(number, fault);
        println!("round {number}: {fault:?}, gone after {took:?}");
    }
}
