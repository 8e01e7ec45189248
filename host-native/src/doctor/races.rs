//! Whether a PATCH that races with another write makes it vanish although it was acknowledged, and within what time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use leader_elector_core::gist::probe::Pushed;
use leader_elector_core::lock::Version;

use super::advice::{Advice, written};
use super::finding::Finding;
use super::push::{Branch, make, said};
use super::site::{Answer, Result, Site};

/// How long after the first write the second is sent; negative: before it. Milliseconds.
const PATCH_AND_PATCH: [i64; 10] = [0, 0, 0, 0, 20, 60, 150, 400, 800, 1600];
const PUSH_AND_PATCH: [i64; 14] = [0, 0, 0, 0, -10, -30, -80, -200, 20, 60, 150, 400, 800, 1600];
/// A write that vanishes even then is looked for at twice the distance, up to this.
const LONGEST_MS: i64 = 12_800;
/// A revision that is missing may be missing from a stale read only.
const LOOKS: u32 = 3;

/// The write that a PATCH races with.
#[derive(Clone, Copy)]
enum Rival<'a> {
    Patch,
    Push(&'a Branch),
}

/// A PATCH and a PATCH.
pub(super) async fn patches(site: &mut Site, advice: &mut Advice) -> Result<Finding> {
    let tally = race(site, Rival::Patch, &PATCH_AND_PATCH).await?;
    advice.patch_lost = tally.window();
    let check = "patch against patch";
    Ok(match (advice.patch_lost, advice.push) {
        (Some(lost), true) => {
            let settle = written(Advice::settle(Some(lost)));
            let follows = format!("push mode does not rest on it; --write patch would need --settle {settle} or more");
            Finding::well(check, tally.seen(), follows)
        }
        (lost, _) => tally.finding(check, lost, advice),
    })
}

/// A push and a PATCH.
pub(super) async fn push_and_patch(site: &mut Site, branch: &Branch, advice: &mut Advice) -> Result<Finding> {
    let tally = race(site, Rival::Push(branch), &PUSH_AND_PATCH).await?;
    advice.push_lost = tally.window();
    Ok(tally.finding("patch against push", advice.push_lost, advice))
}

/// What came of the races.
#[derive(Default)]
struct Tally {
    /// Races in which both writes were acknowledged.
    tries: usize,
    /// Races in which the store refused one, or did not answer: nothing can be lost there that was promised.
    refused: usize,
    lost: usize,
    longest: Duration,
}

impl Tally {
    fn window(&self) -> Option<Duration> {
        (self.lost > 0).then_some(self.longest)
    }

    fn seen(&self) -> String {
        let Self { tries, refused, lost, longest } = self;
        let beside = if *refused > 0 { format!(", {refused} more had one refused") } else { String::new() };
        if *lost == 0 {
            format!("no lost update observed in {tries} tries{beside}")
        } else {
            let within = longest.as_millis();
            format!("{lost} of {tries} tries lost an acknowledged write, up to {within} ms after its answer{beside}")
        }
    }

    fn finding(&self, check: &'static str, lost: Option<Duration>, advice: &Advice) -> Finding {
        let settle = written(Advice::settle(lost));
        match lost {
            None if self.tries == 0 => {
                Finding::change(check, self.seen(), "nothing is known: keep --settle at 1s or more")
            }
            None => Finding::well(check, self.seen(), "keep --settle at its default: tries prove nothing"),
            Some(_) if advice.timing().is_none() => {
                Finding::unusable(check, self.seen(), format!("no lease is long enough for --settle {settle}"))
            }
            Some(_) if Advice::settle(lost) == Advice::settle(None) => {
                Finding::well(check, self.seen(), format!("the default --settle of {settle} covers twice that"))
            }
            Some(_) => Finding::change(check, self.seen(), format!("--settle {settle}, twice what was seen")),
        }
    }
}

