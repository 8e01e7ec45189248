//! Who led: the terms on a time line, and as a list.

use std::cell::RefCell;
use std::fmt::Write;

use leader_elector_core::gist::history::Term;
use reactive_graph::owner::{LocalStorage, StoredValue};
use reactive_graph::traits::{WithUntracked, WithValue};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, KeyboardEvent, PointerEvent};

use super::{Parts, Shared, State};
use crate::dom::{Live, Slot, add, find, on, set, svg, template, text};
use crate::timeline::{self, Bar, COLOURS, End, Newest, Picture};
use crate::words::{self, Tenths};
use crate::{browser, plan};

/// A lane's height in the picture.
const LANE: usize = 30;
/// The picture's width in its own units.
const WIDTH: u32 = 1000;
/// Rows that the list shows at first.
const ROWS: usize = 20;

/// The picture, its reader's words, and the list.
pub(super) struct History {
    drawn: RefCell<Drawn>,
    area: Element,
    /// The buttons for JSON and SVG.
    exports: [Element; 2],
    no_term: Slot,
    terms: Slot,
    lanes: Element,
    lane: Element,
    bars: Element,
    ticks: Element,
    chosen: Live,
    frame: [Live; 2],
    /// The time line as a slider: the greatest value, the value, and its words.
    slider: [Live; 3],
    readout: Live,
    incomplete: Slot,
    rows: Element,
    row: Element,
    all: (Live, Slot),
}

/// What is drawn, and from what.
#[derive(Default)]
struct Drawn {
    terms: Vec<Term>,
    /// The picture moves on every few seconds: nobody sees less of it.
    until: i64,
    newest: Newest,
    shows_all: bool,
    picture: Picture,
}

impl History {
    pub(super) fn new(tab: &Element) -> Self {
        Self {
            drawn: RefCell::default(),
            area: find(tab, "#timeline"),
            exports: ["#export-json", "#export-svg"].map(|selector| find(tab, selector)),
            lanes: find(tab, ".lanes"),
            lane: template(tab, "#lane"),
            bars: find(tab, "#bars"),
            ticks: find(tab, ".ticks"),
            chosen: Live::attribute(tab, "path.chosen", "d"),
            frame: ["viewBox", "height"].map(|name| Live::attribute(tab, "#terms", name)),
            slider: ["aria-valuemax", "aria-valuenow", "aria-valuetext"]
                .map(|name| Live::attribute(tab, "#timeline", name)),
            readout: Live::text(tab, "#readout"),
            incomplete: Slot::of(tab, "#incomplete"),
            rows: find(tab, "tbody"),
            row: template(tab, "#row"),
            all: (Live::text(tab, "#show-all"), Slot::of(tab, "#show-all")),
            no_term: Slot::of(tab, "#no-term"),
            terms: Slot::of(tab, "#known-terms"),
        }
    }

    pub(super) fn show(&self, state: &State) {
        self.draw(state);
        let Drawn { picture, .. } = &*self.drawn.borrow();
        self.no_term.show(picture.bars.is_empty());
        self.terms.show(!picture.bars.is_empty());
        self.incomplete.show(!state.known.complete);
        let chosen = state.chosen.and_then(|token| picture.bars.iter().position(|bar| bar.token == token));
        let at = chosen.unwrap_or(picture.bars.len().saturating_sub(1));
        let words = picture.bars.get(at).map(|bar| readout(picture, bar)).unwrap_or_default();
        self.readout.show(&words);
        for (live, value) in self.slider.iter().zip([picture.bars.len().to_string(), (at + 1).to_string(), words]) {
            live.show(&value);
        }
        let mark = chosen.and_then(|at| picture.bars.get(at)).map(|bar| Rect {
            from: bar.start,
            to: bar.end,
            y: bar.lane * LANE + 2,
            height: LANE - 4,
        });
        self.chosen.show(&path(picture, mark));
        self.all.0.show(&format!("Show all {}", picture.bars.len()));
        self.all.1.show(!state.shows_all && picture.bars.len() > ROWS);
    }

