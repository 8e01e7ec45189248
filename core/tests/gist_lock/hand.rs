//! One lock driven by hand: what it asks is answered by the emulator, unless the test says otherwise.

use std::collections::VecDeque;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use leader_elector_core::emulator::{AcceptedToken, Emulator, GistId, HistoryField, Limits, RevisionId, Settings};
use leader_elector_core::gist::{self, DEFAULT_FILE, Gist};
use leader_elector_core::lock::{Failure, Intent, Op, Reply, Sent, Standing, Step, Term, Version, Written};
use leader_elector_core::{Identity, Instant, Lock, Now, Token, WallClock, WriteMode};

pub(crate) const EPOCH: i64 = 1_790_000_000_000;
pub(crate) const LEASE: u64 = 30;

/// What becomes of the next request.
pub(crate) enum Trick {
    /// Nothing special.
    Pass,
    /// Something happens first, then it is answered.
    After(Box<dyn FnOnce(&mut Store)>),
    /// It takes effect, and its answer is lost.
    LoseAnswer,
    /// It is lost before it takes effect.
    Lose,
    /// It never leaves.
    Unsent,
    /// It is answered so, and not carried out.
    Say(Response<Vec<u8>>),
    /// It is carried out, and answered so all the same.
    SayAfter(Response<Vec<u8>>),
    /// It takes effect, something happens, and the answer shows what came of both.
    Overlaid(Box<dyn FnOnce(&mut Store)>),
    /// A read shows the gist as it was at this revision.
    Stale(RevisionId),
}

/// The gist, and the time that its revisions carry.
pub(crate) struct Store {
    pub(crate) emulator: Emulator,
    pub(crate) gist: GistId,
    pub(crate) ms: i64,
}

impl Store {
    /// A person edits the lock file on the web.
    pub(crate) fn edit(&mut self, text: Option<&str>) {
        self.edit_file(DEFAULT_FILE, text);
    }

    pub(crate) fn edit_file(&mut self, file: &str, text: Option<&str>) {
        self.ms += 1000;
        let text = text.map(str::as_bytes);
        self.emulator.edit(EPOCH + self.ms, self.gist, &[(file, text)]).expect("the edit changes something");
    }

    pub(crate) fn head(&self) -> RevisionId {
        self.emulator.head(self.gist).unwrap()
    }

    pub(crate) fn lock_file(&self) -> String {
        let head = self.emulator.revisions(self.gist).next().unwrap();
        String::from_utf8(head.file(DEFAULT_FILE).unwrap().to_vec()).unwrap()
    }

    pub(crate) fn history(&mut self, field: HistoryField) {
        self.emulator.settings_mut().history = field;
    }
}

/// A lock, its store, and what is to go wrong.
pub(crate) struct Hand {
    pub(crate) store: Store,
    pub(crate) lock: Gist,
    pub(crate) write: WriteMode,
    tricks: VecDeque<Trick>,
    /// Method and path of all requests so far, with `*` where they are conditional.
    pub(crate) asked: Vec<String>,
    /// How the last of them showed who asks: the API and git each have a way.
    pub(crate) scheme: String,
}

impl Hand {
    pub(crate) fn new(write: WriteMode) -> Self {
        let tokens = vec![AcceptedToken::gist("secret", "ann")];
        let mut emulator = Emulator::new(Settings { tokens, limits: Limits::Off, ..Settings::default() });
        let gist = emulator.create_gist(EPOCH, "ann", &[(DEFAULT_FILE, "{}"), ("notes.md", "notes\n")]);
        let store = Store { emulator, gist, ms: 0 };
        let lock = lock(gist, write, "ours", "ours-1", 1000);
        Self { store, lock, write, tricks: VecDeque::new(), asked: Vec::new(), scheme: String::new() }
    }

    /// Another candidate's lock on the same gist takes this one's place.
    pub(crate) fn become_other(&mut self, name: &str) -> Gist {
        let other = lock(self.store.gist, self.write, name, &format!("{name}-1"), 1000);
        std::mem::replace(&mut self.lock, other)
    }

    pub(crate) fn settle(mut self, ms: u64) -> Self {
        self.lock = lock(self.store.gist, self.write, "ours", "ours-1", ms);
        self
    }

    /// The next requests meet these, in order.
    pub(crate) fn tricks(&mut self, tricks: impl IntoIterator<Item = Trick>) {
        self.tricks = tricks.into_iter().collect();
    }

    pub(crate) fn now(&self) -> Now {
        let at = Instant::from_millis(u64::try_from(self.store.ms).unwrap());
        Now { at, wall: WallClock(EPOCH + self.store.ms) }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.store.ms += i64::try_from(time.as_millis()).unwrap();
    }

