//! Requests that try out what a store promises, for `leader-elector doctor`: on a file of their own, never on the lock.
//!
//! The election uses none of this. It is made of the same parts, so that what is tried out is what the lock will do.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::HeaderValue;
use http::{Request, Response};
use serde::Deserialize;

use super::pack::{self, Commit, Files};
use super::push::{self, Report};
use super::refs::Advertisement;
use super::repository::Repository;
use super::settings::{Settings, SettingsError};
use super::wire::{self, ListLength, Wire};
use crate::lock::{Failure, Version};
use crate::record::WriteMode;
use crate::time::WallClock;

/// Makes the requests and reads the answers.
#[derive(Clone, Debug)]
pub struct Probe {
    wire: Wire,
}

/// The newest revision of a gist, as an answer shows it.
#[derive(Clone, Debug)]
pub struct Tip {
    /// The newest revision; `None` where the answer does not say.
    pub head: Option<Version>,
    /// The revisions that the answer lists, newest first.
    pub listed: Vec<Version>,
    /// Every file by name; content that is cut or missing is `None`.
    pub files: BTreeMap<String, Option<String>>,
    repository: Repository,
}

impl Tip {
    /// Whether every file but `file` has the same content in `other`.
    #[must_use]
    pub fn is_the_same_beside(&self, other: &Self, file: &str) -> bool {
        if let (Ok(ours), Ok(theirs)) = (&self.repository.files, &other.repository.files) {
            return beside(ours, file).eq(beside(theirs, file));
        }
        beside(&self.files, file).eq(beside(&other.files, file))
    }

    /// Where pushes go, or why nothing can be pushed.
    ///
    /// # Errors
    /// The reason, for a person.
    pub fn push_url(&self) -> Result<&str, &str> {
        match (&self.repository.url, &self.repository.files) {
            (Ok(url), Ok(_)) => Ok(url),
            (Err(why), _) | (_, Err(why)) => Err(why),
        }
    }
}

fn beside<'a, T: 'a>(
    files: impl IntoIterator<Item = (&'a String, &'a T)>,
    file: &str,
) -> impl Iterator<Item = (&'a String, &'a T)> {
    files.into_iter().filter(move |(name, _)| *name != file)
}

/// A commit to push: the probe's file on top of what a tip shows.
#[derive(Clone, Debug)]
pub struct Trial<'a> {
    /// The files that are carried over.
    pub on: &'a Tip,
    /// What the push names as the old id.
    pub old: &'a Version,
    /// The commit's parent.
    pub parent: &'a Version,
    /// The branch, as `refs/heads/…`.
    pub branch: &'a str,
    /// The probe file's content.
    pub text: &'a str,
    /// The commit's time.
    pub wall: WallClock,
}

/// What a server said to a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// `ok`.
    Taken,
    /// `ng`, with the server's words.
    NotTaken(String),
}

impl Probe {
    /// A probe; `settings.file` is its own file, not the lock.
    ///
    /// # Errors
    /// Every setting that cannot be used; never an empty list.
    pub fn new(settings: Settings) -> Result<Self, Vec<SettingsError>> {
        settings.check()?;
        Ok(Self { wire: Wire::new(Settings { write: WriteMode::Push, ..settings }) })
    }

