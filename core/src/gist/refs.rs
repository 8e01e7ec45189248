//! What a repository says of itself before anything is sent: the advertisement of `info/refs`, for both services
//! (`gitprotocol-http`, "Smart Clients"; protocol v0).

use super::pack::ObjectId;
use super::pkt::{self, Pkt};
use crate::lock::Version;

/// The refs, and what the server can do.
#[derive(Debug)]
pub(super) struct Advertisement {
    refs: Vec<(String, Version)>,
    capabilities: Vec<String>,
}

impl Advertisement {
    /// Reads the answer for a service, `git-upload-pack` or `git-receive-pack`.
    pub(super) fn parse(mut body: &[u8], service: &str) -> Option<Self> {
        let greeting = format!("# service={service}");
        if pkt::next(&mut body)? != Pkt::Line(greeting.as_bytes()) || pkt::next(&mut body)? != Pkt::Flush {
            return None;
        }
        let (mut refs, mut capabilities) = (Vec::new(), Vec::new());
        while let Pkt::Line(line) = pkt::next(&mut body)? {
            let line = std::str::from_utf8(line).ok()?;
            let (line, said) = line.split_once('\0').map_or((line, None), |(line, said)| (line, Some(said)));
            if let Some(said) = said {
                capabilities = said.split_ascii_whitespace().map(str::to_owned).collect();
            }
            let (id, name) = line.split_once(' ')?;
            ObjectId::parse(id)?;
            // An empty repository has one line, with no ref in it.
            if name != "capabilities^{}" {
                refs.push((name.to_owned(), Version::from(id)));
            }
        }
        Some(Self { refs, capabilities })
    }

    /// The branch that HEAD is, and where it stands.
    pub(super) fn head(&self) -> Option<(&str, &Version)> {
        let branch = self.capabilities.iter().find_map(|said| said.strip_prefix("symref=HEAD:"))?;
        Some((branch, self.id(branch)?))
    }

    /// Where a ref stands.
    pub(super) fn id(&self, name: &str) -> Option<&Version> {
        self.refs.iter().find(|(known, _)| known == name).map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    fn advertisement(lines: &[&str]) -> Vec<u8> {
        let mut body = Vec::new();
        pkt::push_line(&mut body, b"# service=git-upload-pack\n");
        pkt::push_flush(&mut body);
        for line in lines {
            pkt::push_line(&mut body, line.as_bytes());
        }
        pkt::push_flush(&mut body);
        body
    }

    #[test]
    fn the_branch_is_the_one_that_head_names() {
        let body = advertisement(&[
            &format!("{ID} HEAD\0multi_ack symref=HEAD:refs/heads/master object-format=sha1 agent=git/2\n"),
            &format!("{ID} refs/heads/main\n"),
            &format!("{ID} refs/heads/master\n"),
        ]);
        let said = Advertisement::parse(&body, "git-upload-pack").expect("an advertisement");
        assert_eq!(said.head(), Some(("refs/heads/master", &Version::from(ID))));
        assert!(said.id("refs/heads/main").is_some());
    }

    #[test]
    fn without_a_symref_there_is_no_branch() {
        let body = advertisement(&[&format!("{ID} refs/heads/main\0report-status\n")]);
        assert!(Advertisement::parse(&body, "git-upload-pack").expect("an advertisement").head().is_none());
        let empty = advertisement(&[&format!("{} capabilities^{{}}\0report-status\n", "0".repeat(40))]);
        assert!(Advertisement::parse(&empty, "git-upload-pack").expect("an advertisement").id("x").is_none());
    }

    #[test]
    fn half_an_advertisement_is_none() {
        let body = advertisement(&[&format!("{ID} HEAD\0symref=HEAD:refs/heads/main\n")]);
        for length in 0..body.len() {
            assert!(Advertisement::parse(&body[..length], "git-upload-pack").is_none(), "{length}");
        }
        assert!(Advertisement::parse(&body, "git-receive-pack").is_none());
    }
}
