//! What a host brings: a clock, a timer, and a way to move bytes.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use leader_elector_core::{Instant, Now, Sent};

use crate::proxies::Proxies;

/// No answer of the API that matters is longer: a gist lists 300 files of at most a megabyte, but ours has one.
pub const LONGEST_BODY: usize = 12 << 20;

/// The world around a candidate.
pub trait World {
    /// Both clocks, now.
    fn now(&self) -> Now;

    /// Returns at `at` or soon after, also when the machine slept meanwhile.
    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()>;

    /// Sends a request and reads the whole answer. Dropping the future gives it up.
    fn send(&self, request: Request<Vec<u8>>) -> impl Future<Output = Result<Response<Vec<u8>>, NoAnswer>>;
}

/// Returns at `at` or soon after; never, if there is none.
pub async fn wake<W: World>(world: &W, at: Option<Instant>) {
    match at {
        Some(at) => world.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What it takes to reach the API.
#[derive(Clone, Default)]
pub struct Access {
    /// The token; never shown.
    pub token: Option<Arc<str>>,
    /// Where the token came from, to be read again.
    pub token_file: Option<PathBuf>,
    /// One's own authority, beside the system's.
    pub ca_file: Option<CaFile>,
    /// Which way requests go, where the host does not say it.
    pub proxies: Proxies,
}

/// Certificates as they were read; whether they are any is for the transport to say.
#[derive(Clone)]
pub struct CaFile {
    /// Where they came from, for messages.
    pub path: PathBuf,
    /// The content.
    pub pem: Vec<u8>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("token_file", &self.token_file).finish_non_exhaustive()
    }
}

/// A request without an answer.
#[derive(Debug)]
pub struct NoAnswer {
    /// Whether it may have had an effect.
    pub sent: Sent,
    /// For a log; contains no header.
    pub what: String,
}

impl NoAnswer {
    /// It may have had an effect.
    #[must_use]
    pub fn unknown(what: impl Into<String>) -> Self {
        Self { sent: Sent::Unknown, what: what.into() }
    }

    /// The answer is longer than [`LONGEST_BODY`].
    #[must_use]
    pub fn too_long() -> Self {
        Self::unknown(format!("the answer is longer than {LONGEST_BODY} bytes"))
    }
}

/// The answer, if all of it is there: half of one is none, also where a runtime does not notice.
///
/// # Errors
/// It is shorter, or longer, than it says.
pub fn whole(response: Response<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
    let length = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    match (length, response.body().len()) {
        // A 304 announces the length of what it does not send.
        (Some(length), got) if got != 0 && got != length => {
            Err(NoAnswer::unknown(format!("the answer broke off: {got} of {length} bytes")))
        }
        _ => Ok(response),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_answer_is_none() {
        let answer = |length: &str, body: &str| {
            let mut response = Response::new(body.as_bytes().to_vec());
            response.headers_mut().insert(CONTENT_LENGTH, length.parse().expect("a header"));
            whole(response).is_ok()
        };
        assert!(answer("4", "body") && answer("4", "") && answer("?", "body"));
        assert!(!answer("5", "body") && !answer("3", "body"));
    }
}
