//! The loop that drives a candidate: it moves bytes and time, and decides nothing.

use std::future::pending;
use std::pin::Pin;

use leader_elector_core::{Candidate, Event, Gist, Input, Instant, Lease, Next, Output, RequestId, View};
use tokio::sync::{mpsc, watch};

use crate::clock;
use crate::transport::{NoAnswer, Transport};

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

type Answer = Result<http::Response<Vec<u8>>, NoAnswer>;

/// A request on its way; dropping it gives it up.
struct InFlight {
    id: RequestId,
    give_up_at: Instant,
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

/// Runs `candidate` until it is done. Events go to `on_event` in their order, with the view of that moment; the lease
/// is published before them.
pub async fn drive(
    mut candidate: Candidate<Gist>,
    transport: &Transport,
    mut commands: mpsc::Receiver<Command>,
    lease: &watch::Sender<Option<Lease>>,
    mut on_event: impl FnMut(&Event, &View),
) {
    let mut in_flight: Option<InFlight> = None;
    let mut input = Input::Wake;
    loop {
        let output = candidate.handle(clock::now(), input);
        let Output { events, request, next, lease: led } = output;
        lease.send_replace(led);
        if !events.is_empty() {
            let view = candidate.view();
            for event in &events {
                on_event(event, &view);
            }
        }
        if let Some(request) = request {
            let transport = transport.clone();
            let http = *request.http;
            tracing::debug!(method = %http.method(), uri = %http.uri(), "request");
            in_flight = Some(InFlight {
                id: request.id,
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
                in_flight = None;
                match answer {
                    Ok(response) => {
                        tracing::debug!(status = %response.status(), "answer");
                        Input::Response(id, response)
                    }
                    Err(no) => {
                        tracing::debug!(sent = ?no.sent, what = %no.what, "no answer");
                        Input::Failed(id, no.sent)
                    }
                }
            }
            () = wake(wake_at) => Input::Wake,
        };
        let now = clock::now().at;
        if in_flight.as_ref().is_some_and(|flight| now >= flight.give_up_at) {
            in_flight = None;
        }
    }
}

async fn answered(in_flight: &mut Option<InFlight>) -> (RequestId, Answer) {
    match in_flight {
        Some(flight) => (flight.id, flight.answer.as_mut().await),
        None => pending().await,
    }
}

async fn wake(at: Option<Instant>) {
    match at {
        Some(at) => clock::sleep_until(at).await,
        None => pending().await,
    }
}
