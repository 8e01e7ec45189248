//! Takes back what was written, and says what is left.

use leader_elector_core::gist::probe::{Probe, Pushed};

use super::lag::shown;
use super::push::{Branch, push};
use super::site::{FILE, Result, Site, Stop};

/// How often it is tried, where the store wants to be left alone in between.
const TRIES: usize = 3;

/// Puts the gist back, or takes the file away. `why` is what ended the trial early.
pub(super) async fn put_back(site: &mut Site, branch: Option<&Branch>, why: Option<&Stop>) -> String {
    let stays = format!("the file {FILE} is still in the gist: the next run takes it away, or delete it by hand");
    if site.writes == 0 {
        return "nothing was written".to_owned();
    }
    site.putting_back = true;
    let mut wait = match why {
        // Nothing more is written beside an election.
        Some(Stop::LockMoved | Stop::Meddled | Stop::Alive) => return stays,
        other => other.and_then(Stop::wait),
    };
    for _ in 0..TRIES {
        if let Some(wait) = wait
            && site.relent(wait, "put things back").await != Ok(true)
        {
            break;
        }
        match take_back(site, branch).await {
            Ok(left) => return left,
            Err(Stop::Throttled(told)) => wait = Some(told),
            Err(_) => break,
        }
    }
    stays
}

/// By a push, or else by PATCH; what is left, in words.
async fn take_back(site: &mut Site, branch: Option<&Branch>) -> Result<String> {
    let was_there = site.found().is_some_and(|found| found.files.contains_key(FILE));
    match by_push(site, branch).await {
        Ok(true) if !was_there => Ok("the gist is as it was".to_owned()),
        Err(stop @ (Stop::LockMoved | Stop::Throttled(_))) => Err(stop),
        _ => by_patch(site).await,
    }
}

/// Takes the file away, and says how many revisions remain.
async fn by_patch(site: &mut Site) -> Result<String> {
    if site.ready().await?.files.contains_key(FILE) {
        site.patch(None).await?.map_err(Stop::Store)?;
        if !shown(site, |now| !now.files.contains_key(FILE)).await? {
            return Err(Stop::Store("it is still there".to_owned()));
        }
    }
    // Not those of the gist's own answer: that names 30.
    let listed = site.listed().await?;
    let found = site.found().and_then(|found| found.head.clone());
    let more = listed.iter().take_while(|id| Some(*id) != found.as_ref()).count();
    if more == 0 {
        return Ok("the gist is as it was".to_owned());
    }
    let or_more = if more == listed.len() { " or more" } else { "" };
    Ok(format!("its file is gone; {more}{or_more} revisions more than before remain in the gist's history"))
}

/// Back to the revision that was found, if all that stands on it is ours and nothing else has changed: `true` if that
/// was done, and seen.
async fn by_push(site: &mut Site, branch: Option<&Branch>) -> Result<bool> {
    let (Some(branch), Some(found)) = (branch, site.found().cloned()) else { return Ok(false) };
    let listed = site.listed().await?;
    let Some(start) = found.head.clone() else { return Ok(false) };
    let now = site.ready().await?;
    let Some(head) = now.head.clone() else { return Ok(false) };
    if head == start {
        return Ok(true);
    }
    let above: Vec<_> = listed.iter().take_while(|id| **id != start).collect();
    let all_ours = above.len() < listed.len() && above.iter().all(|id| site.own.contains(id));
    if !all_ours || listed.first() != Some(&head) || !now.is_the_same_beside(&found, FILE) {
        return Ok(false);
    }
    // The comparison with a push of our own makes sure that nothing came in between.
    let said = push(site, branch, &now, &head, &head).await?;
    let Some(last) = site.own.last().cloned().filter(|_| said == Ok(Pushed::Taken)) else { return Ok(false) };
    site.pause().await?;
    let back = site.probe.put_back(&branch.url, &branch.name, &last, &start);
    let answer = site.exchange(back).await?;
    if answer.and_then(|answer| Probe::pushed(&answer.response, &branch.name)) != Ok(Pushed::Taken) {
        return Ok(false);
    }
    shown(site, |tip| tip.head.as_ref() == Some(&start)).await
}
