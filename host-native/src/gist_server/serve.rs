//! The HTTP shell around the emulator, and the control paths under `/_control/`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use leader_elector_core::emulator::{Emulator, GistId, RevisionId, error_response, secondary_limit_response};
use serde::Serialize;
use tokio::net::TcpListener;

use super::NamedToken;
use super::fault::{Faults, Kind, Rule};
use super::store::Change;

/// A gist's file has at most a megabyte, and JSON may escape each byte.
const LONGEST_BODY: usize = 8 << 20;
/// Requests that the log remembers.
const LOG: usize = 10_000;

struct State {
    emulator: Emulator,
    faults: Faults,
    tokens: Vec<NamedToken>,
    log: VecDeque<Entry>,
    started: Instant,
    /// How far the server's clock is off.
    clock_ms: i64,
}

impl State {
    fn unix_ms(&self) -> i64 {
        unix_ms().saturating_add(self.clock_ms)
    }
}

/// A request, as the log tells it. No secrets.
#[derive(Clone, Debug, Serialize)]
struct Entry {
    ms: u128,
    token: String,
    method: String,
    path: String,
    fault: Option<Kind>,
    status: Option<u16>,
}

type Shared = Arc<Mutex<State>>;
type Answer = Response<Full<Bytes>>;

/// Milliseconds since the Unix epoch.
pub(super) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Accepts connections for ever. One that fails concerns nobody else.
pub(super) async fn serve(listener: TcpListener, emulator: Emulator, tokens: Vec<NamedToken>) {
    let state = State {
        emulator,
        faults: Faults::default(),
        tokens,
        log: VecDeque::new(),
        started: Instant::now(),
        clock_ms: 0,
    };
    let shared: Shared = Arc::new(Mutex::new(state));
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of file descriptors, most likely: give others time to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        let client = peer.ip().to_string();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&shared), client.clone(), request));
            // A connection that breaks is what faults are for.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(shared: Shared, client: String, request: Request<Incoming>) -> Result<Answer, std::io::Error> {
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LONGEST_BODY).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n"));
    };
    let mut request = Request::from_parts(parts, body.to_bytes().to_vec());
    if request.uri().path().starts_with("/_control/") {
        return Ok(control(&shared, &request));
    }
    let (name, rule) = {
        let mut state = lock(&shared);
        let (name, secret) = caller(&state.tokens, &request);
        let rule = state.faults.strike(&name, &secret, request.method().as_str());
        (name, rule)
    };
    if rule.as_ref().is_some_and(|rule| rule.fault == Kind::Unconditional) {
        request.headers_mut().remove(header::IF_NONE_MATCH);
    }
    let entry = |status: Option<StatusCode>| Entry {
        ms: 0,
        token: name.clone(),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        fault: rule.as_ref().map(|rule| rule.fault),
        status: status.map(|status| status.as_u16()),
    };
    let Some(rule) = &rule else {
        let response = apply(&shared, &client, &request, None);
        note(&shared, entry(Some(response.status())));
        return Ok(full(response));
    };
    match rule.fault {
        Kind::Delay => tokio::time::sleep(Duration::from_millis(rule.ms)).await,
        Kind::Refuse => {
            note(&shared, entry(None));
            return Err(std::io::Error::other("refused by a fault"));
        }
        Kind::Hang | Kind::LoseAnswer => {
            if rule.fault == Kind::LoseAnswer {
                apply(&shared, &client, &request, None);
            }
            note(&shared, entry(None));
            pending::<Infallible>().await;
        }
        Kind::Status | Kind::Stale | Kind::LoseUpdate | Kind::Unconditional => {}
    }
    let response = match rule.fault {
        Kind::Status => {
            if rule.applied {
                apply(&shared, &client, &request, None);
            }
            other_status(lock(&shared).unix_ms(), rule)
        }
        Kind::Stale => apply(&shared, &client, &request, Some((http::Method::GET, rule.ms))),
        Kind::LoseUpdate => apply(&shared, &client, &request, Some((http::Method::PATCH, rule.ms))),
        _ => apply(&shared, &client, &request, None),
    };
    note(&shared, entry(Some(response.status())));
    Ok(full(response))
}

