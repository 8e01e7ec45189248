//! Who led: the terms on a time line, and as a list.

use std::fmt::Write;

use leader_elector_core::watch::State;
use leptos::prelude::*;

use super::Shared;
use crate::timeline::{self, Bar, COLOURS, Picture};
use crate::words::{self, Tenths};
use crate::{browser, plan};

/// A lane's height in the picture.
const LANE: usize = 30;
/// The picture's width in its own units.
const WIDTH: f64 = 1000.0;
/// Rows that the list shows at first.
const ROWS: usize = 20;

/// The picture, its reader's words, and the list.
#[component]
pub(crate) fn History(shared: Shared) -> impl IntoView {
    let Shared { known, clock, .. } = shared;
    let led = Memo::new(move |_| {
        let now = clock.get();
        known.with(|known| matches!(known.watch.state(now, plan::fresh(known.interval)), State::Led | State::Held))
    });
    // The picture moves on every few seconds: nobody sees less of it.
    let slow = Memo::new(move |_| clock.get().wall.unix_seconds().div_euclid(5) * 5);
    let terms = Memo::new(move |_| known.with(|known| known.terms.clone()));
    let picture = Memo::new(move |_| terms.with(|terms| Picture::of(terms, slow.get(), led.get())));
    let chosen = RwSignal::new(None::<u64>);
    let all = RwSignal::new(false);
    let is_empty = Memo::new(move |_| picture.with(|picture| picture.bars.is_empty()));
    let complete = Memo::new(move |_| known.with(|known| known.complete));
    let json = move |_| {
        browser::download("history.json", &terms.with_untracked(|terms| timeline::json(terms)));
    };
    let svg = move |_| {
        browser::download("history.svg", &picture.with_untracked(Picture::svg));
    };
    view! {
        <section class="history card" aria-labelledby="history-title">
            <header>
                <h2 id="history-title">"Terms"</h2>
                <div class="actions">
                    <button type="button" id="export-json" on:click=json>"JSON"</button>
                    <button type="button" id="export-svg" on:click=svg>"SVG"</button>
                </div>
            </header>
            <Show when=move || !is_empty.get() fallback=|| view! { <p class="muted">"No term is known yet."</p> }>
                <Plot picture chosen/>
                <p class="readout" id="readout">{move || picture.with(|picture| readout(picture, chosen.get()))}</p>
                <Show when=move || !complete.get()>
                    <p class="muted" id="incomplete">"Older or shorter terms may be missing: the page looks back only as far as its share of the hour's requests goes."</p>
                </Show>
                <div class="table" tabindex="0" role="region" aria-label="Terms as a list"><table>
                    <thead><tr><th scope="col">"Leader"</th><th scope="col" class="n">"Token"</th><th scope="col">"From"</th><th scope="col">"Last written"</th><th scope="col" class="n">"Length"</th><th scope="col">"End"</th></tr></thead>
                    <tbody>
                        {move || picture.with(|picture| {
                            let most = if all.get() { usize::MAX } else { ROWS };
                            picture.bars.iter().rev().take(most).map(row).collect_view()
                        })}
                    </tbody>
                </table></div>
                <Show when=move || !all.get() && picture.with(|picture| picture.bars.len() > ROWS)>
                    <button type="button" id="show-all" on:click=move |_| all.set(true)>"Show all "{move || picture.with(|picture| picture.bars.len())}</button>
                </Show>
            </Show>
        </section>
    }
}

fn row(bar: &Bar) -> impl IntoView + use<> {
    let end = if bar.is_now {
        "now leading"
    } else if bar.released {
        "gave it back"
    } else {
        "ran out or lost"
    };
    view! {
        <tr class:now=bar.is_now>
            <td><span class=format!("swatch lane-{}", bar.lane % COLOURS) aria-hidden="true"></span><bdi>{bar.holder.clone()}</bdi></td>
            <td class="n">{bar.token}</td>
            <td>{browser::local(bar.start)}</td>
            <td>{browser::local(bar.end)}</td>
            <td class="n">{length(bar)}</td>
            <td>{end}</td>
        </tr>
    }
}

fn length(bar: &Bar) -> String {
    words::span(std::time::Duration::from_secs(u64::try_from(bar.end - bar.start).unwrap_or(0)))
}

fn readout(picture: &Picture, chosen: Option<u64>) -> String {
    let Some(bar) = picture.bars.iter().rev().find(|bar| chosen.is_none_or(|token| bar.token == token)) else {
        return String::new();
    };
    let end = if bar.is_now { "now".to_owned() } else { browser::local(bar.end) };
    format!("{} · token {} · {} to {end} · {}", bar.holder, bar.token, browser::local(bar.start), length(bar))
}

