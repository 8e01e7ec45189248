//! The sentences of the log.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::time::{Duration, UNIX_EPOCH};

use humantime::{Rfc3339Timestamp, format_rfc3339_millis};
use leader_elector_core::lock::Failure as NoReply;
use leader_elector_core::{Event, Now, StopReason, View, Warning};

use crate::Failure;

/// The first sentence of `run`; `lock` describes the lock.
pub fn attempting(name: &str, lock: &str) {
    tracing::info!(holder = name, "attempting to acquire leader lease {}...", printable(lock));
}

/// The sentences of the original demo, each at its moment, and what else a person should know. Other people's texts
/// stand in them: a line stays a line.
///
/// The fields are for scripts: `token` (and `term`, the same number), `holder`, and in `started leading.` the `until` of
/// that moment, RFC 3339 with milliseconds in UTC on this machine's clock. Renewals move it; `--events json` tells them.
pub fn say(name: &str, event: &Event, view: &View, now: Now) {
    match event {
        Event::NewLeader { leader } if leader.is_empty() => tracing::debug!("the lock is free"),
        Event::NewLeader { leader } if leader == name => {}
        Event::NewLeader { leader } => {
            let token = view.token.map(leader_elector_core::Token::get);
            tracing::info!(holder = leader, token, term = token, "All hail {}", printable(leader));
        }
        Event::StartedLeading { token } => {
            let token = token.get();
            let until = wall(now, view.until.map_or(Duration::ZERO, |until| until.since(now.at)));
            let me = printable(name);
            tracing::info!(holder = name, "successfully acquired lease Github gist lock: {me}");
            tracing::info!(holder = name, "I am {me}! I will lead you to greatness!");
            tracing::info!(token, term = token, holder = name, until = %until, "started leading.");
        }
        Event::Stopping { why, .. } => {
            let why = match why {
                StopReason::Stop => "asked to stop",
                StopReason::Deadline => "no renewal was acknowledged in time",
                StopReason::Lost => "another holder was seen",
            };
            tracing::info!(holder = name, why, "I am no longer the leader");
        }
        Event::StoppedLeading => tracing::debug!("the work has stopped"),
        Event::Released => tracing::info!(holder = name, "released the lock"),
        Event::Warning(warning) => warn(warning),
    }
}

/// A warning, at its level: where another program takes our name, exclusion itself is at stake.
pub fn warn(warning: &Warning) {
    let words = printable(&warning.to_string());
    if let Warning::ForeignNamesUs { .. } = warning {
        tracing::error!("{words}");
    } else {
        tracing::warn!("{words}");
    }
}

/// Somebody else's text on a terminal or in a log: control characters are made visible.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A word that a shell takes as it is.
#[must_use]
pub fn quoted(word: &str) -> String {
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@%+=".contains(&byte)) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Prints on standard output, with an end of line; where nobody reads any more, the command has ended well.
///
/// # Errors
/// Not written.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::Code(0),
        _ => Failure::Other(error.into()),
    })
}

/// Says a line on standard error; where nobody reads that any more, nothing depends on it.
pub fn complain(text: impl Display) {
    _ = writeln!(stderr(), "{text}");
}

/// The moment so long after now, rounded down.
fn wall(now: Now, after: Duration) -> Rfc3339Timestamp {
    let now = Duration::from_millis(u64::try_from(now.wall.0).unwrap_or(0));
    format_rfc3339_millis(UNIX_EPOCH + now + after)
}

/// Why a store that was asked gave nothing, where it said so itself.
#[must_use]
pub fn denial(failure: &NoReply) -> Option<String> {
    match failure {
        NoReply::Throttled { wait } => {
            Some(format!("throttled: the store asks to be left alone for {}s", wait.as_secs()))
        }
        NoReply::Denied(reason) => {
            let todo = if [401, 403, 404].contains(&reason.status) { "; look at GIST_ID and the token" } else { "" };
            Some(format!("refused: {reason}{todo}"))
        }
        _ => None,
    }
}

/// What ends a candidate at its start: the store refuses before anything was read.
#[must_use]
pub fn refusal(event: &Event, view: &View, keep_trying: bool) -> Option<Failure> {
    match event {
        Event::Warning(Warning::Denied { reason }) if !keep_trying && !view.has_read => {
            Some(Failure::Refused(mend(&reason.to_string(), reason.status)))
        }
        _ => None,
    }
}

/// A refusal at the start, with what to do.
fn mend(reason: &str, status: u16) -> String {
    let todo = match status {
        401 => "the token is wrong or expired: make one with the scope `gist` (GitHub, Settings, Developer settings)",
        403 => "the token may not do this: a classic token needs the scope `gist`; tokens of apps cannot write gists",
        404 => "no such gist, or not with this token: look at GIST_ID, and whether the token has the scope `gist`",
        _ => "look at the API's address, the gist and the token",
    };
    format!("refused: {reason}\n  {todo}\n  (--keep-trying goes on all the same)")
}

#[cfg(test)]
mod tests {
    use leader_elector_core::{Instant, WallClock};

    use super::*;

    #[test]
    fn words_reach_the_shell_whole() {
        assert_eq!(quoted("https://api.github.com"), "https://api.github.com");
        assert_eq!((&*quoted("it's here"), &*quoted("")), (r"'it'\''s here'", "''"));
    }

    #[test]
    fn until_is_a_time_that_scripts_can_read() {
        let now = Now { at: Instant::from_millis(5), wall: WallClock(1_790_000_000_500) };
        assert_eq!(wall(now, Duration::from_micros(19_999_999)).to_string(), "2026-09-21T14:13:40.499Z");
    }
}
