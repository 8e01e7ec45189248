//! Where a command can be guarded: namespaces and mounts of unshare(1), of util-linux, and who was there before.

use std::io::Write;

use rustix::process::{Signal, geteuid, kill_process};

use crate::stage::Server;
use crate::{Guarded, STARTED, behind, guard_of, mark, marked, wait_until};

/// A PID namespace, which ends with what is before it. Only root has one without a user namespace.
fn namespace() -> Vec<&'static str> {
    let flags = if geteuid().is_root() { &[][..] } else { &["--user", "--map-root-user"][..] };
    [&["unshare", "--pid", "--fork", "--kill-child"][..], flags].concat()
}

/// As a user for whom `hidepid` hides something: it exempts who may trace, and the group 0 of the machine.
fn weak() -> &'static str {
    if geteuid().is_root() {
        "setpriv --bounding-set=-sys_ptrace --regid=65534 --clear-groups"
    } else {
        "setpriv --bounding-set=-sys_ptrace"
    }
}

#[test]
fn a_command_is_guarded_only_where_proc_shows_all_that_is_ours() {
    let server = Server::start();
    let hidden = |level| format!("mount -o remount,hidepid={level} /proc && exec {} \"$@\"", weak());
    let table: [(&[&str], &str, &str); 5] = [
        (&["--mount-proc"], "exec \"$@\"", ""),
        (&[], "exec \"$@\"", "--mount-proc"),
        (&["--mount-proc"], &hidden(0), ""),
        (&["--mount-proc"], &hidden(1), "hidepid"),
        (&["--mount-proc"], &hidden(2), "hidepid"),
    ];
    for (flags, script, why) in table {
        let words = [&namespace()[..], flags, &["sh", "-c", script, "sh"]].concat();
        let guarded = Guarded::with(&server, &[], &["true"], |process| *process = behind(&words, process));
        let (code, log) = guarded.end();
        assert_eq!(code, Some(if why.is_empty() { 0 } else { 3 }), "{flags:?} {script}: {log}");
        assert!(log.contains(why), "{flags:?} {script}: {log}");
    }
}

#[test]
fn a_guard_that_proc_hides_later_is_killed_all_the_same() {
    let server = Server::start();
    let mark = mark();
    let script = format!("{} \"$@\" & read go; mount -o remount,hidepid=2 /proc && echo hidden; wait", weak());
    let words = [&namespace()[..], &["--mount-proc", "sh", "-c", &script, "sh"]].concat();
    let command = format!("echo ready; while :; do sleep 0.1; done # {mark}");
    let mut guarded =
        Guarded::with(&server, &[], &["sh", "-c", &command], |process| *process = behind(&words, process));
    guarded.wait_for(STARTED);
    assert_eq!(guarded.line(), "ready");
    writeln!(guarded.child.stdin.as_mut().expect("piped"), "go").expect("written");
    assert_eq!(guarded.line(), "hidden");
    kill_process(guard_of(&mark), Signal::STOP).expect("it lives");
    wait_until("nothing is left", || marked(&mark).is_empty());
}

#[test]
fn who_has_children_before_is_refused_as_they_would_be_killed() {
    let server = Server::start();
    let script = "sleep 2 >/dev/null 2>&1 & exec \"$@\"";
    let words = ["sh", "-c", script, "sh"];
    let (code, log) = Guarded::with(&server, &[], &["true"], |process| *process = behind(&words, process)).end();
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("has children from before"), "{log}");
}
