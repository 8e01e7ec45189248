//! Six prepared runs, each with what it shows and how it ends.

use std::time::Duration;

use leader_elector_core::WriteMode;
use leader_elector_core::sim::Rules;

use super::act::{Act, Whom};
use super::engine::Engine;
use super::link::{Calm, Play, Setup};

/// A world in which the first candidate leads first.
const SEED: u64 = 9;

/// A prepared run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Three start, one leads.
    Elect,
    /// The leader is killed.
    Kill,
    /// The leader's requests hang.
    Hang,
    /// The leader's writes land, the answers are lost.
    Lost,
    /// The leader stands still past its lease, and wakes.
    Pause,
    /// Two write at once, both are acknowledged, one is kept.
    Race,
}

impl Story {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 6] = [Self::Elect, Self::Kill, Self::Hang, Self::Lost, Self::Pause, Self::Race];

    /// Its name in a link.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Elect => "elect",
            Self::Kill => "kill",
            Self::Hang => "hang",
            Self::Lost => "lost",
            Self::Pause => "pause",
            Self::Race => "race",
        }
    }

    /// The story of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|story| story.name() == name)
    }

    /// All names, for a message.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// Its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Elect => "Elect",
            Self::Kill => "Kill the leader",
            Self::Hang => "Requests hang",
            Self::Lost => "Answers are lost",
            Self::Pause => "SIGSTOP, and the token",
            Self::Race => "Two write at once",
        }
    }

    /// The run.
    #[must_use]
    pub fn play(self, write: WriteMode, rules: Rules) -> Play {
        let at = trouble(rules);
        let acts = match self {
            Self::Elect => vec![],
            Self::Kill => vec![(at, Act::Kill(Whom::First))],
            Self::Hang => vec![(at, Act::Hang(Whom::First, 120))],
            Self::Lost => vec![(at, Act::LoseAnswers(Whom::First))],
            Self::Pause => vec![(at, Act::Pause(Whom::First)), (at + 85_000, Act::Resume(Whom::First))],
            Self::Race => vec![(0, Act::LoseUpdates(100)), (0, Act::Latency(400))],
        };
        Play { setup: Setup::Calm(Calm { seed: SEED, write, rules, candidates: 3 }), acts }
    }

    /// When it has been told.
    #[must_use]
    pub const fn end(self, rules: Rules) -> Duration {
        let ms = match (self, rules) {
            (Self::Elect, Rules::Ours) => 15_000,
            (Self::Elect, Rules::Original) => 40_000,
            (Self::Race, Rules::Ours) => 25_000,
            (Self::Race, Rules::Original) => 60_000,
            (Self::Pause, rules) => trouble(rules) + 105_000,
            (_, Rules::Ours) => trouble(rules) + 40_000,
            (_, Rules::Original) => trouble(rules) + 130_000,
        };
        Duration::from_millis(ms)
    }

    /// What there is to see, with the milliseconds from which on it is.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "twelve stories in words")]
    pub fn captions(self, rules: Rules) -> Vec<(u64, &'static str)> {
        let at = trouble(rules);
        match (self, rules) {
            (Self::Elect, Rules::Ours) => vec![
                (
                    0,
                    "Three candidates start within a second and a half. Whoever reads first that the lock is free claims it.",
                ),
                (
                    700,
                    "napoleon's claim has landed. It does not lead yet: the store may still drop one of two writes, so it waits for a second, reads and confirms.",
                ),
                (
                    2_300,
                    "Confirmed: napoleon leads with token 1, and stops by itself 20 s after the sending of its newest write. The others respect its lease for 30 s from when they saw it.",
                ),
                (
                    12_300,
                    "Every renewal moves both ends on. Between them lies the margin: whoever follows waits longer than whoever leads.",
                ),
            ],
            (Self::Elect, Rules::Original) => vec![
                (
                    0,
                    "The original's rules: it sleeps for a lease less a second before it writes, looks once more, and writes without comparing.",
                ),
                (
                    29_700,
                    "napoleon leads after half a minute. In 48 measured starts no second leader was seen: that sleep is what excludes one.",
                ),
            ],
            (Self::Kill, Rules::Ours) => vec![
                (0, "napoleon takes the lock, and will be killed at 20 s."),
                (
                    at,
                    "Killed, without a word. Nobody can know: its lease stands for 30 s from when each of the others first saw its last renewal.",
                ),
                (
                    43_000,
                    "The lease has run out as josephine saw it. One read, a claim, a second to settle, a confirmation.",
                ),
                (
                    45_200,
                    "josephine leads with token 2, 25 s after the kill. Whatever of napoleon's still arrives carries token 1.",
                ),
            ],
            (Self::Kill, Rules::Original) => vec![
                (0, "The original's rules: the first leader needs half a minute."),
                (at, "Killed. The others wait for the lease, then sleep for the lease once more."),
                (101_800, "wellington leads, 57 s after the kill. Measured: 59 to 69 s."),
            ],
            (Self::Hang, Rules::Ours) => vec![
                (0, "napoleon leads. At 20 s its network begins to hold every request for two minutes."),
                (
                    at,
                    "The next renewal hangs. After 5 s napoleon gives it up: no answer is not a no, the write may still land.",
                ),
                (
                    31_500,
                    "20 s after the sending of its last acknowledged write napoleon stops by itself. Nobody had to tell it.",
                ),
                (
                    43_000,
                    "Only now has the lease run out for the others: josephine takes over. What hangs will land on another revision than it names, and count for nobody.",
                ),
            ],
            (Self::Hang, Rules::Original) => vec![
                (0, "The original's rules: a request has no timeout, and its end is what the deadline waits for."),
                (at, "napoleon's request hangs. It leads on, whatever the time."),
                (
                    101_900,
                    "wellington leads as well: two leaders, for as long as the request hangs. Measured: 10 of 10, 35 to 87 s.",
                ),
                (166_200, "The request came back, and napoleon noticed."),
            ],
            (Self::Lost, Rules::Ours) => vec![
                (0, "napoleon leads. From 20 s on its writes land, and the answers are lost."),
                (at, "The renewal lands, the others see it and respect it. napoleon does not know, and may not guess."),
                (31_500, "Without an acknowledgement napoleon stops at its deadline, although its lease stands."),
                (
                    50_000,
                    "The others wait for that lease, which they saw being renewed, then one of them leads with token 2.",
                ),
            ],
            (Self::Lost, Rules::Original) => vec![
                (0, "The original's rules: no timeout on a request."),
                (at, "napoleon's requests land, and no answer comes back. It waits for it, and leads on."),
                (
                    101_900,
                    "wellington leads as well: two leaders until the connection breaks. Measured: 6 of 6, 80 to 86 s.",
                ),
            ],
            (Self::Pause, Rules::Ours) => vec![
                (
                    0,
                    "napoleon leads with token 1. At 20 s its process is stopped (SIGSTOP), as a debugger or a full machine does.",
                ),
                (at, "It stands still, and does not know. Its lease runs out all the same."),
                (45_200, "josephine leads with token 2."),
                (
                    at + 85_000,
                    "napoleon goes on (SIGCONT). Its clock went on meanwhile: its first step says that its term is over, before anything else.",
                ),
                (
                    at + 90_000,
                    "Work that it had begun before may still write somewhere: with token 1. A store that has seen token 2 refuses it. That is what the token is for.",
                ),
            ],
            (Self::Pause, Rules::Original) => vec![
                (0, "The original's rules: napoleon leads after half a minute."),
                (at, "Stopped (SIGSTOP)."),
                (101_800, "wellington leads."),
                (
                    at + 85_000,
                    "napoleon goes on (SIGCONT), believes that it leads, and gives itself 15 s more: two leaders. Measured: 12 of 12, 15 s after waking.",
                ),
                (145_100, "After 15 s it gives up. It has no token that could have stopped its writes."),
            ],
            (Self::Race, Rules::Ours) => vec![
                (
                    0,
                    "The store is slow, and of two writes within a second it drops one, though it acknowledges both. All three find the lock free.",
                ),
                (
                    2_400,
                    "Claims are under way at once. An acknowledgement proves nothing here: each waits for a second, and reads what is left.",
                ),
                (6_000, "Only one finds its own claim and confirms it on top. The others find another's, and follow."),
                (12_000, "One leads. The token of a claim that was lost is used up, never taken again."),
            ],
            (Self::Race, Rules::Original) => vec![
                (0, "The original's rules in the same store: all sleep for the same 29 s and look at the same moment."),
                (
                    32_900,
                    "Two wrote before either saw the other, and take any answer for a success: two leaders. With quick requests it did not happen in 48 starts; with one PATCH that takes 30 s and more it did in 7 of 12.",
                ),
                (53_000, "One of them saw the other's record and gave up."),
            ],
        }
    }

    /// Whether a run that has come to [`end`](Self::end) shows what the captions say.
    ///
    /// # Errors
    /// What is not as they say.
    pub fn ends_as_told(self, rules: Rules, engine: &Engine) -> Result<(), String> {
        let now = engine.now();
        let leaders: Vec<_> =
            engine.world().statuses().iter().enumerate().filter(|(_, status)| status.leads(now)).collect();
        let names: Vec<_> = leaders.iter().map(|(seat, _)| engine.world().name(*seat)).collect();
        let token = leaders.first().and_then(|(_, status)| status.token);
        let doubles = engine.doubles();
        let both: Duration = doubles.iter().map(|double| double.until.since(double.from)).sum();
        let holds = match (self, rules) {
            (Self::Elect, _) => names == ["napoleon"] && token == Some(1) && doubles.is_empty(),
            (Self::Race, Rules::Ours) => names.len() == 1 && doubles.is_empty(),
            (_, Rules::Ours) => names.len() == 1 && names != ["napoleon"] && token == Some(2) && doubles.is_empty(),
            (Self::Kill, Rules::Original) => names == ["wellington"] && doubles.is_empty(),
            (Self::Hang, Rules::Original) => names == ["wellington"] && (35..=87).contains(&both.as_secs()),
            (Self::Lost, Rules::Original) => names.len() == 2 && both > Duration::from_mins(1),
            (Self::Pause, Rules::Original) => names == ["wellington"] && (14..=16).contains(&both.as_secs()),
            (Self::Race, Rules::Original) => names.len() == 1 && both > Duration::from_secs(10),
        };
        let promise = if rules == Rules::Ours { engine.violation() } else { None };
        match promise {
            Some(broken) => Err(broken.to_string()),
            None if holds => Ok(()),
            None => Err(format!("{names:?} lead with token {token:?} at {now}, two led at once for {both:?}")),
        }
    }
}

/// When something goes wrong: once there is a leader, and the original has its first after half a minute.
const fn trouble(rules: Rules) -> u64 {
    match rules {
        Rules::Ours => 20_000,
        Rules::Original => 45_000,
    }
}
