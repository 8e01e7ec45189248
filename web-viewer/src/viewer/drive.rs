//! The reading: the lock as a candidate reads it, by the plan of the budget, while somebody looks. Between two reads it
//! looks back, a request at a time.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION};
use http::{Method, Request, Response};
use leader_elector_core::gist::history::Term;
use leader_elector_core::gist::{Gist, Settings};
use leader_elector_core::lock::{Failure, Op, Reply, Step};
use leader_elector_core::watch::Change;
use leader_elector_core::{Identity, Lock, Sent};
use reactive_graph::traits::WithUntracked;

use super::Shared;
use super::known::{Back, Known};
use crate::{answer, browser, plan, words};

/// A read may need several requests.
const LONGEST_READ: Duration = Duration::from_mins(2);
/// How often the loop looks whether something else is wanted.
const GLANCE: Duration = Duration::from_millis(250);

/// One reading of one place. It ends as soon as another begins.
pub(super) struct Drive {
    shared: Shared,
    /// Its number: as soon as another is wanted, it ends.
    number: u32,
    settings: Settings,
    failures: u32,
}

impl Drive {
    pub(super) const fn new(shared: Shared, number: u32, settings: Settings) -> Self {
        Self { shared, number, settings, failures: 0 }
    }

    /// Reads until another reading is wanted.
    pub(super) async fn run(mut self) {
        let me = Identity::new("viewer", "viewer").expect("two short names");
        let Ok(mut lock) = Gist::new(self.settings.clone(), me, 0) else { return };
        while self.is_wanted() {
            let is_hidden = browser::is_hidden();
            self.pause(is_hidden);
            let now = browser::now().at;
            let next = self.known(|known| known.next_read).flatten();
            let wait = next.map_or(Duration::ZERO, |at| at.since(now));
            if is_hidden {
                browser::sleep(GLANCE).await;
            } else if wait.is_zero() {
                self.read(&mut lock).await;
            } else if !self.look_back(&mut lock).await {
                // A look back keeps no read waiting for longer than one request.
                browser::sleep(GLANCE.min(wait)).await;
            }
        }
    }

    fn is_wanted(&self) -> bool {
        self.shared.0.try_with_untracked(|state| state.reading) == Some(self.number)
    }

    fn known<T>(&self, of: impl FnOnce(&Known) -> T) -> Option<T> {
        self.shared.0.try_with_untracked(|state| of(&state.known))
    }

    fn tell(&self, change: impl FnOnce(&mut Known)) {
        if self.is_wanted() {
            self.shared.change(|state| change(&mut state.known));
        }
    }

    fn pause(&self, paused: bool) {
        if self.known(|known| known.paused != paused) == Some(true) {
            self.tell(|known| known.paused = paused);
        }
    }

    /// When to read next: after what the budget allows, after a failure no sooner than that, and never before the store
    /// wants to be asked again.
    fn plan(&self) {
        let now = browser::now();
        self.tell(|known| {
            let usual = plan::next_read(known.token.is_some(), known.budget, now.wall.unix_seconds());
            let wait = if self.failures > 0 { plan::retry(self.failures).max(usual) } else { usual };
            if self.failures == 0 && known.throttled.is_none() {
                // Waiting longer because of failures does not make old knowledge fresh.
                known.interval = wait;
            }
            known.next_read = known.throttled.or(Some(now.at + wait));
        });
    }

