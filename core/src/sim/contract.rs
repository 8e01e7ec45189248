//! What one process may say to its host, step by step: the rules of the stdio host's page, and those of the lock that
//! show in its requests.

use std::sync::Arc;
use std::time::Duration;

use http::header::{DATE, HeaderName, RETRY_AFTER};
use http::{Response, StatusCode};

use super::checks::Check;
use super::coverage::{Coverage, Path};
use super::network::Kind;
use super::pushed::pushed;
use super::store::{Says, Store, Text};
use crate::candidate::{Input, Output, Request, RequestId};
use crate::emulator::RevisionId;
use crate::event::{Event, Next};
use crate::gist::DEFAULT_FILE;
use crate::json;
use crate::ordered::OrderedMap;
use crate::record::Token;
use crate::time::{Instant, http_date};
use crate::timing::Timing;

/// The least time between two writes.
const WRITE_INTERVAL: Duration = Duration::from_secs(1);
/// Of a claim: one, and its repetition.
const MOST_CONFIRMATIONS: u32 = 2;
/// A wait that nobody named doubles this often, and then stays.
const MOST_DOUBLINGS: u32 = 4;
/// Steps in a row without any time passing.
const MOST_STEPS_AT_ONCE: u32 = 60;
/// Requests in a minute beyond a poll each and its repetition: looking back through a history of strangers' texts.
const MOST_EXTRA_REQUESTS: u64 = 240;
/// Where `history` is missing a write takes three (itself, the list, its text), and so does the read of what lies on it;
/// what a proxy repeated has to be fetched as well, and renewed over. Seen: 8, where every other write was repeated.
const REQUESTS_OF_A_RENEWAL: u64 = 10;
const MINUTE: Duration = Duration::from_mins(1);
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// One process under observation.
#[derive(Clone, Debug)]
pub(super) struct Contract {
    instance: Arc<str>,
    timing: Timing,
    in_flight: Option<(RequestId, Instant)>,
    last_request: RequestId,
    told_until: Instant,
    untold: Untold,
    /// What was asked for last.
    asked: Kind,
    first_seen: OrderedMap<RevisionId, Instant>,
    last_write: Option<Instant>,
    immediate_renewals: u32,
    confirmations: u32,
    claim: Option<u64>,
    /// The token of the newest claim that an answer showed.
    acknowledged: Option<u64>,
    leads: Option<Token>,
    works: bool,
    is_asked_to_end: bool,
    is_done: bool,
    last_step: Instant,
    steps_at_once: u32,
    requests: Minute,
    wakes: Minute,
}

/// Throttlings in a row that named no wait: each asks for twice as long as the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Untold {
    times: u32,
    /// What was answered so was a write, or that came too late to tell: then a read that is answered does not end the row.
    writes: bool,
}

/// How often something happened in the present minute.
#[derive(Clone, Debug)]
struct Minute {
    since: Instant,
    times: u64,
}

impl Minute {
    const fn from(since: Instant) -> Self {
        Self { since, times: 0 }
    }

    fn count(&mut self, now: Instant) {
        if self.since + MINUTE <= now {
            *self = Self::from(now);
        }
        self.times += 1;
    }
}

/// What a write is, judged from its record and what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intent {
    Claim,
    Confirmation,
    Renewal,
    Release,
}

type Broken = (Check, String);

impl Contract {
    pub(super) fn new(instance: String, timing: Timing, now: Instant) -> Self {
        Self {
            instance: instance.into(),
            timing,
            in_flight: None,
            last_request: RequestId(0),
            told_until: Instant::ZERO,
            untold: Untold::default(),
            asked: Kind::Read,
            first_seen: OrderedMap::new(),
            last_write: None,
            immediate_renewals: 0,
            confirmations: 0,
            claim: None,
            acknowledged: None,
            leads: None,
            works: false,
            is_asked_to_end: false,
            is_done: false,
            last_step: now,
            steps_at_once: 0,
            requests: Minute::from(now),
            wakes: Minute::from(now),
        }
    }