    /// Draws the picture and the list, if they are others than those that are there.
    fn draw(&self, state: &State) {
        let known = &state.known;
        let until = state.now.wall.unix_seconds().div_euclid(5) * 5;
        let stands = known.watch.record().map(|record| record.token);
        let newest = match Newest::of(known.watch.state(state.now, plan::fresh(known.interval))) {
            // The term that leads was not yet looked up.
            Newest::Led if stands != known.terms.first().map(|term| term.token) => Newest::Unknown,
            newest => newest,
        };
        let mut drawn = self.drawn.borrow_mut();
        let is_same = (drawn.until, drawn.newest, drawn.shows_all) == (until, newest, state.shows_all);
        if is_same && drawn.terms == known.terms {
            return;
        }
        let picture = Picture::of(&known.terms, until, newest);
        if picture != drawn.picture {
            self.plot(&picture);
        }
        let most = if state.shows_all { usize::MAX } else { ROWS };
        if drawn.shows_all != state.shows_all || drawn.picture.bars != picture.bars {
            text(&self.rows, "");
            for bar in picture.bars.iter().rev().take(most) {
                row(&add(&self.rows, &self.row), &picture, bar);
            }
        }
        *drawn = Drawn { terms: known.terms.clone(), until, newest, shows_all: state.shows_all, picture };
    }

    /// One path a lane, so that a day of short terms costs no more than one long term.
    fn plot(&self, picture: &Picture) {
        text(&self.lanes, "");
        text(&self.bars, "");
        text(&self.ticks, "");
        let height = picture.lanes.len().max(1) * LANE;
        self.frame[0].show(&format!("0 0 {WIDTH} {height}"));
        self.frame[1].show(&height.to_string());
        let gaps = picture.gaps.iter().map(|(from, to)| Rect { from: *from, to: *to, y: 0, height });
        drawn(&self.bars, "path", &[("class", "gap"), ("d", &path(picture, gaps))]);
        for (n, name) in picture.lanes.iter().enumerate() {
            let class = format!("lane-{}", n % COLOURS);
            let lane = add(&self.lanes, &self.lane);
            set(&find::<Element>(&lane, "span"), "class", &format!("swatch {class}"));
            named(&lane, name);
            let bars = picture.bars.iter().filter(|bar| bar.lane == n);
            let bars = bars.map(|bar| Rect { from: bar.start, to: bar.end, y: n * LANE + 5, height: LANE - 10 });
            drawn(&self.bars, "path", &[("class", &class), ("d", &path(picture, bars))]);
        }
        for at in picture.ticks() {
            let x = format!("{}%", Tenths(picture.x(at) * 100.0));
            if let Some(tick) = drawn(&self.ticks, "text", &[("x", &x), ("y", "16"), ("text-anchor", "middle")]) {
                text(&tick, &time(at));
            }
        }
    }

    /// The token of a term that lies so many terms from the chosen one.
    fn beside(&self, chosen: Option<u64>, by: isize) -> Option<u64> {
        let bars = &self.drawn.borrow().picture.bars;
        let at = bars.iter().position(|bar| Some(bar.token) == chosen);
        let last = bars.len().saturating_sub(1);
        let next = at.unwrap_or(last).saturating_add_signed(by).min(last);
        bars.get(next).map(|bar| bar.token)
    }

    /// The token of the term that is nearest to a place in the picture, from 0 to 1.
    fn nearest(&self, x: f64) -> Option<u64> {
        let picture = &self.drawn.borrow().picture;
        let distance = |bar: &Bar| (picture.x(bar.start) - x).max(x - picture.x(bar.end)).max(0.0);
        let nearest = picture.bars.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.map(|bar| bar.token)
    }
}

