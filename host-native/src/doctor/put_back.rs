//! Takes back what was written, and says what is left.

use std::time::Duration;

use leader_elector_core::gist::probe::{Probe, Pushed};
use leader_elector_host::say::complain;

use super::push::{Branch, push};
use super::site::{FILE, Result, Site, Stop};

/// A wait that the store asks for is kept, if it is no longer than this.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// Puts the gist back, or takes the file away. `why` is what ended the trial early.
pub(super) async fn put_back(site: &mut Site, branch: Option<&Branch>, why: Option<&Stop>) -> String {
    let stays = format!("the file {FILE} is still in the gist: the next run takes it away, or delete it by hand");
    if site.writes == 0 {
        return "nothing was written".to_owned();
    }
    site.putting_back = true;
    match why {
        // Nothing more is written beside an election.
        Some(Stop::LockMoved | Stop::Meddled | Stop::Alive) => return stays,
        Some(Stop::Throttled(wait)) if *wait > LONGEST_WAIT => return stays,
        Some(Stop::Throttled(wait)) => {
            complain(format_args!("waiting {} s, as the store asks, to put things back", wait.as_secs()));
            if site.sleep(*wait).await.is_err() {
                return stays;
            }
        }
        _ => {}
    }
    let was_there = site.found().is_some_and(|found| found.files.contains_key(FILE));
    match by_push(site, branch).await {
        Ok(true) if !was_there => return "the gist is as it was".to_owned(),
        Err(Stop::LockMoved) => return stays,
        _ => {}
    }
    by_patch(site).await.unwrap_or(stays)
}

/// Takes the file away, and says how many revisions remain.
async fn by_patch(site: &mut Site) -> Result<String> {
    let mut now = site.ready().await?;
    if now.files.contains_key(FILE) {
        now = match site.patch(None).await? {
            Ok(_) => site.ready().await?,
            Err(why) => return Err(Stop::Store(why)),
        };
        if now.files.contains_key(FILE) {
            return Err(Stop::Store("it is still there".to_owned()));
        }
    }
    let found = site.found().and_then(|found| found.head.clone());
    let more = now.listed.iter().take_while(|id| Some(*id) != found.as_ref()).count();
    if more == 0 {
        return Ok("the gist is as it was".to_owned());
    }
    Ok(format!("its file is gone; {more} revisions more than before remain in the gist's history"))
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
    super::lag::shown(site, |tip| tip.head.as_ref() == Some(&start)).await
}
