//! The REST requests and what their answers mean. Shapes: GitHub's REST documentation, "Gists".

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, USER_AGENT,
};
use http::{Method, Request, Response, StatusCode};

use super::repository::Repository;
use super::settings::{self, Settings};
use crate::json::{self, Reader, Wrong};
use crate::lock::{Failure, Reason, Version};
use crate::ordered::OrderedMap;
use crate::record::{Text, WriteMode};

/// `GET /gists/:id/commits` gives at most this many at once.
pub(super) const LONGEST_LIST: usize = 100;
/// As many as `history` holds.
const SHORT_LIST: usize = 30;
/// Where a repository lists its refs.
const REFS: &str = "/info/refs";
/// Named here: to look a name up by its text takes a table of all names there are.
const API_VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
/// What of a refusal is repeated in a log.
pub(super) const LONGEST_MESSAGE: usize = 200;

/// What a list of revisions is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListLength {
    Short,
    Long,
}

impl ListLength {
    pub(super) const fn get(self) -> usize {
        match self {
            Self::Short => SHORT_LIST,
            Self::Long => LONGEST_LIST,
        }
    }
}

/// A request with its headers and its body.
pub(super) type Outgoing = Box<Request<Vec<u8>>>;

/// An answer of `GET /gists/:id`, `GET /gists/:id/:sha` and `PATCH /gists/:id`.
#[derive(Debug)]
pub(super) struct GistAnswer {
    /// The lock file's content.
    pub(super) text: Arc<Text>,
    /// The newest revisions, newest first; `None` where the field is missing or null.
    pub(super) history: Option<Vec<Version>>,
    pub(super) etag: Option<HeaderValue>,
    /// What a push needs; `None` where nothing is pushed.
    pub(super) repository: Option<Arc<Repository>>,
}

/// Why there is no answer: a failure, and words for the log where nobody else finds them.
#[derive(Debug)]
pub(super) struct NoAnswer {
    pub(super) failure: Failure,
    pub(super) what: Option<String>,
}

/// Makes requests and reads answers for one gist.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    settings: Settings,
    authorization: Option<HeaderValue>,
    git_authorization: Option<HeaderValue>,
}

