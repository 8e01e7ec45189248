//! The viewer: a gist is named, and the page shows who leads, for how much longer, and since when.
//!
//! All that the tab knows is one [`State`] in one signal. An effect shows it as a whole: what did not change is not
//! touched.

mod drive;
mod form;
mod history;
mod known;
mod leader;

use std::time::Duration;

use any_spawner::Executor;
use reactive_graph::effect::Effect;
use reactive_graph::owner::{Owner, StoredValue};
use reactive_graph::signal::RwSignal;
use reactive_graph::traits::{Update, With, WithUntracked, WithValue};
use web_sys::Element;

use self::drive::Drive;
use self::form::Form;
use self::history::History;
use self::known::Known;
use self::leader::Leader;
use crate::browser;
use crate::dom::{Slot, find, set};
use crate::place::{Place, is_wall};

/// The clock moves so often.
const TICK: Duration = Duration::from_millis(250);

/// What the tab knows.
struct State {
    known: Known,
    /// Which reading is wanted: another number ends the one that runs. 0: none yet.
    reading: u32,
    is_running: bool,
    mistakes: Vec<String>,
    /// Moves four times a second while somebody looks.
    now: leader_elector_core::Now,
    /// The token of the term that is pointed at.
    chosen: Option<u64>,
    /// The list shows every term.
    shows_all: bool,
}

impl State {
    fn new(known: Known, reading: u32) -> Self {
        let is_running = reading > 0;
        let now = browser::now();
        Self { known, reading, is_running, mistakes: Vec::new(), now, chosen: None, shows_all: false }
    }
}

/// The tab's state, for whoever changes it.
#[derive(Clone, Copy)]
struct Shared(RwSignal<State>);

impl Shared {
    /// Begins to look at a place, and stops looking at any other.
    fn begin(self, place: &Place, token: Option<String>) {
        match place.settings(token.as_deref()) {
            Err(mistakes) => self.change(|state| state.mistakes = mistakes),
            Ok(settings) => {
                self.leave();
                let known = Known::of(place, token);
                self.change(|state| *state = State::new(known, state.reading + 1));
                let reading = self.0.with_untracked(|state| state.reading);
                Executor::spawn_local(Drive::new(self, reading, settings).run());
            }
        }
    }

    /// Keeps what is known, for those who come back.
    fn leave(self) {
        self.change(|state| std::mem::take(&mut state.known).keep());
    }

    fn stop(self) {
        self.change(|state| {
            state.reading += 1;
            state.is_running = false;
        });
    }

    /// Changes the state, and has it shown. After the tab has gone nothing is changed.
    fn change<'a>(self, change: impl FnOnce(&mut State) + 'a) {
        self.changed(Box::new(change));
    }

    /// One for all changes: what is generic is made anew for each.
    fn changed(self, change: Box<dyn FnOnce(&mut State) + '_>) {
        let _ = self.0.try_update(change);
    }
}

/// What the tab shows it in.
struct Parts {
    form: Form,
    leader: Leader,
    history: History,
    /// What is there before a gist was named.
    welcome: Slot,
    looking: Slot,
}

impl Parts {
    fn show(&self, state: &State) {
        self.form.show(state);
        self.welcome.show(!state.is_running);
        self.looking.show(state.is_running);
        if state.is_running {
            self.leader.show(state);
            self.history.show(state);
        }
    }
}

/// The tab in an element, for as long as its owner lives.
pub(crate) fn begin(tab: &Element) {
    tab.set_inner_html(include_str!("viewer.html"));
    let shared = Shared(RwSignal::new(State::new(Known::default(), 0)));
    let fragment = browser::fragment();
    let place = Place::of_fragment(&fragment);
    let remembered = browser::remembered().and_then(|link| Place::of_fragment(&link));
    let is_wall = is_wall(&fragment);
    // A screen on the wall has nobody who presses a button.
    let place = place.or_else(|| remembered.clone().filter(|_| is_wall));
    let shown = place.as_ref().or(remembered.as_ref()).cloned().unwrap_or_default();
    let parts = Parts {
        form: Form::new(tab, &shown, remembered.is_some(), is_wall),
        leader: Leader::new(tab),
        history: History::new(tab),
        welcome: Slot::of(tab, ".welcome"),
        looking: Slot::of(tab, "#looking"),
    };
    // In the owner's keeping: what an element's listener held would hold the element.
    let parts = StoredValue::new_local(parts);
    form::listen(tab, shared, parts);
    history::listen(shared, parts);
    if is_wall {
        set(&find::<Element>(tab, ".viewer"), "class", "viewer wall");
    }
    if let Some(place) = &place {
        let token = place.origin().and_then(|origin| browser::token(&origin));
        shared.begin(place, token);
    }
    Effect::new(move |_| {
        let _ = parts.try_with_value(|parts| shared.0.with(|state| parts.show(state)));
    });
    Owner::on_cleanup(move || shared.leave());
    // It ends with the owner. Nothing here clears a timer when it is dropped: a document that has gone is swept away in
    // the same process as the next one, and would clear a timer of that.
    Executor::spawn_local(async move {
        while shared.0.try_with_untracked(|_| ()).is_some() {
            if !browser::is_hidden() {
                shared.change(|state| state.now = browser::now());
            }
            browser::sleep(TICK).await;
        }
    });
}
