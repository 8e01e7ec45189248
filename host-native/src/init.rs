//! `leader-elector init`: a secret gist for a lock.

use std::time::Duration;

use http::{Response, StatusCode};
use leader_elector::transport::Transport;
use leader_elector_core::Sent;
use leader_elector_core::gist::Rest;
use leader_elector_host::say::print;
use leader_elector_host::say::printable;
use serde::Deserialize;
use serde_json::json;

use crate::cli::{InitArgs, OutputFormat};
use crate::config;
use crate::{Failure, transport};

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
    let (settings, access) = config::maker(&args.api, &args.file)?;
    let transport = transport(&access)?;
    let made = make(&Rest::new(settings)?, &transport, "leader-elector: the lock of an election").await?;
    let Made { id, html_url } = made;
    print(&match args.output {
        OutputFormat::Json => json!({ "gist": id, "url": html_url, "file": args.file }).to_string(),
        OutputFormat::Text => format!(
            "made the secret gist {}\n\n  export GIST_ID={id}\n\nthen, on each machine:\n\n  LEADER_NAME=… leader-elector run",
            printable(&html_url)
        ),
    })
}

/// Makes a secret gist with a free lock in it.
pub(crate) async fn make(rest: &Rest, transport: &Transport, description: &str) -> Result<Made, Failure> {
    let unknown = |why: &str| {
        let what = format!("{why}; a gist described as `{description}` may have been made: look at your gists");
        Failure::Refused(what)
    };
    let response = transport
        .send_within(rest.make(description), TIMEOUT)
        .await
        .map_err(|no| if no.sent == Sent::No { Failure::Refused(no.what) } else { unknown(&no.what) })?;
    if response.status() != StatusCode::CREATED {
        return Err(Failure::Refused(format!("the gist was not made: {}", refusal(&response))));
    }
    let made = serde_json::from_slice(response.body()).ok();
    // It goes into addresses, and into a line that is pasted into a shell.
    let made = made.filter(|Made { id, .. }| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    made.ok_or_else(|| unknown("201 with a body that is not understood"))
}

/// What the API says, and what to do about it.
fn refusal(response: &Response<Vec<u8>>) -> String {
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let status = response.status();
    let said = serde_json::from_slice::<Said>(response.body()).map_or_else(|_| String::new(), |said| said.message);
    let todo = match status.as_u16() {
        401 => "the token is wrong or expired",
        _ => "the token needs the scope `gist` (classic) or write access to gists",
    };
    format!("{status} {}; {todo}", printable(&said))
}
