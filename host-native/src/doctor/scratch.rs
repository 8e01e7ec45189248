//! `--scratch`: a gist of one's own, deleted at the end, however it ends.

use std::time::Duration;

use http::{Method, Request};
use leader_elector::transport::{Access, Transport};
use leader_elector_core::gist::{Settings, USER_AGENT};

use super::site::REQUEST_TIMEOUT;
use crate::Failure;
use crate::init;

/// How often the deletion is tried, and the time between.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Scratch {
    gist: String,
    api: String,
    access: Access,
    transport: Transport,
}

impl Scratch {
    pub(super) async fn make(settings: &Settings, access: &Access, transport: Transport) -> Result<Self, Failure> {
        let made = init::make(settings, access, &transport, "leader-elector doctor --scratch: delete me").await?;
        Ok(Self { gist: made.id, api: settings.api.clone(), access: access.clone(), transport })
    }

    pub(super) fn gist(&self) -> &str {
        &self.gist
    }

    /// Deletes it; what came of that, in words.
    pub(super) async fn delete(self) -> String {
        let mut why = String::new();
        for tried in 0..TRIES {
            tokio::time::sleep(AGAIN * tried).await;
            match self.try_delete().await {
                Ok(()) => return "the scratch gist is deleted".to_owned(),
                Err(said) => why = said,
            }
        }
        format!("THE SCRATCH GIST {} IS STILL THERE ({why}): delete it by hand", self.gist)
    }

    async fn try_delete(&self) -> Result<(), String> {
        let request = Request::builder()
            .method(Method::DELETE)
            .uri(format!("{}/gists/{}", self.api, self.gist))
            .header("user-agent", USER_AGENT)
            .header("accept", "application/vnd.github+json")
            .header("authorization", format!("Bearer {}", self.access.token.as_deref().unwrap_or_default()))
            .body(Vec::new())
            .map_err(|error| error.to_string())?;
        match self.transport.send_within(request, REQUEST_TIMEOUT).await {
            // 404: an earlier try got through, and its answer was lost.
            Ok(response) if response.status().is_success() || response.status().as_u16() == 404 => Ok(()),
            Ok(response) => Err(response.status().to_string()),
            Err(no) => Err(no.what),
        }
    }
}
