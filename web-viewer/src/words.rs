//! What the page says, and how other people's texts are shown.

use std::fmt::Write;
use std::time::Duration;

use leader_elector_core::watch::State;

/// The longest name that is shown whole.
const LONGEST_NAME: usize = 48;

/// The longest name that is told to those who ask for the whole.
const LONGEST_WHOLE: usize = 1000;

/// Somebody else's text: controls and bidi marks are made visible, a long one is shortened.
#[must_use]
pub fn shown(text: &str) -> String {
    shown_up_to(text, LONGEST_NAME)
}

/// The same, as whole as anybody reads.
#[must_use]
pub fn whole(text: &str) -> String {
    shown_up_to(text, LONGEST_WHOLE)
}

/// The same with another bound. Its middle goes: names often differ at their ends.
#[must_use]
pub fn shown_up_to(text: &str, longest: usize) -> String {
    let mut out = String::new();
    let count = text.chars().count();
    let left_out = if count > longest { longest * 2 / 3..count - longest / 3 } else { 0..0 };
    for (n, c) in text.chars().enumerate() {
        if left_out.contains(&n) {
            if n == left_out.start {
                out.push('…');
            }
            continue;
        }
        if is_invisible(c) {
            // Writing to a string does not fail.
            let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Controls, what is no character, letters that show nothing, and what changes the direction or the look of the text
/// around it.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{00ad}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// A number with a tenth. The standard library prints any float exactly: that is several kilobytes which every reader
/// would fetch.
pub struct Tenths(pub f64);

impl std::fmt::Display for Tenths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        #[expect(clippy::cast_possible_truncation, reason = "pixels and percents")]
        let tenths = (self.0 * 10.0).round() as i64;
        let sign = if tenths < 0 { "-" } else { "" };
        let tenths = tenths.unsigned_abs();
        write!(f, "{sign}{}.{}", tenths / 10, tenths % 10)
    }
}

/// A state: its short name, and what it means.
#[must_use]
pub const fn state(state: State) -> (&'static str, &'static str) {
    match state {
        State::Unread => ("Reading…", "The lock was not read yet."),
        State::Held => {
            ("Held", "Somebody holds the lock. A renewal was not seen yet, so it is not certain that they live.")
        }
        State::Led => ("Led", "The holder was seen to write, and its lease still stands."),
        State::Free => ("Free", "Nobody leads. The next candidate to claim the lock will."),
        State::Released => ("Released", "Nobody leads: the last leader gave the lock back."),
        State::Expired => ("Expired", "Nobody leads: a whole lease passed without a renewal, and nobody has taken it."),
        State::Unclear => {
            ("Unclear", "The lock file is no record. Candidates respect it for a lease, then replace it.")
        }
        State::Stale => ("Not observed recently", "Nothing was read recently enough to say who leads."),
        State::Unreachable => ("Unreachable", "The store does not answer. Who leads is not known."),
    }
}

/// A state's name for styles and tests.
#[must_use]
pub const fn state_class(state: State) -> &'static str {
    match state {
        State::Unread => "unread",
        State::Held => "held",
        State::Led => "led",
        State::Free => "free",
        State::Released => "released",
        State::Expired => "expired",
        State::Unclear => "unclear",
        State::Stale => "stale",
        State::Unreachable => "unreachable",
    }
}

/// A span as people say it: 7 s, 3 min 5 s, 2 h 10 min, 3 d 4 h.
#[must_use]
pub fn span(span: Duration) -> String {
    let s = span.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min {} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// A refusal or a failure, in words on which a user can act.
#[must_use]
pub fn refusal(status: u16, message: &str, has_token: bool) -> String {
    match status {
        401 => "The token is wrong or has expired. Type another, or clear it and read without one.".to_owned(),
        403 => {
            format!("The API refuses: {}. A token of an app, or of another site, cannot read gists.", shown(message))
        }
        404 if has_token => "No such gist, or this token may not see it. Check the id and the API address.".to_owned(),
        404 => "No such gist, or it may not be read without a token. Check the id and the API address.".to_owned(),
        _ => format!("The API refuses: {status} {}.", shown(message)),
    }
}

/// Words for a store that wants to be left alone until `at`.
#[must_use]
pub fn throttled(is_told: bool, at: &str, has_token: bool) -> String {
    let words = if is_told {
        format!("Rate limited until {at}, by this machine's clock.")
    } else {
        format!("Rate limited; the page cannot read for how long. Trying again at {at}.")
    };
    let more = if has_token { "" } else { " A token would raise the limit from 60 reads an hour to 5,000." };
    words + more
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn direction_marks_and_controls_are_visible() {
        assert_eq!(shown("nap\u{202e}oleon\u{0}"), "nap⟨U+202E⟩oleon⟨U+0000⟩");
        assert_eq!(shown("a\u{2066}b\u{200b}\u{feff}"), "a⟨U+2066⟩b⟨U+200B⟩⟨U+FEFF⟩");
        assert_eq!(shown("a\u{3164}\u{115f}\u{1160}\u{ffa0}\u{ffff}"), "a⟨U+3164⟩⟨U+115F⟩⟨U+1160⟩⟨U+FFA0⟩⟨U+FFFF⟩");
        assert_eq!(shown("<b>נפוליאון</b>"), "<b>נפוליאון</b>");
    }

    #[test]
    fn long_names_are_shortened() {
        let long = shown(&"x".repeat(1000));
        assert_eq!(long.chars().count(), LONGEST_NAME + 1);
        assert!(long.contains('…'));
        let of = |end: &str| shown(&("a".repeat(60) + end));
        assert_ne!(of("-1"), of("-2"), "pods of one deployment differ at the end");
        assert_eq!(whole(&"x".repeat(60)).len(), 60);
    }

    #[test]
    fn no_time_is_told_that_the_page_cannot_read() {
        assert!(throttled(true, "14:32:00", true).starts_with("Rate limited until 14:32:00"));
        let untold = throttled(false, "14:32:00", true);
        assert!(untold.contains("cannot read") && !untold.contains("until"), "{untold}");
    }

    #[test]
    fn spans() {
        let words: Vec<_> = [0, 59, 65, 3_700, 90_000].map(|s| span(Duration::from_secs(s))).to_vec();
        assert_eq!(words, ["0 s", "59 s", "1 min 5 s", "1 h 1 min", "1 d 1 h"]);
    }
}