    pub(crate) fn call(&mut self, op: &Op) -> Reply {
        self.pass(Duration::from_secs(2));
        let now = self.now();
        let mut step = self.lock.start(now, op, now.at + Duration::from_secs(LEASE * 2));
        let before = self.asked.len();
        loop {
            assert!(self.asked.len() < before + 200, "it asks without end: {:?}", &self.asked[before..][..20]);
            step = match step {
                Step::Done(reply) => return reply,
                Step::WaitUntil(at) => {
                    self.store.ms = self.store.ms.max(i64::try_from(at.as_nanos().div_ceil(1_000_000)).unwrap());
                    let now = self.now();
                    self.lock.wake(now)
                }
                Step::Send { request, .. } => self.send(&request),
            };
        }
    }

    fn send(&mut self, request: &Request<Vec<u8>>) -> Step {
        let star = if request.headers().contains_key("if-none-match") { "*" } else { "" };
        let path = request.uri().path_and_query().unwrap().as_str().replace(&self.store.gist.to_string(), "ID");
        self.asked.push(format!("{}{star} {path}", request.method()));
        let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        authorization.unwrap_or_default().split(' ').next().unwrap_or_default().clone_into(&mut self.scheme);
        self.pass(Duration::from_millis(20));
        let trick = self.tricks.pop_front().unwrap_or(Trick::Pass);
        let unix_ms = EPOCH + self.store.ms;
        let carry = |store: &mut Store| store.emulator.handle(unix_ms, "test", request);
        let answer = match trick {
            Trick::Pass => Ok(carry(&mut self.store)),
            Trick::After(happens) => {
                happens(&mut self.store);
                Ok(carry(&mut self.store))
            }
            Trick::LoseAnswer => {
                carry(&mut self.store);
                Err(Sent::Unknown)
            }
            Trick::Lose => Err(Sent::Unknown),
            Trick::Unsent => Err(Sent::No),
            Trick::Say(response) => Ok(response),
            Trick::SayAfter(response) => {
                carry(&mut self.store);
                Ok(response)
            }
            Trick::Overlaid(happens) => {
                carry(&mut self.store);
                happens(&mut self.store);
                let (parts, _) = request.clone().into_parts();
                let mut look = Request::from_parts(parts, Vec::new());
                *look.method_mut() = http::Method::GET;
                Ok(self.store.emulator.handle(unix_ms, "test", &look))
            }
            Trick::Stale(head) => Ok(self.store.emulator.handle_at(unix_ms, "test", request, head)),
        };
        self.pass(Duration::from_millis(20));
        let now = self.now();
        match answer {
            Ok(response) => self.lock.receive(now, &response),
            Err(sent) => self.lock.failed(now, sent),
        }
    }

    pub(crate) fn read(&mut self) -> Reply {
        self.call(&Op::Read)
    }

    pub(crate) fn standing(&mut self) -> Standing {
        match self.read() {
            Reply::Standing(standing) => standing,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn try_write(&mut self, intent: Intent, token: u64, on: &Version) -> Reply {
        let term = Term { intent, token: Token::new(token).unwrap(), lease_seconds: LEASE };
        self.call(&Op::Write { term, replaces: on.clone() })
    }

    pub(crate) fn written(&mut self, intent: Intent, token: u64, on: &Version) -> Written {
        match self.try_write(intent, token, on) {
            Reply::Written(written) => written,
            other => panic!("{intent:?}: {other:?}"),
        }
    }

    /// A read, then a claim with the next token.
    pub(crate) fn claimed(&mut self) -> (u64, Written) {
        let standing = self.standing();
        let token = standing.newest_token.next().unwrap().get();
        (token, self.written(Intent::Claim, token, &standing.head))
    }

    /// So many requests of a kind since the beginning.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.asked.iter().filter(|asked| asked.starts_with(start)).count()
    }
}

fn lock(gist: GistId, write: WriteMode, name: &str, instance: &str, settle_ms: u64) -> Gist {
    let settings = gist::Settings {
        gist: gist.to_string(),
        file: DEFAULT_FILE.to_owned(),
        api: "http://api.test".to_owned(),
        git: None,
        token: Some("secret".to_owned()),
        write,
        allow_http: true,
        lease: Duration::from_secs(LEASE),
        settle: Duration::from_millis(settle_ms),
        request_timeout: Duration::from_secs(5),
    };
    Gist::new(settings, Identity::new(name, instance).unwrap(), 7).unwrap()
}

pub(crate) fn status(code: u16) -> Response<Vec<u8>> {
    with_headers(code, &[])
}

pub(crate) fn with_headers(code: u16, headers: &[(&str, &str)]) -> Response<Vec<u8>> {
    let mut builder = Response::builder().status(StatusCode::from_u16(code).unwrap());
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(br#"{"message":"no"}"#.to_vec()).unwrap()
}

pub(crate) fn failed(reply: &Reply) -> &Failure {
    match reply {
        Reply::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// A record as client-go writes it.
pub(crate) fn foreign(holder: &str, seconds: u64, transitions: u64) -> String {
    leader_elector_core::sim::foreign_record(holder, seconds, transitions)
}
