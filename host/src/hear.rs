//! What a host is told on standard input: a word a line.

/// Longer than any line that means something.
pub const LONGEST_LINE: usize = 4096;

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// An orderly end.
    Stop,
    /// Whoever acts on the events has stopped its work.
    Stopped,
    /// The input has ended, which asks for an orderly end and says that the work is over.
    End,
}

impl Word {
    /// The word in a line.
    #[must_use]
    pub fn of(line: &[u8]) -> Option<Self> {
        match line.trim_ascii() {
            b"stop" => Some(Self::Stop),
            b"stopped" => Some(Self::Stopped),
            _ => None,
        }
    }
}

/// Bytes that came and were not yet understood.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// More of them. What is left of a line that is too long means nothing.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.truncate(LONGEST_LINE);
        self.0.extend(bytes);
    }

    /// The next word that means something, of the lines that are whole.
    pub fn word(&mut self) -> Option<Word> {
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            let word = Word::of(&line);
            if word.is_some() {
                return word;
            }
            let line = line.trim_ascii();
            if !line.is_empty() {
                tracing::warn!("standard input says `{}`: allowed are stop and stopped", line.escape_ascii());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(pieces: &[&[u8]]) -> Vec<Word> {
        let mut lines = Lines::default();
        let mut words = Vec::new();
        for piece in pieces {
            lines.push(piece);
            words.extend(std::iter::from_fn(|| lines.word()));
        }
        words
    }

    #[test]
    fn a_word_is_a_line_however_it_comes() {
        assert_eq!(heard(&[b"stopped\nstop\n"]), [Word::Stopped, Word::Stop]);
        assert_eq!(heard(&[b"st", b"op", b"\r\n"]), [Word::Stop]);
        assert_eq!(heard(&[b"  stop \n\n"]), [Word::Stop]);
        assert_eq!(heard(&[b"stop"]), [], "the line is not whole");
    }

    #[test]
    fn what_means_nothing_costs_no_memory() {
        assert_eq!(heard(&[b"halt\n\xff\xfe\nSTOP\nstop now\nstop\n"]), [Word::Stop]);
        let mut lines = Lines::default();
        for _ in 0..1000 {
            lines.push(&[b'x'; LONGEST_LINE]);
        }
        assert!(lines.0.len() <= 2 * LONGEST_LINE, "{}", lines.0.len());
        lines.push(b"\nstop\n");
        assert_eq!(lines.word(), Some(Word::Stop));
    }
}
