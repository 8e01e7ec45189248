//! What one step of a candidate costs, with 10,000 locks in one process: one JSON object a row, with each round's
//! median in microseconds, or its allocations. `cargo xtask bench` holds them against the bounds.
//!
//! `cargo run --release -p leader-elector-core --features emulator --example bench_steps`
#![expect(clippy::disallowed_types, reason = "an example measures how fast it is")]

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant as Stopwatch};

use leader_elector_core::emulator::{AcceptedToken, Emulator, GistId, Limits, Settings as EmulatorSettings};
use leader_elector_core::gist::{DEFAULT_FILE, Settings, WRITE_INTERVAL};
use leader_elector_core::record::{Mark, Record, timestamp};
use leader_elector_core::{
    Candidate, Clock, Gist, Identity, Input, Instant, Now, Output, Request, Timing, Token, WallClock, WriteMode,
};

const LOCKS: usize = 10_000;
const ROUNDS: usize = 25;
/// As many revisions as an answer lists: those of an old lock.
const REVISIONS: u64 = 40;
/// At the default timings.
const POLLS_A_RENEWAL: usize = 5;
const POLL: Duration = Duration::from_secs(2);
const SECRET: &str = "s3cret";

type Answer = http::Response<Vec<u8>>;
type Fault = Box<dyn Error>;

fn main() -> Result<(), Fault> {
    let mut store = Store::new()?;
    let mut herd = Herd::new(&store)?;
    let (mut idle, mut wake, mut same, mut news) = <(Rows, Rows, Rows, Rows)>::default();
    // The first read of each finds what stands.
    let mut last = store.get(None)?;
    herd.wakes(&mut Round::default(), POLL);
    herd.answers(&mut Round::default(), &last);
    for _ in 0..ROUNDS {
        idle.add(|round| herd.wakes(round, Duration::ZERO));
        for _ in 1..POLLS_A_RENEWAL {
            wake.add(|round| herd.wakes(round, POLL));
            let unchanged = store.get(Some(&last))?;
            same.add(|round| herd.answers(round, &unchanged));
        }
        store.renew()?;
        last = store.get(None)?;
        wake.add(|round| herd.wakes(round, POLL));
        news.add(|round| herd.answers(round, &last));
    }
    idle.print("step_idle");
    wake.print("step_wake");
    same.print("step_304");
    news.print("step_200");
    Ok(())
}

/// 10,000 followers, each with its own lock. The locks hold the same record, so that one answer fits all of them.
struct Herd {
    candidates: Vec<Candidate<Gist>>,
    in_flight: Vec<Option<Request>>,
    now: Now,
}

impl Herd {
    fn new(store: &Store) -> Result<Self, Fault> {
        let timing = Timing::new(leader_elector_core::timing::Settings::default(), WRITE_INTERVAL)
            .map_err(|wrong| format!("{wrong:?}"))?;
        let now = Now { at: Instant::from_millis(1_000_000), wall: WallClock(1_700_000_000_000) };
        let candidates = (0..LOCKS as u64).map(|number| {
            let settings = Settings {
                gist: store.gist.to_string(),
                file: DEFAULT_FILE.to_owned(),
                api: "https://api.github.com".to_owned(),
                git: None,
                token: Some(SECRET.to_owned()),
                write: WriteMode::Patch,
                allow_http: false,
                lease: timing.lease(),
                settle: timing.settle(),
                request_timeout: timing.request_timeout(),
            };
            let me = Identity::new("stalin", format!("stalin@{number}")).ok_or("identity")?;
            let lock = Gist::new(settings, me, number).map_err(|wrong| format!("{wrong:?}"))?;
            Ok(Candidate::new(lock, timing, Clock::Boot, number, now))
        });
        let candidates = candidates.collect::<Result<Vec<_>, Fault>>()?;
        Ok(Self { candidates, in_flight: (0..LOCKS).map(|_| None).collect(), now })
    }

    /// Wakes all, `later`: each has a request to send, unless no time has passed.
    fn wakes(&mut self, round: &mut Round, later: Duration) {
        self.now.at = self.now.at + later;
        for (candidate, in_flight) in self.candidates.iter_mut().zip(&mut self.in_flight) {
            let output = round.step(candidate, self.now, Input::Wake);
            assert_eq!(output.request.is_some(), !later.is_zero(), "a wake that is due reads, another does not");
            if output.request.is_some() {
                *in_flight = output.request;
            }
        }
    }

