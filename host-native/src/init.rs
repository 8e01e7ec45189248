//! `leader-elector init`: a secret gist for a lock.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use leader_elector::transport::{Access, Transport};
use leader_elector_core::Sent;
use leader_elector_core::gist::{Settings, USER_AGENT};
use leader_elector_host::status::printable;
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
    let made = make(&settings, &access, &transport, "leader-elector: the lock of an election").await?;
    if args.output == OutputFormat::Json {
        println!("{}", json!({ "gist": made.id, "url": made.html_url, "file": args.file }));
    } else {
        println!(
            "made the secret gist {}\n\n  export GIST_ID={}\n\nthen, on each machine:\n\n  LEADER_NAME=… leader-elector run",
            made.html_url, made.id
        );
    }
    Ok(())
}

/// Makes a secret gist with a free lock in it.
pub(crate) async fn make(
    settings: &Settings,
    access: &Access,
    transport: &Transport,
    description: &str,
) -> Result<Made, Failure> {
    // GitHub refuses empty content; `{}` is a free lock.
    let body = json!({
        "description": description,
        "public": false,
        "files": { settings.file.as_str(): { "content": "{}" } },
    });
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}/gists", settings.api))
        .header("user-agent", USER_AGENT)
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", access.token.as_deref().unwrap_or_default()))
        .body(body.to_string().into_bytes())
        .map_err(anyhow::Error::from)?;
    let unknown = |why: &str| {
        let what = format!("{why}; a gist described as `{description}` may have been made: look at your gists");
        Failure::Refused(what)
    };
    let response = transport
        .send_within(request, TIMEOUT)
        .await
        .map_err(|no| if no.sent == Sent::No { Failure::Refused(no.what) } else { unknown(&no.what) })?;
    if response.status() != StatusCode::CREATED {
        return Err(Failure::Refused(format!("the gist was not made: {}", refusal(&response))));
    }
    serde_json::from_slice(response.body()).map_err(|_| unknown("201 with a body that is not understood"))
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
