//! Whether git's compare-and-swap holds here: pushes with an old id that is stale, pushes at once, replacing pushes.

use std::time::Duration;

use leader_elector::clock;
use leader_elector_core::gist::probe::{Probe, Pushed, Tip, Trial};
use leader_elector_core::lock::Version;

use super::finding::{Finding, Findings};
use super::lag;
use super::site::{Answer, Result, Site, Stop};

const FIRST_TRIES: usize = 3;
const STALE_TRIES: usize = 3;
const AT_ONCE: usize = 8;
const EXCLUDES_NOBODY: &str = "this server does not compare: push mode excludes nobody here; --write patch";
const INSTEAD: &str = "patch mode works without: --write patch";

/// Where pushes go.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) url: String,
    pub(super) name: String,
}

/// What the server said, or why it said nothing that is understood.
pub(super) type Said = std::result::Result<Pushed, String>;

/// Finds the branch; `None` with a finding where pushes are not possible.
pub(super) async fn branch(site: &mut Site, tip: &Tip, found: &mut Findings) -> Result<Option<Branch>> {
    let mut cannot = |why: String| {
        found.push(Finding::change("push", why, INSTEAD));
        Ok(None)
    };
    let url = match tip.push_url() {
        Ok(url) => url.to_owned(),
        Err(why) => return cannot(why.to_owned()),
    };
    let answer = site.exchange(site.probe.refs(&url)).await?;
    match answer.and_then(|answer| Probe::head(&answer.response)) {
        Ok((name, at)) if tip.head.as_ref() == Some(&at) => Ok(Some(Branch { url, name })),
        Ok((name, at)) => cannot(format!("{name} stands at {at}, the API's newest revision is another")),
        Err(why) => cannot(why),
    }
}

/// Tries pushes; whether they exclude.
pub(super) async fn pushes(site: &mut Site, branch: &Branch, found: &mut Findings) -> Result<bool> {
    let tip = site.ready().await?;
    let Some(start) = tip.head.clone() else { return Ok(false) };
    // One that failed on the way says nothing about pushes.
    for tried in 1..=FIRST_TRIES {
        let tip = site.ready().await?;
        let Some(head) = tip.head.clone() else { return Ok(false) };
        match push(site, branch, &tip, &head, &head).await? {
            Ok(Pushed::Taken) => break,
            Err(_) if tried < FIRST_TRIES => {}
            said => {
                found.push(Finding::change("push", format!("not taken in {tried} tries: {}", words(&said)), INSTEAD));
                return Ok(false);
            }
        }
    }
    found.push(Finding::well("push", format!("taken on {}", branch.name), "push mode is possible"));
    found.push(lag::after_pushes(site, branch).await?);
    let refused = stale(site, branch, &start, found).await?;
    let one_wins = at_once(site, branch, found).await?;
    found.push(replacing(site, branch).await?);
    Ok(refused && one_wins)
}

/// Pushes that name an old id which is not the head; whether all were refused.
async fn stale(site: &mut Site, branch: &Branch, start: &Version, found: &mut Findings) -> Result<bool> {
    let (mut taken, mut unclear) = (0, 0);
    for _ in 0..STALE_TRIES {
        let tip = site.ready().await?;
        match push(site, branch, &tip, start, start).await? {
            Ok(Pushed::Taken) => taken += 1,
            Ok(Pushed::NotTaken(_)) => {}
            Err(_) => unclear += 1,
        }
    }
    let check = "push with a stale id";
    found.push(if taken > 0 {
        Finding::unusable(check, format!("TAKEN in {taken} of {STALE_TRIES} tries"), EXCLUDES_NOBODY)
    } else if unclear == STALE_TRIES {
        Finding::unusable(
            check,
            format!("no answer in {STALE_TRIES} tries"),
            "whether this server compares is not known",
        )
    } else {
        let seen = format!("refused in {} of {STALE_TRIES} tries, taken in none", STALE_TRIES - unclear);
        Finding::well(check, seen, "git's compare-and-swap holds for one push after another")
    });
    Ok(taken == 0 && unclear < STALE_TRIES)
}

