//! A run as a picture: a lane a candidate, the store below them, and what is planned to the right of now. Only text here.
//!
//! The past is cut into slices. A slice is drawn until nothing in it moves any more, and from then on only moved: a frame
//! costs as much as what is new. In a slice all that looks alike is one path.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use leader_elector_core::sim::{Happening, Kind, Moment, Status};

use super::engine::Engine;
use super::trace::Entry;
use super::words::State;
use crate::words::Tenths;

/// Where now comes to stand, as a share of the width: to its right lies what is only planned.
const NOW: f64 = 0.64;
/// The height of what a candidate does, and of what it counts on.
const BAR: f64 = 20.0;
const DEADLINE: f64 = 7.0;
/// A click this far away still means an event.
const NEAR: f64 = 18.0;
/// How many slices the shown span is cut into.
const SLICES: f64 = 8.0;
/// A term has its token at its beginning, and in every slice of so many.
const TOKEN_EVERY: u64 = 4;
/// A token needs so many pixels.
const TOKEN_WIDTH: f64 = 26.0;
/// What was sent so many seconds before the oldest that is seen may still be on its way: a request hangs for two minutes.
const ON_THE_WAY: f64 = 130.0;

/// What is drawn alike. The order is that of drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Two lead at once.
    Double,
    /// Every so many seconds.
    Grid,
    /// A process runs, and follows.
    Following,
    /// It claims.
    Claiming,
    /// It settles.
    Settling,
    /// It leads.
    Leading,
    /// It stops its work, or gives the lock back.
    Stopping,
    /// It stands still.
    Paused,
    /// It leads, and so does another.
    Both,
    /// For how long it leads at least, unless its term ends.
    Deadline,
    /// From there to the end of the lease as others saw it.
    Margin,
    /// For how long it respects another's lease.
    Respects,
    /// A read, and its answer.
    Read,
    /// A write.
    Write,
    /// The answer to a write.
    Answer,
    /// What never arrives.
    Lost,
    /// Their heads.
    ReadHead,
    /// Their heads.
    WriteHead,
    /// Their heads.
    AnswerHead,
    /// A revision that counts.
    Revision,
    /// A revision that counts for nobody.
    Void,
    /// A revision that vanished, or a lost message's end.
    Cross,
    /// Something was done by hand.
    Deed,
    /// Now.
    Now,
}

/// The inks with the names of their styles, in the order of drawing.
pub const INKS: [&str; 24] = [
    "double",
    "grid",
    "following",
    "claiming",
    "settling",
    "leading",
    "stopping",
    "paused",
    "both",
    "deadline",
    "margin",
    "respects",
    "read",
    "write",
    "answer",
    "lost",
    "read head",
    "write head",
    "answer head",
    "revision",
    "void",
    "cross",
    "deed",
    "now",
];

/// How much room there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    /// Pixels.
    pub width: f64,
    /// The height of a lane, in pixels.
    pub lane: f64,
    /// Seconds that are seen.
    pub span: f64,
    /// Lanes.
    pub lanes: usize,
}

impl Room {
    /// The height of the whole picture.
    #[must_use]
    pub fn height(&self) -> f64 {
        self.store() + self.lane.min(64.0)
    }

    /// The line of the store.
    fn store(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "seven lanes")]
        let lanes = self.lanes as f64;
        lanes * self.lane + 22.0
    }

    /// The first second that is seen: a run begins at the left edge, until now has come to its place.
    fn from(&self, now: f64) -> f64 {
        (now - self.span * NOW).max(-0.02 * self.span)
    }

    fn x(&self, now: f64, at: f64) -> f64 {
        (at - self.from(now)) * self.scale()
    }

    /// Pixels a second.
    fn scale(&self) -> f64 {
        self.width / self.span
    }

    /// Seconds of a slice.
    fn slice(&self) -> f64 {
        self.span / SLICES
    }

    /// The upper edge of what a candidate does.
    fn bar(&self, seat: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "seven lanes")]
        let top = seat as f64 * self.lane;
        top + self.lane / 2.0 - 10.0
    }
}

/// What one slice shows, as SVG. Its left edge is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// Its place in the run.
    pub number: u64,
    /// What candidates did.
    pub below: String,
    /// Messages, revisions, deeds and tokens.
    pub above: String,
    /// Seconds.
    pub ticks: String,
    /// Nothing in it moves any more.
    is_done: bool,
    /// The seconds at which the last of it ends: a message may arrive in a later slice.
    reaches: u64,
    /// What each candidate did when it began.
    opening: Vec<Doing>,
}

