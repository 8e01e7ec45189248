//! `leader-elector run`: a candidate, its sentences, its signals.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use leader_elector::drive::{Command, Happened, Step, drive};
use leader_elector::transport::{Access, Transport};
use leader_elector::{candidate, clock};
use leader_elector_core::{Event, Lock, View};
use leader_elector_host::say::{attempting, refusal, say};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};

use crate::beside::{Addresses, Hub};
use crate::cli::RunCommand;
use crate::config::{Config, token_from};
use crate::guard::ignored_signals;
use crate::tell::{Telling, hear};
use crate::workload::{Answer, Ending, Line, Release, Settings, Supervisor, Told, Word};
use crate::{Failure, config, connect, guard, log};

/// How often the token file is looked at.
const TOKEN_FILE_INTERVAL: Duration = Duration::from_secs(5);

/// How long a second signal waits for what it kills: what the kernel does not let die is left to it.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs until a signal or the command ends it, or the store refuses at the start.
pub(crate) async fn run(mut args: RunCommand) -> Result<(), Failure> {
    let ignored = ignored_signals();
    let (config, work, addresses) = settings(&mut args)?;
    let run = args.run;
    log::init(config.log);
    let has_command = !work.command.is_empty();
    if has_command {
        guard::prepare(&work.command).await.map_err(Failure::Refused)?;
    }
    let (lease_time, grace) = (config.timing.lease(), config.timing.stop_grace());
    let candidate = candidate(config.gist, config.timing, &config.name).map_err(Failure::Usage)?;
    let name = config.name.as_str();
    attempting(name, &candidate.lock().describe());

    let (commands, receiver) = mpsc::channel(8);
    let (lease, leases) = watch::channel(None);
    let (refused, mut refusals) = mpsc::channel(1);
    let (speak, words) = mpsc::unbounded_channel();
    let (telling, mut reader_gone) = Telling::new(config.events, name);
    let ending = Rc::new(Ending::default());
    let line = Line { words, lease: leases, commands: commands.clone() };
    let instance = candidate.lock().identity().instance().to_owned();
    // Somebody else does the work, and can say that it has ended.
    let (answer, asked) = (Answer::new(), Rc::new(Cell::new(0)));
    let is_told = !has_command && (telling.is_on() || addresses.http.is_some());
    if telling.is_on() {
        hear(answer.clone());
    }
    let said = is_told.then(|| answer.clone());
    let ended = (is_told && work.release == Release::Told).then(|| answer.clone());
    let hub = Hub::new(name, &instance, lease_time, line.lease.clone(), ended, commands.clone());
    let listening = hub.listen(addresses).await?;
    let work = async {
        let (ending, asked) = (Rc::clone(&ending), Rc::clone(&asked));
        if has_command {
            let name = name.to_owned();
            Supervisor { settings: work, line, ending, name, instance, grace, lease: lease_time }.run().await;
        } else {
            Told { release: work.release, line, ending, lease: lease_time, said, asked }.run().await;
        }
    };
    let keep_trying = run.keep_trying;
    #[cfg(feature = "kube")]
    let hints = crate::kube::Hints::start(&args.kube, name);
    let on = |happened: Happened<'_>, view: &View| {
        if let Happened::Event(Event::Stopping { .. }) = happened {
            answer.ask(&asked);
        }
        hub.happened(happened, view);
        telling.tell(happened, view);
        let Happened::Event(event) = happened else { return };
        // The work hears of it before a log that nobody reads can hold anything up.
        if let Some(said) = Word::of(event) {
            _ = speak.send(said);
        }
        say(name, event, view, clock::now());
        #[cfg(feature = "kube")]
        hints.note(event);
        if let Some(failure) = refusal(event, view, keep_trying) {
            _ = refused.try_send(failure);
        }
    };
    let unauthorized = Notify::new();
    let after = |step: Step<'_>| {
        if step.exchange.is_some_and(|exchange| exchange.status == Some(401)) {
            unauthorized.notify_one();
        }
        hub.after(step);
    };
    let watched = watch_token(&config.access, &unauthorized, &commands);
    let election = drive(candidate, &config.transport, receiver, &lease, on, after);
    let result = tokio::select! {
        () = election => Ok(()),
        () = work => Ok(()),
        () = listening => Ok(()),
        Some(error) = reader_gone.recv() => Err(error.into()),
        Some(failure) = refusals.recv() => Err(failure),
        result = signals(&commands, &ending, &ignored, has_command) => result,
        () = watched => Ok(()),
    };
    if has_command && tokio::time::timeout(LAST_WAIT, guard::clear()).await.is_err() {
        tracing::error!("what the command left behind cannot be killed");
    }
    #[cfg(feature = "kube")]
    if result.is_ok() {
        hints.end().await;
    }
    hub.close().await;
    match (result, ending.code()) {
        (Ok(()), code) if code != 0 => Err(Failure::Code(code)),
        (result, _) => result,
    }
}

