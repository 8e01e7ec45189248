//! Addresses: which one a request asks for, and how raw ones are written.

use std::borrow::Cow;
use std::fmt;

use http::Uri;

use super::id::{GistId, ObjectId, RevisionId};

/// What an address names. The host is not looked at: one server may stand for all of GitHub's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `/gists`
    Gists,
    /// `/gists/{id}`
    Gist(GistId),
    /// `/gists/{id}/commits?per_page=&page=`
    Commits(GistId, Page),
    /// `/gists/{id}/{sha}`
    Revision(GistId, RevisionId),
    /// `/{owner}/{id}/raw/{blob}/{file}`
    Raw { owner: &'a str, gist: GistId, blob: ObjectId, file: Cow<'a, str> },
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// 1 to 100.
    pub(super) size: usize,
    /// Counted from 1.
    pub(super) number: usize,
}

impl<'a> Route<'a> {
    /// `None` for an address that names nothing here, or with an id that cannot be one.
    pub(super) fn of(uri: &'a Uri) -> Option<Self> {
        let mut segments = uri.path().strip_prefix('/')?.split('/');
        let mut next = || segments.next();
        let route = match (next()?, next(), next(), next(), next()) {
            ("gists", None, ..) => Self::Gists,
            ("gists", Some(id), None, ..) => Self::Gist(id.parse().ok()?),
            ("gists", Some(id), Some("commits"), None, _) => Self::Commits(id.parse().ok()?, Page::of(uri)),
            ("gists", Some(id), Some(sha), None, _) => Self::Revision(id.parse().ok()?, sha.parse().ok()?),
            (owner, Some(id), Some("raw"), Some(blob), Some(file)) => {
                Self::Raw { owner, gist: id.parse().ok()?, blob: blob.parse().ok()?, file: decoded(file)? }
            }
            _ => return None,
        };
        next().is_none().then_some(route)
    }
}

impl Page {
    /// 30 to a page unless asked otherwise, at most 100 (doc); what is no number is ignored.
    fn of(uri: &Uri) -> Self {
        let asked = |name: &str| {
            let mut pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(key, _)| *key == name)?;
            value.parse().ok().filter(|number| *number > 0)
        };
        Self { size: asked("per_page").unwrap_or(30).min(100), number: asked("page").unwrap_or(1) }
    }
}

/// A file's name as it stands in an address.
pub(super) struct Encoded<'a>(pub(super) &'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_bytes().chunk_by(|a, b| plain(*a) && plain(*b)) {
            match std::str::from_utf8(chunk) {
                Ok(text) if plain(chunk[0]) => f.write_str(text)?,
                _ => chunk.iter().try_for_each(|byte| write!(f, "%{byte:02X}"))?,
            }
        }
        Ok(())
    }
}

const fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, plain) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(plain.as_bytes());
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::{Encoded, GistId, ObjectId, Page, Route, Uri, decoded};

    const GIST: &str = "00112233445566778899aabbccddeeff";
    const SHA: &str = "00112233445566778899aabbccddeeff00112233";

    #[test]
    fn addresses_name_what_they_name_and_nothing_else() {
        let gist: GistId = GIST.parse().expect("32 digits");
        let sha: ObjectId = SHA.parse().expect("40 digits");
        let page = Page { size: 30, number: 1 };
        let raw = Route::Raw { owner: "ann", gist, blob: sha, file: "a b".into() };
        for (address, route) in [
            ("/gists".to_owned(), Some(Route::Gists)),
            (format!("/gists/{GIST}"), Some(Route::Gist(gist))),
            (format!("https://api.test/gists/{GIST}?x=1"), Some(Route::Gist(gist))),
            (format!("/gists/{GIST}/{SHA}"), Some(Route::Revision(gist, sha))),
            (format!("/gists/{GIST}/commits"), Some(Route::Commits(gist, page))),
            (format!("/ann/{GIST}/raw/{SHA}/a%20b"), Some(raw)),
            ("/".to_owned(), None),
            ("/gists/".to_owned(), None),
            (format!("/gists/{SHA}"), None),
            (format!("/gists/{GIST}/{GIST}"), None),
            (format!("/gists/{GIST}/{SHA}/x"), None),
            (format!("/gists/{GIST}/commits/x"), None),
            (format!("/ann/{GIST}/raw/{SHA}"), None),
            (format!("/ann/{GIST}/raw/{SHA}/a/b"), None),
            (format!("/ann/{GIST}/raw/{SHA}/a%2"), None),
            (format!("/users/{GIST}"), None),
        ] {
            let uri: Uri = address.parse().expect("an address");
            assert_eq!(Route::of(&uri), route, "{address}");
        }
    }

    #[test]
    fn a_page_stays_within_what_is_documented() {
        for (query, size, number) in [
            ("per_page=5&page=3", 5, 3),
            ("page=2", 30, 2),
            ("per_page=100", 100, 1),
            ("per_page=101", 100, 1),
            ("per_page=0&page=0", 30, 1),
            ("per_page=x&page=-1", 30, 1),
            ("my_per_page=5", 30, 1),
        ] {
            let uri: Uri = format!("/x?{query}").parse().expect("an address");
            assert_eq!(Page::of(&uri), Page { size, number }, "{query}");
        }
    }

    #[test]
    fn names_survive_an_address() {
        for (name, address) in [("a.lock", "a.lock"), ("a b%c", "a%20b%25c"), ("é", "%C3%A9"), ("-x y", "-x%20y")] {
            assert_eq!(Encoded(name).to_string(), address);
            assert_eq!(decoded(address).as_deref(), Some(name));
        }
        for wrong in ["%", "%2", "%zz", "%ff", "%é"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
