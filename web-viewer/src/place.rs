//! Where the lock is: what people type, and what a link holds. A link never holds a token.

use std::time::Duration;

use leader_elector_core::WriteMode;
use leader_elector_core::gist::{DEFAULT_API, DEFAULT_FILE, Settings};

/// The bound on one request.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// A lock that can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The gist's id, or its address.
    pub gist: String,
    /// The name of the lock file.
    pub file: String,
    /// The API's address.
    pub api: String,
}

impl Default for Place {
    fn default() -> Self {
        Self { gist: String::new(), file: DEFAULT_FILE.to_owned(), api: DEFAULT_API.to_owned() }
    }
}

impl Place {
    /// From what was typed: an id or an address of a gist, and fields that may be empty.
    #[must_use]
    pub fn typed(gist: &str, file: &str, api: &str) -> Self {
        let or = |given: &str, default: &str| if given.is_empty() { default.to_owned() } else { given.to_owned() };
        let gist = gist.trim().split(['#', '?']).next().unwrap_or_default();
        let gist = gist.trim_end_matches('/').trim_end_matches(".git");
        // An address may go on after the id: to its revisions, to one of them, to a file.
        let is_id = |part: &&str| part.len() >= 20 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let gist = gist.split('/').find(is_id).or(gist.rsplit('/').next()).unwrap_or_default();
        Self {
            gist: gist.to_owned(),
            file: or(file.trim(), DEFAULT_FILE),
            api: or(api.trim().trim_end_matches('/'), DEFAULT_API),
        }
    }

    /// From a fragment such as `#gist=…&file=…&api=…`; `None` where it names no gist.
    #[must_use]
    pub fn of_fragment(fragment: &str) -> Option<Self> {
        let pairs = || form_pairs(fragment);
        let field = |name: &str| pairs().find(|(key, _)| *key == name).map(|(_, value)| decode(value));
        let gist = field("gist").filter(|gist| !gist.is_empty())?;
        Some(Self::typed(&gist, &field("file").unwrap_or_default(), &field("api").unwrap_or_default()))
    }

    /// The fragment that names it, without what is the default.
    #[must_use]
    pub fn fragment(&self) -> String {
        let mut fragment = format!("gist={}", encode(&self.gist));
        if self.file != DEFAULT_FILE {
            fragment = fragment + "&file=" + &encode(&self.file);
        }
        if self.api != DEFAULT_API {
            fragment = fragment + "&api=" + &encode(&self.api);
        }
        fragment
    }

    /// What a token is bound to: scheme, host and port of the API.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        let uri: http::Uri = self.api.parse().ok()?;
        Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?.as_str().to_ascii_lowercase()))
    }

    /// The host of the API, where it is another than the usual one.
    #[must_use]
    pub fn foreign(&self) -> Option<String> {
        let uri: http::Uri = self.api.parse().ok().filter(|_| self.api != DEFAULT_API)?;
        Some(uri.authority()?.as_str().rsplit('@').next()?.to_owned())
    }

    /// The settings of a reader; the words of every mistake otherwise.
    ///
    /// # Errors
    /// Each field that cannot be used.
    pub fn settings(&self, token: Option<&str>) -> Result<Settings, Vec<String>> {
        let settings = Settings {
            gist: self.gist.clone(),
            file: self.file.clone(),
            api: self.api.clone(),
            git: None,
            token: token.map(str::to_owned),
            write: WriteMode::Patch,
            allow_http: false,
            lease: Duration::from_secs(30),
            settle: Duration::from_secs(1),
            request_timeout: REQUEST_TIMEOUT,
        };
        settings.check().map_err(|errors| {
            errors.iter().map(|error| error.to_string().replace(" or --allow-http", "")).collect::<Vec<_>>()
        })?;
        let uri: Option<http::Uri> = self.api.parse().ok();
        let is_forbidden = uri.is_some_and(|uri| {
            uri.scheme_str() == Some("http") && !matches!(uri.host(), Some("127.0.0.1" | "localhost"))
        });
        if is_forbidden {
            return Err(vec![format!(
                "api url is `{}`: plain http is allowed to 127.0.0.1 and localhost only",
                self.api
            )]);
        }
        Ok(settings)
    }
}

