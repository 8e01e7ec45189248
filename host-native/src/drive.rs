//! The loop that drives a candidate: it moves bytes and time, and decides nothing.

use std::future::pending;
use std::pin::Pin;

use leader_elector_core::{Candidate, Gist, Input, Instant, Lease, Next, Output, RequestId, View};
pub use leader_elector_host::Happened;
use leader_elector_host::flight::{Answer, heard};
use leader_elector_host::happened;
use leader_elector_host::world::wake;
use tokio::sync::{mpsc, watch};

use crate::clock;
use crate::transport::Transport;

/// What others may tell a running candidate.
#[derive(Clone, Debug)]
pub enum Command {
    /// An orderly end.
    Stop,
    /// An orderly end of the term; then follow, and stay away for one lease.
    StepDown,
    /// The guarded work has ended.
    WorkStopped,
    /// The token was rotated.
    Token(std::sync::Arc<str>),
}

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It changes nothing.
    Read,
    /// A PATCH or a push.
    Write,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What it was for.
    pub kind: Kind,
    /// When it was sent.
    pub sent: Instant,
    /// When that was known.
    pub ended: Instant,
    /// The answer's status; `None`: there was none in time.
    pub status: Option<u16>,
}

/// A step of a candidate that is driven.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The moment of the step.
    pub now: Instant,
    /// The request that ended with it, if one did.
    pub exchange: Option<Exchange>,
    /// What there is to see after it.
    pub view: &'a View,
}

/// A request on its way; dropping it gives it up.
struct InFlight {
    id: RequestId,
    kind: Kind,
    sent: Instant,
    give_up_at: Instant,
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

/// Runs `candidate` until it is done. What happened goes to `on` in its order, with the view of that moment; the lease
/// is published before. `after` is called at the end of each step.
pub async fn drive(
    mut candidate: Candidate<Gist>,
    transport: &Transport,
    mut commands: mpsc::Receiver<Command>,
    lease: &watch::Sender<Option<Lease>>,
    mut on: impl FnMut(Happened<'_>, &View),
    mut after: impl FnMut(Step<'_>),
) {
    let mut in_flight: Option<InFlight> = None;
    let mut input = Input::Wake;
    let mut exchange = None;
    loop {
        let now = clock::now();
        let output = candidate.handle(now, input);
        let led = lease.send_replace(output.lease);
        let view = candidate.view();
        for happened in happened(led, &output) {
            on(happened, &view);
        }
        after(Step { now: now.at, exchange: exchange.take(), view: &view });
        let Output { request, next, .. } = output;
        if let Some(request) = request {
            let transport = transport.clone();
            let http = *request.http;
            tracing::debug!(method = %http.method(), uri = %http.uri(), "request");
            in_flight = Some(InFlight {
                id: request.id,
                kind: if http.method() == http::Method::GET { Kind::Read } else { Kind::Write },
                sent: now.at,
                give_up_at: request.give_up_at,
                answer: Box::pin(async move { transport.send(http).await }),
            });
        }
        let wake_at = match next {
            Next::Done => return,
            Next::WakeAt(at, _) => Some(at),
            Next::OnInput(_) => None,
        };
        input = tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(Command::Stop) | None => Input::Stop,
                Some(Command::StepDown) => Input::StepDown,
                Some(Command::WorkStopped) => Input::WorkStopped,
                Some(Command::Token(token)) => {
                    candidate.lock_mut().set_token(Some(&token));
                    candidate.retry_now();
                    Input::Wake
                }
            },
            (id, answer) = answered(&mut in_flight) => {
                let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
                exchange = in_flight.take().map(|flight| flight.ends(status));
                heard(id, answer)
            }
            () = wake(transport, wake_at) => Input::Wake,
        };
        let now = clock::now().at;
        if let Some(flight) = in_flight.take_if(|flight| now >= flight.give_up_at) {
            exchange = Some(flight.ends(None));
        }
    }
}

impl InFlight {
    fn ends(&self, status: Option<u16>) -> Exchange {
        Exchange { kind: self.kind, sent: self.sent, ended: clock::now().at, status }
    }
}

async fn answered(in_flight: &mut Option<InFlight>) -> (RequestId, Answer) {
    match in_flight {
        Some(flight) => (flight.id, flight.answer.as_mut().await),
        None => pending().await,
    }
}
