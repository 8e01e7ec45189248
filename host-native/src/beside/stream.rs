//! What was told, kept for those who missed it; and the streams of those who listen.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use leader_elector_host::Told;
use serde::Serialize;
use tokio::sync::mpsc;

/// Kept for those who come back: with the usual timings, the renewals of 40 minutes.
const KEPT: usize = 256;
/// A reader that is so far behind is cut off: the end of its stream says that nobody leads here, as far as it knows.
const BEHIND: usize = 64;
/// Streams at once.
const STREAMS: usize = 64;

/// The newest of what was told, with those who listen.
pub(super) struct Log {
    /// Names this process in the ids: numbers of another one say nothing here.
    instance: String,
    /// The number of the newest.
    newest: u64,
    kept: VecDeque<Told>,
    streams: Vec<mpsc::Sender<Bytes>>,
    /// One for each stream that is still being sent, beside this one.
    alive: Arc<()>,
}

/// The id of an event, as a reader hands it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A first visit.
    Nothing,
    /// All up to this number.
    UpTo(u64),
}

impl Log {
    pub(super) fn new(instance: String) -> Self {
        Self { instance, newest: 0, kept: VecDeque::new(), streams: Vec::new(), alive: Arc::default() }
    }

    /// What `Last-Event-ID` says: of another process nothing that was told here has been seen.
    pub(super) fn seen(&self, id: Option<&str>) -> Seen {
        let Some(id) = id else { return Seen::Nothing };
        let number = id.strip_prefix(self.instance.as_str()).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        Seen::UpTo(number.unwrap_or(0))
    }

    pub(super) fn tell(&mut self, told: Told) {
        self.newest += 1;
        let frame = self.frame(Some(self.newest), &told);
        self.kept.push_back(told);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        self.streams.retain(|stream| stream.try_send(frame.clone()).is_ok());
    }

    /// Ends all streams; what was told is still sent.
    pub(super) fn close(&mut self) {
        self.streams.clear();
    }

    /// Whether nothing is left to send.
    pub(super) fn is_quiet(&self) -> bool {
        Arc::strong_count(&self.alive) == 1
    }

    /// A line that says nothing: it finds out who has gone, and keeps what lies between awake.
    pub(super) fn keep_alive(&mut self) {
        self.streams.retain(|stream| stream.try_send(Bytes::from_static(b":\n\n")).is_ok());
    }

    /// A new stream: first the present state, then what was missed; `None`: there are too many.
    pub(super) fn listen(&mut self, seen: Seen, present: &Told) -> Option<Frames> {
        self.streams.retain(|stream| !stream.is_closed());
        if self.streams.len() >= STREAMS {
            return None;
        }
        // What follows the present carries ids, unless there is nothing: an id names what was told up to it.
        let missed = self.missed(seen);
        let mut first = Vec::from(self.frame(missed.is_empty().then_some(self.newest), present));
        for (number, history) in missed {
            first.extend_from_slice(&self.frame(number, &history));
        }
        let (sender, receiver) = mpsc::channel(BEHIND);
        self.streams.push(sender);
        Some(Frames { first: Some(first.into()), receiver, _alive: Arc::clone(&self.alive) })
    }

    fn missed(&self, seen: Seen) -> Vec<(Option<u64>, Missed<'_>)> {
        let Seen::UpTo(seen) = seen else { return Vec::new() };
        let before = self.newest - self.kept.len() as u64;
        let lost = before.saturating_sub(seen);
        let lost = (lost > 0).then(|| (None, Missed { count: Some(lost), ..Missed::new("lost") }));
        let kept = (before + 1..).zip(&self.kept).filter(|(number, _)| *number > seen);
        lost.into_iter().chain(kept.map(|(number, told)| (Some(number), Missed::of(told)))).collect()
    }

    fn frame(&self, number: Option<u64>, data: &impl Serialize) -> Bytes {
        let id = number.map(|number| format!("id: {}-{number}\n", self.instance)).unwrap_or_default();
        let data = serde_json::to_string(data).expect("strings and numbers are always JSON");
        format!("{id}data: {data}\n\n").into()
    }
}