    /// The answer arrives at all, 20 ms later.
    fn answers(&mut self, round: &mut Round, answer: &Answer) {
        self.now.at = self.now.at + Duration::from_millis(20);
        for (candidate, in_flight) in self.candidates.iter_mut().zip(&mut self.in_flight) {
            let Some(request) = in_flight.take() else { continue };
            // The answer's own allocations are made, and counted, out here.
            let output = round.step(candidate, self.now, Input::Response(request.id, answer.clone()));
            assert!(output.request.is_none(), "one request a poll");
        }
    }
}

/// The steps of one round.
#[derive(Default)]
struct Round {
    took: Vec<Duration>,
    allocations: u64,
}

impl Round {
    /// One step: how long it takes, and how often it allocates. Counting makes each allocation a little slower.
    fn step(&mut self, candidate: &mut Candidate<Gist>, now: Now, input: Input) -> Output {
        let mut output = None;
        let mut took = Duration::ZERO;
        let counted = allocation_counter::measure(|| {
            let start = Stopwatch::now();
            output = Some(black_box(candidate.handle(now, black_box(input))));
            took = start.elapsed();
        });
        self.took.push(took);
        self.allocations = self.allocations.max(counted.count_total);
        output.expect("it was handled")
    }
}

/// What the rounds of one kind of step give: of each round the middle time, and the most allocations of any step.
#[derive(Default)]
struct Rows {
    medians: Vec<f64>,
    allocations: Vec<u64>,
}

impl Rows {
    fn add(&mut self, play: impl FnOnce(&mut Round)) {
        let mut round = Round { took: Vec::with_capacity(LOCKS), allocations: 0 };
        play(&mut round);
        round.took.sort_unstable();
        self.medians.push(round.took[LOCKS / 2].as_secs_f64() * 1e6);
        self.allocations.push(round.allocations);
    }

    fn print(&self, row: &str) {
        println!("{}", serde_json::json!({ "row": row, "samples": self.medians }));
        println!("{}", serde_json::json!({ "row": format!("{row}_allocations"), "samples": self.allocations }));
    }
}

/// Where a leader renews its record.
struct Store {
    emulator: Emulator,
    gist: GistId,
    unix_ms: i64,
    renewals: u64,
}

impl Store {
    fn new() -> Result<Self, Fault> {
        let tokens = vec![AcceptedToken::gist(SECRET, "ann")];
        let settings = EmulatorSettings {
            api: "https://api.github.com".to_owned(),
            tokens,
            limits: Limits::Off,
            ..EmulatorSettings::default()
        };
        let mut emulator = Emulator::new(settings);
        let unix_ms = 1_700_000_000_000;
        let gist = emulator.create_gist(unix_ms, "ann", &[(DEFAULT_FILE, "{}")]);
        let mut store = Self { emulator, gist, unix_ms, renewals: 0 };
        (0..REVISIONS).try_for_each(|_| store.renew())?;
        Ok(store)
    }

    /// The next renewal lands.
    fn renew(&mut self) -> Result<(), Fault> {
        self.unix_ms += 10_000;
        self.renewals += 1;
        let base = self.emulator.head(self.gist).map(|head| head.to_string());
        let mark = Mark {
            instance: "napoleon@1".to_owned(),
            base,
            nonce: Some(format!("{:032x}", self.renewals)),
            write: Some(WriteMode::Patch),
            released_by: None,
        };
        let record = Record {
            holder: "napoleon".to_owned(),
            lease: Duration::from_secs(30),
            acquired: timestamp(WallClock(1_700_000_000_000)),
            renewed: timestamp(WallClock(self.unix_ms)),
            token: Token::new(7).ok_or("token")?,
            strategy: String::new(),
            preferred_holder: String::new(),
            mark: Some(mark),
            unknown: Vec::new(),
        };
        let edited = self.emulator.edit(self.unix_ms, self.gist, &[(DEFAULT_FILE, Some(record.to_text().as_bytes()))]);
        edited.map(|_| ()).ok_or_else(|| "nothing was renewed".into())
    }

    /// What a read is answered with; as a conditional one after `before`.
    fn get(&mut self, before: Option<&Answer>) -> Result<Answer, Fault> {
        let mut request = http::Request::get(format!("https://api.github.com/gists/{}", self.gist))
            .header("authorization", format!("Bearer {SECRET}"))
            .header("user-agent", "bench");
        if let Some(etag) = before.and_then(|answer| answer.headers().get("etag")) {
            request = request.header("if-none-match", etag);
        }
        let answer = self.emulator.handle(self.unix_ms, "10.0.0.1", &request.body(Vec::new())?);
        let expected = if before.is_some() { 304 } else { 200 };
        assert_eq!(answer.status(), expected, "the store answers as expected");
        Ok(answer)
    }
}
