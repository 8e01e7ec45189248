//! The gist under test: requests within a budget, one or several at once, with an eye on the lock file.
//!
//! Whatever is sent in a run is counted here, so that what is announced is kept, and what is reported is true.

use std::time::{Duration, Instant};

use http::{Method, Request, Response};
use leader_elector::clock;
use leader_elector::transport::Transport;
use leader_elector_core::gist::Rest;
use leader_elector_core::gist::probe::{Probe, Tip};
use leader_elector_core::lock::{Failure, Version};
use leader_elector_host::say::complain;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The file that is written, beside the lock.
pub(super) const FILE: &str = "leader-elector-doctor.json";
/// What one run may spend, and the part of it that is kept for putting things back.
pub(super) const MOST_REQUESTS: usize = 400;
pub(super) const MOST_WRITES: usize = 90;
const KEPT: usize = 10;
/// A slow answer is a finding, so it is waited for longer than a candidate would.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// A wait that the store asks for is kept, if it is no longer than this.
const LONGEST_WAIT: Duration = Duration::from_mins(2);
/// How often a read that went wrong, or shows the past, is repeated, and after how long.
const READS: usize = 20;
const AGAIN: Duration = Duration::from_millis(500);

/// Why the trial ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The lock is renewed while it is looked at: an election runs.
    Alive,
    /// The lock file is not as it was: somebody else is at work, and nothing more is written.
    LockMoved,
    /// Somebody else writes the file that is tried out on.
    Meddled,
    /// The store asks to be left alone for so long.
    Throttled(Duration),
    /// The store does not play along.
    Store(String),
    /// A signal.
    Interrupted,
}

impl Stop {
    /// How long the store asks to be left alone.
    pub(super) const fn wait(&self) -> Option<Duration> {
        if let Self::Throttled(wait) = self { Some(*wait) } else { None }
    }
}

pub(super) type Result<T> = std::result::Result<T, Stop>;
/// An answer, or why there is none.
pub(super) type Answer = std::result::Result<Answered, String>;

/// An answer and when it was there.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) at: Instant,
    pub(super) response: Response<Vec<u8>>,
}

/// The gist, and what was spent on it.
pub(super) struct Site {
    pub(super) probe: Probe,
    transport: Transport,
    lock_file: String,
    /// Between two writes.
    pause: Duration,
    /// Told by a signal.
    interrupt: CancellationToken,
    /// The gist as it was first read.
    found: Option<Tip>,
    nonce: u128,
    texts: usize,
    pub(super) requests: usize,
    pub(super) writes: usize,
    /// Whether things are being put back: a signal and the spent budget no longer matter.
    pub(super) putting_back: bool,
    /// The revisions that are known to be ours.
    pub(super) own: Vec<Version>,
    /// The text that reads must show by now.
    expected: Option<String>,
    last_write: Option<Instant>,
    pub(super) reads_took: Vec<Duration>,
    pub(super) writes_took: Vec<Duration>,
    /// Reads that had no answer, or one that is not understood.
    pub(super) failed_reads: usize,
    /// Writes without an answer: they may still land.
    unanswered: usize,
}

impl Site {
    /// The gist that `probe` knows, with the lock file `lock_file`. `nonce` is new for each run.
    pub(super) fn new(
        probe: Probe,
        transport: Transport,
        lock_file: String,
        pause: Duration,
        interrupt: CancellationToken,
        nonce: u128,
    ) -> Self {
        Self {
            probe,
            transport,
            lock_file,
            pause,
            interrupt,
            found: None,
            nonce,
            texts: 0,
            requests: 0,
            writes: 0,
            putting_back: false,
            own: Vec::new(),
            expected: None,
            last_write: None,
            reads_took: Vec::new(),
            writes_took: Vec::new(),
            failed_reads: 0,
            unanswered: 0,
        }
    }

    /// The gist as it was first read.
    pub(super) const fn found(&self) -> Option<&Tip> {
        self.found.as_ref()
    }

    /// A text that was never written before.
    pub(super) fn text(&mut self) -> String {
        self.texts += 1;
        format!("{{\"leader-elector doctor\":\"tries out this gist\",\"try\":\"{:x}-{}\"}}\n", self.nonce, self.texts)
    }

