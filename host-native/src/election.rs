//! The library's face: a builder, callbacks, and a leadership that cannot outlive its lease.

use std::sync::Arc;
use std::time::Duration;

use leader_elector_core::gist;
use leader_elector_core::timing::{self, Timing, TimingError};
use leader_elector_core::{Candidate, Clock, Event, Gist, Lease, Token, View, WriteMode};
use leader_elector_host::config;
use leader_elector_host::proxies::Proxies;
use leader_elector_host::say::warn;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock;
use crate::drive::{Command, Happened, drive};
use crate::transport::{Access, Transport};

type NewLeaderCall = Box<dyn Fn(&str) + Send>;
type Work = Box<dyn Fn(Leadership) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Why an election cannot be built; it names every mistake.
#[derive(Debug, Error)]
#[error("{}", .0.join("; "))]
pub struct BuildError(Vec<String>);

/// A term of this process, as the guarded work sees it.
#[derive(Clone, Debug)]
pub struct Leadership {
    token: Token,
    lease: watch::Receiver<Option<Lease>>,
    cancelled: CancellationToken,
}

impl Leadership {
    /// The fencing token of the term: hand it to whatever the work changes.
    #[must_use]
    pub const fn token(&self) -> Token {
        self.token
    }

    /// How much longer leadership is provable, counted at this very moment; zero: stop.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        match *self.lease.borrow() {
            Some(lease) if lease.token == self.token => lease.until.since(clock::now().at),
            _ => Duration::ZERO,
        }
    }

    /// Whether leadership is provable at this very moment.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.remaining().is_zero()
    }

    /// Returns when the work must end.
    pub async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    /// For work that takes a cancellation token of its own.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.cancelled.clone()
    }
}

/// Collects what an election needs.
#[derive(Default)]
pub struct Builder {
    gist: String,
    file: Option<String>,
    api: Option<String>,
    git: Option<String>,
    write: WriteMode,
    access: Access,
    name: String,
    timings: timing::Settings,
    started: Option<Work>,
    stopped: Option<Box<dyn Fn() + Send>>,
    new_leader: Option<NewLeaderCall>,
}

impl Builder {
    /// The gist that holds the lock.
    #[must_use]
    pub fn gist(mut self, id: impl Into<String>) -> Self {
        self.gist = id.into();
        self
    }

    /// The lock file in it, unless it is the usual one.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>) -> Self {
        self.file = Some(name.into());
        self
    }

    /// The API, unless it is GitHub's.
    #[must_use]
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api = Some(url.into());
        self
    }

    /// Where pushes go, unless it is where the API says: `URL/ID.git`.
    #[must_use]
    pub fn git_url(mut self, url: impl Into<String>) -> Self {
        self.git = Some(url.into());
        self
    }

    /// How records are written: by push, unless told otherwise. One gist, one mode.
    #[must_use]
    pub const fn write(mut self, write: WriteMode) -> Self {
        self.write = write;
        self
    }

    /// The token.
    #[must_use]
    pub fn token(mut self, token: impl Into<Arc<str>>) -> Self {
        self.access.token = Some(token.into());
        self
    }

    /// The candidate's name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Timings other than the usual ones.
    #[must_use]
    pub const fn timings(mut self, timings: timing::Settings) -> Self {
        self.timings = timings;
        self
    }

    /// The guarded work: begun with every term. It ends soon after [`Leadership::cancelled`]; the lock is released
    /// only when it has.
    #[must_use]
    pub fn on_started_leading<F, W>(mut self, work: F) -> Self
    where
        F: Fn(Leadership) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        self.started = Some(Box::new(move |leadership| Box::pin(work(leadership))));
        self
    }

    /// Called when the work of a term has ended.
    #[must_use]
    pub fn on_stopped_leading(mut self, call: impl Fn() + Send + 'static) -> Self {
        self.stopped = Some(Box::new(call));
        self
    }

    /// Called with each new holder's name; empty: the lock is free.
    #[must_use]
    pub fn on_new_leader(mut self, call: impl Fn(&str) + Send + 'static) -> Self {
        self.new_leader = Some(Box::new(call));
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// All mistakes at once.
    #[expect(clippy::missing_panics_doc, reason = "the defaults satisfy every inequality")]
    pub fn build(self) -> Result<LeaderElection, BuildError> {
        let mut mistakes = Vec::new();
        let timing = Timing::new(self.timings, gist::WRITE_INTERVAL)
            .map_err(|errors| mistakes.extend(errors.iter().map(TimingError::to_string)));
        let settings = |timing: &Timing| gist::Settings {
            gist: self.gist.clone(),
            file: self.file.clone().unwrap_or_else(|| gist::DEFAULT_FILE.to_owned()),
            api: self.api.clone().unwrap_or_else(|| gist::DEFAULT_API.to_owned()),
            token: self.access.token.as_deref().map(str::to_owned),
            git: self.git.clone(),
            write: self.write,
            allow_http: false,
            lease: timing.lease(),
            settle: timing.settle(),
            request_timeout: timing.request_timeout(),
        };
        let proxies = Proxies::from_environment().map_err(|more| mistakes.extend(more)).unwrap_or_default();
        let access = Access { proxies, ..self.access.clone() };
        let transport = Transport::new(&access).map_err(|error| mistakes.push(error.to_string()));
        if self.access.token.is_none() {
            mistakes.push("token is not given: allowed is a token with the scope `gist`".to_owned());
        }
        // With timings of no use, the rest is looked at with the usual ones.
        let timing = timing.unwrap_or_else(|()| {
            Timing::new(timing::Settings::default(), gist::WRITE_INTERVAL).expect("the defaults fit")
        });
        let candidate = candidate(settings(&timing), timing, &self.name).map_err(|more| mistakes.extend(more));
        let Self { started, stopped, new_leader, .. } = self;
        match (candidate, transport) {
            (Ok(candidate), Ok(transport)) if mistakes.is_empty() => {
                Ok(LeaderElection { candidate, transport, started, stopped, new_leader })
            }
            _ => Err(BuildError(mistakes)),
        }
    }
}

