//! What the page costs: its files, and its figures in Chromium, as the pages' tests measure them.

use anyhow::Result;

use super::row::{Bound, Row, Unit};
use crate::web;

/// The page's bounds, with the names under which its tests report.
const BOUNDS: [(&str, &str, f64, Unit); 6] = [
    ("size", "page: all files, gzipped, in bytes", 256_000.0, Unit::Count),
    ("first paint", "page: first paint at a quarter of the machine's speed", 1000.0, Unit::Millis),
    ("change", "page: a change of leader is shown, after the take-over (poll 2 s + 1 s)", 3000.0, Unit::Millis),
    ("frame", "playground: script time a frame, seven candidates at 10×, 95th percentile", 8.0, Unit::Millis),
    ("drawn", "page: a day's history (2,000 terms) drawn anew", 100.0, Unit::Millis),
    ("growth", "playground: memory gained between 3.5 and 7 hours of a run at 60×", 0.5, Unit::Megabytes),
];

/// All of it.
pub(super) fn rows() -> Result<Vec<Row>> {
    let figures = match web::figures()? {
        Ok(figures) => Ok(figures),
        Err(web::Lacks(why, mend)) => Err(format!("{why}; mend it with: {mend}")),
    };
    let row = |(name, what, most, unit): (&str, &str, f64, Unit)| {
        let measured = figures.clone().and_then(|figures| {
            let runs: Vec<f64> = figures.iter().filter(|(of, _)| of == name).map(|(_, value)| *value).collect();
            if runs.is_empty() { Err("its test reported nothing".to_owned()) } else { Ok(runs) }
        });
        Row { what: what.to_owned(), bound: Bound::Most(most), unit, measured, original: "" }
    };
    Ok(BOUNDS.map(row).into())
}
