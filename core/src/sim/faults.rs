//! What can go wrong, how often, and which of it is switched on.

use std::fmt;

use super::dice::Dice;

macro_rules! faults {
    ($($(#[$doc:meta])* $fault:ident = $name:literal @ $rates:expr,)*) => {
        /// Something that goes wrong in a world. Each has its own switch and is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[$doc])* $fault,)* }

        impl Fault {
            /// Every fault.
            pub const ALL: &[Self] = &[$(Self::$fault,)*];

            /// Its name in tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$fault => $name,)* }
            }

            /// How often it may happen, in ten thousandths of what it can happen to: three grades.
            const fn grades(self) -> [u32; 3] {
                match self { $(Self::$fault => $rates,)* }
            }
        }
    };
}

/// Of all requests.
const OFTEN: [u32; 3] = [50, 300, 1500];
/// Of all requests: what makes everybody wait.
const SELDOM: [u32; 3] = [5, 30, 120];
/// Of a whole world, which its seed draws elsewhere.
const WORLD: [u32; 3] = [0; 3];
/// Weights of what happens to a world rather than to a request.
const INCIDENT: [u32; 3] = [1, 3, 10];

faults! {
    /// A request is lost before it took effect; nobody hears of it.
    RequestLost = "request lost" @ OFTEN,
    /// A request never leaves the machine, and the host knows.
    RequestUnsent = "request not sent" @ OFTEN,
    /// A connection breaks: the host knows that there will be no answer, not whether there was an effect.
    ConnectionBroken = "connection broken" @ OFTEN,
    /// A request takes effect and its answer is lost.
    AnswerLost = "answer lost" @ OFTEN,
    /// An answer comes late, also after it was given up.
    AnswerLate = "answer late" @ OFTEN,
    /// An answer comes twice.
    AnswerTwice = "answer twice" @ OFTEN,
    /// Half of an answer is missing, and nothing says so.
    AnswerCut = "answer cut short" @ OFTEN,
    /// A write takes effect up to a lease later.
    EffectLate = "write lands late" @ [100, 600, 3000],
    /// Something on the way sends a write a second time, later; that answer is nobody's.
    WriteRepeated = "write repeated by a proxy" @ [100, 600, 3000],
    /// 409, nothing applied.
    Conflict = "409" @ OFTEN,
    /// 409, and applied all the same.
    ConflictApplied = "409 but applied" @ OFTEN,
    /// 5xx, nothing applied.
    ServerError = "5xx" @ OFTEN,
    /// 5xx, and applied all the same.
    ServerErrorApplied = "5xx but applied" @ OFTEN,
    /// 403 or 429 with `retry-after`.
    Throttled = "throttled, told for how long" @ SELDOM,
    /// 403 or 429 without.
    ThrottledUntold = "throttled, not told for how long" @ [1, 5, 20],
    /// A read shows an earlier state.
    StaleRead = "stale read" @ OFTEN,
    /// `history` is null: only `/commits` tells.
    HistoryNull = "history null" @ [300, 3000, 10_000],
    /// `GET /gists/:id/:sha` is answered 404 though the revision exists.
    RevisionMissing = "404 on a revision" @ [300, 1500, 5000],
    /// Of two writes within settle one vanishes, though both were acknowledged.
    LostUpdate = "lost update" @ [2000, 5000, 10_000],
    /// A wake comes late.
    WakeLate = "wake late" @ OFTEN,
    /// A wake comes early.
    WakeEarly = "wake early" @ OFTEN,
    /// A wake comes twice.
    WakeTwice = "wake twice" @ OFTEN,
    /// The work ends, but word of it comes late.
    SlowWork = "slow work" @ [1000, 3000, 6000],
    /// A process stands still and goes on.
    Pause = "pause" @ INCIDENT,
    /// A process dies, and comes back under its name.
    Crash = "crash" @ INCIDENT,
    /// A machine is cut off for a while.
    Partition = "partition" @ INCIDENT,
    /// A machine reads from a replica that lags for a while.
    Lag = "replica that lags" @ INCIDENT,
    /// A process is asked to end, in order, and comes back later.
    Stop = "orderly stop" @ INCIDENT,
    /// A process is asked to step down.
    StepDown = "step down" @ INCIDENT,
    /// A wall clock jumps.
    WallJump = "wall clock jump" @ INCIDENT,
    /// A person deletes the lock file.
    Deleted = "lock file deleted" @ INCIDENT,
    /// A person writes something that is no record.
    Garbled = "lock file garbled" @ INCIDENT,
    /// A person empties the lock file.
    Emptied = "lock file emptied" @ INCIDENT,
    /// A person writes `{}`.
    Braces = "lock file {}" @ INCIDENT,
    /// A person puts an older text back.
    Restored = "older text restored" @ INCIDENT,
    /// A person edits another file of the gist.
    OtherFile = "other file edited" @ INCIDENT,
    /// A person commits a foreign record by hand.
    ByHand = "record by hand" @ INCIDENT,
    /// A person pushes a second branch.
    Branch = "second branch" @ INCIDENT,
    /// A person commits to the branch by git.
    Commit = "commit by git" @ INCIDENT,
    /// A foreign program writes blindly for a while.
    Foreign = "foreign program" @ INCIDENT,
    /// The store counts, and refuses what goes beyond its limits. Counted are such refusals.
    Limits = "limits that count" @ WORLD,
    /// A candidate is asked to end while it claims.
    StopDuringClaim = "stop during a claim" @ [300, 1500, 5000],
    /// A monotonic clock that runs too fast or too slow, and a wall clock that is off by up to a day. Counted are the terms
    /// that were led by one that runs wrong.
    WrongClock = "wrong clock" @ WORLD,
    /// One gist, and candidates of both write modes. Counted are the candidates that came upon the other mode.
    MixedModes = "mixed modes" @ WORLD,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which faults may happen at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches(u64);

impl Switches {
    /// Nothing goes wrong.
    pub const NONE: Self = Self(0);
    /// Everything may go wrong.
    pub const ALL: Self = Self((1 << Fault::ALL.len()) - 1);

    /// With this one on.
    #[must_use]
    pub const fn with(self, fault: Fault) -> Self {
        Self(self.0 | 1 << fault as u32)
    }

    /// With this one off.
    #[must_use]
    pub const fn without(self, fault: Fault) -> Self {
        Self(self.0 & !(1 << fault as u32))
    }

    /// Whether this one is on.
    #[must_use]
    pub const fn has(self, fault: Fault) -> bool {
        self.0 & 1 << fault as u32 != 0
    }
}

/// How often each fault happens at present.
#[derive(Clone, Debug)]
pub(super) struct Weather([u32; Fault::ALL.len()]);

impl Weather {
    pub(super) const CALM: Self = Self([0; Fault::ALL.len()]);

    /// Of what is switched on, about half in any one world, each in one of three grades: a world in which everything
    /// goes wrong at once never gets far enough to go wrong in an interesting way.
    pub(super) fn swarm(dice: &mut Dice, switches: Switches) -> Self {
        let mut rates = [0; Fault::ALL.len()];
        for fault in Fault::ALL {
            let grade = dice.below(6);
            if switches.has(*fault) {
                rates[*fault as usize] = fault.grades().get(grade).copied().unwrap_or(0);
            }
        }
        Self(rates)
    }

    pub(super) const fn rate(&self, fault: Fault) -> u32 {
        self.0[fault as usize]
    }

    pub(super) const fn set(&mut self, fault: Fault, rate: u32) {
        self.0[fault as usize] = rate;
    }
}