/// A candidate with a fresh instance id and seed, drawn from the operating system (R8).
///
/// # Errors
/// All mistakes at once.
pub fn candidate(settings: gist::Settings, timing: Timing, name: &str) -> Result<Candidate<Gist>, Vec<String>> {
    let mut random = [0_u8; 24];
    getrandom::fill(&mut random).map_err(|error| vec![format!("no entropy: {error}")])?;
    config::candidate(settings, timing, name, Clock::Boot, clock::now(), random)
}

/// An election that can be run.
pub struct LeaderElection {
    candidate: Candidate<Gist>,
    transport: Transport,
    started: Option<Work>,
    stopped: Option<Box<dyn Fn() + Send>>,
    new_leader: Option<NewLeaderCall>,
}

impl std::fmt::Debug for LeaderElection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeaderElection").finish_non_exhaustive()
    }
}

impl LeaderElection {
    /// Begins to describe an election.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Takes part until `stop` is cancelled; then stops the work, releases the lock and returns. It runs in a Tokio
    /// runtime that has time and IO enabled.
    ///
    /// Nothing else ends it: where the store refuses, cannot be reached or asks to wait, `tracing` hears a warning, and it
    /// is tried again.
    ///
    /// Dropping the future cancels the work as well, but releases nothing: the lease expires by itself.
    pub async fn run(self, stop: CancellationToken) {
        let (commands, receiver) = mpsc::channel(8);
        let (lease, leases) = watch::channel(None);
        let Self { candidate, transport, started, stopped, new_leader } = self;
        let stopper = commands.clone();
        let stopping = tokio::spawn(async move {
            stop.cancelled().await;
            // A loop that has ended needs no word.
            let _ = stopper.send(Command::Stop).await;
        });
        // Dropped with this future: nobody would renew any more.
        let mut term: Option<DropGuard> = None;
        let on = move |happened: Happened<'_>, _: &View| match happened {
            Happened::Event(Event::StartedLeading { token }) => {
                let cancelled = CancellationToken::new();
                term = Some(cancelled.clone().drop_guard());
                let leadership = Leadership { token: *token, lease: leases.clone(), cancelled: cancelled.clone() };
                let work = started.as_ref().map(|work| work(leadership));
                let commands = commands.clone();
                tokio::spawn(async move {
                    if let Some(work) = work {
                        // A work that panics has ended as well: the word must be said, or nothing is ever released.
                        let _ = tokio::spawn(work).await;
                    }
                    // Work that ends by itself leaves the term as it is: the word counts only after `Stopping`.
                    cancelled.cancelled().await;
                    let _ = commands.send(Command::WorkStopped).await;
                });
            }
            Happened::Event(Event::Stopping { .. }) => drop(term.take()),
            Happened::Event(Event::StoppedLeading) => {
                if let Some(stopped) = &stopped {
                    stopped();
                }
            }
            Happened::Event(Event::NewLeader { leader }) => {
                if let Some(new_leader) = &new_leader {
                    new_leader(leader);
                }
            }
            Happened::Event(Event::Warning(warning)) => warn(warning),
            Happened::Event(Event::Released) | Happened::Renewed(_) => {}
        };
        drive(candidate, &transport, receiver, &lease, on, |_| {}).await;
        stopping.abort();
    }
}
