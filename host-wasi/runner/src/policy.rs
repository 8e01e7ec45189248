//! Which hosts a component may reach: the API's, the gist's push address as the lock accepts it, and GitHub's raw
//! contents without the token.

use http::header::AUTHORIZATION;
use http::{Method, Request, Uri};
use leader_elector_core::gist::{DEFAULT_API, accepts_push};

use crate::told::Told;

/// Where GitHub serves the contents of gists.
const RAW: &str = "gist.githubusercontent.com";

/// The list.
#[derive(Clone, Debug)]
pub struct Policy {
    api: String,
    git: Option<String>,
}

impl Policy {
    /// For a lock behind this API, with the git server that the user named, if any.
    #[must_use]
    pub fn new(api: impl Into<String>, git: Option<String>) -> Self {
        Self { api: api.into(), git }
    }

    /// As the component's own arguments and variables name them.
    #[must_use]
    pub fn of(args: &[String], env: &[(String, String)]) -> Self {
        let told = Told { args, env };
        let api = told.value("--api-url", "GITHUB_API_URL").unwrap_or_else(|| DEFAULT_API.to_owned());
        Self::new(api, told.value("--git-url", "LEADER_ELECTION_GIT_URL"))
    }

    /// Whether a request may leave.
    #[must_use]
    pub fn allows<B>(&self, request: &Request<B>) -> bool {
        let uri = request.uri();
        let Some(origin) = origin(uri) else { return false };
        let is = |url: &str| url.parse().ok().and_then(|uri: Uri| self::origin(&uri)) == Some(origin.clone());
        let raw = || {
            uri.host() == Some(RAW)
                && uri.scheme_str() == Some("https")
                && request.method() == Method::GET
                && !request.headers().contains_key(AUTHORIZATION)
        };
        // The API's site, for git's own requests alone: whatever else listens there sees no token.
        let git = || ["/info/refs", "/git-receive-pack"].iter().any(|end| uri.path().ends_with(end));
        is(&self.api) || self.git.as_deref().is_some_and(is) || (git() && accepts_push(&self.api, &origin)) || raw()
    }
}

/// Scheme, host and port.
fn origin(uri: &Uri) -> Option<String> {
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let port = authority.port_u16().unwrap_or(if scheme == "http" { 80 } else { 443 });
    Some(format!("{scheme}://{}:{port}", authority.host().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(policy: &Policy, method: &str, url: &str, with_token: bool) -> bool {
        let mut request = Request::builder().method(method).uri(url);
        if with_token {
            request = request.header(AUTHORIZATION, "Bearer t");
        }
        policy.allows(&request.body(()).expect("a request"))
    }

    #[test]
    fn the_token_reaches_the_api_and_its_git_and_nobody_else() {
        let github = Policy::of(&[], &[]);
        for (method, url, with_token, expected) in [
            ("PATCH", "https://api.github.com/gists/abc", true, true),
            ("POST", "https://gist.github.com/abc.git/git-receive-pack?x=y", true, true),
            ("GET", "https://gist.github.com/abc.git/info/refs?service=git-receive-pack", true, true),
            ("GET", "https://gist.github.com/abc", true, false),
            ("POST", "http://gist.github.com/abc.git/git-receive-pack", true, false),
            ("POST", "https://evil.example/abc.git/git-receive-pack", true, false),
            ("GET", "https://gist.githubusercontent.com/ann/abc/raw/1/lock", false, true),
            ("GET", "https://gist.githubusercontent.com/ann/abc/raw/1/lock", true, false),
            ("POST", "https://gist.githubusercontent.com/ann/abc/raw/1/lock", false, false),
            ("GET", "http://api.github.com/gists/abc", true, false),
            ("GET", "https://api.github.com:8443/gists/abc", true, false),
            ("GET", "https://evil.example/gists/abc", false, false),
            ("GET", "https://api.github.com.evil.example/gists/abc", true, false),
        ] {
            assert_eq!(allowed(&github, method, url, with_token), expected, "{method} {url}");
        }
    }

    #[test]
    fn a_named_git_server_is_reached_as_well() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let args = words("run --api-url=https://ghe.example/api/v3 --git-url https://git.example");
        let policy = Policy::of(&args, &[("GITHUB_API_URL".into(), "https://other.example".into())]);
        assert!(allowed(&policy, "GET", "https://ghe.example/api/v3/gists/abc", true));
        assert!(allowed(&policy, "POST", "https://git.example/abc.git/git-receive-pack", true));
        assert!(!allowed(&policy, "GET", "https://other.example/gists/abc", true));
    }

    #[test]
    fn an_empty_variable_is_none() {
        let env = ["GITHUB_API_URL", "LEADER_ELECTION_GIT_URL"].map(|name| (name.to_owned(), String::new()));
        let policy = Policy::of(&[], &env);
        assert!(allowed(&policy, "GET", "https://api.github.com/gists/abc", true));
    }
}
