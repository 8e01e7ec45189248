//! A world in virtual time for components: the emulated store on two origins, a network that fails as told, and clocks
//! that can be replaced.

use std::future::poll_fn;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Channel, Full};
use leader_elector_core::emulator::{AcceptedToken, Emulator, GistId, Limits, Settings};
use leader_elector_core::gist::DEFAULT_FILE;
use leader_elector_wasi_runner::{Ended, Exchange, HttpError, Network, Policy, Program, surroundings};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::cli::AsyncStdinStream;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxView, WasiView};

/// The wall clock at the beginning, Unix milliseconds.
pub(crate) const EPOCH: i64 = 1_790_000_000_000;

/// The component under test, compiled once.
fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| Program::new(&bytes(), None).expect("a component"))
}

/// The component under test.
pub(crate) fn bytes() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/leader-elector.wasm");
    std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}; `cargo xtask wasi` builds the component"))
}

/// What a candidate's requests meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection comes about.
    Refused,
    /// No effect and no answer, ever.
    Hang,
    /// An effect, but the connection breaks before the answer.
    LostAnswer,
    /// An effect, and an answer after this while.
    LateAnswer(Duration),
    /// An effect, and half of the answer's body.
    HalfBody,
    /// An effect, and a body that takes this while.
    SlowBody(Duration),
    /// Another answer, without an effect.
    Status(u16),
}

/// A request as it left.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) host: String,
    pub(crate) headers: HeaderMap,
}

/// The store.
#[derive(Clone)]
pub(crate) struct Store {
    emulator: Arc<Mutex<Emulator>>,
    pub(crate) gist: GistId,
    start: Instant,
}

impl Store {
    /// A free lock.
    pub(crate) fn new() -> Self {
        let tokens = ["napoleon", "stalin", "cleopatra"].map(|name| AcceptedToken::gist(format!("t-{name}"), "demo"));
        let settings = Settings { limits: Limits::Off, tokens: tokens.into(), ..Settings::default() };
        let mut emulator = Emulator::new(settings);
        let gist = emulator.create_gist(EPOCH, "demo", &[(DEFAULT_FILE, "{}")]);
        Self { emulator: Arc::new(Mutex::new(emulator)), gist, start: Instant::now() }
    }

    fn handle(&self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.emulator.lock().unwrap_or_else(PoisonError::into_inner).handle(self.unix_ms(), "test", request)
    }

    /// The true time, Unix milliseconds.
    pub(crate) fn unix_ms(&self) -> i64 {
        EPOCH + i64::try_from(self.start.elapsed().as_millis()).expect("a short test")
    }

    /// Milliseconds since the beginning.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).expect("a short test")
    }
}

/// A component that runs.
pub(crate) struct Candidate {
    store: Store,
    run: Option<JoinHandle<anyhow::Result<u8>>>,
    stdin: Option<DuplexStream>,
    out: MemoryOutputPipe,
    err: MemoryOutputPipe,
    fault: Arc<Mutex<Option<Fault>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
    clocks: Clocks,
    gate: Arc<Gate>,
    /// What was found in the log already.
    read: usize,
}

/// Holds a component as a sleeping machine does: nothing runs, and its monotonic clock stands still.
#[derive(Default)]
struct Gate(Mutex<(Option<Instant>, Option<Waker>)>);

impl Candidate {
    /// `run` with these flags.
    pub(crate) fn run(store: &Store, name: &str, flags: &[&str]) -> Self {
        Self::run_with(store, name, flags, None)
    }

    /// `run` with these flags; its first request meets the fault already.
    pub(crate) fn run_with(store: &Store, name: &str, flags: &[&str], fault: Option<Fault>) -> Self {
        let gist = store.gist.to_string();
        let token = format!("t-{name}");
        let env = [
            ("GIST_ID", gist.as_str()),
            ("GITHUB_API_URL", "http://api.test"),
            ("GITHUB_API_TOKEN", &token),
            ("LEADER_NAME", name),
            ("LEADER_ELECTION_ALLOW_HTTP", "true"),
        ];
        Self::start(store, &[&["run"], flags].concat(), &env, fault)
    }

