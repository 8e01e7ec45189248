//! The viewer: a gist is named, and the page shows who leads, for how much longer, and since when.

mod drive;
mod form;
mod history;
mod leader;

use leptos::prelude::*;
use leptos::task::spawn_local;

use self::drive::{Drive, Known};
use self::form::Form;
use self::history::History;
use self::leader::Leader;
use crate::browser;
use crate::place::{Place, is_wall};

/// What the parts of the tab share.
#[derive(Clone, Copy)]
struct Shared {
    known: RwSignal<Known>,
    wanted: RwSignal<u32>,
    /// Moves four times a second while somebody looks.
    clock: RwSignal<leader_elector_core::Now>,
    running: RwSignal<bool>,
    mistakes: RwSignal<Vec<String>>,
}

impl Shared {
    /// Begins to look at a place, and stops looking at any other.
    fn begin(self, place: &Place, token: Option<String>) {
        match place.settings(token.as_deref()) {
            Err(mistakes) => self.mistakes.set(mistakes),
            Ok(settings) => {
                self.mistakes.set(Vec::new());
                self.wanted.update(|wanted| *wanted += 1);
                self.known.set(Known { place: place.clone(), has_token: token.is_some(), ..Known::default() });
                self.running.set(true);
                let drive = Drive::new(self.known, self.wanted, self.wanted.get_untracked(), settings, token);
                spawn_local(drive.run());
            }
        }
    }

    fn stop(self) {
        self.wanted.update(|wanted| *wanted += 1);
        self.running.set(false);
    }
}

/// The first tab.
#[component]
pub(crate) fn Viewer() -> impl IntoView {
    let shared = Shared {
        known: RwSignal::new(Known::default()),
        wanted: RwSignal::new(0),
        clock: RwSignal::new(browser::now()),
        running: RwSignal::new(false),
        mistakes: RwSignal::new(Vec::new()),
    };
    let fragment = browser::fragment();
    let place = Place::of_fragment(&fragment);
    let remembered = browser::remembered().and_then(|link| Place::of_fragment(&link));
    let wall = RwSignal::new(is_wall(&fragment));
    // The interval ends with the tab's component.
    let ticking = set_interval_with_handle(
        move || {
            if !browser::is_hidden() {
                shared.clock.set(browser::now());
            }
        },
        std::time::Duration::from_millis(250),
    );
    on_cleanup(move || {
        shared.wanted.try_update(|wanted| *wanted += 1);
        if let Ok(ticking) = ticking {
            ticking.clear();
        }
    });
    if let Some(place) = &place {
        let token = place.origin().and_then(|origin| browser::token(&origin));
        shared.begin(place, token);
    }
    let shown = place.or_else(|| remembered.clone()).unwrap_or_default();
    let is_remembered = remembered.is_some();
    view! {
        <div class="viewer" class:wall=move || wall.get()>
            <Form shared place=shown remembered=is_remembered wall/>
            <Show when=move || shared.running.get() fallback=move || view! { <Welcome/> }>
                <Leader shared/>
                <History shared/>
            </Show>
        </div>
    }
}

/// What is there before a gist was named.
#[component]
fn Welcome() -> impl IntoView {
    view! {
        <div class="welcome card">
            <h2>"Who leads?"</h2>
            <p>
                "Name the gist that holds the lock. The page reads it as a candidate would, from this browser and "
                "nowhere else, and counts the lease from what it sees itself."
            </p>
            <p class="muted">
                "A secret gist can be read by anyone who knows its id. A token is not needed; without one GitHub allows "
                "60 reads an hour, so the page reads once a minute."
            </p>
        </div>
    }
}