/// What was: nobody can take it for what is.
#[derive(Serialize)]
struct Missed<'a> {
    event: &'a str,
    history: bool,
    /// In `lost`: how many events are no longer kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leader: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl<'a> Missed<'a> {
    const fn new(event: &'a str) -> Self {
        Self { event, history: true, count: None, leader: None, token: None, why: None, message: None }
    }

    fn of(told: &'a Told) -> Self {
        let Told { event, leader, token, why, message, .. } = told;
        let [leader, why, message] = [leader, why, message].map(Option::as_deref);
        Self { leader, token: *token, why, message, ..Self::new(event) }
    }
}

/// The body of a stream.
pub(super) struct Frames {
    first: Option<Bytes>,
    receiver: mpsc::Receiver<Bytes>,
    _alive: Arc<()>,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.receiver.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use leader_elector_host::events::Deadline;

    use super::*;

    const PRESENT: &str = r#"{"event":"present","leading":false}"#;

    fn present() -> Told {
        Told {
            event: "present",
            leading: false,
            leader: None,
            token: None,
            deadline: None,
            by: None,
            why: None,
            message: None,
        }
    }

    fn told(token: u64) -> Told {
        let deadline = Some(Deadline::Boot { boot_ns: 5 });
        let (leader, by, why, message) = (Some("n".to_owned()), None, None, None);
        Told { event: "renewed", leading: true, leader, token: Some(token), deadline, by, why, message }
    }

    fn log(told_so_far: u64) -> Log {
        let mut log = Log::new("i".to_owned());
        (1..=told_so_far).for_each(|token| log.tell(told(token)));
        log
    }

    fn first(log: &mut Log, id: Option<&str>) -> String {
        let seen = log.seen(id);
        let frames = log.listen(seen, &present()).expect("room");
        String::from_utf8(frames.first.expect("the present").to_vec()).expect("text")
    }

    #[test]
    fn a_first_visit_gets_the_present_alone() {
        assert_eq!(first(&mut log(3), None), format!("id: i-3\ndata: {PRESENT}\n\n"));
    }

    #[test]
    fn one_that_comes_back_gets_the_present_then_what_it_missed_without_a_deadline() {
        let stream = first(&mut log(3), Some("i-2"));
        let missed = r#"{"event":"renewed","history":true,"leader":"n","token":3}"#;
        assert_eq!(stream, format!("data: {PRESENT}\n\nid: i-3\ndata: {missed}\n\n"));
    }

    #[test]
    fn one_that_missed_nothing_gets_no_history() {
        for id in ["i-3", "i-99"] {
            assert_eq!(first(&mut log(3), Some(id)), format!("id: i-3\ndata: {PRESENT}\n\n"));
        }
    }

    #[test]
    fn the_id_of_another_process_and_garbage_have_seen_nothing() {
        for id in ["j-2", "i-x", "", "i", "i--1"] {
            assert_eq!(first(&mut log(3), Some(id)).matches("\"history\":true").count(), 3, "{id}");
        }
    }

    #[test]
    fn what_is_no_longer_kept_is_counted() {
        let stream = first(&mut log(KEPT as u64 + 10), Some("i-4"));
        assert!(stream.contains(r#"{"event":"lost","history":true,"count":6}"#), "{stream}");
        assert_eq!(stream.matches("renewed").count(), KEPT);
    }

    #[test]
    fn a_reader_that_falls_behind_is_cut_off_and_holds_up_nobody() {
        let mut log = log(0);
        let slow = log.listen(Seen::Nothing, &present());
        (0..=BEHIND as u64).for_each(|token| log.tell(told(token)));
        assert!(log.streams.is_empty() && slow.is_some());
    }

    #[test]
    fn there_are_only_so_many_streams_and_those_that_end_make_room() {
        let mut log = log(0);
        let streams: Vec<_> = (0..STREAMS).map(|_| log.listen(Seen::Nothing, &present())).collect();
        assert!(log.listen(Seen::Nothing, &present()).is_none());
        drop(streams);
        assert!(log.listen(Seen::Nothing, &present()).is_some());
    }
}
