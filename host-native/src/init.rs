//! `leader-elector init`: a secret gist for a lock.

use http::{Method, Request, StatusCode};
use leader_elector::transport::Transport;
use leader_elector_core::gist::USER_AGENT;
use serde::Deserialize;
use serde_json::json;

use crate::Failure;
use crate::cli::{InitArgs, OutputFormat};
use crate::config;

#[derive(Deserialize)]
struct Made {
    id: String,
    #[serde(default)]
    html_url: String,
}

/// Makes the gist and prints what to export.
pub(crate) async fn run(args: InitArgs) -> Result<(), Failure> {
    let (settings, access) = config::maker(&args.api, &args.file)?;
    let transport = Transport::new(&access).map_err(anyhow::Error::from)?;
    // GitHub refuses empty content; `{}` is a free lock.
    let body = json!({
        "description": "leader-elector: the lock of an election",
        "public": false,
        "files": { args.file.as_str(): { "content": "{}" } },
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
    let response = transport.send(request).await.map_err(|no| Failure::Refused(no.what))?;
    if response.status() != StatusCode::CREATED {
        return Err(Failure::Refused(format!(
            "the gist was not made: {}; the token needs the scope `gist` (classic) or write access to gists",
            response.status()
        )));
    }
    let made: Made = serde_json::from_slice(response.body()).map_err(anyhow::Error::from)?;
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
