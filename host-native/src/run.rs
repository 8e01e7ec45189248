//! `leader-elector run`: a candidate, its sentences, its signals.

use std::future::pending;
use std::time::Duration;

use humantime::format_duration;
use leader_elector::drive::{Command, drive};
use leader_elector::transport::Transport;
use leader_elector::{candidate, clock};
use leader_elector_core::{Event, Lock, StopReason, View, Warning};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::cli::RunArgs;
use crate::config::{Config, token_from};
use crate::{Failure, log};

/// How often the token file is looked at.
const TOKEN_FILE_INTERVAL: Duration = Duration::from_secs(5);

/// Runs until a signal ends it, or the store refuses at the start.
pub(crate) async fn run(args: RunArgs) -> Result<(), Failure> {
    let config = Config::parse(&args)?;
    log::init(&args.log);
    let transport = Transport::new(&config.access).map_err(anyhow::Error::from)?;
    let candidate = candidate(config.gist, config.timing, &config.name).map_err(Failure::Usage)?;
    let name = config.name.as_str();
    tracing::info!(holder = name, "attempting to acquire leader lease {}...", candidate.lock().describe());

    let (commands, receiver) = mpsc::channel(8);
    let (lease, _) = watch::channel(None);
    let (refused, mut refusal) = mpsc::channel(1);
    let keep_trying = args.keep_trying;
    let worker = commands.clone();
    let election = drive(candidate, &transport, receiver, &lease, |event, view| {
        say(name, event, view);
        match event {
            // The candidate itself is the work: it has stopped as soon as it is told.
            Event::Stopping { .. } => _ = worker.try_send(Command::WorkStopped),
            Event::Warning(Warning::Denied { reason }) if !keep_trying && !view.has_read => {
                _ = refused.try_send(reason.clone());
            }
            _ => {}
        }
    });
    tokio::select! {
        () = election => Ok(()),
        Some(reason) = refusal.recv() => Err(Failure::Refused(mend(&reason.to_string(), reason.status))),
        result = signals(&commands) => result,
        () = watch_token(config.access.token_file.as_deref(), config.access.token.as_deref(), &commands) => Ok(()),
    }
}

/// The sentences of the original demo, each at its moment, and what else a person should know.
fn say(name: &str, event: &Event, view: &View) {
    match event {
        Event::NewLeader { leader } if leader.is_empty() => tracing::debug!("the lock is free"),
        Event::NewLeader { leader } if leader == name => {}
        Event::NewLeader { leader } => {
            let token = view.token.map(leader_elector_core::Token::get);
            tracing::info!(holder = leader, token, term = token, "All hail {leader}");
        }
        Event::StartedLeading { token } => {
            let token = token.get();
            let left = view.until.map_or(Duration::ZERO, |until| until.since(clock::now().at));
            let until = format_duration(Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)));
            tracing::info!(holder = name, "successfully acquired lease Github gist lock: {name}");
            tracing::info!(holder = name, "I am {name}! I will lead you to greatness!");
            tracing::info!(token, term = token, holder = name, until = %format_args!("in {until}"), "started leading.");
        }
        Event::Stopping { why, .. } => {
            let why = match why {
                StopReason::Stop => "asked to stop",
                StopReason::Deadline => "no renewal was acknowledged in time",
                StopReason::Lost => "another holder was seen",
            };
            tracing::info!(holder = name, why, "I am no longer the leader");
        }
        Event::StoppedLeading => tracing::debug!("the work has stopped"),
        Event::Released => tracing::info!(holder = name, "released the lock"),
        Event::Warning(warning @ Warning::ForeignNamesUs { .. }) => tracing::error!("{warning}"),
        Event::Warning(warning) => tracing::warn!("{warning}"),
    }
}

/// A refusal at the start, with what to do.
fn mend(reason: &str, status: u16) -> String {
    let todo = match status {
        401 => "the token is wrong or expired: make one with the scope `gist` (GitHub, Settings, Developer settings)",
        403 => "the token may not do this: a classic token needs the scope `gist`; tokens of apps cannot write gists",
        404 => "no such gist, or not with this token: look at GIST_ID, and whether the token has the scope `gist`",
        _ => "look at the API's address, the gist and the token",
    };
    format!("refused: {reason}\n  {todo}\n  (--keep-trying goes on all the same)")
}

/// The first ending signal asks for an orderly end, the second exits at once; SIGUSR1 steps down.
async fn signals(commands: &mpsc::Sender<Command>) -> Result<(), Failure> {
    let on = |kind| signal(kind).map_err(anyhow::Error::from);
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut step_down = on(SignalKind::user_defined1())?;
    let mut stopping = false;
    loop {
        let number = tokio::select! {
            number = first(&mut terminate, &mut interrupt) => number,
            Some(()) = step_down.recv() => {
                tracing::info!("SIGUSR1: steps down, and stays away for one lease");
                _ = commands.send(Command::StepDown).await;
                continue;
            }
        };
        if stopping {
            return Err(Failure::Code(128 + number));
        }
        stopping = true;
        tracing::info!("stopping; a second signal exits at once");
        _ = commands.send(Command::Stop).await;
    }
}

async fn first(terminate: &mut Signal, interrupt: &mut Signal) -> u8 {
    tokio::select! {
        Some(()) = terminate.recv() => 15,
        Some(()) = interrupt.recv() => 2,
        else => pending().await,
    }
}

/// A token file that changes is read again; one that cannot be read is warned about, and the old token stays.
async fn watch_token(path: Option<&std::path::Path>, token: Option<&str>, commands: &mpsc::Sender<Command>) {
    let Some(path) = path else { return pending().await };
    let mut last = token.map(str::to_owned);
    let mut warned = false;
    loop {
        tokio::time::sleep(TOKEN_FILE_INTERVAL).await;
        match token_from(path) {
            Ok(token) if last.as_ref() != Some(&token) => {
                tracing::info!("the token file has changed: using the new token");
                _ = commands.send(Command::Token(token.as_str().into())).await;
                last = Some(token);
                warned = false;
            }
            Ok(_) => warned = false,
            Err(why) if !warned => {
                tracing::warn!("{why}; the old token stays in use");
                warned = true;
            }
            Err(_) => {}
        }
    }
}
