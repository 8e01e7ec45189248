//! The playground in the page: frames, controls, and what is shown of a run.

use std::time::Duration;

use leader_elector_core::WriteMode;
use leader_elector_core::sim::{Moment, Rules};
use leptos::prelude::*;

use super::act::{Act, Whom};
use super::drawing::{Drawing, SKY};
use super::engine::Engine;
use super::link::{Calm, Link, Play, Setup};
use super::picture::{Room, nearest};
use super::scene::{LINES, Lane, Line, Scene, Store};
use super::story::Story;
use super::words::State;
use crate::browser;

/// How many seconds pass in one.
const SPEEDS: [(&str, f64); 8] =
    [("0.25", 0.25), ("0.5", 0.5), ("1", 1.0), ("2", 2.0), ("5", 5.0), ("10", 10.0), ("30", 30.0), ("60", 60.0)];
/// Seconds that the picture shows.
const SPANS: [(&str, f64); 4] = [("15", 15.0), ("45", 45.0), ("90", 90.0), ("240", 240.0)];
/// Time that is made up for after a frame that came late.
const LONGEST_FRAME: f64 = 0.1;
/// The words move no faster than they can be read.
const WORDS_EVERY: f64 = 0.25;
/// Between two frames for those who want little motion.
const CALM_EVERY: f64 = 0.5;

#[derive(Clone, Copy)]
struct Table {
    engine: StoredValue<Engine, LocalStorage>,
    drawing: StoredValue<Drawing, LocalStorage>,
    story: RwSignal<Option<Story>>,
    scene: RwSignal<Scene>,
    is_playing: RwSignal<bool>,
    /// A frame is asked for.
    is_awaited: StoredValue<bool>,
    /// Seconds since the page began: the last frame, the last drawing, the last words.
    frames: StoredValue<(f64, f64, f64)>,
    speed: RwSignal<f64>,
    span: RwSignal<f64>,
    chosen: RwSignal<Option<u64>>,
    wrong: RwSignal<Option<String>>,
    area: NodeRef<leptos::html::Div>,
    is_calm: bool,
}

/// The second tab.
#[component]
pub(crate) fn Playground() -> impl IntoView {
    let first = Story::Elect.play(WriteMode::Push, Rules::Ours);
    let Ok(engine) = Engine::new(first) else { return ().into_any() };
    let table = Table {
        engine: StoredValue::new_local(engine),
        drawing: StoredValue::new_local(Drawing::default()),
        story: RwSignal::new(Some(Story::Elect)),
        scene: RwSignal::new(Scene::default()),
        is_playing: RwSignal::new(false),
        is_awaited: StoredValue::new(false),
        frames: StoredValue::new((0.0, 0.0, 0.0)),
        speed: RwSignal::new(1.0),
        span: RwSignal::new(90.0),
        chosen: RwSignal::new(None),
        wrong: RwSignal::new(None),
        area: NodeRef::new(),
        is_calm: browser::wants_calm(),
    };
    table.open(&browser::fragment());
    table.area.on_load(move |_| table.draw());
    let resized = window_event_listener(leptos::ev::resize, move |_| table.draw());
    let linked = window_event_listener(leptos::ev::hashchange, move |_| table.open(&browser::fragment()));
    on_cleanup(move || {
        resized.remove();
        linked.remove();
    });
    view! {
        <div class="playground">
            <Top table/>
            {move || table.wrong.get().map(|words| view! { <p class="notice bad" role="alert" id="wrong">{words}</p> })}
            <section class="stage card" aria-label="The run">
                <Transport table/>
                <Drawn table/>
            </section>
            <Happened table/>
        </div>
    }
    .into_any()
}

