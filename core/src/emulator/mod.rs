//! GitHub's Gist API as a function from request to response, over gists kept in memory.
//!
//! For tests, the simulator, the page in the browser and `gist-server`. Like the rest of this crate it has no clock, no
//! entropy and no socket: it is told the time with each request, and ids follow from what was written, so that the same
//! calls give the same answers byte for byte.
//!
//! It keeps GitHub's rules as far as they are known (`facts/gist-api.md`; "doc" and "seen" in these comments are its
//! words). Each call is carried out whole, one after another. **Faults belong to the caller**: delay, loss before
//! or after the write, duplicates, 409, 5xx. Two of them need help from inside and have it: a reader that sees an
//! earlier state, and an update that vanishes although it was acknowledged ([`Emulator::handle_at`]).
//!
//! ```
//! use leader_elector_core::emulator::{AcceptedToken, Emulator, Settings};
//!
//! let tokens = vec![AcceptedToken::gist("s3cret", "ann")];
//! let mut github = Emulator::new(Settings { tokens, ..Settings::default() });
//! let gist = github.create_gist(0, "ann", &[("lock", "{}")]);
//!
//! let request = http::Request::patch(format!("http://api.test/gists/{gist}"))
//!     .header("authorization", "Bearer s3cret")
//!     .header("user-agent", "example")
//!     .body(br#"{"files": {"lock": {"content": "mine"}}}"#.to_vec())?;
//! assert_eq!(github.handle(1_000, "10.0.0.1", &request).status(), 200);
//!
//! let texts: Vec<_> = github.revisions(gist).map(|revision| revision.file("lock")).collect();
//! assert_eq!(texts, [Some(&b"mine"[..]), Some(&b"{}"[..])]);
//! # Ok::<(), http::Error>(())
//! ```

use std::sync::Arc;

use http::header::USER_AGENT;
use http::{Method, Request, Response, StatusCode};

mod access;
mod answer;
mod api;
mod body;
mod dates;
mod gist;
mod git;
mod id;
mod json;
mod limits;
mod object;
mod refusal;
mod revision;
mod route;
mod settings;
#[cfg(test)]
mod tests;
pub(crate) mod zlib;

pub use id::{GistId, Id, NotAnId, ObjectId, RevisionId};
pub use refusal::{CANNOT_BE_UPDATED, SECONDARY_LIMIT, error_response, secondary_limit_response};
pub use revision::Revision;
pub use settings::{AcceptedToken, Grant, HistoryField, Limits, Replacing, Settings, Swap, Unchanged, Unreachable};

use access::Caller;
use api::{Call, Gists};
use gist::Gist;
use limits::{Accounts, Budget, Verdict};
use object::{Blob, Files};
use refusal::Refusal;
use route::Route;

/// A server of gists. A clone goes its own way from there; contents are shared until then and after.
#[derive(Clone, Debug)]
pub struct Emulator {
    settings: Settings,
    gists: Gists,
    accounts: Accounts,
}

