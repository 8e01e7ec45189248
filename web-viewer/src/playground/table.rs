//! The playground at work: a run, how it is looked at, and what a visitor does to it.

use std::time::Duration;

use gloo_timers::callback::Timeout;
use leader_elector_core::WriteMode;
use leader_elector_core::sim::{Moment, Rules};
use reactive_graph::owner::{LocalStorage, StoredValue};
use reactive_graph::traits::UpdateValue;
use web_sys::Element;

use super::act::{Act, Whom};
use super::board::Board;
use super::drawing::Drawing;
use super::engine::Engine;
use super::link::{Calm, Link, Play, Setup};
use super::picture::{Room, nearest};
use super::scene::Scene;
use super::story::Story;
use super::tools::LaneTool;
use crate::browser;
use crate::dom::{self, AtWindow};

/// Time that is made up for after a frame that came late.
const LONGEST_FRAME: f64 = 0.1;
/// The words move no faster than they can be read.
const WORDS_EVERY: f64 = 0.25;
/// Between two frames for those who want little motion.
const CALM_EVERY: f64 = 0.5;

/// For so long a copied link is called that.
const COPIED_MS: u32 = 2000;

/// What is on the table.
#[expect(clippy::struct_excessive_bools, reason = "switches that are independent of each other")]
pub(super) struct Table {
    pub(super) engine: Engine,
    pub(super) scene: Scene,
    pub(super) story: Option<Story>,
    pub(super) is_playing: bool,
    pub(super) is_copied: bool,
    pub(super) wrong: Option<String>,
    /// Seconds of the run that pass in one.
    pub(super) speed: f64,
    /// Seconds that the picture shows.
    pub(super) span: f64,
    chosen: Option<u64>,
    drawing: Drawing,
    /// What the picture is drawn into.
    area: Element,
    board: Board,
    /// A frame is asked for.
    is_awaited: bool,
    /// Seconds since the page began: the last frame, the last drawing, the last words.
    frames: (f64, f64, f64),
    is_calm: bool,
}

/// The table in its owner's keeping: what an element's listener held would hold the element.
#[derive(Clone, Copy)]
pub(super) struct Held(StoredValue<Table, LocalStorage>);

impl Held {
    /// A new table in the tab's element, for as long as its owner lives; `None`: there is no world to be played in.
    pub(super) fn new(tab: &Element, area: Element) -> Option<Self> {
        let story = Story::Elect;
        let table = Table {
            engine: Engine::new(story.play(WriteMode::Push, Rules::Ours)).ok()?,
            scene: Scene::default(),
            story: Some(story),
            is_playing: false,
            is_copied: false,
            wrong: None,
            speed: 1.0,
            span: 90.0,
            chosen: None,
            drawing: Drawing::default(),
            area,
            board: Board::new(tab),
            is_awaited: false,
            frames: (0.0, 0.0, 0.0),
            is_calm: browser::wants_calm(),
        };
        let held = Self(StoredValue::new_local(table));
        let _ = held.0.try_update_value(|table| table.board.listen(tab, held));
        held.act(|table| table.open(&browser::fragment()));
        // They end with the owner.
        StoredValue::new_local(AtWindow::new("resize", move |_| held.act(Table::draw)));
        StoredValue::new_local(AtWindow::new("hashchange", move |_| {
            held.act(|table| table.open(&browser::fragment()));
        }));
        Some(held)
    }

    /// Does something at the table, shows what came of it, and asks for a frame if the run goes on.
    pub(super) fn act<'a>(self, act: impl FnOnce(&mut Table) + 'a) {
        self.acted(Box::new(act));
    }

    /// One for all acts: what is generic is made anew for each.
    fn acted(self, act: Box<dyn FnOnce(&mut Table) + '_>) {
        // The tab may have gone.
        let asks = self.0.try_update_value(|table| {
            act(table);
            table.board.controls(table, self);
            table.is_playing && !std::mem::replace(&mut table.is_awaited, table.is_playing)
        });
        if asks == Some(true) {
            dom::next_frame(move || self.act(Table::frame));
        }
    }

    /// Says for a while that the link was copied.
    pub(super) fn share(self) {
        self.act(|table| {
            table.tell_link();
            browser::copy_link();
            table.is_copied = true;
        });
        Timeout::new(COPIED_MS, move || self.act(|table| table.is_copied = false)).forget();
    }
}

impl Table {
    /// Opens what a fragment names, or says what is wrong with it. Other fragments are not ours.
    fn open(&mut self, fragment: &str) {
        let fragment = fragment.trim_start_matches('#');
        if !Link::is_ours(fragment) {
            if self.scene.lanes.is_empty() {
                self.begun();
            }
            return;
        }
        match Link::parse(fragment) {
            Ok(Link::Story(story, write, rules)) => self.load(story.play(write, rules), Some(story)),
            Ok(Link::Play(play)) => self.load(play, None),
            Err(words) => {
                self.wrong = Some(format!("This link cannot be played: {words}."));
                self.draw();
            }
        }
    }

    fn load(&mut self, play: Play, story: Option<Story>) {
        match Engine::new(play) {
            Ok(engine) => {
                self.engine = engine;
                self.drawing.forget();
                self.story = story;
                self.chosen = None;
                self.wrong = None;
                self.begun();
            }
            Err(words) => self.wrong = Some(format!("This world cannot be built: {words}.")),
        }
    }

