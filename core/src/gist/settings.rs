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
pub(super) const USER_AGENT: &str = concat!("leader-elector/", env!("CARGO_PKG_VERSION"));

/// The same for git's routes: some servers answer these only to what calls itself git.
pub(super) const GIT_USER_AGENT: &str = concat!("git/leader-elector-", env!("CARGO_PKG_VERSION"));

/// Where the lock is and how it is written.
#[derive(Clone)]
pub struct Settings {
    /// The gist's id: letters and digits.
    pub gist: String,
    /// The name of the lock file in it.
    pub file: String,
    /// The API's address, without a slash at its end.
    pub api: String,
    /// The git server's address; `None`: each gist's own `git_push_url`, if it is of the API's site.
    pub git: Option<String>,
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
            wrong.push(SettingsError::Gist { value: harmless(&self.gist) });
        }
        let bad_name = |c: char| c == '/' || c == '\\' || c.is_control();
        let reserved = [".", ".."].contains(&self.file.as_str()) || self.file.eq_ignore_ascii_case(".git");
        if self.file.trim().is_empty() || self.file.len() > 255 || self.file.contains(bad_name) || reserved {
            wrong.push(SettingsError::File { value: self.file.clone() });
        }
        let addresses = [Some((Address::Api, &self.api)), self.git.as_ref().map(|git| (Address::Git, git))];
        for (address, value) in addresses.into_iter().flatten() {
            match scheme_and_host(value) {
                Some((scheme, _)) if scheme == "https" => {}
                Some((scheme, host)) if scheme == "http" => {
                    if !self.allow_http && !is_loopback(&host) {
                        wrong.push(SettingsError::PlainHttp { address, value: harmless(value) });
                    }
                }
                _ => wrong.push(SettingsError::Address { address, value: harmless(value) }),
            }
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
            .field("git", &self.git)
            .field("write", &self.write)
            .finish_non_exhaustive()
    }
}

/// An address that the lock is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// The REST API's.
    Api,
    /// The git server's.
    Git,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Api => "api url",
            Self::Git => "git url",
        })
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
    #[error("{address} is `{value}`: allowed is https://HOST[/PATH] without user, password and query")]
    Address { address: Address, value: String },
    #[error(
        "{address} is `{value}`: plain http is allowed to this machine only, because the token would travel in the clear; use https or --allow-http"
    )]
    PlainHttp { address: Address, value: String },
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
            Self::Address { address, .. } | Self::PlainHttp { address, .. } => match address {
                Address::Api => "api_url",
                Address::Git => "git_url",
            },
            Self::Token => "token",
        }
    }
}

/// Whether a token can stand in a header.
#[must_use]
pub fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

/// What begins GitHub's tokens.
const TOKENS: [&str; 6] = ["ghp_", "github_pat_", "gho_", "ghu_", "ghs_", "ghr_"];

/// A value as it may be shown: people confuse variables, and write passwords into addresses.
#[must_use]
pub fn harmless(value: &str) -> String {
    if let Some(at) = TOKENS.iter().filter_map(|begin| value.find(begin)).min() {
        return format!("{}… (this looks like a token)", &value[..at]);
    }
    // Of an @ behind a ? nobody knows whether it ends a password or stands in a query.
    let (address, query) = value.split_once('?').unwrap_or((value, ""));
    let scheme = |before: &str| before.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
    match address.rsplit_once('@') {
        _ if query.contains('@') => format!("{}…", scheme(address)),
        Some((before, after)) => format!("{}…@{after}", scheme(before)),
        None => address.to_owned(),
    }
}

fn scheme_and_host(address: &str) -> Option<(String, String)> {
    let uri: http::Uri = address.parse().ok()?;
    let bare = uri.query().is_none() && !uri.authority()?.as_str().contains('@');
    bare.then(|| Some((uri.scheme_str()?.to_owned(), uri.host()?.to_owned())))?
}

/// Whether a host is this machine, as it is written in a URL.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_shows_no_secret() {
        for (value, shown) in [
            ("not an id", "not an id"),
            ("ghp_s3cret", "… (this looks like a token)"),
            ("https://x/github_pat_s3cret", "https://x/… (this looks like a token)"),
            ("https://ann:s3cret@api.test/v3", "https://…@api.test/v3"),
            ("ann:s3cret@api.test", "…@api.test"),
            ("https://api.test?access_token=s3cret", "https://api.test"),
            ("https://ann:s3c?ret@api.test", "https://…"),
        ] {
            assert_eq!(harmless(value), shown);
        }
        let settings = Settings {
            gist: "ghp_s3cret".to_owned(),
            file: DEFAULT_FILE.to_owned(),
            api: "http://ann:s3cret@api.test".to_owned(),
            git: Some("ftp://ann:s3cret@git.test".to_owned()),
            token: Some("s3cret with spaces".to_owned()),
            write: WriteMode::Push,
            allow_http: false,
            lease: Duration::from_secs(30),
            settle: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
        };
        let errors = settings.check().expect_err("four mistakes");
        let said: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 4, "{said:#?}");
        assert!(!said.concat().contains("s3cret"), "{said:#?}");
    }
}
