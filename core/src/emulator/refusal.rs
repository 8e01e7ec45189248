//! Every "no" of the API, worded as GitHub words it.

use http::header::{HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use super::answer;
use crate::json::Writer;

/// The message of a 409: GitHub sends it under concurrent updates (seen). The emulator itself never does; a caller
/// that wants one takes [`error_response`].
pub const CANNOT_BE_UPDATED: &str = "Gist cannot be updated.";

/// The message when a secondary limit is reached (seen).
pub const SECONDARY_LIMIT: &str =
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

/// An error as GitHub answers it: a JSON body with `message`, `documentation_url` and `status`, and the headers that
/// every answer has but `x-ratelimit-*`. For the faults that a caller adds: 409 with [`CANNOT_BE_UPDATED`], 500, 502.
#[must_use]
pub fn error_response(unix_ms: i64, status: StatusCode, message: &str) -> Response<Vec<u8>> {
    let mut response = error(status, message, GISTS_PAGE, false);
    answer::stamp(unix_ms, &mut response);
    response
}

/// A request refused by a secondary limit: 403 or 429, with or without `retry-after` in seconds (doc).
#[must_use]
pub fn secondary_limit_response(unix_ms: i64, status: StatusCode, retry_after: Option<i64>) -> Response<Vec<u8>> {
    let mut response = error(status, SECONDARY_LIMIT, SECONDARY_PAGE, false);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer::stamp(unix_ms, &mut response);
    response
}

/// Why a request was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No `User-Agent` (doc).
    NoUserAgent,
    /// A token that is not accepted (doc).
    BadCredentials,
    /// No such gist, revision or address; or the caller may not write it (doc, seen).
    NotFound,
    /// An app's token cannot write gists (doc).
    NotForIntegrations,
    /// `If-Match` and its kin on anything but GET (seen).
    ConditionalWrite,
    /// The body is not JSON.
    NotJson,
    /// The body is JSON, but not what can be done (doc).
    Invalid,
    /// The hour's requests are used up (doc).
    Exhausted,
}

impl Refusal {
    pub(super) fn answer(self) -> Response<Vec<u8>> {
        let (status, message) = match self {
            Self::NoUserAgent => (
                StatusCode::FORBIDDEN,
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.",
            ),
            Self::BadCredentials => (StatusCode::UNAUTHORIZED, "Bad credentials"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::NotForIntegrations => (StatusCode::FORBIDDEN, "Resource not accessible by integration"),
            Self::ConditionalWrite => (
                StatusCode::BAD_REQUEST,
                "Conditional request headers are not allowed in unsafe requests unless supported by the endpoint",
            ),
            Self::NotJson => (StatusCode::BAD_REQUEST, "Problems parsing JSON"),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed"),
            Self::Exhausted => (StatusCode::FORBIDDEN, "API rate limit exceeded"),
        };
        let page = if self == Self::Exhausted { LIMITS_PAGE } else { GISTS_PAGE };
        error(status, message, page, self == Self::Invalid)
    }
}

const GISTS_PAGE: &str = "https://docs.github.com/rest/gists/gists";
const LIMITS_PAGE: &str = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";
const SECONDARY_PAGE: &str =
    "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits";

/// GitHub repeats the code in the body, as text. `names_files`: what it says of a gist whose files it cannot take, also
/// when one is empty rather than missing (seen).
fn error(status: StatusCode, message: &str, page: &str, names_files: bool) -> Response<Vec<u8>> {
    let mut body = Writer::new();
    body.open('{').name("message").string(message);
    if names_files {
        body.name("errors").open('[').open('{').name("resource").string("Gist");
        body.name("code").string("missing_field").name("field").string("files").close('}').close(']');
    }
    body.name("documentation_url").string(page).name("status").string(&status.as_u16().to_string()).close('}');
    answer::json(status, body.finish())
}
