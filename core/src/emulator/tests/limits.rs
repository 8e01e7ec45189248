//! GitHub's limits: counted, enforced, and lifted again.

use http::Method;

use super::super::Limits;
use super::{World, header, json, lock, message, request};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn budget(response: &http::Response<Vec<u8>>) -> [i64; 3] {
    ["x-ratelimit-remaining", "x-ratelimit-used", "x-ratelimit-reset"]
        .map(|name| header(response, name).parse().expect("a number"))
}

#[test]
fn without_a_token_each_client_has_sixty_requests_an_hour() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    let reset = (world.now + HOUR) / 1000;
    for used in 1..=60 {
        world.now += 1_000;
        let response = world.send(&Method::GET, &path, "", &[], "");
        assert_eq!(response.status(), 200);
        assert_eq!(budget(&response), [60 - used, used, reset + 1]);
    }
    let response = world.send(&Method::GET, &path, "", &[], "");
    assert_eq!(response.status(), 403);
    assert!(message(&response).1.contains("rate limit exceeded"));
    assert!(json(&response)["documentation_url"].is_string());
    assert_eq!(budget(&response), [0, 60, reset + 1]);
    assert_eq!(header(&response, "retry-after"), "");
    let other = world.github.handle(world.now, "10.0.0.2", &request(&Method::GET, &path, "", &[], ""));
    assert_eq!(other.status(), 200, "another client");
    assert_eq!(world.read().status(), 200, "a user behind the same address");
    world.now = (reset + 1) * 1000 - 1;
    assert_eq!(world.send(&Method::GET, &path, "", &[], "").status(), 403);
    world.now += 1;
    assert_eq!(budget(&world.send(&Method::GET, &path, "", &[], ""))[0], 59);
}

#[test]
fn a_user_has_five_thousand_over_all_his_tokens() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    for number in 0..5_000 {
        world.now += 700;
        let token = if number % 2 == 0 { "ann" } else { "ann2" };
        assert_eq!(world.send(&Method::GET, &path, token, &[], "").status(), 200);
    }
    for token in ["ann", "ann2"] {
        let response = world.send(&Method::PATCH, &path, token, &[], &lock("refused"));
        assert_eq!((response.status().as_u16(), budget(&response)[0]), (403, 0), "{token}");
    }
    assert_eq!(world.locks(), ["{}"], "what was refused was not done");
    assert_eq!(budget(&world.send(&Method::GET, &path, "bob", &[], ""))[0], 4_999);
}

#[test]
fn what_others_have_used_counts_until_their_hour_ends() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    let end = world.now / 1000 * 1000 + MINUTE;
    world.github.use_up("ann", 4_999, end);
    assert_eq!(world.send(&Method::GET, &path, "ann", &[], "").status(), 200);
    let response = world.send(&Method::GET, &path, "ann2", &[], "");
    assert_eq!((response.status().as_u16(), budget(&response)), (403, [0, 5_000, end / 1000]));
    world.now = end;
    assert_eq!(budget(&world.send(&Method::GET, &path, "ann", &[], ""))[0], 4_999, "a new hour");
}

#[test]
fn an_unchanged_answer_is_free_with_a_token_only() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    let tag = header(&world.read(), "etag").to_owned();
    for (token, used) in [("ann", [1, 1, 1]), ("", [1, 2, 3])] {
        let seen = [0; 3].map(|_| {
            let response = world.send(&Method::GET, &path, token, &[("if-none-match", &tag)], "");
            assert_eq!(response.status(), 304);
            budget(&response)[1]
        });
        assert_eq!(seen, used, "{token}");
    }
}

#[test]
fn nine_hundred_points_a_minute() {
    let mut world = World::new();
    let tag = header(&world.read(), "etag").to_owned();
    let path = format!("/gists/{}", world.gist);
    for _ in 0..40 {
        world.lock("x");
        world.lock("y");
    }
    // 401 points so far.
    for _ in 0..499 {
        assert_eq!(world.get("/none").status(), 404);
    }
    world.now += 100;
    let response = world.send(&Method::GET, &path, "ann2", &[("if-none-match", &tag)], "");
    assert_eq!(response.status(), 403);
    assert!(message(&response).1.contains("secondary rate limit"));
    assert_eq!(header(&response, "retry-after"), "60");
    assert_eq!(budget(&response)[1], 580, "a refused request counts for nothing");
    world.now += MINUTE - 101;
    assert_eq!(header(&world.read(), "retry-after"), "1");
    world.now += 1;
    assert_eq!(world.read().status(), 200);
}

#[test]
fn eighty_writes_a_minute() {
    let mut world = World::new();
    for number in 0..80 {
        world.lock(&number.to_string());
    }
    let response = world.patch(&lock("refused"));
    assert_eq!((response.status().as_u16(), header(&response, "retry-after")), (403, "60"));
    assert_eq!(world.locks()[0], "79");
    let response = world.send(&Method::POST, "/gists", "ann2", &[], r#"{"files":{"a":{"content":"x"}}}"#);
    assert_eq!(response.status(), 403);
    assert_eq!(world.read().status(), 200, "reading goes on");
    world.now += MINUTE;
    world.lock("again");
}

#[test]
fn five_hundred_writes_an_hour() {
    let mut world = World::new();
    let start = world.now;
    for number in 0..500 {
        world.lock(&number.to_string());
        world.now += 5_000;
    }
    let response = world.patch(&lock("refused"));
    assert_eq!(response.status(), 403);
    assert_eq!(header(&response, "retry-after"), (3_600 - 2_500).to_string());
    assert_eq!(world.read().status(), 200);
    world.now = start + HOUR;
    world.lock("again");
}

#[test]
fn without_limits_nothing_is_counted() {
    let mut world = World::new();
    world.github.settings_mut().limits = Limits::Off;
    for number in 0..600 {
        world.lock(&number.to_string());
    }
    assert_eq!(budget(&world.read())[..2], [5_000, 0]);
}

#[test]
fn a_preflight_and_raw_files_are_free() {
    let mut world = World::new();
    let raw =
        json(&world.read())["files"]["lock"]["raw_url"].as_str().expect("an address").replace("http://raw.test", "");
    assert_eq!(world.get(&raw).status(), 200);
    world.send(&Method::OPTIONS, "/gists", "ann", &[], "");
    assert_eq!(budget(&world.read())[1], 2);
}
