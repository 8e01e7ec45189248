//! Work that is not a child of this process: the candidate itself, or a workload beside it that asks over HTTP.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use leader_elector::clock;
use leader_elector::drive::Command;
use leader_elector_core::Instant;
use leader_elector_host::work::SILENT;
use tokio::sync::watch;

use super::{Ending, Line, Release};

/// Where the work says that it has ended; counts how often.
#[derive(Clone, Debug)]
pub(crate) struct Answer(Arc<watch::Sender<u64>>);

impl Answer {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// It has ended.
    pub(crate) fn say(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Asks for the word. Called before the work is told to stop: it may answer at once, and what it said before
    /// without a question is no answer.
    pub(crate) fn ask(&self, asked: &Cell<u64>) {
        asked.set(*self.0.borrow());
    }

    /// Waits for the answer.
    async fn answer(&self, asked: &Cell<u64>) {
        let mut said = self.0.subscribe();
        // Its sender is kept here.
        _ = said.wait_for(|count| *count > asked.get()).await;
    }
}

/// Says when the work has ended, as far as that can be known.
pub(crate) struct Told {
    pub(crate) release: Release,
    pub(crate) line: Line,
    pub(crate) ending: Rc<Ending>,
    /// For how long a lease that is not released stands.
    pub(crate) lease: Duration,
    /// Where the work says that it has ended; `None`: nobody can say so, the candidate is the work.
    pub(crate) said: Option<Answer>,
    /// As [`Answer::ask`] left it.
    pub(crate) asked: Rc<Cell<u64>>,
}

impl Told {
    /// Runs until the process has to end without a release.
    pub(crate) async fn run(mut self) {
        loop {
            let by = self.line.stopping().await;
            if !self.has_ended(by).await && !self.ending.wait_out(by + self.lease).await {
                return;
            }
            self.line.tell(Command::WorkStopped).await;
        }
    }

    async fn has_ended(&mut self, by: Instant) -> bool {
        let said = match (self.release, &self.said) {
            (Release::Never, _) => return false,
            (Release::Now, _) | (Release::Told, None) => return true,
            (Release::Told, Some(said)) => said,
        };
        tokio::select! {
            () = said.answer(&self.asked) => true,
            () = clock::sleep_until(by) => {
                tracing::warn!("{SILENT} (--release tells more)");
                false
            }
        }
    }
}
