//! Who leads, for how much longer, and how surely that is known.

use std::time::Duration;

use leader_elector_core::watch::State;
use leptos::prelude::*;

use super::Shared;
use super::drive::Known;
use crate::{browser, plan, words};

/// The card that the eye meets first, what speaks against it, and the facts.
#[component]
pub(crate) fn Leader(shared: Shared) -> impl IntoView {
    let Shared { known, clock, .. } = shared;
    let state = Memo::new(move |_| {
        let now = clock.get();
        known.with(|known| known.watch.state(now, plan::fresh(known.interval)))
    });
    let holder = Memo::new(move |_| {
        known.with(|known| known.watch.record().filter(|record| record.is_held()).map(|record| record.holder.clone()))
    });
    let token = Memo::new(move |_| known.with(|known| known.watch.record().map(|record| record.token.get())));
    let left = move || {
        let now = clock.get();
        known.with(|known| known.watch.left(now)).filter(|_| matches!(state.get(), State::Led | State::Held))
    };
    let lease =
        Memo::new(move |_| known.with(|known| known.watch.record().map_or(Duration::ZERO, |record| record.lease)));
    let share =
        move |of: Duration| words::Tenths(100.0 * of.as_secs_f64() / lease.get().as_secs_f64().max(1.0)).to_string();
    let headline = move || match (state.get(), holder.get()) {
        (State::Led | State::Held, Some(holder)) => words::shown(&holder),
        (State::Stale | State::Unreachable | State::Unclear, _) => "Not known".to_owned(),
        (State::Unread, _) => "…".to_owned(),
        _ => "Nobody".to_owned(),
    };
    let spoken = Memo::new(move |_| match (state.get(), holder.get(), token.get()) {
        (State::Led, Some(holder), Some(token)) => format!("{} leads, token {token}", words::shown(&holder)),
        (State::Held, Some(holder), _) => format!("held by {}, not yet seen renewed", words::shown(&holder)),
        (state, _, _) => words::state(state).1.to_owned(),
    });
    view! {
        <article class=move || format!("leader card state-{}", words::state_class(state.get()))>
            <p class="state"><span class="dot" aria-hidden="true"></span><strong id="state">{move || words::state(state.get()).0}</strong></p>
            <h2 id="leader" dir="auto">{headline}</h2>
            <p class="meaning">{move || words::state(state.get()).1}</p>
            {move || left().map(|(shortest, longest)| view! {
                <div class="countdown" role="timer" aria-live="off">
                    <p class="number"><span id="countdown">{longest.as_millis().div_ceil(1000).to_string()}</span><span class="unit">" s"</span></p>
                    <p class="at-most">"at most, unless it renews"</p>
                </div>
                <svg class="lease" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="whole" x="0" y="0" width="100" height="4"/>
                    <rect class="unsure" x="0" y="0" width=share(longest) height="4"/>
                    <rect class="sure" x="0" y="0" width=share(shortest) height="4"/>
                </svg>
            })}
            <p class="visually-hidden" role="status" aria-live="polite">{move || spoken.get()}</p>
        </article>
        <Notices shared state/>
        <Facts shared/>
    }
}

/// What went wrong, and what to do; where it stands with the budget.
#[component]
fn Notices(shared: Shared, state: Memo<State>) -> impl IntoView {
    let Shared { known, .. } = shared;
    let failure = Memo::new(move |_| known.with(|known| known.failure.clone()));
    let missing = Memo::new(move |_| {
        known.with(|known| {
            let there = known.watch.version().is_some() && known.shown.text.is_none() && !known.shown.files.is_empty();
            there.then(|| (words::shown(&known.place.file), known.shown.files.clone()))
        })
    });
    let unclear = Memo::new(move |_| {
        let text = known.with(|known| known.shown.text.clone());
        text.filter(|_| state.get() == State::Unclear)
    });
    view! {
        {move || failure.get().map(|words| view! { <p class="notice bad" role="alert" id="failure">{words}</p> })}
        {move || missing.get().map(|(file, others)| view! {
            <p class="notice warn" id="missing">
                "There is no file " <code>{file}</code> " in this gist, so the lock is free. It has: "
                {others.iter().take(8).map(|name| view! { <code>{words::shown(name)}</code> " " }).collect_view()}
            </p>
        })}
        {move || unclear.get().map(|text| view! {
            <div class="notice warn" id="unclear">
                <p>"This text is no record:"</p>
                <pre dir="auto" tabindex="0" aria-label="The lock file's text">{text.lines().map(|line| words::shown_up_to(line, 400)).collect::<Vec<_>>().join("\n")}</pre>
            </div>
        })}
    }
}

#[component]
fn Facts(shared: Shared) -> impl IntoView {
    let Shared { known, clock, .. } = shared;
    let fact = move |name: &'static str, id: &'static str, value: Memo<Option<String>>| {
        move || value.get().map(|value| view! { <div><dt>{name}</dt><dd id=id dir="auto">{value}</dd></div> })
    };
    let of = move |f: fn(&Known) -> Option<String>| Memo::new(move |_| known.with(f));
    let token = of(|known| Some(known.watch.record()?.token.to_string()));
    let since =
        of(|known| known.watch.record().filter(|r| r.is_held())?.acquired.map(|t| browser::local(t.timestamp())));
    let renewals = of(|known| {
        known.watch.record().filter(|r| r.is_held())?;
        Some(known.watch.renewals().to_string())
    });
    let lease = of(|known| known.watch.record().filter(|r| r.is_held()).map(|r| words::span(r.lease)));
    let mode = of(|known| {
        let record = known.watch.record()?;
        Some(record.write_mode().map_or_else(|| "by another program".to_owned(), |mode| mode.to_string()))
    });
    let revisions =
        of(|known| known.revisions.map(|(n, complete)| if complete { n.to_string() } else { format!("{n} or more") }));
    let seen = Memo::new(move |_| {
        let now = clock.get();
        known.with(|known| known.watch.age(now)).map(|age| format!("{} ago", words::span(age)))
    });
    let next = move || {
        let now = clock.get();
        known.with(|known| match known.next_read {
            _ if known.paused => "stopped: nobody looks".to_owned(),
            Some(at) if at > now.at => format!("in {}", words::span(at.since(now.at) + Duration::from_millis(500))),
            _ => "now".to_owned(),
        })
    };
    let budget = move || {
        known.with(|known| match (known.budget.remaining, known.budget.limit) {
            (Some(left), Some(limit)) => format!("{left} of {limit}"),
            _ => format!("not told; {} sent", known.requests),
        })
    };
    view! {
        <dl class="facts card">
            {fact("Token", "fact-token", token)}
            {fact("Held since", "fact-since", since)}
            {fact("Renewals seen", "fact-renewals", renewals)}
            {fact("Lease", "fact-lease", lease)}
            {fact("Written by", "fact-mode", mode)}
            {fact("Revisions", "fact-revisions", revisions)}
            {fact("Last seen", "fact-seen", seen)}
            <div><dt>"Next read"</dt><dd id="fact-next">{next}</dd></div>
            <div><dt>"Left this hour"</dt><dd id="fact-budget">{budget}</dd></div>
        </dl>
        <Show when=move || known.with(|known| !known.has_token)>
            <p class="hint" id="hint">
                "Without a token the page reads once a minute and cannot tell a renewal from the one before it sooner. "
                "With one it reads every 2 s, as candidates do."
            </p>
        </Show>
    }
}
