//! What is known of a lock. It outlives the reading and the tab: whoever comes back to a place finds what was known of
//! it, and the budget is not spent twice.

use std::cell::RefCell;
use std::time::Duration;

use leader_elector_core::gist::history::{self, Term};
use leader_elector_core::record::Text;
use leader_elector_core::{Instant, Watch};

use crate::answer::Shown;
use crate::browser;
use crate::place::Place;
use crate::plan::Budget;

/// `GET /gists/:id/commits` gives at most this many at once.
const PAGE: usize = 100;

/// So many places are remembered at most.
const MOST_KEPT: usize = 16;

thread_local! {
    /// Newest last.
    static KEPT: RefCell<Vec<Known>> = const { RefCell::new(Vec::new()) };
}

/// Everything that is known, as the page shows it.
#[derive(Default)]
pub(super) struct Known {
    pub(super) place: Place,
    pub(super) token: Option<String>,
    pub(super) watch: Watch,
    pub(super) budget: Budget,
    pub(super) requests: u32,
    pub(super) failure: Option<String>,
    pub(super) shown: Shown,
    pub(super) revisions: Option<(usize, bool)>,
    pub(super) terms: Vec<Term>,
    /// Whether the terms are all there were.
    pub(super) complete: bool,
    /// The look back that is on its way.
    pub(super) back: Option<Back>,
    /// By version.
    texts: Vec<(String, Text)>,
    /// The wait after the last read that was answered.
    pub(super) interval: Duration,
    pub(super) next_read: Option<Instant>,
    /// Until then the store wants to be left alone.
    pub(super) throttled: Option<Instant>,
    /// Nobody looks: nothing is read.
    pub(super) paused: bool,
}

/// A look back at older terms.
#[derive(Default)]
pub(super) struct Back {
    /// Requests that it may still spend.
    left: u32,
    /// Pages of the list that it may still ask for, those that it has, and whether they end with the oldest revision.
    pages: u32,
    page: u32,
    listed_all: bool,
    versions: Vec<String>,
    /// Those of the versions, once these are listed.
    texts: Vec<Option<Text>>,
}

impl Back {
    /// Begins with the list, and spends no more than so many requests.
    pub(super) fn new(left: u32) -> Self {
        Self { left, pages: (left / 10).clamp(1, 20), ..Self::default() }
    }
}

impl Known {
    /// What is known of a place, for those who read it with this token.
    pub(super) fn of(place: &Place, token: Option<String>) -> Self {
        KEPT.with_borrow_mut(|all| {
            if let Some(at) = all.iter().position(|known| known.place == *place && known.token == token) {
                let mut known = all.remove(at);
                // With a token the budget allows a look at once.
                if known.token.is_some() || (known.watch.version().is_none() && known.failure.is_none()) {
                    known.next_read = known.throttled;
                }
                return known;
            }
            let mut new = Self { place: place.clone(), token, ..Self::default() };
            // Another gist of the same API has the same budget.
            let same = all.iter().rfind(|known| known.token == new.token && known.place.api == place.api);
            if let Some(Self { budget, throttled, .. }) = same {
                (new.budget, new.throttled, new.next_read) = (*budget, *throttled, *throttled);
            }
            new
        })
    }

    /// Keeps it for [`Self::of`].
    pub(super) fn keep(self) {
        if !self.place.gist.is_empty() {
            KEPT.with_borrow_mut(|all| {
                if all.len() == MOST_KEPT {
                    all.remove(0);
                }
                all.push(self);
            });
        }
    }

    /// The newest term is this one; `false`: others have passed before it.
    pub(super) fn begins_with(&mut self, term: Term) -> bool {
        let token = term.token.get();
        match self.terms.first().map(|newest| newest.token.get()) {
            Some(newest) if token == newest => self.terms[0] = term,
            Some(newest) if token.checked_sub(1) == Some(newest) => self.terms.insert(0, term),
            None if token == 1 => self.terms.push(term),
            _ => return false,
        }
        true
    }

    /// What to ask for next, to look back.
    pub(super) fn path_back(&self) -> Option<String> {
        let back = self.back.as_ref().filter(|back| back.left > 0)?;
        if self.throttled.is_some_and(|until| browser::now().at < until) {
            return None;
        }
        if back.pages > 0 {
            return Some(format!("/commits?per_page={PAGE}&page={}", back.page + 1));
        }
        Some(format!("/{}", back.versions[back.next()?]))
    }

    /// Takes in what was asked for; `None`: it was not answered.
    pub(super) fn took_back(&mut self, body: Option<&[u8]>, file: &str) {
        let Some(back) = &mut self.back else { return };
        back.left = back.left.saturating_sub(1);
        let has_taken =
            if back.pages > 0 { back.list(body, &mut self.texts) } else { back.text(body, file, &mut self.texts) };
        if back.pages > 0 && has_taken.is_some() {
            return;
        }
        let is_over = has_taken.is_none() || back.left == 0 || back.next().is_none();
        if back.texts.iter().any(Option::is_some) {
            self.terms = history::terms(&back.versions, &back.texts);
            self.complete = back.listed_all && back.next().is_none();
        }
        if is_over {
            self.back = None;
        }
        // What stands now was read later than the list.
        if let Some(term) = self.watch.record().and_then(Term::of) {
            self.begins_with(term);
        }
    }
}

impl Back {
    /// Which revision to ask for.
    fn next(&self) -> Option<usize> {
        history::next_to_fetch(&self.versions, &self.texts)
    }

    fn list(&mut self, body: Option<&[u8]>, known: &mut Vec<(String, Text)>) -> Option<()> {
        let more = history::versions(body?)?;
        self.listed_all = more.len() < PAGE;
        history::add_page(&mut self.versions, more);
        self.page += 1;
        self.pages = if self.listed_all { 0 } else { self.pages - 1 };
        if self.pages == 0 {
            known.retain(|(version, _)| self.versions.contains(version));
            let text = |version: &String| known.iter().find(|(of, _)| of == version).map(|(_, text)| text.clone());
            self.texts = self.versions.iter().map(text).collect();
        }
        Some(())
    }

    fn text(&mut self, body: Option<&[u8]>, file: &str, known: &mut Vec<(String, Text)>) -> Option<()> {
        let at = self.next()?;
        let text = history::text(body?, file)?;
        known.push((self.versions[at].clone(), text.clone()));
        self.texts[at] = Some(text);
        Some(())
    }
}