/// Several pushes from one old id: exactly one may win.
async fn at_once(site: &mut Site, branch: &Branch, found: &mut Findings) -> Result<bool> {
    let tip = site.ready().await?;
    let Some(head) = tip.head.clone() else { return Ok(false) };
    let (mut ids, mut requests) = (Vec::new(), Vec::new());
    for _ in 0..AT_ONCE {
        let text = site.text();
        let (id, request) = make(site, branch, &tip, &head, &head, &text)?;
        ids.push(id);
        requests.push((Duration::ZERO, request));
    }
    site.own.extend(ids.iter().cloned());
    let answers = site.at_once(requests).await?;
    let said: Vec<Said> = answers.into_iter().map(|answer| said(answer, branch)).collect();
    let won: Vec<_> = ids.iter().zip(&said).filter(|(_, said)| **said == Ok(Pushed::Taken)).map(|(id, _)| id).collect();
    let unclear = said.iter().filter(|said| said.is_err()).count();
    let mut seen = format!("{} of {AT_ONCE} from one old id won", won.len());
    if unclear > 0 {
        use std::fmt::Write;
        _ = write!(seen, ", {unclear} without an answer");
    }
    let now = lag::shown(site, |tip| won.iter().any(|id| tip.head.as_ref() == Some(id))).await?;
    let check = "pushes at once";
    let (finding, excludes) = match won[..] {
        [] => (Finding::change(check, seen, "candidates that race try again"), true),
        [_] if now => (Finding::well(check, seen, "git's compare-and-swap holds for pushes at once"), true),
        [_] => {
            let seen = format!("{seen}, and no read showed it");
            (Finding::unusable(check, seen, "an acknowledged push is lost here: --write patch"), false)
        }
        _ => (Finding::unusable(check, seen, EXCLUDES_NOBODY), false),
    };
    found.push(finding);
    Ok(excludes)
}

/// A push that replaces the newest revision, as every renewal does.
async fn replacing(site: &mut Site, branch: &Branch) -> Result<Finding> {
    let tip = site.ready().await?;
    let (Some(head), Some(parent)) = (tip.head.clone(), tip.listed.get(1).cloned()) else {
        return Err(Stop::Store("the list of revisions lost what was pushed".to_owned()));
    };
    let check = "replacing push";
    Ok(match push(site, branch, &tip, &head, &parent).await? {
        Ok(Pushed::Taken) => Finding::well(check, "taken", "a term stays one revision"),
        said => {
            let seen = format!("not taken: {}", words(&said));
            Finding::change(check, seen, "candidates append instead: every renewal adds a revision")
        }
    })
}

/// Whether a PATCH is taken.
pub(super) async fn patch(site: &mut Site, found: &mut Findings) -> Result<bool> {
    let mut why = String::new();
    for _ in 0..FIRST_TRIES {
        site.ready().await?;
        let text = site.text();
        match site.patch(Some(&text)).await? {
            Ok(_) => {
                site.expect(&text);
                found.push(Finding::well("patch", "taken", "patch mode is possible"));
                return Ok(true);
            }
            Err(said) => why = said,
        }
    }
    let seen = format!("not taken in {FIRST_TRIES} tries: {}", why.trim());
    let follows = "no patch mode here: look at the token (scope `gist`, the gist's owner) and the network";
    found.push(Finding::unusable("patch", seen, follows));
    Ok(false)
}

/// One push of a text of our own, on what was just read.
pub(super) async fn push(site: &mut Site, branch: &Branch, on: &Tip, old: &Version, parent: &Version) -> Result<Said> {
    let text = site.text();
    let (id, request) = make(site, branch, on, old, parent, &text)?;
    site.own.push(id);
    let answer = site.exchange(request).await?;
    let said = said(answer, branch);
    if said == Ok(Pushed::Taken) {
        site.expect(&text);
    }
    Ok(said)
}

/// A push that can be sent, and the id of its commit.
pub(super) fn make(
    site: &Site,
    branch: &Branch,
    on: &Tip,
    old: &Version,
    parent: &Version,
    text: &str,
) -> Result<(Version, http::Request<Vec<u8>>)> {
    let trial = Trial { on, old, parent, branch: &branch.name, text, wall: clock::now().wall };
    site.probe.push(&trial).map_err(Stop::Store)
}

pub(super) fn said(answer: Answer, branch: &Branch) -> Said {
    answer.and_then(|answer| Probe::pushed(&answer.response, &branch.name))
}

pub(super) fn words(said: &Said) -> &str {
    match said {
        Ok(Pushed::Taken) => "taken",
        Ok(Pushed::NotTaken(words)) | Err(words) => words.trim(),
    }
}
