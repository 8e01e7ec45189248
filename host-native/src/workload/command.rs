//! A guarded command: started while leading, gone before the term ends.

use std::rc::Rc;
use std::time::Duration;

use leader_elector::clock;
use leader_elector::drive::Command;
use leader_elector_core::{Instant, Token};

use super::{Ending, Line, OnExit, Release, Settings, Word};
use crate::guard::{Guard, Heard, KILL_MARGIN, clear};

/// A guard that has not killed by then is helped by the elector: well within the kill margin.
const PATIENCE: Duration = Duration::from_millis(150);
/// The pause before a command is started again, and its longest.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// A command that ran for so long is no longer failing.
const GOOD_RUN: Duration = Duration::from_mins(1);

/// Runs the command term by term.
pub(crate) struct Supervisor {
    pub(crate) settings: Settings,
    pub(crate) line: Line,
    pub(crate) ending: Rc<Ending>,
    /// For the command's environment.
    pub(crate) name: String,
    pub(crate) instance: String,
    /// The time that the command has, at the least.
    pub(crate) grace: Duration,
    /// For how long a lease that is not released stands.
    pub(crate) lease: Duration,
}

/// Why nothing of the command runs any more.
enum Gone {
    /// The term ends at this moment.
    Stopping(Instant),
    /// It ended by itself, with this exit code.
    Ended(u8),
    /// The guard was lost: the election was told to end the term.
    Lost,
}

impl Supervisor {
    /// Runs until the process has to end without a release.
    pub(crate) async fn run(mut self) {
        loop {
            let Word::Started(token) = self.line.word().await else { continue };
            let by = self.term(token).await;
            if self.settings.release == Release::Never && !self.ending.wait_out(by + self.lease).await {
                return;
            }
            self.line.tell(Command::WorkStopped).await;
        }
    }

    /// One term: returns its end when nothing of the command is left.
    async fn term(&mut self, token: Token) -> Instant {
        let mut pause = BACK_OFF.0;
        loop {
            let started = clock::now().at;
            match self.once(token).await {
                Gone::Stopping(by) => return by,
                Gone::Lost => return self.line.stopping().await,
                Gone::Ended(code) => match self.settings.on_exit {
                    OnExit::Exit => {
                        tracing::info!(code, "the command has ended; stopping");
                        self.ending.passes_on(code);
                        self.line.tell(Command::Stop).await;
                        return self.line.stopping().await;
                    }
                    OnExit::Release => {
                        tracing::info!(code, "the command has ended; releasing the lock");
                        self.line.tell(Command::StepDown).await;
                        return self.line.stopping().await;
                    }
                    OnExit::Restart => {
                        if clock::now().at.since(started) >= GOOD_RUN {
                            pause = BACK_OFF.0;
                        }
                        tracing::info!(code, "the command has ended; starting it again in {pause:?}");
                        tokio::select! {
                            by = self.line.stopping() => return by,
                            () = clock::sleep_until(clock::now().at + pause) => {}
                        }
                        pause = (pause * 2).min(BACK_OFF.1);
                    }
                },
            }
        }
    }

    /// Runs the command once; nothing of it is left when this returns.
    async fn once(&mut self, token: Token) -> Gone {
        let mut stopping: Option<Instant> = None;
        let mut ask_at = None;
        let mut ended = None;
        let mut lost = None;
        match self.start(token) {
            Ok(mut guard) => loop {
                // The guard holds the deadline; the elector holds it as well, a little later.
                let overdue = stopping.map(|by| by.before(KILL_MARGIN) + PATIENCE);
                tokio::select! {
                    biased;
                    Some(word) = self.line.words.recv(), if stopping.is_none() => {
                        let Word::Stopping { by } = word else { continue };
                        stopping = Some(by);
                        let (now, kill_at) = (clock::now().at, by.before(KILL_MARGIN));
                        guard.hold_until(kill_at);
                        if now >= kill_at {
                            guard.kill();
                        }
                        ask_at = Some(if self.ending.told.get() { by.before(self.grace) } else { now });
                    }
                    () = until(ask_at) => {
                        ask_at = None;
                        guard.signal(self.settings.kill_signal);
                    }
                    Ok(()) = self.line.lease.changed(), if stopping.is_none() => {
                        if let Some(lease) = *self.line.lease.borrow_and_update() {
                            guard.hold_until(lease.until.before(KILL_MARGIN));
                        }
                    }
                    heard = guard.heard() => match heard {
                        Heard::Ended(code) => ended = Some(code),
                        Heard::Gone => {
                            if stopping.is_none() && ended.is_none() {
                                lost = Some("the guard's deadline passed before the term ended");
                            }
                            break;
                        }
                        Heard::Lost(why) => {
                            lost = Some(why);
                            break;
                        }
                    },
                    () = until(overdue) => {
                        lost = Some("the guard did not kill in time");
                        break;
                    }
                }
            },
            Err(_) => lost = Some("the guard could not be started"),
        }
        if let Some(why) = lost {
            tracing::error!("{why}: the term ends, and what it guarded is killed");
            if stopping.is_none() {
                self.line.tell(Command::StepDown).await;
            }
        }
        clear().await;
        match (stopping, ended, lost) {
            (Some(by), ..) => Gone::Stopping(by),
            (None, Some(code), None) => Gone::Ended(code),
            (None, ..) => Gone::Lost,
        }
    }

    fn start(&mut self, token: Token) -> std::io::Result<Guard> {
        let env = [
            ("LEADER_FENCING_TOKEN", token.get().to_string()),
            ("LEADER_NAME", self.name.clone()),
            ("LEADER_INSTANCE", self.instance.clone()),
        ];
        let lease = *self.line.lease.borrow_and_update();
        // A lease that has ended meanwhile: the guard starts nothing, and the word that it has ended is on its way.
        let kill_at = lease.map_or(Instant::ZERO, |lease| lease.until.before(KILL_MARGIN));
        Guard::start(&self.settings.command, &env, kill_at).inspect_err(|error| tracing::error!("the guard: {error}"))
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => clock::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
