//! What needs help from inside: reads of an earlier state, updates that vanish, forks.

use http::Method;

use super::super::{GistId, RevisionId};
use super::{World, header, json as body, lock, request};

#[test]
fn a_stale_read_is_the_earlier_answer_to_the_letter() {
    let mut world = World::new();
    world.now += 1_000;
    let old = world.lock("old");
    let commits = format!("/gists/{}/commits", world.gist);
    let (then, listed) = (world.read(), world.get(&commits));
    world.now += 1_000;
    let new = world.lock("new");

    let read = request(&Method::GET, &format!("/gists/{}", world.gist), "ann", &[], "");
    let stale = world.github.handle_at(world.now, "10.0.0.1", &read, old);
    assert_eq!(stale.body(), then.body());
    assert_eq!(header(&stale, "etag"), header(&then, "etag"));
    let list = request(&Method::GET, &commits, "ann", &[], "");
    assert_eq!(world.github.handle_at(world.now, "10.0.0.1", &list, old).body(), listed.body());
    let one = request(&Method::GET, &format!("/gists/{}/{new}", world.gist), "ann", &[], "");
    assert_eq!(world.github.handle_at(world.now, "10.0.0.1", &one, old).status(), 404);

    let tag = header(&then, "etag");
    let held = request(&Method::GET, &format!("/gists/{}", world.gist), "ann", &[("if-none-match", tag)], "");
    assert_eq!(world.github.handle_at(world.now, "10.0.0.1", &held, old).status(), 304);
    assert_eq!(world.github.handle(world.now, "10.0.0.1", &held).status(), 200);
    assert_eq!(world.locks(), ["new", "old", "{}"]);
}

/// A head can be the newest more than once, and the description changes without it.
#[test]
fn a_stale_read_shows_the_last_moment_of_its_head() {
    let mut world = World::new();
    let first = world.head();
    world.patch(r#"{"description":"later"}"#);
    let then = world.read();
    world.lock("new");
    let path = format!("/gists/{}", world.gist);
    let read = request(&Method::GET, &path, "ann", &[], "");
    let stale = world.github.handle_at(world.now, "10.0.0.1", &read, first);
    assert_eq!(stale.body(), then.body());
}

#[test]
fn heads_are_found_by_time() {
    let mut world = World::new();
    let (start, first) = (world.now, world.head());
    world.now += 1_000;
    let second = world.lock("2");
    let at = |ms| world.github.head_at(world.gist, start + ms);
    assert_eq!([-1, 0, 999, 1_000, 9_999].map(at), [None, Some(first), Some(first), Some(second), Some(second)]);
}

/// Both are answered 200, each with its own revision on the same parent; the second stays.
#[test]
fn of_two_racing_updates_the_first_vanishes() {
    let mut world = World::new();
    let base = world.head();
    let first = world.lock("first");
    let update = request(&Method::PATCH, &format!("/gists/{}", world.gist), "ann", &[], &lock("second"));
    let response = world.github.handle_at(world.now, "10.0.0.1", &update, base);
    assert_eq!(response.status(), 200);
    assert_eq!(body(&response)["history"][1]["version"], base.to_string());
    assert_eq!(world.locks(), ["second", "{}"]);
    assert_ne!(world.head(), first);
    assert_eq!(body(&world.read())["files"]["lock"]["content"], "second");
}

#[test]
fn of_two_racing_updates_the_second_vanishes() {
    let mut world = World::new();
    let base = world.head();
    let first = world.lock("first");
    let update = request(&Method::PATCH, &format!("/gists/{}", world.gist), "ann", &[], &lock("second"));
    world.github.handle_at(world.now, "10.0.0.1", &update, base);
    assert!(world.github.reset(world.now, world.gist, first));
    assert_eq!(world.locks(), ["first", "{}"]);
}

#[test]
fn an_unknown_head_is_ignored() {
    let mut world = World::new();
    world.lock("new");
    let unknown = RevisionId::from_bytes([1; 20]);
    let update = request(&Method::PATCH, &format!("/gists/{}", world.gist), "ann", &[], &lock("newer"));
    world.github.handle_at(world.now, "10.0.0.1", &update, unknown);
    assert_eq!(world.locks(), ["newer", "new", "{}"]);
    assert!(!world.github.reset(world.now, world.gist, unknown));
    assert!(!world.github.reset(world.now, GistId::from_bytes([0; 16]), unknown));
    assert_eq!(world.locks(), ["newer", "new", "{}"]);
}

/// A held tag must not survive a lost update that brought back older files.
#[test]
fn a_reset_is_seen() {
    let mut world = World::new();
    let (first, tag) = (world.head(), header(&world.read(), "etag").to_owned());
    world.lock("new");
    world.now += 1;
    world.github.reset(world.now, world.gist, first);
    assert_ne!(header(&world.read(), "etag"), tag);
    assert_eq!(world.locks(), ["{}"]);
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut world = World::new();
    let mut fork = World { github: world.github.clone(), ..world };
    fork.lock("fork");
    assert_eq!((fork.locks(), world.locks()), (vec!["fork", "{}"], vec!["{}"]));
    assert_eq!(world.lock("fork"), fork.head(), "the same calls give the same ids");
}

#[test]
fn it_can_be_sent_to_another_thread() {
    fn sendable<T: Send + Sync>() {}
    sendable::<super::Emulator>();
}
