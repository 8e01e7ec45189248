//! `--events json`: programs are told on standard output, and say on standard input when their work has stopped.

use std::io::{BufRead, stdin};

use leader_elector::clock;
use leader_elector::drive::Happened;
use leader_elector_core::{Clock, View};
use leader_elector_host::Teller;
use leader_elector_host::hear::Word;
use tokio::sync::mpsc;

use crate::cli::EventsFormat;
use crate::workload::Answer;

/// Writes the events, if somebody wants them.
pub(crate) struct Telling {
    teller: Option<Teller>,
    deaf: mpsc::Sender<anyhow::Error>,
}

impl Telling {
    /// The other end hears of it when standard output is closed.
    pub(crate) fn new(events: Option<EventsFormat>, name: &str) -> (Self, mpsc::Receiver<anyhow::Error>) {
        let (deaf, gone) = mpsc::channel(1);
        let teller = events.map(|EventsFormat::Json| Teller::new(name, Clock::Boot));
        (Self { teller, deaf }, gone)
    }

    /// Whether somebody acts on what is told.
    pub(crate) const fn is_on(&self) -> bool {
        self.teller.is_some()
    }

    pub(crate) fn tell(&self, happened: Happened<'_>, view: &View) {
        let Some(teller) = &self.teller else { return };
        if let Err(error) = teller.write(clock::now(), happened, view) {
            // Told once is enough.
            _ = self.deaf.try_send(error);
        }
    }
}

/// Hears on standard input that the work has stopped: the line `stopped`.
pub(crate) fn hear(answer: Answer) {
    std::thread::spawn(move || {
        let lines = stdin().lock().lines().map_while(Result::ok);
        for _ in lines.filter(|line| Word::of(line.as_bytes()) == Some(Word::Stopped)) {
            answer.say();
        }
    });
}
