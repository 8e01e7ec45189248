//! The endpoints: what each does to the gists and what it answers.

use std::sync::Arc;

use http::header::{HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LINK, LOCATION};
use http::{Method, Request, Response, StatusCode};
use sha1::Digest;

use super::access::Caller;
use super::body::{Creation, Update};
use super::gist::{Gist, Snapshot};
use super::id::{GistId, ObjectId, RevisionId};
use super::object::{self, Files};
use super::refusal::Refusal;
use super::revision::Revision;
use super::route::{Page, Route};
use super::settings::{Settings, Unreachable};
use super::{answer, json};
use crate::ordered::OrderedMap;

/// All gists, and how many there ever were: an id is made of that number, and never comes again.
#[derive(Clone, Debug, Default)]
pub(super) struct Gists {
    pub(super) by_id: OrderedMap<GistId, Gist>,
    made: u64,
}

impl Gists {
    pub(super) fn create(
        &mut self,
        unix_ms: i64,
        owner: &str,
        public: bool,
        description: Option<Arc<str>>,
        files: Files,
    ) -> &Gist {
        self.made += 1;
        let digest = object::hash(|sha| sha.update(format!("gist {} of {owner}", self.made)));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_bytes()[..16]);
        let id = GistId::from_bytes(bytes);
        self.by_id.insert(id, Gist::new(unix_ms, id, Arc::from(owner), public, description, files));
        self.by_id.get(&id).expect("inserted above")
    }

    fn find(&self, id: GistId) -> Result<&Gist, Refusal> {
        self.by_id.get(&id).ok_or(Refusal::NotFound)
    }

    /// The bytes behind a `raw_url`: those of any remembered revision.
    pub(super) fn raw(&self, owner: &str, id: GistId, blob: ObjectId, file: &str) -> Option<&[u8]> {
        let gist = self.by_id.get(&id).filter(|gist| *gist.owner == *owner)?;
        let mut versions = gist.remembered().filter_map(|revision| revision.tree().get(file));
        versions.find(|version| version.id() == blob).map(|version| version.bytes())
    }
}

/// One request of a caller who is known and within his limits.
pub(super) struct Call<'a> {
    pub(super) unix_ms: i64,
    pub(super) settings: &'a Settings,
    pub(super) caller: Caller<'a>,
    pub(super) request: &'a Request<Vec<u8>>,
    /// The head that the request meets in place of the newest.
    pub(super) head: Option<RevisionId>,
}

