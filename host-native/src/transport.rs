//! Moves the bytes: one request, one answer, nothing repeated, nothing redirected, nothing logged.

use std::time::Duration;

use http::{Request, Response};
use leader_elector_core::{Instant, Now, Sent};
use leader_elector_host::proxies::Proxies;
pub use leader_elector_host::world::{Access, NoAnswer};
use leader_elector_host::world::{CaFile, LONGEST_BODY, World};
use reqwest::{Certificate, Client, NoProxy, Proxy};
use thiserror::Error;

use crate::{certificates, clock};

/// Why there is no client.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The file of one's own authority is of no use.
    #[error("ca file is `{path}`: {why}; allowed is PEM with at least one certificate")]
    CaFile {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system's certificates, or those of `SSL_CERT_FILE`, are of no use.
    #[error("certificates: {0}; look at SSL_CERT_FILE, SSL_CERT_DIR and the system's bundle")]
    Certificates(String),
    /// A proxy's address is of no use.
    #[error("proxy: {0}; look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY")]
    Proxy(String),
}

/// An HTTP client that keeps one connection.
#[derive(Clone, Debug)]
pub struct Transport {
    client: Client,
}

impl Transport {
    /// A client.
    ///
    /// # Errors
    /// Certificates or proxies that cannot be used.
    pub fn new(access: &Access) -> Result<Self, TransportError> {
        let own = access.ca_file.as_ref().map(authority).transpose()?.unwrap_or_default();
        let unusable = |error: reqwest::Error| TransportError::Certificates(chain(&error));
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // A repetition that nobody asked for would hide that the outcome is unknown.
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(1)
            // Of its own accord it passes over what it does not understand.
            .no_proxy();
        for proxy in proxies(&access.proxies)? {
            builder = builder.proxy(proxy);
        }
        if let Some(pem) = certificates::beside() {
            let public = Certificate::from_pem_bundle(&pem).map_err(unusable)?;
            builder = builder.tls_certs_only(public.into_iter().chain(own));
        } else if !own.is_empty() {
            builder = builder.tls_certs_merge(own);
        }
        Ok(Self { client: builder.build().map_err(unusable)? })
    }

    /// Sends a request and reads the whole answer. Dropping the future gives it up.
    ///
    /// # Errors
    /// Anything that is no whole answer.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
        let unknown = |error: &dyn std::error::Error| NoAnswer::unknown(chain(error));
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
                return Err(NoAnswer::too_long());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    /// As [`Transport::send`], and given up after a while. Whether it had an effect is not known then.
    ///
    /// # Errors
    /// Anything that is no whole answer, or a late one.
    pub async fn send_within(
        &self,
        request: Request<Vec<u8>>,
        within: Duration,
    ) -> Result<Response<Vec<u8>>, NoAnswer> {
        tokio::select! {
            answer = self.send(request) => answer,
            () = clock::sleep_until(clock::now().at + within) => {
                Err(NoAnswer::unknown(format!("no answer within {within:?}")))
            }
        }
    }
}

impl World for Transport {
    fn now(&self) -> Now {
        clock::now()
    }

    async fn sleep_until(&self, at: Instant) {
        clock::sleep_until(at).await;
    }

    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
        Self::send(self, request).await
    }
}

/// The proxies, as the client takes them.
fn proxies(given: &Proxies) -> Result<Vec<Proxy>, TransportError> {
    let https = given.https.as_deref().map(Proxy::https);
    let http = given.http.as_deref().map(Proxy::http);
    let all = https.into_iter().chain(http).map(|proxy| {
        let proxy = proxy.map_err(|error| TransportError::Proxy(chain(&error.without_url())))?;
        Ok(proxy.no_proxy(NoProxy::from_string(&given.none_for)))
    });
    all.collect()
}

/// The certificates in a file, tried out by themselves: whatever else is wrong is not this file's fault.
fn authority(file: &CaFile) -> Result<Vec<Certificate>, TransportError> {
    let wrong = |why: String| TransportError::CaFile { path: file.path.display().to_string(), why };
    let all = Certificate::from_pem_bundle(&file.pem).map_err(|error| wrong(chain(&error)))?;
    if all.is_empty() {
        return Err(wrong("no certificate in it".to_owned()));
    }
    Client::builder().tls_certs_only(all.clone()).build().map_err(|error| wrong(chain(&error)))?;
    Ok(all)
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
    // The second: an authority of that name is known, but it is another one.
    if ["UnknownIssuer", "BadSignature"].iter().any(|kind| text.contains(kind)) {
        text.push_str("; the certificate of an authority of your own, or of a proxy's, goes into --ca-file");
    }
    text
}
