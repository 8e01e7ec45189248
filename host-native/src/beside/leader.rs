//! `--http`: what a workload on this machine asks and says.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};
use leader_elector::clock;
use leader_elector::drive::Command;
use leader_elector_core::Token;
use serde::{Deserialize, Serialize};

use super::Hub;
use super::problem::{Problem, json, unknown_path, wrong_method};

/// For the body of a POST.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// A token and some white space.
const LONGEST_BODY: usize = 1024;

pub(super) fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/", get(name))
        .route("/leader", get(leader))
        .route("/leader/me", get(me))
        .route("/leader/events", get(events))
        .route("/leader/step-down", post(step_down))
        .route("/leader/stopped", post(stopped))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(local_only))
        .with_state(hub)
}

/// Who leads.
#[derive(Serialize)]
struct Leader<'a> {
    /// Empty: nobody; null: not known yet.
    name: Option<&'a str>,
    /// Whether that is the candidate that answers.
    leading: bool,
    /// The number of the term, which is its fencing token.
    term: Option<u64>,
    token: Option<u64>,
    /// For how much longer, unless it renews: counted from before the request was sent that showed it.
    remaining_ms: Option<u64>,
}

async fn leader(State(hub): State<Arc<Hub>>) -> Response {
    let now = clock::now().at;
    let lease = hub.lease();
    let present = hub.present();
    let (name, token, until) = match lease {
        Some(lease) => (Some(hub.name.as_str()), Some(lease.token), Some(lease.until)),
        None => (present.leader.as_deref(), present.token, present.stands_until),
    };
    let token = token.map(Token::get);
    let remaining_ms = until.map(|until| millis(until.since(now)));
    json(&Leader { name, leading: lease.is_some(), term: token, token, remaining_ms })
}

/// As the sidecar of Kubernetes answers.
#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

async fn name(State(hub): State<Arc<Hub>>) -> Response {
    let leads = hub.lease().is_some();
    let present = hub.present();
    let name = if leads { &hub.name } else { present.leader.as_deref().unwrap_or_default() };
    json(&Name { name })
}

#[derive(Serialize)]
struct Me {
    leading: bool,
    token: u64,
    remaining_ms: u64,
}

/// From the lease at this very moment.
async fn me(State(hub): State<Arc<Hub>>) -> Result<Response, Problem> {
    let now = clock::now().at;
    let lease =
        hub.lease().ok_or_else(|| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "this candidate does not lead"))?;
    Ok(json(&Me { leading: true, token: lease.token.get(), remaining_ms: millis(lease.until.since(now)) }))
}

async fn events(State(hub): State<Arc<Hub>>, headers: HeaderMap) -> Result<Response, Problem> {
    let present = hub.told();
    let mut log = hub.log();
    let seen = log.seen(headers.get("last-event-id").and_then(|id| id.to_str().ok()));
    let frames = log
        .listen(seen, &present)
        .ok_or_else(|| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many streams: close one"))?;
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::new(frames)).into_response())
}

/// The workload is going to end, and says so while it still works: the term ends in order, as after SIGUSR1. Answered
/// once it is ending, so that [`stopped`] may follow.
async fn step_down(State(hub): State<Arc<Hub>>, request: Request) -> Result<StatusCode, Problem> {
    let token = token(request).await?;
    hub.step_down(token).await.map_err(|why| Problem::new(StatusCode::CONFLICT, why))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The work of the term with this token has ended: the lock may be released.
async fn stopped(State(hub): State<Arc<Hub>>, request: Request) -> Result<StatusCode, Problem> {
    let token = token(request).await?;
    hub.work_stopped(token).map_err(|why| Problem::new(StatusCode::CONFLICT, why))?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a workload speaks of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    token: u64,
}

async fn token(request: Request) -> Result<u64, Problem> {
    let json = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let json = json.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !json.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "allowed is content-type: application/json"));
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, to_bytes(request.into_body(), LONGEST_BODY)).await;
    let Ok(body) = body else {
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, format!("the body took longer than {BODY_TIMEOUT:?}")));
    };
    let body = body.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("allowed is a whole body of at most {LONGEST_BODY} bytes"))
    })?;
    let Term { token } = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("allowed is {{\"token\": 7}}, with the token of the term: {error}"),
        )
    })?;
    Ok(token)
}

impl Hub {
    async fn step_down(&self, token: u64) -> Result<(), String> {
        match self.present().term {
            Some(term) if term.get() == token => {}
            Some(term) => return Err(format!("the token is {token}, that of the term is {term}")),
            None => return Err("this candidate does not lead: there is nothing to step down from".into()),
        }
        // An election that has ended needs no word; in one that goes on, a term that is ending already is left as it is.
        let _ = self.commands.send(Command::StepDown).await;
        // Its next step ends the lease: a queue's length from now.
        let mut lease = self.lease.clone();
        let _ = lease.wait_for(|lease| lease.is_none_or(|lease| lease.token.get() != token)).await;
        Ok(())
    }

    fn work_stopped(&self, token: u64) -> Result<(), String> {
        let Some(say) = &self.say else {
            return Err(
                "nobody waits for this: the end of the work is known without it (--release, or a command)".into()
            );
        };
        let mut present = self.present();
        match (present.term, present.stopping) {
            (Some(term), _) if term.get() != token => Err(format!("the token is {token}, that of the term is {term}")),
            (Some(_), Some(by)) if clock::now().at >= by && !present.has_ended => {
                Err("too late: the term is over, and the lease runs out by itself".into())
            }
            (Some(_), Some(_)) => {
                present.has_ended = true;
                say.say();
                Ok(())
            }
            (Some(_), None) => Err("the term is not ending: nothing has to stop".into()),
            (None, _) => Err("this candidate does not lead, and has nothing to stop".into()),
        }
    }
}

async fn local_only(request: Request, next: Next) -> Response {
    match foreign(request.headers()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

/// A page of somebody else's in a browser on this machine may send requests here, under its own name as `Origin`, or
/// under a name of its own that it points at this machine as `Host`: both are refused.
fn foreign(headers: &HeaderMap) -> Option<Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or_default();
    if !is_local(host) {
        let detail = format!("the host is `{host}`: allowed are localhost, 127.0.0.1 and [::1]");
        return Some(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let origin = text(header::ORIGIN).filter(|origin| origin.strip_prefix("http://") != Some(host))?;
    let detail = format!("the origin is `{origin}`: allowed is no other site");
    Some(Problem::new(StatusCode::FORBIDDEN, detail))
}

fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    !host.contains('@')
        && (name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback()))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "[::1]"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "example.com", "localhost.example.com", "127.0.0.1.nip.io", "10.0.0.1", "x@localhost", "[::2]"]
        {
            assert!(!is_local(host), "{host}");
        }
    }
}