/// Whether a fragment asks for the wall view.
#[must_use]
pub fn is_wall(fragment: &str) -> bool {
    form_pairs(fragment).any(|(key, _)| key == "wall")
}

fn form_pairs(fragment: &str) -> impl Iterator<Item = (&str, &str)> {
    fragment.trim_start_matches('#').split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        if let (b'%', Some(byte)) = (first, hex) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn an_id_and_every_address_of_a_gist_are_the_same() {
        for typed in [
            "abc123",
            " abc123 ",
            "https://gist.github.com/ann/abc123",
            "https://gist.github.com/ann/abc123/",
            "https://gist.github.com/abc123.git",
            "https://gist.github.com/ann/abc123#file-lock",
        ] {
            assert_eq!(Place::typed(typed, "", "").gist, "abc123", "{typed}");
        }
        let (id, sha) = ("d".repeat(32), "e".repeat(40));
        for after in ["", "/revisions", "/stargazers/", "/raw/", &format!("/{sha}"), &format!("/raw/{sha}/a.lock")] {
            let typed = format!("https://gist.github.com/ann/{id}{after}");
            assert_eq!(Place::typed(&typed, "", "").gist, id, "{typed}");
        }
    }

    #[test]
    fn an_api_that_is_not_the_usual_one_is_named() {
        assert_eq!(Place::typed("a", "", "").foreign(), None);
        let named = |api: &str| Place::typed("a", "", api).foreign().unwrap();
        assert_eq!(named("https://evil.example/api/v3"), "evil.example");
        assert_eq!(named("https://api.github.com@evil.example"), "evil.example");
    }

    #[test]
    fn what_the_policy_of_the_page_forbids_is_said() {
        for api in ["http://[::1]:8081", "http://127.0.0.2:8081"] {
            let words = Place::typed("abc", "", api).settings(None).unwrap_err().join("\n");
            assert!(words.contains("127.0.0.1 and localhost only"), "{words}");
        }
        assert!(Place::typed("abc", "", "http://127.0.0.1:8081").settings(None).is_ok());
    }

    #[test]
    fn a_link_goes_around() {
        let place = Place::typed("abc", "a lock&b=1%", "http://127.0.0.1:8081/");
        assert_eq!(Place::of_fragment(&format!("#{}", place.fragment())), Some(place));
        assert_eq!(Place::typed("abc", "", "").fragment(), "gist=abc");
        assert_eq!(Place::of_fragment("#wall"), None);
        assert!(is_wall("#gist=abc&wall"));
        assert!(!is_wall("#gist=wall"));
    }

    #[test]
    fn a_token_in_a_link_is_ignored() {
        let place = Place::of_fragment("#gist=abc&token=ghp_secret").unwrap();
        assert!(!place.fragment().contains("secret"));
    }

    #[test]
    fn a_token_belongs_to_an_origin() {
        assert_eq!(Place::typed("a", "", "https://GHE.example/api/v3").origin().unwrap(), "https://ghe.example");
        assert_ne!(
            Place::typed("a", "", "http://127.0.0.1:1").origin(),
            Place::typed("a", "", "http://127.0.0.1:2").origin()
        );
    }

    #[test]
    fn mistakes_name_the_field() {
        let words = Place::typed("not an id!", "a/b", "http://example.com").settings(None).unwrap_err().join("\n");
        for part in ["gist is `not an id!`", "file is `a/b`", "plain http"] {
            assert!(words.contains(part), "{words}");
        }
        assert!(!words.contains("--"), "a page has no flags: {words}");
    }
}