    /// The bound on one request.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        self.wire.settings().request_timeout
    }

    /// The gist as it is now, or 304.
    #[must_use]
    pub fn get(&self, etag: Option<&HeaderValue>) -> Request<Vec<u8>> {
        *self.wire.get(etag)
    }

    /// The 100 newest revisions.
    #[must_use]
    pub fn list(&self) -> Request<Vec<u8>> {
        *self.wire.list(ListLength::Long)
    }

    /// Writes the probe's file; `None` takes it away.
    #[must_use]
    pub fn patch(&self, text: Option<&str>) -> Request<Vec<u8>> {
        *self.wire.patch_file(text)
    }

    /// The refs and HEAD.
    #[must_use]
    pub fn refs(&self, url: &str) -> Request<Vec<u8>> {
        *self.wire.refs(url, "git-upload-pack")
    }

    /// Pushes a commit; its id comes beside.
    ///
    /// # Errors
    /// Why nothing can be pushed.
    pub fn push(&self, trial: &Trial<'_>) -> Result<(Version, Request<Vec<u8>>), String> {
        let url = trial.on.push_url()?;
        let nothing = Files::new();
        let packed = Commit {
            file: &self.wire.settings().file,
            text: trial.text,
            files: trial.on.repository.files.as_ref().unwrap_or(&nothing),
            parent: trial.parent,
            unix_seconds: trial.wall.unix_seconds(),
            message: "leader-elector doctor tries out this gist",
        }
        .pack();
        let new = Version::from(packed.id.to_string().as_str());
        let body = push::body(trial.old, &new, trial.branch, &packed.pack);
        Ok((new, *self.wire.receive_pack(url, body)))
    }

    /// Moves the branch from `old` to `new`, a commit that the server has.
    #[must_use]
    pub fn put_back(&self, url: &str, branch: &str, old: &Version, new: &Version) -> Request<Vec<u8>> {
        *self.wire.receive_pack(url, push::body(old, new, branch, &pack::empty()))
    }

    /// Reads a gist.
    ///
    /// # Errors
    /// What the answer says instead, for a person.
    pub fn tip(&self, response: &Response<Vec<u8>>) -> Result<Tip, String> {
        let body: Body = serde_json::from_slice(wire::ok(response).map_err(words)?)
            .map_err(|error| format!("200 with a body that is not understood ({error})"))?;
        let listed: Vec<_> =
            body.history.unwrap_or_default().iter().map(|revision| Version::from(revision.version.as_str())).collect();
        let raw = body.files.iter().map(|(name, file)| (name.as_str(), file.raw_url.as_deref()));
        let repository = Repository::read(self.wire.settings(), body.git_push_url.as_deref(), raw, body.truncated);
        let files = body.files.into_iter().map(|(name, file)| (name, file.content.filter(|_| !file.truncated)));
        Ok(Tip { head: listed.first().cloned(), listed, files: files.collect(), repository })
    }

    /// Reads a list of revisions, newest first.
    ///
    /// # Errors
    /// What the answer says instead, for a person.
    pub fn listed(response: &Response<Vec<u8>>) -> Result<Vec<Version>, String> {
        Wire::listed(response).map_err(words)
    }

    /// Reads the branch that HEAD is, as `refs/heads/…`, and where it stands.
    ///
    /// # Errors
    /// What the answer says instead, for a person.
    pub fn head(response: &Response<Vec<u8>>) -> Result<(String, Version), String> {
        let body = wire::ok(response).map_err(words)?;
        let said = Advertisement::parse(body, "git-upload-pack");
        let head = said.as_ref().and_then(Advertisement::head).map(|(name, at)| (name.to_owned(), at.clone()));
        head.ok_or_else(|| "an advertisement of refs that names no HEAD".to_owned())
    }

    /// Reads the report on a push to `branch`.
    ///
    /// # Errors
    /// What the answer says instead, for a person.
    pub fn pushed(response: &Response<Vec<u8>>, branch: &str) -> Result<Pushed, String> {
        match push::report(wire::ok(response).map_err(words)?, branch) {
            Report::Taken => Ok(Pushed::Taken),
            Report::NotTaken(words) => Ok(Pushed::NotTaken(words)),
            Report::Garbage => Err("200 for a push, without a report that is understood".to_owned()),
        }
    }
}

fn words(none: wire::NoAnswer) -> String {
    match (none.failure, none.what) {
        (_, Some(what)) => what,
        (Failure::Denied(reason), None) => reason.to_string(),
        (failure, None) => format!("{failure:?}"),
    }
}

#[derive(Deserialize)]
struct Body {
    files: BTreeMap<String, File>,
    #[serde(default)]
    history: Option<Vec<Revision>>,
    #[serde(default)]
    truncated: bool,
    #[serde(default)]
    git_push_url: Option<String>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    raw_url: Option<String>,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct Revision {
    version: String,
}
