//! upload-pack: what a clone or a fetch gets (`gitprotocol-pack`, protocol v0 without extensions).

use std::collections::{BTreeMap, BTreeSet};

use super::pack::{self, Kind};
use super::pkt;
use crate::emulator::gist::Gist;
use crate::emulator::id::{ObjectId, RevisionId};

/// Answers wants and haves. `None`: the body is no such thing, or wants what is not there.
pub(super) fn upload(gist: &Gist, mut body: &[u8]) -> Option<Vec<u8>> {
    let (mut wants, mut haves, mut is_done) = (Vec::new(), Vec::new(), false);
    while let Some(line) = pkt::take(&mut body) {
        let Some(line) = line else { continue };
        let line = std::str::from_utf8(line).ok()?;
        if line == "done" {
            is_done = true;
        } else if let Some(want) = line.strip_prefix("want ") {
            wants.push(want.get(..40)?.parse::<RevisionId>().ok()?);
        } else if let Some(have) = line.strip_prefix("have ") {
            haves.push(have.get(..40)?.parse::<RevisionId>().ok()?);
        } else {
            return None;
        }
    }
    let common: Vec<_> = haves.into_iter().filter(|id| gist.revision(*id).is_some()).collect();
    let mut answer = Vec::new();
    match common.first() {
        Some(id) => pkt::line(&mut answer, &format!("ACK {id}\n")),
        None => pkt::line(&mut answer, "NAK\n"),
    }
    if is_done {
        answer.extend_from_slice(&packed(gist, &wants, &common)?);
    }
    Some(answer)
}

/// Everything that the wanted commits reach and the common ones do not.
fn packed(gist: &Gist, wants: &[RevisionId], common: &[RevisionId]) -> Option<Vec<u8>> {
    let mut there = BTreeSet::new();
    for id in common {
        there.extend(gist.chain(gist.revision(*id)?).map(crate::emulator::Revision::id));
    }
    let mut objects: BTreeMap<ObjectId, (Kind, Vec<u8>)> = BTreeMap::new();
    for want in wants {
        for revision in gist.chain(gist.revision(*want)?).take_while(|revision| !there.contains(&revision.id())) {
            objects.insert(revision.id(), (Kind::Commit, revision.commit().to_vec()));
            let (tree, bytes) = revision.tree_object();
            objects.insert(tree, (Kind::Tree, bytes));
            for blob in revision.tree().values() {
                objects.entry(blob.id()).or_insert_with(|| (Kind::Blob, blob.bytes().to_vec()));
            }
        }
    }
    Some(pack::write(objects.values().map(|(kind, bytes)| (*kind, &bytes[..]))))
}