/// A run as far as it is seen.
#[derive(Clone, Debug)]
pub struct Picture {
    room: Room,
    now: f64,
    slices: VecDeque<Slice>,
}

/// What changed in a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// How many of the oldest slices went away.
    pub gone: usize,
    /// From this of those that stay on, slices are new or drawn anew.
    pub anew: usize,
    /// How far everything is moved, in pixels.
    pub moved: String,
    /// What counts from now, and what is chosen.
    pub over: String,
}

/// What a candidate does, as far as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Doing {
    state: State,
    token: Option<u64>,
}

impl Doing {
    fn of(status: &Status) -> Self {
        Self { state: State::of(status), token: status.token }
    }
}

impl Picture {
    /// An empty picture.
    #[must_use]
    pub const fn new(room: Room) -> Self {
        Self { room, now: 0.0, slices: VecDeque::new() }
    }

    /// Its room.
    #[must_use]
    pub const fn room(&self) -> Room {
        self.room
    }

    /// The slices, oldest first.
    #[must_use]
    pub const fn slices(&self) -> &VecDeque<Slice> {
        &self.slices
    }

    /// How far to the right a slice stands, before everything is moved.
    #[must_use]
    pub fn left(&self, slice: &Slice) -> f64 {
        self.room.scale() * self.start(slice.number)
    }

    /// Goes on to where the run is now. A run that went back, or another one, needs a new picture.
    pub fn draw(&mut self, engine: &Engine, chosen: Option<u64>) -> Frame {
        let room = self.room;
        self.now = seconds(engine.now());
        let from = room.from(self.now);
        let mut next = self.slices.back().map_or_else(|| self.number(from - ON_THE_WAY), |slice| slice.number + 1);
        while self.start(next) <= self.now.max(from + room.span) {
            self.slices.push_back(Slice { number: next, ..Slice::default() });
            next += 1;
        }
        let was = self.slices.len();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a run begins at 0")]
        let oldest = from.max(0.0) as u64;
        let first = self.number(from);
        while self.slices.front().is_some_and(|slice| slice.is_done && slice.reaches < oldest && slice.number < first) {
            self.slices.pop_front();
        }
        let gone = was - self.slices.len();
        let anew = self.slices.iter().position(|slice| !slice.is_done).unwrap_or(self.slices.len());
        for index in anew..self.slices.len() {
            self.slices[index] = self.drawn(engine, &self.slices[index]);
        }
        Frame {
            gone,
            anew,
            moved: format!("translate({} 0)", Tenths(-from * room.scale())),
            over: over(engine, room, chosen),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "years")]
    fn start(&self, number: u64) -> f64 {
        number as f64 * self.room.slice()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a run begins at 0")]
    fn number(&self, at: f64) -> u64 {
        (at / self.room.slice()).max(0.0) as u64
    }

    fn drawn(&self, engine: &Engine, slice: &Slice) -> Slice {
        let start = self.start(slice.number);
        let end = start + self.room.slice();
        let mut pen = Pen::new(self.room, self.now, start);
        let mut drawn = Slice { number: slice.number, ..Slice::default() };
        let room = self.room;
        let step = room.span / if room.width < 600.0 { 4.0 } else { 8.0 };
        let nice = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0].into_iter().find(|nice| *nice >= step);
        let step = nice.unwrap_or(300.0);
        let mut tick = (start / step).ceil() * step;
        while tick < end {
            let x = pen.x(tick);
            pen.put(Ink::Grid, "M", &[x, 0.0]);
            pen.put(Ink::Grid, "V", &[room.height()]);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a run")]
            text(&mut drawn.ticks, "tick", x, 0.0, &super::words::clock(tick as u64));
            tick += step;
        }
        if start <= self.now {
            for double in engine.doubles() {
                let (from, until) = (seconds(double.from).max(start), seconds(double.until).min(end));
                pen.rect(Ink::Double, (from, until), (0.0, room.height()));
                pen.bar(Ink::Both, double.seats.0, (from, until), false);
                pen.bar(Ink::Both, double.seats.1, (from, until), false);
            }
            // What was before a slice is known once it begins.
            let is_known = !slice.opening.is_empty();
            drawn.opening = if is_known { slice.opening.clone() } else { opening(engine, start, room.lanes) };
            states(engine, &mut pen, &mut drawn, end.min(self.now));
            for entry in engine.trace().since(moment(start)).take_while(|entry| seconds(entry.at) < end) {
                event(&mut pen, entry);
            }
        }
        drawn.is_done = self.now >= end.max(pen.reaches);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a run begins at 0")]
        let reaches = pen.reaches as u64;
        drawn.reaches = reaches;
        drawn.below = pen.paths(Ink::Double, Ink::Both);
        let mut above = pen.paths(Ink::Read, Ink::Deed);
        above.push_str(&drawn.above);
        drawn.above = above;
        drawn
    }
}

