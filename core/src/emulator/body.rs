//! The bodies of POST and PATCH, and what they make of a gist's files.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::error::Category;

use super::object::{Blob, Files};
use super::refusal::Refusal;
use crate::ordered::OrderedMap;

/// What POST asks for: a gist with at least one file, none of them empty (doc).
#[derive(Debug, Deserialize)]
pub(super) struct Creation {
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) public: bool,
    files: OrderedMap<String, NewFile>,
}

/// What PATCH asks for. A file that is null is deleted, one that is not named stays (doc).
#[derive(Debug, Deserialize)]
pub(super) struct Update {
    pub(super) description: Option<String>,
    #[serde(default)]
    files: OrderedMap<String, Option<FileUpdate>>,
}

#[derive(Debug, Deserialize)]
struct NewFile {
    content: String,
}

#[derive(Debug, Deserialize)]
struct FileUpdate {
    content: Option<String>,
    /// The new name.
    filename: Option<String>,
}

impl Creation {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        parse(body)
    }

    pub(super) fn into_files(self) -> Result<Files, Refusal> {
        let files = self.files.into_iter().map(|(name, file)| Ok((checked(&name)?, blob(file.content)?)));
        some(files.collect::<Result<_, _>>()?)
    }
}

impl Update {
    /// Needs a description or files (doc).
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let update: Self = parse(body)?;
        if update.description.is_none() && update.files.is_empty() {
            return Err(Refusal::Invalid);
        }
        Ok(update)
    }

    /// The files as they are after the update of `old`. A gist cannot be left without files, nor one file empty.
    pub(super) fn apply(self, old: &Files) -> Result<Files, Refusal> {
        let mut new = old.clone();
        // All old names first: two files may swap theirs.
        for (name, update) in &self.files {
            if update.as_ref().is_none_or(|update| update.filename.is_some()) {
                new.remove(&**name);
            }
        }
        for (name, update) in self.files {
            let Some(FileUpdate { content, filename }) = update else {
                continue;
            };
            let content = match content {
                Some(content) => blob(content)?,
                None => old.get(&*name).cloned().ok_or(Refusal::Invalid)?,
            };
            new.insert(checked(&filename.unwrap_or(name))?, content);
        }
        some(new)
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => Refusal::Invalid,
        Category::Syntax | Category::Eof | Category::Io => Refusal::NotJson,
    })
}

fn blob(content: String) -> Result<Arc<Blob>, Refusal> {
    if content.is_empty() { Err(Refusal::Invalid) } else { Ok(Arc::new(Blob::new(content.into_bytes()))) }
}

/// A name that can stand in a git tree without directories.
fn checked(name: &str) -> Result<Arc<str>, Refusal> {
    let wrong = matches!(name, "" | "." | ".." | ".git") || name.contains(['/', '\0']);
    if wrong { Err(Refusal::Invalid) } else { Ok(Arc::from(name)) }
}

fn some(files: Files) -> Result<Files, Refusal> {
    if files.is_empty() { Err(Refusal::Invalid) } else { Ok(files) }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Blob, Creation, Files, Refusal, Update};

    fn files(pairs: &[(&str, &str)]) -> Files {
        pairs.iter().map(|(name, text)| (Arc::from(*name), Arc::new(Blob::new((*text).into())))).collect()
    }

    #[test]
    fn updates_do_what_is_documented() {
        let old = files(&[("a", "1"), ("b", "2")]);
        let check = |body: &str, expected: Result<&[(&str, &str)], Refusal>| {
            let found = Update::parse(body.as_bytes()).and_then(|update| update.apply(&old));
            assert_eq!(found, expected.map(files), "{body}");
        };
        check(r#"{"files":{"a":{"content":"3"}}}"#, Ok(&[("a", "3"), ("b", "2")]));
        check(r#"{"files":{"c":{"content":"3"}}}"#, Ok(&[("a", "1"), ("b", "2"), ("c", "3")]));
        check(r#"{"files":{"a":null}}"#, Ok(&[("b", "2")]));
        check(r#"{"files":{"a":null,"b":null}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{"c":null}}"#, Ok(&[("a", "1"), ("b", "2")]));
        check(r#"{"files":{"a":{"filename":"c"}}}"#, Ok(&[("b", "2"), ("c", "1")]));
        check(r#"{"files":{"a":{"filename":"c","content":"3"}}}"#, Ok(&[("b", "2"), ("c", "3")]));
        check(r#"{"files":{"a":{"filename":"b"},"b":{"filename":"a"}}}"#, Ok(&[("a", "2"), ("b", "1")]));
        check(r#"{"files":{"a":{"filename":null,"content":"3"}}}"#, Ok(&[("a", "3"), ("b", "2")]));
        check(r#"{"files":{"c":{"filename":"d"}}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{"a":{"content":""}}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{"a/b":{"content":"3"}}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{"a":{"filename":".git"}}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{"a":"3"}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{}}"#, Err(Refusal::Invalid));
        check(r#"{"description":null}"#, Err(Refusal::Invalid));
        check(r"{}", Err(Refusal::Invalid));
        check(r#"{"description":"d"}"#, Ok(&[("a", "1"), ("b", "2")]));
        check(r"", Err(Refusal::NotJson));
        check(r#"{"files":"#, Err(Refusal::NotJson));
        check(r"files", Err(Refusal::NotJson));
    }

    #[test]
    fn a_new_gist_has_files_and_none_is_empty() {
        let check = |body: &str, expected: Result<&[(&str, &str)], Refusal>| {
            let found = Creation::parse(body.as_bytes()).and_then(Creation::into_files);
            assert_eq!(found, expected.map(files), "{body}");
        };
        check(r#"{"files":{"a":{"content":"{}"}}}"#, Ok(&[("a", "{}")]));
        check(r#"{"files":{"a":{"content":""}}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{"a":{}}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{"a":null}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{"..":{"content":"x"}}}"#, Err(Refusal::Invalid));
        check(r#"{"files":{}}"#, Err(Refusal::Invalid));
        check(r#"{"description":"d"}"#, Err(Refusal::Invalid));
        check(r"nothing", Err(Refusal::NotJson));
    }
}
