//! Who led, term by term: what the revisions of a gist tell, for a few of them read.
//!
//! Tokens never decrease along the list of revisions, so wherever both ends of a stretch carry one token and one
//! instance, everything between them is the same term and need not be fetched: a walk by bisection.

use super::wire;
use crate::json;
use crate::record::{Record, Text, Timestamp, Token};

/// One term, as far as the revisions tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whose it is or was.
    pub holder: String,
    /// Its fencing token.
    pub token: Token,
    /// When it began, by the holder's wall clock.
    pub start: Option<Timestamp>,
    /// When it was last written, by the holder's wall clock.
    pub end: Option<Timestamp>,
    /// Whether it was given back.
    pub released: bool,
}

impl Term {
    /// The term that a record is of; `None` for one that names nobody: the lock before its first term, a release of
    /// client-go's, a reset.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let holder = record.term_of();
        (!holder.is_empty()).then(|| Self::unnamed(record, holder))
    }

    /// Whole seconds from its start to its last write.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        self.start.zip(self.end).map(|(start, end)| (end - start).num_seconds())
    }

    fn unnamed(record: &Record, holder: &str) -> Self {
        Self {
            holder: holder.to_owned(),
            token: record.token,
            start: record.acquired,
            end: record.renewed,
            released: !record.is_held(),
        }
    }
}

/// The ids in an answer of `GET /gists/:id/commits`, newest first; `None` where it is not understood.
#[must_use]
pub fn versions(body: &[u8]) -> Option<Vec<String>> {
    let versions = json::read(body, wire::versions).ok()?;
    Some(versions.iter().map(|version| version.as_str().to_owned()).collect())
}

/// The lock file in an answer of `GET /gists/:id/:sha`; `None` where it is not understood.
#[must_use]
pub fn text(body: &[u8], file: &str) -> Option<Text> {
    Some(json::read(body, wire::gist_body).ok()?.content(file).map_or(Text::Nothing, Text::parse))
}

/// The revision that tells most: an end of the list, or the middle of the longest stretch whose ends differ.
#[must_use]
pub fn next_to_fetch(texts: &[Option<Text>]) -> Option<usize> {
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
#[must_use]
pub fn terms(texts: &[Option<Text>]) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    let mut open: Option<(u64, Option<String>)> = None;
    for record in texts.iter().flatten().filter_map(Text::record) {
        let key = (record.token.get(), record.mark.as_ref().map(|mark| mark.instance.clone()));
        if open.as_ref() != Some(&key) {
            terms.push(Term::unnamed(record, record.term_of()));
            open = Some(key);
        } else if let Some(term) = terms.last_mut()
            && term.holder.is_empty()
        {
            record.term_of().clone_into(&mut term.holder);
        }
    }
    terms.retain(|term| !term.holder.is_empty());
    terms
}

/// What tells one term from another.
fn term_of(text: &Text) -> Option<(u64, Option<&str>)> {
    text.record().map(|record| (record.token.get(), record.mark.as_ref().map(|mark| mark.instance.as_str())))
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
        (fetched, terms(&texts).iter().map(|term| term.token.get()).collect())
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
        let shown: Vec<_> = found.iter().map(|term| (term.holder.as_str(), term.token.get(), term.released)).collect();
        assert_eq!(shown, [("napoleon", 7, true), ("n6", 6, false)]);
    }

    #[test]
    fn nothing_to_walk() {
        assert_eq!(walk(&[]), (0, vec![]));
        assert_eq!(walk(&[1]), (1, vec![1]));
    }
}