async fn race(site: &mut Site, rival: Rival<'_>, apart: &[i64]) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut apart: VecDeque<i64> = apart.iter().copied().collect();
    let mut before: Option<Instant> = None;
    while let Some(ms) = apart.pop_front() {
        let tip = site.ready().await?;
        let Some(base) = tip.head.clone() else { break };
        let text = site.text();
        let first = match rival {
            Rival::Patch => site.probe.patch(Some(&text)),
            Rival::Push(branch) => {
                let (id, request) = make(site, branch, &tip, &base, &base, &text)?;
                site.own.push(id);
                request
            }
        };
        let second = site.text();
        let second = site.probe.patch(Some(&second));
        let later = |ms: i64| Duration::from_millis(ms.max(0).unsigned_abs());
        let mut answers = site.at_once(vec![(later(-ms), first), (later(ms), second)]).await?.into_iter();
        let first = match (rival, answers.next()) {
            (_, None) => None,
            (Rival::Patch, Some(answer)) => acknowledged(site, answer)?,
            (Rival::Push(branch), Some(answer)) => {
                let at = answer.as_ref().ok().map(|answer| answer.at);
                let taken = said(answer, branch) == Ok(Pushed::Taken);
                at.filter(|_| taken)
            }
        };
        let second = match answers.next() {
            Some(answer) => acknowledged(site, answer)?,
            None => None,
        };
        let latest = first.max(second);
        match (first, second) {
            (Some(_), Some(_)) => tally.tries += 1,
            _ => tally.refused += 1,
        }
        let promised = usize::from(first.is_some()) + usize::from(second.is_some());
        let earliest = first.into_iter().chain(second).min();
        let since = |now: Option<Instant>, then: Option<Instant>| {
            Some(now.zip(then).map(|(now, then)| now.saturating_duration_since(then)).unwrap_or_default())
        };
        let lost = match settled(site, &tip.listed, promised).await? {
            Stands { on: 0, above } if above >= promised => None,
            // One of the two: it vanished at the latest when the other was acknowledged.
            Stands { on: 0, .. } if first.is_some() && second.is_some() => since(latest, earliest),
            Stands { on: 0, .. } => since(Some(Instant::now()), latest),
            // What stood before both; if both are there, under the earlier one.
            Stands { above, .. } if above >= promised => since(earliest, before),
            Stands { .. } => since(latest, before),
        };
        if let Some(window) = lost {
            tally.lost += 1;
            tally.longest = tally.longest.max(window);
            if apart.is_empty() && ms > 0 && ms < LONGEST_MS {
                apart.push_back(ms * 2);
            }
        }
        before = latest.or(before);
    }
    // A race that lost what stood before it may have had one of its own writes refused.
    tally.tries = tally.tries.max(tally.lost);
    Ok(tally)
}

/// When a PATCH was acknowledged.
fn acknowledged(site: &mut Site, answer: Answer) -> Result<Option<Instant>> {
    let at = answer.as_ref().ok().map(|answer| answer.at);
    Ok(site.patched(answer)?.ok().and(at))
}

/// Where revisions stand, once things have settled.
#[derive(Clone, Copy)]
struct Stands {
    /// On which of the revisions from before: 0 is the newest, and anything else says that it has vanished.
    on: usize,
    /// How many.
    above: usize,
}

async fn settled(site: &mut Site, before: &[Version], promised: usize) -> Result<Stands> {
    let mut stands = Stands { on: before.len(), above: 0 };
    for look in 0..LOOKS {
        site.pause().await?;
        // A stale read shows less; a longer wait tells.
        site.sleep(Duration::from_millis(500) * look).await?;
        let tip = site.read().await?;
        let common = tip.listed.iter().enumerate().find_map(|(above, id)| {
            let on = before.iter().position(|known| known == id)?;
            Some(Stands { on, above })
        });
        stands = common.unwrap_or(Stands { on: before.len(), above: tip.listed.len() });
        if stands.on == 0 && stands.above >= promised {
            break;
        }
    }
    Ok(stands)
}