    /// Waits as long as a store asks for between two writes, then reads: what a write may stand on.
    /// Nothing is ever written without a look at the lock file just before.
    pub(super) async fn ready(&mut self) -> Result<Tip> {
        self.pause().await?;
        for _ in 0..READS {
            let tip = self.read().await?;
            if self.expected.as_deref().is_none_or(|text| shows(&tip, text)) {
                return Ok(tip);
            }
            self.sleep(AGAIN).await?;
        }
        let most = AGAIN * u32::try_from(READS).unwrap_or(u32::MAX);
        Err(Stop::Store(format!("reads do not show an acknowledged write within {} s", most.as_secs())))
    }

    /// What is left of the pause since the last write.
    pub(super) async fn pause(&self) -> Result<()> {
        let passed = self.last_write.map_or(self.pause, |at| at.elapsed());
        self.sleep(self.pause.saturating_sub(passed)).await
    }

    pub(super) async fn sleep(&self, time: Duration) -> Result<()> {
        let end = clock::now().at + time;
        if self.putting_back {
            clock::sleep_until(end).await;
            return Ok(());
        }
        tokio::select! {
            () = clock::sleep_until(end) => Ok(()),
            () = self.interrupt.cancelled() => Err(Stop::Interrupted),
        }
    }

    /// Waits as the store asks before more is sent, and says what for; `false`: that is too long.
    pub(super) async fn relent(&self, wait: Duration, to: &str) -> Result<bool> {
        if wait > LONGEST_WAIT {
            return Ok(false);
        }
        complain(format_args!("waiting {} s, as the store asks, to {to}", wait.as_secs()));
        self.sleep(wait).await?;
        Ok(true)
    }

    /// What others may still send on this account.
    pub(super) const fn spare(&self) -> usize {
        (MOST_REQUESTS - KEPT).saturating_sub(self.requests)
    }

    /// One request and its answer; how long it took is noted.
    pub(super) async fn exchange(&mut self, request: Request<Vec<u8>>) -> Result<Answer> {
        let is_read = request.method() == Method::GET;
        let start = Instant::now();
        let mut answers = self.at_once(vec![(Duration::ZERO, request)]).await?;
        let answer = answers.pop().unwrap_or_else(|| Err("no answer".to_owned()));
        let end = answer.as_ref().map_or_else(|_| Instant::now(), |answer| answer.at);
        if is_read { &mut self.reads_took } else { &mut self.writes_took }.push(end - start);
        Ok(answer)
    }

    /// Several requests, each sent so long after now; the answers in their order. A signal does not cut them short: what
    /// is under way would have its effect all the same.
    pub(super) async fn at_once(&mut self, requests: Vec<(Duration, Request<Vec<u8>>)>) -> Result<Vec<Answer>> {
        if self.interrupt.is_cancelled() && !self.putting_back {
            return Err(Stop::Interrupted);
        }
        let writes = requests.iter().filter(|(_, request)| request.method() != Method::GET).count();
        let kept = if self.putting_back { 0 } else { KEPT };
        if self.requests + requests.len() > MOST_REQUESTS - kept || self.writes + writes > MOST_WRITES - kept {
            return Err(Stop::Store(format!("the budget of {MOST_REQUESTS} requests, {MOST_WRITES} writes, is spent")));
        }
        self.requests += requests.len();
        self.writes += writes;
        if writes > 0 {
            self.last_write = Some(Instant::now());
            self.expected = None;
        }
        let mut sending = JoinSet::new();
        let count = requests.len();
        for (index, (after, request)) in requests.into_iter().enumerate() {
            let transport = self.transport.clone();
            sending.spawn(async move {
                clock::sleep_until(clock::now().at + after).await;
                let answer = transport.send_within(request, REQUEST_TIMEOUT).await.map_err(|no| no.what);
                (index, answer.map(|response| Answered { at: Instant::now(), response }))
            });
        }
        let mut answers: Vec<Answer> = (0..count).map(|_| Err("no answer".to_owned())).collect();
        while let Some(joined) = sending.join_next().await {
            if let Ok((index, answer)) = joined
                && let Some(place) = answers.get_mut(index)
            {
                *place = answer;
            }
        }
        self.unanswered += answers.iter().filter(|answer| answer.is_err() && writes > 0).count();
        match answers.iter().flatten().find_map(|answer| throttled(&answer.response)) {
            Some(wait) => Err(Stop::Throttled(wait)),
            None => Ok(answers),
        }
    }

