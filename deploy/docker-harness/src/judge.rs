//! What the appends prove, or disprove.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Moment;
use crate::events::Pause;
use crate::sink::Append;

/// How soon after an unpause a late job must be gone.
pub(crate) const GONE_WITHIN: Duration = Duration::from_secs(1);

/// A term, as its job told it.
pub(crate) struct Term {
    pub(crate) token: u64,
    pub(crate) name: String,
    pub(crate) first: Moment,
    pub(crate) last: Moment,
}

#[derive(Default)]
pub(crate) struct Verdict {
    pub(crate) terms: Vec<Term>,
    pub(crate) accepted: usize,
    /// Late writes of a job that was paused for longer than the lease: the sink refused them.
    pub(crate) refused_after_pause: usize,
    pub(crate) slowest_end_after_pause: Option<Duration>,
    pub(crate) wrongs: Vec<String>,
}

/// Holds the appends against the promise: no two terms overlap, no token decreases, but for what a pause explains.
pub(crate) fn judge(appends: &[Append], pauses: &[Pause]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut terms: BTreeMap<u64, Term> = BTreeMap::new();
    for append in appends {
        if !append.accepted {
            if pauses.iter().any(|pause| explains(pause, append)) {
                verdict.refused_after_pause += 1;
            } else {
                verdict.wrongs.push(format!("a token decreased, and no pause explains it: {append:?}"));
            }
            continue;
        }
        verdict.accepted += 1;
        let Append { token, name, sent, .. } = append;
        let term = terms.entry(*token).or_insert_with(|| Term {
            token: *token,
            name: name.clone(),
            first: *sent,
            last: *sent,
        });
        if term.name != *name {
            verdict.wrongs.push(format!("{} and {name} both worked with token {token}", term.name));
        }
        term.first = term.first.min(*sent);
        term.last = term.last.max(*sent);
    }
    verdict.terms = terms.into_values().collect();
    for (earlier, later) in verdict.terms.iter().zip(verdict.terms.iter().skip(1)) {
        if earlier.last >= later.first {
            let overlap = earlier.last.since(later.first);
            verdict.wrongs.push(format!(
                "two jobs worked at once for {overlap:.2?}: {} with token {}, {} with token {}",
                earlier.name, earlier.token, later.name, later.token
            ));
        }
    }
    for pause in pauses {
        if let Some(gone) = pause.job_gone {
            verdict.slowest_end_after_pause = verdict.slowest_end_after_pause.max(Some(gone));
            if gone > GONE_WITHIN {
                verdict.wrongs.push(format!("{}: its job was gone {gone:.2?} after the unpause", pause.name));
            }
        }
    }
    verdict
}

fn explains(pause: &Pause, append: &Append) -> bool {
    pause.name == append.name && append.received > pause.from && append.received <= pause.thawed.after(GONE_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(name: &str, token: u64, at: u128, accepted: bool) -> Append {
        let at = Moment(at * 1_000_000_000);
        Append { name: name.to_owned(), token, sent: at, received: at, accepted }
    }

    fn pause(name: &'static str, from: u128, to: u128) -> Pause {
        let moment = |at| Moment(at * 1_000_000_000);
        let gone = Some(Duration::from_millis(10));
        Pause { name, from: moment(from), thawed: moment(to), job_gone: gone }
    }

    fn wrongs(appends: &[Append], pauses: &[Pause]) -> Vec<String> {
        judge(appends, pauses).wrongs
    }

    #[test]
    fn terms_one_after_the_other_are_right() {
        let verdict = judge(&[append("a", 1, 1, true), append("a", 1, 2, true), append("b", 2, 3, true)], &[]);
        assert!(verdict.wrongs.is_empty());
        let terms: Vec<_> = verdict.terms.iter().map(|term| (term.token, &*term.name)).collect();
        assert_eq!((terms, verdict.accepted), (vec![(1, "a"), (2, "b")], 3));
    }

    #[test]
    fn an_overlap_is_found() {
        let mut late = append("a", 1, 1, true);
        late.sent = Moment(4_000_000_000);
        let found = wrongs(&[append("a", 1, 0, true), late, append("b", 2, 3, true)], &[]);
        assert!(found[0].contains("at once"), "{found:?}");
        assert_eq!(wrongs(&[append("a", 1, 1, true), append("b", 2, 1, true)], &[]).len(), 1, "the same moment");
        // The sink may hear two appends of a job in the other order.
        let mut early = append("b", 2, 4, true);
        early.sent = Moment(500_000_000);
        let appends = [append("a", 1, 0, true), append("a", 1, 1, true), append("b", 2, 3, true), early];
        assert_eq!(wrongs(&appends, &[]).len(), 1);
        let appends = [append("a", 1, 4, true), append("a", 1, 1, true), append("b", 2, 3, true)];
        assert_eq!(wrongs(&appends, &[]).len(), 1);
    }

    #[test]
    fn a_decreasing_token_needs_a_pause_of_its_own_container() {
        let appends = [append("a", 1, 1, true), append("b", 2, 11, true), append("a", 1, 12, false)];
        assert_eq!(wrongs(&appends, &[]).len(), 1);
        assert_eq!(wrongs(&appends, &[pause("b", 2, 12)]).len(), 1);
        let verdict = judge(&appends, &[pause("a", 2, 12)]);
        assert!(verdict.wrongs.is_empty(), "{:?}", verdict.wrongs);
        assert_eq!((verdict.accepted, verdict.refused_after_pause), (2, 1));
        assert_eq!(wrongs(&appends, &[pause("a", 2, 10)]).len(), 1, "two seconds after the unpause are too late");
        assert_eq!(wrongs(&appends, &[pause("a", 13, 20)]).len(), 1, "before the pause there was no reason");
    }

    #[test]
    fn one_token_of_two_names_is_found() {
        assert_eq!(wrongs(&[append("a", 1, 1, true), append("b", 1, 2, true)], &[]).len(), 1);
    }

    #[test]
    fn a_job_that_outlives_its_unpause_is_found() {
        let mut long = pause("a", 1, 2);
        long.job_gone = Some(Duration::from_millis(1100));
        let verdict = judge(&[], &[pause("b", 1, 2), long, pause("c", 1, 2)]);
        assert_eq!((verdict.wrongs.len(), verdict.slowest_end_after_pause), (1, Some(Duration::from_millis(1100))));
    }
}
