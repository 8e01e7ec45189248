//! What the page shows of an answer beside the record: the names of the gist's files, and a text that is no record.

use serde_json::Value;

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
    let gist: Value = serde_json::from_slice(body).ok()?;
    let files = gist.get("files")?.as_object()?;
    let shown = files.get(file).filter(|file| file.is_object());
    let text = shown.map(|file| file["content"].as_str().unwrap_or_default().chars().take(LONGEST_TEXT).collect());
    Some(Shown { files: files.keys().cloned().collect(), text })
}

#[cfg(test)]
mod tests {
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
