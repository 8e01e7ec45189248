//! The one request that a candidate has on its way.

use std::future::pending;
use std::pin::Pin;

use leader_elector_core::{Input, Instant, RequestId};

use crate::world::{NoAnswer, World};

/// What became of a request.
pub type Answer = Result<http::Response<Vec<u8>>, NoAnswer>;

/// A request on its way; dropping it gives it up.
pub struct InFlight {
    id: RequestId,
    give_up_at: Instant,
    answer: Pin<Box<dyn Future<Output = Answer>>>,
}

impl std::fmt::Debug for InFlight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InFlight").field("id", &self.id).finish_non_exhaustive()
    }
}

impl InFlight {
    /// Sends it.
    pub fn send<W: World + 'static>(world: W, request: leader_elector_core::Request) -> Self {
        let http = *request.http;
        tracing::debug!(method = %http.method(), uri = %http.uri(), "request");
        let answer = Box::pin(async move { world.send(http).await });
        Self { id: request.id, give_up_at: request.give_up_at, answer }
    }

    /// Whether its answer no longer matters.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.give_up_at
    }

    /// What came of the request, if there is one; for ever, if there is none.
    pub async fn answered(in_flight: &mut Option<Self>) -> Input {
        let Some(flight) = in_flight else { return pending().await };
        heard(flight.id, flight.answer.as_mut().await)
    }
}

/// What an answer, or that there is none, is to a candidate.
pub fn heard(id: RequestId, answer: Answer) -> Input {
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
