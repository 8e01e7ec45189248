//! Nothing is tried out beside an election.

use std::time::Duration;

use leader_elector::clock;
use leader_elector::transport::Transport;
use leader_elector_core::gist::Settings;
use leader_elector_core::lock::Standing;
use leader_elector_host::say::complain;

use super::interrupt::Interrupt;
use super::site::{Result, Stop};
use crate::Failure;
use crate::observe::{Observer, stands_until};
use leader_elector_host::say::printable;

/// As often as a follower reads; unchanged, it costs nothing.
const POLL: Duration = Duration::from_secs(2);

/// Watches a lock that is held, or unclear, for as long as it asks to be respected: a live one moves.
pub(super) async fn refuse(settings: &Settings, transport: Transport, interrupt: &Interrupt) -> Result<()> {
    tokio::select! {
        watched = watch(settings, transport) => watched,
        () = interrupt.told() => Err(Stop::Interrupted),
    }
}

async fn watch(settings: &Settings, transport: Transport) -> Result<()> {
    let mut observer = Observer::new(settings.clone(), transport).map_err(why)?;
    let standing = observer.read().await.map_err(why)?.ok_or_else(|| Stop::Store("no answer".to_owned()))?;
    let holder = standing.record.as_deref().filter(|record| record.is_held()).map(|record| printable(&record.holder));
    if standing.stands_for.is_zero() {
        return Ok(());
    }
    let (end, seconds) = (stands_until(&standing, clock::now().at), standing.stands_for.as_secs());
    let words = holder.map_or_else(
        || format!("what stands in the lock is to be respected for {seconds} s: watching whether an election runs"),
        |holder| format!("the lock names {holder} as its leader: watching for {seconds} s whether that is so"),
    );
    complain(words);
    while clock::now().at < end {
        clock::sleep_until((clock::now().at + POLL).min(end)).await;
        if observer.read().await.map_err(why)?.is_some_and(|now| has_moved(&standing, &now)) {
            return Err(Stop::Alive);
        }
    }
    Ok(())
}

fn has_moved(before: &Standing, now: &Standing) -> bool {
    before.head != now.head || before.state != now.state
}

fn why(failure: Failure) -> Stop {
    Stop::Store(match failure {
        Failure::Refused(why) => why.trim_start_matches("unknown: ").to_owned(),
        Failure::Usage(mistakes) => mistakes.join("; "),
        Failure::Other(error) => format!("{error:#}"),
        Failure::Code(code) => format!("code {code}"),
    })
}
