//! From what was typed to what can be run: every mistake is reported at once, with its field, its value and what is
//! allowed.

use std::path::Path;
use std::time::Duration;

use leader_elector::transport::Access;
use leader_elector_core::gist;
use leader_elector_core::timing::{self, Timing};
use leader_elector_core::{Identity, WriteMode};

use crate::Failure;
use crate::cli::{ApiArgs, LockArgs, RunArgs, TimingArgs};

/// A candidate that can be run.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) timing: Timing,
    pub(crate) gist: gist::Settings,
    pub(crate) access: Access,
}

/// Collects mistakes.
#[derive(Default)]
struct Mistakes(Vec<String>);

impl Mistakes {
    fn take<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|mistake| self.0.push(mistake)).ok()
    }
}

impl Config {
    /// Checks everything that `run` was told.
    pub(crate) fn parse(args: &RunArgs) -> Result<Self, Failure> {
        let mut mistakes = Mistakes::default();
        let name = mistakes.take(name(args.name.as_deref()));
        let write = mistakes.take(write_mode(&args.write));
        let timing = timing_of(&args.timings, &mut mistakes);
        let access = access(&args.lock.api, true, &mut mistakes);
        let gist = gist_of(&args.lock, access.as_ref(), timing.as_ref(), write, &mut mistakes);
        match (name, timing, access, gist) {
            (Some(name), Some(timing), Some(access), Some(gist)) if mistakes.0.is_empty() => {
                Ok(Self { name, timing, gist, access })
            }
            _ => Err(Failure::Usage(mistakes.0)),
        }
    }
}

/// What the commands that only read need: no token is fine.
pub(crate) fn reader(args: &LockArgs) -> Result<(gist::Settings, Access), Failure> {
    let mut mistakes = Mistakes::default();
    let access = access(&args.api, false, &mut mistakes);
    let gist = gist_of(args, access.as_ref(), None, Some(WriteMode::Patch), &mut mistakes);
    match (gist, access) {
        (Some(gist), Some(access)) if mistakes.0.is_empty() => Ok((gist, access)),
        _ => Err(Failure::Usage(mistakes.0)),
    }
}

/// What `reset` needs: a token, and the mode to write in.
pub(crate) fn writer(args: &LockArgs, write: &str) -> Result<(gist::Settings, Access), Failure> {
    let mut mistakes = Mistakes::default();
    let write = mistakes.take(write_mode(write));
    let access = access(&args.api, true, &mut mistakes);
    let gist = gist_of(args, access.as_ref(), None, write, &mut mistakes);
    match (gist, access) {
        (Some(gist), Some(access)) if mistakes.0.is_empty() => Ok((gist, access)),
        _ => Err(Failure::Usage(mistakes.0)),
    }
}

/// What `init` needs: a token, but no gist yet.
pub(crate) fn maker(args: &ApiArgs, file: &str) -> Result<(gist::Settings, Access), Failure> {
    let mut mistakes = Mistakes::default();
    let access = access(args, true, &mut mistakes);
    let settings = settings("0".to_owned(), file, args, access.as_ref(), None, WriteMode::Patch);
    if let Err(errors) = settings.check() {
        mistakes.0.extend(errors.iter().map(ToString::to_string));
    }
    match access {
        Some(access) if mistakes.0.is_empty() => Ok((settings, access)),
        _ => Err(Failure::Usage(mistakes.0)),
    }
}

fn gist_of(
    args: &LockArgs,
    access: Option<&Access>,
    timing: Option<&Timing>,
    write: Option<WriteMode>,
    mistakes: &mut Mistakes,
) -> Option<gist::Settings> {
    let id = match args.gist.as_deref().map(str::trim) {
        None | Some("") => {
            mistakes.0.push(
                "gist is not given: allowed is a gist's id or address, in GIST_ID or --gist; `leader-elector init` makes one"
                    .to_owned(),
            );
            // Stands in, so that the other settings are still checked.
            "0".to_owned()
        }
        Some(given) => {
            given.trim_end_matches('/').trim_end_matches(".git").rsplit('/').next().unwrap_or(given).to_owned()
        }
    };
    let settings = settings(id, &args.file, &args.api, access, timing, write.unwrap_or(WriteMode::Push));
    match settings.check() {
        Ok(()) => Some(settings),
        Err(errors) => {
            mistakes.0.extend(errors.iter().map(ToString::to_string));
            None
        }
    }
}

fn settings(
    gist: String,
    file: &str,
    api: &ApiArgs,
    access: Option<&Access>,
    timing: Option<&Timing>,
    write: WriteMode,
) -> gist::Settings {
    let default = timing::Settings::default();
    gist::Settings {
        gist,
        file: file.to_owned(),
        api: api.api_url.trim_end_matches('/').to_owned(),
        git: api.git_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
        token: access.and_then(|access| access.token.as_deref().map(str::to_owned)),
        write,
        allow_http: api.allow_http,
        lease: timing.map_or(default.lease, Timing::lease),
        settle: timing.map_or(default.settle, Timing::settle),
        request_timeout: timing.map_or(Duration::from_secs(5), Timing::request_timeout),
    }
}

