//! Nothing is tried out beside an election.

use std::cell::Cell;
use std::time::Duration;

use http::{Request, Response};
use leader_elector::clock;
use leader_elector::transport::{NoAnswer, Transport};
use leader_elector_core::gist::Settings;
use leader_elector_core::lock::Standing;
use leader_elector_core::{Instant, Now, Sent};
use leader_elector_host::say::complain;
use leader_elector_host::world::World;

use super::interrupt::Interrupt;
use super::site::{Result, Site, Stop};
use crate::Failure;
use crate::observe::{Observer, stands_until};
use leader_elector_host::say::printable;

/// As often as a follower reads, and in all no more often than the budget bears.
const POLL: Duration = Duration::from_secs(2);
const POLLS: u32 = 50;
/// So many polls in a row may fail; the last one may not, or nobody knows whether the lock has moved.
const FAILED: u32 = 3;

/// Watches a lock that is held, or unclear, for as long as it asks to be respected: a live one moves.
pub(super) async fn refuse(
    site: &mut Site,
    settings: &Settings,
    transport: Transport,
    interrupt: &Interrupt,
) -> Result<()> {
    let sent = Cell::new(0);
    let world = OnAccount { transport, sent: &sent, most: site.spare() };
    let watched = tokio::select! {
        watched = watch(settings, world) => watched,
        () = interrupt.told() => Err(Stop::Interrupted),
    };
    site.requests += sent.get();
    watched
}

async fn watch(settings: &Settings, world: OnAccount<'_>) -> Result<()> {
    let mut observer = Observer::new(settings.clone(), world).map_err(why)?;
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
    let poll = POLL.max(standing.stands_for / POLLS);
    let mut failed = 0;
    while clock::now().at < end || failed > 0 {
        let next = clock::now().at + poll;
        clock::sleep_until(if failed > 0 { next } else { next.min(end) }).await;
        match observer.read().await {
            Ok(Some(now)) if has_moved(&standing, &now) => return Err(Stop::Alive),
            Ok(_) => failed = 0,
            Err(failure) => {
                failed += 1;
                if failed > FAILED || observer.world().is_spent() {
                    return Err(why(failure));
                }
            }
        }
    }
    Ok(())
}

/// The way to the store, with each request on the trial's account.
struct OnAccount<'a> {
    transport: Transport,
    sent: &'a Cell<usize>,
    most: usize,
}

impl OnAccount<'_> {
    fn is_spent(&self) -> bool {
        self.sent.get() == self.most
    }
}

impl World for OnAccount<'_> {
    fn now(&self) -> Now {
        self.transport.now()
    }

    async fn sleep_until(&self, at: Instant) {
        self.transport.sleep_until(at).await;
    }

    async fn send(&self, request: Request<Vec<u8>>) -> std::result::Result<Response<Vec<u8>>, NoAnswer> {
        if self.is_spent() {
            return Err(NoAnswer { sent: Sent::No, what: "the budget of requests is spent".to_owned() });
        }
        self.sent.set(self.sent.get() + 1);
        self.transport.send(request).await
    }
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