/// What pointer, keys and buttons do.
pub(super) fn listen(shared: Shared, parts: StoredValue<Parts, LocalStorage>) {
    let with = move |act: &dyn Fn(&History)| {
        // The tab may have gone.
        let _ = parts.try_with_value(|parts| act(&parts.history));
    };
    let _ = parts.try_with_value(|Parts { history, .. }| {
        on(&history.area, "keydown", move |event: Event| {
            let by = match event.unchecked_ref::<KeyboardEvent>().key().as_str() {
                "ArrowLeft" | "ArrowDown" => -1,
                "ArrowRight" | "ArrowUp" => 1,
                "Home" => isize::MIN,
                "End" => isize::MAX,
                _ => return,
            };
            event.prevent_default();
            let chosen = shared.0.with_untracked(|state| state.chosen);
            with(&|history| shared.change(|state| state.chosen = history.beside(chosen, by)));
        });
        on(&history.area, "pointermove", move |event: Event| {
            let Some(area) = event.current_target() else { return };
            let area = area.unchecked_ref::<Element>().get_bounding_client_rect();
            let x = f64::from(event.unchecked_ref::<PointerEvent>().client_x());
            let x = (x - area.left()) / area.width().max(1.0);
            with(&|history| shared.change(|state| state.chosen = history.nearest(x)));
        });
        on(&history.exports[0], "click", move |_| {
            with(&|history| {
                browser::download("history.json", &timeline::json(&history.drawn.borrow().terms));
            });
        });
        on(&history.exports[1], "click", move |_| {
            with(&|history| {
                browser::download("history.svg", &history.drawn.borrow().picture.svg());
            });
        });
        on(history.all.1.element(), "click", move |_| shared.change(|state| state.shows_all = true));
    });
}

/// A holder's name in a part.
fn named(part: &Element, name: &str) {
    let element = find::<Element>(part, "bdi");
    text(&element, &words::shown(name));
    set(&element, "title", &words::whole(name));
}

fn row(row: &Element, picture: &Picture, bar: &Bar) {
    if bar.ended == End::Now {
        set(row, "class", "now");
    }
    set(&find::<Element>(row, "span"), "class", &format!("swatch lane-{}", bar.lane % COLOURS));
    named(row, &picture.lanes[bar.lane]);
    let values = [
        bar.token.to_string(),
        browser::local(bar.start),
        browser::local(bar.end),
        length(bar),
        bar.ended.words().to_owned(),
    ];
    let mut cell = row.first_element_child();
    for value in values {
        cell = cell.and_then(|cell| cell.next_element_sibling());
        if let Some(cell) = &cell {
            text(cell, &value);
        }
    }
}

fn length(bar: &Bar) -> String {
    words::span(std::time::Duration::from_secs(u64::try_from(bar.end - bar.start).unwrap_or(0)))
}

fn readout(picture: &Picture, bar: &Bar) -> String {
    let end = if bar.ended == End::Now { "now".to_owned() } else { browser::local(bar.end) };
    let holder = words::shown(&picture.lanes[bar.lane]);
    format!("{holder} · token {} · {} to {end} · {}", bar.token, browser::local(bar.start), length(bar))
}

fn time(at: i64) -> String {
    let local = browser::local(at);
    let time = local.rsplit(' ').next().unwrap_or_default();
    time.strip_suffix(":00").unwrap_or(time).to_owned()
}

/// A new element of SVG, at the end of another.
fn drawn(to: &Element, name: &str, attributes: &[(&str, &str)]) -> Option<Element> {
    let element = svg(name)?;
    for (name, value) in attributes {
        set(&element, name, value);
    }
    // It fails for an element inside itself.
    let _ = to.append_child(&element);
    Some(element)
}

/// A rectangle of the picture: from when to when, and where.
struct Rect {
    from: i64,
    to: i64,
    y: usize,
    height: usize,
}

/// Rectangles as one path; none is too narrow to be seen.
fn path(picture: &Picture, boxes: impl IntoIterator<Item = Rect>) -> String {
    let mut d = String::new();
    for Rect { from, to, y, height } in boxes {
        let (x, end) = (picture.x(from) * f64::from(WIDTH), picture.x(to) * f64::from(WIDTH));
        let (x, width) = (Tenths(x), Tenths((end - x).max(1.5)));
        // Writing to a string does not fail.
        let _ = write!(d, "M{x} {y}h{width}v{height}h-{width}z");
    }
    d
}