    /// The end of the longest wait that the process was told, on its own clock.
    pub(super) const fn told_until(&self) -> Instant {
        self.told_until
    }

    /// How many revisions it has seen and not forgotten.
    pub(super) fn weight(&self) -> usize {
        self.first_seen.len()
    }

    /// The token of its newest claim, if an answer showed that.
    pub(super) const fn acknowledged(&self) -> Option<u64> {
        self.acknowledged
    }

    /// Forgets when revisions were first seen that nobody knows any more.
    pub(super) fn forget(&mut self, is_known: impl Fn(RevisionId) -> bool) {
        self.first_seen.retain(|revision, _| is_known(*revision));
    }

    /// An input is about to be handled. `shows` is the head that an answer shows.
    pub(super) fn hear(
        &mut self,
        now: Instant,
        input: &Input,
        shows: Option<(RevisionId, &Store)>,
        seen: &mut Coverage,
    ) {
        self.in_flight = self.in_flight.filter(|(_, give_up_at)| now < *give_up_at);
        match input {
            Input::Response(id, response) => {
                let is_awaited = self.in_flight.is_some_and(|(awaited, _)| awaited == *id);
                if let Some(wait) = self.told_wait(response, is_awaited.then_some(self.asked)) {
                    self.told_until = self.told_until.max(now + wait);
                }
                if let Some((head, store)) = shows
                    && let Some((state, _)) = store.state(head)
                {
                    self.first_seen.entry(state).or_insert(now);
                    if is_awaited && self.claim != self.acknowledged && store.shows(head, &self.instance, self.claim) {
                        self.acknowledged = self.claim;
                    }
                }
                self.answered(*id, seen);
            }
            Input::Failed(id, _) => self.answered(*id, seen),
            Input::Stop | Input::StepDown => self.is_asked_to_end = true,
            Input::WorkStopped => self.works = false,
            Input::Wake => self.wakes.count(now),
        }
    }

    fn answered(&mut self, id: RequestId, seen: &mut Coverage) {
        if self.in_flight.take_if(|(awaited, _)| *awaited == id).is_none() {
            seen.path(Path::TooLate);
        }
    }

    /// Checks what came of it.
    pub(super) fn check(
        &mut self,
        now: Instant,
        output: &Output,
        store: &Store,
        seen: &mut Coverage,
    ) -> Result<(), Broken> {
        self.steps_at_once = if now > self.last_step { 0 } else { self.steps_at_once + 1 };
        self.last_step = now;
        if self.steps_at_once > MOST_STEPS_AT_ONCE {
            return Err((Check::WakesBounded, format!("{} spins at {now:?}", self.instance)));
        }
        if self.wakes.times > self.most_in_a_minute(4) {
            let words = format!("{} was woken {} times since {:?}", self.instance, self.wakes.times, self.wakes.since);
            return Err((Check::WakesBounded, words));
        }
        self.lifecycle(now, output)?;
        self.stops_in_time(now, output)?;
        if let Some(request) = &output.request {
            self.request(now, request, store, seen)?;
        }
        if let (Some((id, give_up_at)), Next::WakeAt(at, why)) = (self.in_flight, output.next)
            && at > give_up_at
        {
            let words =
                format!("{}: {id:?} is given up at {give_up_at:?}, the wake ({why}) is at {at:?}", self.instance);
            return Err((Check::OneInFlight, words));
        }
        if let (Some((id, _)), Next::OnInput(why)) = (self.in_flight, output.next) {
            let words = format!("{}: {id:?} is in flight, and no wake is asked for ({why})", self.instance);
            return Err((Check::OneInFlight, words));
        }
        Ok(())
    }

