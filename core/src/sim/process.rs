//! One running candidate, and the machine it runs on.

use std::time::Duration;

use super::clock::{MachineClock, Moment};
use super::contract::Contract;
use super::network::Link;
use super::original::Original;
use super::world::Occurrence;
use crate::candidate::{Candidate, Input, Output, Phase, RequestId, View};
use crate::gist::{DEFAULT_FILE, Gist, Settings as GistSettings};
use crate::lock::Identity;
use crate::record::WriteMode;
use crate::time::{Clock, Instant, Now};
use crate::timing::{Settings, Timing};

/// A machine on which candidates of one name run, one after another.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) name: String,
    pub(super) write: WriteMode,
    /// It plays by the rules of the Go original.
    pub(super) is_original: bool,
    pub(super) timing: Timing,
    pub(super) clock: MachineClock,
    pub(super) clock_kind: Clock,
    pub(super) link: Link,
    /// The process that runs, an index into all processes.
    pub(super) process: Option<usize>,
    /// Processes that were started here.
    pub(super) starts: u32,
    /// How long the guarded work takes to end; `None`: drawn, up to `stop_grace`.
    pub(super) work_takes: Option<Duration>,
    /// How long after that the host says so.
    pub(super) word_takes: Duration,
}

/// One process: a candidate and what its host keeps for it.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) seat: usize,
    pub(super) instance: String,
    pub(super) actor: Actor,
    pub(super) contract: Contract,
    pub(super) is_alive: bool,
    pub(super) is_paused: bool,
    /// What came while it was paused.
    pub(super) backlog: Vec<Occurrence>,
    /// The timer that is set: older ones do not ring.
    pub(super) timer: u64,
    /// The request in flight, as far as its fate in the store is told apart from that of abandoned ones.
    pub(super) awaits: Option<RequestId>,
    /// It may claim nothing here, and has said so.
    pub(super) is_barred: bool,
    /// It was asked to step down.
    pub(super) away: Away,
}

/// Who steps down stays away for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Away {
    No,
    /// As soon as it has stepped down.
    Asked,
    Until(Moment),
}

/// Who plays.
#[derive(Clone, Debug)]
pub(super) enum Actor {
    Candidate(Box<Candidate<Gist>>),
    Original(Box<Original>),
}

impl Actor {
    pub(super) fn handle(&mut self, now: Now, input: Input) -> Output {
        match self {
            Self::Candidate(candidate) => candidate.handle(now, input),
            Self::Original(original) => original.handle(now, input),
        }
    }

    /// What there is to see, whoever plays.
    pub(super) fn seen(&self) -> Seen {
        match self {
            Self::Candidate(candidate) => {
                let View { phase, leader, stands_until, .. } = candidate.view();
                Seen { phase, leader, stands_until }
            }
            Self::Original(original) => original.seen(),
        }
    }

    pub(super) fn view(&self) -> Option<View> {
        match self {
            Self::Candidate(candidate) => Some(candidate.view()),
            Self::Original(_) => None,
        }
    }
}

/// What there is to see of either.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) phase: Phase,
    pub(super) leader: Option<String>,
    pub(super) stands_until: Option<Instant>,
}

/// Why a candidate cannot be built.
pub(super) type Refused = String;

impl Process {
    pub(super) fn new(seat: &Seat, index: usize, gist: &str, seed: u64, now: Now) -> Result<Self, Refused> {
        let instance = format!("{}@{index}#{}", seat.name, seat.starts);
        let settings = GistSettings {
            gist: gist.to_owned(),
            file: DEFAULT_FILE.to_owned(),
            api: "http://api.test".to_owned(),
            git: None,
            token: Some(super::store::SECRET.to_owned()),
            write: seat.write,
            allow_http: true,
            lease: seat.timing.lease(),
            settle: seat.timing.settle(),
            request_timeout: seat.timing.request_timeout(),
        };
        let me = Identity::new(&seat.name, &instance).ok_or("a name has 1 to 1024 bytes")?;
        let lock = Gist::new(settings, me, seed).map_err(|wrong| format!("{wrong:?}"))?;
        Ok(Self {
            seat: index,
            contract: Contract::new(instance.clone(), seat.timing, now.at),
            instance,
            actor: if seat.is_original {
                Actor::Original(Box::new(Original::new(&seat.name, gist, super::store::SECRET, now)))
            } else {
                Actor::Candidate(Box::new(Candidate::new(lock, seat.timing, seat.clock_kind, seed, now)))
            },
            is_alive: true,
            is_paused: false,
            backlog: Vec::new(),
            timer: 0,
            awaits: None,
            is_barred: false,
            away: Away::No,
        })
    }

    /// Notes that it stays away. A follower that is asked to step down has nothing to step down from.
    pub(super) fn note_away(&mut self, now: Moment, is_asked: bool, lease: Duration) {
        if is_asked {
            self.away = Away::Asked;
        }
        if self.away == Away::Asked && self.actor.seen().phase == Phase::Following {
            self.away = Away::Until(now + lease);
        }
    }

    /// Until when it claims nothing, because it was told not to; `None`: for ever.
    pub(super) const fn free_to_claim(&self) -> Option<Moment> {
        match self.away {
            _ if self.is_barred => None,
            Away::Until(at) => Some(at),
            Away::No | Away::Asked => Some(Moment::ZERO),
        }
    }

    /// The end of the waits that it was told, on its own clock.
    pub(super) const fn told_until(&self) -> Instant {
        self.contract.told_until()
    }
}

/// Timings that a gist accepts.
pub(super) fn timing(settings: Settings) -> Result<Timing, Refused> {
    Timing::new(settings, crate::gist::WRITE_INTERVAL).map_err(|wrong| format!("{wrong:?}"))
}
