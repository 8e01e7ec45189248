//! Requests of the REST API that are not the election's: to make and delete a gist, and to look back.

use crate::json::Writer;
use http::{Method, Request, Response};

use super::settings::{Settings, SettingsError};
use super::throttle;
use super::wire::{self, LONGEST_LIST, Wire};
use crate::lock::{Failure, Version};

/// Makes them for one gist, with the headers and the token of the lock's own.
#[derive(Clone, Debug)]
pub struct Rest {
    wire: Wire,
}

impl Rest {
    /// How many revisions a whole page lists.
    pub const PAGE: usize = LONGEST_LIST;

    /// `settings` name the gist; where it is to be made, any id will do.
    ///
    /// # Errors
    /// Every setting that cannot be used; never an empty list.
    pub fn new(settings: Settings) -> Result<Self, Vec<SettingsError>> {
        settings.check()?;
        Ok(Self { wire: Wire::new(settings) })
    }

    /// `POST /gists`: a secret gist with a free lock in it.
    #[must_use]
    pub fn make(&self, description: &str) -> Request<Vec<u8>> {
        // GitHub refuses empty content; `{}` is a free lock.
        let mut body = Writer::new();
        body.open('{').name("description").string(description).name("public").boolean(false);
        body.name("files").open('{').name(&self.wire.settings().file);
        body.open('{').name("content").string("{}").close('}').close('}').close('}');
        *self.wire.post_gist(body.finish())
    }

    /// `DELETE /gists/:id`.
    #[must_use]
    pub fn delete(&self) -> Request<Vec<u8>> {
        *self.wire.request(Method::DELETE, "", Vec::new())
    }

    /// `GET /gists/:id/commits`, for [`super::history::versions`]: a page of revisions, from 1.
    #[must_use]
    pub fn page(&self, page: u32) -> Request<Vec<u8>> {
        *self.wire.request(Method::GET, &format!("/commits?per_page={}&page={page}", Self::PAGE), Vec::new())
    }

    /// `GET /gists/:id/:sha`, for [`super::history::text`].
    #[must_use]
    pub fn revision(&self, version: &str) -> Request<Vec<u8>> {
        *self.wire.get_revision(&Version::from(version))
    }

    /// What an answer means that is not the one hoped for: as the lock understands it.
    #[must_use]
    pub fn failure(response: &Response<Vec<u8>>) -> Failure {
        match throttle::wait(response) {
            Some(wait) => Failure::Throttled { wait },
            None => wire::ok(response).err().map_or(Failure::Unknown, |no| no.failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::WriteMode;

    fn rest(token: Option<&str>) -> Rest {
        let settings = Settings {
            gist: "abc".to_owned(),
            file: "a \"lock\"".to_owned(),
            api: "https://api.test/v3".to_owned(),
            git: None,
            token: token.map(str::to_owned),
            write: WriteMode::Push,
            allow_http: false,
            lease: std::time::Duration::from_secs(30),
            settle: std::time::Duration::from_secs(1),
            request_timeout: std::time::Duration::from_secs(5),
        };
        Rest::new(settings).expect("good settings")
    }

    #[test]
    fn every_request_has_the_headers_that_the_api_asks_for() {
        let rest = rest(Some("t0ken"));
        for (request, method, path) in [
            (rest.make("d"), "POST", "/gists"),
            (rest.delete(), "DELETE", "/gists/abc"),
            (rest.page(2), "GET", "/gists/abc/commits?per_page=100&page=2"),
            (rest.revision("0f"), "GET", "/gists/abc/0f"),
        ] {
            assert_eq!(request.method(), method);
            assert_eq!(*request.uri(), *format!("https://api.test/v3{path}"));
            for name in ["user-agent", "accept", "x-github-api-version", "cache-control", "authorization"] {
                assert!(request.headers().contains_key(name), "{method} {path}: {name}");
            }
            assert!(request.headers()["authorization"].is_sensitive(), "{method} {path}");
            assert_eq!(request.body().is_empty(), !request.headers().contains_key("content-type"), "{method} {path}");
        }
    }

    #[test]
    fn a_gist_is_made_secret_and_its_lock_free() {
        let body: serde_json::Value = serde_json::from_slice(rest(Some("t")).make("a \"d\"").body()).expect("JSON");
        let files = json!({ "a \"lock\"": { "content": "{}" } });
        assert_eq!(body, json!({ "description": "a \"d\"", "public": false, "files": files }));
    }

    #[test]
    fn settings_of_no_use_make_no_requests() {
        let settings = rest(None).wire.settings().clone();
        let errors = Rest::new(Settings { api: "ftp://api.test".to_owned(), gist: "a b".to_owned(), ..settings });
        assert_eq!(errors.map(|_| ()).map_err(|errors| errors.len()), Err(2));
    }

    #[test]
    fn without_a_token_nobody_is_named() {
        assert!(!rest(None).page(1).headers().contains_key("authorization"));
    }
}
