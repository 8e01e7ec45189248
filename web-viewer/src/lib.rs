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
#[expect(unreachable_pub, reason = "what the component macro writes is pub")]
mod app;
#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
#[expect(unreachable_pub, reason = "what the component macro writes is pub")]
mod viewer;

/// Shows the page in the document.
#[cfg(target_arch = "wasm32")]
pub fn show() {
    if let Some(before) = leptos::prelude::document().get_element_by_id("before") {
        before.remove();
    }
    leptos::mount::mount_to_body(app::App);
}
