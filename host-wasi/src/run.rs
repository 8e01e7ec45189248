//! `run`: the loop that drives a candidate, its sentences, and what it is told on standard input.

use std::time::Duration;

use futures_lite::FutureExt;
use leader_elector_core::{Candidate, Clock, Event, Gist, Input, Lock, Next, Now, View};
use leader_elector_host::args::EventsFormat;
use leader_elector_host::config;
use leader_elector_host::flight::InFlight;
use leader_elector_host::say::{attempting, refusal, say};
use leader_elector_host::work::{Ended, Work};
use leader_elector_host::world::wake;
use leader_elector_host::{Failure, Happened, Teller, World, happened, log, native_only};

use crate::cli::ComponentRunArgs;
use crate::stdin::Stdin;
use crate::world::Component;

/// A sleeping machine may freeze the runtime's timers: while leading, the clocks are looked at at least so often (R13).
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Runs until standard input ends it, or the store refuses at the start.
pub(crate) async fn run(args: &ComponentRunArgs) -> Result<(), Failure> {
    let config = args.native.refused(&args.run)?;
    let lease = config.timing.lease();
    log::init(config.log);
    native_only::ignored().for_each(|sentence| tracing::warn!("{sentence}"));
    let random = wasip2::random::random::get_random_bytes(24);
    let random = random.try_into().map_err(|_| anyhow::anyhow!("no entropy: the runtime gave too little"))?;
    let candidate =
        config::candidate(config.gist, config.timing, &config.name, Clock::MayStop, Component.now(), random)
            .map_err(Failure::Usage)?;
    attempting(&config.name, &candidate.lock().describe());
    let reporter = Reporter {
        teller: config.events.map(|EventsFormat::Json| Teller::new(&*config.name, Clock::MayStop)),
        name: config.name,
        keep_trying: args.run.keep_trying,
    };
    let work = Work::new(lease, reporter.teller.is_some());
    drive(candidate, Stdin::new(args.stop_on_eof), work, &reporter).await
}

async fn drive(
    mut candidate: Candidate<Gist>,
    mut stdin: Stdin,
    mut work: Work,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let mut in_flight: Option<InFlight> = None;
    let mut led = None;
    let mut input = Input::Wake;
    loop {
        let now = Component.now();
        let output = candidate.handle(now, input);
        let events: Vec<_> = happened(led, &output).collect();
        if !events.is_empty() {
            let view = candidate.view();
            for event in events {
                reporter.report(now, event, &view, &mut work)?;
            }
        }
        led = output.lease;
        if let Some(request) = output.request {
            in_flight = Some(InFlight::send(Component, request));
        }
        let wake_at = match output.next {
            Next::Done => return Ok(()),
            Next::WakeAt(at, _) => Some(at),
            Next::OnInput(_) => None,
        };
        let look_at = led.map(|_| now.at + LONGEST_SLEEP);
        let wake_at = [wake_at, look_at, work.moment()].into_iter().flatten().min();
        let said = async {
            loop {
                if let Some(input) = work.hears(stdin.word().await) {
                    return input;
                }
            }
        };
        let woken = async {
            wake(&Component, wake_at).await;
            Input::Wake
        };
        input = said.or(InFlight::answered(&mut in_flight)).or(woken).await;
        if let Input::Response(..) | Input::Failed(..) = input {
            in_flight = None;
        }
        let now = Component.now().at;
        if matches!(input, Input::Wake) {
            input = match work.wakes(now) {
                Ok(input) => input,
                Err(Ended) => return Ok(()),
            };
        }
        if in_flight.as_ref().is_some_and(|flight| flight.is_over(now)) {
            in_flight = None;
        }
    }
}

/// Says and tells what happens.
struct Reporter {
    name: String,
    teller: Option<Teller>,
    keep_trying: bool,
}

impl Reporter {
    /// Work that others do hears of it first.
    fn report(&self, now: Now, happened: Happened<'_>, view: &View, work: &mut Work) -> Result<(), Failure> {
        if let Some(teller) = &self.teller {
            teller.write(now, happened, view)?;
        }
        let Happened::Event(event) = happened else { return Ok(()) };
        say(&self.name, event, view, now);
        if let Event::Stopping { by, .. } = event {
            work.has_to_stop(*by);
        }
        refusal(event, view, self.keep_trying).map_or(Ok(()), Err)
    }
}
