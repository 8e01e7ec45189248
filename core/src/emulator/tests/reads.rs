//! GET: the gist, a revision, the list of revisions, raw files.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::{HistoryField, Unreachable};
use super::{START, World, header, json as body, message};

#[test]
fn a_gist_is_described_in_full() {
    let mut world = World::new();
    world.now += 5_000;
    let id = world.gist;
    let first = world.head();
    let second = world.lock("{\"a\":1}");
    let response = world.read();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/json; charset=utf-8");
    let user = json!({ "login": "ann", "type": "User" });
    let expected = json!({
        "id": id.to_string(),
        "url": format!("http://api.test/gists/{id}"),
        "git_pull_url": format!("http://gist.test/{id}.git"),
        "git_push_url": format!("http://gist.test/{id}.git"),
        "html_url": format!("http://gist.test/ann/{id}"),
        "public": false,
        "created_at": "2023-11-14T22:13:20Z",
        "updated_at": "2023-11-14T22:13:25Z",
        "description": null,
        "owner": user,
        "truncated": false,
        "files": {
            "lock": {
                "filename": "lock", "type": "text/plain", "language": null,
                "raw_url": format!("http://raw.test/ann/{id}/raw/daa5053ecf5f9a37b2de733d0751cc1ab53ac010/lock"),
                "size": 7, "truncated": false, "content": "{\"a\":1}", "encoding": "utf-8",
            },
            "notes.md": {
                "filename": "notes.md", "type": "text/markdown", "language": "Markdown",
                "raw_url": format!("http://raw.test/ann/{id}/raw/cec6ad6ede50a03d6adbd5d26bb5be6a4c285c36/notes.md"),
                "size": 7, "truncated": false, "content": "read me", "encoding": "utf-8",
            },
        },
        "history": [
            {
                "user": user, "version": second.to_string(), "committed_at": "2023-11-14T22:13:25Z",
                "change_status": { "total": 2, "additions": 1, "deletions": 1 },
                "url": format!("http://api.test/gists/{id}/{second}"),
            },
            {
                "user": user, "version": first.to_string(), "committed_at": "2023-11-14T22:13:20Z",
                "change_status": { "total": 2, "additions": 2, "deletions": 0 },
                "url": format!("http://api.test/gists/{id}/{first}"),
            },
        ],
    });
    assert_eq!(body(&response), expected);
}

#[test]
fn anyone_who_knows_the_id_may_read() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    for token in ["", "bob", "app", "scopeless"] {
        assert_eq!(world.send(&Method::GET, &path, token, &[], "").status(), 200, "{token}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut world = World::new();
    let (id, head) = (world.gist, world.head());
    let other = "0".repeat(32);
    let missing = "0".repeat(40);
    for (method, path) in [
        (Method::GET, format!("/gists/{other}")),
        (Method::GET, format!("/gists/{other}/{head}")),
        (Method::GET, format!("/gists/{other}/commits")),
        (Method::GET, format!("/gists/{id}/{missing}")),
        (Method::GET, format!("/gists/{id}/")),
        (Method::GET, "/gists".to_owned()),
        (Method::GET, "/user".to_owned()),
        (Method::PUT, format!("/gists/{id}")),
        (Method::POST, format!("/gists/{id}")),
        (Method::PATCH, format!("/gists/{id}/{head}")),
        (Method::DELETE, "/gists".to_owned()),
        (Method::GET, format!("/ann/{id}/raw/{missing}/lock")),
    ] {
        let response = world.send(&method, &path, "ann", &[], "{}");
        assert_eq!(message(&response), (StatusCode::NOT_FOUND, "Not Found".to_owned()), "{method} {path}");
        assert!(body(&response)["documentation_url"].is_string());
        assert_eq!(body(&response)["status"], "404");
    }
}

#[test]
fn an_unchanged_gist_is_answered_without_a_body() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    let tag = header(&world.read(), "etag").to_owned();
    assert!(tag.starts_with("W/\"") && tag.ends_with('"'), "{tag}");
    let strong = tag.trim_start_matches("W/").to_owned();
    let list = format!("\"other\", {tag}");
    for (held, status) in [(&*tag, 304), (&*strong, 304), (&*list, 304), ("*", 304), ("W/\"other\"", 200), ("", 200)] {
        let response = world.send(&Method::GET, &path, "ann", &[("if-none-match", held)], "");
        assert_eq!(response.status().as_u16(), status, "{held}");
        assert_eq!(response.body().is_empty(), status == 304);
        assert_eq!(header(&response, "etag"), tag);
        assert_eq!(header(&response, "cache-control"), "private, max-age=60");
    }
    world.lock("other");
    let response = world.send(&Method::GET, &path, "ann", &[("if-none-match", &tag)], "");
    assert_eq!(response.status(), 200);
    assert_ne!(header(&response, "etag"), tag);
}

