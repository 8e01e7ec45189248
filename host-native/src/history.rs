//! `leader-elector history`: who led, term by term, walked by bisection within a budget of requests.
//!
//! Tokens never decrease along the list of revisions, so wherever both ends of a stretch carry one token and one
//! instance, everything between them is the same term and need not be fetched.

use std::collections::BTreeMap;

use http::{Method, Request, Response, StatusCode};
use leader_elector::transport::{Access, Transport};
use leader_elector_core::Record;
use leader_elector_core::gist::{Settings, USER_AGENT};
use leader_elector_core::record::{Text, rfc3339};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::cli::{HistoryArgs, OutputFormat};
use crate::config;
use crate::status::printable;

/// `GET /gists/:id/commits` gives at most this many at once.
const PAGE: usize = 100;

/// One term, as far as the revisions tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Term {
    holder: String,
    token: u64,
    start: Option<String>,
    end: Option<String>,
    seconds: Option<i64>,
    released: bool,
}

#[derive(Deserialize)]
struct Commit {
    version: String,
}

#[derive(Deserialize)]
struct Revision {
    files: BTreeMap<String, Option<File>>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    content: String,
}

/// Prints the terms, newest first.
pub(crate) async fn run(args: HistoryArgs) -> Result<(), Failure> {
    let (settings, access) = config::reader(&args.lock)?;
    let transport = Transport::new(&access).map_err(anyhow::Error::from)?;
    let mut walk = Walk { settings, access, transport, left: args.max_requests, spent: 0 };
    let (versions, complete) = walk.list().await?;
    let mut texts: Vec<Option<Text>> = versions.iter().map(|_| None).collect();
    while let Some(index) = next_to_fetch(&texts) {
        if walk.left == 0 {
            break;
        }
        texts[index] = Some(walk.text(&versions[index]).await?);
    }
    let terms = terms(&texts);
    let whole = complete && next_to_fetch(&texts).is_none();
    if args.output == OutputFormat::Json {
        let shown = serde_json::json!({ "terms": terms, "complete": whole, "requests": walk.spent });
        println!("{}", serde_json::to_string_pretty(&shown).map_err(anyhow::Error::from)?);
        return Ok(());
    }
    println!("{:<24}{:>8}  {:<22}{:<22}{:>9}", "HOLDER", "TOKEN", "START", "LAST SEEN", "SECONDS");
    for term in &terms {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        let seconds = term.seconds.map_or_else(|| "?".to_owned(), |seconds| seconds.to_string());
        let (start, end) = (or(&term.start), or(&term.end));
        println!("{:<24}{:>8}  {start:<22}{end:<22}{seconds:>9}", printable(&term.holder), term.token);
    }
    let rest = if whole { "" } else { "; older or shorter terms may be missing, --max-requests N looks further" };
    println!("\n{} revisions, {} requests{rest}", versions.len(), walk.spent);
    Ok(())
}

/// Spends requests.
struct Walk {
    settings: Settings,
    access: Access,
    transport: Transport,
    left: usize,
    spent: usize,
}

impl Walk {
    /// The revisions, newest first, and whether those are all.
    async fn list(&mut self) -> Result<(Vec<String>, bool), Failure> {
        let mut versions = Vec::new();
        // Half of the budget at most: the texts are what tells.
        let pages = (self.left / 2).max(1);
        for page in 1..=pages {
            let path = format!("/commits?per_page={PAGE}&page={page}");
            let response = self.get(&path).await?;
            let commits: Vec<Commit> = serde_json::from_slice(response.body()).map_err(anyhow::Error::from)?;
            let last = commits.len() < PAGE;
            versions.extend(commits.into_iter().map(|commit| commit.version));
            if last {
                return Ok((versions, true));
            }
        }
        Ok((versions, false))
    }

    async fn text(&mut self, version: &str) -> Result<Text, Failure> {
        let response = self.get(&format!("/{version}")).await?;
        let revision: Revision = serde_json::from_slice(response.body()).map_err(anyhow::Error::from)?;
        let file = revision.files.get(&self.settings.file).and_then(Option::as_ref);
        Ok(file.map_or(Text::Nothing, |file| Text::parse(&file.content)))
    }

    async fn get(&mut self, path: &str) -> Result<Response<Vec<u8>>, Failure> {
        self.left = self.left.saturating_sub(1);
        self.spent += 1;
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(format!("{}/gists/{}{path}", self.settings.api, self.settings.gist))
            .header("user-agent", USER_AGENT)
            .header("accept", "application/vnd.github+json");
        if let Some(token) = &self.access.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Vec::new()).map_err(anyhow::Error::from)?;
        let response =
            self.transport.send(request).await.map_err(|no| Failure::Refused(format!("unknown: {}", no.what)))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(Failure::Refused(format!("refused: {status}; look at GIST_ID and the token"))),
        }
    }
}

