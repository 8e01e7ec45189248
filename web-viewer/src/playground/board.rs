//! What stands around the picture: controls, captions, a row of tools a candidate, what happened.

use std::cell::RefCell;

use leader_elector_core::WriteMode;
use leader_elector_core::sim::Rules;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlSelectElement, KeyboardEvent, MouseEvent};

use super::act::{Act, Whom};
use super::engine::Engine;
use super::scene::{LINES, Scene};
use super::story::Story;
use super::table::{Held, Table};
use super::tools::{LANE_TOOLS, LaneTool, STORE_TOOLS};
use crate::dom::{Live, Slot, add, find, on, template, text};

/// Sets what is chosen from a list of numbers.
type Set = fn(&mut Table, f64);

/// The elements that show something.
pub(super) struct Board {
    stories: Vec<(Option<Story>, Live)>,
    original: Live,
    /// Push and patch: whether it is so, and whether it can be chosen.
    writes: [(Live, Live); 2],
    wrong: (Live, Slot),
    play: Live,
    to_end: Slot,
    share: Live,
    clock: Live,
    caption: Live,
    ending: (Live, Live, Live, Slot),
    spoken: Live,
    seats: RefCell<Vec<Seat>>,
    seat: Element,
    button: Element,
    gist: Element,
    doubles: (Live, Slot),
    store: Vec<(Live, Live)>,
    /// The picture as a slider: its value, that in words, and the greatest.
    slider: [Live; 3],
    add: Slot,
    lines: Vec<Row>,
    chosen: Chosen,
}

/// A candidate.
struct Seat {
    element: Element,
    name: Live,
    chip: [Live; 2],
    rule: Live,
    /// What each tool says, what it is called, its whole name, and whether it does nothing.
    tools: Vec<[Live; 4]>,
}

/// A line of what happened.
struct Row {
    button: Element,
    is_hidden: Live,
    at: Live,
    words: Live,
}

/// One event.
struct Chosen {
    none: Slot,
    told: Slot,
    at: Live,
    words: Live,
    no_record: Slot,
    record: (Live, Slot),
}

impl Board {
    pub(super) fn new(tab: &Element) -> Self {
        let button = template(tab, "#button");
        let stories = find::<Element>(tab, ".stories");
        let story = |story: Option<Story>| {
            let element = add(&stories, &button);
            text(&element, story.map_or("Free play", Story::title));
            (story, Live::of(element, "aria-pressed"))
        };
        let gist = find::<Element>(tab, ".gist");
        let store_tools = find::<Element>(&gist, ".tools");
        let store_tool = |_| {
            let element = add(&store_tools, &button);
            (Live::of_text(element.clone()), Live::of(element, "aria-pressed"))
        };
        let (lines, line) = (find::<Element>(tab, "#lines"), template(tab, "#line"));
        let row = |_| {
            let element = add(&lines, &line);
            Row {
                button: find(&element, "button"),
                at: Live::text(&element, "time"),
                words: Live::text(&element, "span"),
                is_hidden: Live::of(element, "hidden"),
            }
        };
        Self {
            stories: Story::ALL.map(Some).into_iter().chain([None]).map(story).collect(),
            original: Live::attribute(tab, "#original", "aria-checked"),
            writes: ["#push", "#patch"].map(|selector| {
                (Live::attribute(tab, selector, "aria-pressed"), Live::attribute(tab, selector, "disabled"))
            }),
            wrong: (Live::text(tab, "#wrong"), Slot::of(tab, "#wrong")),
            play: Live::text(tab, "#play"),
            to_end: Slot::of(tab, "#to-end"),
            share: Live::text(tab, "#share"),
            clock: Live::text(tab, "#clock"),
            caption: Live::text(tab, "#caption"),
            ending: (
                Live::attribute(tab, "#ending", "class"),
                Live::text(tab, "#ending strong"),
                Live::text(tab, "#ending span"),
                Slot::of(tab, "#ending"),
            ),
            spoken: Live::text(tab, "[role=status]"),
            seats: RefCell::default(),
            seat: template(tab, "#seat"),
            doubles: (Live::text(tab, "#doubles"), Slot::of(tab, "#doubles")),
            store: STORE_TOOLS.iter().map(store_tool).collect(),
            slider: ["aria-valuenow", "aria-valuetext", "aria-valuemax"]
                .map(|name| Live::attribute(tab, "#picture", name)),
            add: Slot::of(tab, "#add"),
            lines: (0..LINES).map(row).collect(),
            chosen: Chosen {
                at: Live::text(tab, "#told time"),
                words: Live::text(tab, "#event"),
                record: (Live::text(tab, "#record"), Slot::of(tab, "#record")),
                none: Slot::of(tab, "#none-chosen"),
                told: Slot::of(tab, "#told"),
                no_record: Slot::of(tab, "#no-record"),
            },
            button,
            gist,
        }
    }

