//! The store: the emulator, the updates that it may lose, and what its revisions mean.
//!
//! The meaning is read here a second time, by other code than the lock's, so that the checks do not believe what they
//! check.

use std::borrow::Cow;
use std::time::Duration;

use http::{Request, Response};

use super::clock::Moment;
use crate::emulator::{AcceptedToken, Emulator, GistId, HistoryField, RevisionId, Settings};
use crate::gist::DEFAULT_FILE;
use crate::json::{self, Reader, Wrong};
use crate::ordered::{OrderedMap, OrderedSet};
use crate::record::WriteMode;

/// The user whose gist it is.
const OWNER: &str = "ann";
/// The token of everybody.
pub(super) const SECRET: &str = "s3cret";
/// How far below something unclear a displaced record is looked for: as the lock does.
const LOOK_BACK: usize = 30;

/// The store of a world: one gist.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) emulator: Emulator,
    pub(super) gist: GistId,
    notes: OrderedMap<RevisionId, Note>,
    last_write: Option<LastWrite>,
    /// Two writes within this time may be answered with success although one is dropped.
    settle: Duration,
    /// What was the head once more when the newest of the writes that vanished had gone.
    came_back: Option<RevisionId>,
}

#[derive(Clone, Copy, Debug)]
struct LastWrite {
    at: Moment,
    before: RevisionId,
    head: RevisionId,
    is_push: bool,
}

/// A revision and what its lock file says.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) parent: Option<RevisionId>,
    pub(super) text: Text,
}

/// What a lock file's text says.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Nothing,
    Unclear,
    Record(Says),
}

/// The fields of a record that the checks look at.
#[derive(Clone, Debug, Default)]
pub(super) struct Says {
    pub(super) holder_identity: String,
    pub(super) lease_duration_seconds: u64,
    pub(super) leader_transitions: u64,
    pub(super) instance: Option<String>,
    pub(super) base: Option<String>,
    pub(super) write: Option<WriteMode>,
}

/// How one of two writes within settle is dropped.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lost {
    /// The one that was there.
    First,
    /// The one that comes.
    Second,
    /// The one that comes, after it was there for a while.
    SecondAfter(Duration),
}

/// What came of a write.
#[derive(Debug)]
pub(super) struct Landing {
    pub(super) revision: RevisionId,
    /// The head that it met.
    pub(super) met: RevisionId,
    /// A revision that vanishes: what was there, or this one.
    pub(super) lost: Option<RevisionId>,
    /// Of the two writes that raced one was a push.
    pub(super) with_push: bool,
    /// This one vanishes later: the head goes back from it to the one that it met.
    pub(super) undo_after: Option<Duration>,
}

impl Says {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Wrong> {
        let mut says = Self::default();
        reader.object(&mut |name, reader| {
            match &*name {
                "holderIdentity" => says.holder_identity = reader.string()?.into_owned(),
                "leaseDurationSeconds" => says.lease_duration_seconds = reader.number()?,
                "leaderTransitions" => says.leader_transitions = reader.number()?,
                "instance" => says.instance = reader.string_or_null()?.map(Cow::into_owned),
                "base" => says.base = reader.string_or_null()?.map(Cow::into_owned),
                "write" => {
                    let named = reader.string_or_null()?;
                    says.write = named.map(|name| WriteMode::named(&name).ok_or(Wrong::Shape(0))).transpose()?;
                }
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(says)
    }

    pub(super) fn is_held(&self) -> bool {
        !self.holder_identity.is_empty()
    }

    pub(super) const fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_duration_seconds)
    }

    pub(super) fn is_by(&self, instance: &str) -> bool {
        self.instance.as_deref() == Some(instance)
    }
}

impl Text {
    pub(super) fn of(bytes: Option<&[u8]>) -> Self {
        let trimmed = bytes.unwrap_or_default().trim_ascii();
        if trimmed.is_empty() || trimmed == b"{}" {
            return Self::Nothing;
        }
        json::read(trimmed, Says::read).map_or(Self::Unclear, Self::Record)
    }

    pub(super) const fn record(&self) -> Option<&Says> {
        match self {
            Self::Record(says) => Some(says),
            Self::Nothing | Self::Unclear => None,
        }
    }
}

impl Store {
    /// A gist with `{}` in its lock file, as `init` makes it, and another file.
    pub(super) fn new(settings: Settings, settle: Duration) -> Self {
        let tokens = vec![AcceptedToken::gist(SECRET, OWNER)];
        let mut emulator = Emulator::new(Settings { tokens, ..settings });
        let unix_ms = Moment::ZERO.unix_ms();
        let gist = emulator.create_gist(unix_ms, OWNER, &[(DEFAULT_FILE, "{}"), ("notes.md", "a lock lives here\n")]);
        // A real settle is known only roughly: stay a hair below what candidates wait for on a fast clock.
        let settle = settle.mul_f64(0.998);
        let mut store = Self { emulator, gist, notes: OrderedMap::new(), last_write: None, settle, came_back: None };
        store.note_head();
        store
    }

