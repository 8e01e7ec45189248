//! The history as a picture: a lane a candidate, a bar a term, gaps without a leader marked. Only numbers here.

use leader_elector_core::WallClock;
use leader_elector_core::gist::history::Term;
use leader_elector_core::json::Writer;
use leader_elector_core::record::{rfc3339, timestamp};
use leader_elector_core::watch::State;

use crate::words::{Tenths, shown};

/// Lanes have a colour each, then they repeat.
pub const COLOURS: usize = 7;

/// What is known of the newest term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Newest {
    /// It was seen to go on.
    Led,
    /// Nobody leads.
    Over,
    /// Neither.
    #[default]
    Unknown,
}

impl Newest {
    /// What a state of the lock says of the term that stands.
    #[must_use]
    pub const fn of(state: State) -> Self {
        match state {
            State::Led => Self::Led,
            State::Free | State::Released | State::Expired => Self::Over,
            State::Unread | State::Held | State::Unclear | State::Stale | State::Unreachable => Self::Unknown,
        }
    }
}

/// How a term ended, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It goes on.
    Now,
    /// It was given back.
    Released,
    /// The next one began.
    Lost,
    /// What came after it was not read.
    Unread,
    /// It may go on.
    Unknown,
}

impl End {
    /// Its words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Now => "now leading",
            Self::Released => "gave it back",
            Self::Lost => "ran out or lost",
            Self::Unread => "not read",
            Self::Unknown => "not known",
        }
    }
}

/// A term in the picture. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The fencing token.
    pub token: u64,
    /// Which lane.
    pub lane: usize,
    /// When it began and was last written.
    pub start: i64,
    /// When it was last written.
    pub end: i64,
    /// How it ended.
    pub ended: End,
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The holders, in the order of their first term: as they call themselves, so that no two are taken for one.
    pub lanes: Vec<String>,
    /// Oldest first.
    pub bars: Vec<Bar>,
    /// Times in which nobody wrote.
    pub gaps: Vec<(i64, i64)>,
    /// The first and the last moment.
    pub from: i64,
    /// The last moment.
    pub to: i64,
}

impl Picture {
    /// Lays the terms out, newest first as they come. `now` ends the picture.
    #[must_use]
    pub fn of(terms: &[Term], now: i64, newest: Newest) -> Self {
        let mut picture = Self::default();
        for (n, term) in terms.iter().enumerate().rev() {
            let Some(start) = term.start.or(term.end).map(|time| time.timestamp()) else { continue };
            let token = term.token.get();
            let after = n.checked_sub(1).map(|n| terms[n].token.get());
            let ended = match (after, newest) {
                _ if term.released => End::Released,
                (Some(after), _) if after.checked_sub(1) == Some(token) => End::Lost,
                (Some(_), _) => End::Unread,
                (None, Newest::Led) => End::Now,
                (None, Newest::Over) => End::Lost,
                (None, Newest::Unknown) => End::Unknown,
            };
            let end = term.end.map_or(start, |time| time.timestamp()).max(start);
            let end = if ended == End::Now { end.max(now) } else { end };
            let lane = picture.lanes.iter().position(|lane| *lane == term.holder).unwrap_or_else(|| {
                picture.lanes.push(term.holder.clone());
                picture.lanes.len() - 1
            });
            // Between others lie terms that were not read.
            if let Some(before) = picture.bars.last()
                && before.token.checked_add(1) == Some(token)
                && start > before.end + 1
            {
                picture.gaps.push((before.end, start));
            }
            picture.bars.push(Bar { token, lane, start, end, ended });
        }
        picture.from = picture.bars.iter().map(|bar| bar.start).min().unwrap_or(now);
        let last = picture.bars.iter().map(|bar| bar.end).max().unwrap_or(now);
        if newest == Newest::Over && now > last && !picture.bars.is_empty() {
            picture.gaps.push((last, now));
        }
        picture.to = last.max(now).max(picture.from + 1);
        picture
    }

    /// Where a moment lies, from 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a picture's seconds")]
    pub fn x(&self, at: i64) -> f64 {
        ((at - self.from) as f64 / (self.to - self.from).max(1) as f64).clamp(0.0, 1.0)
    }

