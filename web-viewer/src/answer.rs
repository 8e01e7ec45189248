//! What the page shows of an answer beside the record: the names of the gist's files, and a text that is no record.

use leader_elector_core::json::{self, Kind};

/// Shown of a text that is no record.
const LONGEST_TEXT: usize = 400;

/// A gist, as far as the page looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The names of its files.
    pub files: Vec<String>,
    /// The lock file's content, shortened; `None`: there is no such file.
    pub text: Option<String>,
}

/// Looks into an answer of `GET /gists/:id`; `None` where it is none.
#[must_use]
pub fn look(body: &[u8], file: &str) -> Option<Shown> {
    let (mut shown, mut has_files) = (Shown::default(), false);
    json::read(body, |reader| {
        reader.object(&mut |name, reader| {
            if name != "files" {
                return reader.skip();
            }
            has_files = true;
            reader.object(&mut |name, reader| {
                let is_sought = name == file && reader.kind()? == Kind::Object;
                shown.files.push(name.into_owned());
                if !is_sought {
                    return reader.skip();
                }
                let text = shown.text.insert(String::new());
                reader.object(&mut |name, reader| {
                    if name == "content" && reader.kind()? == Kind::String {
                        *text = reader.string()?.chars().take(LONGEST_TEXT).collect();
                        return Ok(());
                    }
                    reader.skip()
                })
            })
        })
    })
    .ok()?;
    has_files.then_some(shown)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn files_and_text() {
        let body = br#"{"files":{"a.txt":{"content":"hello"},"lock":{"content":"{}"}}}"#;
        let shown = look(body, "lock").unwrap();
        assert_eq!((shown.files.join(" ").as_str(), shown.text.as_deref()), ("a.txt lock", Some("{}")));
        assert_eq!(look(body, "b").unwrap().text, None);
        assert_eq!(look(b"[]", "b"), None);
    }
}
