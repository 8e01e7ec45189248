//! `leader-elector status`: who leads, as far as it can be known from outside.

use std::time::Duration;

use leader_elector::clock;
use leader_elector::transport::Transport;
use leader_elector_core::Record;
use leader_elector_core::lock::Standing;
use serde::Serialize;

use crate::Failure;
use crate::cli::{OutputFormat, StatusArgs};
use crate::config;
use crate::observe::{Observer, stands_until};

/// Nobody leads.
const NOT_LED: u8 = 1;
/// As often as a candidate with the usual timings.
const POLL: Duration = Duration::from_secs(2);

/// What is known, and how surely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Held, and by the record's own clock the lease has not run out: an estimate.
    Held,
    /// A renewal was seen.
    Led,
    /// Held by a lease that has run out, by the record's own clock: an estimate.
    Expired,
    /// The lease has passed here without a renewal.
    Abandoned,
    /// Nobody holds it.
    Free,
    /// The text is no record.
    Unclear,
}

/// The answer, as JSON shows it.
#[derive(Debug, Serialize)]
struct Status {
    state: State,
    /// Whether it was watched long enough to be sure.
    observed: bool,
    leader: Option<String>,
    token: Option<u64>,
    since: Option<String>,
    renewed: Option<String>,
    /// At most; an estimate by the record's clock unless observed.
    until_at_most: Option<String>,
    lease_seconds: Option<u64>,
    write: Option<String>,
    revisions: Option<usize>,
    /// Older revisions may exist.
    more_revisions: bool,
}

/// Prints who leads.
pub(crate) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let (settings, access) = config::reader(&args.lock)?;
    let transport = Transport::new(&access).map_err(anyhow::Error::from)?;
    let mut observer = Observer::new(settings, transport)?;
    let mut standing = read_first(&mut observer).await?;
    let received = clock::now().at;
    let mut state = estimate(&standing);
    if args.observe && matches!(state, State::Held | State::Expired) {
        (standing, state) = watch(&mut observer, standing, received).await?;
    }
    let shown = show(&observer, &standing, state, args.output)?;
    if !args.watch {
        return if shown { Ok(()) } else { Err(Failure::Code(NOT_LED)) };
    }
    loop {
        tokio::time::sleep(POLL).await;
        if let Some(next) = observer.read().await? {
            state =
                if next.record.as_ref().is_some_and(|record| record.is_held()) { State::Led } else { estimate(&next) };
            show(&observer, &next, state, args.output)?;
        }
    }
}

async fn read_first(observer: &mut Observer) -> Result<Standing, Failure> {
    observer.read().await?.ok_or_else(|| Failure::Refused("unknown: no answer".to_owned()))
}

/// Reads until the lock moves, or until what stands has run out as counted from its first receipt.
async fn watch(
    observer: &mut Observer,
    standing: Standing,
    received: leader_elector_core::Instant,
) -> Result<(Standing, State), Failure> {
    let end = stands_until(&standing, received);
    while clock::now().at < end {
        tokio::time::sleep(POLL).await;
        if let Some(next) = observer.read().await?
            && next.state != standing.state
        {
            let held = next.record.as_ref().is_some_and(|record| record.is_held());
            let state = if held { State::Led } else { estimate(&next) };
            return Ok((next, state));
        }
    }
    Ok((standing, State::Abandoned))
}

fn estimate(standing: &Standing) -> State {
    match &standing.record {
        Some(record) if record.is_held() => {
            let now = leader_elector_core::record::timestamp(clock::now().wall);
            match (until(record), now) {
                (Some(until), Some(now)) if until <= now => State::Expired,
                _ => State::Held,
            }
        }
        Some(_) => State::Free,
        None if standing.stands_for.is_zero() => State::Free,
        None => State::Unclear,
    }
}

/// The end of the lease by the record's own clock.
fn until(record: &Record) -> Option<leader_elector_core::record::Timestamp> {
    record.renewed?.checked_add_signed(leader_elector_core::record::span(record.lease)?)
}

/// Prints, and tells whether somebody leads.
fn show(observer: &Observer, standing: &Standing, state: State, format: OutputFormat) -> Result<bool, Failure> {
    let record = standing.record.as_deref().filter(|record| record.is_held());
    let text = |time: leader_elector_core::record::Timestamp| leader_elector_core::record::rfc3339(&time);
    let (revisions, complete) = observer.revisions().map_or((None, true), |(n, complete)| (Some(n), complete));
    let status = Status {
        state,
        observed: matches!(state, State::Led | State::Abandoned),
        leader: record.map(|record| record.holder.clone()),
        token: standing.record.as_deref().map(|record| record.token.get()),
        since: record.and_then(|record| record.acquired).map(text),
        renewed: record.and_then(|record| record.renewed).map(text),
        until_at_most: record.and_then(until).map(text),
        lease_seconds: record.map(|record| record.lease.as_secs()),
        write: standing.record.as_deref().and_then(Record::write_mode).map(|mode| mode.to_string()),
        revisions,
        more_revisions: !complete,
    };
    if format == OutputFormat::Json {
        println!("{}", serde_json::to_string_pretty(&status).map_err(anyhow::Error::from)?);
    } else {
        print_text(&status);
    }
    Ok(matches!(state, State::Held | State::Led))
}

fn print_text(status: &Status) {
    let words = match status.state {
        State::Held => "held; not seen renewed yet (--observe makes sure)",
        State::Led => "led: a renewal was seen",
        State::Expired => "held, but its lease has run out by the record's own clock (--observe makes sure)",
        State::Abandoned => "nobody leads: the lease has passed without a renewal",
        State::Free => "free: nobody leads",
        State::Unclear => "the lock file is no record: respected for a lease, then replaced",
    };
    println!("{:<12}{words}", "state");
    let line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            println!("{name:<12}{}", printable(&value));
        }
    };
    line("leader", status.leader.clone());
    line("token", status.token.map(|token| token.to_string()));
    line("since", status.since.clone());
    line("renewed", status.renewed.clone());
    line(
        "until",
        status.until_at_most.as_ref().map(|until| format!("{until} at most (an estimate, by the leader's clock)")),
    );
    line("write", status.write.clone());
    let more = if status.more_revisions { " or more" } else { "" };
    line("revisions", status.revisions.map(|n| format!("{n}{more}")));
}

/// Somebody else's text on a terminal: control characters are made visible.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