    /// What buttons, keys and pointer do.
    pub(super) fn listen(&self, tab: &Element, held: Held) {
        let click = |element: &Element, act: fn(&mut Table)| on(element, "click", move |_| held.act(act));
        let named = |selector: &str, act: fn(&mut Table)| click(&find(tab, selector), act);
        named("#play", Table::toggle);
        named("#back", |table| table.step(Engine::step_back));
        named("#step", |table| table.step(Engine::step));
        named("#restart", Table::rewind);
        click(self.to_end.element(), Table::finish);
        click(self.add.element(), Table::add);
        named("#original", |table| {
            let (_, rules) = table.now_by();
            table.play_by(None, if rules == Rules::Ours { Rules::Original } else { Rules::Ours });
        });
        named("#push", |table| table.play_by(Some(WriteMode::Push), table.now_by().1));
        named("#patch", |table| table.play_by(Some(WriteMode::Patch), table.now_by().1));
        on(&find(tab, "#share"), "click", move |_| held.share());
        for (story, button) in &self.stories {
            let story = *story;
            on(button.element(), "click", move |_| held.act(|table| table.tell(story)));
        }
        for (of, (words, _)) in STORE_TOOLS.iter().zip(&self.store) {
            on(words.element(), "click", move |_| held.act(|table| table.act(of(&table.scene.store).1)));
        }
        for (n, row) in self.lines.iter().enumerate() {
            on(&row.button, "click", move |_| {
                held.act(|table| {
                    if let Some(number) = table.scene.lines.get(n).map(|line| line.number) {
                        table.choose(number);
                    }
                });
            });
        }
        let choices: [(&str, Set); 2] =
            [("#speed", |table, value| table.speed = value), ("#span", |table, value| table.span = value)];
        for (selector, set) in choices {
            let select = find::<HtmlSelectElement>(tab, selector);
            on(&select, "change", move |event| {
                let Some(select) = event.current_target() else { return };
                // The browser reads the number: the standard library's reader of floats takes several kilobytes.
                let value = js_sys::Number::parse_float(&select.unchecked_ref::<HtmlSelectElement>().value());
                held.act(|table| {
                    set(table, value);
                    table.draw();
                });
            });
        }
        let picture = find::<Element>(tab, "#picture");
        on(&picture, "click", move |event: Event| {
            let Some(area) = event.current_target() else { return };
            let area = area.unchecked_ref::<Element>().get_bounding_client_rect();
            let event = event.unchecked_ref::<MouseEvent>();
            let (x, y) = (f64::from(event.client_x()) - area.left(), f64::from(event.client_y()) - area.top());
            held.act(|table| table.point(x, y));
        });
        on(&picture, "keydown", move |event: Event| {
            let act: fn(&mut Table) = match event.unchecked_ref::<KeyboardEvent>().key().as_str() {
                "ArrowLeft" => |table: &mut Table| table.step(Engine::step_back),
                "ArrowRight" => |table: &mut Table| table.step(Engine::step),
                " " => Table::toggle,
                _ => return,
            };
            event.prevent_default();
            held.act(act);
        });
    }

    /// Shows what follows from an act at once.
    pub(super) fn controls(&self, table: &Table, held: Held) {
        for (story, button) in &self.stories {
            button.is(table.story == *story);
        }
        let (write, rules) = table.now_by();
        let is_original = rules == Rules::Original;
        // The original knows only the PATCH.
        let is_patch = is_original || write == WriteMode::Patch;
        self.original.is(is_original);
        for ((is_pressed, is_disabled), is_now) in self.writes.iter().zip([!is_patch, is_patch]) {
            is_pressed.is(is_now);
            is_disabled.has(is_original);
        }
        self.wrong.0.show(table.wrong.as_deref().unwrap_or_default());
        self.wrong.1.show(table.wrong.is_some());
        self.play.show(if table.is_playing { "Pause" } else { "Play" });
        self.to_end.show(table.story.is_some());
        self.share.show(if table.is_copied { "Copied" } else { "Copy link" });
        self.seat_all(&table.scene, held);
    }

