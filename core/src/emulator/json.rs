//! Gists as JSON: what GitHub's API description calls `gist-simple` and `gist-commit`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::dates::rfc3339;
use super::gist::Snapshot;
use super::id::{GistId, RevisionId};
use super::object::{Blob, Files};
use super::revision::Revision;
use super::route::{Encoded, Page};
use super::settings::{HistoryField, Settings};

/// How many revisions `history` tells of (seen).
const NEWEST: usize = 30;

/// The JSON of a gist with the files of `revision`, and with the revisions from there down.
pub(super) fn gist<'a>(
    snapshot: &Snapshot<'a>,
    revision: &'a Revision,
    settings: &'a Settings,
) -> impl Serialize + use<'a> {
    let Settings { api, git, .. } = settings;
    let gist = snapshot.gist;
    let (id, owner) = (gist.id, User { login: &gist.owner, kind: "User" });
    let url = format!("{api}/gists/{id}");
    GistSimple {
        id,
        git_pull_url: format!("{git}/{id}.git"),
        git_push_url: format!("{git}/{id}.git"),
        html_url: format!("{git}/{}/{id}", gist.owner),
        public: gist.public,
        created_at: rfc3339(gist.created_ms),
        updated_at: rfc3339(snapshot.updated_ms()),
        description: snapshot.description().map(|text| &**text),
        truncated: revision.tree().len() > settings.file_limit,
        files: FileList { files: revision.tree(), owner: &gist.owner, id, settings },
        history: (settings.history == HistoryField::Present)
            .then(|| Commits { url: url.clone(), revisions: gist.chain(revision).take(NEWEST).collect() }),
        owner,
        url,
    }
}

/// The JSON of `/commits`: one page of revisions, newest first.
pub(super) fn commits<'a>(snapshot: &Snapshot<'a>, page: Page, settings: &Settings) -> impl Serialize + use<'a> {
    let above = (page.number - 1).saturating_mul(page.size);
    Commits {
        url: format!("{}/gists/{}", settings.api, snapshot.gist.id),
        revisions: snapshot.chain().skip(above).take(page.size).collect(),
    }
}

#[derive(Serialize)]
struct GistSimple<'a> {
    id: GistId,
    url: String,
    git_pull_url: String,
    git_push_url: String,
    html_url: String,
    public: bool,
    created_at: String,
    updated_at: String,
    description: Option<&'a str>,
    owner: User<'a>,
    truncated: bool,
    files: FileList<'a>,
    history: Option<Commits<'a>>,
}

#[derive(Serialize)]
struct User<'a> {
    login: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The files by name, as many as are listed.
struct FileList<'a> {
    files: &'a Files,
    owner: &'a str,
    id: GistId,
    settings: &'a Settings,
}

impl Serialize for FileList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { files, owner, id, settings } = self;
        let mut map = serializer.serialize_map(None)?;
        for (name, blob) in files.iter().take(settings.file_limit) {
            let raw_url = format!("{}/{owner}/{id}/raw/{}/{}", settings.raw, blob.id(), Encoded(name));
            map.serialize_entry(&**name, &File::of(name, blob, raw_url, settings.content_limit))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct File<'a> {
    filename: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    language: Option<&'static str>,
    raw_url: String,
    size: usize,
    truncated: bool,
    content: Cow<'a, str>,
    encoding: &'static str,
}

impl<'a> File<'a> {
    fn of(filename: &'a str, blob: &'a Blob, raw_url: String, limit: usize) -> Self {
        let bytes = blob.bytes();
        let (content, encoding) = match std::str::from_utf8(bytes) {
            Ok(text) => (Cow::Borrowed(&text[..text.floor_char_boundary(limit)]), "utf-8"),
            Err(_) => (Cow::Owned(STANDARD.encode(&bytes[..limit.min(bytes.len())])), "base64"),
        };
        let (kind, language) = kind(filename);
        Self { filename, kind, language, raw_url, size: bytes.len(), truncated: bytes.len() > limit, content, encoding }
    }
}

/// Media type and language, for the few extensions that a lock or the page beside it may have.
fn kind(filename: &str) -> (&'static str, Option<&'static str>) {
    match filename.rsplit_once('.') {
        Some((_, "json")) => ("application/json", Some("JSON")),
        Some((_, "md")) => ("text/markdown", Some("Markdown")),
        Some((_, "txt")) => ("text/plain", Some("Text")),
        _ => ("text/plain", None),
    }
}

/// Revisions without their files.
struct Commits<'a> {
    /// The gist's.
    url: String,
    revisions: Vec<&'a Revision>,
}

impl Serialize for Commits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_seq(self.revisions.iter().map(|revision| revision.entry(&self.url, || entry(revision, &self.url))))
    }
}

/// A revision in a list. `gist` is the address of its gist.
fn entry(revision: &Revision, gist: &str) -> Box<RawValue> {
    let (version, change) = (revision.id(), revision.change());
    let commit = GistCommit {
        user: User { login: revision.author(), kind: "User" },
        version,
        committed_at: rfc3339(revision.unix_seconds().saturating_mul(1000)),
        change_status: ChangeStatus {
            total: change.additions + change.deletions,
            additions: change.additions,
            deletions: change.deletions,
        },
        url: format!("{gist}/{version}"),
    };
    to_raw_value(&commit).expect("a struct of texts and numbers, written to memory")
}

#[derive(Serialize)]
struct GistCommit<'a> {
    user: User<'a>,
    version: RevisionId,
    committed_at: String,
    change_status: ChangeStatus,
    url: String,
}

#[derive(Serialize)]
struct ChangeStatus {
    total: usize,
    additions: usize,
    deletions: usize,
}