    /// Of the hour's requests so many are left until it ends: others use the same token.
    pub(super) fn leave(&mut self, requests: u32, until: Moment) {
        /// Of the owner of a token as it is accepted here (doc).
        const HOURLY: u32 = 5_000;
        self.emulator.use_up(OWNER, HOURLY.saturating_sub(requests), until.unix_ms());
    }

    pub(super) fn head(&self) -> RevisionId {
        self.emulator.head(self.gist).unwrap_or(RevisionId::from_bytes([0; 20]))
    }

    /// Answers a read, if told so as of some time ago. Also returns the head that the answer shows.
    pub(super) fn read(
        &mut self,
        now: Moment,
        client: &str,
        request: &Request<Vec<u8>>,
        stale_by: Option<Duration>,
    ) -> (Response<Vec<u8>>, RevisionId) {
        let shown = stale_by
            .and_then(|age| self.emulator.head_at(self.gist, now.before(age).unix_ms()))
            .unwrap_or_else(|| self.head());
        (self.emulator.handle_at(now.unix_ms(), client, request, shown), shown)
    }

    /// Answers a read, as of `shown` if that is given.
    pub(super) fn read_at(
        &mut self,
        now: Moment,
        client: &str,
        request: &Request<Vec<u8>>,
        shown: Option<RevisionId>,
    ) -> Response<Vec<u8>> {
        match shown {
            Some(shown) => self.emulator.handle_at(now.unix_ms(), client, request, shown),
            None => self.emulator.handle(now.unix_ms(), client, request),
        }
    }

    /// What its future answers depend on: the head, which names all below it, and the write that may yet vanish.
    pub(super) fn fingerprint(&self) -> String {
        format!("{} {:?}", self.head(), self.last_write)
    }

    /// Carries out a write.
    pub(super) fn write(
        &mut self,
        now: Moment,
        client: &str,
        request: &Request<Vec<u8>>,
        lost: Option<Lost>,
    ) -> (Response<Vec<u8>>, Option<Landing>) {
        let met = self.head();
        let is_push = *request.method() == http::Method::POST;
        let rival = self.last_write.filter(|last| last.head == met && now.since(last.at) < self.settle);
        // A push is atomic against pushes; against a PATCH it need not be.
        let lost = lost.filter(|_| rival.is_some_and(|rival| !(is_push && rival.is_push)));
        let on = match (lost, rival) {
            (Some(Lost::First), Some(rival)) => rival.before,
            _ => met,
        };
        if is_push && on != met {
            // git compares with the ref as it was before the PATCH that vanishes.
            self.emulator.reset(now.unix_ms(), self.gist, on);
        }
        let response = self.emulator.handle_at(now.unix_ms(), client, request, on);
        let revision = self.head();
        if revision == on && is_push {
            self.emulator.reset(now.unix_ms(), self.gist, met);
            return (response, None);
        }
        if revision == met {
            return (response, None);
        }
        self.note_head();
        self.last_write = Some(LastWrite { at: now, before: on, head: revision, is_push });
        let with_push = is_push || rival.is_some_and(|rival| rival.is_push);
        let mut landing = Landing { revision, met, lost: None, with_push, undo_after: None };
        match lost {
            None => {}
            Some(Lost::First) => landing.lost = Some(met),
            Some(Lost::Second) => {
                landing.lost = Some(revision);
                self.emulator.reset(now.unix_ms(), self.gist, met);
                self.last_write = rival;
                // Its writer was told of it (seed 347,732).
                self.came_back = Some(met);
            }
            Some(Lost::SecondAfter(span)) => landing.undo_after = Some(span.min(self.settle)),
        }
        (response, Some(landing))
    }

    /// Drops `revision` for the one that it met, if it still is the head.
    pub(super) fn undo(&mut self, now: Moment, revision: RevisionId, to: RevisionId) -> bool {
        let is_head = self.head() == revision;
        if is_head {
            self.emulator.reset(now.unix_ms(), self.gist, to);
            self.last_write = None;
            self.came_back = Some(to);
        }
        is_head
    }

    /// Whether the head was one before, until a write that has vanished: for whoever saw that one, it is a stale read.
    pub(super) fn head_came_back(&self) -> bool {
        self.came_back == Some(self.head())
    }

    /// Somebody edits a file on the web.
    pub(super) fn edit(&mut self, now: Moment, file: &str, content: Option<&[u8]>) -> Option<RevisionId> {
        let before = self.head();
        let head = self.emulator.edit(now.unix_ms(), self.gist, &[(file, content)])?;
        self.note_head();
        self.last_write = Some(LastWrite { at: now, before, head, is_push: false });
        Some(head)
    }

    /// Somebody pushes a branch beside HEAD's, where the head is now.
    pub(super) fn push_branch(&mut self, name: &str) -> bool {
        self.emulator.set_branch(self.gist, name, self.head())
    }

