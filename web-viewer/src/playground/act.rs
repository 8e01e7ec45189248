//! What a visitor does to a candidate, to the network and to the gist.

use std::fmt;
use std::time::Duration;

use leader_elector_core::sim::{Deed, Fault, World};

/// Whom an act is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The candidate of this seat.
    Seat(u8),
    /// Whoever led first in this run.
    First,
    /// Everybody.
    All,
}

/// Something that is done at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The process ends without a word.
    Kill(Whom),
    /// A process starts, under the name of the one before.
    Start(Whom),
    /// SIGSTOP.
    Pause(Whom),
    /// SIGCONT.
    Resume(Whom),
    /// Nothing passes from or to the machine.
    Cut(Whom),
    /// Everything passes again.
    Reconnect(Whom),
    /// An orderly end.
    Stop(Whom),
    /// The wall clock is set by so many seconds.
    Jump(Whom, i32),
    /// Requests take effect, answers are lost.
    LoseAnswers(Whom),
    /// Requests hang for so many seconds before they take effect; 0: no more.
    Hang(Whom, u32),
    /// As before, but only writes.
    SlowWrites(Whom, u32),
    /// Each way takes so many milliseconds at least, and half of that more at most.
    Latency(u32),
    /// Every request is answered 429, with so many seconds to wait; 0: no more.
    Throttle(u32),
    /// Of two writes within a second one vanishes, though both are acknowledged; so often in a hundred.
    LoseUpdates(u32),
    /// A person empties the lock file.
    Wipe,
}

impl Whom {
    /// Reads what [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "first" => Some(Self::First),
            "all" => Some(Self::All),
            seat => seat.parse().ok().filter(|seat| usize::from(*seat) < super::link::MOST).map(Self::Seat),
        }
    }

    /// The seats that are meant.
    fn seats(self, world: &World, first: Option<usize>) -> std::ops::Range<usize> {
        let one = |seat: usize| if seat < world.candidates() { seat..seat + 1 } else { 0..0 };
        match self {
            Self::Seat(seat) => one(usize::from(seat)),
            Self::First => first.map_or(0..0, one),
            Self::All => 0..world.candidates(),
        }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seat(seat) => seat.fmt(f),
            Self::First => f.write_str("first"),
            Self::All => f.write_str("all"),
        }
    }
}

impl Act {
    /// All words of [`word`](Self::word).
    pub const WORDS: &str =
        "kill, start, pause, resume, cut, reconnect, stop, jump, lose, hang, slow, latency, throttle, vanish, wipe";

    /// Its name in a link.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kill(_) => "kill",
            Self::Start(_) => "start",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Cut(_) => "cut",
            Self::Reconnect(_) => "reconnect",
            Self::Stop(_) => "stop",
            Self::Jump(..) => "jump",
            Self::LoseAnswers(_) => "lose",
            Self::Hang(..) => "hang",
            Self::SlowWrites(..) => "slow",
            Self::Latency(_) => "latency",
            Self::Throttle(_) => "throttle",
            Self::LoseUpdates(_) => "vanish",
            Self::Wipe => "wipe",
        }
    }

    /// Whom it is done to; `None`: the store.
    #[must_use]
    pub const fn whom(self) -> Option<Whom> {
        match self {
            Self::Kill(whom)
            | Self::Start(whom)
            | Self::Pause(whom)
            | Self::Resume(whom)
            | Self::Cut(whom)
            | Self::Reconnect(whom)
            | Self::Stop(whom)
            | Self::Jump(whom, _)
            | Self::LoseAnswers(whom)
            | Self::Hang(whom, _)
            | Self::SlowWrites(whom, _) => Some(whom),
            Self::Latency(_) | Self::Throttle(_) | Self::LoseUpdates(_) | Self::Wipe => None,
        }
    }

    /// How much of it.
    #[must_use]
    pub fn number(self) -> Option<i64> {
        match self {
            Self::Jump(_, seconds) => Some(seconds.into()),
            Self::Hang(_, number)
            | Self::SlowWrites(_, number)
            | Self::Latency(number)
            | Self::Throttle(number)
            | Self::LoseUpdates(number) => Some(number.into()),
            _ => None,
        }
    }

    /// Whether an act of this name is done to somebody.
    #[must_use]
    pub fn takes_whom(word: &str) -> bool {
        !matches!(word, "latency" | "throttle" | "vanish" | "wipe")
    }

    /// The act of a name.
    #[must_use]
    pub fn parse(word: &str, whom: Option<Whom>, number: Option<i64>) -> Option<Self> {
        let at_most = |most: u32| u32::try_from(number?).ok().filter(|number| *number <= most);
        Some(match word {
            "kill" => Self::Kill(whom?),
            "start" => Self::Start(whom?),
            "pause" => Self::Pause(whom?),
            "resume" => Self::Resume(whom?),
            "cut" => Self::Cut(whom?),
            "reconnect" => Self::Reconnect(whom?),
            "stop" => Self::Stop(whom?),
            "jump" => Self::Jump(whom?, i32::try_from(number?).ok()?),
            "lose" => Self::LoseAnswers(whom?),
            "hang" => Self::Hang(whom?, at_most(3600)?),
            "slow" => Self::SlowWrites(whom?, at_most(3600)?),
            "latency" => Self::Latency(at_most(60_000)?),
            "throttle" => Self::Throttle(at_most(3600)?),
            "vanish" => Self::LoseUpdates(at_most(100)?),
            "wipe" => Self::Wipe,
            _ => return None,
        })
    }

    /// Does it. `first` is the seat that led first.
    pub(super) fn done(self, world: &mut World, first: Option<usize>) {
        let seats = self.whom().map_or(0..0, |whom| whom.seats(world, first));
        for seat in seats {
            self.done_to(world, seat);
        }
        match self {
            Self::Latency(ms) => {
                let least = Duration::from_millis(ms.into());
                world.set_latency(least, least * 3 / 2);
            }
            Self::Throttle(seconds) => {
                let told = (seconds > 0).then_some(seconds.into());
                (0..world.candidates()).for_each(|seat| world.throttle(seat, told));
            }
            Self::LoseUpdates(percent) => world.let_happen(Fault::LostUpdate, percent * 100),
            Self::Wipe => {
                world.person(&Deed::Write(String::new()));
            }
            _ => {}
        }
    }

    fn done_to(self, world: &mut World, seat: usize) {
        let span = |seconds: u32| Duration::from_secs(seconds.into());
        match self {
            Self::Kill(_) => world.kill(seat),
            Self::Start(_) => world.start(seat),
            Self::Pause(_) => world.pause(seat),
            Self::Resume(_) => world.resume(seat),
            Self::Cut(_) => world.cut_off(seat),
            Self::Reconnect(_) => world.heal(seat),
            Self::Stop(_) => world.stop(seat),
            Self::Jump(_, seconds) => world.jump_wall_clock(seat, i64::from(seconds) * 1000),
            Self::LoseAnswers(_) => world.lose_answers(seat),
            Self::Hang(_, seconds) => world.hang(seat, span(seconds)),
            Self::SlowWrites(_, seconds) => world.slow_writes(seat, span(seconds)),
            Self::Latency(_) | Self::Throttle(_) | Self::LoseUpdates(_) | Self::Wipe => {}
        }
    }
}
