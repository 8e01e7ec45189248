//! Ctrl-C, SIGTERM and a terminal that goes away: the first ends the trial and puts things back, a second exits at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use leader_elector_host::say::complain;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Failure;
use crate::guard::ignored_signals;

/// Whether a signal came, and which.
#[derive(Clone, Debug)]
pub(super) struct Interrupt {
    token: CancellationToken,
    number: Arc<AtomicU8>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, Failure> {
        // Listening takes a signal from what is ignored: asked afterwards, nothing would be.
        let stays = ignored_signals().contains(&SignalKind::hangup().as_raw_value());
        let mut interrupt = signal(SignalKind::interrupt()).map_err(anyhow::Error::from)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(anyhow::Error::from)?;
        let mut hang_up = signal(SignalKind::hangup()).map_err(anyhow::Error::from)?;
        let this = Self { token: CancellationToken::new(), number: Arc::default() };
        let told = this.clone();
        tokio::spawn(async move {
            loop {
                let number = tokio::select! {
                    Some(()) = interrupt.recv() => 2,
                    Some(()) = terminate.recv() => 15,
                    Some(()) = hang_up.recv(), if !stays => 1,
                    else => return,
                };
                told.number.store(number, Ordering::Relaxed);
                if told.token.is_cancelled() {
                    complain("exits at once: look into the gist for what is left");
                    std::process::exit(i32::from(told.exit_code()));
                }
                complain("stopping: takes back what was written; a second signal exits at once");
                told.token.cancel();
            }
        });
        Ok(this)
    }

    pub(super) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Returns once a signal came.
    pub(super) async fn told(&self) {
        self.token.cancelled().await;
    }

    /// As a shell names the end by a signal.
    pub(super) fn exit_code(&self) -> u8 {
        128 + self.number.load(Ordering::Relaxed)
    }
}
