//! Gists as JSON: what GitHub's API description calls `gist-simple` and `gist-commit`.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::dates::rfc3339;
use super::gist::Snapshot;
use super::object::Blob;
use super::revision::Revision;
use super::route::{Encoded, Page};
use super::settings::{HistoryField, Settings};
use crate::json::Writer;

/// How many revisions `history` tells of (seen).
const NEWEST: usize = 30;

/// The JSON of a gist with the files of `revision`, and with the revisions from there down.
pub(super) fn gist(snapshot: &Snapshot<'_>, revision: &Revision, settings: &Settings) -> String {
    let Settings { api, git, .. } = settings;
    let gist = snapshot.gist;
    let id = gist.id;
    let url = format!("{api}/gists/{id}");
    let mut to = Writer::new();
    to.open('{').name("id");
    id.write(&mut to);
    to.name("url").string(&url);
    let repository = format!("{git}/{id}.git");
    to.name("git_pull_url").string(&repository).name("git_push_url").string(&repository);
    to.name("html_url").string(&format!("{git}/{}/{id}", gist.owner)).name("public").boolean(gist.public);
    to.name("created_at").string(&rfc3339(gist.created_ms)).name("updated_at").string(&rfc3339(snapshot.updated_ms()));
    to.name("description").string_or_null(snapshot.description().map(|text| &**text));
    user(to.name("owner"), &gist.owner);
    to.name("truncated").boolean(revision.tree().len() > settings.file_limit).name("files").open('{');
    for (name, blob) in revision.tree().iter().take(settings.file_limit) {
        let raw_url = format!("{}/{}/{id}/raw/{}/{}", settings.raw, gist.owner, blob.id(), Encoded(name));
        file(to.name(name), name, blob, &raw_url, settings.content_limit);
    }
    to.close('}').name("history");
    if settings.history == HistoryField::Present {
        list(&mut to, &url, gist.chain(revision).take(NEWEST));
    } else {
        to.raw("null");
    }
    to.close('}').finish()
}

/// The JSON of `/commits`: one page of revisions, newest first.
pub(super) fn commits(snapshot: &Snapshot<'_>, page: Page, settings: &Settings) -> String {
    let above = (page.number - 1).saturating_mul(page.size);
    let url = format!("{}/gists/{}", settings.api, snapshot.gist.id);
    let mut to = Writer::new();
    list(&mut to, &url, snapshot.chain().skip(above).take(page.size));
    to.finish()
}

fn user(to: &mut Writer, login: &str) {
    to.open('{').name("login").string(login).name("type").string("User").close('}');
}

fn file(to: &mut Writer, filename: &str, blob: &Blob, raw_url: &str, limit: usize) {
    let bytes = blob.bytes();
    let (content, encoding) = match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(&text[..text.floor_char_boundary(limit)]), "utf-8"),
        Err(_) => (Cow::Owned(STANDARD.encode(&bytes[..limit.min(bytes.len())])), "base64"),
    };
    let (kind, language) = kind(filename);
    to.open('{').name("filename").string(filename).name("type").string(kind);
    to.name("language").string_or_null(language).name("raw_url").string(raw_url);
    to.name("size").number(bytes.len() as u64).name("truncated").boolean(bytes.len() > limit);
    to.name("content").string(&content).name("encoding").string(encoding).close('}');
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

/// Revisions without their files. `gist` is the address of their gist.
fn list<'a>(to: &mut Writer, gist: &str, revisions: impl Iterator<Item = &'a Revision>) {
    to.open('[');
    for revision in revisions {
        to.raw(&revision.entry(gist, || entry(revision, gist)));
    }
    to.close(']');
}

/// A revision in a list.
fn entry(revision: &Revision, gist: &str) -> String {
    let (version, change) = (revision.id(), revision.change());
    let mut to = Writer::new();
    to.open('{');
    user(to.name("user"), revision.author());
    version.write(to.name("version"));
    to.name("committed_at").string(&rfc3339(revision.unix_seconds().saturating_mul(1000)));
    to.name("change_status").open('{').name("total").number((change.additions + change.deletions) as u64);
    to.name("additions").number(change.additions as u64).name("deletions").number(change.deletions as u64).close('}');
    to.name("url").string(&format!("{gist}/{version}")).close('}').finish()
}
