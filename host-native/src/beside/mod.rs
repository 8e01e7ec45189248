//! Two listeners beside a workload: `--http` for the workload itself, on this machine only, and `--probe-addr` for the
//! cluster. Both answer from what the election publishes, at the moment of the answer; neither can hold it up.

mod leader;
mod listen;
mod probes;
mod problem;
mod settings;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use leader_elector::clock;
use leader_elector::drive::{Command, Happened, Step};
use leader_elector_core::{Clock, Event, Instant, Lease, Token, View};
use leader_elector_host::{Teller, Told};
use tokio::sync::{mpsc, watch};

pub(crate) use self::settings::{Addresses, ListenArgs};
use self::stream::Log;
use crate::Failure;
use crate::metrics::Metrics;
use crate::workload::Answer;

/// client-go's tolerance: so much later than the end of its lease a term counts as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(10);
/// So often a stream that has nothing to tell says so.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// What there is to serve.
pub(crate) struct Hub {
    name: String,
    /// For how long others respect a lease.
    lease_time: Duration,
    lease: watch::Receiver<Option<Lease>>,
    /// Where a workload says that its work has ended; `None`: nobody waits for it.
    say: Option<Answer>,
    /// To the election.
    commands: mpsc::Sender<Command>,
    teller: Teller,
    present: Mutex<Present>,
    log: Mutex<Log>,
    metrics: Metrics,
}

/// The election, as of its last step.
#[derive(Default)]
struct Present {
    leader: Option<String>,
    token: Option<Token>,
    /// Until when what stands is respected, counted from before the request was sent that showed it.
    stands_until: Option<Instant>,
    /// The same, as the core counts it: from the receipt.
    received: Option<Instant>,
    /// The own term, until its work has ended.
    term: Option<Token>,
    /// The end of the own term that is ending.
    stopping: Option<Instant>,
    /// Its work has said that it has ended.
    has_ended: bool,
    renewed: bool,
}

impl Hub {
    pub(crate) fn new(
        name: &str,
        instance: &str,
        lease_time: Duration,
        lease: watch::Receiver<Option<Lease>>,
        say: Option<Answer>,
        commands: mpsc::Sender<Command>,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            lease_time,
            lease,
            say,
            commands,
            teller: Teller::new(name, Clock::Boot),
            present: Mutex::default(),
            log: Mutex::new(Log::new(instance.to_owned())),
            metrics: Metrics::new(name),
        })
    }

    /// Something happened.
    pub(crate) fn happened(&self, happened: Happened<'_>, view: &View) {
        let now = clock::now();
        self.metrics.happened(now.at, happened);
        let mut present = self.present();
        match happened {
            Happened::Event(Event::StartedLeading { token }) => {
                (present.term, present.renewed) = (Some(*token), true);
            }
            Happened::Renewed(_) => present.renewed = true,
            Happened::Event(Event::Stopping { by, .. }) => {
                (present.stopping, present.has_ended) = (Some(*by), false);
            }
            Happened::Event(Event::StoppedLeading) => (present.term, present.stopping) = (None, None),
            Happened::Event(_) => {}
        }
        drop(present);
        self.log().tell(self.teller.tell(now, happened, view));
    }

    /// A step is over.
    pub(crate) fn after(&self, step: Step<'_>) {
        let mut present = self.present();
        let View { leader, token, stands_until, .. } = step.view;
        present.leader.clone_from(leader);
        present.token = *token;
        if present.received != *stands_until {
            let on_its_way = step.exchange.map_or(Duration::ZERO, |exchange| step.now.since(exchange.sent));
            present.stands_until = stands_until.map(|until| until.before(on_its_way));
            present.received = *stands_until;
        }
        if std::mem::take(&mut present.renewed)
            && let Some(exchange) = step.exchange
        {
            self.metrics.renewed(exchange.sent);
        }
        drop(present);
        self.metrics.after(step);
    }

    /// Listens wherever it was told to, and serves for ever.
    pub(crate) async fn listen(
        self: &Arc<Self>,
        addresses: Addresses,
    ) -> Result<impl Future<Output = ()> + use<>, Failure> {
        let mut listeners = Vec::new();
        if let Some(address) = addresses.http {
            listeners.push((listen::bind("http", address).await?, leader::router(Arc::clone(self))));
        }
        if let Some(address) = addresses.probe {
            listeners.push((listen::bind("probe addr", address).await?, probes::router(Arc::clone(self))));
        }
        let hub = Arc::clone(self);
        Ok(async move {
            for (listener, router) in listeners {
                tokio::spawn(listen::serve(listener, router));
            }
            loop {
                tokio::time::sleep(KEEP_ALIVE).await;
                hub.log().keep_alive();
            }
        })
    }

    /// Ends the streams, and waits a little until what was told is sent.
    pub(crate) async fn close(&self) {
        self.log().close();
        for _ in 0..20 {
            if self.log().is_quiet() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The own lease, at this very moment.
    fn lease(&self) -> Option<Lease> {
        let now = clock::now().at;
        self.lease.borrow().filter(|lease| now < lease.until)
    }

    /// A term is over for good, and the election could not give it up.
    fn is_stuck(&self, now: Instant) -> bool {
        let end = self.present().stopping.or_else(|| self.lease.borrow().map(|lease| lease.until));
        end.is_some_and(|end| now > end + self.lease_time + STUCK_AFTER)
    }

    /// The present, as an event.
    fn told(&self) -> Told {
        let lease = self.lease();
        let present = self.present();
        let mut told = Told {
            event: "present",
            leading: lease.is_some(),
            leader: lease.map(|_| self.name.clone()).or_else(|| present.leader.clone()),
            token: lease.map(|lease| lease.token).or(present.token).map(Token::get),
            deadline: None,
            by: None,
            why: None,
            message: None,
        };
        told.deadline = lease.map(|lease| self.teller.deadline(clock::now(), lease.until));
        told.by = present.stopping.map(|by| self.teller.deadline(clock::now(), by));
        told
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().expect("nobody panics while holding it")
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("nobody panics while holding it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_term_that_is_over_and_was_not_given_up_is_stuck() {
        let lease_time = Duration::from_secs(30);
        let (lease, leases) = watch::channel(None);
        let hub = Hub::new("n", "i", lease_time, leases, None, mpsc::channel(1).0);
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        assert!(!hub.is_stuck(at(1_000_000)), "a follower is well");
        lease.send_replace(Some(Lease { token: Token::new(1).expect("a token"), until: at(100) }));
        assert!(!hub.is_stuck(at(140)));
        assert!(hub.is_stuck(at(141)), "a leader that could neither renew nor give up");
        lease.send_replace(None);
        hub.present().stopping = Some(at(200));
        assert!(!hub.is_stuck(at(240)));
        assert!(hub.is_stuck(at(241)), "work that does not end");
        hub.present().stopping = None;
        assert!(!hub.is_stuck(at(1_000_000)), "given up");
    }
}