impl Call<'_> {
    /// Carries the request out.
    pub(super) fn answer(&self, route: Option<Route<'_>>, gists: &mut Gists) -> Result<Response<Vec<u8>>, Refusal> {
        let method = self.request.method();
        let safe = *method == Method::GET;
        let conditional = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];
        if !safe && conditional.iter().any(|name| self.request.headers().contains_key(name)) {
            return Err(Refusal::ConditionalWrite);
        }
        match (method, route.ok_or(Refusal::NotFound)?) {
            (&Method::GET, Route::Gist(id)) => Ok(self.gist(&self.snapshot(gists.find(id)?))),
            (&Method::GET, Route::Revision(id, sha)) => self.revision(&self.snapshot(gists.find(id)?), sha),
            (&Method::GET, Route::Commits(id, page)) => Ok(self.commits(&self.snapshot(gists.find(id)?), page)),
            (&Method::POST, Route::Gists) => self.create(gists),
            (&Method::PATCH, Route::Gist(id)) => self.update(gists, id),
            (&Method::DELETE, Route::Gist(id)) => self.delete(gists, id),
            _ => Err(Refusal::NotFound),
        }
    }

    /// The gist as this request meets it. A head that is not remembered is no reason to answer otherwise than now.
    fn snapshot<'g>(&self, gist: &'g Gist) -> Snapshot<'g> {
        self.head.and_then(|head| gist.as_of(head)).unwrap_or_else(|| gist.now())
    }

    fn gist(&self, gist: &Snapshot<'_>) -> Response<Vec<u8>> {
        let version = self.version(gist, "gist", gist.head(), [0; 2]);
        answer::versioned(self.request.headers(), version, || json::gist(gist, gist.head(), self.settings))
    }

    fn revision(&self, gist: &Snapshot<'_>, sha: RevisionId) -> Result<Response<Vec<u8>>, Refusal> {
        let found = gist.gist.revision(sha).ok_or(Refusal::NotFound)?;
        if self.settings.unreachable == Unreachable::NotFound && !gist.reaches(found) {
            return Err(Refusal::NotFound);
        }
        let version = self.version(gist, "revision", found, [0; 2]);
        Ok(answer::versioned(self.request.headers(), version, || json::gist(gist, found, self.settings)))
    }

    fn commits(&self, gist: &Snapshot<'_>, page: Page) -> Response<Vec<u8>> {
        let version = self.version(gist, "commits", gist.head(), [page.size, page.number]);
        let mut response =
            answer::versioned(self.request.headers(), version, || json::commits(gist, page, self.settings));
        if gist.chain().nth(page.number.saturating_mul(page.size)).is_some() {
            let (api, id, Page { size, number }) = (&self.settings.api, gist.gist.id, page);
            let link = format!("<{api}/gists/{id}/commits?per_page={size}&page={}>; rel=\"next\"", number + 1);
            insert(&mut response, LINK, link);
        }
        response
    }

    fn create(&self, gists: &mut Gists) -> Result<Response<Vec<u8>>, Refusal> {
        let owner = self.caller.writer()?;
        let creation = Creation::parse(self.request.body())?;
        let (public, description) = (creation.public, creation.description.as_deref().map(Arc::from));
        let gist = gists.create(self.unix_ms, owner, public, description, creation.into_files()?).now();
        let mut response = answer::json(StatusCode::CREATED, json::gist(&gist, gist.head(), self.settings));
        insert(&mut response, LOCATION, format!("{}/gists/{}", self.settings.api, gist.gist.id));
        Ok(response)
    }

    /// The last writer wins: nothing is compared with what the caller may have read.
    fn update(&self, gists: &mut Gists, id: GistId) -> Result<Response<Vec<u8>>, Refusal> {
        let writer = self.caller.writer()?;
        let gist = gists.by_id.get_mut(&id).filter(|gist| *gist.owner == *writer).ok_or(Refusal::NotFound)?;
        let update = Update::parse(self.request.body())?;

        let met = self.snapshot(gist);
        let old_description = met.description().cloned();
        let description = update.description.as_deref().map(Arc::from).or_else(|| old_description.clone());
        let files = update.apply(met.head().tree())?;
        let remember = self.settings.remember;
        if files != *met.head().tree() {
            let revision = Revision::written(Some(met.head()), &gist.owner, self.unix_ms, files);
            gist.advance(self.unix_ms, revision, description, remember);
        } else if description != old_description {
            gist.describe(self.unix_ms, description, remember);
        }
        let gist = gist.now();
        Ok(answer::json(StatusCode::OK, json::gist(&gist, gist.head(), self.settings)))
    }

    fn delete(&self, gists: &mut Gists, id: GistId) -> Result<Response<Vec<u8>>, Refusal> {
        let writer = self.caller.writer()?;
        gists.find(id).ok().filter(|gist| *gist.owner == *writer).ok_or(Refusal::NotFound)?;
        gists.by_id.remove(&id);
        Ok(answer::empty(StatusCode::NO_CONTENT))
    }

    /// What an `ETag` stands for: everything that the JSON is made of, without making it.
    fn version(&self, gist: &Snapshot<'_>, kind: &str, revision: &Revision, page: [usize; 2]) -> ObjectId {
        let Settings { content_limit, file_limit, .. } = *self.settings;
        object::hash(|sha| {
            sha.update(kind);
            sha.update(revision.id().as_bytes());
            sha.update(gist.updated_ms().to_be_bytes());
            sha.update([self.settings.history as u8]);
            for number in [content_limit, file_limit, page[0], page[1]] {
                sha.update((number as u64).to_be_bytes());
            }
            sha.update(gist.description().map_or("", |text| text));
        })
    }
}

/// A header that holds a URL of ours. A base that cannot stand in a header leaves it out.
fn insert(response: &mut Response<Vec<u8>>, name: http::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}
