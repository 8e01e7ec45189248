//! Standard input, as a component has it.

use std::future::pending;

use leader_elector_host::hear::{LONGEST_LINE, Lines, Word};
use wasip2::cli::stdin::get_stdin;
use wasip2::io::streams::InputStream;
use wstd::runtime::AsyncPollable;

/// What is read and not yet given out; dropping a future of [`Stdin::word`] loses nothing.
#[derive(Debug)]
pub(crate) struct Stdin {
    stream: InputStream,
    lines: Lines,
    stops_at_end: bool,
    ended: bool,
}

impl Stdin {
    /// `stops_at_end`: the end of the input is a word as well.
    pub(crate) fn new(stops_at_end: bool) -> Self {
        Self { stream: get_stdin(), lines: Lines::default(), stops_at_end, ended: false }
    }

    /// The next word that means something; for ever, if there is none.
    pub(crate) async fn word(&mut self) -> Word {
        loop {
            if let Some(word) = self.lines.word() {
                return word;
            }
            if self.ended {
                pending::<()>().await;
            }
            AsyncPollable::new(self.stream.subscribe()).wait_for().await;
            if let Ok(bytes) = self.stream.read(LONGEST_LINE as u64) {
                self.lines.push(&bytes);
            } else {
                self.ended = true;
                if self.stops_at_end {
                    return Word::End;
                }
            }
        }
    }
}
