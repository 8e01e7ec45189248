//! From what was typed to what can be run: every mistake is reported at once, with its field, its value and what is
//! allowed.
//!
//! Whoever asks hands in what makes the host's transport: what that cannot use is a mistake like any other.

use std::time::Duration;

use leader_elector_core::gist;
use leader_elector_core::timing::{self, Timing};
use leader_elector_core::{Candidate, Clock, Gist, Identity, Now, WriteMode};

use crate::access::access;
pub use crate::access::token_from;
use crate::args::{ApiArgs, EventsFormat, LockArgs, RunArgs};
use crate::end::Failure;
use crate::log::Log;
use crate::place;
pub use crate::timings::duration;
use crate::timings::timing_of;
use crate::world::Access;

/// A candidate that can be run over the transport `T`.
#[derive(Debug)]
pub struct Config<T> {
    /// The candidate's name.
    pub name: String,
    /// Its timings.
    pub timing: Timing,
    /// Its lock.
    pub gist: gist::Settings,
    /// How the API is reached.
    pub access: Access,
    /// What reaches it.
    pub transport: T,
    /// How programs are told what happens, if at all.
    pub events: Option<EventsFormat>,
    /// How people are.
    pub log: Log,
}

/// Collects mistakes.
#[derive(Default)]
pub(crate) struct Mistakes(pub(crate) Vec<String>);

impl Mistakes {
    pub(crate) fn take<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|mistake| self.0.push(mistake)).ok()
    }
}

impl<T> Config<T> {
    /// Checks everything that `run` was told.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(args: &RunArgs, connect: impl FnOnce(&Access) -> Result<T, String>) -> Result<Self, Failure> {
        let mut mistakes = Mistakes::default();
        let name = mistakes.take(name(args.name.as_deref()));
        let write = mistakes.take(write_mode(&args.write));
        let timing = timing_of(&args.timings, &mut mistakes);
        let (access, transport) = access(&args.lock.api, true, connect, &mut mistakes);
        let gist = gist_of(&args.lock, &access, timing.as_ref(), write, &mut mistakes);
        let events = args.events.as_ref().and_then(|events| mistakes.take(events.chosen("events")));
        let log = Log::of(&args.log, &mut mistakes);
        match (name, timing, gist, transport, log) {
            (Some(name), Some(timing), Some(gist), Some(transport), Some(log)) if mistakes.0.is_empty() => {
                Ok(Self { name, timing, gist, access, transport, events, log })
            }
            _ => Err(Failure::Usage(mistakes.0)),
        }
    }
}

/// A candidate with a fresh instance id and seed, made of entropy that the host drew for this start alone (R8).
///
/// # Errors
/// Every mistake.
pub fn candidate(
    settings: gist::Settings,
    timing: Timing,
    name: &str,
    clock: Clock,
    now: Now,
    random: [u8; 24],
) -> Result<Candidate<Gist>, Vec<String>> {
    let instance = random[..16].iter().fold(String::new(), |id, byte| id + &format!("{byte:02x}"));
    let seed = random[16..].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte));
    let Some(me) = Identity::new(name, instance) else {
        let others = settings.check().err().into_iter().flatten().map(|error| error.to_string());
        return Err([format!("name has {} bytes: allowed are 1 to 1024", name.len())]
            .into_iter()
            .chain(others)
            .collect());
    };
    let lock =
        Gist::new(settings, me, seed).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok(Candidate::new(lock, timing, clock, seed, now))
}

/// What the commands that only read need: no token is fine.
///
/// # Errors
/// Every mistake.
pub fn reader<T>(
    args: &LockArgs,
    connect: impl FnOnce(&Access) -> Result<T, String>,
) -> Result<(gist::Settings, T), Failure> {
    let mut mistakes = Mistakes::default();
    let (access, transport) = access(&args.api, false, connect, &mut mistakes);
    let gist = gist_of(args, &access, None, Some(WriteMode::Patch), &mut mistakes);
    match (gist, transport) {
        (Some(gist), Some(transport)) if mistakes.0.is_empty() => Ok((gist, transport)),
        _ => Err(Failure::Usage(mistakes.0)),
    }
}

/// What `reset` needs: a token, and the mode to write in.
///
/// # Errors
/// Every mistake.
pub fn writer<T>(
    args: &LockArgs,
    write: &str,
    connect: impl FnOnce(&Access) -> Result<T, String>,
) -> Result<(gist::Settings, T), Failure> {
    let mut mistakes = Mistakes::default();
    let write = mistakes.take(write_mode(write));
    let (access, transport) = access(&args.api, true, connect, &mut mistakes);
    let gist = gist_of(args, &access, None, write, &mut mistakes);
    match (gist, transport) {
        (Some(gist), Some(transport)) if mistakes.0.is_empty() => Ok((gist, transport)),
        _ => Err(Failure::Usage(mistakes.0)),
    }
}