impl Table {
    /// Opens what a fragment names, or says what is wrong with it. Other fragments are not ours.
    fn open(self, fragment: &str) {
        let fragment = fragment.trim_start_matches('#');
        if !Link::is_ours(fragment) {
            if self.scene.with_untracked(|scene| scene.lanes.is_empty()) {
                self.begun();
            }
            return;
        }
        match Link::parse(fragment) {
            Ok(Link::Story(story, write, rules)) => self.load(story.play(write, rules), Some(story)),
            Ok(Link::Play(play)) => self.load(play, None),
            Err(words) => {
                self.wrong.set(Some(format!("This link cannot be played: {words}.")));
                self.draw();
            }
        }
    }

    fn load(self, play: Play, story: Option<Story>) {
        match Engine::new(play) {
            Ok(engine) => {
                self.engine.set_value(engine);
                self.drawing.update_value(Drawing::forget);
                self.story.set(story);
                self.chosen.set(None);
                self.wrong.set(None);
                self.begun();
            }
            Err(words) => self.wrong.set(Some(format!("This world cannot be built: {words}."))),
        }
    }

    /// A run stands at its beginning. It goes on by itself, unless little motion is wanted.
    fn begun(self) {
        self.draw();
        self.is_playing.set(false);
        if !self.is_calm {
            self.play();
        }
    }

    fn play(self) {
        if self.scene.with_untracked(|scene| scene.ending.is_some()) {
            // A story goes on from its end as a run of one's own.
            self.story.set(None);
        }
        self.chosen.set(None);
        self.is_playing.set(true);
        self.frames.update_value(|frames| frames.0 = browser::seconds());
        self.await_frame();
    }

    fn pause(self) {
        self.is_playing.set(false);
        self.draw();
    }

    fn await_frame(self) {
        if !self.is_awaited.get_value() {
            self.is_awaited.set_value(true);
            request_animation_frame(move || self.frame());
        }
    }

    fn frame(self) {
        // The tab may have gone in between.
        if self.is_awaited.try_set_value(false).is_some() || !self.is_playing.get_untracked() {
            return;
        }
        let now = browser::seconds();
        let (last, drawn, _) = self.frames.get_value();
        let passed = (now - last).clamp(0.0, LONGEST_FRAME) * self.speed.get_untracked();
        self.frames.update_value(|frames| frames.0 = now);
        let end = self.end();
        let is_over = self.engine.try_update_value(|engine| {
            let until = engine.now() + Duration::from_secs_f64(passed);
            engine.run_until(end.map_or(until, |end| end.min(until)));
            engine.is_over() || end.is_some_and(|end| engine.now() >= end)
        });
        if is_over.unwrap_or(true) {
            return self.pause();
        }
        if !self.is_calm || now - drawn >= CALM_EVERY {
            self.draw_at(now);
        }
        self.await_frame();
    }

    fn end(self) -> Option<Moment> {
        let rules = self.engine.with_value(|engine| engine.play().rules());
        self.story.get_untracked().map(|story| Moment::after(story.end(rules)))
    }

    fn draw(self) {
        self.frames.update_value(|frames| frames.2 = f64::NEG_INFINITY);
        self.draw_at(browser::seconds());
    }

    /// Draws the picture, and the words where they are due.
    fn draw_at(self, now: f64) {
        let (Some(area), Some(room)) = (self.area.get_untracked(), self.room()) else { return };
        let (_, _, words) = self.frames.get_value();
        let are_due = now - words >= WORDS_EVERY;
        self.frames.update_value(|frames| (frames.1, frames.2) = (now, if are_due { now } else { words }));
        let (story, chosen) = (self.story.get_untracked(), self.chosen.get_untracked());
        self.engine.with_value(|engine| {
            self.drawing.update_value(|drawing| drawing.draw(&area, engine, room, chosen));
            if are_due {
                self.scene.set(Scene::of(engine, story, chosen));
            }
        });
    }

    fn room(self) -> Option<Room> {
        let width = f64::from(self.area.get_untracked()?.client_width());
        let lane = if browser::is_narrow() { 62.0 } else { 104.0 };
        let span = self.span.get_untracked();
        Some(Room { width: width.max(100.0), lane, span, lanes: self.engine.with_value(super::scene::lanes) })
    }

