//! `leader-elector reset`: a person changes the write mode, with all candidates stopped.

use std::time::Duration;

use anyhow::anyhow;
use leader_elector::clock;
use leader_elector_core::lock::Bar;
use leader_elector_core::record::Record;
use leader_elector_core::warning::Warning;
use leader_elector_host::say::{complain, print};

use crate::cli::ResetArgs;
use crate::config;
use crate::observe::{Observer, stands_until};
use crate::{Failure, connect};
use leader_elector_host::say::printable;

/// As often as a candidate with the usual timings.
const POLL: Duration = Duration::from_secs(2);

/// Waits until what stands has run out, and writes the end.
pub(crate) async fn run(args: ResetArgs) -> Result<(), Failure> {
    let (settings, transport) = config::writer(&args.lock, &args.write, connect)?;
    let mut observer = Observer::new(settings, transport)?;
    let no_answer = || Failure::Refused("unknown: no answer".to_owned());
    let standing = observer.read().await?.ok_or_else(no_answer)?;
    if standing.bar == Some(Bar::NoRecordInSight) {
        return Err(out_of_sight(&observer.take_warnings()));
    }
    let end = stands_until(&standing, clock::now().at);
    if !standing.stands_for.is_zero() {
        let seconds = standing.stands_for.as_secs();
        complain(format_args!("waiting {seconds} s: what stands in the lock has to run out first"));
    }
    loop {
        let left = end.since(clock::now().at);
        clock::sleep_until(clock::now().at + left.min(POLL)).await;
        if let Some(now) = observer.read().await?
            && now.head != standing.head
        {
            let by =
                now.record.as_deref().filter(|record| record.is_held()).map_or("somebody", |record| &record.holder);
            let by = printable(by);
            return Err(anyhow!("the lock moved ({by} wrote): stop all candidates first; nothing was changed").into());
        }
        if left.is_zero() {
            break;
        }
    }
    observer.reset(&standing, standing.newest_token).await?;
    let next = standing.newest_token.next().map_or_else(
        || "and no term can follow: no token is left".to_owned(),
        |token| format!("the next term has token {token}"),
    );
    // Who starts now cannot know that it has run out (R9).
    print(&if standing.record.as_deref().is_some_and(Record::is_held) {
        let seconds = standing.stands_for.as_secs();
        format!("reset: nobody holds the lock; candidates respect what lay there for {seconds} s more, {next}")
    } else {
        format!("reset: the lock is free, {next}")
    })
}

/// The token would be set back: what the reset would write is for a person to find out.
fn out_of_sight(said: &[Warning]) -> Failure {
    let why = said.iter().find(|warning| matches!(warning, Warning::NoRecordInSight { .. }));
    let why = why.map_or_else(|| "no record is in sight".to_owned(), ToString::to_string);
    let by_hand = r#"{"holderIdentity":"","leaseDurationSeconds":1,"leaderTransitions":N}"#;
    Failure::Refused(format!(
        "{why}: {by_hand}, with the highest N that `leader-elector history` or the gist's revisions show; then reset again"
    ))
}
