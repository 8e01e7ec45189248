//! What must hold whatever bytes come: one body for each kind of bytes from outside, shared by the fuzz targets in
//! `fuzz/` and by the property tests in `tests/any_bytes.rs`.
//!
//! A body takes any bytes and panics where a promise is broken.

use std::time::Duration;

use http::{Response, StatusCode};

use crate::Identity;
pub use crate::gist::fuzz::{advertisement, push_report};
use crate::gist::{DEFAULT_FILE, Gist, Settings};
use crate::lock::{Lock, Op, Reply, Step};
use crate::record::{Text, Token, WriteMode};
pub use crate::sim::fuzz::inputs;
use crate::time::{Instant, Now, WallClock};

/// The least of a kind of bytes that is worth beginning with.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    const ID: &str = "ce013625030ba8dba906f756967f9e9ca394464a";
    let record = r#"{"holderIdentity":"a","leaseDurationSeconds":30,"acquireTime":"2026-11-23T10:00:00Z","renewTime":"2026-11-23T10:00:05Z","leaderTransitions":3,"strategy":"","preferredHolder":"","instance":"i","base":"b","nonce":"n","write":"push"}"#;
    let gist = serde_json::json!({
        "files": { DEFAULT_FILE: { "content": record, "raw_url": "http://api.test/raw/x", "truncated": false, "size": 9 } },
        "history": [{ "version": ID }],
        "git_push_url": "http://api.test/x.git",
    });
    let texts: Vec<String> = match target {
        "record" => vec![record.to_owned(), String::new(), "{}".to_owned(), record.replace("\"a\"", "\"\"")],
        "rest_answer" => ["{}", "[]", &gist.to_string(), &format!("[{{\"version\":\"{ID}\"}}]"), r#"{"message":"x"}"#]
            .iter()
            .flat_map(|body| ['\0', '\u{1}', '\u{3}', '\u{5}'].map(|kind| format!("{kind}{body}")))
            .collect(),
        "advertisement" => vec![format!(
            "001e# service=git-upload-pack\n0000004f{ID} HEAD\0symref=HEAD:refs/heads/main\n003d{ID} refs/heads/main\n0000"
        )],
        "push_report" => {
            ["ok refs/heads/main\n", "ng refs/heads/main no\n"].map(|line| report(&["unpack ok\n", line])).to_vec()
        }
        _ => (0..16_u8)
            .map(|op| (0..60_u8).map(|at| char::from(at.wrapping_mul(7).wrapping_add(op * 13) % 64)).collect())
            .collect(),
    };
    texts.into_iter().map(String::into_bytes).collect()
}

fn report(lines: &[&str]) -> String {
    lines.iter().fold(String::new(), |report, line| format!("{report}{:04x}{line}", line.len() + 4)) + "0000"
}

/// A lock file's text. It is parsed into nothing, a record, or something unclear; only nothing and an empty holder are
/// free, and what is a record comes back as it went.
///
/// # Panics
/// Where that is not so.
pub fn record(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Text::parse(&text) {
        Text::Nothing => {
            assert!(matches!(text.trim(), "" | "{}") || is_empty_object(text.trim()), "{text:?} reads as nothing");
        }
        Text::Unclear(_) => {}
        Text::Record(record) => {
            assert!(record.token <= Token::MAX && record.lease <= Duration::from_hours(1), "{record:?}");
            assert!(!record.is_held() || record.lease >= Duration::from_secs(1), "{record:?}");
            let holder = serde_json::from_str::<serde_json::Value>(&text).expect("a record is JSON");
            assert_eq!(record.holder, holder["holderIdentity"].as_str().unwrap_or_default());
            assert_eq!(Text::parse(&record.to_text()).record(), Some(&record));
        }
    }
}

fn is_empty_object(text: &str) -> bool {
    serde_json::from_str::<serde_json::Map<_, _>>(text).is_ok_and(|object| object.is_empty())
}

/// Answers of the REST API to a read. The first byte draws mode and status, the rest is the body of every answer.
/// Whatever is no 200 with a gist in it is no answer to build on; a read ends.
///
/// # Panics
/// Where that is not so.
pub fn rest_answer(bytes: &[u8]) {
    let (kind, body) = bytes.split_first().map_or((0, bytes), |(kind, body)| (*kind, body));
    let write = if kind & 1 == 0 { WriteMode::Push } else { WriteMode::Patch };
    let statuses = [200, 200, 200, 200, 304, 302, 403, 404, 409, 429, 500, 502];
    let status = statuses[usize::from(kind >> 1) % statuses.len()];
    let now = |ms: u64| Now { at: Instant::ZERO + Duration::from_millis(ms), wall: WallClock(0) };
    let mut lock = lock(write);
    let mut step = lock.start(now(0), &Op::Read, now(60_000).at);
    for sent in 1..1000 {
        match step {
            Step::Send { .. } => {
                let mut answer = Response::new(body.to_vec());
                *answer.status_mut() = StatusCode::from_u16(status).expect("from the list above");
                let headers = answer.headers_mut();
                headers.insert(http::header::ETAG, http::HeaderValue::from_static("W/\"x\""));
                headers.insert(http::header::LOCATION, http::HeaderValue::from_static("/gists/1"));
                step = lock.receive(now(sent), &answer);
            }
            Step::WaitUntil(_) => step = lock.wake(now(sent * 60)),
            Step::Done(reply) => {
                if let Reply::Standing(standing) = &reply {
                    assert_eq!(status, 200, "{reply:?}");
                    let said: serde_json::Value = serde_json::from_slice(body).expect("what stands was JSON");
                    let is_list = said.is_array();
                    assert!(!is_list || standing.record.is_none(), "{reply:?}");
                }
                assert!(!matches!(reply, Reply::Written(_)), "a read wrote: {reply:?}");
                return;
            }
        }
    }
    panic!("a read does not end");
}

fn lock(write: WriteMode) -> Gist {
    let settings = Settings {
        gist: "0123456789abcdef0123456789abcdef".to_owned(),
        file: DEFAULT_FILE.to_owned(),
        api: "http://api.test".to_owned(),
        git: None,
        token: Some("t".to_owned()),
        write,
        allow_http: true,
        lease: Duration::from_secs(30),
        settle: Duration::from_secs(1),
        request_timeout: Duration::from_secs(5),
    };
    Gist::new(settings, Identity::new("a", "a1").expect("short and not empty"), 1).expect("settings that hold")
}
