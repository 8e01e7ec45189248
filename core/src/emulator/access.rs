//! Who calls, and what they may write.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::refusal::Refusal;
use super::settings::{AcceptedToken, Grant};

/// Whom a request is counted for.
#[derive(Clone, Copy)]
pub(super) enum Caller<'a> {
    /// Nobody known: the client's address.
    Client(&'a str),
    /// The user of an accepted token.
    Token(&'a AcceptedToken),
}

impl<'a> Caller<'a> {
    /// The caller whom the `Authorization` header names: `Bearer` or `token` before the secret, or `Basic` with the
    /// secret as password, as git sends it (seen). Without the header it is the client; a secret that is not accepted
    /// is refused (doc).
    pub(super) fn identify(headers: &HeaderMap, tokens: &'a [AcceptedToken], client: &'a str) -> Result<Self, Refusal> {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return Ok(Self::Client(client));
        };
        let accepted = |secret: &[u8]| tokens.iter().find(|token| token.secret.as_bytes() == secret);
        let (scheme, secret) =
            value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(Refusal::BadCredentials)?;
        let token = if scheme.eq_ignore_ascii_case("basic") {
            STANDARD.decode(secret.trim()).ok().and_then(|pair| {
                let colon = pair.iter().position(|byte| *byte == b':')?;
                accepted(&pair[colon + 1..])
            })
        } else if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") {
            accepted(secret.trim().as_bytes())
        } else {
            None
        };
        token.map(Self::Token).ok_or(Refusal::BadCredentials)
    }

    /// The login that may write gists of its own. GitHub hides from all others that there is something to write
    /// (doc, seen).
    pub(super) fn writer(self) -> Result<&'a str, Refusal> {
        match self {
            Self::Client(_) => Err(Refusal::NotFound),
            Self::Token(token) => match token.grant {
                Grant::Gist => Ok(&token.user),
                Grant::NoGist => Err(Refusal::NotFound),
                Grant::App => Err(Refusal::NotForIntegrations),
            },
        }
    }

    /// What `x-oauth-scopes` says; only classic tokens have scopes.
    pub(super) const fn scopes(self) -> Option<&'static str> {
        match self {
            Self::Token(AcceptedToken { grant: Grant::Gist, .. }) => Some("gist"),
            Self::Token(AcceptedToken { grant: Grant::NoGist, .. }) => Some(""),
            Self::Token(AcceptedToken { grant: Grant::App, .. }) | Self::Client(_) => None,
        }
    }

    /// Requests an hour (doc).
    pub(super) const fn hourly_limit(self) -> u32 {
        match self {
            Self::Client(_) => 60,
            Self::Token(AcceptedToken { grant: Grant::App, .. }) => 1_000,
            Self::Token(_) => 5_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AUTHORIZATION, AcceptedToken, Caller, HeaderMap};

    #[test]
    fn a_token_is_found_in_every_form_of_the_header_and_a_wrong_one_is_refused() {
        let tokens = [AcceptedToken::gist("s3cret", "ann")];
        for (header, user) in [
            (None, Some(None)),
            (Some("Bearer s3cret"), Some(Some("ann"))),
            (Some("bearer s3cret"), Some(Some("ann"))),
            (Some("token s3cret"), Some(Some("ann"))),
            (Some("Basic eDpzM2NyZXQ="), Some(Some("ann"))),
            (Some("Basic czNjcmV0"), None),
            (Some("Basic ?"), None),
            (Some("Bearer s3cre"), None),
            (Some("Bearer "), None),
            (Some("Bearer"), None),
            (Some("s3cret"), None),
            (Some("Digest s3cret"), None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert(AUTHORIZATION, header.parse().expect("a valid header"));
            }
            let found = Caller::identify(&headers, &tokens, "10.0.0.1").ok().map(|caller| match caller {
                Caller::Client(_) => None,
                Caller::Token(token) => Some(token.user.as_str()),
            });
            assert_eq!(found, user, "{header:?}");
        }
    }
}
