//! What happened, as a person can read it.

use std::fmt;

use super::clock::Moment;

/// A world's history, line by line. Nothing is written down unless somebody wants to read it.
#[derive(Clone, Debug, Default)]
pub struct Story {
    is_told: bool,
    lines: Vec<String>,
}

impl Story {
    pub(super) fn told(is_told: bool) -> Self {
        Self { is_told, lines: Vec::new() }
    }

    /// Adds a line. Its words are made only if they are wanted; a page draws what happens, and need not load them.
    pub(super) fn tell(&mut self, at: Moment, who: &str, words: impl FnOnce() -> String) {
        if self.is_told && !cfg!(target_arch = "wasm32") {
            self.lines.push(format!("{at:>10}  {who:<12} {}", words()));
        }
    }

    /// The last `count` lines.
    #[must_use]
    pub fn end(&self, count: usize) -> String {
        let skipped = self.lines.len().saturating_sub(count);
        self.lines.iter().skip(skipped).flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.end(self.lines.len()))
    }
}
