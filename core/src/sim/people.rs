//! People who edit the gist by hand, and foreign programs that write into it.

use http::Request;

use super::clock::Moment;
use super::faults::Fault;
use super::store::{SECRET, Store};
use super::watch::Happening;
use super::world::World;
use crate::emulator::Revision;
use crate::gist::DEFAULT_FILE;
use crate::json::{Writer, one_file};

/// What a person does to the gist on the web.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Deletes the lock file.
    Delete,
    /// Sets its text, whatever it is.
    Write(String),
    /// Puts the text back that it had so many revisions ago.
    Restore(usize),
    /// Edits another file.
    EditOther(String),
    /// Pushes a branch beside the gist's own.
    PushBranch,
    /// Pushes a commit that changes another file, by git.
    Commit(String),
}

/// A foreign program that holds the lock as it believes: the Go original, which never compares before it writes.
#[derive(Clone, Debug)]
pub(super) struct Foreign {
    pub(super) holder: String,
    pub(super) lease_seconds: u64,
    pub(super) token: u64,
    /// Writes that are still to come.
    pub(super) left: usize,
}

/// A record as client-go writes it.
#[must_use]
pub fn foreign_record(holder: &str, lease_seconds: u64, token: u64) -> String {
    let mut record = Writer::new();
    record.open('{').name("holderIdentity").string(holder).name("leaseDurationSeconds").number(lease_seconds);
    record.name("acquireTime").string("2023-11-14T22:00:00Z").name("renewTime").string("2023-11-14T22:10:00Z");
    record.name("leaderTransitions").number(token).name("strategy").string("").name("preferredHolder").string("");
    record.close('}').finish()
}

/// The PATCH that a foreign program sends.
pub(super) fn foreign_write(store: &Store, now: Moment, foreign: &Foreign) -> Request<Vec<u8>> {
    let mut record = foreign_record(&foreign.holder, foreign.lease_seconds, foreign.token);
    // Renewals differ in their times.
    record = record.replace("22:10:00", &format!("22:{:02}:{:02}", foreign.left % 60, now.unix_ms() / 1000 % 60));
    let mut request = Request::new(one_file(DEFAULT_FILE, Some(&record)).into_bytes());
    *request.method_mut() = http::Method::PATCH;
    *request.uri_mut() = format!("http://api.test/gists/{}", store.gist).parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(http::header::USER_AGENT, http::HeaderValue::from_static("foreign"));
    if let Ok(token) = format!("Bearer {SECRET}").parse() {
        headers.insert(http::header::AUTHORIZATION, token);
    }
    request
}

impl World {
    /// A person edits the gist now. False if that changed nothing.
    pub fn person(&mut self, deed: &Deed) -> bool {
        let now = self.now();
        let (file, content) = match deed {
            Deed::Delete => (DEFAULT_FILE, None),
            Deed::Write(text) => (DEFAULT_FILE, Some(text.clone().into_bytes())),
            Deed::Restore(back) => {
                let ids: Vec<_> =
                    self.store.emulator.revisions(self.store.gist).map(Revision::id).take(back + 1).collect();
                (DEFAULT_FILE, ids.last().and_then(|id| self.store.lock_file(*id)))
            }
            Deed::EditOther(text) | Deed::Commit(text) => ("notes.md", Some(text.clone().into_bytes())),
            Deed::PushBranch => {
                self.story.tell(now, "a person", || "pushes a second branch".to_owned());
                return self.store.push_branch("refs/heads/other");
            }
        };
        if let Deed::Commit(text) = deed {
            return self.store.push_commit(now, text);
        }
        let edited = self.store.edit(now, file, content.as_deref());
        self.watch.note(now, || {
            let what = match deed {
                Deed::Delete => "a person deletes the lock file".to_owned(),
                Deed::Write(text) if text.trim().is_empty() => "a person empties the lock file".to_owned(),
                Deed::Write(text) => format!("a person writes into the lock file: {text}"),
                Deed::Restore(back) => format!("a person puts back the text of {back} revisions ago"),
                Deed::EditOther(_) | Deed::Commit(_) | Deed::PushBranch => "a person edits another file".to_owned(),
            };
            Happening::Befell { seat: None, what }
        });
        self.story.tell(now, "a person", || {
            let text = content.as_deref().map(|text| String::from_utf8_lossy(text).into_owned());
            format!("{deed:?}: {file} is {text:?} in {edited:?}")
        });
        edited.is_some()
    }

    /// A foreign program takes the lock blindly, and renews so many times.
    pub fn foreign(&mut self, holder: &str, lease_seconds: u64, token: u64, renewals: usize) {
        self.terms.tokens_may_fall = true;
        self.foreign_writes(Foreign { holder: holder.to_owned(), lease_seconds, token, left: renewals });
    }

    /// What a fault that is a person's or a foreign program's does.
    pub(super) fn strange(&mut self, fault: Fault) {
        let greatest = self.terms.greatest();
        let leases = [1, 5, 15, 30];
        let deed = match fault {
            Fault::Deleted => Deed::Delete,
            Fault::Garbled => {
                Deed::Write(["please do not edit", "{\"holderIdentity\":", "[]", "null"][self.dice.below(4)].to_owned())
            }
            Fault::Emptied => Deed::Write(["", "\n"][self.dice.below(2)].to_owned()),
            Fault::Braces => Deed::Write("{}".to_owned()),
            Fault::Restored => Deed::Restore(1 + self.dice.below(6)),
            Fault::OtherFile => {
                let number = self.dice.seed();
                Deed::EditOther(format!("note {number}\n"))
            }
            Fault::Branch => Deed::PushBranch,
            Fault::Commit => {
                let number = self.dice.seed();
                Deed::Commit(format!("commit {number}\n"))
            }
            Fault::ByHand => {
                let holder = ["", "somebody", "c0"][self.dice.below(3)];
                let token = [greatest, greatest + 1, greatest + 5][self.dice.below(3)];
                Deed::Write(foreign_record(holder, leases[self.dice.below(4)], token))
            }
            _ => {
                let token = [0, greatest, greatest + 1][self.dice.below(3)];
                let (lease, renewals) = (leases[self.dice.below(4)], self.dice.below(12));
                let holder = ["go", "c1"][self.dice.below(2)];
                return self.foreign(holder, lease, token, renewals);
            }
        };
        self.person(&deed);
    }
}
