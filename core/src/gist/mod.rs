//! The lock in a GitHub Gist. `gist-lock` in the architecture notes states its rules; each file here owns some of them.

mod settings;

pub use settings::{Settings, SettingsError};
