//! From what was typed to what can be run: every mistake is reported at once, with its field, its value and what is
//! allowed.

use std::path::Path;
use std::time::Duration;

use leader_elector_core::gist;
use leader_elector_core::timing::{self, Timing};
use leader_elector_core::{Candidate, Clock, Gist, Identity, Now, WriteMode};

use crate::args::{ApiArgs, LockArgs, RunArgs};
use crate::end::Failure;
use crate::place;
use crate::proxies::Proxies;
pub use crate::timings::duration;
use crate::timings::timing_of;
use crate::world::{Access, CaFile};

/// A candidate that can be run.
#[derive(Debug)]
pub struct Config {
    /// The candidate's name.
    pub name: String,
    /// Its timings.
    pub timing: Timing,
    /// Its lock.
    pub gist: gist::Settings,
    /// How the API is reached.
    pub access: Access,
}

/// Collects mistakes.
#[derive(Default)]
pub(crate) struct Mistakes(pub(crate) Vec<String>);

impl Mistakes {
    pub(crate) fn take<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|mistake| self.0.push(mistake)).ok()
    }
}

impl Config {
    /// Checks everything that `run` was told.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(args: &RunArgs) -> Result<Self, Failure> {
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
pub fn reader(args: &LockArgs) -> Result<(gist::Settings, Access), Failure> {
    let mut mistakes = Mistakes::default();
    let access = access(&args.api, false, &mut mistakes);
    let gist = gist_of(args, access.as_ref(), None, Some(WriteMode::Patch), &mut mistakes);
    match (gist, access) {
        (Some(gist), Some(access)) if mistakes.0.is_empty() => Ok((gist, access)),
        _ => Err(Failure::Usage(mistakes.0)),
    }
}

/// What `reset` needs: a token, and the mode to write in.
///
/// # Errors
/// Every mistake.
pub fn writer(args: &LockArgs, write: &str) -> Result<(gist::Settings, Access), Failure> {
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
///
/// # Errors
/// Every mistake.
pub fn maker(args: &ApiArgs, file: &str) -> Result<(gist::Settings, Access), Failure> {
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
    let ca_file = match &args.ca_file {
        None => Some(None),
        Some(path) => mistakes
            .take(place::read(path).map_err(|error| format!("ca file is `{}`: {error}", path.display())))
            .map(|pem| Some(CaFile { path: path.clone(), pem })),
    };
    let proxies = if cfg!(target_os = "wasi") { Ok(Proxies::default()) } else { Proxies::from_environment() };
    let proxies = proxies.map_err(|more| mistakes.0.extend(more)).ok();
    let (token, token_file) = (token?.map(Into::into), args.token_file.clone());
    Some(Access { token, token_file, ca_file: ca_file?, proxies: proxies? })
}

/// The token in a file: its content without the white space around it.
///
/// # Errors
/// Names the file and what is allowed.
pub fn token_from(path: &Path) -> Result<String, String> {
    let shown = gist::harmless(&path.to_string_lossy());
    let text = place::read(path).map_err(|error| format!("token file is `{shown}`: {error}"))?;
    let token = str::from_utf8(&text).unwrap_or_default().trim();
    if gist::is_token(token) {
        Ok(token.to_owned())
    } else {
        Err(format!(
            "token file is `{shown}`: allowed is one token of visible ASCII characters (its content is not shown)"
        ))
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
    match given {
        "patch" => Ok(WriteMode::Patch),
        "push" => Ok(WriteMode::Push),
        other => Err(format!("write is `{other}`: allowed are push and patch")),
    }
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
