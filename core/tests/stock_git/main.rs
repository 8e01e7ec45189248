//! Our pushes against stock git: what `git http-backend` takes, what it refuses, and what `git fsck` says afterwards.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod repository;

use std::time::Duration;

use leader_elector_core::gist::{self, Gist};
use leader_elector_core::lock::{Failure, Intent, Op, Reply, Standing, Step, Term, Version, Written};
use leader_elector_core::warning::Warning;
use leader_elector_core::{Identity, Instant, Lock, Now, Token, WallClock, WriteMode};

use self::repository::{GIST, Repository};

const EPOCH: i64 = 1_790_000_000_000;
const LEASE: u64 = 30;
const ODD_BYTES: &[u8] = b"not \xff utf-8\0, and no newline at the end";

/// One candidate's lock, and its clock, which moves whenever the lock waits.
struct Candidate<'a> {
    repository: &'a Repository,
    lock: Gist,
    ms: u64,
}

impl<'a> Candidate<'a> {
    fn new(repository: &'a Repository, name: &str) -> Self {
        let settings = gist::Settings {
            gist: GIST.to_owned(),
            file: gist::DEFAULT_FILE.to_owned(),
            api: "http://api.test".to_owned(),
            git: None,
            token: Some("secret".to_owned()),
            write: WriteMode::Push,
            allow_http: true,
            lease: Duration::from_secs(LEASE),
            settle: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
        };
        let me = Identity::new(name, format!("{name}-1")).unwrap();
        Self { repository, lock: Gist::new(settings, me, 7).unwrap(), ms: 0 }
    }

    fn now(&self) -> Now {
        Now { at: Instant::from_millis(self.ms), wall: WallClock(EPOCH + i64::try_from(self.ms).unwrap()) }
    }

    fn start(&mut self, op: &Op) -> Step {
        self.ms += 1000;
        let now = self.now();
        self.lock.start(now, op, now.at + Duration::from_secs(LEASE))
    }

    /// Goes on until the operation ends, or up to the first request that pushes.
    fn go_on(&mut self, mut step: Step, up_to_push: bool) -> Step {
        loop {
            step = match step {
                Step::Done(_) => return step,
                Step::Send { ref request, .. } if up_to_push && request.method() == http::Method::POST => return step,
                Step::WaitUntil(at) => {
                    self.ms = self.ms.max(at.as_millis() + 1);
                    let now = self.now();
                    self.lock.wake(now)
                }
                Step::Send { request, .. } => self.send(&request),
            };
        }
    }

    fn send(&mut self, request: &http::Request<Vec<u8>>) -> Step {
        self.ms += 50;
        let answer = self.repository.carry(request);
        let now = self.now();
        self.lock.receive(now, &answer)
    }