/// Everything that was said, checked together.
fn settings(args: &mut RunCommand) -> Result<(Config<Transport>, Settings, Addresses), Failure> {
    let RunCommand { run, work, listen, .. } = args;
    let grace = run.timings.stop_grace.get_or_insert_with(|| work.default_grace().to_owned());
    let mut mistakes = Vec::new();
    if let Ok(grace) = config::duration("stop grace", grace) {
        mistakes.extend(work.check_grace(grace).err());
    }
    if run.events.as_ref().is_some_and(|events| events.chosen("events").is_ok()) && !work.command.is_empty() {
        mistakes.push(
            "events is `json`: allowed without a command only, because standard output is the command's".to_owned(),
        );
    }
    #[cfg(feature = "kube")]
    mistakes.extend(args.kube.check().err().into_iter().flatten());
    let settings = work.settings().map_err(|more| mistakes.extend(more));
    let addresses = listen.addresses().map_err(|more| mistakes.extend(more));
    match (Config::parse(run, connect), settings, addresses) {
        (Ok(config), Ok(settings), Ok(addresses)) if mistakes.is_empty() => Ok((config, settings, addresses)),
        (config, ..) => {
            if let Err(Failure::Usage(more)) = config {
                mistakes.extend(more);
            }
            Err(Failure::Usage(mistakes))
        }
    }
}

/// The first ending signal asks for an orderly end, a second SIGTERM or SIGINT exits at once; SIGUSR1 steps down, and
/// SIGQUIT is the command's, if there is one. What this process was started to ignore stays ignored.
async fn signals(
    commands: &mpsc::Sender<Command>,
    ending: &Ending,
    ignored: &[i32],
    has_command: bool,
) -> Result<(), Failure> {
    let on = |kind: SignalKind| {
        let heard = !ignored.contains(&kind.as_raw_value());
        heard.then(|| signal(kind).map_err(anyhow::Error::from)).transpose()
    };
    let mut terminate = on(SignalKind::terminate())?;
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut hang_up = on(SignalKind::hangup())?;
    let mut step_down = on(SignalKind::user_defined1())?;
    let mut quit = if has_command { on(SignalKind::quit())? } else { None };
    let follows_terminal = guard::follows_terminal();
    let mut stopping = false;
    loop {
        let number = tokio::select! {
            () = next(&mut terminate) => 15,
            () = next(&mut interrupt) => 2,
            () = next(&mut hang_up) => 1,
            () = next(&mut step_down) => {
                tracing::info!("SIGUSR1: steps down, and stays away for one lease");
                _ = commands.send(Command::StepDown).await;
                continue;
            }
            () = next(&mut quit) => continue,
        };
        if stopping {
            // A terminal that is closed sends more than one: the shell does, and the kernel.
            if number == 1 {
                continue;
            }
            return Err(Failure::Code(128 + number));
        }
        stopping = true;
        let lost_terminal = follows_terminal && !guard::follows_terminal();
        if number == 2 && guard::in_foreground() || number == 1 && lost_terminal {
            ending.command_is_told();
        }
        ending.signalled();
        _ = commands.send(Command::Stop).await;
        tracing::info!("stopping; a second signal exits at once");
    }
}

async fn next(stream: &mut Option<Signal>) {
    match stream {
        Some(stream) => _ = stream.recv().await,
        None => pending().await,
    }
}

/// A token file that changes is read again, at once where the old token was just refused; one that cannot be read is
/// warned about, and the old token stays.
async fn watch_token(access: &Access, unauthorized: &Notify, commands: &mpsc::Sender<Command>) {
    let Some(path) = &access.token_file else { return pending().await };
    let mut last = access.token.as_deref().map(str::to_owned);
    let mut warned = false;
    loop {
        // Late or told: both are a reason to look.
        _ = tokio::time::timeout(TOKEN_FILE_INTERVAL, unauthorized.notified()).await;
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