    /// Any call.
    pub(crate) fn start(store: &Store, args: &[&str], env: &[(&str, &str)], fault: Option<Fault>) -> Self {
        let api = env.iter().find(|(key, _)| *key == "GITHUB_API_URL").map_or("http://api.test", |(_, value)| value);
        Self::start_under(store, args, env, fault, Policy::new(api, None))
    }

    /// Any call, under any list.
    pub(crate) fn start_under(
        store: &Store,
        args: &[&str],
        env: &[(&str, &str)],
        fault: Option<Fault>,
        policy: Policy,
    ) -> Self {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let env: Vec<_> = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (inside, outside) = duplex(4096);
        let (out, err) = (MemoryOutputPipe::new(16 << 20), MemoryOutputPipe::new(16 << 20));
        let clocks = Clocks { start: store.start, ..Clocks::default() };
        let mut wasi = surroundings(&args, &env);
        wasi.stdin(AsyncStdinStream::new(inside)).stdout(out.clone()).stderr(err.clone());
        wasi.monotonic_clock(clocks.clone()).wall_clock(clocks.clone());
        let fault = Arc::new(Mutex::new(fault));
        let sent = Arc::default();
        let network = Net { store: store.clone(), fault: Arc::clone(&fault), sent: Arc::clone(&sent) };
        let wasi = wasi.build();
        let gate = Arc::new(Gate::default());
        let held = Arc::clone(&gate);
        let run = tokio::spawn(async move {
            let mut run = Box::pin(program().run(wasi, policy, Some(Arc::new(network))));
            poll_fn(|cx| {
                let mut gate = held.0.lock().unwrap_or_else(PoisonError::into_inner);
                if gate.0.is_some() {
                    gate.1 = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                drop(gate);
                run.as_mut().poll(cx)
            })
            .await
        });
        let stdin = Some(outside);
        Self { store: store.clone(), run: Some(run), stdin, out, err, fault, sent, clocks, gate, read: 0 }
    }

    /// What its requests meet from now on.
    pub(crate) fn meets(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The machine falls asleep.
    pub(crate) fn suspend(&self) {
        self.gate.0.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(Instant::now());
    }

    /// It wakes.
    pub(crate) fn resume(&self) {
        let mut gate = self.gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        let slept = gate.0.take().expect("asleep").elapsed();
        self.clocks.asleep.fetch_add(u64::try_from(slept.as_nanos()).expect("a short test"), Ordering::Relaxed);
        if let Some(waker) = gate.1.take() {
            waker.wake();
        }
    }

    /// Asks for an orderly end, in which the work ends at once, and waits for it.
    pub(crate) async fn stop(&mut self) {
        self.say("stop").await;
        self.wait_for("I am no longer the leader", Duration::from_secs(5)).await;
        self.say("stopped").await;
        assert_eq!(self.code().await, 0);
    }

    /// What it told on standard output, line by line.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let output = String::from_utf8(self.out.contents().to_vec()).expect("text");
        output.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn clocks(&self) -> &Clocks {
        &self.clocks
    }

    /// Everything on standard error.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.err.contents()).into_owned()
    }

    /// Waits for words in the log, beyond those found before; the moment, in milliseconds since the beginning.
    pub(crate) async fn wait_for(&mut self, words: &str, within: Duration) -> u64 {
        let end = Instant::now() + within;
        loop {
            let log = self.log();
            if let Some(at) = log[self.read..].find(words) {
                self.read += at + words.len();
                return self.store.now_ms();
            }
            let over = Instant::now() >= end || self.run.as_ref().is_none_or(JoinHandle::is_finished);
            assert!(!over, "`{words}` did not come; it said:\n{log}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// A line on standard input.
    pub(crate) async fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(format!("{line}\n").as_bytes()).await.expect("written");
    }

    /// The end of standard input.
    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Its exit code, once it has ended.
    pub(crate) async fn code(&mut self) -> u8 {
        let run = self.run.take().expect("not ended yet");
        run.await.expect("not killed").unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.is_finished())
    }
}

impl Drop for Candidate {
    /// Sudden death.
    fn drop(&mut self) {
        if let Some(run) = &self.run {
            run.abort();
        }
    }
}

/// The clocks of one component.
#[derive(Clone, Debug)]
pub(crate) struct Clocks {
    start: Instant,
    /// Milliseconds that the wall clock is ahead.
    wall: Arc<AtomicI64>,
    /// Nanoseconds for which the monotonic clock stood still.
    asleep: Arc<AtomicU64>,
    /// How often the monotonic clock was read.
    reads: Arc<AtomicU64>,
}

impl Default for Clocks {
    fn default() -> Self {
        Self { start: Instant::now(), wall: Arc::default(), asleep: Arc::default(), reads: Arc::default() }
    }
}

impl Clocks {
    /// Sets the wall clock, relative to the true time.
    pub(crate) fn set_wall(&self, ahead_ms: i64) {
        self.wall.store(ahead_ms, Ordering::Relaxed);
    }

    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

impl HostMonotonicClock for Clocks {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let elapsed = u64::try_from(self.start.elapsed().as_nanos()).expect("a short test");
        elapsed - self.asleep.load(Ordering::Relaxed)
    }
}

impl HostWallClock for Clocks {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        let ahead = self.wall.load(Ordering::Relaxed);
        Duration::from_millis((EPOCH + ahead).unsigned_abs()) + self.start.elapsed()
    }
}

struct Net {
    store: Store,
    fault: Arc<Mutex<Option<Fault>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Network for Net {
    fn send(&self, request: Request<wasmtime_wasi_http::WasiBody>) -> Exchange {
        let headers = request.headers();
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(Sent {
            method: request.method().to_string(),
            host: request.uri().host().unwrap_or_default().to_owned(),
            headers: headers.clone(),
        });
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let store = self.store.clone();
        Box::new(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            match fault {
                Some(Fault::Refused) => return Err(HttpError::ConnectionRefused),
                Some(Fault::Hang) => std::future::pending::<()>().await,
                _ => {}
            }
            // What a network needs.
            sleep(Duration::from_millis(20)).await;
            if let Some(Fault::Status(status)) = fault {
                let mut response = Response::new(full(b"{}"));
                *response.status_mut() = status.try_into().expect("a status");
                return Ok((response, ended()));
            }
            let response = store.handle(&Request::from_parts(head, body.to_vec()));
            sleep(Duration::from_millis(20)).await;
            let (head, body) = response.into_parts();
            let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
            let body = match fault {
                Some(Fault::LostAnswer) => return Err(HttpError::ConnectionTerminated),
                Some(Fault::LateAnswer(while_)) => {
                    sleep(while_).await;
                    full(&body)
                }
                Some(Fault::HalfBody) => slow(half, Duration::ZERO, None),
                Some(Fault::SlowBody(while_)) => {
                    slow(half, while_, Some(Bytes::copy_from_slice(&body[body.len() / 2..])))
                }
                _ => full(&body),
            };
            Ok((Response::from_parts(head, body), ended()))
        })
    }
}

fn ended() -> Ended {
    Box::new(async { Ok(()) })
}

fn full(bytes: &[u8]) -> wasmtime_wasi_http::WasiBody {
    Full::new(Bytes::copy_from_slice(bytes)).map_err(|never| match never {}).boxed_unsync()
}

/// A body whose second part takes a while, or never comes.
fn slow(first: Bytes, while_: Duration, second: Option<Bytes>) -> wasmtime_wasi_http::WasiBody {
    let (mut sender, body) = Channel::<Bytes, HttpError>::new(1);
    tokio::spawn(async move {
        // The receiver may be gone: its exchange was given up.
        _ = sender.send_data(first).await;
        sleep(while_).await;
        match second {
            Some(second) => _ = sender.send_data(second).await,
            None => sender.abort(HttpError::ConnectionTerminated),
        }
    });
    body.boxed_unsync()
}

/// Why the component does not start where nobody offers wasi:http, as `wasmtime run` does without `-S http`.
pub(crate) async fn without_http() -> String {
    struct State(WasiCtx, ResourceTable);
    impl WasiView for State {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView { ctx: &mut self.0, table: &mut self.1 }
        }
    }

    let engine = wasmtime::Engine::default();
    let component = wasmtime::component::Component::new(&engine, bytes()).expect("a component");
    let mut linker = wasmtime::component::Linker::<State>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("everything but http");
    let state = State(WasiCtx::builder().build(), ResourceTable::new());
    let mut store = wasmtime::Store::new(&engine, state);
    let command = wasmtime_wasi::p2::bindings::Command::instantiate_async(&mut store, &component, &linker).await;
    format!("{:?}", command.err().expect("it cannot start"))
}