/// What `init` needs: a token, but no gist yet.
///
/// # Errors
/// Every mistake.
pub fn maker<T>(
    args: &ApiArgs,
    file: &str,
    connect: impl FnOnce(&Access) -> Result<T, String>,
) -> Result<(gist::Settings, T), Failure> {
    let mut mistakes = Mistakes::default();
    let (access, transport) = access(args, true, connect, &mut mistakes);
    let settings = settings("0".to_owned(), file, args, &access, None, WriteMode::Patch);
    if let Err(errors) = settings.check() {
        mistakes.0.extend(errors.iter().map(ToString::to_string));
    }
    match transport {
        Some(transport) if mistakes.0.is_empty() => Ok((settings, transport)),
        _ => Err(Failure::Usage(mistakes.0)),
    }
}

fn gist_of(
    args: &LockArgs,
    access: &Access,
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
        Some(given) => id_of(given).to_owned(),
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

/// The id in a gist's address, as a browser, `git` and people have it.
fn id_of(given: &str) -> &str {
    let address = given.split(['#', '?']).next().unwrap_or(given).trim_end_matches('/').trim_end_matches(".git");
    let path = address.rsplit('/').next().unwrap_or(address);
    path.strip_prefix("git@").and_then(|path| Some(path.split_once(':')?.1)).unwrap_or(path)
}

fn settings(
    gist: String,
    file: &str,
    api: &ApiArgs,
    access: &Access,
    timing: Option<&Timing>,
    write: WriteMode,
) -> gist::Settings {
    let default = timing::Settings::default();
    gist::Settings {
        gist,
        file: file.to_owned(),
        api: api.api_url.trim_end_matches('/').to_owned(),
        git: api.git_url.as_deref().map(|url| url.trim_end_matches('/').to_owned()),
        token: access.token.as_deref().map(str::to_owned),
        write,
        allow_http: api.allow_http,
        lease: timing.map_or(default.lease, Timing::lease),
        settle: timing.map_or(default.settle, Timing::settle),
        request_timeout: timing.map_or(Duration::from_secs(5), Timing::request_timeout),
    }
}

fn name(given: Option<&str>) -> Result<String, String> {
    let name = match given.map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => place::host_name()?,
    };
    match Identity::new(name.as_str(), "checked") {
        Some(_) => Ok(name),
        None => Err(format!("name has {} bytes: allowed are 1 to 1024", name.len())),
    }
}

fn write_mode(given: &str) -> Result<WriteMode, String> {
    WriteMode::named(given).ok_or_else(|| format!("write is `{given}`: allowed are push and patch"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        run: RunArgs,
    }

    /// Parses a call of `run` and gives its mistakes, sorted.
    fn mistakes(flags: &[&str]) -> Vec<String> {
        let args = Cli::parse_from(["run"].iter().chain(flags)).run;
        match Config::parse(&args, |_| Ok(())) {
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
            "--log",
            "xml",
            "--log-level",
            "loud",
            "--events",
            "csv",
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
            "log is `xml`: allowed are text, json",
            "log level is `loud`: allowed are error, warn, info, debug",
            "events is `csv`: allowed are json",
        ] {
            assert!(found.iter().any(|mistake| mistake.starts_with(field)), "{field} is missing in {found:#?}");
        }
    }

    /// The certificates are there, but none can be used: only the transport knows.
    #[test]
    fn what_the_transport_cannot_use_is_reported_with_all_the_rest() {
        let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for other in [["--token-file", "/does/not/exist"], ["--lease", "soon"]] {
            let args = Cli::parse_from(["run", "--ca-file", pem].iter().chain(&other)).run;
            let connect = |access: &Access| match &access.ca_file {
                Some(file) => Err::<(), _>(format!("ca file is `{}`", file.path.display())),
                None => Ok(()),
            };
            let Err(Failure::Usage(found)) = Config::parse(&args, connect) else { panic!("it fits") };
            assert!(found.iter().any(|mistake| mistake.starts_with("ca file is")), "{found:#?}");
            assert!(found.iter().any(|mistake| mistake.contains(&format!("is `{}`", other[1]))), "{found:#?}");
        }
    }

    #[test]
    fn a_gist_is_named_by_its_id_or_any_of_its_addresses() {
        for given in [
            "0a1b",
            "https://gist.github.com/0a1b",
            "https://gist.github.com/ann/0a1b/",
            "https://gist.github.com/ann/0a1b#file-lock",
            "https://gist.github.com/ann/0a1b?permalink_comment_id=1",
            "https://gist.github.com/0a1b.git",
            "git@gist.github.com:0a1b.git",
        ] {
            assert_eq!(id_of(given), "0a1b", "{given}");
        }
        assert!(mistakes(&["--gist", "git@host"]).iter().any(|mistake| mistake.starts_with("gist is `…@host`")));
    }

    #[test]
    fn a_token_in_the_wrong_place_is_not_shown() {
        let found =
            mistakes(&["--gist", "ghp_s3cret", "--token-file", "ghp_s3cret", "--api-url", "https://a:s3cret@b"]);
        assert!(found.len() == 3 && !found.concat().contains("s3cret"), "{found:#?}");
    }

    #[test]
    fn plain_http_goes_to_this_machine_only() {
        let found = mistakes(&["--gist", "abc", "--api-url", "http://example.com"]);
        assert!(found.iter().any(|mistake| mistake.contains("plain http")), "{found:#?}");
        let found = mistakes(&["--gist", "abc", "--api-url", "http://127.0.0.1:1"]);
        assert!(!found.iter().any(|mistake| mistake.contains("plain http")), "{found:#?}");
    }
}
