//! Standard input, line by line.

use std::future::pending;

use wasip2::cli::stdin::get_stdin;
use wasip2::io::streams::InputStream;
use wstd::runtime::AsyncPollable;

/// Longer than any line that means something.
const LONGEST_LINE: usize = 4096;

/// What is read and not yet given out; dropping a future of [`Stdin::word`] loses nothing.
#[derive(Debug)]
pub(crate) struct Stdin {
    stream: InputStream,
    buffer: Vec<u8>,
    stops_at_end: bool,
    ended: bool,
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// An orderly end.
    Stop,
    /// Whoever acts on the events has stopped its work.
    Stopped,
    /// The input has ended, which asks for an orderly end and says that the work is over.
    End,
}

impl Stdin {
    /// `stops_at_end`: the end of the input is a word as well.
    pub(crate) fn new(stops_at_end: bool) -> Self {
        Self { stream: get_stdin(), buffer: Vec::new(), stops_at_end, ended: false }
    }

    /// The next word that means something; for ever, if there is none.
    pub(crate) async fn word(&mut self) -> Word {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                match line.trim_ascii() {
                    b"stop" => return Word::Stop,
                    b"stopped" => return Word::Stopped,
                    b"" => {}
                    other => {
                        tracing::warn!("standard input says `{}`: allowed are stop and stopped", other.escape_ascii());
                    }
                }
            }
            if self.ended {
                pending::<()>().await;
            }
            self.buffer.truncate(LONGEST_LINE);
            AsyncPollable::new(self.stream.subscribe()).wait_for().await;
            if let Ok(bytes) = self.stream.read(LONGEST_LINE as u64) {
                self.buffer.extend(bytes);
            } else {
                self.ended = true;
                if self.stops_at_end {
                    return Word::End;
                }
            }
        }
    }
}
