//! Answers and the headers that they have in common.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, DATE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH,
};
use http::{Response, StatusCode};

use super::dates::http_date;
use super::id::ObjectId;
use super::limits::Budget;

/// The request headers that a page may send to another origin (doc). `X-GitHub-Api-Version` is not among them.
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, If-Unmodified-Since, Accept-Encoding, \
     X-GitHub-OTP, X-Requested-With, User-Agent, GraphQL-Features",
);

/// The response headers that a page of another origin can read (doc): neither `Date` nor `Retry-After`.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static(
    "ETag, Link, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, X-OAuth-Scopes, \
     X-Accepted-OAuth-Scopes, X-Poll-Interval",
);

const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATELIMIT_USED: HeaderName = HeaderName::from_static("x-ratelimit-used");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const RATELIMIT_RESOURCE: HeaderName = HeaderName::from_static("x-ratelimit-resource");
const OAUTH_SCOPES: HeaderName = HeaderName::from_static("x-oauth-scopes");

/// What a GET answers: the version that its `ETag` names, and the JSON only if that has changed.
pub(super) fn versioned(asked: &HeaderMap, version: ObjectId, body: impl FnOnce() -> String) -> Response<Vec<u8>> {
    let tag = format!("W/\"{version}\"");
    let mut response = if holds(asked, &tag) { empty(StatusCode::NOT_MODIFIED) } else { json(StatusCode::OK, body()) };
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::try_from(tag).expect("quoted hexadecimal digits"));
    // Seen: a client that caches serves a state of up to a minute ago.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=60"));
    response
}

/// An answer with a JSON body.
pub(super) fn json(status: StatusCode, body: String) -> Response<Vec<u8>> {
    with_type(status, HeaderValue::from_static("application/json; charset=utf-8"), body.into_bytes())
}

/// The bytes of a file, from the address that is theirs alone and so never changes.
pub(super) fn raw(bytes: &[u8]) -> Response<Vec<u8>> {
    let mut response = with_type(StatusCode::OK, HeaderValue::from_static("text/plain; charset=utf-8"), bytes.to_vec());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response.headers_mut().reserve(16);
    response
}

/// What a browser is told before it sends anything to another origin (doc).
pub(super) fn preflight() -> Response<Vec<u8>> {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// Adds what every answer has: the server's clock, and who may read the answer.
pub(super) fn stamp(unix_ms: i64, response: &mut Response<Vec<u8>>) {
    let headers = response.headers_mut();
    headers.insert(DATE, HeaderValue::try_from(http_date(unix_ms)).expect("a date is ASCII"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
}

/// Adds what the API tells a caller of his budget and his token.
pub(super) fn account(budget: Budget, scopes: Option<&'static str>, response: &mut Response<Vec<u8>>) {
    let headers = response.headers_mut();
    headers.insert(RATELIMIT_LIMIT, HeaderValue::from(budget.limit));
    headers.insert(RATELIMIT_REMAINING, HeaderValue::from(budget.limit.saturating_sub(budget.used)));
    headers.insert(RATELIMIT_USED, HeaderValue::from(budget.used));
    headers.insert(RATELIMIT_RESET, HeaderValue::from(budget.reset));
    headers.insert(RATELIMIT_RESOURCE, HeaderValue::from_static("core"));
    if let Some(scopes) = scopes {
        headers.insert(OAUTH_SCOPES, HeaderValue::from_static(scopes));
    }
}

fn with_type(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = empty(status);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    *response.body_mut() = body;
    response
}

/// Whether `If-None-Match` names the tag, by weak comparison.
fn holds(asked: &HeaderMap, tag: &str) -> bool {
    let names = |held: &str| held == "*" || held.trim_start_matches("W/") == tag.trim_start_matches("W/");
    asked
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|held| names(held.trim())))
}
