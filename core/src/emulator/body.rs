//! The bodies of POST and PATCH, and what they make of a gist's files.

use std::borrow::Cow;
use std::sync::Arc;

use super::object::{Blob, Files};
use super::refusal::Refusal;
use crate::json::{self, Reader, Wrong};
use crate::ordered::OrderedMap;

/// What POST asks for: a gist with at least one file, none of them empty (doc).
#[derive(Debug)]
pub(super) struct Creation {
    pub(super) description: Option<String>,
    pub(super) public: bool,
    files: OrderedMap<String, String>,
}

/// What PATCH asks for. A file that is null is deleted, one that is not named stays (doc).
#[derive(Debug)]
pub(super) struct Update {
    pub(super) description: Option<String>,
    files: OrderedMap<String, Option<FileUpdate>>,
}

/// Of a new file only the content is taken, which it must have.
#[derive(Debug, Default)]
struct FileUpdate {
    content: Option<String>,
    /// The new name.
    filename: Option<String>,
}

/// Either body, as far as both have the same fields.
#[derive(Default)]
struct Body {
    description: Option<String>,
    public: bool,
    files: Option<OrderedMap<String, Option<FileUpdate>>>,
}

impl Creation {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let Body { description, public, files } = parse(body)?;
        let files = files.ok_or(Refusal::Invalid)?.into_iter();
        let files = files.map(|(name, file)| Ok((name, file.and_then(|file| file.content).ok_or(Refusal::Invalid)?)));
        Ok(Self { description, public, files: files.collect::<Result<_, _>>()? })
    }

    pub(super) fn into_files(self) -> Result<Files, Refusal> {
        let files = self.files.into_iter().map(|(name, content)| Ok((checked(&name)?, blob(content)?)));
        some(files.collect::<Result<_, _>>()?)
    }
}

impl Update {
    /// Needs a description or files (doc).
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let Body { description, files, .. } = parse(body)?;
        let update = Self { description, files: files.unwrap_or_default() };
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

fn parse(body: &[u8]) -> Result<Body, Refusal> {
    json::read(body, read).map_err(|wrong| match wrong {
        Wrong::Shape(_) => Refusal::Invalid,
        Wrong::Syntax(_) => Refusal::NotJson,
    })
}

fn read(reader: &mut Reader<'_>) -> Result<Body, Wrong> {
    let mut body = Body::default();
    reader.object(&mut |name, reader| {
        match &*name {
            "description" => body.description = text(reader)?,
            "public" => body.public = reader.boolean()?,
            "files" => {
                let files = body.files.get_or_insert_default();
                reader.object(&mut |name, reader| {
                    let file = if reader.is_null()? { None } else { Some(file(reader)?) };
                    files.insert(name.into_owned(), file);
                    Ok(())
                })?;
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(body)
}

fn file(reader: &mut Reader<'_>) -> Result<FileUpdate, Wrong> {
    let mut file = FileUpdate::default();
    reader.object(&mut |name, reader| {
        match &*name {
            "content" => file.content = text(reader)?,
            "filename" => file.filename = text(reader)?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(file)
}

fn text(reader: &mut Reader<'_>) -> Result<Option<String>, Wrong> {
    Ok(reader.string_or_null()?.map(Cow::into_owned))
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
