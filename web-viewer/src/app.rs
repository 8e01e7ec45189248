//! The frame of the page: two tabs, one of which is shown. The fragment says which.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use any_spawner::Executor;
use reactive_graph::owner::Owner;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HashChangeEvent, KeyboardEvent};

use crate::browser::{self, document, window};
use crate::dom::{Live, Slot, find, on, text};
use crate::playground::link::Link;
use crate::{playground, viewer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Viewer,
    Playground,
}

impl Tab {
    const ALL: [Self; 2] = [Self::Viewer, Self::Playground];

    /// The tab that the page's fragment belongs to.
    fn asked() -> Self {
        let fragment = browser::fragment();
        if Link::is_ours(fragment.trim_start_matches('#')) { Self::Playground } else { Self::Viewer }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Viewer => "tab-viewer",
            Self::Playground => "tab-playground",
        }
    }
}

/// The page's frame.
struct Frame {
    /// For each tab its place, and its button: whether it is chosen, and whether the Tab key reaches it.
    panels: [Slot; 2],
    buttons: [(Live, Live); 2],
    shown: Cell<Tab>,
    /// Owns what the shown tab holds.
    owner: RefCell<Option<Owner>>,
    /// Each tab has a fragment of its own: what is done in one loses nothing of the other.
    fragments: RefCell<[String; 2]>,
}

/// Shows the page in the document, for as long as that lives.
pub(crate) fn show() {
    // What is said without an executor is that there is one already.
    let _ = Executor::init_wasm_bindgen();
    let Some(body) = document().body() else { return };
    // It fails for places that an element does not have.
    let _ = body.insert_adjacent_html("beforeend", include_str!("app.html"));
    let button = |tab: Tab| {
        let button = find::<Element>(&body, &format!("#{}", tab.id()));
        (Live::of(button.clone(), "aria-selected"), Live::of(button, "tabindex"))
    };
    let frame = Rc::new(Frame {
        panels: ["#viewer", "#playground"].map(|panel| Slot::of(&body, panel)),
        buttons: Tab::ALL.map(button),
        shown: Cell::new(Tab::asked()),
        owner: RefCell::new(None),
        fragments: RefCell::new([String::new(), "story=elect".to_owned()]),
    });
    for (tab, (button, _)) in Tab::ALL.into_iter().zip(&frame.buttons) {
        let frame = Rc::clone(&frame);
        on(button.element(), "click", move |_| frame.choose(tab));
    }
    let of = Rc::clone(&frame);
    on(&find::<Element>(&body, "[role=tablist]"), "keydown", move |event: Event| {
        if matches!(event.unchecked_ref::<KeyboardEvent>().key().as_str(), "ArrowLeft" | "ArrowRight") {
            let other = if of.shown.get() == Tab::Viewer { Tab::Playground } else { Tab::Viewer };
            of.choose(other);
            browser::focus(other.id());
        }
    });
    // A link that is pasted into an open page.
    let of = Rc::clone(&frame);
    on(&window(), "hashchange", move |event: Event| {
        let asked = Tab::asked();
        let is_other = of.shown.get() != asked;
        if is_other {
            let left = event.unchecked_ref::<HashChangeEvent>().old_url();
            of.leave(left.split_once('#').map_or("", |(_, fragment)| fragment));
        }
        // The playground listens itself; the viewer begins anew, and finds what it knew.
        if is_other || asked == Tab::Viewer {
            of.show(asked);
        }
    });
    frame.show(frame.shown.get());
}

impl Frame {
    fn leave(&self, fragment: &str) {
        fragment.trim_start_matches('#').clone_into(&mut self.fragments.borrow_mut()[self.shown.get() as usize]);
    }

    fn choose(&self, to: Tab) {
        if self.shown.get() != to {
            self.leave(&browser::fragment());
            browser::set_fragment(&self.fragments.borrow()[to as usize]);
            self.show(to);
        }
    }

    /// Ends what the shown tab holds, and begins another.
    fn show(&self, tab: Tab) {
        if let Some(owner) = self.owner.take() {
            owner.cleanup();
        }
        self.shown.set(tab);
        for (of, panel) in Tab::ALL.into_iter().zip(&self.panels) {
            text(panel.element(), "");
            panel.show(of == tab);
        }
        for (of, (is_chosen, is_reached)) in Tab::ALL.into_iter().zip(&self.buttons) {
            is_chosen.is(of == tab);
            is_reached.show(if of == tab { "0" } else { "-1" });
        }
        let owner = Owner::new();
        let panel = self.panels[tab as usize].element();
        owner.with(|| match tab {
            Tab::Viewer => viewer::begin(panel),
            Tab::Playground => playground::begin(panel),
        });
        self.owner.replace(Some(owner));
    }
}