/// The picture: one path a lane, so that a day of short terms costs no more than one long term.
#[component]
fn Plot(picture: Memo<Picture>, chosen: RwSignal<Option<u64>>) -> impl IntoView {
    let height = move || picture.with(|picture| picture.lanes.len().max(1) * LANE);
    let step = move |by: isize| {
        picture.with_untracked(|picture| {
            let at = picture.bars.iter().position(|bar| Some(bar.token) == chosen.get_untracked());
            let last = picture.bars.len().saturating_sub(1);
            let next = at.unwrap_or(last).saturating_add_signed(by).min(last);
            chosen.set(picture.bars.get(next).map(|bar| bar.token));
        });
    };
    let keys = move |event: leptos::ev::KeyboardEvent| {
        match event.key().as_str() {
            "ArrowLeft" | "ArrowDown" => step(-1),
            "ArrowRight" | "ArrowUp" => step(1),
            "Home" => step(isize::MIN),
            "End" => step(isize::MAX),
            _ => return,
        }
        event.prevent_default();
    };
    let node = NodeRef::<leptos::html::Div>::new();
    let point = move |event: leptos::ev::PointerEvent| {
        let Some(area) = node.get_untracked().map(|div| div.get_bounding_client_rect()) else { return };
        let x = (f64::from(event.client_x()) - area.left()) / area.width().max(1.0);
        picture.with_untracked(|picture| {
            let distance = |bar: &Bar| (picture.x(bar.start) - x).max(x - picture.x(bar.end)).max(0.0);
            let nearest = picture.bars.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
            chosen.set(nearest.map(|bar| bar.token));
        });
    };
    let at = move || {
        picture.with(|picture| {
            picture
                .bars
                .iter()
                .position(|bar| Some(bar.token) == chosen.get())
                .unwrap_or(picture.bars.len().saturating_sub(1))
                + 1
        })
    };
    view! {
        <div class="plot">
            <ol class="lanes" aria-hidden="true">
                {move || picture.with(|picture| picture.lanes.iter().enumerate().map(|(n, lane)| view! {
                    <li><span class=format!("swatch lane-{}", n % COLOURS)></span><bdi>{lane.clone()}</bdi></li>
                }).collect_view())}
            </ol>
            <div class="area" node_ref=node tabindex="0" role="slider" id="timeline" aria-label="Term"
                aria-valuemin="1" aria-valuemax=move || picture.with(|picture| picture.bars.len()) aria-valuenow=at
                aria-valuetext=move || picture.with(|picture| readout(picture, chosen.get()))
                on:keydown=keys on:pointermove=point>
                <svg viewBox=move || format!("0 0 {WIDTH} {}", height()) height=height preserveAspectRatio="none" aria-hidden="true">
                    {move || picture.with(|picture| {
                        let gaps = paths(picture, &picture.gaps.iter().map(|gap| (*gap, 0, picture.lanes.len() * LANE)).collect::<Vec<_>>());
                        let lanes = (0..picture.lanes.len()).map(|lane| {
                            let bars: Vec<_> = picture.bars.iter().filter(|bar| bar.lane == lane).map(|bar| ((bar.start, bar.end), lane * LANE + 5, LANE - 10)).collect();
                            view! { <path class=format!("lane-{}", lane % COLOURS) d=paths(picture, &bars)/> }
                        }).collect_view();
                        view! { <path class="gap" d=gaps/> {lanes} }
                    })}
                    {move || picture.with(|picture| chosen.get().and_then(|token| picture.bars.iter().find(|bar| bar.token == token)).map(|bar| view! {
                        <path class="chosen" d=paths(picture, &[((bar.start, bar.end), bar.lane * LANE + 2, LANE - 4)])/>
                    }))}
                </svg>
                <svg class="ticks" height="22" aria-hidden="true">
                    {move || picture.with(|picture| picture.ticks().into_iter().map(|at| view! {
                        <text x=format!("{}%", Tenths(picture.x(at) * 100.0)) y="16" text-anchor="middle">{tick(at)}</text>
                    }).collect_view())}
                </svg>
            </div>
        </div>
        <p class="muted legend"><span class="swatch gap" aria-hidden="true"></span>"nobody led, by the leaders' own clocks"</p>
    }
}

fn tick(at: i64) -> String {
    let local = browser::local(at);
    let time = local.rsplit(' ').next().unwrap_or_default();
    time.strip_suffix(":00").unwrap_or(time).to_owned()
}

/// Rectangles as one path; none is too narrow to be seen.
fn paths(picture: &Picture, boxes: &[((i64, i64), usize, usize)]) -> String {
    let mut d = String::with_capacity(boxes.len() * 32);
    for ((start, end), y, height) in boxes {
        let (x, to) = (picture.x(*start) * WIDTH, picture.x(*end) * WIDTH);
        let (x, width) = (Tenths(x), Tenths((to - x).max(1.5)));
        // Writing to a string does not fail.
        let _ = write!(d, "M{x} {y}h{width}v{height}h-{width}z");
    }
    d
}