/// Lets the emulator answer; a request with the method in `back` meets the gist as it was so many milliseconds ago.
fn apply(
    shared: &Shared,
    client: &str,
    request: &Request<Vec<u8>>,
    back: Option<(http::Method, u64)>,
) -> Response<Vec<u8>> {
    let mut state = lock(shared);
    let now = state.unix_ms();
    let emulator = &mut state.emulator;
    let then = back.filter(|(method, _)| request.method() == method).and_then(|(_, ms)| {
        let gist: GistId = request.uri().path().split('/').nth(2)?.parse().ok()?;
        let head: RevisionId = emulator.head_at(gist, now - i64::try_from(ms).ok()?)?;
        Some(head)
    });
    match then {
        Some(head) => emulator.handle_at(now, client, request, head),
        None => emulator.handle(now, client, request),
    }
}

fn other_status(now: i64, rule: &Rule) -> Response<Vec<u8>> {
    let status = StatusCode::from_u16(rule.status).unwrap_or(StatusCode::BAD_GATEWAY);
    match status {
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            secondary_limit_response(now, status, rule.retry_after)
        }
        status => error_response(now, status, status.canonical_reason().unwrap_or("error")),
    }
}

fn control(shared: &Shared, request: &Request<Vec<u8>>) -> Answer {
    let mut state = lock(shared);
    match (request.method().as_str(), request.uri().path()) {
        ("GET", "/_control/faults") => json(&state.faults.rules()),
        ("PUT", "/_control/faults") => match serde_json::from_slice::<Vec<Rule>>(request.body()) {
            Ok(rules) => {
                state.faults.replace(rules);
                json(&state.faults.rules())
            }
            Err(error) => plain(StatusCode::BAD_REQUEST, &format!("faults: {error}\n")),
        },
        ("PUT", "/_control/store") => match serde_json::from_slice::<Change>(request.body()) {
            Ok(change) => {
                state.clock_ms = change.clock_ms.unwrap_or(state.clock_ms);
                change.apply(state.emulator.settings_mut());
                plain(StatusCode::OK, "changed\n")
            }
            Err(error) => plain(StatusCode::BAD_REQUEST, &format!("store: {error}\n")),
        },
        ("GET", "/_control/log") => json(&state.log),
        _ => plain(StatusCode::NOT_FOUND, "GET or PUT /_control/faults, PUT /_control/store, GET /_control/log\n"),
    }
}

/// Whose token it is, by the authorization header.
fn caller(tokens: &[NamedToken], request: &Request<Vec<u8>>) -> (String, String) {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, secret) = value.split_once(' ').unwrap_or(("", value));
    // git sends the token as the password of any user.
    let password =
        || String::from_utf8(STANDARD.decode(secret).ok()?).ok()?.split_once(':').map(|(_, it)| it.to_owned());
    let is_basic = scheme.eq_ignore_ascii_case("basic");
    let secret = if is_basic { password().unwrap_or_default() } else { secret.to_owned() };
    let known = tokens.iter().find(|token| token.secret == secret);
    (known.map_or_else(|| "unknown".to_owned(), |token| token.name.clone()), secret)
}

fn note(shared: &Shared, entry: Entry) {
    let mut state = lock(shared);
    let ms = state.started.elapsed().as_millis();
    if state.log.len() == LOG {
        state.log.pop_front();
    }
    state.log.push_back(Entry { ms, ..entry });
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    // No call leaves the state half changed.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn full(response: Response<Vec<u8>>) -> Answer {
    response.map(|body| Full::new(Bytes::from(body)))
}

fn json(value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn plain(status: StatusCode, text: &str) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    response
}
