//! `--scratch`: a gist of one's own, deleted at the end, however it ends.

use std::time::Duration;

use leader_elector::transport::Transport;
use leader_elector_core::gist::{Rest, Settings};

use super::site::{Site, Stop};
use crate::{Failure, init};

/// How often the deletion is tried, and the time between, where the store asks for no other.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Scratch {
    gist: String,
    rest: Rest,
}

impl Scratch {
    /// Makes it: one request, a write.
    pub(super) async fn make(settings: &Settings, transport: &Transport) -> Result<Self, Failure> {
        let rest = Rest::new(settings.clone())?;
        let gist = init::make(&rest, transport, "leader-elector doctor --scratch: delete me").await?.id;
        let rest = Rest::new(Settings { gist: gist.clone(), ..settings.clone() })?;
        Ok(Self { gist, rest })
    }

    pub(super) fn gist(&self) -> &str {
        &self.gist
    }

    /// Deletes it; what came of that, in words. `why` is what ended the trial early.
    pub(super) async fn delete(self, site: &mut Site, why: Option<&Stop>) -> String {
        site.putting_back = true;
        let mut asked = why.and_then(Stop::wait);
        let mut said = String::new();
        for tried in 0..TRIES {
            if let Some(wait) = asked.take() {
                // Once it is tried however long that is: nobody comes back for this gist. Named, as a second signal may
                // end the wait.
                let to = format!("delete the scratch gist {}", self.gist);
                if site.relent(wait, &to).await != Ok(true) && tried > 0 {
                    break;
                }
            } else {
                _ = site.sleep(AGAIN * tried).await;
            }
            said = match self.try_delete(site).await {
                Ok(()) => return "the scratch gist is deleted".to_owned(),
                Err(Stop::Store(why)) => why,
                Err(stop) => {
                    asked = stop.wait();
                    super::words(&stop)
                }
            };
        }
        format!("THE SCRATCH GIST {} IS STILL THERE ({said}): delete it by hand", self.gist)
    }

    async fn try_delete(&self, site: &mut Site) -> super::site::Result<()> {
        let answer = site.exchange(self.rest.delete()).await?.map_err(Stop::Store)?;
        match answer.response.status() {
            // 404: an earlier try got through, and its answer was lost.
            status if status.is_success() || status.as_u16() == 404 => Ok(()),
            status => Err(Stop::Store(status.to_string())),
        }
    }
}
