//! The Go original as a participant, by what was read in it and measured on it: the simulator has to be able to fail.
//!
//! It compares nothing before it writes, takes any answer to a PATCH for a success, has no timeout on a request, lets
//! two candidates sleep for the same lease and look once, and believes to lead until a request comes back to tell it
//! otherwise. It has our [`Input`] and [`Output`] and none of our rules.

use std::time::Duration;

use http::{HeaderValue, Method, Request};

use super::process::Seen;
use crate::candidate::{Input, Output, Phase, Request as ToSend, RequestId};
use crate::event::{Event, Lease, Next, StopReason, Why};
use crate::gist::DEFAULT_FILE;
use crate::json::{self, Kind};
use crate::record::Token;
use crate::time::{Instant, Now};

const LEASE: Duration = Duration::from_secs(30);
const RENEW_DEADLINE: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_secs(5);
/// It never gives up a request.
const FOR_EVER: Duration = Duration::from_hours(1000);

#[derive(Clone, Debug)]
pub(super) struct Original {
    name: String,
    gist: String,
    secret: String,
    state: State,
    requests: u64,
    /// What was read last, and when it was first seen.
    observed: Option<(String, Instant)>,
    transitions: u64,
    /// The last try that it took for a success.
    succeeded: Option<Instant>,
    /// The first try after that: its renew deadline counts from here, so that a leader that stood still in between
    /// leads on for all of it.
    tries_since: Option<Instant>,
    is_stopping: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Waits(Instant),
    Reads(RequestId),
    /// Inside Update: the lease less a second, then one more look.
    Sleeps(Instant),
    LooksAgain(RequestId),
    Writes(RequestId),
}

impl Original {
    pub(super) fn new(name: &str, gist: &str, secret: &str, now: Now) -> Self {
        Self {
            name: name.to_owned(),
            gist: gist.to_owned(),
            secret: secret.to_owned(),
            state: State::Waits(now.at),
            requests: 0,
            observed: None,
            transitions: 0,
            succeeded: None,
            tries_since: None,
            is_stopping: false,
        }
    }

    pub(super) fn handle(&mut self, now: Now, input: Input) -> Output {
        let mut request = None;
        let led = self.succeeded.is_some();
        match (input, self.state.clone()) {
            (Input::Stop | Input::StepDown, _) => self.is_stopping = true,
            (Input::Response(id, response), State::Reads(reads)) if id == reads => {
                request = self.read(now, response.body());
            }
            (Input::Response(id, response), State::LooksAgain(looks)) if id == looks => {
                let same = self.observed.as_ref().is_some_and(|(seen, _)| *seen == content(response.body()));
                if same || led {
                    request = Some(self.write(now));
                } else {
                    self.failed(now);
                }
            }
            // The status is not looked at.
            (Input::Response(id, _), State::Writes(writes)) if id == writes => {
                self.succeeded = Some(now.at);
                self.tries_since = None;
                self.state = State::Waits(now.at + RETRY);
            }
            (Input::Failed(id, _), State::Reads(of) | State::LooksAgain(of) | State::Writes(of)) if id == of => {
                self.failed(now);
            }
            (_, State::Waits(at)) if now.at >= at && led && self.gives_up_at().is_some_and(|end| now.at >= end) => {
                self.failed(now);
            }
            (_, State::Waits(at)) if now.at >= at => {
                self.tries_since = self.tries_since.filter(|_| led).or(Some(now.at));
                request = Some(self.send(now, Method::GET, Vec::new(), State::Reads));
            }
            (_, State::Sleeps(until)) if now.at >= until => {
                request = Some(self.send(now, Method::GET, Vec::new(), State::LooksAgain));
            }
            _ => {}
        }
        let mut events = Vec::new();
        match (led, self.succeeded.is_some()) {
            (false, true) => events.push(Event::StartedLeading { token: self.token() }),
            (true, false) => events.push(Event::Stopping { why: StopReason::Deadline, by: now.at }),
            _ => {}
        }
        let next = match self.state {
            State::Waits(at) | State::Sleeps(at) => Next::WakeAt(at, Why::Poll),
            _ => Next::WakeAt(now.at + FOR_EVER, Why::GiveUp),
        };
        let next = if self.is_stopping { Next::Done } else { next };
        let lease = self.succeeded.filter(|_| !self.is_stopping);
        let lease = lease.map(|_| Lease { token: self.token(), until: now.at + FOR_EVER });
        Output { events, request: request.filter(|_| !self.is_stopping), next, lease }
    }