    /// Round moments to mark, at most eight.
    #[must_use]
    pub fn ticks(&self) -> Vec<i64> {
        const STEPS: [i64; 14] =
            [5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000];
        let span = self.to - self.from;
        let step = STEPS.into_iter().find(|step| span / step <= 6).unwrap_or(span / 6 + 1);
        let first = self.from.div_euclid(step) + 1;
        (0..8).map(|n| (first + n) * step).take_while(|at| *at < self.to).collect()
    }
}

impl Picture {
    /// The picture as a file of its own, in colours that hold on white.
    #[must_use]
    pub fn svg(&self) -> String {
        use std::fmt::Write;
        const FILLS: [&str; COLOURS] = ["#1f4fd8", "#b4540a", "#0b7a5c", "#8a2bb8", "#b3261e", "#51606f", "#7a6a00"];
        const LEFT: f64 = 180.0;
        const WIDE: f64 = 760.0;
        const LANE: usize = 30;
        let height = self.lanes.len() * LANE + 30;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1000\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">"
        );
        // Writing to a string does not fail.
        let _ = write!(svg, "<rect width=\"1000\" height=\"{height}\" fill=\"#fff\"/>");
        for (n, lane) in self.lanes.iter().enumerate() {
            let _ = write!(svg, "<text x=\"8\" y=\"{}\">{}</text>", n * LANE + 30, escaped(lane));
        }
        let across = |from, to| {
            let (x, to) = (LEFT + WIDE * self.x(from), LEFT + WIDE * self.x(to));
            (Tenths(x), Tenths((to - x).max(1.0)))
        };
        for (from, to) in &self.gaps {
            let (x, width) = across(*from, *to);
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"10\" width=\"{width}\" height=\"{}\" fill=\"#f5d5d2\"/>",
                self.lanes.len() * LANE
            );
        }
        for bar in &self.bars {
            let (x, width) = across(bar.start, bar.end);
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"20\" fill=\"{}\"><title>{}, token {}, {} to {}</title></rect>",
                bar.lane * LANE + 15,
                FILLS[bar.lane % COLOURS],
                escaped(&self.lanes[bar.lane]),
                bar.token,
                utc(bar.start),
                utc(bar.end)
            );
        }
        let y = self.lanes.len() * LANE + 24;
        for at in self.ticks() {
            let (x, _) = across(at, at);
            let _ = write!(svg, "<text x=\"{x}\" y=\"{y}\" font-size=\"9\" text-anchor=\"middle\">{}</text>", utc(at));
        }
        svg + "</svg>"
    }
}

/// A moment as the records have it.
fn utc(seconds: i64) -> String {
    timestamp(WallClock(seconds.saturating_mul(1000))).as_ref().map(rfc3339).unwrap_or_default()
}

