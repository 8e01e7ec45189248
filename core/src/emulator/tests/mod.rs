//! The emulator seen from outside, request by request.

mod headers;
mod limits;
mod races;
mod reads;
mod writes;

use http::{Method, Request, Response, StatusCode};
use serde_json::Value;

use super::{AcceptedToken, Emulator, GistId, Grant, RevisionId, Settings};

/// 2023-11-14T22:13:20Z.
const START: i64 = 1_700_000_000_000;

/// Ann's server with her one gist, and a clock that the test moves.
struct World {
    github: Emulator,
    gist: GistId,
    now: i64,
}

impl World {
    fn new() -> Self {
        let token = |secret: &str, user: &str, grant| AcceptedToken { secret: secret.into(), user: user.into(), grant };
        let tokens = vec![
            token("ann", "ann", Grant::Gist),
            token("ann2", "ann", Grant::Gist),
            token("scopeless", "ann", Grant::NoGist),
            token("app", "robot", Grant::App),
            token("bob", "bob", Grant::Gist),
        ];
        let mut github = Emulator::new(Settings { tokens, ..Settings::default() });
        let gist = github.create_gist(START, "ann", &[("lock", "{}"), ("notes.md", "read me")]);
        Self { github, gist, now: START }
    }

    /// Sends a request with these extra headers; `token` is empty for none.
    fn send(
        &mut self,
        method: &Method,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Vec<u8>> {
        let request = request(method, path, token, headers, body);
        self.github.handle(self.now, "10.0.0.1", &request)
    }

    fn get(&mut self, path: &str) -> Response<Vec<u8>> {
        self.send(&Method::GET, path, "ann", &[], "")
    }

    fn read(&mut self) -> Response<Vec<u8>> {
        self.get(&format!("/gists/{}", self.gist))
    }

    fn patch(&mut self, body: &str) -> Response<Vec<u8>> {
        let path = format!("/gists/{}", self.gist);
        self.send(&Method::PATCH, &path, "ann", &[], body)
    }

    /// Ann writes the lock file; the id of her revision.
    fn lock(&mut self, text: &str) -> RevisionId {
        let response = self.patch(&lock(text));
        assert_eq!(response.status(), 200);
        self.head()
    }

    fn head(&self) -> RevisionId {
        self.github.head(self.gist).expect("the gist exists")
    }

    /// What the lock file says in each revision, newest first.
    fn locks(&self) -> Vec<&str> {
        let text = |bytes| std::str::from_utf8(bytes).expect("text");
        self.github.revisions(self.gist).map(|revision| revision.file("lock").map_or("-", text)).collect()
    }
}

fn request(method: &Method, path: &str, token: &str, headers: &[(&str, &str)], body: &str) -> Request<Vec<u8>> {
    let mut request = Request::builder().method(method).uri(format!("http://api.test{path}"));
    if !headers.iter().any(|(name, _)| *name == "user-agent") {
        request = request.header("user-agent", "test");
    }
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.as_bytes().to_vec()).expect("a valid request")
}

/// The body of a PATCH of the lock file.
fn lock(text: &str) -> String {
    serde_json::json!({ "files": { "lock": { "content": text } } }).to_string()
}

fn json(response: &Response<Vec<u8>>) -> Value {
    serde_json::from_slice(response.body()).expect("a JSON body")
}

fn header<'a>(response: &'a Response<Vec<u8>>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

fn message(response: &Response<Vec<u8>>) -> (StatusCode, String) {
    (response.status(), json(response)["message"].as_str().unwrap_or_default().to_owned())
}