/// What tells one term from another.
fn term_of(text: &Text) -> Option<(u64, Option<&str>)> {
    text.record().map(|record| (record.token.get(), record.mark.as_ref().map(|mark| mark.instance.as_str())))
}

/// The revision that tells most: an end of the list, or the middle of the longest stretch whose ends differ.
fn next_to_fetch(texts: &[Option<Text>]) -> Option<usize> {
    let last = texts.len().checked_sub(1)?;
    for end in [0, last] {
        if texts[end].is_none() {
            return Some(end);
        }
    }
    let known: Vec<usize> = (0..texts.len()).filter(|index| texts[*index].is_some()).collect();
    let same = |a: usize, b: usize| matches!((&texts[a], &texts[b]), (Some(a), Some(b)) if term_of(a).is_some() && term_of(a) == term_of(b));
    known
        .windows(2)
        .filter(|pair| pair[1] - pair[0] > 1 && !same(pair[0], pair[1]))
        .max_by_key(|pair| pair[1] - pair[0])
        .map(|pair| usize::midpoint(pair[0], pair[1]))
}

/// The terms that the known texts tell of, newest first.
fn terms(texts: &[Option<Text>]) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    let mut open: Option<(u64, Option<String>)> = None;
    for record in texts.iter().flatten().filter_map(Text::record) {
        let key = (record.token.get(), record.mark.as_ref().map(|mark| mark.instance.clone()));
        if open.as_ref() != Some(&key) {
            terms.push(term(record));
            open = Some(key);
        } else if let Some(term) = terms.last_mut()
            && term.holder.is_empty()
        {
            record.term_of().clone_into(&mut term.holder);
        }
    }
    // A record that names nobody: the lock before its first term, a release of client-go's, a reset.
    terms.retain(|term| !term.holder.is_empty());
    terms
}

fn term(record: &Record) -> Term {
    let seconds = record.acquired.zip(record.renewed).map(|(start, end)| (end - start).num_seconds());
    Term {
        holder: record.term_of().to_owned(),
        token: record.token.get(),
        start: record.acquired.as_ref().map(rfc3339),
        end: record.renewed.as_ref().map(rfc3339),
        seconds,
        released: !record.is_held(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(token: u64) -> Text {
        Text::parse(&format!(
            r#"{{"holderIdentity":"n{token}","leaseDurationSeconds":30,"leaderTransitions":{token},"instance":"i{token}"}}"#
        ))
    }

    /// Fetches by the plan, and counts.
    fn walk(tokens: &[u64]) -> (usize, Vec<u64>) {
        let mut texts = vec![None; tokens.len()];
        let mut fetched = 0;
        while let Some(index) = next_to_fetch(&texts) {
            texts[index] = Some(held(tokens[index]));
            fetched += 1;
        }
        (fetched, terms(&texts).iter().map(|term| term.token).collect())
    }

    #[test]
    fn one_long_term_costs_two_fetches() {
        assert_eq!(walk(&[5; 1000]), (2, vec![5]));
    }

    #[test]
    fn every_term_is_found_for_a_few_fetches_each() {
        let mut tokens = vec![3; 500];
        tokens.extend([2; 300]);
        tokens.extend([1; 200]);
        let (fetched, found) = walk(&tokens);
        assert_eq!(found, [3, 2, 1]);
        assert!(fetched < 30, "{fetched}");
    }

    #[test]
    fn a_term_that_is_one_released_revision_still_has_its_holder() {
        let released = r#"{"holderIdentity":"","leaseDurationSeconds":1,"leaderTransitions":7,"instance":"i","releasedBy":"napoleon"}"#;
        let reset = r#"{"holderIdentity":"","leaseDurationSeconds":1,"leaderTransitions":7}"#;
        let found = terms(&[Some(Text::parse(reset)), Some(Text::parse(released)), Some(held(6))]);
        let shown: Vec<_> = found.iter().map(|term| (term.holder.as_str(), term.token, term.released)).collect();
        assert_eq!(shown, [("napoleon", 7, true), ("n6", 6, false)]);
    }

    #[test]
    fn nothing_to_walk() {
        assert_eq!(walk(&[]), (0, vec![]));
        assert_eq!(walk(&[1]), (1, vec![1]));
    }
}
