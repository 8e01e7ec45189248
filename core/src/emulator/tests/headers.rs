//! What all answers have in common, and what a browser is told.

use http::{Method, StatusCode};

use super::super::{CANNOT_BE_UPDATED, error_response, secondary_limit_response};
use super::{START, World, header, json, message};

#[test]
fn a_user_agent_is_required() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    let response = world.send(&Method::GET, &path, "ann", &[("user-agent", "")], "");
    assert_eq!(response.status(), 403);
    assert!(message(&response).1.contains("User-Agent"));
}

#[test]
fn every_answer_tells_the_time_the_budget_and_the_scopes() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    for (method, path, token, limit, scopes) in [
        (Method::GET, &*path, "ann", "5000", Some("gist")),
        (Method::GET, &path, "scopeless", "5000", Some("")),
        (Method::GET, &path, "app", "1000", None),
        (Method::GET, &path, "", "60", None),
        (Method::GET, &path, "stranger", "60", None),
        (Method::GET, "/none", "ann", "5000", Some("gist")),
        (Method::PATCH, &path, "ann", "5000", Some("gist")),
    ] {
        let response = world.send(&method, path, token, &[], "");
        assert_eq!(header(&response, "date"), "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(header(&response, "x-ratelimit-limit"), limit, "{token}");
        assert_eq!(header(&response, "x-ratelimit-resource"), "core");
        let scopes_seen = response.headers().get("x-oauth-scopes").map(|value| value.to_str().expect("ASCII"));
        assert_eq!(scopes_seen, scopes, "{token}");
        assert_eq!(header(&response, "access-control-allow-origin"), "*");
        let exposed = header(&response, "access-control-expose-headers").to_ascii_lowercase();
        let exposed: Vec<_> = exposed.split(", ").collect();
        for readable in ["etag", "link", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            assert!(exposed.contains(&readable), "{readable}");
        }
        for hidden in ["retry-after", "date"] {
            assert!(!exposed.contains(&hidden), "{hidden}");
        }
    }
}

#[test]
fn a_browser_learns_what_it_may_send() {
    let mut world = World::new();
    let asks = [("origin", "https://page.test"), ("access-control-request-headers", "authorization")];
    let response = world.send(&Method::OPTIONS, &format!("/gists/{}", world.gist), "", &asks, "");
    assert_eq!((response.status().as_u16(), response.body().len()), (204, 0));
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
    assert_eq!(header(&response, "access-control-allow-methods"), "GET, POST, PATCH, PUT, DELETE");
    assert_eq!(header(&response, "access-control-max-age"), "86400");
    let allowed = header(&response, "access-control-allow-headers");
    let expected = [
        "Authorization",
        "Content-Type",
        "If-Match",
        "If-Modified-Since",
        "If-None-Match",
        "If-Unmodified-Since",
        "Accept-Encoding",
        "X-GitHub-OTP",
        "X-Requested-With",
        "User-Agent",
        "GraphQL-Features",
    ];
    assert_eq!(allowed.split(", ").collect::<Vec<_>>(), expected);
}

#[test]
fn callers_can_answer_as_github_does() {
    let response = error_response(START, StatusCode::CONFLICT, CANNOT_BE_UPDATED);
    assert_eq!(message(&response), (StatusCode::CONFLICT, "Gist cannot be updated.".to_owned()));
    assert_eq!(json(&response)["status"], "409");
    assert_eq!(header(&response, "date"), "Tue, 14 Nov 2023 22:13:20 GMT");
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
    for (status, wait, expected) in [(403, Some(60), "60"), (429, Some(1), "1"), (403, None, ""), (429, None, "")] {
        let status = StatusCode::from_u16(status).expect("a status");
        let response = secondary_limit_response(START, status, wait);
        assert_eq!(response.status(), status);
        assert!(message(&response).1.contains("secondary rate limit"));
        assert_eq!(header(&response, "retry-after"), expected);
    }
}
