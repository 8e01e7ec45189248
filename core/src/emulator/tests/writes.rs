//! PATCH, POST and DELETE: what they do, and who may.

use http::{Method, StatusCode};
use serde_json::json;

use super::super::GistId;
use super::{World, header, json as body, lock, message};

#[test]
fn an_update_makes_a_revision_on_the_newest() {
    let mut world = World::new();
    let first = world.head();
    let response = world.patch(&lock("mine"));
    assert_eq!(response.status(), 200);
    assert_eq!(body(&response)["files"]["lock"]["content"], "mine");
    assert_eq!(body(&response)["history"][0]["version"], world.head().to_string());
    assert_eq!(body(&response)["history"][1]["version"], first.to_string());
    assert_eq!(world.locks(), ["mine", "{}"]);
    let newest = world.github.revisions(world.gist).next().expect("just written");
    assert_eq!((newest.parent(), newest.author()), (Some(first), "ann"));
    assert_eq!(newest.file("notes.md"), Some(&b"read me"[..]));
}

#[test]
fn the_last_writer_wins() {
    let mut world = World::new();
    world.lock("one");
    world.lock("two");
    assert_eq!(world.locks(), ["two", "one", "{}"]);
}

#[test]
fn an_update_that_changes_no_file_makes_no_revision() {
    let mut world = World::new();
    let (head, tag) = (world.head(), header(&world.read(), "etag").to_owned());
    world.now += 1_000;
    assert_eq!(world.lock("{}"), head);
    assert_eq!(header(&world.read(), "etag"), tag);
    assert_eq!(body(&world.patch(r#"{"description":"new"}"#))["description"], "new");
    assert_eq!(world.head(), head);
    assert_eq!(body(&world.read())["updated_at"], "2023-11-14T22:13:21Z");
    assert_eq!(body(&world.patch(&lock("x")))["description"], "new");
}

#[test]
fn a_refused_update_changes_nothing() {
    let mut world = World::new();
    let before = header(&world.read(), "etag").to_owned();
    for (update, status, text) in [
        ("", 400, "Problems parsing JSON"),
        ("{", 400, "Problems parsing JSON"),
        ("{}", 422, "Validation Failed"),
        (r#"{"files":{"lock":{"content":""}}}"#, 422, "Validation Failed"),
        (r#"{"files":{"lock":null,"notes.md":null}}"#, 422, "Validation Failed"),
        (r#"{"description":"d","files":{"a/b":{"content":"x"}}}"#, 422, "Validation Failed"),
    ] {
        let response = world.patch(update);
        assert_eq!(message(&response), (StatusCode::from_u16(status).expect("a status"), text.to_owned()), "{update}");
        let errors = if status == 422 {
            json!([{ "resource": "Gist", "code": "missing_field", "field": "files" }])
        } else {
            json!(null)
        };
        assert_eq!(body(&response)["errors"], errors);
        assert_eq!(header(&world.read(), "etag"), before);
    }
}

/// Compare-and-swap by tag is what GitHub refuses.
#[test]
fn a_conditional_write_is_refused() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    let tag = header(&world.read(), "etag").to_owned();
    for name in ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] {
        for method in [Method::PATCH, Method::DELETE] {
            let response = world.send(&method, &path, "ann", &[(name, &tag)], &lock("mine"));
            let text =
                "Conditional request headers are not allowed in unsafe requests unless supported by the endpoint";
            assert_eq!(message(&response), (StatusCode::BAD_REQUEST, text.to_owned()), "{method} {name}");
        }
    }
    assert_eq!(world.locks(), ["{}"]);
}

#[test]
fn only_the_owner_with_the_scope_may_write() {
    let mut world = World::new();
    let path = format!("/gists/{}", world.gist);
    let new = r#"{"files":{"a":{"content":"x"}}}"#;
    for (token, patch_and_delete, post, text) in [
        ("", 404, 404, "Not Found"),
        ("scopeless", 404, 404, "Not Found"),
        ("bob", 404, 201, "Not Found"),
        ("app", 403, 403, "Resource not accessible by integration"),
        ("stranger", 401, 401, "Bad credentials"),
    ] {
        for method in [Method::PATCH, Method::DELETE] {
            let response = world.send(&method, &path, token, &[], &lock("mine"));
            let status = StatusCode::from_u16(patch_and_delete).expect("a status");
            assert_eq!(message(&response), (status, text.to_owned()), "{method} {token}");
        }
        assert_eq!(world.send(&Method::POST, "/gists", token, &[], new).status().as_u16(), post, "{token}");
    }
    assert_eq!(world.send(&Method::GET, &path, "stranger", &[], "").status(), 401);
    assert_eq!(world.locks(), ["{}"]);
}

#[test]
fn a_gist_is_made_and_deleted() {
    let mut world = World::new();
    let new = r#"{"description":"d","public":true,"files":{"a.json":{"content":"{}"}}}"#;
    let response = world.send(&Method::POST, "/gists", "bob", &[], new);
    assert_eq!(response.status(), 201);
    let made = body(&response);
    let gist: GistId = made["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let path = format!("/gists/{gist}");
    assert_eq!(header(&response, "location"), format!("http://api.test{path}"));
    assert_eq!(made["public"], true);
    assert_eq!(made["description"], "d");
    assert_eq!(made["owner"]["login"], "bob");
    assert_eq!(made["files"]["a.json"]["language"], "JSON");
    assert_eq!(body(&world.get(&path)), made);

    for wrong in ["{}", r#"{"files":{}}"#, r#"{"files":{"a":{"content":""}}}"#] {
        assert_eq!(world.send(&Method::POST, "/gists", "bob", &[], wrong).status(), 422, "{wrong}");
    }
    let plain = world.send(&Method::POST, "/gists", "bob", &[], r#"{"files":{"a.json":{"content":"{}"}}}"#);
    assert_eq!(body(&plain)["public"], false);
    assert_ne!(body(&plain)["id"], made["id"]);

    let response = world.send(&Method::DELETE, &path, "bob", &[], "");
    assert_eq!((response.status().as_u16(), response.body().len()), (204, 0));
    assert_eq!(world.get(&path).status(), 404);
    assert_eq!(world.send(&Method::DELETE, &path, "bob", &[], "").status(), 404);
    assert_eq!(world.github.revisions(gist).count(), 0);
}

#[test]
fn a_person_edits_without_a_request() {
    let mut world = World::new();
    let first = world.head();
    let nothing = world.github.edit(world.now, world.gist, &[("lock", Some(b"{}")), ("none", None)]);
    assert_eq!(nothing, None);
    let made = world.github.edit(world.now, world.gist, &[("lock", None), ("x", Some(b""))]);
    assert_eq!(made, Some(world.head()));
    let newest = world.github.revisions(world.gist).next().expect("just made");
    assert_eq!(newest.parent(), Some(first));
    assert_eq!(newest.files().collect::<Vec<_>>(), [("notes.md", &b"read me"[..]), ("x", b"")]);
    assert_eq!(world.github.edit(world.now, GistId::from_bytes([0; 16]), &[("x", Some(b"y"))]), None);
}
