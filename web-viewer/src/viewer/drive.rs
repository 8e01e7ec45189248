//! The reading: the lock as a candidate reads it, by the plan of the budget, while somebody looks.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION};
use http::{Method, Request, Response};
use leader_elector_core::gist::history::{self, Term};
use leader_elector_core::gist::{Gist, Settings};
use leader_elector_core::lock::{Failure, Op, Reply, Step};
use leader_elector_core::record::Text;
use leader_elector_core::watch::Change;
use leader_elector_core::{Identity, Instant, Lock, Sent, Watch};
use reactive_graph::traits::WithUntracked;

use super::Shared;
use crate::answer::{self, Shown};
use crate::place::Place;
use crate::plan::{self, Budget};
use crate::{browser, words};

/// `GET /gists/:id/commits` gives at most this many at once.
const PAGE: usize = 100;
/// Looking back needs several requests.
const LONGEST_READ: Duration = Duration::from_mins(2);
/// How often the loop looks whether something else is wanted.
const GLANCE: Duration = Duration::from_millis(250);

/// Everything that is known, as the page shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) place: Place,
    pub(super) has_token: bool,
    pub(super) watch: Watch,
    pub(super) budget: Budget,
    pub(super) requests: u32,
    pub(super) failure: Option<String>,
    pub(super) shown: Shown,
    pub(super) revisions: Option<(usize, bool)>,
    pub(super) terms: Vec<Term>,
    /// Whether the terms are all there were.
    pub(super) complete: bool,
    /// The wait after the last read that was answered.
    pub(super) interval: Duration,
    pub(super) next_read: Option<Instant>,
    /// Nobody looks: nothing is read.
    pub(super) paused: bool,
}

/// One reading of one place. It ends as soon as another begins.
pub(super) struct Drive {
    shared: Shared,
    /// Its number: as soon as another is wanted, it ends.
    number: u32,
    settings: Settings,
    token: Option<String>,
    /// By version.
    texts: Vec<(String, Text)>,
    failures: u32,
    throttled: Option<Duration>,
}

impl Drive {
    pub(super) const fn new(shared: Shared, number: u32, settings: Settings, token: Option<String>) -> Self {
        Self { shared, number, settings, token, texts: Vec::new(), failures: 0, throttled: None }
    }

    /// Reads until another reading is wanted.
    pub(super) async fn run(mut self) {
        let me = Identity::new("viewer", "viewer").expect("two short names");
        let Ok(mut lock) = Gist::new(self.settings.clone(), me, 0) else { return };
        while self.is_wanted() {
            if browser::is_hidden() {
                self.pause(true);
                browser::sleep(GLANCE).await;
                continue;
            }
            self.pause(false);
            let looks_back = self.read(&mut lock).await;
            if looks_back && self.is_wanted() {
                self.look_back().await;
            }
            let wait = self.wait();
            let until = browser::now().at + wait;
            // Waiting longer because of failures does not make old knowledge fresh.
            let answered = self.failures == 0 && self.throttled.is_none();
            self.tell(|known| {
                if answered {
                    known.interval = wait;
                }
                known.next_read = Some(until);
            });
            while self.is_wanted() && browser::now().at < until && !browser::is_hidden() {
                browser::sleep(GLANCE.min(until.since(browser::now().at))).await;
            }
        }
    }

    fn is_wanted(&self) -> bool {
        self.shared.0.try_with_untracked(|state| state.reading) == Some(self.number)
    }

    fn tell(&self, change: impl FnOnce(&mut Known)) {
        if self.is_wanted() {
            self.shared.change(|state| change(&mut state.known));
        }
    }

    fn pause(&self, paused: bool) {
        if self.shared.0.try_with_untracked(|state| state.known.paused != paused) == Some(true) {
            self.tell(|known| known.paused = paused);
        }
    }

    fn budget(&self) -> Budget {
        self.shared.0.try_with_untracked(|state| state.known.budget).unwrap_or_default()
    }

    fn wait(&self) -> Duration {
        if let Some(wait) = self.throttled {
            return wait;
        }
        if self.failures > 0 {
            return plan::retry(self.failures);
        }
        plan::next_read(self.token.is_some(), self.budget(), browser::now().wall.unix_seconds())
    }