    pub(super) fn seen(&self) -> Seen {
        let phase = match self.state {
            _ if self.succeeded.is_some() => Phase::Leading,
            State::Waits(_) | State::Reads(_) => Phase::Following,
            State::Sleeps(_) | State::LooksAgain(_) | State::Writes(_) => Phase::Claiming,
        };
        let holder = self.observed.as_ref().map(|(text, _)| holder(text));
        let stands = self.observed.as_ref().filter(|_| holder.as_ref().is_some_and(|name| !name.is_empty()));
        let stands_until = stands.filter(|_| phase == Phase::Following).map(|(_, seen)| *seen + LEASE);
        Seen { phase, leader: holder, stands_until }
    }

    fn read(&mut self, now: Now, body: &[u8]) -> Option<ToSend> {
        let content = content(body);
        if self.observed.as_ref().is_none_or(|(seen, _)| *seen != content) {
            self.observed = Some((content.clone(), now.at));
        }
        let (holder, transitions) = says(&content);
        let since = self.observed.as_ref().map_or(now.at, |(_, at)| *at);
        self.transitions = transitions + u64::from(holder != self.name);
        if holder == self.name {
            return Some(self.send(now, Method::GET, Vec::new(), State::LooksAgain));
        }
        if !holder.is_empty() && now.at < since + LEASE {
            self.failed(now);
            return None;
        }
        self.succeeded = None;
        self.state = State::Sleeps(now.at + LEASE.saturating_sub(Duration::from_secs(1)));
        None
    }

    fn failed(&mut self, now: Now) {
        // A leader tries on until its renew deadline, and looks at it only between two tries.
        let end = self.gives_up_at();
        self.succeeded = self.succeeded.filter(|_| end.is_none_or(|end| now.at < end));
        let again = now.at + RETRY;
        self.state = State::Waits(end.filter(|_| self.succeeded.is_some()).map_or(again, |end| end.min(again)));
    }

    fn gives_up_at(&self) -> Option<Instant> {
        Some(self.tries_since? + RENEW_DEADLINE)
    }

    fn write(&mut self, now: Now) -> ToSend {
        let record = super::people::foreign_record(&self.name, LEASE.as_secs(), self.transitions);
        let record = record.replace("22:10:00Z", &format!("22:10:00Z\",\"at\":\"{:?}", now.at));
        let body = json::one_file(DEFAULT_FILE, Some(&record));
        self.send(now, Method::PATCH, body.into_bytes(), State::Writes)
    }

    fn send(&mut self, now: Now, method: Method, body: Vec<u8>, state: impl Fn(RequestId) -> State) -> ToSend {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.state = state(id);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = format!("http://api.test/gists/{}", self.gist).parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(http::header::USER_AGENT, HeaderValue::from_static("original"));
        if let Ok(token) = format!("Bearer {}", self.secret).parse() {
            headers.insert(http::header::AUTHORIZATION, token);
        }
        ToSend { id, http: Box::new(request), give_up_at: now.at + FOR_EVER }
    }

    fn token(&self) -> Token {
        Token::new(self.transitions).unwrap_or(Token::NONE)
    }
}

fn holder(text: &str) -> String {
    says(text).0
}

/// Holder and transitions, as far as the text tells.
fn says(text: &str) -> (String, u64) {
    let mut says = (String::new(), 0);
    // What is no JSON says nothing.
    let _ = json::read(text.as_bytes(), |reader| {
        reader.object(&mut |name, reader| {
            match (&*name, reader.kind()?) {
                ("holderIdentity", Kind::String) => says.0 = reader.string()?.into_owned(),
                ("leaderTransitions", Kind::Number) => says.1 = reader.number()?,
                _ => reader.skip()?,
            }
            Ok(())
        })
    });
    says
}

fn content(body: &[u8]) -> String {
    json::file(body, DEFAULT_FILE).unwrap_or_default()
}
