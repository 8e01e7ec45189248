//! All that the page shows of a run at one moment, beside the picture.

use leader_elector_core::sim::Rules;

use super::act::{Act, Whom};
use super::engine::Engine;
use super::link::{MOST, Setup};
use super::story::Story;
use super::words::{self, State};

/// Lines of what happened.
pub const LINES: usize = 9;

/// A candidate.
#[expect(clippy::struct_excessive_bools, reason = "switches that are independent of each other")]
#[derive(Clone, Debug, PartialEq)]
pub struct Lane {
    /// Its seat.
    pub seat: u8,
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: State,
    /// Its token, if it leads.
    pub token: Option<u64>,
    /// Nothing passes from or to it.
    pub is_cut: bool,
    /// Answers to it are lost.
    pub loses: bool,
    /// Its requests hang.
    pub hangs: bool,
    /// Another leads as well.
    pub is_double: bool,
    /// The rule that it follows now.
    pub rule: String,
}

/// What was done to the store and to everybody's network.
#[expect(clippy::struct_excessive_bools, reason = "switches that are independent of each other")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// Each way takes so many milliseconds; 0: as at first.
    pub latency: u32,
    /// Answers are lost.
    pub loses: bool,
    /// Requests hang.
    pub hangs: bool,
    /// Everybody is told to wait.
    pub throttles: bool,
    /// One of two writes vanishes.
    pub vanishes: bool,
}

/// Something that happened, in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The number of the entry.
    pub number: u64,
    /// When.
    pub at: String,
    /// What.
    pub words: String,
}

/// What is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// The candidates.
    pub lanes: Vec<Lane>,
    /// The store.
    pub store: Store,
    /// Now.
    pub at: String,
    /// What there is to see.
    pub caption: String,
    /// How it ended, and whether as told.
    pub ending: Option<(bool, String)>,
    /// Who leads, for those who listen.
    pub leaders: String,
    /// The newest, newest first.
    pub lines: Vec<Line>,
    /// The chosen entry, and its record.
    pub chosen: Option<(Line, Option<String>)>,
    /// The number of the newest entry.
    pub newest: u64,
    /// Two led at once, for how long.
    pub doubles: Option<String>,
    /// Whether there is room for another candidate.
    pub has_room: bool,
    /// The original's rules.
    pub is_original: bool,
}

impl Scene {
    /// A run as it is now.
    #[must_use]
    pub fn of(engine: &Engine, story: Option<Story>, chosen: Option<u64>) -> Self {
        let rules = engine.play().rules();
        let count = lanes(engine);
        let seats = (0..count).filter_map(|seat| lane(engine, seat)).collect::<Vec<_>>();
        let leads = seats.iter().filter(|lane| lane.token.is_some()).collect::<Vec<_>>();
        let leaders = match leads.as_slice() {
            [] => "Nobody leads".to_owned(),
            [one] => format!("{} leads with token {}", one.name, one.token.unwrap_or_default()),
            _ => "Two lead at once".to_owned(),
        };
        let both: std::time::Duration = engine.doubles().iter().map(|double| double.until.since(double.from)).sum();
        let doubles = (!both.is_zero()).then(|| format!("{}.{} s", both.as_secs(), both.subsec_millis() / 100));
        let line = |entry: &super::trace::Entry| Line {
            number: entry.number,
            at: words::moment(entry.at),
            words: words::event(engine, entry),
        };
        let told = engine.trace().all().rev().filter(|entry| !words::is_routine(&entry.what));
        let lines = told.take(LINES).map(line).collect();
        let ms = engine.now().since(leader_elector_core::sim::Moment::ZERO).as_millis();
        let caption = story.map_or("", |story| {
            let captions = story.captions(rules);
            captions.iter().rev().find(|(at, _)| u128::from(*at) <= ms).map_or("", |(_, words)| words)
        });
        let is_over = story.is_some_and(|story| ms >= story.end(rules).as_millis());
        let ending = story.filter(|_| is_over).map(|story| match story.ends_as_told(rules, engine) {
            Ok(()) => (
                true,
                format!(
                    "{leaders}; {}.",
                    doubles.as_ref().map_or_else(
                        || "two never led at once".to_owned(),
                        |both| format!("two led at once for {both}"),
                    )
                ),
            ),
            Err(words) => (false, words),
        });
        let picked = chosen.and_then(|number| engine.trace().get(number));
        Self {
            has_room: matches!(engine.play().setup, Setup::Calm(_)) && count < MOST,
            lanes: seats,
            store: done(engine, |whom| whom == Whom::All),
            at: words::moment(engine.now()),
            caption: caption.to_owned(),
            ending,
            leaders,
            lines,
            chosen: picked
                .map(|entry| (line(entry), words::record(engine.trace(), entry).as_deref().map(words::lines))),
            newest: engine.trace().next().saturating_sub(1),
            doubles,
            is_original: rules == Rules::Original,
        }
    }
}

/// How many lanes there are: all seats of the simulator's worlds; of a calm one those in which somebody was started.
#[must_use]
pub fn lanes(engine: &Engine) -> usize {
    let Setup::Calm(calm) = &engine.play().setup else { return engine.world().candidates() };
    let started = engine.done().iter().filter_map(|(_, act)| match act {
        Act::Start(Whom::Seat(seat)) => Some(usize::from(*seat) + 1),
        _ => None,
    });
    started.max().unwrap_or(0).max(calm.candidates)
}

fn lane(engine: &Engine, seat: usize) -> Option<Lane> {
    let status = engine.world().statuses().get(seat)?;
    let now = engine.now();
    let leads = status.leads(now);
    let done = done(engine, |whom| match whom {
        Whom::Seat(of) => usize::from(of) == seat,
        Whom::First => engine.first() == Some(seat),
        Whom::All => true,
    });
    let others = engine.world().statuses().iter().enumerate().any(|(of, other)| of != seat && other.leads(now));
    Some(Lane {
        seat: u8::try_from(seat).ok()?,
        name: engine.world().name(seat).to_owned(),
        state: State::of(status),
        token: status.token.filter(|_| leads),
        is_cut: status.is_cut,
        loses: done.loses,
        hangs: done.hangs,
        is_double: leads && others,
        rule: words::rule(now, status),
    })
}

/// What was done to everybody, and to those of whom `is_meant` says so.
fn done(engine: &Engine, is_meant: impl Fn(Whom) -> bool) -> Store {
    let mut store = Store::default();
    for (_, act) in engine.done() {
        match *act {
            Act::Latency(ms) => store.latency = ms,
            Act::LoseAnswers(whom) if is_meant(whom) => store.loses = true,
            Act::Hang(whom, seconds) if is_meant(whom) => store.hangs = seconds > 0,
            Act::Throttle(seconds) => store.throttles = seconds > 0,
            Act::LoseUpdates(percent) => store.vanishes = percent > 0,
            Act::Reconnect(whom) if is_meant(whom) => (store.loses, store.hangs) = (false, false),
            _ => {}
        }
    }
    store
}
