//! One write in push mode: a git push of one commit, old id to new id. git compares and swaps under the ref's lock, so
//! of the pushes that name one old id exactly one wins.
//!
//! `ok` is an acknowledgement: the commit's parent is its `base`, and the old id was the head. Anything else proves
//! nothing, `ng` included, because a proxy may have repeated a push that won: read, and look for the nonce. The words
//! of `ng` are for people and never parsed.

use http::Response;

use super::desk::{Desk, Ground};
use super::pack::Commit;
use super::patch::Landed;
use super::pkt::{self, Pkt};
use super::repository::Repository;
use super::snapshot::Chain;
use super::wire::{self, NoAnswer, Outgoing, Wire};
use crate::lock::{Failure, Reason, Version};
use crate::time::WallClock;

/// `report-status`: without it a push is answered with silence. No side band: the answer is the report alone.
const CAPABILITIES: &str = concat!("report-status object-format=sha1 agent=leader-elector/", env!("CARGO_PKG_VERSION"));

/// A push on its way.
#[derive(Clone, Debug)]
pub(super) struct Push {
    nonce: String,
    branch: String,
    /// What stands if it is taken.
    ground: Ground,
    old: Version,
    /// Whether it replaces `old`, or stands on it.
    replaces: bool,
}

/// What is to be pushed.
#[derive(Debug)]
pub(super) struct Revision<'a> {
    pub(super) text: &'a str,
    pub(super) nonce: &'a str,
    /// One line for people who look at the history.
    pub(super) message: &'a str,
    pub(super) branch: &'a str,
    pub(super) wall: WallClock,
    /// Replace the head, which is our own commit, in place of building on it.
    pub(super) replaces: bool,
}

impl Push {
    /// The push of a revision onto `ground`; a reason where it cannot be made.
    pub(super) fn begin(wire: &Wire, ground: &Ground, revision: &Revision<'_>) -> Result<(Self, Outgoing), NoAnswer> {
        let Repository { url, files } = &*ground.repository;
        let (url, files) = (url.as_ref().map_err(|why| refused(why))?, files.as_ref().map_err(|why| refused(why))?);
        let old = ground.chain.head();
        let below = &ground.chain.list[usize::from(revision.replaces)..];
        let parent = below.first().ok_or_else(|| wire::garbage("the parent of our own revision is not known"))?;
        let packed = Commit {
            file: &wire.settings().file,
            text: revision.text,
            files,
            parent,
            unix_seconds: revision.wall.unix_seconds(),
            message: revision.message,
        }
        .pack();
        let new = Version::from(packed.id.to_string().as_str());
        let body = body(old, &new, revision.branch, &packed.pack);
        let list = std::iter::once(&new).chain(below).cloned().collect();
        let push = Self {
            nonce: revision.nonce.to_owned(),
            branch: revision.branch.to_owned(),
            ground: Ground {
                chain: Chain { list, ..ground.chain },
                repository: Repository { url: Ok(url.clone()), files: Ok(packed.files) }.into(),
            },
            old: old.clone(),
            replaces: revision.replaces,
        };
        Ok((push, wire.receive_pack(url, body)))
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    /// The commit that is pushed.
    pub(super) fn commit(&self) -> &Version {
        self.ground.chain.head()
    }

    /// Takes the answer.
    pub(super) fn answer(&self, desk: &mut Desk, response: &Response<Vec<u8>>) -> Result<Landed, NoAnswer> {
        match report(wire::ok(response)?, &self.branch) {
            Report::Taken => {
                desk.refused_pushes = 0;
                desk.ledger.note_list(&self.ground.chain.list);
                desk.ledger.note_older(&self.old);
                desk.ground = Some(self.ground.clone());
                Ok(Landed::Valid(self.ground.chain.clone(), 0))
            }
            Report::NotTaken(words) => Err(desk.push_refused(self.old.clone(), self.replaces, words)),
            Report::Garbage => Err(wire::garbage("200 for a push, without a report that is understood")),
        }
    }
}

/// The body of a push that moves `branch` from `old` to `new`, with what the server may lack.
pub(super) fn body(old: &Version, new: &Version, branch: &str, pack: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(pack.len() + 256);
    pkt::push_line(&mut body, format!("{old} {new} {branch}\0 {CAPABILITIES}").as_bytes());
    pkt::push_flush(&mut body);
    body.extend_from_slice(pack);
    body
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Report {
    Taken,
    /// With the server's words.
    NotTaken(String),
    Garbage,
}

/// Reads a report (`gitprotocol-pack`, "Report Status") about one ref.
pub(super) fn report(mut body: &[u8], branch: &str) -> Report {
    let Some(Pkt::Line(unpack)) = pkt::next(&mut body) else { return Report::Garbage };
    let Some(unpacked) = unpack.strip_prefix(b"unpack ") else { return Report::Garbage };
    let Some(Pkt::Line(line)) = pkt::next(&mut body) else { return Report::Garbage };
    match line.strip_prefix(b"ok ") {
        Some(name) if name == branch.as_bytes() && unpacked == b"ok" => Report::Taken,
        _ => {
            let words = if unpacked == b"ok" { line } else { unpack };
            let words = String::from_utf8_lossy(words);
            Report::NotTaken(words.chars().filter(|c| !c.is_control()).take(wire::LONGEST_MESSAGE).collect())
        }
    }
}

/// Refused by ourselves, before anything is sent.
fn refused(why: &str) -> NoAnswer {
    NoAnswer { failure: Failure::Denied(Reason { status: 0, message: why.to_owned() }), what: None }
}