    /// One read.
    async fn read(&mut self, lock: &mut Gist) {
        let sent = browser::now();
        self.tell(|known| known.throttled = None);
        // A read that is given up has been spent all the same.
        self.plan();
        let mut step = lock.start(sent, &Op::Read, sent.at + LONGEST_READ);
        let mut received = None;
        let mut is_told = true;
        let mut words_of_failure = None;
        let reply = loop {
            step = match step {
                Step::Done(reply) => break reply,
                Step::WaitUntil(at) => {
                    browser::sleep(at.since(browser::now().at)).await;
                    lock.wake(browser::now())
                }
                Step::Send { request, .. } => match self.send(&request).await {
                    Ok(response) => {
                        let now = browser::now();
                        if response.status().is_success() {
                            // The first shows the head. What follows only tells what it means.
                            received.get_or_insert(now);
                        }
                        is_told = plan::is_told(response.headers());
                        if request.uri().path().ends_with(&self.settings.gist)
                            && let Some(shown) = answer::look(response.body(), &self.settings.file)
                        {
                            self.tell(|known| known.shown = shown);
                        }
                        lock.receive(now, &response)
                    }
                    Err(error) => {
                        words_of_failure = Some(error);
                        lock.failed(browser::now(), Sent::Unknown)
                    }
                },
            };
        };
        let received = received.unwrap_or_else(browser::now);
        let revisions = lock.revisions();
        let warnings = lock.take_warnings();
        self.failures = match &reply {
            Reply::Standing(_) | Reply::Unchanged => 0,
            Reply::Failed(Failure::Throttled { .. }) => self.failures,
            Reply::Failed(_) | Reply::Written(_) => self.failures + 1,
        };
        let failed = |known: &mut Known, is_unreachable, words| {
            known.watch.failed(is_unreachable);
            known.failure = Some(words);
        };
        match reply {
            Reply::Standing(standing) => self.tell(|known| {
                known.failure = None;
                known.revisions = revisions;
                let change = known.watch.saw(sent, received, standing);
                let is_known = match known.watch.record().and_then(Term::of) {
                    // Terms may have passed between two reads.
                    Some(term) => known.begins_with(term),
                    None => true,
                };
                if change == Change::First || !(is_known || known.back.is_some()) {
                    known.back = Some(Back::new(plan::for_history(known.token.is_some(), known.budget)));
                }
            }),
            Reply::Unchanged => self.tell(|known| {
                known.failure = None;
                known.watch.unchanged(sent, received);
            }),
            Reply::Failed(Failure::Throttled { wait }) => {
                self.tell(|known| known.watch.failed(false));
                self.throttle(wait, is_told);
            }
            Reply::Failed(Failure::Denied(reason)) => {
                let words = words::refusal(reason.status, &reason.message, self.settings.token.is_some());
                self.tell(|known| failed(known, false, words));
            }
            Reply::Failed(_) | Reply::Written(_) => {
                let said = warnings.last().map(|warning| words::shown_up_to(&warning.to_string(), 200));
                let is_offline = browser::is_offline();
                let is_unreachable = !is_offline && words_of_failure.is_some();
                let words = if is_offline {
                    "This machine has no network. The page goes on as soon as it has.".to_owned()
                } else if is_unreachable {
                    format!(
                        "No answer from {}: the network, the address, or a server that does not answer pages. Trying again.",
                        words::shown_up_to(&self.settings.api, 80)
                    )
                } else {
                    format!("The API's answer cannot be used: {}. Trying again.", said.unwrap_or_default())
                };
                self.tell(|known| failed(known, is_unreachable, words));
            }
        }
        self.plan();
    }

    /// The store wants to be left alone.
    fn throttle(&self, wait: Duration, is_told: bool) {
        let now = browser::now();
        let at = browser::local(now.wall.unix_seconds() + i64::try_from(wait.as_secs()).unwrap_or(0));
        let words = words::throttled(is_told, &at, self.settings.token.is_some());
        self.tell(|known| {
            known.throttled = Some(now.at + wait);
            known.next_read = known.throttled;
            known.failure = Some(words);
        });
    }

    async fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
        self.tell(|known| known.requests += 1);
        let response = browser::send(request).await?;
        self.tell(|known| known.budget.note(response.headers()));
        Ok(response)
    }

    /// One request that looks at older terms; `false`: there is none to make.
    async fn look_back(&self, lock: &mut Gist) -> bool {
        let Some(path) = self.known(Known::path_back).flatten() else { return false };
        let response = self.get(&path).await;
        let throttled = response.as_ref().and_then(|response| lock.overheard(browser::now(), response));
        if let (Some(wait), Some(response)) = (throttled, &response) {
            // It goes on from here.
            self.throttle(wait, plan::is_told(response.headers()));
            return true;
        }
        let response = response.filter(|response| response.status().is_success());
        let body = response.as_ref().map(|response| response.body().as_slice());
        self.tell(|known| known.took_back(body, &self.settings.file));
        true
    }

    async fn get(&self, path: &str) -> Option<Response<Vec<u8>>> {
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(format!("{}/gists/{}{path}", self.settings.api, self.settings.gist))
            .header(ACCEPT, "application/vnd.github+json");
        if let Some(token) = &self.settings.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(&request.body(Vec::new()).ok()?).await.ok()
    }
}
