//! Who leads, for how much longer, and how surely that is known.

use std::cell::RefCell;
use std::time::Duration;

use leader_elector_core::watch;
use web_sys::Element;

use super::State;
use super::known::Known;
use crate::dom::{Live, Slot, find};
use crate::{browser, plan, words};

/// Of a gist that lacks the file, so many others are named.
const OTHERS: usize = 8;

/// The card that the eye meets first, what speaks against it, and the facts.
pub(super) struct Leader {
    class: Live,
    state: Live,
    name: [Live; 2],
    meaning: Live,
    countdown: Live,
    /// Whether there is a lease to count down.
    counts: [Live; 2],
    unsure: Live,
    sure: Live,
    spoken: Live,
    /// Of whom it was last spoken, and of which token; of nobody: by an empty name.
    said: RefCell<Option<(String, u64)>>,
    failure: (Live, Slot),
    missing: (Live, Live, Live, Slot),
    unclear: (Live, Slot),
    facts: Vec<Fact>,
    hint: Slot,
}

/// What a fact says of what is known.
type Says = fn(&State) -> Option<String>;

/// One fact, which is hidden where there is nothing to say.
struct Fact {
    value: Live,
    is_hidden: Live,
    of: Says,
}

/// What each fact says.
const FACTS: [(&str, Says); 9] = [
    ("#fact-token", |state| Some(state.known.watch.record()?.token.to_string())),
    ("#fact-since", |state| {
        let record = state.known.watch.record().filter(|record| record.is_held())?;
        record.acquired.map(|time| browser::local(time.timestamp()))
    }),
    ("#fact-renewals", |state| {
        state.known.watch.record().filter(|record| record.is_held())?;
        Some(state.known.watch.renewals().to_string())
    }),
    ("#fact-lease", |state| {
        state.known.watch.record().filter(|record| record.is_held()).map(|record| words::span(record.lease))
    }),
    ("#fact-mode", |state| {
        let mode = state.known.watch.record()?.write_mode();
        Some(mode.map_or_else(|| "by another program".to_owned(), |mode| mode.to_string()))
    }),
    ("#fact-revisions", |state| {
        let (count, is_complete) = state.known.revisions?;
        Some(if is_complete { count.to_string() } else { format!("{count} or more") })
    }),
    ("#fact-seen", |state| Some(format!("{} ago", words::span(state.known.watch.age(state.now)?)))),
    ("#fact-next", |state| {
        Some(match state.known.next_read {
            _ if state.known.paused => "stopped: nobody looks".to_owned(),
            Some(at) if at > state.now.at => {
                format!("in {}", words::span(at.since(state.now.at) + Duration::from_millis(500)))
            }
            _ => "now".to_owned(),
        })
    }),
    ("#fact-budget", |state| {
        Some(match (state.known.budget.remaining, state.known.budget.limit) {
            (Some(left), Some(limit)) => format!("{left} of {limit}"),
            _ => format!("not told; {} sent", state.known.requests),
        })
    }),
];

impl Leader {
    pub(super) fn new(tab: &Element) -> Self {
        let fact = |(selector, of): (&str, Says)| {
            let value = Live::text(tab, selector);
            let row = find::<Element>(tab, selector).parent_element().unwrap_or_else(|| tab.clone());
            Fact { value, is_hidden: Live::of(row, "hidden"), of }
        };
        Self {
            class: Live::attribute(tab, ".leader", "class"),
            state: Live::text(tab, "#state"),
            name: [Live::text(tab, "#leader"), Live::attribute(tab, "#leader", "title")],
            meaning: Live::text(tab, ".meaning"),
            countdown: Live::text(tab, "#countdown"),
            counts: [".countdown", ".lease"].map(|selector| Live::attribute(tab, selector, "hidden")),
            unsure: Live::attribute(tab, ".unsure", "width"),
            sure: Live::attribute(tab, ".sure", "width"),
            spoken: Live::text(tab, "[role=status]"),
            said: RefCell::default(),
            failure: (Live::text(tab, "#failure"), Slot::of(tab, "#failure")),
            missing: (
                Live::text(tab, "#missing code"),
                Live::attribute(tab, "#missing span", "hidden"),
                Live::text(tab, "#missing .others"),
                Slot::of(tab, "#missing"),
            ),
            unclear: (Live::text(tab, "#unclear pre"), Slot::of(tab, "#unclear")),
            facts: FACTS.into_iter().map(fact).collect(),
            hint: Slot::of(tab, "#hint"),
        }
    }

