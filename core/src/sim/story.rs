//! What happened, as a person can read it.

use std::collections::VecDeque;
use std::fmt;

use super::clock::Moment;

/// Lines that are kept: the newest.
const LONGEST: usize = 600;

/// The newest lines of a world's history. Nothing is written down unless somebody wants to read it.
#[derive(Clone, Debug, Default)]
pub struct Story {
    is_told: bool,
    lines: VecDeque<String>,
}

impl Story {
    pub(super) fn told(is_told: bool) -> Self {
        Self { is_told, lines: VecDeque::new() }
    }

    /// Adds a line. Its words are made only if they are wanted; a page draws what happens, and need not load them.
    pub(super) fn tell(&mut self, at: Moment, who: &str, words: impl FnOnce() -> String) {
        if self.is_told && !cfg!(target_arch = "wasm32") {
            if self.lines.len() == LONGEST {
                self.lines.pop_front();
            }
            self.lines.push_back(format!("{at:>10}  {who:<12} {}", words()));
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
