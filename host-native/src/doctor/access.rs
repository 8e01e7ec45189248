//! What reads alone tell: the token, the clock, the limits, 304, `history`; and how long answers took.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use leader_elector_core::gist::probe::Tip;
use leader_elector_core::time::http_date;

use super::advice::{Advice, CANDIDATES, written};
use super::finding::{Finding, Findings};
use super::site::{MOST_REQUESTS, Result, Site, Stop};

/// Beyond this, times that are shown mislead; the election itself compares no wall clocks.
const CLOCK_SLACK: Duration = Duration::from_secs(5);
const TRIES: usize = 5;

/// Reads a few times; the gist as it was found, or `None` where it cannot be used.
pub(super) async fn look(site: &mut Site, found: &mut Findings, advice: &mut Advice) -> Result<Option<Tip>> {
    let response = site.exchange(site.probe.get(None)).await?.map_err(Stop::Store)?.response;
    let status = response.status();
    if status.is_server_error() {
        return Err(Stop::Store(format!("the gist is answered {status}")));
    }
    if !status.is_success() {
        let follows = match status {
            StatusCode::UNAUTHORIZED => "the token is wrong or expired: make one with the scope `gist`",
            StatusCode::NOT_FOUND => "no such gist, or the token may not see it: `leader-elector init` makes one",
            StatusCode::FORBIDDEN => "the token may not do this: make a classic one with the scope `gist`",
            _ => "look at the API's address, the gist and the token",
        };
        found.push(Finding::unusable("token", format!("the gist is answered {status}"), follows));
        return Ok(None);
    }
    let scopes = text(response.headers(), "x-oauth-scopes");
    match scopes {
        Some(scopes) if !scopes.split(',').any(|scope| scope.trim() == "gist") => {
            let seen = format!("accepted, but its scopes are `{scopes}`");
            found.push(Finding::unusable("token", seen, "it cannot write: make one with the scope `gist`"));
            return Ok(None);
        }
        Some(scopes) => {
            let seen = format!("accepted; its scopes are `{scopes}`");
            found.push(Finding::well("token", seen, "it may write its owner's gists"));
        }
        None => found.push(Finding::well("token", "accepted; no scopes are named", "the writes below tell the rest")),
    }
    found.push(clock(response.headers()));
    let before = number(response.headers(), "x-ratelimit-remaining");
    let tip = site.probe.tip(&response).map_err(Stop::Store)?;
    found.push(if tip.head.is_some() {
        let seen = format!("in the answer, with {} revisions", tip.listed.len());
        Finding::well("history", seen, "a change costs a follower one request")
    } else {
        Finding::change("history", "not in the answer", "each change costs every candidate one request more")
    });
    let tip = site.complete(tip).await?;
    let etag = response.headers().get(http::header::ETAG);
    let listing = u64::from(site.requests > 1);
    let (unchanged, after) = conditional(site, etag).await?;
    // All but what was answered in full, and the list of revisions.
    let spent = before.zip(after).map(|(before, after)| before.saturating_sub(after).saturating_sub(listing));
    advice.unchanged_counts = unchanged < TRIES || spent.is_some_and(|spent| spent >= TRIES as u64);
    found.push(if unchanged == TRIES && !advice.unchanged_counts {
        Finding::well("conditional reads", format!("304 in {TRIES} of {TRIES} tries, none counted"), "polls are free")
    } else {
        let counted = if advice.unchanged_counts { ", and they count" } else { "" };
        let etag = if etag.is_none() { "no ETag; " } else { "" };
        let seen = format!("{etag}304 in {unchanged} of {TRIES} tries{counted}");
        Finding::change("conditional reads", seen, "every poll counts against the limit")
    });
    advice.limit = number(response.headers(), "x-ratelimit-limit");
    let left = after.or(before);
    found.push(limits(advice, left));
    match left {
        Some(left) if left < MOST_REQUESTS as u64 => Err(Stop::Store(format!(
            "{left} requests are left this hour, and this may take {MOST_REQUESTS}: try later"
        ))),
        _ => Ok(Some(tip)),
    }
}