    fn lifecycle(&mut self, now: Instant, output: &Output) -> Result<(), Broken> {
        let instance = Arc::clone(&self.instance);
        let wrong = |words: String| Err((Check::Lifecycle, format!("{instance}: {words}")));
        let before = self.leads;
        for event in &output.events {
            match event {
                Event::StartedLeading { token } => {
                    if self.leads.is_some() || self.works {
                        return wrong(format!("a term with token {token} began while one was running"));
                    }
                    if self.is_asked_to_end {
                        // A step-down ends with a wait of a lease, after which it may lead again.
                        self.is_asked_to_end = false;
                    }
                    self.leads = Some(*token);
                    self.works = true;
                }
                Event::Stopping { by, .. } => {
                    if self.leads.take().is_none() {
                        return wrong("it stops, and did not lead".to_owned());
                    }
                    if *by > now + self.timing.renew_deadline() {
                        return wrong(format!("the work may take until {by:?}"));
                    }
                }
                Event::StoppedLeading if self.works || self.leads.is_some() => {
                    return wrong("it stopped leading before the work had ended".to_owned());
                }
                _ => {}
            }
        }
        match (output.lease, self.leads) {
            (Some(lease), Some(token)) => {
                if lease.until <= now {
                    return wrong(format!("leads until {:?}, it is {now:?}", lease.until));
                }
                if lease.token != token {
                    return wrong(format!("the token of the running term {token} became {}", lease.token));
                }
                let most = self.last_write.map(|sent| sent + self.timing.renew_deadline());
                if most.is_none_or(|most| lease.until > most) {
                    let words = format!("{instance} leads until {:?}, its newest write allows {most:?}", lease.until);
                    return Err((Check::LeaseBound, words));
                }
            }
            (None, None) => {}
            (lease, leads) => return wrong(format!("its lease is {lease:?}, by its events it leads with {leads:?}")),
        }
        if before.is_some() && output.lease.is_some_and(|lease| Some(lease.token) != before) {
            return wrong("one term followed another within a step".to_owned());
        }
        if self.is_done && (output.request.is_some() || output.next != Next::Done) {
            return wrong("it asked for something after it was done".to_owned());
        }
        if output.next == Next::Done {
            if !self.is_asked_to_end || self.works || self.leads.is_some() {
                return wrong("it is done, unasked or with work running".to_owned());
            }
            self.is_done = true;
        }
        Ok(())
    }

    /// So many for each poll, those of a renewal for each renewal, and some.
    fn most_in_a_minute(&self, for_each: u64) -> u64 {
        let times = |pause: Duration| u64::try_from(MINUTE.as_millis() / pause.as_millis().max(1)).unwrap_or(u64::MAX);
        let renewals = REQUESTS_OF_A_RENEWAL * times(self.timing.renew_interval());
        for_each * times(self.timing.poll()) + renewals + MOST_EXTRA_REQUESTS
    }

    /// The guarded work gets all of `stop_grace`: whoever is woken when he asked to be says `Stopping` in time.
    fn stops_in_time(&self, now: Instant, output: &Output) -> Result<(), Broken> {
        let Some(lease) = output.lease else { return Ok(()) };
        let stops = Instant::from_nanos(
            lease.until.as_nanos().saturating_sub(u64::try_from(self.timing.stop_grace().as_nanos()).unwrap_or(0)),
        );
        let wakes = match output.next {
            Next::WakeAt(at, _) => Some(at),
            Next::OnInput(_) | Next::Done => None,
        };
        if now >= stops || wakes.is_none_or(|at| at > stops) {
            let words =
                format!("{}: at {now:?} it wakes at {wakes:?}, and has to stop the work at {stops:?}", self.instance);
            return Err((Check::StopsInTime, words));
        }
        Ok(())
    }