/// What each candidate did at a moment. What was before the oldest entry is not known, but of those of whom there is none.
fn opening(engine: &Engine, at: f64, lanes: usize) -> Vec<Doing> {
    let mut doing: Vec<Option<Doing>> = vec![None; lanes];
    let mut missing = lanes;
    for entry in engine.trace().all().rev().filter(|entry| seconds(entry.at) < at) {
        if let Happening::Became { seat, status } = &entry.what
            && let Some(unknown @ None) = doing.get_mut(*seat)
        {
            *unknown = Some(Doing::of(status));
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    let is_whole = engine.trace().whole_since().is_none();
    let otherwise = |seat: usize| {
        let known = engine.world().statuses().get(seat).filter(|_| !is_whole);
        known.map_or(Doing { state: State::Dead, token: None }, Doing::of)
    };
    doing.into_iter().enumerate().map(|(seat, doing)| doing.unwrap_or_else(|| otherwise(seat))).collect()
}

/// What counts from now: it moves with every frame.
fn over(engine: &Engine, room: Room, chosen: Option<u64>) -> String {
    let now = seconds(engine.now());
    let mut pen = Pen::new(room, now, room.from(now));
    promises(engine, &mut pen);
    let x = pen.x(now);
    pen.put(Ink::Now, "M", &[x, 0.0]);
    pen.put(Ink::Now, "V", &[room.height()]);
    let mut over = pen.paths(Ink::Deadline, Ink::Respects);
    over += &pen.paths(Ink::Now, Ink::Now);
    if let Some((x, y)) = chosen.and_then(|number| engine.trace().get(number)).map(|entry| place(&room, now, entry)) {
        // Writing to a string does not fail.
        let _ = write!(over, r#"<circle class="chosen" cx="{}" cy="{}" r="9"/>"#, Tenths(x), Tenths(y));
    }
    over
}

/// The names of the lanes, at their upper edges, as SVG.
#[must_use]
pub fn names(engine: &Engine, room: &Room) -> String {
    let mut names = String::new();
    for seat in 0..room.lanes {
        text(&mut names, "name", 4.0, room.bar(seat) - 5.0, engine.world().name(seat));
    }
    names
}

/// A word. Names are the playground's own, and numbers need no escape; whatever else came would do no harm.
fn text(to: &mut String, class: &str, x: f64, y: f64, words: &str) {
    let words = words.replace(['<', '&'], "");
    let _ = write!(to, r#"<text class="{class}" x="{}" y="{}">{words}</text>"#, Tenths(x), Tenths(y));
}

struct Pen {
    room: Room,
    now: f64,
    /// The seconds at the left edge.
    start: f64,
    paths: Vec<String>,
    /// The seconds at which the last message ends.
    reaches: f64,
}

impl Pen {
    fn new(room: Room, now: f64, start: f64) -> Self {
        Self { room, now, start, paths: vec![String::new(); INKS.len()], reaches: start }
    }

    fn x(&self, at: f64) -> f64 {
        (at - self.start) * self.room.scale()
    }

    /// The paths of some inks, as SVG.
    fn paths(&self, first: Ink, last: Ink) -> String {
        let mut svg = String::new();
        for (class, path) in INKS.iter().zip(&self.paths).take(last as usize + 1).skip(first as usize) {
            if !path.is_empty() {
                svg.extend([r#"<path class=""#, class, r#"" d=""#, path, r#""/>"#]);
            }
        }
        svg
    }

    fn bar(&mut self, ink: Ink, seat: usize, (from, to): (f64, f64), is_thin: bool) {
        let (y, height) = (self.room.bar(seat), BAR);
        let (y, height) = if is_thin { (y + height + 4.0, DEADLINE) } else { (y, height) };
        self.rect(ink, (from, to), (y, height));
    }

    fn rect(&mut self, ink: Ink, (from, to): (f64, f64), (y, height): (f64, f64)) {
        let (from, to) = (self.x(from), self.x(to));
        if to > from {
            self.put(ink, "M", &[from, y]);
            self.put(ink, "H", &[to]);
            self.put(ink, "v", &[height]);
            self.put(ink, "H", &[from]);
            self.paths[ink as usize].push('z');
        }
    }

    /// A message, as far as it has come by now, with a head where it arrives.
    fn arrow(&mut self, inks: (Ink, Ink), from: (f64, f64), to: (f64, f64)) {
        let share = if to.0 > self.now { (self.now - from.0) / (to.0 - from.0) } else { 1.0 };
        let end = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
        let (x, x_end) = (self.x(from.0), self.x(end.0));
        self.reaches = self.reaches.max(to.0);
        self.put(inks.0, "M", &[x, from.1]);
        self.put(inks.0, "L", &[x_end, end.1]);
        if share >= 1.0 {
            let back = if to.1 > from.1 { -6.0 } else { 6.0 };
            self.put(inks.1, "M", &[x_end, end.1]);
            self.put(inks.1, "l", &[-3.0, back]);
            self.put(inks.1, "h", &[6.0]);
            self.paths[inks.1 as usize].push('z');
        }
    }

    fn cross(&mut self, at: f64, y: f64) {
        let x = self.x(at);
        self.put(Ink::Cross, "M", &[x - 4.0, y - 4.0]);
        self.put(Ink::Cross, "l", &[8.0, 8.0]);
        self.put(Ink::Cross, "m", &[-8.0, 0.0]);
        self.put(Ink::Cross, "l", &[8.0, -8.0]);
    }

    fn diamond(&mut self, ink: Ink, at: f64, y: f64) {
        let x = self.x(at);
        self.put(ink, "M", &[x, y - 6.0]);
        self.put(ink, "l", &[6.0, 6.0, -6.0, 6.0, -6.0, -6.0]);
        self.paths[ink as usize].push('z');
    }

    fn put(&mut self, ink: Ink, letter: &str, numbers: &[f64]) {
        let path = &mut self.paths[ink as usize];
        path.push_str(letter);
        for number in numbers {
            // Writing to a string does not fail.
            let _ = write!(path, " {}", Tenths(*number));
        }
    }
}

fn seconds(at: Moment) -> f64 {
    at.since(Moment::ZERO).as_secs_f64()
}

/// The moment of so many seconds.
fn moment(seconds: f64) -> Moment {
    Moment::after(Duration::from_secs_f64(seconds))
}

/// What each candidate did in a slice: a bar as long as it did the same.
fn states(engine: &Engine, pen: &mut Pen, slice: &mut Slice, end: f64) {
    for (seat, opening) in slice.opening.iter().enumerate() {
        let of_seat = engine.trace().since(moment(pen.start)).filter_map(|entry| match &entry.what {
            Happening::Became { seat: of, status } if *of == seat => Some((seconds(entry.at), Some(Doing::of(status)))),
            _ => None,
        });
        let (mut since, mut doing, mut is_new) = (pen.start, *opening, slice.number.is_multiple_of(TOKEN_EVERY));
        for (at, next) in of_seat.take_while(|(at, _)| *at < end).chain([(end, None)]) {
            if next == Some(doing) {
                continue;
            }
            if let Some(ink) = doing.state.ink() {
                pen.bar(ink, seat, (since, at), false);
                let (x, width) = (pen.x(since), pen.x(at) - pen.x(since));
                if let Some(token) = doing.token.filter(|_| ink == Ink::Leading && is_new)
                    && (width > TOKEN_WIDTH || next.is_none())
                {
                    text(&mut slice.above, "token", x + 6.0, pen.room.bar(seat) + BAR - 5.5, &format!("#{token}"));
                }
            }
            if let Some(next) = next {
                (since, doing, is_new) = (at, next, true);
            }
        }
    }
}

/// What each candidate counts on: how long it leads, and how long it respects another.
fn promises(engine: &Engine, pen: &mut Pen) {
    let statuses = engine.world().statuses();
    let now = engine.now();
    for (seat, status) in statuses.iter().enumerate().take(pen.room.lanes) {
        if let Some(until) = status.until.filter(|_| status.leads(now)) {
            let until = seconds(until);
            pen.bar(Ink::Deadline, seat, (pen.now, until), true);
            let name = engine.world().name(seat);
            let others = statuses.iter().filter(|other| other.leader.as_deref() == Some(name) && other.token.is_none());
            let respected = others.filter_map(|other| other.stands_until).min().map(seconds);
            if let Some(respected) = respected.filter(|respected| *respected > until) {
                pen.bar(Ink::Margin, seat, (until, respected), true);
            }
        } else if let Some(stands) = status.stands_until.filter(|_| status.token.is_none() && status.phase.is_some()) {
            pen.bar(Ink::Respects, seat, (pen.now, seconds(stands)), true);
        }
    }
}

fn event(pen: &mut Pen, entry: &Entry) {
    let at = seconds(entry.at);
    let store = pen.room.store();
    let lane = |pen: &Pen, seat: usize| pen.room.bar(seat) + BAR / 2.0;
    match &entry.what {
        Happening::Sent { seat, kind, arrives, .. } if *seat < pen.room.lanes => {
            let inks = if *kind == Kind::Write { (Ink::Write, Ink::WriteHead) } else { (Ink::Read, Ink::ReadHead) };
            let y = lane(pen, *seat);
            if let Some(arrives) = arrives {
                pen.arrow(inks, (at, y), (seconds(*arrives), store));
            } else {
                gone(pen, (at, y), y + 24.0);
            }
        }
        Happening::Arrived { seat, kind, made, is_void, lost, back, .. } => {
            if made.is_some() {
                pen.diamond(if *is_void { Ink::Void } else { Ink::Revision }, at, store + 12.0);
            }
            if lost.is_some() {
                pen.cross(at, store + 12.0);
            }
            if *seat < pen.room.lanes {
                let inks =
                    if *kind == Kind::Write { (Ink::Answer, Ink::AnswerHead) } else { (Ink::Read, Ink::ReadHead) };
                let y = lane(pen, *seat);
                match back {
                    Some(back) => pen.arrow(inks, (at, store), (seconds(*back), y)),
                    None => gone(pen, (at, store), store - 24.0),
                }
            }
        }
        Happening::Vanished { .. } => pen.cross(at, store + 12.0),
        Happening::Befell { seat, .. } => {
            let y = seat.filter(|seat| *seat < pen.room.lanes).map_or(store + 12.0, |seat| lane(pen, seat));
            let x = pen.x(at);
            pen.put(Ink::Deed, "M", &[x, y + 12.0]);
            pen.put(Ink::Deed, "l", &[5.0, 9.0]);
            pen.put(Ink::Deed, "h", &[-10.0]);
            pen.paths[Ink::Deed as usize].push('z');
        }
        _ => {}
    }
}

/// A message that is lost on its way.
fn gone(pen: &mut Pen, (at, y): (f64, f64), to: f64) {
    let x = pen.x(at);
    pen.put(Ink::Lost, "M", &[x, y]);
    pen.put(Ink::Lost, "L", &[x + 3.0, to]);
    pen.cross(at, to);
}

fn place(room: &Room, now: f64, entry: &Entry) -> (f64, f64) {
    let seat = match &entry.what {
        Happening::Sent { seat, .. }
        | Happening::Heard { seat, .. }
        | Happening::Unanswered { seat, .. }
        | Happening::Said { seat, .. }
        | Happening::Became { seat, .. } => Some(*seat),
        Happening::Befell { seat, .. } => *seat,
        Happening::Arrived { .. } | Happening::Vanished { .. } | Happening::Broken(_) => None,
    };
    let y = seat.filter(|seat| *seat < room.lanes).map_or(room.store() + 12.0, |seat| room.bar(seat) + BAR / 2.0);
    (room.x(now, seconds(entry.at)), y)
}

/// The number of the entry that is drawn next to a point.
#[must_use]
pub fn nearest(engine: &Engine, room: &Room, x: f64, y: f64) -> Option<u64> {
    let now = seconds(engine.now());
    let far = |entry: &Entry| {
        let (at, lane) = place(room, now, entry);
        // What changes something is meant rather than what does not.
        let routine = if super::words::is_routine(&entry.what) { 8.0 } else { 0.0 };
        // Another lane is further away than another moment.
        (at - x).abs() + (lane - y).abs() * 0.75 + routine
    };
    let seen = engine.trace().since(moment(room.from(now).max(0.0)));
    let all = seen.map(|entry| (far(entry), entry.number));
    all.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|(far, _)| *far < NEAR + room.lane / 4.0).map(|(_, number)| number)
}
