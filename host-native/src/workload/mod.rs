//! The work that leadership is for: who does it, how it is told to stop, and what may be said of its end.
//!
//! The lock is released only after the work has ended (R6), so there is exactly one word `WorkStopped` for each
//! `stopping`, and it is said here: at once where the candidate itself is the work, when nothing is left of a guarded
//! command, or when the workload has said so over HTTP.

mod command;
mod settings;
mod told;

use std::cell::Cell;

use leader_elector::clock;
use leader_elector::drive::Command;
use leader_elector_core::{Event, Instant, Lease, Token};
use leader_elector_host::work::NOT_RELEASED;
use tokio::sync::{Notify, mpsc, watch};

pub(crate) use self::command::Supervisor;
pub(crate) use self::settings::{OnExit, Release, Settings, WorkArgs};
pub(crate) use self::told::{Answer, Told};

/// What the election says to the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// A term began.
    Started(Token),
    /// It must be gone by then.
    Stopping {
        /// On the boot clock.
        by: Instant,
    },
}

impl Word {
    /// The word in an event, if there is one.
    pub(crate) const fn of(event: &Event) -> Option<Self> {
        match event {
            Event::StartedLeading { token } => Some(Self::Started(*token)),
            Event::Stopping { by, .. } => Some(Self::Stopping { by: *by }),
            _ => None,
        }
    }
}

/// How a process ends that was asked to.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    signalled: Cell<bool>,
    told: Cell<bool>,
    code: Cell<Option<u8>>,
    noticed: Notify,
}

impl Ending {
    /// A signal asked for an orderly end: the exit code is 0, whatever the command's was.
    pub(crate) fn signalled(&self) {
        self.signalled.set(true);
        self.noticed.notify_one();
    }

    /// The signal came from a terminal, and so has the command heard it already.
    pub(crate) fn command_is_told(&self) {
        self.told.set(true);
    }

    /// The command has ended by itself: its exit code is passed on.
    pub(crate) fn passes_on(&self, code: u8) {
        self.code.set(Some(code));
    }

    /// The exit code of an orderly end.
    pub(crate) fn code(&self) -> u8 {
        if self.signalled.get() { 0 } else { self.code.get().unwrap_or(0) }
    }

    /// Waits until a lease that is not released has run out, for others as well: `true`. Where this process is to end,
    /// it does not wait: `false`.
    async fn wait_out(&self, at: Instant) -> bool {
        while !self.signalled.get() && self.code.get().is_none() {
            tokio::select! {
                () = clock::sleep_until(at) => return true,
                () = self.noticed.notified() => {}
            }
        }
        tracing::warn!("{NOT_RELEASED}");
        false
    }
}

/// What connects the work with the election.
pub(crate) struct Line {
    /// What the election says.
    pub(crate) words: mpsc::UnboundedReceiver<Word>,
    /// The lease, as it is at every moment.
    pub(crate) lease: watch::Receiver<Option<Lease>>,
    /// To the election.
    pub(crate) commands: mpsc::Sender<Command>,
}

impl Line {
    /// The next word; a line without an election waits for ever.
    async fn word(&mut self) -> Word {
        match self.words.recv().await {
            Some(word) => word,
            None => std::future::pending().await,
        }
    }

    /// Waits until the term has to end.
    async fn stopping(&mut self) -> Instant {
        loop {
            if let Word::Stopping { by } = self.word().await {
                return by;
            }
        }
    }

    async fn tell(&self, command: Command) {
        // An election that has ended needs no word.
        let _ = self.commands.send(command).await;
    }
}
