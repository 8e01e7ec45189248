//! receive-pack: what a push does, refused where stock git refuses it.

use std::sync::Arc;

use super::pack::{self, Kind, Objects};
use super::pkt;
use crate::emulator::gist::Gist;
use crate::emulator::id::{ObjectId, RevisionId};
use crate::emulator::object::{Blob, Files};
use crate::emulator::revision::Revision;
use crate::emulator::settings::{Replacing, Settings, Swap};

/// What the advertisement promises.
pub(super) const CAPABILITIES: &str = "report-status atomic ofs-delta object-format=sha1 agent=git/gist-emulator";

const ZERO: RevisionId = RevisionId::from_bytes([0; 20]);

/// `old new ref`.
struct Command<'a> {
    old: RevisionId,
    new: RevisionId,
    name: &'a str,
}

/// Carries out a push, and reports. `None`: the body is no push.
pub(super) fn receive(unix_ms: i64, settings: &Settings, gist: &mut Gist, mut body: &[u8]) -> Option<Vec<u8>> {
    let mut commands = Vec::new();
    let mut capabilities = "";
    while let Some(line) = pkt::take(&mut body)? {
        let line = std::str::from_utf8(line).ok()?;
        let (command, said) = line.split_once('\0').unwrap_or((line, capabilities));
        capabilities = said;
        let mut words = command.splitn(3, ' ');
        let (old, new) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        commands.push(Command { old, new, name: words.next()? });
    }
    let deletes_only = commands.iter().all(|command| command.new == ZERO);
    let objects = if deletes_only { Ok(Objects::new()) } else { pack::read(body, |id| object(gist, id)) };
    let mut report = Vec::new();
    match &objects {
        Ok(_) => pkt::line(&mut report, "unpack ok\n"),
        Err(why) => pkt::line(&mut report, &format!("unpack {why}\n")),
    }
    let is_atomic = capabilities.split(' ').any(|said| said == "atomic");
    let refused: Vec<_> = commands
        .iter()
        .map(|command| match &objects {
            Ok(objects) => command.check(settings, gist, objects).err(),
            Err(_) => Some("unpacker error"),
        })
        .collect();
    let none = is_atomic && refused.iter().any(Option::is_some);
    for (command, refused) in commands.iter().zip(refused) {
        match refused.or(none.then_some("atomic push failure")) {
            None => {
                let is_head = command.name.strip_prefix("refs/heads/") == Some(&settings.branch);
                gist.push(unix_ms, command.name, is_head, command.new, settings.remember);
                pkt::line(&mut report, &format!("ok {}\n", command.name));
            }
            Some(why) => pkt::line(&mut report, &format!("ng {} {why}\n", command.name)),
        }
    }
    pkt::flush(&mut report);
    Some(if capabilities.split(' ').any(|said| said == "report-status") { report } else { Vec::new() })
}

impl Command<'_> {
    /// Whether git would take it, in git's words; remembers its commits on the way.
    fn check(&self, settings: &Settings, gist: &mut Gist, objects: &Objects) -> Result<(), &'static str> {
        if self.new == ZERO {
            return Err("deletion prohibited");
        }
        if !self.name.starts_with("refs/heads/") || self.name.contains("..") {
            return Err("funny refname");
        }
        // The comparison that excludes: under the lock of the ref, as git does it.
        let stands = gist.branches(&settings.branch).find(|(name, _)| name == self.name).map(|(_, id)| id);
        if stands.unwrap_or(ZERO) != self.old && settings.swap == Swap::Compares {
            return Err("failed to update ref");
        }
        remember(gist, objects, self.new)?;
        let replaces = self.old != ZERO
            && gist.revision(self.new).is_none_or(|new| gist.chain(new).all(|below| below.id() != self.old));
        if replaces && settings.replacing == Replacing::Refused {
            return Err("non-fast-forward");
        }
        Ok(())
    }
}

/// Makes revisions of the pushed commits, the oldest first.
fn remember(gist: &mut Gist, objects: &Objects, new: RevisionId) -> Result<(), &'static str> {
    let mut pushed = Vec::new();
    let mut next = Some(new);
    while let Some(id) = next.filter(|id| gist.revision(*id).is_none()) {
        let (Kind::Commit, bytes) = objects.get(&id).ok_or("missing necessary objects")? else {
            return Err("missing necessary objects");
        };
        let commit = Commit::parse(bytes).ok_or("bad commit")?;
        next = commit.parent;
        pushed.push((bytes.clone(), commit));
    }
    while let Some((bytes, commit)) = pushed.pop() {
        let files = files(gist, objects, commit.tree)?;
        let parent = commit.parent.and_then(|parent| gist.revision(parent));
        let revision = Revision::pushed(parent, &gist.owner, commit.unix_seconds, bytes, files);
        gist.remember(Arc::new(revision));
    }
    Ok(())
}

/// What of a commit matters here.
struct Commit {
    tree: ObjectId,
    parent: Option<RevisionId>,
    unix_seconds: i64,
}

impl Commit {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let head = bytes.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
        let lines: Vec<&str> = head.map_while(|line| std::str::from_utf8(line).ok()).collect();
        let field =
            |name: &'static str| lines.iter().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '));
        let mut parents = field("parent");
        let parent = parents.next().map(|id| id.parse().ok());
        // A gist's history is a line: the API has no way to show a merge.
        if parents.next().is_some() || parent == Some(None) {
            return None;
        }
        let seconds = field("committer").next()?.rsplit_once('>')?.1.split_ascii_whitespace().next()?;
        Some(Self {
            tree: field("tree").next()?.parse().ok()?,
            parent: parent.flatten(),
            unix_seconds: seconds.parse().ok()?,
        })
    }
}

/// The files of a tree: a gist has no directories (seen), and shows names as text.
fn files(gist: &Gist, objects: &Objects, tree: ObjectId) -> Result<Files, &'static str> {
    let known = if objects.contains_key(&tree) { None } else { object(gist, tree) };
    let Some((Kind::Tree, bytes)) = objects.get(&tree).or(known.as_ref()) else {
        return Err("missing necessary objects");
    };
    let mut files = Files::new();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let zero = rest.iter().position(|byte| *byte == 0).ok_or("bad tree")?;
        let (mode, name) =
            std::str::from_utf8(&rest[..zero]).ok().and_then(|entry| entry.split_once(' ')).ok_or("bad tree")?;
        let id = rest.get(zero + 1..zero + 21).and_then(|id| id.try_into().ok()).map(ObjectId::from_bytes);
        let id = id.ok_or("bad tree")?;
        rest = &rest[zero + 21..];
        if mode != "100644" {
            return Err("pre-receive hook declined: a gist holds ordinary files and no directories");
        }
        let blob = match objects.get(&id) {
            Some((Kind::Blob, bytes)) => Arc::new(Blob::new(bytes.clone())),
            _ => gist.blob(id).ok_or("missing necessary objects")?,
        };
        files.insert(Arc::from(name), blob);
    }
    Ok(files)
}

/// An object that the gist has.
fn object(gist: &Gist, id: ObjectId) -> Option<pack::Object> {
    if let Some(blob) = gist.blob(id) {
        return Some((Kind::Blob, blob.bytes().to_vec()));
    }
    gist.remembered().find_map(|revision| {
        if revision.id() == id {
            return Some((Kind::Commit, revision.commit().to_vec()));
        }
        let (tree, bytes) = revision.tree_object();
        (tree == id).then_some((Kind::Tree, bytes))
    })
}
