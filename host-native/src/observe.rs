//! The lock without an election, for the commands that look at it, and for the one that resets it.

use leader_elector::clock;
use leader_elector::transport::Transport;
use leader_elector_core::gist::{Gist, Settings};
use leader_elector_core::lock::{Failure as NoReply, Op, Reply, Standing, Step};
use leader_elector_core::{Identity, Instant, Lock, Token};

use crate::Failure;

/// Reads the lock again and again over one connection.
pub(crate) struct Observer {
    lock: Gist,
    transport: Transport,
    request_timeout: std::time::Duration,
}

impl Observer {
    /// An observer.
    pub(crate) fn new(settings: Settings, transport: Transport) -> Result<Self, Failure> {
        let request_timeout = settings.request_timeout;
        let me = Identity::new("observer", "observer").ok_or_else(|| anyhow::anyhow!("no identity"))?;
        let lock = Gist::new(settings, me, 0)
            .map_err(|errors| Failure::Usage(errors.iter().map(ToString::to_string).collect()))?;
        Ok(Self { lock, transport, request_timeout })
    }

    /// What stands now; `None`: the same as at the last read.
    pub(crate) async fn read(&mut self) -> Result<Option<Standing>, Failure> {
        let end = self.end();
        let step = self.lock.start(clock::now(), &Op::Read, end);
        let reply = self.drive(step).await?;
        self.reply(reply)
    }

    /// Writes, on what was read, a released record that is nobody's.
    pub(crate) async fn reset(&mut self, standing: &Standing, token: Token) -> Result<(), Failure> {
        let end = self.end();
        let step = self.lock.start_reset(clock::now(), token, standing.head.clone(), end);
        match self.drive(step).await? {
            Reply::Written(_) => Ok(()),
            reply => self.reply(reply).and(Err(Failure::Refused("unknown: not written".to_owned()))),
        }
    }

    /// Looking back needs several requests, each with a timeout of its own.
    fn end(&self) -> Instant {
        clock::now().at + self.request_timeout * 40
    }

    async fn drive(&mut self, mut step: Step) -> Result<Reply, Failure> {
        loop {
            step = match step {
                Step::Done(reply) => return Ok(reply),
                Step::WaitUntil(at) => {
                    clock::sleep_until(at).await;
                    self.lock.wake(clock::now())
                }
                Step::Send { request, give_up_at } => {
                    let answer = tokio::select! {
                        answer = self.transport.send(*request) => answer,
                        () = clock::sleep_until(give_up_at) => {
                            return Err(Failure::Refused("unknown: the store did not answer in time".to_owned()));
                        }
                    };
                    match answer {
                        Ok(response) => self.lock.receive(clock::now(), &response),
                        Err(no) => return Err(Failure::Refused(format!("unknown: {}", no.what))),
                    }
                }
            };
        }
    }

    /// How many revisions are seen, and whether those are all.
    pub(crate) fn revisions(&self) -> Option<(usize, bool)> {
        self.lock.revisions()
    }

    fn reply(&mut self, reply: Reply) -> Result<Option<Standing>, Failure> {
        let why = match reply {
            Reply::Standing(standing) => return Ok(Some(standing)),
            Reply::Unchanged => return Ok(None),
            Reply::Failed(NoReply::Throttled { wait }) => {
                format!("throttled: the store asks to be left alone for {}s", wait.as_secs())
            }
            Reply::Failed(NoReply::Denied(reason)) => format!("refused: {reason}; look at GIST_ID and the token"),
            Reply::Failed(_) | Reply::Written(_) => {
                let warnings = self.lock.take_warnings();
                warnings.last().map_or_else(|| "no answer".to_owned(), ToString::to_string)
            }
        };
        Err(Failure::Refused(format!("unknown: {why}")))
    }
}

/// The moment up to which what stands is respected, if it was first received at `received`.
pub(crate) fn stands_until(standing: &Standing, received: Instant) -> Instant {
    received + standing.stands_for
}
