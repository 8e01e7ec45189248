//! What a push needs to know of a gist beside its lock: where its repository is, and the files to carry over.

use std::borrow::Cow;

use http::Uri;

use super::pack::{Files, ObjectId};
use super::settings::{Settings, is_loopback};

/// The repository of a gist, as one revision of it was shown. Either part may be missing, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repository {
    /// Where pushes go.
    pub(super) url: Result<String, String>,
    /// The files of the revision.
    pub(super) files: Result<Files, String>,
}

impl Repository {
    /// The repository that an answer of the API names.
    pub(super) fn read<'a>(
        settings: &Settings,
        git_push_url: Option<&str>,
        files: impl Iterator<Item = (&'a str, Option<&'a str>)>,
        is_truncated: bool,
    ) -> Self {
        let files = if is_truncated {
            Err("the gist has more files than GitHub lists, and a push would lose the others".to_owned())
        } else {
            files.map(|(name, raw_url)| Ok((carried(name)?.to_owned(), blob(name, raw_url)?))).collect()
        };
        Self { url: push_url(settings, git_push_url).map(Cow::into_owned), files }
    }
}

/// The name as a tree can hold it.
fn carried(name: &str) -> Result<&str, String> {
    let odd = name.is_empty() || name.contains(['/', '\0']) || [".", ".."].contains(&name);
    if odd || name.eq_ignore_ascii_case(".git") {
        return Err(format!("the gist has a file named {name:?}, which a push cannot carry over"));
    }
    Ok(name)
}

/// The blob in `…/raw/BLOB/NAME`.
fn blob(name: &str, raw_url: Option<&str>) -> Result<ObjectId, String> {
    raw_url
        .and_then(|url| url.rsplit_once("/raw/")?.1.split('/').next())
        .and_then(ObjectId::parse)
        .ok_or_else(|| format!("the API does not say which content the file {name:?} has, so a push would lose it"))
}

/// Where pushes go. The token goes along, so the address must be https (plain http only where the API is) and belong
/// to the API's site: GitHub's own is `api.github.com` and `gist.github.com`.
fn push_url<'a>(settings: &Settings, told: Option<&'a str>) -> Result<Cow<'a, str>, String> {
    if let Some(git) = &settings.git {
        return Ok(format!("{}/{}.git", git.trim_end_matches('/'), settings.gist).into());
    }
    let told = told.ok_or("the API names no git_push_url: name the git server with --git-url, or use --write patch")?;
    if accepts_push(&settings.api, told) {
        return Ok(told.trim_end_matches('/').into());
    }
    let told: String = told.chars().filter(|c| !c.is_control()).take(200).collect();
    Err(format!(
        "the API names the push address {told}, which is not of its own site: the token is not sent there; \
         name the git server with --git-url, or use --write patch"
    ))
}

/// Whether a push, and the token with it, may go to `url` when the API is at `api`.
#[must_use]
pub fn accepts_push(api: &str, url: &str) -> bool {
    let accepted = || {
        let (api, url) = (api.parse::<Uri>().ok()?, url.parse::<Uri>().ok()?);
        let (api_host, host) = (api.host()?, url.host()?);
        let encrypted = url.scheme_str()? == "https" || (url.scheme_str()? == "http" && api.scheme_str()? == "http");
        let bare = url.query().is_none() && !url.authority()?.as_str().contains('@');
        let here = is_loopback(api_host) && is_loopback(host);
        (encrypted && bare && (here || is_of_site(api_host, host))).then_some(())
    };
    accepted().is_some()
}

/// Whether `host` is the API's host or one below its site (the API's host without `api.`).
fn is_of_site(api_host: &str, host: &str) -> bool {
    // A single label is a whole registry, unless nobody can register below it (RFC 6761).
    let is_site = |site: &&str| site.contains('.') || ["test", "localhost"].contains(site);
    let (api_host, host) = (api_host.to_ascii_lowercase(), host.to_ascii_lowercase());
    let site = api_host.strip_prefix("api.").filter(is_site).unwrap_or(&api_host);
    host == api_host || host == site || host.strip_suffix(site).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::WriteMode;

    fn settings(api: &str) -> Settings {
        Settings {
            gist: "abc".into(),
            file: "lock".into(),
            api: api.into(),
            git: None,
            token: None,
            write: WriteMode::Push,
            allow_http: true,
            lease: std::time::Duration::from_secs(30),
            settle: std::time::Duration::from_secs(1),
            request_timeout: std::time::Duration::from_secs(5),
        }
    }

    #[test]
    fn the_token_goes_to_the_apis_site_only() {
        for (api, told, accepted) in [
            ("https://api.github.com", "https://gist.github.com/abc.git", true),
            ("https://api.github.com", "https://github.com/abc.git", true),
            ("https://api.github.com", "https://GIST.GitHub.com/abc.git", true),
            ("https://api.github.com", "http://gist.github.com/abc.git", false),
            ("https://api.github.com", "https://gist.github.com.evil.net/abc.git", false),
            ("https://api.github.com", "https://evilgithub.com/abc.git", false),
            ("https://api.github.com", "https://me@gist.github.com/abc.git", false),
            ("https://api.github.com", "https://gist.github.com/abc.git?to=x", false),
            ("https://api.github.com", "git@gist.github.com:abc.git", false),
            ("https://api.github.com", "ssh://gist.github.com/abc.git", false),
            ("https://ghe.example.com/api/v3", "https://gist.ghe.example.com/abc.git", true),
            ("https://ghe.example.com/api/v3", "https://ghe.example.com/gist/abc.git", true),
            ("https://ghe.example.com/api/v3", "https://example.com/abc.git", false),
            ("https://api.com", "https://evil.com/abc.git", false),
            ("http://127.0.0.1:8080", "http://127.0.0.1:9090/abc.git", true),
            ("http://127.0.0.1:8080", "http://10.0.0.1/abc.git", false),
            ("http://api.test", "http://gist.test/abc.git", true),
            ("https://api.test", "http://gist.test/abc.git", false),
        ] {
            assert_eq!(push_url(&settings(api), Some(told)).is_ok(), accepted, "{api} {told}");
        }
        assert!(push_url(&settings("https://api.github.com"), None).is_err());
    }

    #[test]
    fn a_configured_git_server_wins() {
        let settings = Settings { git: Some("http://gist.test/".into()), ..settings("http://api.test") };
        assert_eq!(push_url(&settings, Some("http://evil.net/x.git")).as_deref(), Ok("http://gist.test/abc.git"));
    }

    #[test]
    fn a_file_that_cannot_be_carried_over_is_a_reason_to_refuse() {
        let raw = "https://gist.githubusercontent.com/ann/abc/raw/ce013625030ba8dba906f756967f9e9ca394464a/a.txt";
        let read = |name, raw_url, is_truncated| {
            Repository::read(&settings("http://api.test"), None, std::iter::once((name, raw_url)), is_truncated).files
        };
        assert_eq!(read("a.txt", Some(raw), false).map(|files| files.len()), Ok(1));
        assert!(read("a.txt", Some(raw), true).is_err());
        assert!(read("a.txt", None, false).is_err());
        assert!(read("a.txt", Some("https://gist.githubusercontent.com/ann/abc/raw/a.txt"), false).is_err());
        for name in ["", ".", "..", ".git", ".GIT", "a/b"] {
            assert!(read(name, Some(raw), false).is_err(), "{name:?}");
        }
    }
}