    fn request(&mut self, now: Instant, request: &Request, store: &Store, seen: &mut Coverage) -> Result<(), Broken> {
        let instance = &self.instance;
        if let Some((id, give_up_at)) = self.in_flight {
            let words = format!("{instance} sends {:?} while {id:?} is in flight until {give_up_at:?}", request.id);
            return Err((Check::OneInFlight, words));
        }
        if request.id <= self.last_request || request.give_up_at <= now {
            let words = format!("{instance} sends {:?} to be given up at {:?}", request.id, request.give_up_at);
            return Err((Check::Lifecycle, words));
        }
        if request.give_up_at > now + self.timing.request_timeout() {
            let words = format!("{instance} gives {:?} until {:?}", request.id, request.give_up_at);
            return Err((Check::OneInFlight, words));
        }
        if now < self.told_until {
            let words = format!("{instance} sends at {now:?}, it was told to wait until {:?}", self.told_until);
            return Err((Check::WaitKept, words));
        }
        self.requests.count(now);
        if self.requests.times > self.most_in_a_minute(2) {
            let words = format!("{instance} sent {} requests since {:?}", self.requests.times, self.requests.since);
            return Err((Check::RequestsBounded, words));
        }
        self.last_request = request.id;
        self.asked = Kind::of(&request.http);
        self.in_flight = Some((request.id, request.give_up_at));
        if self.asked == Kind::Write {
            self.write(now, &request.http, store, seen)?;
            self.last_write = Some(now);
        }
        Ok(())
    }

    fn write(
        &mut self,
        now: Instant,
        request: &http::Request<Vec<u8>>,
        store: &Store,
        seen: &mut Coverage,
    ) -> Result<(), Broken> {
        let Text::Record(says) = written(request) else {
            return Err((Check::Lifecycle, format!("{} writes something that is no record", self.instance)));
        };
        let intent = self.intent(&says);
        let instance = &self.instance;
        let soon = self.last_write.is_some_and(|last| now < last + WRITE_INTERVAL);
        match intent {
            Intent::Release => {
                seen.path(Path::Release);
                if self.works || self.leads.is_some() {
                    let words = format!("{instance} releases while its guarded work runs");
                    return Err((Check::ReleaseAfterWork, words));
                }
            }
            Intent::Confirmation => {
                seen.path(Path::Confirmation);
                self.spares(now, request, &says, store)?;
                self.confirmations += 1;
            }
            Intent::Renewal => {
                seen.path(Path::Renewal);
                self.spares(now, request, &says, store)?;
                self.immediate_renewals = if soon { self.immediate_renewals + 1 } else { 0 };
                if self.immediate_renewals > 0 {
                    seen.path(Path::ImmediateRenewal);
                }
            }
            Intent::Claim => {
                seen.path(Path::Claim);
                self.respects(now, &says, store, seen)?;
                self.claim = Some(says.leader_transitions);
                self.confirmations = 0;
            }
        }
        let too_soon = match intent {
            Intent::Claim => true,
            Intent::Confirmation => self.confirmations > MOST_CONFIRMATIONS,
            Intent::Renewal => self.immediate_renewals > 1,
            Intent::Release => false,
        };
        if soon && too_soon {
            let words = format!("{instance}: {intent:?} at {now:?}, the last write was at {:?}", self.last_write);
            return Err((Check::WriteInterval, words));
        }
        Ok(())
    }

    fn intent(&self, says: &Says) -> Intent {
        if !says.is_held() {
            Intent::Release
        } else if self.leads.is_some() {
            Intent::Renewal
        } else if self.acknowledged == Some(says.leader_transitions) {
            // A claim that was never applied is claimed again with its token.
            Intent::Confirmation
        } else {
            Intent::Claim
        }
    }

    /// R3: nothing is written over the live record of another that was seen. What is no record may be renewed over.
    fn spares(&self, now: Instant, request: &http::Request<Vec<u8>>, says: &Says, store: &Store) -> Result<(), Broken> {
        let base = || says.base.as_deref().and_then(|base| base.parse().ok());
        let Some(on) = pushed(request).map(|(old, _)| old).or_else(base) else { return Ok(()) };
        let Some((state, stands_for)) = store.stands(on, &self.instance, self.timing.lease()) else { return Ok(()) };
        let is_held = store.note(state).and_then(|note| note.text.record()).is_some_and(Says::is_held);
        if is_held && self.first_seen.get(&state).is_some_and(|at| now < *at + stands_for) {
            let words = format!("{} writes at {now:?} on {state}, another's, which it has seen", self.instance);
            return Err((Check::LeaseRespected, words));
        }
        Ok(())
    }