/// Other people's text in XML, which has no room for what [`shown`] makes visible.
fn escaped(text: &str) -> String {
    shown(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The history as JSON, with the times as the records have them.
#[must_use]
pub fn json(terms: &[Term]) -> String {
    let mut to = Writer::new();
    to.open('{').name("terms").open('[');
    for term in terms {
        to.open('{').name("holder").string(&term.holder).name("token").number(term.token.get());
        for (name, time) in [("start", &term.start), ("end", &term.end)] {
            to.name(name).string_or_null(time.as_ref().map(rfc3339).as_deref());
        }
        to.name("seconds").raw(&term.seconds().map_or_else(|| "null".to_owned(), |seconds| seconds.to_string()));
        to.name("released").boolean(term.released).close('}');
    }
    to.close(']').close('}').finish()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use leader_elector_core::Token;

    use super::*;

    fn term(holder: &str, token: u64, start: i64, end: i64) -> Term {
        let time = |s: i64| timestamp(WallClock(s * 1000));
        Term {
            holder: holder.to_owned(),
            token: Token::new(token).unwrap(),
            start: time(start),
            end: time(end),
            released: false,
        }
    }

    #[test]
    fn a_lane_a_candidate_and_gaps_between_terms() {
        let terms = [term("n", 3, 300, 400), term("s", 2, 150, 280), term("n", 1, 0, 100)];
        let picture = Picture::of(&terms, 420, Newest::Led);
        assert_eq!(picture.lanes, ["n", "s"]);
        let bars: Vec<_> = picture.bars.iter().map(|bar| (bar.token, bar.lane, bar.end)).collect();
        assert_eq!(bars, [(1, 0, 100), (2, 1, 280), (3, 0, 420)]);
        assert_eq!(picture.gaps, [(100, 150), (280, 300)]);
        assert_eq!((picture.from, picture.to), (0, 420));
    }

    #[test]
    fn a_lock_that_nobody_leads_has_a_gap_up_to_now() {
        let picture = Picture::of(&[term("n", 1, 0, 100)], 160, Newest::Over);
        assert_eq!(picture.gaps, [(100, 160)]);
        assert_eq!(picture.bars[0].ended, End::Lost);
    }

    #[test]
    fn what_was_not_read_is_no_gap_and_no_end() {
        let terms = [term("n", 9, 500, 600), term("s", 4, 150, 280), term("n", 3, 0, 100)];
        let picture = Picture::of(&terms, 900, Newest::Unknown);
        assert_eq!(picture.gaps, [(100, 150)], "five terms lie between 4 and 9, and nobody knows whether 9 is over");
        let ends: Vec<_> = picture.bars.iter().map(|bar| (bar.end, bar.ended)).collect();
        assert_eq!(ends, [(100, End::Lost), (280, End::Unread), (600, End::Unknown)]);
    }

    #[test]
    fn only_a_term_that_was_seen_to_go_on_leads_now() {
        for (state, newest) in [
            (State::Led, Newest::Led),
            (State::Held, Newest::Unknown),
            (State::Stale, Newest::Unknown),
            (State::Unreachable, Newest::Unknown),
            (State::Unclear, Newest::Unknown),
            (State::Expired, Newest::Over),
        ] {
            assert_eq!(Newest::of(state), newest, "{state:?}");
        }
    }

    #[test]
    fn names_that_look_alike_have_a_lane_each() {
        let (a, b) = ("x".repeat(60) + "a" + &"x".repeat(60), "x".repeat(60) + "b" + &"x".repeat(60));
        assert_eq!(shown(&a), shown(&b));
        let picture = Picture::of(&[term(&b, 2, 200, 300), term(&a, 1, 0, 100)], 400, Newest::Led);
        assert_eq!(picture.lanes, [a, b]);
    }

    #[test]
    fn the_exported_picture_has_gaps_and_times_and_is_xml() {
        let svg = Picture::of(&[term("\u{ffff}\u{fffe}\u{1}", 1, 0, 100)], 160, Newest::Over).svg();
        assert!(svg.contains("#f5d5d2") && svg.contains("1970-01-01T00:01:40Z</title>"), "{svg}");
        // Every half a minute of 160 s.
        assert!(svg.contains("x=\"465.0\" y=\"54\"") && svg.contains(">1970-01-01T00:01:00Z</text>"), "{svg}");
        assert!(!svg.contains(['\u{fffe}', '\u{ffff}', '\u{1}']), "{svg}");
    }

    #[test]
    fn nothing_and_absurd_times_are_drawn_too() {
        assert_eq!(Picture::of(&[], 10, Newest::Unknown).bars, []);
        let picture = Picture::of(&[term("n", 2, 9_000_000_000, 8_000_000_000), term("n", 1, -5, -9)], 10, Newest::Led);
        assert!(picture.bars.iter().all(|bar| bar.end >= bar.start));
        assert!((0.0..=1.0).contains(&picture.x(10)));
        assert!(picture.ticks().len() <= 8);
    }

    #[test]
    fn a_day_of_two_thousand_terms_is_laid_out() {
        let terms: Vec<Term> = (0..2000)
            .rev()
            .map(|n| {
                term(
                    ["a", "b", "c"][usize::try_from(n % 3).unwrap()],
                    u64::try_from(n).unwrap() + 1,
                    n * 43,
                    n * 43 + 40,
                )
            })
            .collect();
        let picture = Picture::of(&terms, 86_400, Newest::Unknown);
        assert_eq!((picture.bars.len(), picture.lanes.len()), (2000, 3));
    }

    #[test]
    fn a_hostile_name_is_text_in_the_exported_picture() {
        let svg = Picture::of(&[term("<script>alert(1)</script>&\"", 1, 0, 100)], 120, Newest::Led).svg();
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
    }

    #[test]
    fn json_names_every_field() {
        let text = json(&[term("n", 1, 0, 100)]);
        assert!(text.contains(r#""holder":"n""#) && text.contains(r#""start":"1970-01-01T00:00:00Z""#), "{text}");
    }
}