    fn act(self, act: Act) {
        self.engine.update_value(|engine| engine.act(act));
        // From here on it is another run than the story.
        self.story.set(None);
        self.engine.with_value(|engine| browser::set_fragment(&engine.play().fragment()));
        self.draw();
    }

    fn step(self, step: fn(&mut Engine) -> Option<u64>) {
        self.is_playing.set(false);
        let number = self.engine.try_update_value(step).flatten();
        self.drawing.update_value(Drawing::forget);
        self.chosen.set(number);
        self.draw();
    }

    fn seek(self, to: Moment) {
        self.engine.update_value(|engine| engine.seek(to));
        self.drawing.update_value(Drawing::forget);
        self.pause();
    }

    fn choose(self, number: u64) {
        self.chosen.set(Some(number));
        self.pause();
    }

    /// The same with other rules or another way to write; a story is told anew.
    fn play_by(self, write: WriteMode, rules: Rules) {
        let story = self.story.get_untracked();
        let play = story.map_or_else(
            || self.engine.with_value(|engine| engine.play().played_by(write, rules)),
            |story| story.play(write, rules),
        );
        self.load(play, story);
        self.tell_link();
    }

    fn tell(self, story: Option<Story>) {
        let (write, rules) = self.now_by();
        if let Some(story) = story {
            self.load(story.play(write, rules), Some(story));
        } else {
            let seed = browser::now().wall.0.unsigned_abs() % 10_000;
            self.load(Play { setup: Setup::Calm(Calm { seed, write, rules, candidates: 3 }), acts: Vec::new() }, None);
        }
        self.tell_link();
    }

    fn now_by(self) -> (WriteMode, Rules) {
        self.engine.with_value(|engine| (engine.play().write().unwrap_or(WriteMode::Push), engine.play().rules()))
    }

    fn tell_link(self) {
        let (write, rules) = self.now_by();
        let rules = if rules == Rules::Original { ",original" } else { "" };
        let link = self.story.get_untracked().map_or_else(
            || self.engine.with_value(|engine| engine.play().fragment()),
            |story| format!("story={},{write}{rules}", story.name()),
        );
        browser::set_fragment(&link);
    }
}

/// Which run, and by whose rules.
#[component]
fn Top(table: Table) -> impl IntoView {
    let stories = Story::ALL.map(Some).into_iter().chain([None]);
    let stories = stories.map(|story| {
        let title = story.map_or("Free play", Story::title);
        view! {
            <button type="button" aria-pressed=move || (table.story.get() == story).to_string()
                on:click=move |_| table.tell(story)>{title}</button>
        }
    });
    let is_original = move || table.scene.with(|scene| scene.is_original);
    let is_patch = RwSignal::new(false);
    Effect::new(move |_| {
        table.scene.track();
        is_patch.set(table.now_by().0 == WriteMode::Patch);
    });
    let switch = move |_| {
        let (write, rules) = table.now_by();
        table.play_by(write, if rules == Rules::Ours { Rules::Original } else { Rules::Ours });
    };
    let write = move |patch: bool| {
        let (_, rules) = table.now_by();
        table.play_by(if patch { WriteMode::Patch } else { WriteMode::Push }, rules);
    };
    view! {
        <div class="card top-row">
            <div class="stories" role="group" aria-label="Stories">{stories.collect_view()}</div>
            <div class="by">
                <button type="button" id="original" role="switch" aria-checked=move || is_original().to_string() on:click=switch>
                    <span class="knob" aria-hidden="true"></span>"Go original"
                </button>
                <div class="pair" role="group" aria-label="How candidates write">
                    <button type="button" aria-pressed=move || (!is_patch.get() && !is_original()).to_string() disabled=is_original on:click=move |_| write(false)>"push"</button>
                    <button type="button" aria-pressed=move || (is_patch.get() || is_original()).to_string() disabled=is_original on:click=move |_| write(true)>"patch"</button>
                </div>
            </div>
        </div>
    }
}

