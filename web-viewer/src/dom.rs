//! Markup, and what moves in it. The markup of a tab is an HTML file beside its code; here is what finds elements in it,
//! fills them and listens to them.
//!
//! By hand, and not by Leptos' `view!`, which writes a program for each element: 94 KB of what every reader fetches.
//! Other people's texts only ever become text: nothing here takes markup that was not written by us.

use std::cell::{Cell, RefCell};

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Comment, Element, Event, EventTarget, HtmlTemplateElement, Node};

use crate::browser::{document, window};

/// The first element of a part that a selector names.
///
/// # Panics
/// Where the markup has none: the two are written side by side.
pub(crate) fn find<E: JsCast>(part: &Element, selector: &str) -> E {
    found(part, selector).unchecked_into()
}

fn found(part: &Element, selector: &str) -> Element {
    part.query_selector(selector).ok().flatten().expect("the markup has what its code names")
}

/// The one element that a `<template>` of a part holds, to be made many of.
///
/// # Panics
/// As [`find`].
pub(crate) fn template(part: &Element, selector: &str) -> Element {
    let content = find::<HtmlTemplateElement>(part, selector).content();
    content.first_element_child().expect("the markup has what its code names")
}

/// Another of the same, at the end of an element.
pub(crate) fn add(to: &Element, template: &Element) -> Element {
    let copy = copy(template);
    // It fails for an element inside itself.
    let _ = to.append_child(&copy);
    copy
}

/// Another of the same, before an element.
pub(crate) fn before(element: &Element, template: &Element) -> Element {
    let copy = copy(template);
    // It fails for a document that is no tree.
    let _ = element.before_with_node_1(&copy);
    copy
}

fn copy(template: &Element) -> Element {
    template.clone_node_with_deep(true).expect("every element can be copied").unchecked_into()
}

/// Sets an element's text.
pub(crate) fn text(element: &Element, text: &str) {
    element.set_text_content(Some(text));
}

/// Sets an attribute.
pub(crate) fn set(element: &Element, name: &str, value: &str) {
    // It fails for names that no attribute may have.
    let _ = element.set_attribute(name, value);
}

/// An element of SVG.
pub(crate) fn svg(name: &str) -> Option<Element> {
    document().create_element_ns(Some("http://www.w3.org/2000/svg"), name).ok()
}

/// Listens for as long as the element lives. The browser drops the listener with it.
pub(crate) fn on(element: &EventTarget, event: &str, heard: impl Fn(Event) + 'static) {
    listen(element, event, Box::new(heard));
}

/// One for all listeners: what is generic is made anew for each.
fn listen(element: &EventTarget, event: &str, heard: Box<dyn Fn(Event)>) {
    let heard = Closure::wrap(heard).into_js_value();
    // It fails for what is no function.
    let _ = element.add_event_listener_with_callback(event, heard.unchecked_ref());
}

/// Runs something before the next frame is drawn.
pub(crate) fn next_frame(act: impl FnOnce() + 'static) {
    // It fails for what is no function.
    let _ = window().request_animation_frame(Closure::once_into_js(act).unchecked_ref());
}

/// Listens at the window until it is dropped.
pub(crate) struct AtWindow {
    event: &'static str,
    heard: Closure<dyn Fn(Event)>,
}

impl AtWindow {
    pub(crate) fn new(event: &'static str, heard: impl Fn(Event) + 'static) -> Self {
        let heard = Closure::wrap(Box::new(heard) as Box<dyn Fn(Event)>);
        // It fails for what is no function.
        let _ = window().add_event_listener_with_callback(event, heard.as_ref().unchecked_ref());
        Self { event, heard }
    }
}

impl Drop for AtWindow {
    fn drop(&mut self) {
        // As above.
        let _ = window().remove_event_listener_with_callback(self.event, self.heard.as_ref().unchecked_ref());
    }
}

/// Something in the document that shows data. What it shows is remembered: the same once more touches nothing, so that
/// neither a screen reader nor the browser's layout is troubled.
pub(crate) struct Live {
    element: Element,
    /// `None`: the text.
    attribute: Option<&'static str>,
    shown: RefCell<Option<String>>,
}

impl Live {
    /// The text of an element.
    pub(crate) fn text(part: &Element, selector: &str) -> Self {
        Self::of_text(found(part, selector))
    }

    /// An attribute.
    pub(crate) fn attribute(part: &Element, selector: &str, name: &'static str) -> Self {
        Self::of(found(part, selector), name)
    }

    /// An attribute of this element.
    pub(crate) const fn of(element: Element, name: &'static str) -> Self {
        Self { element, attribute: Some(name), shown: RefCell::new(None) }
    }

    /// The text of this element.
    pub(crate) const fn of_text(element: Element) -> Self {
        Self { element, attribute: None, shown: RefCell::new(None) }
    }

    /// The element.
    pub(crate) const fn element(&self) -> &Element {
        &self.element
    }

    /// Shows a text.
    pub(crate) fn show(&self, text: &str) {
        if self.shown.borrow().as_deref() == Some(text) {
            return;
        }
        match self.attribute {
            Some(name) => set(&self.element, name, text),
            None => self::text(&self.element, text),
        }
        self.shown.replace(Some(text.to_owned()));
    }

    /// Shows whether something is so.
    pub(crate) fn is(&self, so: bool) {
        self.show(if so { "true" } else { "false" });
    }

    /// Has the attribute, or has it not: `hidden`, `disabled`.
    pub(crate) fn has(&self, so: bool) {
        if so {
            self.show("");
        } else if self.shown.borrow_mut().take().is_some()
            && let Some(name) = self.attribute
        {
            // It fails for names that no attribute may have.
            let _ = self.element.remove_attribute(name);
        }
    }
}

/// An element that is in the document only while there is something to say: an alert speaks when it is put in.
pub(crate) struct Slot {
    element: Element,
    place: Comment,
    is_in: Cell<bool>,
}

impl Slot {
    /// Takes the element out of the document.
    pub(crate) fn of(part: &Element, selector: &str) -> Self {
        let element = found(part, selector);
        let place = document().create_comment("");
        // It fails for a document that is no tree.
        let _ = element.replace_with_with_node_1(place.unchecked_ref::<Node>());
        Self { element, place, is_in: Cell::new(false) }
    }

    /// The element, in the document or not.
    pub(crate) const fn element(&self) -> &Element {
        &self.element
    }

    /// Puts it in, or takes it out.
    pub(crate) fn show(&self, is_in: bool) {
        if self.is_in.replace(is_in) == is_in {
            return;
        }
        if is_in {
            // As above.
            let _ = self.place.before_with_node_1(&self.element);
        } else {
            self.element.remove();
        }
    }
}