/// Whatever changes the JSON changes the tag.
#[test]
fn the_tag_changes_with_everything_that_is_shown() {
    let mut world = World::new();
    world.now += 1_000;
    let mut seen = vec![header(&world.read(), "etag").to_owned()];
    let mut check = |world: &mut World| {
        let tag = header(&world.read(), "etag").to_owned();
        assert!(!seen.contains(&tag));
        seen.push(tag);
    };
    world.patch(r#"{"description":"new"}"#);
    check(&mut world);
    world.lock("new");
    check(&mut world);
    world.github.settings_mut().history = HistoryField::Null;
    check(&mut world);
    world.github.settings_mut().content_limit = 2;
    check(&mut world);
    world.github.settings_mut().file_limit = 1;
    check(&mut world);
}

#[test]
fn one_revision_shows_its_own_files_and_what_lies_below() {
    let mut world = World::new();
    let first = world.head();
    let second = world.lock("2");
    let third = world.lock("3");
    for (sha, text, below) in
        [(first, "{}", vec![first]), (second, "2", vec![second, first]), (third, "3", vec![third, second, first])]
    {
        let response = world.get(&format!("/gists/{}/{sha}", world.gist));
        assert_eq!(body(&response)["files"]["lock"]["content"], text);
        assert_eq!(versions(&body(&response)["history"]), below.iter().map(ToString::to_string).collect::<Vec<_>>());
        let tag = header(&response, "etag").to_owned();
        let path = format!("/gists/{}/{sha}", world.gist);
        assert_eq!(world.send(&Method::GET, &path, "ann", &[("if-none-match", &tag)], "").status(), 304);
    }
}

#[test]
fn a_revision_that_left_the_chain_is_served_or_not() {
    let mut world = World::new();
    let first = world.head();
    let lost = world.lock("lost");
    assert!(world.github.reset(world.now, world.gist, first));
    world.lock("kept");
    let path = format!("/gists/{}/{lost}", world.gist);
    assert_eq!(world.get(&path).status(), 404);
    world.github.settings_mut().unreachable = Unreachable::Served;
    assert_eq!(body(&world.get(&path))["files"]["lock"]["content"], "lost");
}

#[test]
fn revisions_are_listed_in_pages() {
    let mut world = World::new();
    for number in 1..120 {
        world.now += 10_000;
        world.lock(&number.to_string());
    }
    let expected: Vec<_> = world.github.revisions(world.gist).map(|revision| revision.id().to_string()).collect();
    assert_eq!(expected.len(), 120);
    let commits = format!("/gists/{}/commits", world.gist);
    for (query, range, next) in [
        ("", 0..30, "?per_page=30&page=2"),
        ("?page=4", 90..120, ""),
        ("?page=5", 120..120, ""),
        ("?per_page=100", 0..100, "?per_page=100&page=2"),
        ("?per_page=1000", 0..100, "?per_page=100&page=2"),
        ("?per_page=7&page=3", 14..21, "?per_page=7&page=4"),
    ] {
        let response = world.get(&format!("{commits}{query}"));
        assert_eq!(versions(&body(&response)), expected[range], "{query}");
        let link =
            if next.is_empty() { String::new() } else { format!("<http://api.test{commits}{next}>; rel=\"next\"") };
        assert_eq!(header(&response, "link"), link, "{query}");
        let path = format!("{commits}{query}");
        let tag = header(&response, "etag").to_owned();
        assert_eq!(world.send(&Method::GET, &path, "ann", &[("if-none-match", &tag)], "").status(), 304);
    }
    assert_eq!(versions(&body(&world.read())["history"]), expected[..30]);
}

#[test]
fn the_history_can_be_missing() {
    let mut world = World::new();
    world.github.settings_mut().history = HistoryField::Null;
    let response = body(&world.read());
    assert_eq!(response.get("history"), Some(&Value::Null));
    let commits = world.get(&format!("/gists/{}/commits", world.gist));
    assert_eq!(versions(&body(&commits)), [world.head().to_string()]);
}

#[test]
fn long_content_is_cut_and_the_raw_address_has_all_of_it() {
    let mut world = World::new();
    let limit = world.github.settings().content_limit;
    assert_eq!(limit, 1 << 20);
    // One byte of offset, so that the cut falls into the middle of a letter.
    let (whole, long) = ("x".repeat(limit), format!("x{}", "é".repeat(limit / 2)));
    let changes = [("a b", Some(whole.as_bytes())), ("lock", Some(long.as_bytes())), ("bin", Some(&[255, 0][..]))];
    world.github.edit(world.now, world.gist, &changes);
    let files = body(&world.read())["files"].clone();
    let check = |name: &str, size: usize, truncated: bool, content: &str, encoding: &str| {
        let file = &files[name];
        assert_eq!((&file["size"], &file["truncated"]), (&json!(size), &json!(truncated)), "{name}");
        assert!(file["content"] == content && file["encoding"] == encoding, "{name}");
    };
    check("a b", limit, false, &whole, "utf-8");
    check("lock", limit + 1, true, &long[..limit - 1], "utf-8");
    check("bin", 2, false, "/wA=", "base64");
    for (name, content) in [("a b", whole.as_bytes()), ("lock", long.as_bytes()), ("bin", &[255, 0])] {
        let url = files[name]["raw_url"].as_str().expect("an address");
        let path = url.strip_prefix("http://raw.test").expect("the host of raw files");
        let response = world.send(&Method::GET, path, "", &[], "");
        assert!(response.status() == 200 && response.body() == content, "{name}");
        assert_eq!(world.send(&Method::GET, &path.replace("/ann/", "/bob/"), "", &[], "").status(), 404);
    }
}

#[test]
fn a_long_list_of_files_is_cut() {
    let mut world = World::new();
    let names: Vec<_> = (0..298).map(|number| format!("f{number:03}")).collect();
    let changes: Vec<_> = names.iter().map(|name| (&**name, Some(&b"x"[..]))).collect();
    world.github.edit(world.now, world.gist, &changes);
    let listed = |response: &Value| {
        (response["files"].as_object().map_or(0, serde_json::Map::len), response["truncated"].clone())
    };
    assert_eq!(listed(&body(&world.read())), (300, json!(false)));
    world.github.edit(world.now, world.gist, &[("g", Some(b"x"))]);
    assert_eq!(listed(&body(&world.read())), (300, json!(true)));
}

#[test]
fn times_are_those_of_the_request() {
    let mut world = World::new();
    world.now = START + 3_600_000;
    assert_eq!(header(&world.read(), "date"), "Tue, 14 Nov 2023 23:13:20 GMT");
}

fn versions(commits: &Value) -> Vec<String> {
    let commits = commits.as_array().expect("a list");
    commits.iter().map(|commit| commit["version"].as_str().expect("an id").to_owned()).collect()
}