    /// One read; whether the history should be looked at.
    async fn read(&mut self, lock: &mut Gist) -> bool {
        let sent = browser::now();
        let mut step = lock.start(sent, &Op::Read, sent.at + LONGEST_READ);
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
                        if request.uri().path().ends_with(&self.settings.gist)
                            && let Some(shown) = answer::look(response.body(), &self.settings.file)
                        {
                            self.tell(|known| known.shown = shown);
                        }
                        lock.receive(browser::now(), &response)
                    }
                    Err(error) => {
                        words_of_failure = Some(error);
                        lock.failed(browser::now(), Sent::Unknown)
                    }
                },
            };
        };
        let now = browser::now();
        let revisions = lock.revisions();
        let warnings = lock.take_warnings();
        self.throttled = None;
        let failed = |known: &mut Known, words: String| {
            known.watch.failed();
            known.failure = Some(words);
        };
        let mut looks_back = false;
        match reply {
            Reply::Standing(standing) => {
                self.failures = 0;
                self.tell(|known| {
                    known.failure = None;
                    known.revisions = revisions;
                    let newest = known.terms.first().map(|term| term.token.get());
                    let change = known.watch.saw(sent, now, standing);
                    let term = known.watch.record().and_then(Term::of);
                    looks_back = change == Change::First;
                    if let (Some(term), false) = (term, looks_back) {
                        let token = term.token.get();
                        match newest {
                            Some(newest) if token == newest => known.terms[0] = term,
                            Some(newest) if token == newest + 1 => known.terms.insert(0, term),
                            None if token == 1 => known.terms.push(term),
                            // Terms passed between two reads.
                            _ => looks_back = true,
                        }
                    }
                });
            }
            Reply::Unchanged => {
                self.failures = 0;
                self.tell(|known| {
                    known.failure = None;
                    known.watch.unchanged(sent, now);
                });
            }
            Reply::Failed(Failure::Throttled { wait }) => {
                self.throttled = Some(wait);
                let at = now.wall.unix_seconds() + i64::try_from(wait.as_secs()).unwrap_or(0);
                let at = browser::local(at);
                let more = if self.token.is_some() {
                    ""
                } else {
                    " A token would raise the limit from 60 reads an hour to 5,000."
                };
                self.tell(|known| failed(known, format!("Rate limited until {at}, by this machine's clock.{more}")));
            }
            Reply::Failed(Failure::Denied(reason)) => {
                self.failures += 1;
                let words = words::refusal(reason.status, &reason.message, self.token.is_some());
                self.tell(|known| failed(known, words));
            }
            Reply::Failed(_) | Reply::Written(_) => {
                self.failures += 1;
                let said = warnings.last().map(|warning| words::shown_up_to(&warning.to_string(), 200));
                let words = match (browser::is_offline(), words_of_failure) {
                    (true, _) => "This machine has no network. The page goes on as soon as it has.".to_owned(),
                    (false, Some(_)) => format!(
                        "No answer from {}: the network, the address, or a server that does not answer pages. Trying again.",
                        words::shown_up_to(&self.settings.api, 80)
                    ),
                    (false, None) => {
                        format!("The API's answer cannot be used: {}. Trying again.", said.unwrap_or_default())
                    }
                };
                self.tell(|known| failed(known, words));
            }
        }
        looks_back
    }

    async fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
        self.tell(|known| known.requests += 1);
        let response = browser::send(request).await?;
        self.tell(|known| known.budget.note(response.headers()));
        Ok(response)
    }

    /// Looks at older terms, within the budget, and shows what it finds as it finds it.
    async fn look_back(&mut self) {
        let mut left = plan::for_history(self.token.is_some(), self.budget());
        let Some((versions, listed_all)) = self.list(&mut left).await else { return };
        self.texts.retain(|(version, _)| versions.contains(version));
        let known = |version: &String| self.texts.iter().find(|(of, _)| of == version).map(|(_, text)| text.clone());
        let mut texts: Vec<Option<Text>> = versions.iter().map(known).collect();
        while let Some(index) = history::next_to_fetch(&versions, &texts) {
            if left == 0 || !self.is_wanted() || browser::is_hidden() {
                break;
            }
            left -= 1;
            let Some(response) = self.get(&format!("/{}", versions[index])).await else { break };
            let Some(text) = history::text(response.body(), &self.settings.file) else { break };
            self.texts.push((versions[index].clone(), text.clone()));
            texts[index] = Some(text);
            self.tell(|known| known.terms = history::terms(&versions, &texts));
        }
        let complete = listed_all && history::next_to_fetch(&versions, &texts).is_none();
        self.tell(|known| {
            known.terms = history::terms(&versions, &texts);
            known.complete = complete;
        });
    }

    async fn list(&self, left: &mut u32) -> Option<(Vec<String>, bool)> {
        let mut versions = Vec::new();
        for page in 1..=(*left / 10).clamp(1, 20) {
            *left = left.checked_sub(1)?;
            let response = self.get(&format!("/commits?per_page={PAGE}&page={page}")).await?;
            let more = history::versions(response.body())?;
            let last = more.len() < PAGE;
            history::add_page(&mut versions, more);
            if last {
                return Some((versions, true));
            }
        }
        Some((versions, false))
    }

    async fn get(&self, path: &str) -> Option<Response<Vec<u8>>> {
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(format!("{}/gists/{}{path}", self.settings.api, self.settings.gist))
            .header(ACCEPT, "application/vnd.github+json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.send(&request.body(Vec::new()).ok()?).await.ok()?;
        response.status().is_success().then_some(response)
    }
}
