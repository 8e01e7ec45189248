//! Where to look: gist, token, file, API.

use std::cell::RefCell;

use reactive_graph::owner::{LocalStorage, StoredValue};
use reactive_graph::traits::{WithUntracked, WithValue};
use web_sys::{Element, HtmlInputElement};

use super::{Parts, Shared, State};
use crate::browser;
use crate::dom::{Live, Slot, add, find, on, set, template, text};
use crate::place::Place;

/// The fields. A token is kept for its origin and this tab, and then leaves the field.
pub(super) struct Form {
    gist: HtmlInputElement,
    token: HtmlInputElement,
    file: HtmlInputElement,
    api: HtmlInputElement,
    remember: HtmlInputElement,
    placeholder: Live,
    /// Who gets the token, where that is not the usual API.
    token_for: Live,
    forget: Slot,
    stop: Slot,
    mistakes: Slot,
    mistake: Element,
    mistaken: RefCell<Vec<String>>,
    is_wall: bool,
}

impl Form {
    pub(super) fn new(tab: &Element, place: &Place, is_remembered: bool, is_wall: bool) -> Self {
        let form = Self {
            gist: find(tab, "#gist"),
            token: find(tab, "#token"),
            file: find(tab, "#file"),
            api: find(tab, "#api"),
            remember: find(tab, "#remember"),
            placeholder: Live::attribute(tab, "#token", "placeholder"),
            token_for: Live::text(tab, "#token-for"),
            forget: Slot::of(tab, "#forget"),
            stop: Slot::of(tab, "#stop"),
            mistakes: Slot::of(tab, ".mistakes"),
            mistake: template(tab, "#mistake"),
            mistaken: RefCell::default(),
            is_wall,
        };
        form.gist.set_value(&place.gist);
        form.file.set_value(&place.file);
        form.api.set_value(&place.api);
        form.remember.set_checked(is_remembered);
        if place.foreign().is_some() {
            // A link can name any API: nobody is to type a token without seeing which.
            set(&find(tab, "details"), "open", "");
        }
        form
    }

    pub(super) fn show(&self, state: &State) {
        self.show_kept();
        self.stop.show(state.is_running);
        self.mistakes.show(!state.mistakes.is_empty());
        if *self.mistaken.borrow() != state.mistakes {
            let list = find::<Element>(self.mistakes.element(), "ul");
            text(&list, "");
            for words in &state.mistakes {
                text(&add(&list, &self.mistake), words);
            }
            self.mistaken.replace(state.mistakes.clone());
        }
    }

    fn place(&self) -> Place {
        Place::typed(&self.gist.value(), &self.file.value(), &self.api.value())
    }

    /// Whom a token is for, and whether one is kept for what is typed.
    fn show_kept(&self) {
        let place = self.place();
        self.token_for.show(&place.foreign().map(|host| format!(" for {host}")).unwrap_or_default());
        let has_kept = place.origin().is_some_and(|origin| browser::token(&origin).is_some());
        self.placeholder.show(if has_kept { "kept for this tab" } else { "" });
        self.forget.show(has_kept);
    }

    fn submit(&self, shared: Shared) {
        let place = self.place();
        let typed = self.token.value().trim().to_owned();
        let origin = place.origin().unwrap_or_default();
        let used = if typed.is_empty() { browser::token(&origin) } else { Some(typed.clone()) };
        shared.begin(&place, used);
        if !shared.0.with_untracked(|state| state.mistakes.is_empty()) {
            return;
        }
        if !typed.is_empty() {
            browser::keep_token(&origin, Some(&typed));
            self.token.set_value("");
        }
        self.gist.set_value(&place.gist);
        self.file.set_value(&place.file);
        self.api.set_value(&place.api);
        let fragment = place.fragment();
        browser::remember(self.remember.checked().then_some(fragment.as_str()));
        browser::set_fragment(&if self.is_wall { format!("{fragment}&wall") } else { fragment });
    }

    fn forget(&self, shared: Shared) {
        let place = self.place();
        browser::keep_token(&place.origin().unwrap_or_default(), None);
        self.show_kept();
        if shared.0.with_untracked(|state| state.is_running) {
            shared.begin(&place, None);
        }
    }
}

/// What the form's fields and buttons do.
pub(super) fn listen(tab: &Element, shared: Shared, parts: StoredValue<Parts, LocalStorage>) {
    let form = move |act: fn(&Form, Shared)| {
        // The tab may have gone.
        let _ = parts.try_with_value(|parts| act(&parts.form, shared));
    };
    let element = find::<Element>(tab, "form");
    on(&element, "submit", move |event| {
        event.prevent_default();
        form(Form::submit);
    });
    on(&element, "input", move |_| form(|form, _| form.show_kept()));
    let _ = parts.try_with_value(|parts| {
        on(parts.form.forget.element(), "click", move |_| form(Form::forget));
        on(parts.form.stop.element(), "click", move |_| shared.stop());
    });
}
