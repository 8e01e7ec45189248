//! Moves the bytes: one request, one answer, nothing repeated, nothing redirected, nothing logged.

use std::path::PathBuf;
use std::sync::Arc;

use http::{Request, Response};
use leader_elector_core::Sent;

/// No answer of the API that matters is longer: a gist lists 300 files of at most a megabyte, but ours has one.
const LONGEST_BODY: usize = 12 << 20;

/// What it takes to reach the API.
#[derive(Clone, Default)]
pub struct Access {
    /// The token; never shown.
    pub token: Option<Arc<str>>,
    /// Where the token came from, to be read again.
    pub token_file: Option<PathBuf>,
    /// Certificates of one's own authority (PEM), beside the system's.
    pub certificates: Option<Vec<u8>>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("token_file", &self.token_file).finish_non_exhaustive()
    }
}

/// An HTTP client that keeps one connection.
#[derive(Clone, Debug)]
pub struct Transport {
    client: reqwest::Client,
}

/// A request without an answer.
#[derive(Debug)]
pub struct NoAnswer {
    /// Whether it may have had an effect.
    pub sent: Sent,
    /// For a log; contains no header.
    pub what: String,
}

impl Transport {
    /// A client; proxies come from the environment, as curl reads it.
    ///
    /// # Errors
    /// Certificates that cannot be used.
    pub fn new(access: &Access) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // A repetition that nobody asked for would hide that the outcome is unknown.
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(1);
        if let Some(pem) = &access.certificates {
            builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
        }
        Ok(Self { client: builder.build()? })
    }

    /// Sends a request and reads the whole answer. Dropping the future gives it up.
    ///
    /// # Errors
    /// Anything that is no whole answer.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
        let unknown = |error: &dyn std::error::Error| NoAnswer { sent: Sent::Unknown, what: chain(error) };
        let request =
            reqwest::Request::try_from(request).map_err(|error| NoAnswer { sent: Sent::No, what: chain(&error) })?;
        let mut answer = self.client.execute(request).await.map_err(|error| {
            // Only where no connection came about, nothing can have been applied.
            let sent = if error.is_connect() { Sent::No } else { Sent::Unknown };
            NoAnswer { sent, what: chain(&error.without_url()) }
        })?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unknown(&error.without_url()))? {
            if body.len() + chunk.len() > LONGEST_BODY {
                return Err(NoAnswer {
                    sent: Sent::Unknown,
                    what: format!("the answer is longer than {LONGEST_BODY} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

/// An error with its causes, as a person reads it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
