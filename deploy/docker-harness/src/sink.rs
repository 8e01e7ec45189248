//! What the jobs append to: a Unix socket in a folder that every container mounts. It refuses a token lower than the
//! highest seen, as whatever a real job changes should.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

use crate::clock::Moment;

/// An append, as the sink saw it.
#[derive(Clone, Debug)]
pub(crate) struct Append {
    pub(crate) name: String,
    pub(crate) token: u64,
    /// When the job was about to send it, on its own clock; containers share the kernel's.
    pub(crate) sent: Moment,
    pub(crate) received: Moment,
    pub(crate) accepted: bool,
}

/// All appends so far, in the order of their receipt.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<Append>>>);

impl Sink {
    /// Serves on a socket until the process ends.
    pub(crate) fn serve(socket: &Path) -> Result<Self> {
        let listener = UnixListener::bind(socket).with_context(|| socket.display().to_string())?;
        // The containers' user is not ours.
        std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o777))?;
        let sink = Self::default();
        let shared = sink.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sink = shared.clone();
                std::thread::spawn(move || sink.hear(stream));
            }
        });
        Ok(sink)
    }

    fn hear(&self, stream: UnixStream) {
        let Ok(mut answers) = stream.try_clone() else { return };
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let received = Moment::now();
            let mut fields = line.split(' ');
            let mut next = || fields.next().unwrap_or_default();
            let (name, token, sent) = (next().to_owned(), next().parse(), next().parse());
            let (Ok(token), Ok(sent)) = (token, sent) else { continue };
            let accepted = {
                let mut all = self.all();
                let highest = all.iter().rev().find(|append| append.accepted).map_or(0, |append| append.token);
                let accepted = token >= highest;
                all.push(Append { name, token, sent: Moment(sent), received, accepted });
                accepted
            };
            if writeln!(answers, "{}", if accepted { "accepted" } else { "refused" }).is_err() {
                return;
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<Append>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy.
    pub(crate) fn appends(&self) -> Vec<Append> {
        self.all().clone()
    }

    /// The newest accepted append since a moment.
    pub(crate) fn newest_since(&self, since: Moment) -> Option<Append> {
        self.all().iter().rev().find(|append| append.accepted).filter(|append| append.received >= since).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lower_than_the_highest_is_refused_and_noted() {
        let socket = std::env::temp_dir().join(format!("le-sink-{}", std::process::id()));
        let sink = Sink::serve(&socket).expect("it listens");
        let mut job = UnixStream::connect(&socket).expect("it is heard");
        std::fs::remove_file(&socket).expect("it was made");
        let mut answers = BufReader::new(job.try_clone().expect("a second handle")).lines();
        let before = Moment::now();
        let mut append = |line: &str| {
            writeln!(job, "{line}").expect("sent");
            answers.next().expect("an answer").expect("text")
        };
        // What is no append has no answer: the one to the next line comes first.
        assert_eq!(append("nonsense\nnapoleon 2 5"), "accepted");
        assert_eq!(append("stalin 1 6"), "refused");
        assert_eq!(append("napoleon 2 7"), "accepted");
        assert_eq!(append("stalin 3 8"), "accepted");
        assert_eq!(append("napoleon 2 9"), "refused");
        assert_eq!(append("napoleon 2 10"), "refused", "what was refused is no highest");
        let noted: Vec<_> = sink.appends().iter().map(|it| (it.token, it.sent.0, it.accepted)).collect();
        assert_eq!(noted, [(2, 5, true), (1, 6, false), (2, 7, true), (3, 8, true), (2, 9, false), (2, 10, false)]);
        let newest = sink.newest_since(before).expect("an accepted one");
        assert_eq!((newest.name.as_str(), newest.token), ("stalin", 3));
        assert!(sink.newest_since(Moment::now()).is_none(), "nothing was appended since");
    }
}
