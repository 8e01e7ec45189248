//! The picture in the document. Plain writes to the document: a frame touches what is new in the picture and nothing else.

use std::collections::VecDeque;

use web_sys::Element;

use super::engine::Engine;
use super::picture::{Picture, Room, Slice, names};
use crate::dom::{set, svg};
use crate::words::Tenths;

/// The picture, with the groups that its slices are shown in.
#[derive(Default)]
pub(super) struct Drawing {
    picture: Option<Picture>,
    layers: Option<Layers>,
    groups: VecDeque<[Element; 3]>,
}

struct Layers {
    /// Bars, messages and ticks hold a group a slice.
    slices: [Element; 3],
    moved: [Element; 2],
    over: Element,
    names: Element,
    frames: [Element; 2],
}

impl Layers {
    fn of(area: &Element) -> Option<Self> {
        let find = |selector| area.query_selector(selector).ok().flatten();
        let (run, ticks) = (find("#run")?, find(".ticks")?);
        let (moved, marks) = (find("#run .moved")?, find(".ticks .moved")?);
        Some(Self {
            slices: [find(".bars")?, find(".messages")?, marks.clone()],
            moved: [moved, marks],
            over: find(".over")?,
            names: find(".names")?,
            frames: [run, ticks],
        })
    }
}

impl Drawing {
    /// What was drawn belongs to another run, or to later.
    pub(super) fn forget(&mut self) {
        self.picture = None;
    }

    /// Shows a run as it is now.
    pub(super) fn draw(&mut self, area: &Element, engine: &Engine, room: Room, chosen: Option<u64>) {
        if self.layers.is_none() {
            self.layers = Layers::of(area);
        }
        let Some(layers) = &self.layers else { return };
        let is_new = self.picture.as_ref().is_none_or(|picture| picture.room() != room);
        if is_new {
            for layer in &layers.slices {
                layer.set_inner_html("");
            }
            self.groups.clear();
            layers.names.set_inner_html(&names(engine, &room));
            for frame in &layers.frames {
                set(frame, "width", &Tenths(room.width).to_string());
            }
            set(&layers.frames[0], "height", &Tenths(room.height()).to_string());
            self.picture = None;
        }
        let picture = self.picture.get_or_insert_with(|| Picture::new(room));
        let frame = picture.draw(engine, chosen);
        for group in self.groups.drain(..frame.gone.min(self.groups.len())).flatten() {
            group.remove();
        }
        for (index, slice) in picture.slices().iter().enumerate().skip(frame.anew) {
            if index == self.groups.len() {
                let left = format!("translate({} 0)", Tenths(picture.left(slice)));
                let [bars, messages, ticks] = layers.slices.each_ref().map(|layer| group(layer, &left));
                let (Some(bars), Some(messages), Some(ticks)) = (bars, messages, ticks) else { return };
                self.groups.push_back([bars, messages, ticks]);
            }
            show(&self.groups[index], slice);
        }
        for moved in &layers.moved {
            set(moved, "transform", &frame.moved);
        }
        layers.over.set_inner_html(&frame.over);
    }
}

/// A new group in a layer.
fn group(layer: &Element, left: &str) -> Option<Element> {
    let group = svg("g")?;
    set(&group, "transform", left);
    layer.append_child(&group).ok()?;
    Some(group)
}

fn show([bars, messages, ticks]: &[Element; 3], slice: &Slice) {
    bars.set_inner_html(&slice.below);
    messages.set_inner_html(&slice.above);
    ticks.set_inner_html(&slice.ticks);
}
