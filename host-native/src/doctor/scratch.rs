//! `--scratch`: a gist of one's own, deleted at the end, however it ends.

use std::time::Duration;

use leader_elector::transport::Transport;
use leader_elector_core::gist::{Rest, Settings};

use super::site::REQUEST_TIMEOUT;
use crate::{Failure, init};

/// How often the deletion is tried, and the time between.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Scratch {
    gist: String,
    rest: Rest,
    transport: Transport,
}

impl Scratch {
    pub(super) async fn make(settings: &Settings, transport: Transport) -> Result<Self, Failure> {
        let rest = Rest::new(settings.clone())?;
        let gist = init::make(&rest, &transport, "leader-elector doctor --scratch: delete me").await?.id;
        let rest = Rest::new(Settings { gist: gist.clone(), ..settings.clone() })?;
        Ok(Self { gist, rest, transport })
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
        match self.transport.send_within(self.rest.delete(), REQUEST_TIMEOUT).await {
            // 404: an earlier try got through, and its answer was lost.
            Ok(response) if response.status().is_success() || response.status().as_u16() == 404 => Ok(()),
            Ok(response) => Err(response.status().to_string()),
            Err(no) => Err(no.what),
        }
    }
}
