//! What every lock owes an election, asked of all of them: the one in memory, and the gist against the emulator.
#![cfg(feature = "emulator")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::time::Duration;

use leader_elector_core::emulator::{AcceptedToken, Emulator, Settings as EmulatorSettings};
use leader_elector_core::gist::{self, Gist};
use leader_elector_core::lock::{Failure, Intent, Op, Reply, Standing, Step, Term, Written};
use leader_elector_core::memory::{Memory, Store};
use leader_elector_core::{Identity, Instant, Lock, Now, Token, WallClock, WriteMode};

const EPOCH: i64 = 1_790_000_000_000;
const LEASE: u64 = 30;

/// Two candidates' locks over one store, and the time.
trait Bench {
    type Lock: Lock;
    fn lock(&mut self, name: &str) -> Self::Lock;
    /// Carries a request to the store.
    fn carry(&mut self, now: Now, request: &http::Request<Vec<u8>>) -> http::Response<Vec<u8>>;
}

struct InMemory(Store);

impl Bench for InMemory {
    type Lock = Memory;

    fn lock(&mut self, name: &str) -> Memory {
        Memory::new(self.0.clone(), Identity::new(name, format!("{name}-1")).unwrap())
    }

    fn carry(&mut self, _: Now, _: &http::Request<Vec<u8>>) -> http::Response<Vec<u8>> {
        unreachable!("it answers at once")
    }
}

struct OnAGist {
    emulator: Emulator,
    gist: String,
}

impl OnAGist {
    fn new() -> Self {
        let tokens = vec![AcceptedToken::gist("secret", "demo")];
        let mut emulator =
            Emulator::new(EmulatorSettings { api: "http://api.test".into(), tokens, ..EmulatorSettings::default() });
        let gist = emulator.create_gist(EPOCH, "demo", &[(gist::DEFAULT_FILE, "{}")]).to_string();
        Self { emulator, gist }
    }
}

impl Bench for OnAGist {
    type Lock = Gist;

    fn lock(&mut self, name: &str) -> Gist {
        let settings = gist::Settings {
            gist: self.gist.clone(),
            file: gist::DEFAULT_FILE.to_owned(),
            api: "http://api.test".to_owned(),
            git: None,
            token: Some("secret".to_owned()),
            write: WriteMode::Patch,
            allow_http: true,
            lease: Duration::from_secs(LEASE),
            settle: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
        };
        Gist::new(settings, Identity::new(name, format!("{name}-1")).unwrap(), 7).unwrap()
    }

    fn carry(&mut self, now: Now, request: &http::Request<Vec<u8>>) -> http::Response<Vec<u8>> {
        self.emulator.handle(now.wall.0, "test", request)
    }
}

/// A bench with a clock that moves whenever a lock waits.
struct Run<B> {
    bench: B,
    ms: u64,
}

impl<B: Bench> Run<B> {
    fn now(&self) -> Now {
        Now { at: Instant::from_millis(self.ms), wall: WallClock(EPOCH + i64::try_from(self.ms).unwrap()) }
    }

    fn call(&mut self, lock: &mut B::Lock, op: &Op) -> Reply {
        self.ms += 1000;
        let mut step = lock.start(self.now(), op, self.now().at + Duration::from_secs(LEASE));
        loop {
            step = match step {
                Step::Done(reply) => return reply,
                Step::WaitUntil(at) => {
                    self.ms = self.ms.max(at.as_nanos().div_ceil(1_000_000));
                    lock.wake(self.now())
                }
                Step::Send { request, .. } => {
                    self.ms += 50;
                    let answer = self.bench.carry(self.now(), &request);
                    lock.receive(self.now(), &answer)
                }
            };
        }
    }

    fn standing(&mut self, lock: &mut B::Lock) -> Standing {
        match self.call(lock, &Op::Read) {
            Reply::Standing(standing) => standing,
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, lock: &mut B::Lock, intent: Intent, token: u64, head: &Standing) -> Reply {
        let term = Term { intent, token: Token::new(token).unwrap(), lease_seconds: LEASE };
        self.call(lock, &Op::Write { term, replaces: head.head.clone() })
    }

    fn written(&mut self, lock: &mut B::Lock, intent: Intent, token: u64, head: &Standing) -> Written {
        match self.write(lock, intent, token, head) {
            Reply::Written(written) => written,
            other => panic!("{intent:?}: {other:?}"),
        }
    }
}

fn contract<B: Bench>(bench: B) {
    let mut run = Run { bench, ms: 0 };
    let (mut ours, mut theirs) = (run.bench.lock("ours"), run.bench.lock("theirs"));

    // Get: an empty lock is free, and has a version that a first write can name.
    let empty = run.standing(&mut ours);
    assert_eq!((empty.record.as_deref(), empty.stands_for, empty.newest_token), (None, Duration::ZERO, Token::NONE));
    assert_eq!(run.call(&mut ours, &Op::Read), Reply::Unchanged);

    // Create: it counts from its sending, and is what stands.
    let claimed = run.written(&mut ours, Intent::Claim, 1, &empty);
    assert!(claimed.solid <= claimed.sent && !claimed.overlaid);
    let held = run.standing(&mut theirs);
    let record = held.record.as_deref().unwrap();
    assert_eq!((record.holder.as_str(), record.token.get()), ("ours", 1));
    assert!(record.is_own("ours-1") && !record.is_own("theirs-1"));
    assert_eq!(held.stands_for, Duration::from_secs(LEASE));
    assert_eq!((held.newest_token.get(), held.acknowledges.as_ref()), (1, None));

    // A write over an older version changes nothing.
    assert!(matches!(run.write(&mut theirs, Intent::Claim, 2, &empty), Reply::Failed(Failure::Conflict)));
    assert_eq!(run.standing(&mut theirs).record.as_deref().unwrap().holder, "ours");

    // Update: the term goes on, and begins when it began. A read acknowledges it.
    let mine = run.standing(&mut ours);
    let renewed = run.written(&mut ours, Intent::Renew, 1, &mine);
    assert!(renewed.sent > claimed.sent);
    let mine = run.standing(&mut ours);
    assert_eq!(mine.acknowledges.as_ref().map(|written| written.sent), Some(renewed.sent));
    let acquired = mine.record.as_deref().unwrap().acquired;
    assert_eq!(acquired, record.acquired);

    // Release: free at once, the token is kept.
    run.written(&mut ours, Intent::Release, 1, &mine);
    let free = run.standing(&mut theirs);
    assert_eq!(free.stands_for, Duration::ZERO);
    assert_eq!(free.record.as_deref().unwrap().token.get(), 1);
    // A write that lost may have used its token up; the next one is higher than any.
    let next = free.newest_token.next().unwrap().get();
    assert!(next > 1);
    assert!(!free.record.as_deref().unwrap().is_held());
    run.written(&mut theirs, Intent::Claim, next, &free);
    assert_eq!(run.standing(&mut ours).record.as_deref().unwrap().holder, "theirs");

    // Identity, Describe.
    assert_eq!(ours.identity().name(), "ours");
    assert!(ours.describe().ends_with("lock: ours"));
}

#[test]
fn the_lock_in_memory_keeps_the_contract() {
    contract(InMemory(Store::default()));
}

#[test]
fn the_gist_keeps_the_contract() {
    contract(OnAGist::new());
}
