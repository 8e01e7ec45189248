//! `leader-elector doctor`: whether the promise holds here, tried out on the user's own gist with the user's own token.
//!
//! | room | rule |
//! |---|---|
//! | `site` | requests within a budget; nothing is written without a look at the lock file just before |
//! | `live` | no trial beside an election |
//! | `access` | what reads alone tell |
//! | `push` `lag` `races` | what writes tell: compare-and-swap, stale reads, lost updates |
//! | `advice` | the settings that fit |
//! | `finding` | one line each, and the report |
//! | `put_back` | the gist as it was, or the file taken away |
//! | `scratch` `interrupt` | a gist of one's own, deleted however it ends |
//!
//! It never writes the lock file, and puts things back only by a push whose old id is its own last push.

mod access;
mod advice;
mod finding;
mod interrupt;
mod lag;
mod live;
mod push;
mod put_back;
mod races;
mod scratch;
mod site;

use std::time::{SystemTime, UNIX_EPOCH};

use leader_elector::transport::Transport;
use leader_elector_core::gist::Settings;
use leader_elector_core::gist::probe::Probe;
use leader_elector_host::say::{complain, print};

use self::advice::Advice;
use self::finding::{Findings, Report, Verdict};
use self::interrupt::Interrupt;
use self::push::Branch;
use self::scratch::Scratch;
use self::site::{FILE, MOST_REQUESTS, MOST_WRITES, Result, Site, Stop};
use crate::cli::{DoctorArgs, OutputFormat};
use crate::config;
use crate::{Failure, connect};

/// Usable with changes.
const CHANGES: u8 = 1;
/// Not usable.
const UNUSABLE: u8 = 2;

/// Tries out the gist, and prints what was seen.
pub(crate) async fn run(args: DoctorArgs) -> std::result::Result<(), Failure> {
    let pause = config::duration("pause", &args.pause).map_err(|mistake| Failure::Usage(vec![mistake]))?;
    let (settings, transport) = if args.scratch {
        config::maker(&args.lock.api, &args.lock.file, connect)?
    } else {
        config::writer(&args.lock, "push", connect)?
    };
    if settings.file == FILE {
        return Err(Failure::Usage(vec![format!("file is `{FILE}`: allowed is any other, this one is written here")]));
    }
    let interrupt = Interrupt::listen()?;
    complain(format_args!(
        "at most {MOST_REQUESTS} requests, {MOST_WRITES} of them writes, in about two minutes; Ctrl-C puts back"
    ));
    let scratch = if args.scratch { Some(Scratch::make(&settings, transport.clone()).await?) } else { None };
    let gist = scratch.as_ref().map_or(settings.gist.clone(), |scratch| scratch.gist().to_owned());
    let settings = Settings { gist, request_timeout: site::REQUEST_TIMEOUT, ..settings };
    let mut site = site(&settings, transport.clone(), pause, &interrupt)?;

    let mut trial = Trial { on_scratch: args.scratch, ..Trial::default() };
    trial.found.text = (args.output == OutputFormat::Text).then(|| interrupt.token());
    let end = trial.run(&mut site, &settings, transport, &interrupt).await.err();
    let left = match scratch {
        Some(scratch) => scratch.delete().await,
        None => put_back::put_back(&mut site, trial.branch.as_ref(), end.as_ref()).await,
    };
    let left = site.with_unanswered(left);
    if let Some(failure) = trial.found.unread.take() {
        return Err(failure);
    }
    let report = trial.report(&site, &settings, end.as_ref(), left);
    print(&match args.output {
        OutputFormat::Json => serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?,
        OutputFormat::Text => report.text(),
    })?;
    match (report.verdict, report.ended, end) {
        (Verdict::Well, ..) => Ok(()),
        (Verdict::Change, ..) => Err(Failure::Code(CHANGES)),
        (Verdict::Unusable, ..) => Err(Failure::Code(UNUSABLE)),
        (Verdict::Unknown, Some(why), Some(Stop::Interrupted)) => {
            complain(format_args!("error: {why}"));
            Err(Failure::Code(interrupt.exit_code()))
        }
        (Verdict::Unknown, why, _) => Err(Failure::Refused(why.unwrap_or_default())),
    }
}

fn site(
    settings: &Settings,
    transport: Transport,
    pause: std::time::Duration,
    interrupt: &Interrupt,
) -> std::result::Result<Site, Failure> {
    let probe = Probe::new(Settings { file: FILE.to_owned(), ..settings.clone() })?;
    // What was never written before: the clock is random enough for a text.
    let nonce = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Ok(Site::new(probe, transport, settings.file.clone(), pause, interrupt.token(), nonce))
}

/// What is found, in the order in which it is tried out.
#[derive(Default)]
struct Trial {
    found: Findings,
    advice: Advice,
    /// Where pushes go, if they go.
    branch: Option<Branch>,
    /// Whether everything was tried, or enough to know that nothing works.
    is_whole: bool,
    /// Whether the gist is deleted afterwards.
    on_scratch: bool,
}

impl Trial {
    async fn run(
        &mut self,
        site: &mut Site,
        settings: &Settings,
        transport: Transport,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let Self { found, advice, branch, is_whole, .. } = self;
        let Some(tip) = access::look(site, found, advice).await? else {
            *is_whole = true;
            return Ok(());
        };
        live::refuse(settings, transport, interrupt).await?;
        *branch = push::branch(site, &tip, found).await?;
        if let Some(branch) = branch {
            advice.push = push::pushes(site, branch, found).await?;
        }
        if push::patch(site, found).await? {
            advice.patch = true;
            found.push(lag::after_patches(site).await?);
            found.push(races::patches(site, advice).await?);
            if let Some(branch) = branch.as_ref().filter(|_| advice.push) {
                found.push(races::push_and_patch(site, branch, advice).await?);
            }
        }
        if !site.writes_took.is_empty() {
            found.push(access::latency(site, advice));
        }
        *is_whole = true;
        Ok(())
    }

    fn report(self, site: &Site, settings: &Settings, end: Option<&Stop>, left: String) -> Report {
        // A scratch gist is gone by now: the lock's own is for GIST_ID to say.
        let lasting = (!self.on_scratch).then_some(settings.gist.as_str());
        let command = self.advice.command(settings, lasting).filter(|_| self.is_whole);
        let worst = self.found.worst();
        let verdict = match (&command, self.is_whole) {
            (_, false) => Verdict::Unknown,
            (None, true) => Verdict::Unusable,
            // Where one write mode excludes nobody, the other may still do.
            (Some(_), true) => worst.min(Verdict::Change),
        };
        Report {
            gist: settings.gist.clone(),
            verdict,
            ended: end.map(|stop| format!("{}; {left}", words(stop))),
            findings: self.found.list,
            command,
            requests: site.requests,
            writes: site.writes,
            left,
        }
    }
}

fn words(stop: &Stop) -> String {
    match stop {
        Stop::Alive => "the lock is alive: stop the candidates first, or use --scratch".to_owned(),
        Stop::LockMoved => "the lock file changed meanwhile: a candidate runs; nothing more was written".to_owned(),
        Stop::Meddled => format!("somebody else writes {FILE}, another doctor perhaps; nothing more was written"),
        Stop::Throttled(wait) => {
            format!("throttled: the store asks to be left alone for {} s; try later", wait.as_secs())
        }
        Stop::Store(why) => format!("unknown: {why}"),
        Stop::Interrupted => "interrupted".to_owned(),
    }
}
