//! The lock without an election, for the commands that look at it, and for the one that resets it.

use std::time::Duration;

use futures_lite::FutureExt;
use leader_elector_core::gist::{Gist, Settings};
use leader_elector_core::lock::{Op, Reply, Standing, Step};
use leader_elector_core::record::{self, Timestamp};
use leader_elector_core::{Identity, Instant, Lock, Token, WallClock};
use serde::Deserialize;

use crate::end::Failure;
use crate::say::denial;
use crate::world::World;

/// Reads the lock again and again over one connection.
#[derive(Debug)]
pub struct Observer<W> {
    lock: Gist,
    world: W,
    request_timeout: Duration,
    budget: Option<Budget>,
    /// When the newest revisions came about that an answer listed, newest first.
    committed: Vec<Timestamp>,
}

/// What the store says of the hour's requests, as of its last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests that are left this hour, to all who share the token's user.
    pub left: u64,
    /// Requests an hour.
    pub limit: u64,
}

impl Budget {
    fn read(headers: &http::HeaderMap) -> Option<Self> {
        let number = |name| headers.get(name)?.to_str().ok()?.parse().ok();
        Some(Self { left: number("x-ratelimit-remaining")?, limit: number("x-ratelimit-limit")? })
    }
}

/// Revisions of the last hour, as far as the store lists them. By PATCH each is a content write of some candidate; a
/// push that renews replaces the revision before it, which is not seen any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writes {
    /// How many.
    pub seen: usize,
    /// In how many seconds before now: an hour, or less where the list goes back no further.
    pub seconds: u64,
}

impl Writes {
    const HOUR: u64 = 3600;

    /// `committed`: newest first. `whole`: there is nothing older than these.
    fn count(committed: &[Timestamp], whole: bool, now: WallClock) -> Option<Self> {
        let now = record::timestamp(now)?;
        let age = |at: &Timestamp| u64::try_from((now - at).num_seconds()).unwrap_or(0);
        let seen = committed.iter().filter(|at| age(at) < Self::HOUR).count();
        let oldest = committed.last().map_or(0, age);
        Some(Self { seen, seconds: if whole { Self::HOUR } else { oldest.min(Self::HOUR) } })
    }
}

