//! What the Gist lock is told, checked at the edge.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::record::WriteMode;

/// The lock file's name unless configured.
pub const DEFAULT_FILE: &str = "multi-cluster-leader-election.lock";
/// GitHub's API.
pub const DEFAULT_API: &str = "https://api.github.com";
/// The `User-Agent` that this software sends; GitHub refuses requests without one.
pub const USER_AGENT: &str = concat!("leader-elector/", env!("CARGO_PKG_VERSION"));

/// Where the lock is and how it is written.
#[derive(Clone)]
pub struct Settings {
    /// The gist's id: letters and digits.
    pub gist: String,
    /// The name of the lock file in it.
    pub file: String,
    /// The API's address, without a slash at its end.
    pub api: String,
    /// The token; `None` where only reads are wanted.
    pub token: Option<String>,
    /// How records are written.
    pub write: WriteMode,
    /// Whether plain http is allowed to other hosts than this machine.
    pub allow_http: bool,
    /// Our lease: text that is no record is respected for so long.
    pub lease: Duration,
    /// The time within which the store may still drop an acknowledged write.
    pub settle: Duration,
    /// The bound on one HTTP request.
    pub request_timeout: Duration,
}

impl Settings {
    /// Checks the settings.
    ///
    /// # Errors
    /// Every field that cannot be used; never an empty list.
    pub fn check(&self) -> Result<(), Vec<SettingsError>> {
        let mut wrong = Vec::new();
        if self.gist.is_empty() || self.gist.len() > 64 || !self.gist.bytes().all(|b| b.is_ascii_alphanumeric()) {
            wrong.push(SettingsError::Gist { value: self.gist.clone() });
        }
        let bad_name = |c: char| c == '/' || c == '\\' || c.is_control();
        if self.file.trim().is_empty() || self.file.len() > 255 || self.file.contains(bad_name) {
            wrong.push(SettingsError::File { value: self.file.clone() });
        }
        match self.api.parse::<http::Uri>().ok().and_then(|uri| {
            let host = uri.host()?.to_owned();
            let userinfo = uri.authority()?.as_str().contains('@');
            (!userinfo && uri.query().is_none()).then(|| (uri.scheme_str().map(str::to_owned), host))
        }) {
            Some((Some(scheme), _)) if scheme == "https" => {}
            Some((Some(scheme), host)) if scheme == "http" => {
                if !self.allow_http && !is_loopback(&host) {
                    wrong.push(SettingsError::PlainHttp { value: self.api.clone() });
                }
            }
            _ => wrong.push(SettingsError::Api { value: self.api.clone() }),
        }
        if self.token.as_ref().is_some_and(|token| !is_token(token)) {
            wrong.push(SettingsError::Token);
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("gist", &self.gist)
            .field("file", &self.file)
            .field("api", &self.api)
            .field("write", &self.write)
            .finish_non_exhaustive()
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SettingsError {
    #[error("gist is `{value}`: allowed is a gist's id, letters and digits (the last part of its address)")]
    Gist { value: String },
    #[error("file is `{value}`: allowed is a file name of 1 to 255 bytes without slashes and control characters")]
    File { value: String },
    #[error("api url is `{value}`: allowed is https://HOST[/PATH] without user, password and query")]
    Api { value: String },
    #[error(
        "api url is `{value}`: plain http is allowed to this machine only, because the token would travel in the clear; use https or --allow-http"
    )]
    PlainHttp { value: String },
    #[error("token: allowed are visible ASCII characters without spaces (its value is not shown)")]
    Token,
}

impl SettingsError {
    /// The name of the setting.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Gist { .. } => "gist",
            Self::File { .. } => "file",
            Self::Api { .. } | Self::PlainHttp { .. } => "api_url",
            Self::Token => "token",
        }
    }
}

/// Whether a token can stand in a header.
#[must_use]
pub fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

/// Whether a host is this machine, as it is written in a URL.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
