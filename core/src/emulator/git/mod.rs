//! The gist as a git repository over smart HTTP, protocol v0 (`gitprotocol-http`): what stock git needs to clone, to
//! fetch and to push, and a candidate to push.
//!
//! Requests here draw on no budget of the API (open: nothing is known of GitHub's limits on them). Reading needs no
//! token, as for whoever knows a gist's id; writing needs one, as the password of any user (seen).

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode};

use super::access::Caller;
use super::answer;
use super::api::Gists;
use super::gist::Gist;
use super::id::GistId;
use super::settings::Settings;
use super::zlib;
#[cfg(feature = "git-fetch")]
use upload::upload as fetch;

mod pack;
mod pkt;
mod receive;
#[cfg(feature = "git-fetch")]
mod upload;

/// What the advertisement to those who fetch promises, beside the branch that HEAD is.
const FETCH_CAPABILITIES: &str = "object-format=sha1 agent=git/gist-emulator";
/// What an unpacked body may have at most.
const LARGEST_BODY: usize = 32 << 20;

/// Answers a request for `/{gist}.git/…`; `None` for any other address.
pub(super) fn answer(
    unix_ms: i64,
    settings: &Settings,
    gists: &mut Gists,
    request: &Request<Vec<u8>>,
) -> Option<Response<Vec<u8>>> {
    let (id, path) = request.uri().path().strip_prefix('/')?.split_once(".git/")?;
    let id: GistId = id.parse().ok()?;
    Some(carry_out(unix_ms, settings, gists, request, id, path).unwrap_or_else(No::answer))
}

/// Why a request was not carried out.
enum No {
    /// Nobody, or nobody known, where somebody is asked for.
    Unauthorized,
    /// In the words of GitHub's git server.
    Said(StatusCode, &'static str),
}

impl No {
    const DUMB: Self = Self::Said(StatusCode::FORBIDDEN, "Please upgrade your git client.\n");
    const NOT_FOUND: Self = Self::Said(StatusCode::NOT_FOUND, "Repository not found.\n");
    const NOT_GRANTED: Self = Self::Said(StatusCode::FORBIDDEN, "Write access to repository not granted.\n");
    const NOT_UNDERSTOOD: Self = Self::Said(StatusCode::BAD_REQUEST, "The body is not understood.\n");

    fn answer(self) -> Response<Vec<u8>> {
        match self {
            Self::Said(status, words) => text(status, words),
            Self::Unauthorized => {
                let mut response = text(StatusCode::UNAUTHORIZED, "Authentication required.\n");
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"GitHub\""));
                response
            }
        }
    }
}

fn carry_out(
    unix_ms: i64,
    settings: &Settings,
    gists: &mut Gists,
    request: &Request<Vec<u8>>,
    id: GistId,
    path: &str,
) -> Result<Response<Vec<u8>>, No> {
    let asked = request.uri().query().and_then(|query| query.strip_prefix("service="));
    let (service, receives) = match (request.method(), path, asked) {
        (&Method::GET, "info/refs", Some("git-upload-pack")) | (&Method::POST, "git-upload-pack", _) => {
            ("git-upload-pack", false)
        }
        (&Method::GET, "info/refs", Some("git-receive-pack")) | (&Method::POST, "git-receive-pack", _) => {
            ("git-receive-pack", true)
        }
        _ => return Err(No::DUMB),
    };
    let user = user(settings, request)?;
    let gist = gists.by_id.get_mut(&id).ok_or(No::NOT_FOUND)?;
    if receives && user.ok_or(No::Unauthorized)? != &*gist.owner {
        return Err(No::NOT_GRANTED);
    }
    if *request.method() == Method::GET {
        return Ok(binary(service, "advertisement", advertised(settings, gist, service)));
    }
    let body = body(request).ok_or(No::NOT_UNDERSTOOD)?;
    let result = if receives { receive::receive(unix_ms, settings, gist, &body) } else { fetch(gist, &body) };
    Ok(binary(service, "result", result.ok_or(No::NOT_UNDERSTOOD)?))
}

/// Without the feature nobody fetches.
#[cfg(not(feature = "git-fetch"))]
const fn fetch(_: &Gist, _: &[u8]) -> Option<Vec<u8>> {
    None
}

/// The user who may write; `None` without credentials.
fn user<'a>(settings: &'a Settings, request: &Request<Vec<u8>>) -> Result<Option<&'a str>, No> {
    if !request.headers().contains_key(AUTHORIZATION) {
        return Ok(None);
    }
    let caller = Caller::identify(request.headers(), &settings.tokens, "").map_err(|_| No::Unauthorized)?;
    caller.writer().map(Some).map_err(|_| No::NOT_GRANTED)
}

/// The refs. receive-pack names neither HEAD nor what it points to (doc).
fn advertised(settings: &Settings, gist: &Gist, service: &str) -> Vec<u8> {
    let mut out = Vec::new();
    pkt::line(&mut out, &format!("# service={service}\n"));
    pkt::flush(&mut out);
    let head = gist.now().head().id();
    let mut refs: Vec<_> = gist.branches(&settings.branch).collect();
    let capabilities = if service == "git-upload-pack" {
        refs.insert(0, ("HEAD".to_owned(), head));
        format!("symref=HEAD:refs/heads/{} {}", settings.branch, FETCH_CAPABILITIES)
    } else {
        receive::CAPABILITIES.to_owned()
    };
    for (index, (name, id)) in refs.iter().enumerate() {
        let said = if index == 0 { format!("\0{capabilities}") } else { String::new() };
        pkt::line(&mut out, &format!("{id} {name}{said}\n"));
    }
    pkt::flush(&mut out);
    out
}

/// The body, which stock git compresses where it is long.
fn body(request: &Request<Vec<u8>>) -> Option<Vec<u8>> {
    match request.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Some(request.body().clone()),
        Some(b"gzip" | b"x-gzip") => zlib::gunzip(request.body(), LARGEST_BODY),
        Some(_) => None,
    }
}

fn text(status: StatusCode, words: &str) -> Response<Vec<u8>> {
    let mut response = answer::empty(status);
    *response.body_mut() = words.as_bytes().to_vec();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn binary(service: &str, what: &str, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = answer::empty(StatusCode::OK);
    *response.body_mut() = body;
    let kind = HeaderValue::try_from(format!("application/x-{service}-{what}"));
    response.headers_mut().insert(CONTENT_TYPE, kind.expect("the service is one of two names"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
