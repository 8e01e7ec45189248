//! The page: who leads, for how much longer, and since when; and a playground on the real rules.
//!
//! Whatever decides or computes is plain code in modules without a browser, built and tested on any machine. The
//! modules that draw and fetch are built for wasm alone.

pub mod answer;
pub mod place;
pub mod plan;
pub mod playground;
pub mod timeline;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod dom;
#[cfg(target_arch = "wasm32")]
mod viewer;

/// Shows the page in the document.
#[cfg(target_arch = "wasm32")]
pub fn show() {
    if let Some(before) = browser::document().get_element_by_id("before") {
        before.remove();
    }
    app::show();
}