    fn call(&mut self, op: &Op) -> Reply {
        let step = self.start(op);
        match self.go_on(step, false) {
            Step::Done(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    fn standing(&mut self) -> Standing {
        match self.call(&Op::Read) {
            Reply::Standing(standing) => standing,
            other => panic!("{other:?}"),
        }
    }

    fn written(&mut self, intent: Intent, token: Token, replaces: &Version) -> Written {
        match self.call(&op(intent, token, replaces)) {
            Reply::Written(written) => written,
            other => panic!("{intent:?}: {other:?}"),
        }
    }

    /// A whole term: claim, some renewals, release.
    fn term(&mut self, renewals: usize) -> Token {
        let standing = self.standing();
        let token = standing.newest_token.next().unwrap();
        let mut written = self.written(Intent::Claim, token, &standing.head);
        for _ in 0..renewals {
            self.ms += 10_000;
            written = self.written(Intent::Renew, token, &written.head);
            assert!(written.solid > Instant::ZERO && written.solid < written.sent);
        }
        self.written(Intent::Release, token, &written.head);
        token
    }
}

fn op(intent: Intent, token: Token, replaces: &Version) -> Op {
    Op::Write { term: Term { intent, token, lease_seconds: LEASE }, replaces: replaces.clone() }
}

#[test]
fn hundreds_of_terms_leave_a_sound_repository_with_one_revision_each() {
    const TERMS: u64 = 200;
    let repository = Repository::new("terms", &[("notes.txt", ODD_BYTES), ("z", b"{}")]);
    let (mut ours, mut theirs) = (Candidate::new(&repository, "ours"), Candidate::new(&repository, "theirs"));
    for term in 1..=TERMS {
        let leader = if term % 2 == 0 { &mut ours } else { &mut theirs };
        assert_eq!(leader.term(usize::from(term % 3 == 0)).get(), term);
    }
    let said = repository.try_run(&["fsck", "--strict", "--no-dangling"], &[]);
    let words = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
    assert!(said.status.success() && words.trim().is_empty(), "{words}");
    assert_eq!(repository.run(&["rev-list", "--count", "HEAD"], &[]).trim(), (TERMS + 1).to_string());
    let notes = repository.try_run(&["cat-file", "blob", "HEAD:notes.txt"], &[]).stdout;
    assert_eq!(notes, ODD_BYTES, "every other file survives byte for byte");
    let text = repository.run(&["cat-file", "blob", &format!("HEAD:{}", gist::DEFAULT_FILE)], &[]);
    assert!(text.contains(r#""releasedBy":"ours""#), "{text}");
}

#[test]
fn of_32_parallel_pushes_from_one_old_id_exactly_one_wins() {
    let repository = Repository::new("parallel", &[("z", b"{}")]);
    let mut candidates: Vec<_> = (0..32).map(|n| Candidate::new(&repository, &format!("c{n}"))).collect();
    let pushes: Vec<_> = candidates
        .iter_mut()
        .map(|candidate| {
            let head = candidate.standing().head;
            let step = candidate.start(&op(Intent::Claim, Token::new(1).unwrap(), &head));
            match candidate.go_on(step, true) {
                Step::Send { request, .. } => request,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let pushing: Vec<_> = pushes.iter().map(|push| scope.spawn(|| repository.carry(push))).collect();
        pushing.into_iter().map(|pushing| pushing.join().unwrap()).collect()
    });
    let mut winners = 0;
    for (candidate, answer) in candidates.iter_mut().zip(&answers) {
        match candidate.lock.receive(candidate.now(), answer) {
            Step::WaitUntil(_) => winners += 1,
            Step::Done(Reply::Failed(Failure::Conflict)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(winners, 1);
}

#[test]
fn the_same_push_again_is_no_proof_and_a_read_finds_it() {
    let repository = Repository::new("again", &[("z", b"{}")]);
    let mut ours = Candidate::new(&repository, "ours");
    let standing = ours.standing();
    let token = Token::new(1).unwrap();
    let claimed = ours.written(Intent::Claim, token, &standing.head);
    ours.ms += 10_000;
    let step = ours.start(&op(Intent::Renew, token, &claimed.head));
    let Step::Send { request, .. } = ours.go_on(step, true) else { panic!("a renewal is a push") };
    let sent = ours.now().at;
    repository.carry(&request);
    let Step::Done(Reply::Failed(Failure::Conflict)) = ours.send(&request) else { panic!("a second push is refused") };
    let shown = ours.standing().acknowledges.unwrap();
    assert_eq!(shown.sent, sent, "it counts from when it was first sent");
}

#[test]
fn a_server_that_takes_no_replacing_push_gets_appended_revisions_and_is_said_once() {
    let repository = Repository::new("appends", &[("z", b"{}")]);
    repository.run(&["config", "receive.denyNonFastForwards", "true"], &[]);
    let mut ours = Candidate::new(&repository, "ours");
    for _ in 0..3 {
        ours.term(2);
    }
    let said = ours.lock.take_warnings();
    let refused = said.iter().filter(|warning| matches!(warning, Warning::ReplacingRefused { .. }));
    assert_eq!(refused.count(), 1, "{said:?}");
    // Each term: claim, confirmation, two renewals, release.
    assert_eq!(repository.run(&["rev-list", "--count", "HEAD"], &[]).trim(), (1 + 3 * 5).to_string());
}

#[test]
fn a_reset_is_a_record_that_is_nobodys_and_keeps_the_token() {
    let repository = Repository::new("reset", &[("z", b"{}")]);
    let mut ours = Candidate::new(&repository, "ours");
    ours.term(0);
    let mut person = Candidate::new(&repository, "person");
    let standing = person.standing();
    let (now, end) = (person.now(), person.now().at + Duration::from_secs(LEASE));
    let step = person.lock.start_reset(now, standing.newest_token, standing.head, end);
    assert!(matches!(person.go_on(step, false), Step::Done(Reply::Written(_))));
    let text = repository.run(&["cat-file", "blob", &format!("HEAD:{}", gist::DEFAULT_FILE)], &[]);
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&record["holderIdentity"], &record["leaderTransitions"]), (&"".into(), &1.into()));
    let names: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(!["instance", "base", "nonce", "write", "releasedBy"].iter().any(|ours| names.contains(ours)), "{text}");
    assert_eq!(ours.term(0).get(), 2);
}

#[test]
fn a_commit_of_somebody_else_on_top_is_built_on_and_kept() {
    let repository = Repository::new("edited", &[("z", b"{}")]);
    let mut ours = Candidate::new(&repository, "ours");
    let standing = ours.standing();
    let token = Token::new(1).unwrap();
    ours.written(Intent::Claim, token, &standing.head);
    let (tree, head) =
        (repository.run(&["rev-parse", "HEAD^{tree}"], &[]), repository.run(&["rev-parse", "HEAD"], &[]));
    let author = ["-c", "user.name=ann", "-c", "user.email=ann@localhost"];
    let edit = ["commit-tree", tree.trim(), "-p", head.trim(), "-m", "by hand"];
    let edit = repository.run(&[&author[..], &edit[..]].concat(), &[]);
    repository.run(&["update-ref", "refs/heads/main", edit.trim()], &[]);
    let mine = ours.standing();
    assert_eq!(mine.head.as_str(), edit.trim());
    let renewed = ours.written(Intent::Renew, token, &mine.head);
    assert_eq!(repository.run(&["rev-parse", "HEAD^"], &[]).trim(), edit.trim());
    assert_eq!(repository.run(&["rev-parse", "HEAD"], &[]).trim(), renewed.head.as_str());
}