    /// Somebody pushes a commit by git, with another text of the other file. Of two pushes git takes one.
    pub(super) fn push_commit(&mut self, now: Moment, text: &str) -> bool {
        let edited = self.edit(now, "notes.md", Some(text.as_bytes())).is_some();
        if let Some(last) = self.last_write.as_mut().filter(|_| edited) {
            last.is_push = true;
        }
        edited
    }

    /// Whether a gist's JSON carries its history from now on.
    pub(super) const fn show_history(&mut self, is_shown: bool) {
        self.emulator.settings_mut().history = if is_shown { HistoryField::Present } else { HistoryField::Null };
    }

    /// The lock file's text at a revision.
    pub(super) fn lock_file(&self, revision: RevisionId) -> Option<Vec<u8>> {
        let mut revisions = self.emulator.revisions(self.gist);
        Some(revisions.find(|candidate| candidate.id() == revision)?.file(DEFAULT_FILE)?.to_vec())
    }

    pub(super) fn note(&self, revision: RevisionId) -> Option<&Note> {
        self.notes.get(&revision)
    }

    /// Whether a revision's base is not its parent.
    pub(super) fn is_void(&self, revision: RevisionId) -> bool {
        self.note(revision).is_some_and(|note| {
            let base = note.text.record().and_then(|says| says.base.as_deref());
            base.is_some_and(|base| base.parse().ok() != note.parent)
        })
    }

    /// The newest valid revision at or below `head`.
    pub(super) fn state(&self, head: RevisionId) -> Option<(RevisionId, &Note)> {
        self.chain(head).find(|(revision, _)| !self.is_void(*revision))
    }

    /// Whether a record of `instance` with this token lies at or below `head`, as far as an answer shows.
    pub(super) fn shows(&self, head: RevisionId, instance: &str, token: Option<u64>) -> bool {
        let records = self.chain(head).take(LOOK_BACK).filter_map(|(_, note)| note.text.record());
        records.filter(|says| says.is_by(instance)).any(|says| Some(says.leader_transitions) == token)
    }

    /// For how long the state at `head` must be respected by `instance`, whose own lease is `lease`, and by which
    /// revision.
    pub(super) fn stands(&self, head: RevisionId, instance: &str, lease: Duration) -> Option<(RevisionId, Duration)> {
        let (state, note) = self.state(head)?;
        let by_itself = match &note.text {
            Text::Record(says) if says.is_by(instance) => return None,
            Text::Record(says) if says.instance.is_some() => return says.is_held().then(|| (state, says.lease())),
            Text::Record(says) if says.is_held() => says.lease(),
            Text::Record(_) | Text::Nothing => Duration::ZERO,
            Text::Unclear => lease,
        };
        let below = self.chain(state).skip(1).take(LOOK_BACK).filter(|(revision, _)| !self.is_void(*revision));
        let ours = below.filter_map(|(_, note)| note.text.record()).find(|says| says.instance.is_some());
        let displaced = ours.filter(|says| says.is_held() && !says.is_by(instance)).map_or(Duration::ZERO, Says::lease);
        Some((state, by_itself.max(displaced)))
    }

    /// How many revisions are remembered, here and by the emulator.
    pub(super) fn weight(&self) -> usize {
        self.notes.len() + self.emulator.revisions(self.gist).count()
    }

    /// Keeps what is known of the newest revisions that the head reaches, and of those to `keep`.
    pub(super) fn forget(&mut self, newest: usize, keep: impl Fn(RevisionId) -> bool) {
        let reached: OrderedSet<_> = self.chain(self.head()).take(newest).map(|(revision, _)| revision).collect();
        self.notes.retain(|revision, _| reached.contains(revision) || keep(*revision));
    }

    /// The newest revisions in words, one a line.
    pub(super) fn described(&self, count: usize) -> String {
        let lines = self.chain(self.head()).take(count).map(|(revision, note)| {
            let void = if self.is_void(revision) { " void" } else { "" };
            let text = match &note.text {
                Text::Nothing => "nothing".to_owned(),
                Text::Unclear => "no record".to_owned(),
                Text::Record(says) => format!(
                    "token {} {:?} by {} for {} s",
                    says.leader_transitions,
                    says.holder_identity,
                    says.instance.as_deref().unwrap_or("a stranger"),
                    says.lease_duration_seconds
                ),
            };
            format!("\n             {revision}{void}: {text}")
        });
        lines.collect()
    }

    fn chain(&self, head: RevisionId) -> impl Iterator<Item = (RevisionId, &Note)> {
        let mut next = Some(head);
        std::iter::from_fn(move || {
            let revision = next?;
            let note = self.note(revision)?;
            next = note.parent;
            Some((revision, note))
        })
    }

    fn note_head(&mut self) {
        if let Some(head) = self.emulator.revisions(self.gist).next() {
            let note = Note { parent: head.parent(), text: Text::of(head.file(DEFAULT_FILE)) };
            self.notes.insert(head.id(), note);
        }
    }
}