fn choice(
    table: Table,
    id: &'static str,
    words: &'static str,
    all: &'static [(&'static str, f64)],
    of: RwSignal<f64>,
    unit: &'static str,
) -> AnyView {
    let now = of.get_untracked();
    let options = all.iter().map(|(one, number)| {
        let is_now = number.total_cmp(&now).is_eq();
        view! { <option value=*one selected=is_now>{*one}{unit}</option> }
    });
    let choose = move |value: String| {
        if let Some((_, number)) = all.iter().find(|(one, _)| *one == value) {
            of.set(*number);
            table.draw();
        }
    };
    view! {
        <label class="choice" for=id>{words}</label>
        <select id=id on:change:target=move |event| choose(event.target().value())>{options.collect_view()}</select>
    }
    .into_any()
}

/// Time: on, back, faster.
#[component]
fn Transport(table: Table) -> impl IntoView {
    let toggle = move |_| if table.is_playing.get_untracked() { table.pause() } else { table.play() };
    let copied = RwSignal::new(false);
    let share = move |_| {
        table.tell_link();
        browser::copy_link();
        copied.set(true);
        set_timeout(
            move || {
                copied.try_set(false);
            },
            Duration::from_secs(2),
        );
    };
    let to_end = move |_| {
        if let Some(end) = table.end() {
            table.seek(end);
        }
    };
    view! {
        <div class="transport">
            <button type="button" class="primary" id="play" on:click=toggle>{move || if table.is_playing.get() { "Pause" } else { "Play" }}</button>
            <button type="button" id="back" on:click=move |_| table.step(Engine::step_back)>"Step back"</button>
            <button type="button" id="step" on:click=move |_| table.step(Engine::step)>"Step"</button>
            <button type="button" id="restart" on:click=move |_| table.seek(Moment::ZERO)>"To the start"</button>
            <Show when=move || table.story.get().is_some()>
                <button type="button" id="to-end" on:click=to_end>"To the end"</button>
            </Show>
            <span class="selects">
                {choice(table, "speed", "Speed", &SPEEDS, table.speed, "×")}
                {choice(table, "span", "Shows", &SPANS, table.span, " s")}
            </span>
            <button type="button" id="share" on:click=share>{move || if copied.get() { "Copied" } else { "Copy link" }}</button>
            <output id="clock" aria-label="Time of the run">{move || table.scene.with(|scene| scene.at.clone())}</output>
        </div>
        <div class="caption">
            <p id="caption">{move || table.scene.with(|scene| scene.caption.clone())}</p>
            {move || table.scene.with(|scene| scene.ending.clone()).map(|(is_as_told, words)| view! {
                <p id="ending" class:not-told=!is_as_told><strong>{if is_as_told { "The end. " } else { "Not as told: " }}</strong>{words}</p>
            })}
        </div>
        <p class="visually-hidden" role="status" aria-live="polite">{spoken(table)}</p>
    }
}

fn spoken(table: Table) -> Memo<String> {
    Memo::new(move |_| table.scene.with(|scene| scene.leaders.clone()))
}

