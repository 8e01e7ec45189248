//! What is counted and measured, under client-go's names where it has one. `deploy/alerts.yaml` and
//! `deploy/dashboard.json` are made of these.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use leader_elector::drive::{Exchange, Happened, Kind, Step};
use leader_elector_core::{Event, Instant, Lease, Phase, View, Warning};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// From a millisecond to longer than any request may take.
const REQUEST_BUCKETS: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// A takeover needs the settle time and two writes.
const TAKEOVER_BUCKETS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0];

type Seconds = Gauge<f64, AtomicU64>;

/// All metrics of one candidate.
pub(crate) struct Metrics {
    registry: Registry,
    master: Gauge,
    slow_path: Counter,
    transitions: Counter,
    lease_remaining: Seconds,
    renewal_age: Seconds,
    requests: Family<RequestLabels, Histogram>,
    throttled: Counter<f64, AtomicU64>,
    configured: Family<BudgetLabels, Gauge>,
    spent: Family<BudgetLabels, Gauge>,
    limit: Family<BudgetLabels, Gauge>,
    void_writes: Counter,
    stale_reads: Counter,
    takeover: Histogram,
    watched: Mutex<Watched>,
}

/// What a figure is counted from.
#[derive(Default)]
struct Watched {
    leads: bool,
    claims_since: Option<Instant>,
    renewed: Option<Instant>,
    void_writes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    kind: RequestKind,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BudgetLabels {
    kind: BudgetKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "these are the values as Prometheus has them")]
enum RequestKind {
    read,
    write,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "these are the values as Prometheus has them")]
enum BudgetKind {
    requests,
    writes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "these are the values as Prometheus has them")]
enum Outcome {
    ok,
    not_modified,
    throttled,
    refused,
    server_error,
    no_answer,
}

impl Outcome {
    const fn of(status: Option<u16>) -> Self {
        match status {
            None => Self::no_answer,
            Some(304) => Self::not_modified,
            Some(403 | 429) => Self::throttled,
            Some(500..) => Self::server_error,
            Some(400..) => Self::refused,
            Some(_) => Self::ok,
        }
    }
}