    /// A run stands at its beginning. It goes on by itself, unless little motion is wanted.
    fn begun(&mut self) {
        self.draw();
        self.is_playing = false;
        if !self.is_calm {
            self.play();
        }
    }

    fn play(&mut self) {
        if self.scene.ending.is_some() {
            // A story goes on from its end as a run of one's own.
            self.story = None;
        }
        self.chosen = None;
        self.is_playing = true;
        self.frames.0 = browser::seconds();
    }

    fn pause(&mut self) {
        self.is_playing = false;
        self.draw();
    }

    pub(super) fn toggle(&mut self) {
        if self.is_playing {
            self.pause();
        } else {
            self.play();
        }
    }

    fn frame(&mut self) {
        self.is_awaited = false;
        if !self.is_playing {
            return;
        }
        let now = browser::seconds();
        let passed = (now - self.frames.0).clamp(0.0, LONGEST_FRAME) * self.speed;
        self.frames.0 = now;
        let end = self.end();
        let until = self.engine.now() + Duration::from_secs_f64(passed);
        self.engine.run_until(end.map_or(until, |end| end.min(until)));
        if self.engine.is_over() || end.is_some_and(|end| self.engine.now() >= end) {
            self.pause();
        } else if !self.is_calm || now - self.frames.1 >= CALM_EVERY {
            self.draw_at(now);
        }
    }

    fn end(&self) -> Option<Moment> {
        let rules = self.engine.play().rules();
        self.story.map(|story| Moment::after(story.end(rules)))
    }

    pub(super) fn draw(&mut self) {
        self.frames.2 = f64::NEG_INFINITY;
        self.draw_at(browser::seconds());
    }

    /// Draws the picture, and the words where they are due.
    fn draw_at(&mut self, now: f64) {
        self.frames.1 = now;
        let room = self.room();
        self.drawing.draw(&self.area, &self.engine, room, self.chosen);
        if now - self.frames.2 >= WORDS_EVERY {
            self.frames.2 = now;
            self.scene = Scene::of(&self.engine, self.story, self.chosen);
            self.board.show(&self.scene);
        }
    }

    fn room(&self) -> Room {
        let width = f64::from(self.area.client_width());
        let lane = if browser::is_narrow() { 62.0 } else { 104.0 };
        Room { width: width.max(100.0), lane, span: self.span, lanes: super::scene::lanes(&self.engine) }
    }

    pub(super) fn act(&mut self, act: Act) {
        self.engine.act(act);
        // From here on it is another run than the story.
        self.story = None;
        browser::set_fragment(&self.engine.play().fragment());
        self.draw();
    }

    /// Does what a tool of a candidate does, as it stands with that one.
    pub(super) fn use_tool(&mut self, lane: usize, of: LaneTool) {
        if let Some(act) = self.scene.lanes.get(lane).map(|lane| of(lane).2(Whom::Seat(lane.seat))) {
            self.act(act);
        }
    }

    pub(super) fn add(&mut self) {
        let seat = u8::try_from(super::scene::lanes(&self.engine)).unwrap_or(u8::MAX);
        self.act(Act::Start(Whom::Seat(seat)));
    }

    pub(super) fn step(&mut self, step: fn(&mut Engine) -> Option<u64>) {
        self.is_playing = false;
        self.chosen = step(&mut self.engine);
        self.drawing.forget();
        self.draw();
    }

    pub(super) fn rewind(&mut self) {
        self.seek(Moment::ZERO);
    }

    pub(super) fn finish(&mut self) {
        if let Some(end) = self.end() {
            self.seek(end);
        }
    }

    fn seek(&mut self, to: Moment) {
        self.engine.seek(to);
        self.drawing.forget();
        self.pause();
    }

    pub(super) fn choose(&mut self, number: u64) {
        self.chosen = Some(number);
        self.pause();
    }

    /// Chooses what is drawn next to a point.
    pub(super) fn point(&mut self, x: f64, y: f64) {
        if let Some(number) = nearest(&self.engine, &self.room(), x, y) {
            self.choose(number);
        }
    }

    /// The same with other rules or, where that is given, another way to write; a story is told anew.
    pub(super) fn play_by(&mut self, write: Option<WriteMode>, rules: Rules) {
        let story = self.story;
        let play = match story {
            Some(story) => story.play(write.unwrap_or(self.now_by().0), rules),
            None => self.engine.play().played_by(write, rules),
        };
        self.load(play, story);
        self.tell_link();
    }

    /// Tells a story; `None`: a run of one's own.
    pub(super) fn tell(&mut self, story: Option<Story>) {
        let (write, rules) = self.now_by();
        let play = story.map_or_else(
            || {
                let seed = browser::now().wall.0.unsigned_abs() % 10_000;
                Play { setup: Setup::Calm(Calm { seed, write, rules, candidates: 3 }), acts: Vec::new() }
            },
            |story| story.play(write, rules),
        );
        self.load(play, story);
        self.tell_link();
    }

    /// How candidates write, and by whose rules.
    pub(super) fn now_by(&self) -> (WriteMode, Rules) {
        (self.engine.play().write().unwrap_or(WriteMode::Push), self.engine.play().rules())
    }

    fn tell_link(&self) {
        let (write, rules) = self.now_by();
        let rules = if rules == Rules::Original { ",original" } else { "" };
        let link = self
            .story
            .map_or_else(|| self.engine.play().fragment(), |story| format!("story={},{write}{rules}", story.name()));
        browser::set_fragment(&link);
    }
}
