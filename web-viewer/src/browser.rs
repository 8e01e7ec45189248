//! The browser as a host: its clocks, its storage, and requests that GitHub's CORS preflight lets through.

use std::time::Duration;

use gloo_net::http::RequestBuilder;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use leader_elector_core::{Instant, Now, WallClock};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    AbortSignal, Blob, Document, HtmlAnchorElement, RequestCache, RequestCredentials, RequestRedirect, Storage, Url,
    Window,
};

use crate::place::REQUEST_TIMEOUT;
use crate::plan;

/// The headers that a page may send. Of what the lock sends elsewhere, the browser brings its own `User-Agent` and its
/// `cache: no-store` replaces `Cache-Control`; `X-GitHub-Api-Version` is not on GitHub's list.
const ALLOWED: [HeaderName; 3] = [http::header::ACCEPT, http::header::AUTHORIZATION, http::header::IF_NONE_MATCH];

/// The headers that are read in an answer, as far as the browser shows them.
const READ: [HeaderName; 7] = [
    http::header::DATE,
    http::header::ETAG,
    http::header::LOCATION,
    http::header::RETRY_AFTER,
    plan::LIMIT,
    plan::REMAINING,
    plan::RESET,
];

/// The page's window.
///
/// # Panics
/// In a worker, where no page runs.
pub(crate) fn window() -> Window {
    web_sys::window().expect("a page has a window")
}

/// The page's document.
///
/// # Panics
/// As [`window`].
pub(crate) fn document() -> Document {
    window().document().expect("a window has a document")
}

/// Both clocks. The monotonic one may stand still while the machine sleeps (R13, `may_stop`).
pub(crate) fn now() -> Now {
    let millis = window().performance().map_or(0.0, |performance| performance.now());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since the page began")]
    let at = Instant::from_nanos((millis.max(0.0) * 1e6) as u64);
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds since 1970")]
    let wall = WallClock(js_sys::Date::now() as i64);
    Now { at, wall }
}

/// Whether nobody looks.
pub(crate) fn is_hidden() -> bool {
    document().hidden()
}

/// Whether the machine knows that it has no network.
pub(crate) fn is_offline() -> bool {
    !window().navigator().on_line()
}

/// Sends a read.
///
/// # Errors
/// No answer, with the browser's own words: it does not tell a page why.
pub(crate) async fn send(request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
    let timeout = u32::try_from(REQUEST_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    let mut builder = RequestBuilder::new(&request.uri().to_string())
        .cache(RequestCache::NoStore)
        .credentials(RequestCredentials::Omit)
        // The token goes nowhere else.
        .redirect(RequestRedirect::Error)
        .abort_signal(Some(&AbortSignal::timeout_with_u32(timeout)));
    for (name, value) in request.headers().iter().filter(|(name, _)| ALLOWED.contains(name)) {
        builder = builder.header(name.as_str(), value.to_str().unwrap_or_default());
    }
    let answer = builder.send().await.map_err(|error| error.to_string())?;
    let mut response = Response::new(answer.binary().await.map_err(|error| error.to_string())?);
    *response.status_mut() = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = answer.headers();
    for name in READ {
        if let Some(value) = headers.get(name.as_str()).and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    // GitHub does not let a page read `Date`: our own wall clock stands in, and the page says so where it matters.
    if !response.headers().contains_key(http::header::DATE)
        && let Ok(date) = HeaderValue::from_str(&String::from(js_sys::Date::new_0().to_utc_string()))
    {
        response.headers_mut().insert(http::header::DATE, date);
    }
    Ok(response)
}

/// Waits. A hidden tab may wait longer.
pub(crate) async fn sleep(span: Duration) {
    gloo_timers::future::sleep(span).await;
}

/// The token of an origin, for as long as the tab lives.
pub(crate) fn token(origin: &str) -> Option<String> {
    session()?.get_item(&format!("token {origin}")).ok()?
}

/// Keeps or forgets the token of an origin.
pub(crate) fn keep_token(origin: &str, token: Option<&str>) {
    keep(session(), &format!("token {origin}"), token);
}

/// The link that the user asked to be remembered.
pub(crate) fn remembered() -> Option<String> {
    window().local_storage().ok()??.get_item("place").ok()?
}

/// Remembers a link, or forgets it.
pub(crate) fn remember(place: Option<&str>) {
    keep(window().local_storage().ok().flatten(), "place", place);
}

fn session() -> Option<Storage> {
    window().session_storage().ok()?
}

fn keep(storage: Option<Storage>, key: &str, value: Option<&str>) {
    // A browser that keeps nothing still shows everything.
    let _ = match (storage, value) {
        (Some(storage), Some(value)) => storage.set_item(key, value),
        (Some(storage), None) => storage.remove_item(key),
        (None, _) => Ok(()),
    };
}

/// The page's fragment.
pub(crate) fn fragment() -> String {
    window().location().hash().unwrap_or_default()
}

/// Seconds since the page began.
pub(crate) fn seconds() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now() / 1000.0)
}

fn media(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|list| list.matches())
}

/// Whether the user wants little motion.
pub(crate) fn wants_calm() -> bool {
    media("(prefers-reduced-motion: reduce)")
}

/// Whether the page is as narrow as a phone.
pub(crate) fn is_narrow() -> bool {
    media("(max-width: 820px)")
}

/// Copies the page's address. A browser that forbids it still has it in its address bar.
pub(crate) fn copy_link() {
    let href = window().location().href().unwrap_or_default();
    // The answer is not awaited.
    drop(window().navigator().clipboard().write_text(&href));
}

/// Replaces the fragment, without an entry in the browser's history.
pub(crate) fn set_fragment(fragment: &str) {
    let url = format!("#{fragment}");
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&url));
    }
}

/// Moves the focus.
pub(crate) fn focus(id: &str) {
    let element = document().get_element_by_id(id).and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(element) = element {
        // Without the focus, the tab is changed all the same.
        let _ = element.focus();
    }
}

/// Hands the user a file.
pub(crate) fn download(name: &str, text: &str) -> Option<()> {
    let blob = Blob::new_with_str_sequence(&js_sys::Array::of1(&text.into())).ok()?;
    let url = Url::create_object_url_with_blob(&blob).ok()?;
    let anchor: HtmlAnchorElement = document().create_element("a").ok()?.dyn_into().ok()?;
    anchor.set_href(&url);
    anchor.set_download(name);
    anchor.click();
    Url::revoke_object_url(&url).ok()
}

/// A moment as people on this machine read it: the time of day, with the date where it is not today's.
pub(crate) fn local(unix_seconds: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    let date = js_sys::Date::new(&JsValue::from_f64(unix_seconds as f64 * 1000.0));
    let today = js_sys::Date::new_0();
    let time = format!("{:02}:{:02}:{:02}", date.get_hours(), date.get_minutes(), date.get_seconds());
    let day = |date: &js_sys::Date| (date.get_full_year(), date.get_month(), date.get_date());
    if day(&date) == day(&today) {
        return time;
    }
    let (year, month, day) = day(&date);
    format!("{year}-{:02}-{day:02} {time}", month + 1)
}