    /// R1, R9: what a claim names as its base must have run out since it was first received.
    fn respects(&self, now: Instant, says: &Says, store: &Store, seen: &mut Coverage) -> Result<(), Broken> {
        let instance = &self.instance;
        let base = says.base.as_deref().and_then(|base| base.parse::<RevisionId>().ok());
        let Some(base) = base.filter(|base| store.note(*base).is_some()) else {
            return Err((Check::LeaseRespected, format!("{instance} claims on {:?}, which never was", says.base)));
        };
        match store.state(base).map(|(_, note)| &note.text) {
            Some(Text::Record(below)) if below.is_by(instance) => seen.path(Path::OverOwn),
            Some(Text::Record(below)) if below.is_held() && below.instance.is_none() => seen.path(Path::OverForeign),
            Some(Text::Record(below)) if below.is_held() => seen.path(Path::OverExpired),
            Some(Text::Unclear) => seen.path(Path::OverUnclear),
            _ => {}
        }
        let stands = store.state(base).and_then(|(_, note)| note.text.record());
        if stands.is_some_and(|below| below.instance.is_some() && below.write != says.write) {
            return Err((Check::OneMode, format!("{instance} claims over a record of the other write mode")));
        }
        let Some((state, stands_for)) = store.stands(base, instance, self.timing.lease()) else { return Ok(()) };
        let free_at = self.first_seen.get(&state).map(|at| *at + stands_for);
        if free_at.is_none_or(|free_at| now < free_at) {
            let words = format!(
                "{instance} claims at {now:?} over revision {state}, which stands for {stands_for:?}, first received at {:?}",
                self.first_seen.get(&state)
            );
            return Err((Check::LeaseRespected, words));
        }
        Ok(())
    }

    /// For how long an answer asks to be left alone, at least; `None`: it comes too late.
    fn told_wait(&mut self, response: &Response<Vec<u8>>, to: Option<Kind>) -> Option<Duration> {
        let header = |name: &HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let number = |name: &HeaderName| header(name).and_then(|text| text.parse::<u64>().ok());
        let mentions = || String::from_utf8_lossy(response.body()).to_ascii_lowercase().contains("rate limit");
        let (told, is_empty) = (number(&RETRY_AFTER), number(&RATELIMIT_REMAINING) == Some(0));
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS => {}
            StatusCode::FORBIDDEN if told.is_some() || is_empty || mentions() => {}
            status => {
                let is_served = status.is_success() || status == StatusCode::NOT_MODIFIED;
                if is_served && to.is_some_and(|kind| kind == Kind::Write || !self.untold.writes) {
                    self.untold = Untold::default();
                }
                return None;
            }
        }
        if let Some(seconds) = told {
            return Some(Duration::from_secs(seconds));
        }
        let date = header(&DATE).and_then(http_date);
        let until = number(&RATELIMIT_RESET).filter(|_| is_empty).zip(date);
        let left = until.map(|(reset, date)| reset.saturating_sub(date));
        Some(left.map_or_else(
            || {
                self.untold.times += 1;
                self.untold.writes |= to.is_none_or(|kind| kind == Kind::Write);
                MINUTE * (1 << (self.untold.times - 1).min(MOST_DOUBLINGS))
            },
            Duration::from_secs,
        ))
    }
}

/// What a PATCH or a push writes into the lock file.
pub(super) fn written(request: &http::Request<Vec<u8>>) -> Text {
    written_text(request).map_or(Text::Unclear, |text| Text::of(Some(text.as_bytes())))
}

/// The text that a PATCH or a push sets; `None`: it is no write that can be understood.
pub(super) fn written_text(request: &http::Request<Vec<u8>>) -> Option<String> {
    if let Some((_, text)) = pushed(request) {
        return String::from_utf8(text).ok();
    }
    json::file(request.body(), DEFAULT_FILE)
}