impl Wire {
    pub(super) fn new(settings: Settings) -> Self {
        let mut wire = Self { authorization: None, git_authorization: None, settings };
        let token = wire.settings.token.take();
        wire.set_token(token.as_deref());
        wire
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn set_token(&mut self, token: Option<&str>) {
        self.authorization = token.and_then(|token| secret(&format!("Bearer {token}")));
        // GitHub takes a token as the password of any user.
        self.git_authorization =
            token.and_then(|token| secret(&format!("Basic {}", STANDARD.encode(format!("leader-elector:{token}")))));
    }

    /// The gist as it is now.
    pub(super) fn get(&self, etag: Option<&HeaderValue>) -> Outgoing {
        let mut request = self.request(Method::GET, "", Vec::new());
        if let Some(etag) = etag {
            request.headers_mut().insert(IF_NONE_MATCH, etag.clone());
        }
        request
    }

    /// The gist as it was at a revision.
    pub(super) fn get_revision(&self, version: &Version) -> Outgoing {
        self.request(Method::GET, &format!("/{version}"), Vec::new())
    }

    /// The newest revisions.
    pub(super) fn list(&self, length: ListLength) -> Outgoing {
        self.request(Method::GET, &format!("/commits?per_page={}", length.get()), Vec::new())
    }

    /// Replaces the text of the lock file, and of no other.
    pub(super) fn patch(&self, text: &str) -> Outgoing {
        self.patch_file(Some(text))
    }

    /// The same; `None` takes the file away.
    pub(super) fn patch_file(&self, text: Option<&str>) -> Outgoing {
        let body = json::one_file(&self.settings.file, text);
        is_json(self.request(Method::PATCH, "", body.into_bytes()))
    }

    /// Makes a gist.
    pub(super) fn post_gist(&self, body: String) -> Outgoing {
        is_json(self.request_to(Method::POST, &format!("{}/gists", self.api()), body.into_bytes()))
    }

    /// The refs of the repository at `url`, as a service advertises them.
    pub(super) fn refs(&self, url: &str, service: &str) -> Outgoing {
        self.git_request(Method::GET, &format!("{url}{REFS}?service={service}"), Vec::new())
    }

    /// Commands and a pack for the repository at `url`.
    pub(super) fn receive_pack(&self, url: &str, body: Vec<u8>) -> Outgoing {
        let mut request = self.git_request(Method::POST, &format!("{url}/git-receive-pack"), body);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-git-receive-pack-request"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/x-git-receive-pack-result"));
        request
    }

    fn git_request(&self, method: Method, url: &str, body: Vec<u8>) -> Outgoing {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().unwrap_or_else(|_| http::Uri::from_static("/"));
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(settings::GIT_USER_AGENT));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(authorization) = &self.git_authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Box::new(request)
    }

    /// A request for the gist; `path` is what follows its address.
    pub(super) fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Outgoing {
        self.request_to(method, &format!("{}/gists/{}{path}", self.api(), self.settings.gist), body)
    }

    fn api(&self) -> &str {
        self.settings.api.trim_end_matches('/')
    }

    fn request_to(&self, method: Method, url: &str, body: Vec<u8>) -> Outgoing {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().unwrap_or_else(|_| http::Uri::from_static("/"));
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(settings::USER_AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers.insert(API_VERSION, HeaderValue::from_static("2022-11-28"));
        // GitHub says max-age=60: an ill-chosen cache on the way would serve the past.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Box::new(request)
    }

    /// The request that a redirect of a read asks for: followed within the origin of what was asked only, because the
    /// token goes along.
    pub(super) fn redirected(&self, asked: &http::Uri, response: &Response<Vec<u8>>) -> Option<Outgoing> {
        if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
            return None;
        }
        let target: http::Uri = response.headers().get(LOCATION)?.to_str().ok()?.parse().ok()?;
        let same_origin = target.scheme() == asked.scheme() && target.authority() == asked.authority();
        let target = match (target.authority(), target.path_and_query()) {
            (None, Some(path)) => format!("{}://{}{path}", asked.scheme_str()?, asked.authority()?),
            _ if same_origin => target.to_string(),
            _ => return None,
        };
        Some(if asked.path().ends_with(REFS) {
            self.git_request(Method::GET, &target, Vec::new())
        } else {
            self.request_to(Method::GET, &target, Vec::new())
        })
    }

    /// Reads a gist out of an answer.
    pub(super) fn gist(&self, response: &Response<Vec<u8>>) -> Result<GistAnswer, NoAnswer> {
        let body = parse(response, gist_body)?;
        let text = match body.files.get(self.settings.file.as_str()) {
            Some(Some(file)) if file.truncated => {
                Text::unclear(format_args!("the file is longer than GitHub shows, {} bytes", file.size))
            }
            Some(Some(FileBody { content: Some(content), .. })) => Text::parse(content),
            Some(Some(_)) => Text::unclear(format_args!("the answer has no content of the file")),
            Some(None) | None if body.truncated => Text::unclear(format_args!(
                "the gist has more files than GitHub lists, {} is not among them",
                self.settings.file
            )),
            Some(None) | None => Text::Nothing,
        };
        let history = body.history.filter(|list| !list.is_empty());
        let etag = response.headers().get(http::header::ETAG).cloned();
        let repository = (self.settings.write == WriteMode::Push).then(|| {
            let files =
                body.files.iter().map(|(name, file)| (&**name, file.as_ref().and_then(|file| file.raw_url.as_deref())));
            Arc::new(Repository::read(&self.settings, body.git_push_url.as_deref(), files, body.truncated))
        });
        Ok(GistAnswer { text: Arc::new(text), history, etag, repository })
    }

    /// Reads a list of revisions out of an answer, newest first, never empty.
    pub(super) fn listed(response: &Response<Vec<u8>>) -> Result<Vec<Version>, NoAnswer> {
        let list = parse(response, versions)?;
        if list.is_empty() { Err(garbage("the list of revisions is empty")) } else { Ok(list) }
    }
}

