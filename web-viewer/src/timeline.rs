//! The history as a picture: a lane a candidate, a bar a term, gaps without a leader marked. Only numbers here.

use leader_elector_core::gist::history::Term;
use leader_elector_core::json::Writer;

use crate::words::{Tenths, shown};

/// Lanes have a colour each, then they repeat.
pub const COLOURS: usize = 7;

/// A term in the picture. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The holder, as it is shown.
    pub holder: String,
    /// The fencing token.
    pub token: u64,
    /// Which lane.
    pub lane: usize,
    /// When it began and was last written.
    pub start: i64,
    /// When it was last written.
    pub end: i64,
    /// Whether it was given back.
    pub released: bool,
    /// Whether it still runs.
    pub is_now: bool,
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The names of the lanes, in the order of their first term.
    pub lanes: Vec<String>,
    /// Oldest first.
    pub bars: Vec<Bar>,
    /// Times without a leader.
    pub gaps: Vec<(i64, i64)>,
    /// The first and the last moment.
    pub from: i64,
    /// The last moment.
    pub to: i64,
}

impl Picture {
    /// Lays the terms out, newest first as they come. `now` ends the picture; `led` says whether the newest term runs.
    #[must_use]
    pub fn of(terms: &[Term], now: i64, led: bool) -> Self {
        let mut picture = Self::default();
        for (n, term) in terms.iter().enumerate().rev() {
            let Some(start) = term.start.or(term.end).map(|time| time.timestamp()) else { continue };
            let is_now = n == 0 && led && !term.released;
            let end = term.end.map_or(start, |time| time.timestamp()).max(start);
            let end = if is_now { end.max(now) } else { end };
            let holder = shown(&term.holder);
            let lane = picture.lanes.iter().position(|lane| *lane == holder).unwrap_or_else(|| {
                picture.lanes.push(holder.clone());
                picture.lanes.len() - 1
            });
            if let Some(before) = picture.bars.last().map(|bar| bar.end)
                && start > before + 1
            {
                picture.gaps.push((before, start));
            }
            picture.bars.push(Bar {
                holder,
                token: term.token.get(),
                lane,
                start,
                end,
                released: term.released,
                is_now,
            });
        }
        picture.from = picture.bars.iter().map(|bar| bar.start).min().unwrap_or(now);
        let last = picture.bars.iter().map(|bar| bar.end).max().unwrap_or(now);
        if !led && now > last && !picture.bars.is_empty() {
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
        const WIDE: f64 = 800.0;
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
        for bar in &self.bars {
            let (x, to) = (LEFT + WIDE * self.x(bar.start), LEFT + WIDE * self.x(bar.end));
            let _ = write!(
                svg,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"20\" fill=\"{}\"><title>{}, token {}</title></rect>",
                Tenths(x),
                bar.lane * LANE + 15,
                Tenths((to - x).max(1.0)),
                FILLS[bar.lane % COLOURS],
                escaped(&bar.holder),
                bar.token
            );
        }
        svg + "</svg>"
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The history as JSON, with the times as the records have them.
#[must_use]
pub fn json(terms: &[Term]) -> String {
    use leader_elector_core::record::rfc3339;
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
    use leader_elector_core::WallClock;
    use leader_elector_core::record::timestamp;

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
        let picture = Picture::of(&terms, 420, true);
        assert_eq!(picture.lanes, ["n", "s"]);
        let bars: Vec<_> = picture.bars.iter().map(|bar| (bar.token, bar.lane, bar.end)).collect();
        assert_eq!(bars, [(1, 0, 100), (2, 1, 280), (3, 0, 420)]);
        assert_eq!(picture.gaps, [(100, 150), (280, 300)]);
        assert_eq!((picture.from, picture.to), (0, 420));
    }

    #[test]
    fn a_lock_that_nobody_leads_has_a_gap_up_to_now() {
        let picture = Picture::of(&[term("n", 1, 0, 100)], 160, false);
        assert_eq!(picture.gaps, [(100, 160)]);
        assert!(!picture.bars[0].is_now);
    }

    #[test]
    fn nothing_and_absurd_times_are_drawn_too() {
        assert_eq!(Picture::of(&[], 10, false).bars, []);
        let picture = Picture::of(&[term("n", 2, 9_000_000_000, 8_000_000_000), term("n", 1, -5, -9)], 10, true);
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
        let picture = Picture::of(&terms, 86_400, false);
        assert_eq!((picture.bars.len(), picture.lanes.len()), (2000, 3));
    }

    #[test]
    fn a_hostile_name_is_text_in_the_exported_picture() {
        let svg = Picture::of(&[term("<script>alert(1)</script>&\"", 1, 0, 100)], 120, true).svg();
        assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
    }

    #[test]
    fn json_names_every_field() {
        let text = json(&[term("n", 1, 0, 100)]);
        assert!(text.contains(r#""holder":"n""#) && text.contains(r#""start":"1970-01-01T00:00:00Z""#), "{text}");
    }
}