impl Emulator {
    /// A server without gists.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, gists: Gists::default(), accounts: Accounts::default() }
    }

    /// How it answers.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes how it answers from the next request on.
    pub const fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// Carries out one HTTP request that arrives at `unix_ms` (milliseconds since the Unix epoch; should not go back)
    /// from the address `client`, on whose budget requests without a token draw.
    ///
    /// The request's path says what is asked for, its host is ignored. What was refused has changed nothing.
    pub fn handle(&mut self, unix_ms: i64, client: &str, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.respond(unix_ms, client, request, None)
    }

    /// Carries out one request as if `head` were still the gist's newest revision.
    ///
    /// * A GET is a **stale read**: all of the answer, `ETag` included, is what it was when `head` was last the
    ///   newest.
    /// * A PATCH is the winner of a **race**: it is applied to `head` and becomes its successor, and whatever came after
    ///   `head` vanishes, although it was acknowledged. To let the other of two racing updates win, carry out both
    ///   and then [`reset`](Self::reset) to the revision of the first.
    ///
    /// A push is not moved: git compares with the head as it is, under the lock of its ref.
    ///
    /// An update that leaves the files of `head` as they are drops nothing. Limits count as ever, now. A `head` that
    /// the gist never had, or no longer remembers, is ignored; POST and DELETE take no notice of it.
    pub fn handle_at(
        &mut self,
        unix_ms: i64,
        client: &str,
        request: &Request<Vec<u8>>,
        head: RevisionId,
    ) -> Response<Vec<u8>> {
        self.respond(unix_ms, client, request, Some(head))
    }

    /// Makes a secret gist without a request. Contents may be empty here, which the API refuses.
    pub fn create_gist(&mut self, unix_ms: i64, owner: &str, files: &[(&str, &str)]) -> GistId {
        let blob = |content: &str| Arc::new(Blob::new(content.into()));
        let files = files.iter().map(|(name, content)| (Arc::from(*name), blob(content))).collect();
        self.gists.create(unix_ms, owner, false, None, files).id
    }

    /// The owner edits files on the web: sets each to a content, or deletes it. Draws on no budget, and may do what the
    /// API refuses: empty a file, delete the last, put bytes that are no text.
    ///
    /// `None` if there is no such gist, or the edit changed nothing.
    pub fn edit(&mut self, unix_ms: i64, gist: GistId, changes: &[(&str, Option<&[u8]>)]) -> Option<RevisionId> {
        let gist = self.gists.by_id.get_mut(&gist)?;
        let head = gist.now();
        let mut files: Files = head.head().tree().clone();
        for (name, content) in changes {
            match content {
                Some(content) => files.insert(Arc::from(*name), Arc::new(Blob::new(content.to_vec()))),
                None => files.remove(*name),
            };
        }
        if files == *head.head().tree() {
            return None;
        }
        let description = head.description().cloned();
        let revision = Revision::written(Some(head.head()), &gist.owner, unix_ms, files);
        let id = revision.id();
        gist.advance(unix_ms, revision, description, self.settings.remember);
        Some(id)
    }

    /// Others who share this user have used so many of an hour's requests; that hour ends at `until_ms`.
    pub fn use_up(&mut self, user: &str, requests: u32, until_ms: i64) {
        self.accounts.use_up(user, requests, until_ms);
    }

    /// Moves a gist's head to another of its revisions, as a lost update, a forced push or a restored backup does.
    ///
    /// False if there is no such gist or the revision is not remembered.
    pub fn reset(&mut self, unix_ms: i64, gist: GistId, to: RevisionId) -> bool {
        let remember = self.settings.remember;
        self.gists.by_id.get_mut(&gist).is_some_and(|gist| gist.reset(unix_ms, to, remember))
    }

    /// Somebody pushes a branch (`refs/heads/…`) beside the one that HEAD is. False if there is no such gist or revision.
    pub fn set_branch(&mut self, gist: GistId, name: &str, to: RevisionId) -> bool {
        let gist = self.gists.by_id.get_mut(&gist).filter(|gist| gist.revision(to).is_some());
        gist.is_some_and(|gist| {
            gist.push(0, name, false, to, self.settings.remember);
            true
        })
    }

    /// The newest revision of a gist.
    #[must_use]
    pub fn head(&self, gist: GistId) -> Option<RevisionId> {
        Some(self.gist(gist)?.now().head().id())
    }

    /// The revision that was a gist's newest at a time, for [`handle_at`](Self::handle_at). `None` if that was before
    /// the gist was made, or is no longer remembered.
    #[must_use]
    pub fn head_at(&self, gist: GistId, unix_ms: i64) -> Option<RevisionId> {
        Some(self.gist(gist)?.at_time(unix_ms)?.head().id())
    }

    /// The revisions of a gist that its head reaches, newest first; none if there is no such gist.
    pub fn revisions(&self, gist: GistId) -> impl Iterator<Item = &Revision> {
        self.gist(gist).into_iter().flat_map(|gist| gist.now().chain())
    }

    fn gist(&self, id: GistId) -> Option<&Gist> {
        self.gists.by_id.get(&id)
    }

    fn respond(
        &mut self,
        unix_ms: i64,
        client: &str,
        request: &Request<Vec<u8>>,
        head: Option<RevisionId>,
    ) -> Response<Vec<u8>> {
        if let Some(mut response) = git::answer(unix_ms, &self.settings, &mut self.gists, request) {
            answer::stamp(unix_ms, &mut response);
            return response;
        }
        let route = Route::of(request.uri());
        let mut response = match route {
            _ if *request.method() == Method::OPTIONS => answer::preflight(),
            Some(Route::Raw { owner, gist, blob, ref file }) if *request.method() == Method::GET => {
                self.gists.raw(owner, gist, blob, file).map_or_else(|| Refusal::NotFound.answer(), answer::raw)
            }
            route => self.call(unix_ms, client, request, head, route),
        };
        answer::stamp(unix_ms, &mut response);
        response
    }

    /// A call of the API proper, which is counted.
    fn call(
        &mut self,
        unix_ms: i64,
        client: &str,
        request: &Request<Vec<u8>>,
        head: Option<RevisionId>,
        route: Option<Route<'_>>,
    ) -> Response<Vec<u8>> {
        let Self { settings, gists, accounts } = self;
        let known = Caller::identify(request.headers(), &settings.tokens, client);
        let caller = known.unwrap_or(Caller::Client(client));
        let counts = settings.limits == Limits::GitHub;
        let hourly = settings.hourly.unwrap_or_else(|| caller.hourly_limit());
        let (mut budget, verdict) = if counts {
            accounts.admit(unix_ms, caller, hourly, request.method())
        } else {
            (Budget::untouched(unix_ms, hourly), Verdict::Admitted)
        };
        let mut response = match verdict {
            Verdict::Admitted => known
                .and_then(|caller| {
                    let agent = request.headers().get(USER_AGENT).filter(|agent| !agent.is_empty());
                    agent.ok_or(Refusal::NoUserAgent)?;
                    Call { unix_ms, settings, caller, request, head }.answer(route, gists)
                })
                .unwrap_or_else(Refusal::answer),
            Verdict::Exhausted => Refusal::Exhausted.answer(),
            Verdict::Secondary { retry_after } => {
                secondary_limit_response(unix_ms, StatusCode::FORBIDDEN, Some(retry_after))
            }
        };
        // A conditional read is free only to a caller with a token (doc).
        let free = settings.unchanged == Unchanged::Free && matches!(caller, Caller::Token(_));
        if counts && free && response.status() == StatusCode::NOT_MODIFIED {
            accounts.refund(caller, &mut budget);
        }
        answer::account(budget, caller.scopes(), &mut response);
        response
    }
}