impl Metrics {
    /// The metrics of the candidate `name`.
    pub(crate) fn new(name: &str) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("leader_election"),
            master: Gauge::default(),
            slow_path: Counter::default(),
            transitions: Counter::default(),
            lease_remaining: Seconds::default(),
            renewal_age: Seconds::default(),
            requests: Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS)),
            throttled: Counter::default(),
            configured: Family::default(),
            spent: Family::default(),
            limit: Family::default(),
            void_writes: Counter::default(),
            stale_reads: Counter::default(),
            takeover: Histogram::new(TAKEOVER_BUCKETS),
            watched: Mutex::default(),
        };
        metrics.registered(name)
    }

    fn registered(mut self, name: &str) -> Self {
        // client-go's have the name of the lock's holder-to-be as a label.
        let labels = [("name".into(), name.to_owned().into())];
        let r = self.registry.sub_registry_with_labels(labels.into_iter());
        r.register("master_status", "1 while this candidate leads, as client-go has it", self.master.clone());
        r.register("slowpath", "Reads that a leader needed, as client-go has it", self.slow_path.clone());
        let r = &mut self.registry;
        r.register("transitions", "New leaders that were seen, this candidate included", self.transitions.clone());
        r.register_with_unit(
            "lease_remaining",
            "For how much longer this candidate leads unless it renews; 0: it does not lead",
            Unit::Seconds,
            self.lease_remaining.clone(),
        );
        r.register_with_unit(
            "last_renewal_age",
            "Since the sending of the last renewal that was acknowledged; 0 unless this candidate leads",
            Unit::Seconds,
            self.renewal_age.clone(),
        );
        r.register_with_unit(
            "request_duration",
            "Requests to the store, by kind and outcome",
            Unit::Seconds,
            self.requests.clone(),
        );
        r.register_with_unit(
            "throttled",
            "For how long the store asked to be left alone",
            Unit::Seconds,
            self.throttled.clone(),
        );
        r.register("budget_configured", "What the timings need an hour, in peace", self.configured.clone());
        r.register("budget_spent", "Spent in the hour that ends now", self.spent.clone());
        r.register("budget_limit", "What the store allows an hour", self.limit.clone());
        r.register("void_writes", "Own writes that counted for nothing: another came first", self.void_writes.clone());
        r.register("stale_reads", "Answers that showed the past", self.stale_reads.clone());
        r.register_with_unit(
            "takeover",
            "From the moment the lock was known to be free to the begin of the own term",
            Unit::Seconds,
            self.takeover.clone(),
        );
        self
    }

    /// Counts what happened.
    pub(crate) fn happened(&self, now: Instant, happened: Happened<'_>) {
        let Happened::Event(event) = happened else { return };
        match event {
            Event::NewLeader { leader } if !leader.is_empty() => _ = self.transitions.inc(),
            Event::StartedLeading { .. } => {
                if let Some(since) = self.watched().claims_since {
                    self.takeover.observe(now.since(since).as_secs_f64());
                }
            }
            Event::Warning(Warning::StaleRead { .. }) => _ = self.stale_reads.inc(),
            Event::Warning(Warning::Throttled { wait } | Warning::ThrottledBeyondLease { wait, .. }) => {
                self.throttled.inc_by(wait.as_secs_f64());
            }
            _ => {}
        }
    }

    /// Counts what a step did; `lease` is the one after it, `renewed` whether it was moved.
    pub(crate) fn after(&self, step: Step<'_>) {
        let View { phase, void_writes, budget, .. } = step.view;
        let mut watched = self.watched();
        if let Some(exchange) = step.exchange {
            self.exchange(exchange, &watched);
        }
        match phase {
            Phase::Claiming => _ = watched.claims_since.get_or_insert(step.now),
            _ => watched.claims_since = None,
        }
        watched.leads = *phase == Phase::Leading;
        self.void_writes.inc_by(void_writes - watched.void_writes);
        watched.void_writes = *void_writes;
        let limits = budget.limits();
        for (kind, configured, spent, limit) in [
            (
                BudgetKind::requests,
                budget.requests_configured(),
                budget.requests_spent(step.now),
                limits.requests_an_hour,
            ),
            (BudgetKind::writes, budget.writes_configured(), budget.writes_spent(step.now), limits.writes_an_hour),
        ] {
            let labels = BudgetLabels { kind };
            self.configured.get_or_create(&labels).set(configured.into());
            self.spent.get_or_create(&labels).set(spent.into());
            if let Some(limit) = limit {
                self.limit.get_or_create(&labels).set(limit.into());
            }
        }
    }

    /// A renewal was acknowledged that was sent then.
    pub(crate) fn renewed(&self, sent: Instant) {
        self.watched().renewed = Some(sent);
    }

    /// The text for Prometheus, with the lease of this moment.
    pub(crate) fn text(&self, now: Instant, lease: Option<Lease>) -> String {
        let remaining = lease.map_or(Duration::ZERO, |lease| lease.until.since(now));
        self.master.set(i64::from(!remaining.is_zero()));
        self.lease_remaining.set(remaining.as_secs_f64());
        let renewed = self.watched().renewed.filter(|_| !remaining.is_zero());
        self.renewal_age.set(renewed.map_or(0.0, |renewed| now.since(renewed).as_secs_f64()));
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }

    fn exchange(&self, exchange: Exchange, watched: &Watched) {
        let kind = match exchange.kind {
            Kind::Read => RequestKind::read,
            Kind::Write => RequestKind::write,
        };
        if exchange.kind == Kind::Read && watched.leads {
            self.slow_path.inc();
        }
        let labels = RequestLabels { kind, outcome: Outcome::of(exchange.status) };
        self.requests.get_or_create(&labels).observe(exchange.ended.since(exchange.sent).as_secs_f64());
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Watched> {
        self.watched.lock().expect("nobody panics while holding it")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use leader_elector_core::budget::Budget;
    use leader_elector_core::lock::Limits;
    use leader_elector_core::timing::{self, Timing};
    use serde_json::Value;

    use super::*;

    const ALERTS: &str = include_str!("../../deploy/alerts.yaml");
    const DASHBOARD: &str = include_str!("../../deploy/dashboard.json");

    fn view(phase: Phase, void_writes: u64) -> View {
        let timing = Timing::new(timing::Settings::default(), Duration::ZERO).expect("the defaults fit");
        let limits = Limits { write_interval: Duration::ZERO, requests_an_hour: Some(5000), writes_an_hour: Some(500) };
        View {
            phase,
            leader: None,
            token: None,
            until: None,
            stands_until: None,
            has_read: true,
            void_writes,
            refusal: None,
            budget: Budget::new(&timing, limits),
        }
    }

    /// A request ended with a step, after which this is to be seen.
    fn after(metrics: &Metrics, kind: Kind, view: &View) {
        let now = Instant::ZERO;
        let exchange = Exchange { kind, sent: now, ended: now, status: Some(200) };
        metrics.after(Step { now, exchange: Some(exchange), view });
    }

    /// The names that a scrape has, once everything has happened.
    fn scraped() -> BTreeSet<String> {
        let metrics = Metrics::new("n");
        after(&metrics, Kind::Read, &view(Phase::Leading, 1));
        let text = metrics.text(Instant::ZERO, None);
        let names = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['{', ' ']).next());
        names.map(str::to_owned).collect()
    }

    #[test]
    fn what_goes_wrong_is_counted() {
        let metrics = Metrics::new("n");
        let figures = || {
            let text = metrics.text(Instant::ZERO, None);
            let figure = |name: &str| {
                let line = text.lines().find(|line| line.starts_with(name)).expect("it is there");
                line.rsplit_once(' ').expect("a value").1.to_owned()
            };
            ["void_writes", "stale_reads", "slowpath"].map(|name| figure(&format!("leader_election_{name}_total")))
        };
        after(&metrics, Kind::Read, &view(Phase::Following, 0));
        after(&metrics, Kind::Write, &view(Phase::Leading, 0));
        after(&metrics, Kind::Write, &view(Phase::Leading, 0));
        assert_eq!(figures(), ["0", "0", "0"], "a term as it should be");
        // What the step before said counts: this read may have been the term's end.
        after(&metrics, Kind::Read, &view(Phase::Following, 0));
        after(&metrics, Kind::Read, &view(Phase::Following, 2));
        after(&metrics, Kind::Read, &view(Phase::Following, 3));
        assert_eq!(figures(), ["3", "0", "1"], "the view counts from the begin, the figure as well");
        let stale = Event::Warning(Warning::StaleRead { head: "abc".to_owned() });
        metrics.happened(Instant::ZERO, Happened::Event(&stale));
        assert_eq!(figures(), ["3", "1", "1"]);
    }

    /// The names of our metrics in a text.
    fn named(text: &str) -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.filter(|word| word.starts_with("leader_election_")).map(str::to_owned).collect()
    }

    #[test]
    fn every_alert_and_every_panel_is_made_of_metrics_that_exist() {
        let scraped = scraped();
        let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
        let mut used = named(ALERTS);
        for panel in dashboard["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().expect("targets") {
                let names = named(target["expr"].as_str().expect("an expression"));
                assert!(!names.is_empty(), "{} shows nothing of ours", panel["title"]);
                used.extend(names);
            }
        }
        let missing: Vec<_> = used.difference(&scraped).collect();
        assert!(missing.is_empty(), "no such metrics: {missing:?}; there are {scraped:?}");
    }
}
