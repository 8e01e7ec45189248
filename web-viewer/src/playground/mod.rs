//! The playground: candidates on the real rules against the real emulator, in virtual time and without a network.
//!
//! The [`engine`] plays a [`link`] forward and back and knows of no browser; [`story`] has six prepared ones;
//! [`scene`] and [`picture`] are what the page shows of it.

pub mod act;
#[cfg(target_arch = "wasm32")]
mod drawing;
pub mod engine;
pub mod link;
pub mod picture;
pub mod scene;
pub mod story;
pub mod trace;
#[cfg(target_arch = "wasm32")]
#[expect(unreachable_pub, reason = "what the component macro writes is pub")]
mod view;
pub mod words;

#[cfg(target_arch = "wasm32")]
pub(crate) use view::Playground;
