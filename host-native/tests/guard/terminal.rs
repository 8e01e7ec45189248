//! `run -- command` on terminals, which script(1), of Debian's bsdutils, makes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::stage::{self, Server};
use crate::{GRACE, RELEASED, keep_environment, mark, wait_until};

struct Script(Child);

impl Drop for Script {
    fn drop(&mut self) {
        stage::end(&mut self.0);
    }
}

/// The call as a shell reads it, with the grace that fits.
fn quoted(call: &Command) -> String {
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().expect("text"));
    let words: Vec<String> = std::iter::once(call.get_program()).chain(call.get_args()).map(quoted).collect();
    format!("{} {}", words.join(" "), GRACE.join(" "))
}

/// On a terminal, made by script(1): the command reads it, and Ctrl-\\ and Ctrl-C reach the command itself, which
/// lives on and ends in peace.
#[test]
fn a_terminal_is_the_commands_as_with_env() {
    let server = Server::start();
    let inner = "test -t 0 && test -t 1 && echo tty; read x; echo got $x; trap 'sleep 0.5; echo interrupted; exit' INT; trap 'echo dumped' QUIT; echo ready; while :; do sleep 0.1; done";
    let candidate = stage::candidate(&server.url, &server.gist, "napoleon");
    // Where the tests are started in the background SIGINT and SIGQUIT are ignored, which a shell passes on and cannot trap. The
    // shell that script(1) starts gives its place away: of the terminal's signal it would die itself.
    let call =
        format!("exec env --default-signal=INT,QUIT {} -- sh -c \"{}\"", quoted(&candidate), inner.replace('$', "\\$"));
    let mut script = Command::new("timeout");
    script.args(["--kill-after=5", "60", "script", "-qec", &call, "/dev/null"]);
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    keep_environment(&mut script, &candidate);
    let mut script = script.spawn().expect("script(1), of Debian's bsdutils, is there");
    let mut stdin = script.stdin.take().expect("piped");
    let mut lines = BufReader::new(script.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let mut wait_for = |words: &str| {
        let found = lines.by_ref().find(|line| line.trim_end().ends_with(words));
        assert!(found.is_some(), "`{words}` did not come within a minute");
    };
    wait_for("tty");
    writeln!(stdin, "something").expect("written");
    wait_for("got something");
    wait_for("ready");
    stdin.write_all(b"\x1c").expect("written");
    wait_for("dumped");
    stdin.write_all(b"\x03").expect("written");
    wait_for("interrupted");
    assert_eq!(script.wait().expect("it ends").code(), Some(0), "stopped in order");
}

/// Whoever closes a terminal has the shell and the kernel send SIGHUP, each one: that is one wish, and the command has
/// heard it.
#[test]
fn a_terminal_that_is_closed_ends_the_command_in_peace() {
    let server = Server::start();
    let candidate = stage::candidate(&server.url, &server.gist, "napoleon");
    let file = |what: &str| format!("{}/{}{what}", env!("CARGO_TARGET_TMPDIR"), mark());
    let (log, heard) = (file("log"), file("heard"));
    let inner = format!(
        "trap '' QUIT; trap 'trap \"\" HUP; sleep 0.5; echo hung up >>{heard}; exit' HUP; trap 'echo asked >>{heard}' TERM; echo ready; while :; do sleep 0.1; done"
    );
    let mut script = Command::new("script");
    // Where the tests are started with nohup.
    script.args(["-qec", "exec env --default-signal=HUP bash --norc -i", "/dev/null"]);
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    keep_environment(&mut script, &candidate);
    let mut script = Script(script.spawn().expect("script(1) is there"));
    let call = format!("{} -- sh -c \"{}\" 2>{log}", quoted(&candidate), inner.replace('"', "\\\""));
    writeln!(script.0.stdin.as_mut().expect("piped"), "{call}").expect("written");
    let mut lines = BufReader::new(script.0.stdout.take().expect("piped")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.trim_end().ends_with("ready")), "it ends before it is ready");
    drop(script);
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    wait_until("released", || read(&log).contains(RELEASED));
    assert_eq!(read(&heard), "hung up\n", "{}", read(&log));
}
