//! The guarded job: a static binary that a scratch image can hold. It says that it works, twice a second, to a sink that
//! the harness serves on a Unix socket, with its token and the moment; it does nothing else, and never asks whether it
//! still may: to end it is the guard's business.
//!
//!     job append SOCKET        one process
//!     job ignore SOCKET        the same, and SIGTERM is ignored
//!     job orphan SOCKET        beside it works a grandchild whose parent has ended: a double fork
//!     job session SOCKET       its child leads a session of its own
//!     job bomb SOCKET          children of children, 40 at most
//!     job hog                  takes memory until it is killed

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

const PAUSE: Duration = Duration::from_millis(500);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let socket = args.get(2).map_or("", String::as_str);
    match args.get(1).map(String::as_str) {
        Some("append") => append(socket),
        Some("ignore") => ignore(socket),
        Some("orphan") => {
            let mut child = again("leave", socket).expect("a child");
            let _ = child.wait();
            append(socket);
        }
        Some("leave") => _ = again("ignore", socket),
        Some("session") => {
            let mut child = again("in-session", socket).expect("a child");
            let _ = child.wait();
        }
        Some("in-session") => {
            rustix::process::setsid().expect("a session of its own");
            ignore(socket);
        }
        Some("bomb") => bomb(socket, 3),
        Some(depth) if depth.parse::<u32>().is_ok() => bomb(socket, depth.parse().expect("checked")),
        Some("hog") => hog(),
        other => panic!("job append|ignore|orphan|session|bomb SOCKET, or job hog; not {other:?}"),
    }
}

fn again(what: &str, socket: &str) -> std::io::Result<std::process::Child> {
    Command::new("/proc/self/exe").args([what, socket]).spawn()
}

fn ignore(socket: &str) {
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))).expect("a handler");
    }
    append(socket);
}

/// Three children a process, three generations: 1 + 3 + 9 + 27.
fn bomb(socket: &str, depth: u32) {
    for _ in 0..if depth == 0 { 0 } else { 3 } {
        // The container may refuse one more process: that is what its limit is for.
        let _ = again(&(depth - 1).to_string(), socket);
    }
    ignore(socket);
}

fn append(socket: &str) {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let (name, token) = (variable("LEADER_NAME"), variable("LEADER_FENCING_TOKEN"));
    loop {
        // A sink that cannot be reached is tried again: the job itself never gives up.
        if let Ok(stream) = UnixStream::connect(socket) {
            let mut answers = BufReader::new(stream.try_clone().expect("a second handle"));
            let mut stream = stream;
            let mut answer = String::new();
            loop {
                let now = clock_gettime(ClockId::Monotonic);
                let nanoseconds = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
                if writeln!(stream, "{name} {token} {nanoseconds}").is_err() {
                    break;
                }
                answer.clear();
                if answers.read_line(&mut answer).is_err() || answer.is_empty() {
                    break;
                }
                std::thread::sleep(PAUSE);
            }
        }
        std::thread::sleep(PAUSE);
    }
}

fn hog() {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        taken.push(vec![1; 1 << 20]);
        std::hint::black_box(&taken);
    }
}
