//! The playground: candidates on the real rules against the real emulator, in virtual time and without a network.
//!
//! The [`engine`] plays a [`link`] forward and back and knows of no browser; [`story`] has six prepared ones;
//! [`scene`] and [`picture`] are what the page shows of it.

pub mod act;
#[cfg(target_arch = "wasm32")]
mod board;
#[cfg(target_arch = "wasm32")]
mod drawing;
pub mod engine;
pub mod link;
pub mod picture;
pub mod scene;
pub mod story;
#[cfg(target_arch = "wasm32")]
mod table;
#[cfg(target_arch = "wasm32")]
mod tools;
pub mod trace;
pub mod words;

/// The tab in an element, for as long as its owner lives.
#[cfg(target_arch = "wasm32")]
pub(crate) fn begin(tab: &web_sys::Element) {
    tab.set_inner_html(include_str!("playground.html"));
    // Our own first story can be played.
    let _ = table::Held::new(tab, crate::dom::find(tab, "#picture"));
}