/// How many conditional reads were answered 304, and the limit's rest after them.
async fn conditional(site: &mut Site, etag: Option<&http::HeaderValue>) -> Result<(usize, Option<u64>)> {
    let (mut unchanged, mut left) = (0, None);
    for _ in 0..TRIES {
        let response = site.exchange(site.probe.get(etag)).await?.map_err(Stop::Store)?.response;
        unchanged += usize::from(response.status() == StatusCode::NOT_MODIFIED);
        left = number(response.headers(), "x-ratelimit-remaining").or(left);
    }
    Ok((unchanged, left))
}

fn clock(headers: &HeaderMap) -> Finding {
    let Some(theirs) = text(headers, "date").and_then(http_date) else {
        let follows = "a wait until x-ratelimit-reset cannot be told apart from this clock's error";
        return Finding::change("clock", "the answer has no Date", follows);
    };
    let (ours, theirs) = (SystemTime::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(theirs));
    let apart = ours.duration_since(theirs).unwrap_or_else(|behind| behind.duration());
    let which = if ours >= theirs { "ahead of" } else { "behind" };
    if apart <= CLOCK_SLACK {
        let seen = format!("{} s {which} the store's, which tells whole seconds", apart.as_secs());
        return Finding::well("clock", seen, "times in records can be read as they stand");
    }
    let follows = "times in records, `status` and `history` are off by that; the election compares no wall clocks";
    Finding::change("clock", format!("{} s {which} the store's", apart.as_secs()), follows)
}

/// What the hourly limit allows candidates that share the token's user.
fn limits(advice: &Advice, left: Option<u64>) -> Finding {
    let Some(limit) = advice.limit else {
        return Finding::well("limits", "none named in the answers", "no poll is too short for them");
    };
    let left = left.map_or_else(|| "?".to_owned(), |left| left.to_string());
    let seen = format!("{left} of {limit} requests left this hour");
    let default = leader_elector_core::timing::Settings::default();
    match advice.timing() {
        Some(fits) if fits.poll == default.poll && fits.lease == default.lease => {
            Finding::well("limits", seen, format!("enough for {CANDIDATES} candidates at the default timings"))
        }
        Some(fits) => Finding::change(
            "limits",
            seen,
            format!(
                "{CANDIDATES} candidates fit with a poll of {}, a lease of {}",
                written(fits.poll),
                written(fits.lease)
            ),
        ),
        None => Finding::unusable("limits", seen, format!("too few for {CANDIDATES} candidates at any timings")),
    }
}

/// How long requests took.
pub(super) fn latency(site: &Site, advice: &mut Advice) -> Finding {
    let (reads, writes) = (median(&site.reads_took), median(&site.writes_took));
    let most = site.reads_took.iter().chain(&site.writes_took).max().copied().unwrap_or_default();
    let mut seen = format!(
        "median of {} reads {} ms, of {} writes {} ms; at most {} ms",
        site.reads_took.len(),
        reads.as_millis(),
        site.writes_took.len(),
        writes.as_millis(),
        most.as_millis()
    );
    if site.failed_reads > 0 {
        use std::fmt::Write;
        _ = write!(seen, "; {} reads failed", site.failed_reads);
    }
    let default = advice.timing();
    advice.slowest = most;
    match advice.timing() {
        None => Finding::unusable("latency", seen, "no timings leave room for answers this slow"),
        fits if fits == default && site.failed_reads == 0 => {
            Finding::well("latency", seen, "the default bound on a request is at least twice that")
        }
        fits if fits == default => Finding::change("latency", seen, "each failure makes a renewal come later"),
        Some(_) => {
            Finding::change("latency", seen, "give each request twice that, and the lease room for three of them")
        }
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}
