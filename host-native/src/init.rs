//! `leader-elector init`: a secret gist for a lock.

use std::time::Duration;

use http::StatusCode;
use leader_elector::transport::Transport;
use leader_elector_core::Sent;
use leader_elector_core::gist::{DEFAULT_API, DEFAULT_FILE, Rest, Settings};
use leader_elector_core::lock::Failure as NoReply;
use leader_elector_host::say::{print, printable, quoted};
use serde::Deserialize;
use serde_json::json;

use crate::cli::{InitArgs, OutputFormat};
use crate::config;
use crate::{Failure, connect};

/// The bound on the one request.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The new gist.
#[derive(Deserialize)]
pub(crate) struct Made {
    pub(crate) id: String,
    #[serde(default)]
    html_url: String,
}

/// Makes the gist and prints what to export.
pub(crate) async fn run(args: InitArgs) -> Result<(), Failure> {
    let (settings, transport) = config::maker(&args.api, &args.file, connect)?;
    let rest = Rest::new(settings.clone())?;
    let Made { id, html_url } = make(&rest, &transport, "leader-elector: the lock of an election").await?;
    print(&match args.output {
        OutputFormat::Json => json!({ "gist": id, "url": html_url, "file": args.file }).to_string(),
        OutputFormat::Text => format!(
            "made the secret gist {}\n\n{}\nthen, on each machine:\n\n  LEADER_NAME=… leader-elector run",
            printable(&html_url),
            exports(&id, &settings)
        ),
    })
}

/// What a candidate has to be told to find this lock, beside the token: lines for a shell.
fn exports(id: &str, settings: &Settings) -> String {
    let unusual = |given: &str, usual: &str| (given != usual).then(|| given.to_owned());
    let variables = [
        ("GIST_ID", Some(id.to_owned())),
        ("LEADER_ELECTION_FILE", unusual(&settings.file, DEFAULT_FILE)),
        ("GITHUB_API_URL", unusual(&settings.api, DEFAULT_API)),
        ("LEADER_ELECTION_GIT_URL", settings.git.clone()),
        ("LEADER_ELECTION_ALLOW_HTTP", settings.allow_http.then(|| "true".to_owned())),
    ];
    let given = variables.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.fold(String::new(), |lines, (name, value)| lines + &format!("  export {name}={}\n", quoted(&value)))
}

/// Makes a secret gist with a free lock in it.
pub(crate) async fn make(rest: &Rest, transport: &Transport, description: &str) -> Result<Made, Failure> {
    let unknown = |why: &str| {
        let what =
            format!("unknown: {why}; a gist described as `{description}` may have been made: look at your gists");
        Failure::Refused(what)
    };
    let response = transport
        .send_within(rest.make(description), TIMEOUT)
        .await
        .map_err(|no| if no.sent == Sent::No { Failure::Refused(no.what) } else { unknown(&no.what) })?;
    if response.status() != StatusCode::CREATED {
        return Err(match Rest::failure(&response) {
            NoReply::Denied(reason) => {
                Failure::Refused(format!("the gist was not made: {reason}{}", todo(reason.status)))
            }
            NoReply::Throttled { wait } => {
                let wait = wait.as_secs();
                Failure::Refused(format!("the gist was not made: the store asks to be left alone for {wait}s"))
            }
            _ => unknown(&response.status().to_string()),
        });
    }
    let made = serde_json::from_slice(response.body()).ok();
    // It goes into addresses, and into a line that is pasted into a shell.
    let made = made.filter(|Made { id, .. }| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    made.ok_or_else(|| unknown("201 with a body that is not understood"))
}

/// What to do about a refusal.
fn todo(status: u16) -> &'static str {
    match status {
        401 => "; the token is wrong or expired",
        403 | 404 => "; the token needs the scope `gist` (classic) or write access to gists",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use leader_elector_core::WriteMode;

    use super::*;

    #[test]
    fn what_is_usual_need_not_be_exported() {
        let usual = Settings {
            gist: "0".to_owned(),
            file: DEFAULT_FILE.to_owned(),
            api: DEFAULT_API.to_owned(),
            git: None,
            token: None,
            write: WriteMode::Push,
            allow_http: false,
            lease: Duration::from_secs(30),
            settle: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
        };
        assert_eq!(exports("abc", &usual), "  export GIST_ID=abc\n");
        let inside = Settings { allow_http: true, git: Some("http://git.test/gist".to_owned()), ..usual };
        let exports = exports("abc", &inside);
        let lines: Vec<_> = exports.lines().skip(1).collect();
        let expected =
            ["  export LEADER_ELECTION_GIT_URL=http://git.test/gist", "  export LEADER_ELECTION_ALLOW_HTTP=true"];
        assert_eq!(lines, expected);
    }
}