    /// The gist as it is now, with its newest revision; ends everything if the lock file moved.
    pub(super) async fn read(&mut self) -> Result<Tip> {
        let mut why = String::new();
        for _ in 0..3 {
            match self.exchange(self.probe.get(None)).await?.and_then(|answer| self.probe.tip(&answer.response)) {
                Ok(tip) => return self.complete(tip).await,
                Err(said) => why = said,
            }
            self.failed_reads += 1;
            self.sleep(AGAIN).await?;
        }
        Err(Stop::Store(why))
    }

    /// Adds the list of revisions where the answer had none, and looks at the lock file.
    pub(super) async fn complete(&mut self, mut tip: Tip) -> Result<Tip> {
        if tip.head.is_none() {
            tip.listed = self.listed().await?;
            tip.head = tip.listed.first().cloned();
        }
        self.look(&tip)?;
        self.note(&tip);
        Ok(tip)
    }

    /// Ends everything if somebody else is at work.
    pub(super) fn look(&mut self, tip: &Tip) -> Result<()> {
        let found = self.found.get_or_insert_with(|| tip.clone());
        if found.files.get(&self.lock_file) != tip.files.get(&self.lock_file) {
            return Err(Stop::LockMoved);
        }
        let mine = |text: &String| text.contains(&format!("{:x}-", self.nonce));
        match tip.files.get(FILE) {
            Some(Some(text)) if !mine(text) && found.files.get(FILE) != tip.files.get(FILE) => Err(Stop::Meddled),
            _ => Ok(()),
        }
    }

    /// Notes the newest revision as ours if it is what was found, with our text in our file.
    pub(super) fn note(&mut self, tip: &Tip) {
        let ours = tip.files.get(FILE).and_then(Option::as_ref).is_some_and(|text| {
            text.contains(&format!("{:x}-", self.nonce))
                && self.found.as_ref().is_some_and(|found| tip.is_the_same_beside(found, FILE))
        });
        self.own.extend(tip.head.clone().filter(|head| ours && !self.own.contains(head)));
    }

    /// From now on reads must show this text, or they show the past.
    pub(super) fn expect(&mut self, text: &str) {
        self.expected = Some(text.to_owned());
    }

    /// The text that reads must show by now.
    pub(super) fn expected(&self) -> Option<&str> {
        self.expected.as_deref()
    }

    /// The 100 newest revisions.
    pub(super) async fn listed(&mut self) -> Result<Vec<Version>> {
        let answer = self.exchange(self.probe.list()).await?.map_err(Stop::Store)?;
        Probe::listed(&answer.response).map_err(Stop::Store)
    }

    /// Writes the file by PATCH, or takes it away.
    pub(super) async fn patch(&mut self, text: Option<&str>) -> Result<std::result::Result<Tip, String>> {
        let answer = self.exchange(self.probe.patch(text)).await?;
        self.patched(answer)
    }

    /// What is left behind, and what may still come.
    pub(super) fn with_unanswered(&self, left: String) -> String {
        if self.unanswered == 0 {
            return left;
        }
        format!("{left}; {} writes had no answer and may still land: look again later", self.unanswered)
    }

    /// Reads the answer to a PATCH.
    pub(super) fn patched(&mut self, answer: Answer) -> Result<std::result::Result<Tip, String>> {
        let tip = match answer.and_then(|answer| self.probe.tip(&answer.response)) {
            Ok(tip) => tip,
            Err(why) => return Ok(Err(why)),
        };
        self.look(&tip)?;
        self.note(&tip);
        Ok(Ok(tip))
    }
}

/// Whether a gist shows a text in the file that is written.
pub(super) fn shows(tip: &Tip, text: &str) -> bool {
    tip.files.get(FILE).is_some_and(|file| file.as_deref() == Some(text))
}

/// How long an answer asks to be left alone, as the lock understands it.
fn throttled(response: &Response<Vec<u8>>) -> Option<Duration> {
    if let Failure::Throttled { wait } = Rest::failure(response) { Some(wait) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_waited_for_until_its_reset_by_the_answers_own_date() {
        let answer = |status: u16| {
            let answer = Response::builder().status(status).header("date", "Sat, 28 Nov 2026 10:00:00 GMT");
            let answer = answer.header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", "1795860090");
            throttled(&answer.body(Vec::new()).expect("well-formed"))
        };
        assert_eq!(answer(403), Some(Duration::from_secs(90)));
        assert_eq!(answer(200), None, "the last one that was allowed");
    }
}