fn access(args: &ApiArgs, token_needed: bool, mistakes: &mut Mistakes) -> Option<Access> {
    let token = match &args.token_file {
        Some(path) => mistakes.take(token_from(path)).map(Some),
        None => Some(
            ["GITHUB_API_TOKEN", "LEADER_ELECTION_GITHUB_API_TOKEN"]
                .iter()
                .find_map(|name| std::env::var(name).ok())
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty()),
        ),
    };
    if token_needed && token == Some(None) {
        mistakes.0.push(
            "token is not given: allowed is a token with the scope `gist`, in GITHUB_API_TOKEN, LEADER_ELECTION_GITHUB_API_TOKEN or --token-file"
                .to_owned(),
        );
    }
    let certificates = match &args.ca_file {
        None => Some(None),
        Some(path) => mistakes
            .take(std::fs::read(path).map_err(|error| format!("ca file is `{}`: {error}", path.display())))
            .map(Some),
    };
    Some(Access { token: token?.map(Into::into), token_file: args.token_file.clone(), certificates: certificates? })
}

/// The token in a file: its content without the white space around it.
pub(crate) fn token_from(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("token file is `{}`: {error}", path.display()))?;
    let token = text.trim();
    if gist::is_token(token) {
        Ok(token.to_owned())
    } else {
        Err(format!(
            "token file is `{}`: allowed is one token of visible ASCII characters (its content is not shown)",
            path.display()
        ))
    }
}

fn name(given: Option<&str>) -> Result<String, String> {
    let name = match given.map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    match Identity::new(name.as_str(), "checked") {
        Some(_) => Ok(name),
        None => Err(format!("name has {} bytes: allowed are 1 to 1024", name.len())),
    }
}

fn write_mode(given: &str) -> Result<WriteMode, String> {
    match given {
        "patch" => Ok(WriteMode::Patch),
        "push" => Ok(WriteMode::Push),
        other => Err(format!("write is `{other}`: allowed are push and patch")),
    }
}

fn timing_of(args: &TimingArgs, mistakes: &mut Mistakes) -> Option<Timing> {
    let mut duration =
        |field: &str, given: &str| {
            mistakes.take(humantime::parse_duration(given.trim()).map_err(|error| {
                format!("{field} is `{given}`: allowed is a duration like 30s, 1500ms or 2min ({error})")
            }))
        };
    let lease = duration("lease", &args.lease);
    let renew_deadline = duration("renew deadline", &args.renew_deadline);
    let renew_interval = duration("renew interval", &args.renew_interval);
    let poll = duration("poll", &args.poll);
    let settle = duration("settle", &args.settle);
    let stop_grace = duration("stop grace", &args.stop_grace);
    let request_timeout = match &args.request_timeout {
        None => Some(None),
        Some(given) => duration("request timeout", given).map(Some),
    };
    let settings = timing::Settings {
        lease: lease?,
        renew_deadline: renew_deadline?,
        renew_interval: renew_interval?,
        poll: poll?,
        settle: settle?,
        stop_grace: stop_grace?,
        request_timeout: request_timeout?,
    };
    match Timing::new(settings, gist::WRITE_INTERVAL) {
        Ok(timing) => Some(timing),
        Err(errors) => {
            mistakes.0.extend(errors.iter().map(ToString::to_string));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    /// Parses a call of `run` and gives its mistakes, sorted.
    fn mistakes(flags: &[&str]) -> Vec<String> {
        let cli = Cli::parse_from(["leader-elector", "run"].iter().chain(flags));
        let Command::Run(args) = cli.command else { panic!("not run") };
        match Config::parse(&args) {
            Ok(_) => Vec::new(),
            Err(Failure::Usage(mistakes)) => mistakes,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_mistake_is_reported_at_once_with_field_and_value() {
        let found = mistakes(&[
            "--gist",
            "not/an id!",
            "--file",
            "a/b",
            "--write",
            "fax",
            "--lease",
            "soon",
            "--poll",
            "1x",
            "--api-url",
            "ftp://x",
            "--token-file",
            "/does/not/exist",
            "--ca-file",
            "/nor/this",
        ]);
        for field in [
            "gist is `an id!`",
            "file is `a/b`",
            "write is `fax`",
            "lease is `soon`",
            "poll is `1x`",
            "api url is `ftp://x`",
            "token file is `/does/not/exist`",
            "ca file is `/nor/this`",
        ] {
            assert!(found.iter().any(|mistake| mistake.starts_with(field)), "{field} is missing in {found:#?}");
        }
    }

    #[test]
    fn timings_that_do_not_fit_are_named() {
        let found =
            mistakes(&["--gist", "abc", "--lease", "10s", "--renew-deadline", "10s", "--token-file", "/dev/null"]);
        assert!(found.iter().any(|mistake| mistake.contains("renew deadline is 10s")), "{found:#?}");
    }

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        let found = mistakes(&["--gist", "abc", "--api-url", "http://example.com"]);
        assert!(found.iter().any(|mistake| mistake.contains("plain http")), "{found:#?}");
        let found = mistakes(&["--gist", "abc", "--api-url", "http://127.0.0.1:1"]);
        assert!(!found.iter().any(|mistake| mistake.contains("plain http")), "{found:#?}");
    }
}