/// Lanes, picture, and what may be done.
#[component]
fn Drawn(table: Table) -> impl IntoView {
    let count = Memo::new(move |_| table.scene.with(|scene| scene.lanes.len()));
    let point = move |event: leptos::ev::MouseEvent| {
        let (Some(room), Some(area)) = (table.room(), table.area.get_untracked()) else { return };
        let area = area.get_bounding_client_rect();
        let (x, y) = (f64::from(event.client_x()) - area.left(), f64::from(event.client_y()) - area.top());
        if let Some(number) = table.engine.with_value(|engine| nearest(engine, &room, x, y)) {
            table.choose(number);
        }
    };
    let keys = move |event: leptos::ev::KeyboardEvent| {
        match event.key().as_str() {
            "ArrowLeft" => table.step(Engine::step_back),
            "ArrowRight" => table.step(Engine::step),
            " " => {
                if table.is_playing.get_untracked() {
                    table.pause();
                } else {
                    table.play();
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div class="board">
            <ol class="seats" aria-label="Candidates">
                {move || (0..count.get()).map(|n| seat(table, n)).collect_view()}
                <li class="gist">
                    <p class="who"><b>"gist"</b>{move || table.scene.with(|scene| scene.doubles.clone()).map(|both| view! { <strong class="chip double" id="doubles">{format!("two leaders for {both}")}</strong> })}</p>
                    <div class="tools">{STORE_TOOLS.map(|of| store_tool(table, of)).collect_view()}</div>
                </li>
            </ol>
            <div class="sky" node_ref=table.area id="picture" tabindex="0" role="slider" aria-label="Events: arrows step, space plays"
                aria-valuenow=move || table.scene.with(|scene| scene.chosen.as_ref().map_or(0, |(line, _)| line.number))
                aria-valuetext=move || table.scene.with(|scene| scene.chosen.as_ref().map_or_else(|| scene.leaders.clone(), |(line, _)| line.words.clone()))
                inner_html=SKY on:click=point on:keydown=keys></div>
        </div>
        <p class="muted key">
            {[("following", "follows"), ("claiming", "claims"), ("settling", "settles"), ("leading", "leads"), ("stopping", "stops"), ("paused", "stands still"), ("both", "two leaders"), ("deadline", "leads until"), ("margin", "margin"), ("respects", "lease as seen")]
                .map(|(ink, words)| view! { <span><i class=ink aria-hidden="true"></i>{words}</span> }).collect_view()}
        </p>
        <Show when=move || table.scene.with(|scene| scene.has_room)>
            <button type="button" id="add" on:click=move |_| {
                let seat = u8::try_from(table.engine.with_value(super::scene::lanes)).unwrap_or(u8::MAX);
                table.act(Act::Start(Whom::Seat(seat)));
            }>"Add a candidate"</button>
        </Show>
    }
}

fn of_lane<T: Default>(table: Table, n: usize, of: impl FnOnce(&Lane) -> T) -> T {
    table.scene.with(|scene| scene.lanes.get(n).map(of).unwrap_or_default())
}

fn seat(table: Table, n: usize) -> AnyView {
    let chip = move || {
        of_lane(table, n, |lane| {
            let class = if lane.is_double { "double" } else { lane.state.word() };
            let token = lane.token.map_or_else(String::new, |token| format!(" #{token}"));
            let cut = if lane.is_cut { ", cut off" } else { "" };
            Some(view! { <span class=format!("chip {class}")>{format!("{}{token}{cut}", lane.state.word())}</span> })
        })
    };
    view! {
        <li>
            <p class="who"><b>{move || of_lane(table, n, |lane| lane.name.clone())}</b>" "{chip}</p>
            <p class="rule">{move || of_lane(table, n, |lane| lane.rule.clone())}</p>
            <div class="tools">{LANE_TOOLS.map(|of| lane_tool(table, n, of)).collect_view()}</div>
        </li>
    }
    .into_any()
}

/// What a button says, its whole name, and what it does, for a candidate as it is.
type LaneTool = fn(&Lane) -> (&'static str, &'static str, fn(Whom) -> Act);
const LANE_TOOLS: [LaneTool; 7] = [
    |lane| if lane.state == State::Dead { ("Start", "Start", Act::Start) } else { ("Kill", "Kill", Act::Kill) },
    |lane| if lane.state == State::Paused { ("Resume", "Resume", Act::Resume) } else { ("Pause", "Pause", Act::Pause) },
    |lane| if lane.is_cut { ("Mend", "Mend the network", Act::Reconnect) } else { ("Cut", "Cut off", Act::Cut) },
    |lane| {
        if lane.loses {
            ("Mend", "Mend the network", Act::Reconnect)
        } else {
            ("Lose", "Lose answers", Act::LoseAnswers)
        }
    },
    |lane| {
        if lane.hangs {
            ("Flow", "Flow again", |whom| Act::Hang(whom, 0))
        } else {
            ("Hang", "Hang 60 s", |whom| Act::Hang(whom, 60))
        }
    },
    |_| ("Stop", "Stop", Act::Stop),
    |_| ("+1 h", "Clock +1 h", |whom| Act::Jump(whom, 3600)),
];

fn lane_tool(table: Table, n: usize, of: LaneTool) -> AnyView {
    let click = move |_| {
        let act = table.scene.with_untracked(|scene| scene.lanes.get(n).map(|lane| of(lane).2(Whom::Seat(lane.seat))));
        if let Some(act) = act {
            table.act(act);
        }
    };
    let words = move || of_lane(table, n, |lane| of(lane).0);
    let named = move || of_lane(table, n, |lane| format!("{}: {}", of(lane).1, lane.name));
    view! { <button type="button" aria-label=named title=move || of_lane(table, n, |lane| of(lane).1) on:click=click>{words}</button> }.into_any()
}

/// The same for the store, and whether it is so now.
type StoreTool = fn(&Store) -> (&'static str, Act, bool);
const STORE_TOOLS: [StoreTool; 6] = [
    |store| match store.latency {
        2000.. => ("Latency 2 s", Act::Latency(80), true),
        400.. => ("Latency 0.4 s", Act::Latency(2000), true),
        _ => ("Latency 0.1 s", Act::Latency(400), false),
    },
    |store| {
        let act = if store.loses { Act::Reconnect(Whom::All) } else { Act::LoseAnswers(Whom::All) };
        ("Lose answers", act, store.loses)
    },
    |store| ("Hang 60 s", Act::Hang(Whom::All, if store.hangs { 0 } else { 60 }), store.hangs),
    |store| ("Throttle", Act::Throttle(if store.throttles { 0 } else { 20 }), store.throttles),
    |store| ("Lose updates", Act::LoseUpdates(if store.vanishes { 0 } else { 100 }), store.vanishes),
    |_| ("Wipe the file", Act::Wipe, false),
];

fn store_tool(table: Table, of: StoreTool) -> AnyView {
    let click = move |_| table.act(table.scene.with_untracked(|scene| of(&scene.store).1));
    let words = move || table.scene.with(|scene| of(&scene.store).0);
    let pressed = move || table.scene.with(|scene| of(&scene.store).2.to_string());
    view! { <button type="button" aria-pressed=pressed on:click=click>{words}</button> }.into_any()
}

/// What happened, and the record that belongs to it.
#[component]
fn Happened(table: Table) -> impl IntoView {
    let get = move |n: usize| table.scene.with(|scene| scene.lines.get(n).cloned());
    let rows = (0..LINES).map(|n| {
        let click = move |_| {
            if let Some(line) = table.scene.with_untracked(|scene| scene.lines.get(n).map(|line: &Line| line.number)) {
                table.choose(line);
            }
        };
        view! {
            <li hidden=move || get(n).is_none()>
                <button type="button" on:click=click>
                    <time>{move || get(n).map(|line| line.at)}</time>
                    <span>{move || get(n).map(|line| line.words)}</span>
                </button>
            </li>
        }
    });
    view! {
        <div class="below">
            <section class="card" aria-labelledby="happened-title">
                <h2 id="happened-title">"What happened"</h2>
                <ol class="lines" id="lines">{rows.collect_view()}</ol>
            </section>
            <section class="card" aria-labelledby="chosen-title" id="chosen">
                <h2 id="chosen-title">"One event"</h2>
                {move || table.scene.with(|scene| scene.chosen.clone()).map_or_else(
                    || view! { <p class="muted">"Click an event in the picture or in the list, or step to one, to see its record."</p> }.into_any(),
                    |(line, record)| view! {
                        <p><time>{line.at}</time>" "<span id="event">{line.words}</span></p>
                        {record.map_or_else(
                            || view! { <p class="muted">"No record belongs to it."</p> }.into_any(),
                            |record| view! { <pre id="record" tabindex="0" aria-label="The record">{record}</pre> }.into_any(),
                        )}
                    }.into_any(),
                )}
            </section>
        </div>
    }
}
