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

/// Adds a page to those before it. What was written since has pushed down into it what they had already listed.
pub fn add_page(versions: &mut Vec<String>, page: Vec<String>) {
    for version in page {
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
}

/// The revision that tells most: an end of the list, or one in the middle of the longest stretch whose ends differ.
/// `versions`: the ids of the revisions with these texts, newest first. A void text tells nothing.
#[must_use]
pub fn next_to_fetch(versions: &[String], texts: &[Option<Text>]) -> Option<usize> {
    let is_void = |index: usize| texts[index].as_ref().is_some_and(|text| !is_valid(versions, index, text));
    let telling: Vec<usize> = (0..texts.len()).filter(|index| !is_void(*index)).collect();
    let ends = [*telling.first()?, *telling.last()?];
    if let Some(end) = ends.into_iter().find(|end| texts[*end].is_none()) {
        return Some(end);
    }
    let term = |index: usize| texts[index].as_ref().and_then(Text::record).map(key);
    let known: Vec<usize> = telling.iter().copied().filter(|index| texts[*index].is_some()).collect();
    let differ = known.windows(2).filter(|pair| term(pair[0]).is_none() || term(pair[0]) != term(pair[1]));
    let unknown = differ.filter_map(|pair| {
        let middle = usize::midpoint(pair[0], pair[1]);
        let between = telling.iter().filter(|index| (pair[0] + 1..pair[1]).contains(*index));
        Some((pair[1] - pair[0], *between.min_by_key(|index| index.abs_diff(middle))?))
    });
    Some(unknown.max_by_key(|(length, _)| *length)?.1)
}

/// The terms that the known texts tell of, newest first; `versions` as in [`next_to_fetch`].
#[must_use]
pub fn terms(versions: &[String], texts: &[Option<Text>]) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    let mut open: Option<Key<'_>> = None;
    let known = texts.iter().enumerate().filter_map(|(index, text)| Some((index, text.as_ref()?)));
    for record in known.filter(|(index, text)| is_valid(versions, *index, text)).filter_map(|(_, text)| text.record()) {
        if open != Some(key(record)) {
            terms.push(Term::unnamed(record, record.term_of()));
            open = Some(key(record));
        } else if let Some(term) = terms.last_mut()
            && term.holder.is_empty()
        {
            record.term_of().clone_into(&mut term.holder);
        }
    }
    terms.retain(|term| !term.holder.is_empty());
    terms
}

/// What tells one term from another: its token, and who wrote it.
type Key<'a> = (Token, Option<&'a str>);

fn key(record: &Record) -> Key<'_> {
    (record.token, record.mark.as_ref().map(|mark| mark.instance.as_str()))
}

/// Whether the revision at `index` with this text counts: a void one lost its race, or was put back by a person. Of the
/// oldest one listed nobody knows, so it does.
fn is_valid(versions: &[String], index: usize, text: &Text) -> bool {
    let parent = versions.get(index + 1);
    text.record().and_then(Record::base).is_none_or(|base| parent.is_none_or(|parent| parent == base))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(token: u64) -> Text {
        Text::parse(&format!(
            r#"{{"holderIdentity":"n{token}","leaseDurationSeconds":30,"leaderTransitions":{token},"instance":"i{token}"}}"#
        ))
    }

    /// A record that is meant to stand on the revision `base`.
    fn on(base: &str, holder: &str, token: u64) -> Text {
        Text::parse(&format!(
            r#"{{"holderIdentity":"{holder}","leaseDurationSeconds":30,"leaderTransitions":{token},"instance":"{holder}","base":"{base}"}}"#
        ))
    }

    /// As many ids, newest first: the last one is `1`.
    fn ids(number: usize) -> Vec<String> {
        (1..=number).rev().map(|id| id.to_string()).collect()
    }

    /// Fetches by the plan, and counts.
    fn fetch(revisions: &[Text]) -> (usize, Vec<(String, u64)>) {
        let versions = ids(revisions.len());
        let mut texts = vec![None; revisions.len()];
        let mut fetched = 0;
        while let Some(index) = next_to_fetch(&versions, &texts) {
            assert_eq!(texts[index].replace(revisions[index].clone()), None, "fetched twice");
            fetched += 1;
        }
        let found = terms(&versions, &texts);
        (fetched, found.into_iter().map(|term| (term.holder, term.token.get())).collect())
    }

    fn walk(tokens: &[u64]) -> (usize, Vec<u64>) {
        let revisions: Vec<Text> = tokens.iter().map(|token| held(*token)).collect();
        let (fetched, found) = fetch(&revisions);
        (fetched, found.into_iter().map(|(_, token)| token).collect())
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

    /// Both claim on the empty file, and the later one of the two is void.
    #[test]
    fn a_claim_that_lost_its_race_is_no_term() {
        let claims = [on("4", "anna", 1), on("3", "anna", 1), on("1", "bert", 1), on("1", "anna", 1), Text::Nothing];
        let all: Vec<_> = claims.iter().cloned().map(Some).collect();
        let found = terms(&ids(5), &all);
        assert_eq!(found.iter().map(|term| term.holder.as_str()).collect::<Vec<_>>(), ["anna"]);
        assert_eq!(fetch(&claims).1, [("anna".to_owned(), 1)]);
        // It also lies on top before the winner has seen it.
        assert_eq!(fetch(&claims[2..]).1, [("anna".to_owned(), 1)]);
    }

    #[test]
    fn what_a_person_put_back_hides_no_term_between() {
        let put_back = [on("1", "anna", 1), on("2", "bert", 2), on("1", "anna", 1), Text::Nothing];
        assert_eq!(fetch(&put_back).1, [("bert".to_owned(), 2), ("anna".to_owned(), 1)]);
    }

    #[test]
    fn what_is_void_makes_no_stretch_longer() {
        let mut revisions: Vec<Text> = (1..=1000).rev().map(|id| on(&(id - 1).to_string(), "anna", 1)).collect();
        revisions[0] = on("7", "bert", 1);
        assert_eq!(fetch(&revisions), (3, vec![("anna".to_owned(), 1)]));
    }

    #[test]
    fn a_term_that_is_one_released_revision_still_has_its_holder() {
        let released = r#"{"holderIdentity":"","leaseDurationSeconds":1,"leaderTransitions":7,"instance":"i","releasedBy":"napoleon"}"#;
        let reset = r#"{"holderIdentity":"","leaseDurationSeconds":1,"leaderTransitions":7}"#;
        let texts = [Some(Text::parse(reset)), Some(Text::parse(released)), Some(held(6))];
        let found = terms(&ids(3), &texts);
        let shown: Vec<_> = found.iter().map(|term| (term.holder.as_str(), term.token.get(), term.released)).collect();
        assert_eq!(shown, [("napoleon", 7, true), ("n6", 6, false)]);
    }

    #[test]
    fn nothing_to_walk() {
        assert_eq!(walk(&[]), (0, vec![]));
        assert_eq!(walk(&[1]), (1, vec![1]));
    }

    #[test]
    fn a_page_that_was_pushed_down_lists_nothing_twice() {
        let mut versions = ids(3);
        add_page(&mut versions, ["2", "1", "0"].map(str::to_owned).into());
        assert_eq!(versions, ["3", "2", "1", "0"]);
    }
}
