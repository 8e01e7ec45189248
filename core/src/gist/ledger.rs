//! What is known of revisions. A revision by id never changes, so what was seen once is remembered, within bounds.

use std::collections::VecDeque;
use std::sync::Arc;

use super::wire::LONGEST_LIST;
use crate::lock::Version;
use crate::ordered::{OrderedMap, OrderedSet};
use crate::record::{Text, Token};

/// Texts that are remembered: more than the longest list has, or a look back would fetch for ever what it forgets.
const TEXTS: usize = LONGEST_LIST + 28;
/// Replaced revisions that are remembered.
const OLDER: usize = 1024;

#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    texts: OrderedMap<Version, Arc<Text>>,
    text_order: VecDeque<Version>,
    older: OrderedSet<Version>,
    older_order: VecDeque<Version>,
    /// The head accepted last, and its parent: a later head with the same parent has replaced it.
    accepted: Option<(Version, Option<Version>)>,
    newest_token: Token,
}

impl Ledger {
    /// The lock file's text at a revision.
    pub(super) fn text(&self, version: &Version) -> Option<&Arc<Text>> {
        self.texts.get(version)
    }

    /// Remembers a text.
    pub(super) fn note_text(&mut self, version: &Version, text: Arc<Text>) {
        if let Some(record) = text.record() {
            self.note_token(record.token);
        }
        if self.texts.insert(version.clone(), text).is_none() {
            self.text_order.push_back(version.clone());
            if self.text_order.len() > TEXTS
                && let Some(oldest) = self.text_order.pop_front()
            {
                self.texts.remove(&oldest);
            }
        }
    }

    /// Remembers what an accepted list says of the order: everything below its head is older, and so is the head
    /// accepted before, if it had the same parent.
    pub(super) fn note_list(&mut self, newest_first: &[Version]) {
        for parent in newest_first.iter().skip(1) {
            self.note_older(parent);
        }
        let accepted = (newest_first[0].clone(), newest_first.get(1).cloned());
        if let Some((head, parent)) = self.accepted.replace(accepted.clone())
            && head != accepted.0
            && parent.is_some()
            && parent == accepted.1
        {
            self.note_older(&head);
        }
    }

    /// Remembers that something was seen that replaced it.
    pub(super) fn note_older(&mut self, version: &Version) {
        if self.older.insert(version.clone()) {
            self.older_order.push_back(version.clone());
            if self.older_order.len() > OLDER
                && let Some(oldest) = self.older_order.pop_front()
            {
                self.older.remove(&oldest);
            }
        }
    }

    /// Whether something was seen that replaced it.
    pub(super) fn is_older(&self, version: &Version) -> bool {
        self.older.contains(version)
    }

    /// Whether this very text is that of a revision that was replaced, and of none that was not.
    pub(super) fn is_old_text(&self, text: &Text) -> bool {
        let mut same = self.texts.iter().filter(|(_, known)| ***known == *text).map(|(version, _)| version).peekable();
        same.peek().is_some() && same.all(|version| self.is_older(version))
    }

    /// History was rewritten: what replaced what is no longer known.
    pub(super) fn forget_order(&mut self) {
        self.older.clear();
        self.older_order.clear();
        self.accepted = None;
    }

    /// A token was seen, or used in a write whose outcome may never be known (R7).
    pub(super) fn note_token(&mut self, token: Token) {
        self.newest_token = self.newest_token.max(token);
    }

    /// The highest token ever noted.
    pub(super) const fn newest_token(&self) -> Token {
        self.newest_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: usize) -> Version {
        Version::from(format!("{number:040x}").as_str())
    }

    /// A candidate runs for months: broken by forgetting nothing.
    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
        let mut ledger = Ledger::default();
        let text = Arc::new(Text::Nothing);
        let last = 5 * OLDER;
        for number in 0..=last {
            // Seen twice, remembered once.
            ledger.note_text(&version(number), Arc::clone(&text));
            ledger.note_text(&version(number), Arc::clone(&text));
            ledger.note_list(&[version(number + 1), version(number)]);
        }
        assert_eq!((ledger.texts.len(), ledger.text_order.len()), (TEXTS, TEXTS));
        assert_eq!((ledger.older.len(), ledger.older_order.len()), (OLDER, OLDER));
        assert!(ledger.text(&version(last)).is_some() && ledger.text(&version(last - TEXTS)).is_none());
        assert!(ledger.is_older(&version(last)) && !ledger.is_older(&version(last - OLDER)));
    }

    /// R7: a token outlives the text that it was seen in.
    #[test]
    fn a_token_is_remembered_for_ever() {
        let mut ledger = Ledger::default();
        ledger.note_token(Token::new(7).expect("in range"));
        for number in 0..2 * TEXTS {
            ledger.note_text(&version(number), Arc::new(Text::Nothing));
        }
        assert_eq!(ledger.newest_token().get(), 7);
    }
}