/// When the revisions came about that an answer lists; empty where it lists none.
fn committed(body: &[u8]) -> Vec<Timestamp> {
    #[derive(Deserialize)]
    struct Revision {
        committed_at: String,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Answer {
        Gist { history: Vec<Revision> },
        Commits(Vec<Revision>),
    }
    let Ok(Answer::Gist { history: list } | Answer::Commits(list)) = serde_json::from_slice(body) else {
        return Vec::new();
    };
    list.iter().filter_map(|revision| revision.committed_at.parse().ok()).collect()
}

impl<W: World> Observer<W> {
    /// An observer.
    ///
    /// # Errors
    /// Every mistake in the settings.
    pub fn new(settings: Settings, world: W) -> Result<Self, Failure> {
        let request_timeout = settings.request_timeout;
        let me = Identity::new("observer", "observer").ok_or_else(|| anyhow::anyhow!("no identity"))?;
        let lock = Gist::new(settings, me, 0)?;
        Ok(Self { lock, world, request_timeout, budget: None, committed: Vec::new() })
    }

    /// The world it looks at.
    pub const fn world(&self) -> &W {
        &self.world
    }

    /// Lets time pass.
    pub async fn pause(&self, span: Duration) {
        self.world.sleep_until(self.world.now().at + span).await;
    }

    /// What stands now; `None`: the same as at the last read.
    ///
    /// # Errors
    /// Refused, or no answer that can be understood.
    pub async fn read(&mut self) -> Result<Option<Standing>, Failure> {
        let end = self.end();
        let step = self.lock.start(self.world.now(), &Op::Read, end);
        let reply = self.drive(step).await?;
        self.reply(reply)
    }

    /// Writes, on what was read, a released record that is nobody's.
    ///
    /// # Errors
    /// Not written.
    pub async fn reset(&mut self, standing: &Standing, token: Token) -> Result<(), Failure> {
        let end = self.end();
        let step = self.lock.start_reset(self.world.now(), token, standing.head.clone(), end);
        match self.drive(step).await? {
            Reply::Written(_) => Ok(()),
            reply => self.reply(reply).and(Err(Failure::Refused("unknown: not written".to_owned()))),
        }
    }

    /// Looking back needs several requests, each with a timeout of its own.
    fn end(&self) -> Instant {
        self.world.now().at + self.request_timeout * 40
    }

    async fn drive(&mut self, mut step: Step) -> Result<Reply, Failure> {
        loop {
            step = match step {
                Step::Done(reply) => return Ok(reply),
                Step::WaitUntil(at) => {
                    self.world.sleep_until(at).await;
                    self.lock.wake(self.world.now())
                }
                Step::Send { request, give_up_at } => {
                    let answer = async { Some(self.world.send(*request).await) };
                    let late = async {
                        self.world.sleep_until(give_up_at).await;
                        None
                    };
                    match answer.or(late).await {
                        Some(Ok(response)) => {
                            self.budget = Budget::read(response.headers()).or(self.budget);
                            let committed = committed(response.body());
                            // Looking back lists older ones.
                            if committed.first() >= self.committed.first() {
                                self.committed = committed;
                            }
                            self.lock.receive(self.world.now(), &response)
                        }
                        Some(Err(no)) => return Err(Failure::Refused(format!("unknown: {}", no.what))),
                        None => {
                            let within = self.request_timeout;
                            return Err(Failure::Refused(format!("unknown: no answer within {within:?}")));
                        }
                    }
                }
            };
        }
    }

    /// How many revisions are seen, and whether those are all.
    pub fn revisions(&self) -> Option<(usize, bool)> {
        self.lock.revisions()
    }

    /// The writes of the last hour; `None` before the first answer, and where the clock is out of range.
    pub fn writes(&self) -> Option<Writes> {
        let (known, complete) = self.revisions()?;
        Writes::count(&self.committed, complete && known <= self.committed.len(), self.world.now().wall)
    }

    /// Content writes an hour that the store allows.
    pub fn writes_allowed(&self) -> Option<u32> {
        self.lock.limits().writes_an_hour
    }

    /// What the store says of the hour's requests; `None` where it does not say.
    pub const fn budget(&self) -> Option<Budget> {
        self.budget
    }

    fn reply(&mut self, reply: Reply) -> Result<Option<Standing>, Failure> {
        let denied = match reply {
            Reply::Standing(standing) => return Ok(Some(standing)),
            Reply::Unchanged => return Ok(None),
            Reply::Failed(failure) => denial(&failure),
            Reply::Written(_) => None,
        };
        let why = denied.unwrap_or_else(|| {
            let warnings = self.lock.take_warnings();
            warnings.last().map_or_else(|| "no answer".to_owned(), ToString::to_string)
        });
        Err(Failure::Refused(format!("unknown: {why}")))
    }
}

/// The moment up to which what stands is respected, if it was first received at `received`.
#[must_use]
pub fn stands_until(standing: &Standing, received: Instant) -> Instant {
    received + standing.stands_for
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_counted_for_an_hour_or_as_far_back_as_the_list_goes() {
        let now = WallClock(1_790_000_000_000);
        let at = |seconds: u64| WallClock(now.0.saturating_sub_unsigned(seconds * 1000));
        let list = |ages: &[u64]| ages.iter().filter_map(|age| record::timestamp(at(*age))).collect::<Vec<_>>();
        let count = |ages: &[u64], whole| Writes::count(&list(ages), whole, now);
        assert_eq!(count(&[0, 10, 20], false), Some(Writes { seen: 3, seconds: 20 }));
        assert_eq!(count(&[0, 10, 20], true), Some(Writes { seen: 3, seconds: 3600 }), "nothing is older");
        assert_eq!(count(&[0, 3599, 3600, 9000], false), Some(Writes { seen: 2, seconds: 3600 }));
        assert_eq!(count(&[], true), Some(Writes { seen: 0, seconds: 3600 }));
    }

    #[test]
    fn both_lists_of_revisions_are_understood() {
        let list = r#"[{"version":"b","committed_at":"2026-11-24T10:00:10Z"},{"committed_at":"2026-11-24T10:00:00Z"}]"#;
        let times = committed(list.as_bytes());
        assert_eq!(
            times.iter().map(record::rfc3339).collect::<Vec<_>>(),
            ["2026-11-24T10:00:10Z", "2026-11-24T10:00:00Z"]
        );
        assert_eq!(committed(format!(r#"{{"id":"1","history":{list}}}"#).as_bytes()), times);
        for nothing in [&b""[..], b"null", br#"{"history":null}"#, br#"{"message":"Not Found"}"#] {
            assert!(committed(nothing).is_empty());
        }
    }
}