fn is_json(mut request: Outgoing) -> Outgoing {
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[derive(Default)]
pub(super) struct GistBody<'a> {
    files: OrderedMap<Cow<'a, str>, Option<FileBody<'a>>>,
    history: Option<Vec<Version>>,
    truncated: bool,
    git_push_url: Option<Cow<'a, str>>,
}

impl GistBody<'_> {
    /// A file's content.
    pub(super) fn content(&self, file: &str) -> Option<&str> {
        self.files.get(file)?.as_ref()?.content.as_deref()
    }
}

#[derive(Default)]
struct FileBody<'a> {
    raw_url: Option<Cow<'a, str>>,
    content: Option<Cow<'a, str>>,
    truncated: bool,
    size: u64,
}

pub(super) fn gist_body<'a>(reader: &mut Reader<'a>) -> Result<GistBody<'a>, Wrong> {
    let (mut body, mut has_files) = (GistBody::default(), false);
    reader.object(&mut |name, reader| {
        match &*name {
            "files" => {
                has_files = true;
                reader.object(&mut |name, reader| {
                    let file = if reader.is_null()? { None } else { Some(file_body(reader)?) };
                    body.files.insert(name, file);
                    Ok(())
                })?;
            }
            "history" if !reader.is_null()? => body.history = Some(versions(reader)?),
            "history" => {}
            "truncated" => body.truncated = reader.boolean()?,
            "git_push_url" => body.git_push_url = reader.string_or_null()?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    if has_files { Ok(body) } else { Err(Wrong::Shape(0)) }
}

fn file_body<'a>(reader: &mut Reader<'a>) -> Result<FileBody<'a>, Wrong> {
    let mut file = FileBody::default();
    reader.object(&mut |name, reader| {
        match &*name {
            "raw_url" => file.raw_url = reader.string_or_null()?,
            "content" => file.content = reader.string_or_null()?,
            "truncated" => file.truncated = reader.boolean()?,
            "size" => file.size = reader.number()?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(file)
}

/// The ids in a list of revisions, each of which has one.
pub(super) fn versions(reader: &mut Reader<'_>) -> Result<Vec<Version>, Wrong> {
    let mut list = Vec::new();
    reader.array(&mut |reader| {
        let mut version = Err(Wrong::Shape(0));
        reader.object(&mut |name, reader| {
            if name == "version" {
                version = Ok(Version::from(&*reader.string()?));
                return Ok(());
            }
            reader.skip()
        })?;
        list.push(version?);
        Ok(())
    })?;
    Ok(list)
}

fn parse<'a, T>(response: &'a Response<Vec<u8>>, read: fn(&mut Reader<'a>) -> Result<T, Wrong>) -> Result<T, NoAnswer> {
    json::read(ok(response)?, read)
        .map_err(|wrong| garbage(&format!("200 with a body that is not understood: {wrong}")))
}

/// The body of a 200; what any other status means.
pub(super) fn ok(response: &Response<Vec<u8>>) -> Result<&[u8], NoAnswer> {
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(response.body());
    }
    // 408, 409 and 5xx prove nothing; any other 4xx is a refusal, and what is refused was not applied.
    let unknown = [StatusCode::REQUEST_TIMEOUT, StatusCode::CONFLICT].contains(&status);
    if status.is_client_error() && !unknown {
        let reason = Reason { status: status.as_u16(), message: message(response.body()) };
        return Err(NoAnswer { failure: Failure::Denied(reason), what: None });
    }
    Err(garbage(&format!("{} {}", status.as_u16(), message(response.body()))))
}

pub(super) fn garbage(what: &str) -> NoAnswer {
    NoAnswer { failure: Failure::Unknown, what: Some(what.trim_end().to_owned()) }
}

/// What an error answer says, shortened; it is somebody else's text.
fn message(body: &[u8]) -> String {
    let mut said = String::new();
    // A body that is none says nothing.
    let _ = json::read(body, |reader| {
        reader.object(&mut |name, reader| {
            if name == "message" {
                said = reader.string()?.into_owned();
                return Ok(());
            }
            reader.skip()
        })
    });
    said.chars().filter(|c| !c.is_control()).take(LONGEST_MESSAGE).collect()
}
