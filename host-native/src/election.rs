//! The library's face: a builder, callbacks, and a leadership that cannot outlive its lease.

use std::sync::Arc;
use std::time::Duration;

use leader_elector_core::gist::{self, SettingsError};
use leader_elector_core::timing::{self, Timing, TimingError};
use leader_elector_core::{Candidate, Clock, Event, Gist, Identity, Lease, Token, WriteMode};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::drive::{Command, drive};
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
        let transport = Transport::new(&self.access).map_err(|error| mistakes.push(error.to_string()));
        let (Ok(timing), Ok(transport)) = (timing, transport) else { return Err(BuildError(mistakes)) };
        let candidate = candidate(settings(&timing), timing, &self.name).map_err(BuildError)?;
        let Self { started, stopped, new_leader, .. } = self;
        Ok(LeaderElection { candidate, transport, started, stopped, new_leader })
    }
}

/// A candidate with a fresh instance id and seed, drawn from the operating system (R8).
///
/// # Errors
/// All mistakes at once.
pub fn candidate(settings: gist::Settings, timing: Timing, name: &str) -> Result<Candidate<Gist>, Vec<String>> {
    let mut random = [0_u8; 24];
    getrandom::fill(&mut random).map_err(|error| vec![format!("no entropy: {error}")])?;
    let instance = random[..16].iter().fold(String::new(), |id, byte| id + &format!("{byte:02x}"));
    let seed = random[16..].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte));
    let me = Identity::new(name, instance)
        .ok_or_else(|| vec![format!("name has {} bytes: allowed are 1 to 1024", name.len())])?;
    let lock = Gist::new(settings, me, seed)
        .map_err(|errors| errors.iter().map(SettingsError::to_string).collect::<Vec<_>>())?;
    Ok(Candidate::new(lock, timing, Clock::Boot, seed, clock::now()))
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

    /// Takes part until `stop` is cancelled; then stops the work, releases the lock and returns.
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
        let mut term: Option<CancellationToken> = None;
        drive(candidate, &transport, receiver, &lease, |event, _| match event {
            Event::StartedLeading { token } => {
                let cancelled = CancellationToken::new();
                term = Some(cancelled.clone());
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
            Event::Stopping { .. } => {
                if let Some(term) = term.take() {
                    term.cancel();
                }
            }
            Event::StoppedLeading => {
                if let Some(stopped) = &stopped {
                    stopped();
                }
            }
            Event::NewLeader { leader } => {
                if let Some(new_leader) = &new_leader {
                    new_leader(leader);
                }
            }
            Event::Warning(warning) => tracing::warn!("{warning}"),
            Event::Released => {}
        })
        .await;
        stopping.abort();
    }
}