    /// Shows the words of a run.
    pub(super) fn show(&self, scene: &Scene) {
        self.clock.show(&scene.at);
        self.caption.show(&scene.caption);
        let (class, told, words, slot) = &self.ending;
        if let Some((is_as_told, ending)) = &scene.ending {
            class.show(if *is_as_told { "" } else { "not-told" });
            told.show(if *is_as_told { "The end. " } else { "Not as told: " });
            words.show(ending);
        }
        slot.show(scene.ending.is_some());
        self.spoken.show(&scene.leaders);
        if let Some(both) = &scene.doubles {
            self.doubles.0.show(&format!("two leaders for {both}"));
        }
        self.doubles.1.show(scene.doubles.is_some());
        for (of, (words, is_pressed)) in STORE_TOOLS.iter().zip(&self.store) {
            let (says, _, is_so) = of(&scene.store);
            words.show(says);
            is_pressed.is(is_so);
        }
        self.add.show(scene.has_room);
        let line = scene.chosen.as_ref().map(|(line, _)| line);
        self.slider[0].show(&line.map_or(0, |line| line.number).to_string());
        self.slider[1].show(line.map_or(&scene.leaders, |line| &line.words));
        self.slider[2].show(&scene.newest.to_string());
        for (n, row) in self.lines.iter().enumerate() {
            let line = scene.lines.get(n);
            row.is_hidden.has(line.is_none());
            row.at.show(line.map_or("", |line| &line.at));
            row.words.show(line.map_or("", |line| &line.words));
        }
        self.chosen.show(scene);
        for (seat, lane) in self.seats.borrow().iter().zip(&scene.lanes) {
            seat.show(lane, scene.is_original);
        }
    }

    /// As many candidates as there are.
    fn seat_all(&self, scene: &Scene, held: Held) {
        let mut seats = self.seats.borrow_mut();
        let stay = scene.lanes.len().min(seats.len());
        for gone in seats.drain(stay..) {
            gone.element.remove();
        }
        for n in seats.len()..scene.lanes.len() {
            let seat = Seat::new(self, n, held);
            seat.show(&scene.lanes[n], scene.is_original);
            seats.push(seat);
        }
    }
}

impl Seat {
    fn new(board: &Board, n: usize, held: Held) -> Self {
        let element = crate::dom::before(&board.gist, &board.seat);
        let tools = find::<Element>(&element, ".tools");
        let tool = |tool: &'static LaneTool| {
            let button = add(&tools, &board.button);
            on(&button, "click", move |_| held.act(|table| table.use_tool(n, *tool)));
            let attribute = |name| Live::of(button.clone(), name);
            [Live::of_text(button.clone()), attribute("title"), attribute("aria-label"), attribute("disabled")]
        };
        Self {
            name: Live::text(&element, "b"),
            chip: [Live::text(&element, ".who span"), Live::attribute(&element, ".who span", "class")],
            rule: Live::text(&element, ".rule"),
            tools: LANE_TOOLS.iter().map(tool).collect(),
            element,
        }
    }

    fn show(&self, lane: &super::scene::Lane, is_original: bool) {
        self.name.show(&lane.name);
        let token = lane.token.map_or_else(String::new, |token| format!(" #{token}"));
        let cut = if lane.is_cut { ", cut off" } else { "" };
        self.chip[0].show(&format!("{}{token}{cut}", lane.state.word()));
        self.chip[1].show(&format!("chip {}", if lane.is_double { "double" } else { lane.state.word() }));
        self.rule.show(&lane.rule);
        for (of, [words, title, name, is_idle]) in LANE_TOOLS.iter().zip(&self.tools) {
            let (says, whole, act) = of(lane);
            let is_blind = is_original && matches!(act(Whom::All), Act::Jump(..));
            words.show(says);
            title.show(if is_blind { "The original never reads the wall clock" } else { whole });
            is_idle.has(is_blind);
            name.show(&format!("{whole}: {}", lane.name));
        }
    }
}

impl Chosen {
    fn show(&self, scene: &Scene) {
        if let Some((line, record)) = &scene.chosen {
            self.at.show(&line.at);
            self.words.show(&line.words);
            self.record.0.show(record.as_deref().unwrap_or_default());
        }
        let record = scene.chosen.as_ref().map(|(_, record)| record.is_some());
        self.none.show(record.is_none());
        self.told.show(record.is_some());
        self.no_record.show(record == Some(false));
        self.record.1.show(record == Some(true));
    }
}