    pub(super) fn show(&self, of: &State) {
        let known = &of.known;
        let state = known.watch.state(of.now, plan::fresh(known.interval));
        self.card(of, state);
        self.notices(known, state);
        for fact in &self.facts {
            let value = (fact.of)(of);
            fact.is_hidden.has(value.is_none());
            fact.value.show(value.as_deref().unwrap_or_default());
        }
        self.hint.show(known.token.is_none());
    }

    fn card(&self, of: &State, state: watch::State) {
        let watch = &of.known.watch;
        let record = watch.record().filter(|record| record.is_held());
        let holder = record.map(|record| words::shown(&record.holder));
        let is_led = matches!(state, watch::State::Led | watch::State::Held);
        let (short, meaning) = words::state(state);
        self.class.show(&format!("leader card state-{}", words::state_class(state)));
        self.state.show(short);
        self.meaning.show(meaning);
        let whole = record.filter(|_| is_led).map(|record| words::whole(&record.holder));
        self.name[1].show(whole.as_deref().unwrap_or_default());
        self.name[0].show(match (state, &holder) {
            (_, Some(holder)) if is_led => holder,
            (watch::State::Stale | watch::State::Unreachable | watch::State::Unclear, _) => "Not known",
            (watch::State::Unread, _) => "…",
            _ => "Nobody",
        });
        // Spoken only when another leads, or nobody: not when the page merely knows less for a while.
        let leads = match state {
            watch::State::Led | watch::State::Held => record.map(|record| (record.holder.clone(), record.token.get())),
            watch::State::Free | watch::State::Released | watch::State::Expired => Some((String::new(), 0)),
            _ => None,
        };
        if let Some((_, token)) = &leads
            && *self.said.borrow() != leads
        {
            self.spoken.show(&match (state, &holder) {
                (watch::State::Led, Some(holder)) => format!("{holder} leads, token {token}"),
                (watch::State::Held, Some(holder)) => format!("held by {holder}, not yet seen renewed"),
                _ => meaning.to_owned(),
            });
            self.said.replace(leads);
        }
        self.count(of, is_led);
    }

    /// What is left of the lease.
    fn count(&self, of: &State, is_led: bool) {
        let watch = &of.known.watch;
        let left = watch.left(of.now).filter(|_| is_led);
        for counts in &self.counts {
            counts.has(left.is_none());
        }
        if let Some((shortest, longest)) = left {
            let lease = watch.record().map_or(Duration::ZERO, |record| record.lease);
            let share =
                |of: Duration| words::Tenths(100.0 * of.as_secs_f64() / lease.as_secs_f64().max(1.0)).to_string();
            self.countdown.show(&longest.as_millis().div_ceil(1000).to_string());
            self.unsure.show(&share(longest));
            self.sure.show(&share(shortest));
        }
    }

    /// What went wrong, and what to do.
    fn notices(&self, known: &Known, state: watch::State) {
        let (words, slot) = &self.failure;
        words.show(known.failure.as_deref().unwrap_or_default());
        slot.show(known.failure.is_some());

        let (file, hides_free, others, slot) = &self.missing;
        let is_missing = known.watch.version().is_some() && known.shown.text.is_none() && !known.shown.files.is_empty();
        if is_missing {
            file.show(&words::shown(&known.place.file));
            hides_free.has(state != watch::State::Free);
            let names: Vec<_> = known.shown.files.iter().take(OTHERS).map(|name| words::shown(name)).collect();
            others.show(&names.join(", "));
        }
        slot.show(is_missing);

        let (words, slot) = &self.unclear;
        let text = known.shown.text.as_deref().filter(|_| state == watch::State::Unclear);
        let lines = text.unwrap_or_default().lines().map(|line| words::shown_up_to(line, 400));
        words.show(&lines.collect::<Vec<_>>().join("\n"));
        slot.show(text.is_some());
    }
}
