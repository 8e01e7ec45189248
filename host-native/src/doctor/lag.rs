//! Whether reads show what was written just before.

use std::time::{Duration, Instant};

use leader_elector_core::gist::probe::Tip;

use super::finding::Finding;
use super::push::{Branch, push};
use super::site::{Result, Site, shows};

/// Writes that are followed, and reads after each: that many at least, and until one shows the write.
const WRITES: usize = 3;
const READS: usize = 4;
const MOST_READS: usize = 40;
const EVERY: Duration = Duration::from_millis(100);

/// What reads showed after writes.
#[derive(Default)]
struct Lag {
    writes: usize,
    reads: usize,
    stale: usize,
    longest: Duration,
}

/// Pushes, then reads.
pub(super) async fn after_pushes(site: &mut Site, branch: &Branch) -> Result<Finding> {
    let mut lag = Lag::default();
    for _ in 0..WRITES {
        let tip = site.ready().await?;
        let Some(head) = tip.head.clone() else { break };
        if push(site, branch, &tip, &head, &head).await?.is_ok() {
            lag.follow(site).await?;
        }
    }
    Ok(lag.finding("read after push"))
}

/// Some `PATCH`es, then reads.
pub(super) async fn after_patches(site: &mut Site) -> Result<Finding> {
    let mut lag = Lag::default();
    for _ in 0..WRITES {
        site.ready().await?;
        let text = site.text();
        if site.patch(Some(&text)).await?.is_ok() {
            site.expect(&text);
            lag.follow(site).await?;
        }
    }
    Ok(lag.finding("read after patch"))
}

/// Reads until something is seen, a few times.
pub(super) async fn shown(site: &mut Site, is_it: impl Fn(&Tip) -> bool) -> Result<bool> {
    for _ in 0..MOST_READS {
        if is_it(&site.read().await?) {
            return Ok(true);
        }
        site.sleep(EVERY).await?;
    }
    Ok(false)
}

impl Lag {
    /// Follows the write that was just acknowledged.
    async fn follow(&mut self, site: &mut Site) -> Result<()> {
        let Some(text) = site.expected().map(str::to_owned) else { return Ok(()) };
        let acknowledged = Instant::now();
        self.writes += 1;
        for read in 1..=MOST_READS {
            let sent = Instant::now();
            let is_stale = !shows(&site.read().await?, &text);
            self.reads += 1;
            if is_stale {
                self.stale += 1;
                self.longest = self.longest.max(sent - acknowledged);
            } else if read >= READS {
                break;
            }
            site.sleep(EVERY).await?;
        }
        Ok(())
    }

    fn finding(&self, check: &'static str) -> Finding {
        let Self { writes, reads, stale, longest } = self;
        if *writes == 0 {
            return Finding::change(check, "no write was acknowledged", "a leader could not renew either: try again");
        }
        if *stale == 0 {
            let seen = format!("no stale read observed in {reads} reads after {writes} writes");
            return Finding::well(check, seen, "followers learn of a change with their next poll");
        }
        let seen = format!(
            "{stale} of {reads} reads after {writes} writes were stale, up to {} ms after the answer",
            longest.as_millis()
        );
        Finding::change(check, seen, "a takeover and a hand-over take so much longer; they stay safe")
    }
}
