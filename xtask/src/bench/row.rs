//! One line of the table: a bound, and whether it held.

use std::fmt;

/// What is promised of a figure.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    /// No run is above it.
    Most(f64),
    /// No run is above the first, and their median not above the second.
    MostAndMedian(f64, f64),
    /// The median is under it.
    MedianUnder(f64),
    /// Nothing: shown to be known.
    Nothing,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) what: String,
    pub(super) bound: Bound,
    pub(super) unit: Unit,
    /// The runs, or why there are none.
    pub(super) measured: Result<Vec<f64>, String>,
    /// The original's figure, measured earlier; empty where there is none.
    pub(super) original: &'static str,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    Seconds,
    Millis,
    Micros,
    Megabytes,
    Percent,
    /// Requests, writes, allocations.
    Count,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Count => format!("{value:.0}"),
            Self::Millis => format!("{value:.1}"),
            Self::Seconds | Self::Micros | Self::Megabytes | Self::Percent => format!("{value:.2}"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Seconds => " s",
            Self::Millis => " ms",
            Self::Micros => " µs",
            Self::Megabytes => " MB",
            Self::Percent => " %",
            Self::Count => "",
        }
    }
}

/// Least, middle and greatest of the runs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Summary {
    min: f64,
    median: f64,
    max: f64,
}

impl Summary {
    fn of(runs: &[f64]) -> Option<Self> {
        let mut runs = runs.to_vec();
        runs.sort_by(f64::total_cmp);
        let (min, max) = (*runs.first()?, *runs.last()?);
        // The mean of the middle two where their number is even.
        let median = f64::midpoint(runs[(runs.len() - 1) / 2], runs[runs.len() / 2]);
        Some(Self { min, median, max })
    }

    fn keeps(self, bound: Bound) -> bool {
        match bound {
            Bound::Most(most) => self.max <= most,
            Bound::MostAndMedian(most, median) => self.max <= most && self.median <= median,
            Bound::MedianUnder(median) => self.median < median,
            Bound::Nothing => true,
        }
    }
}

impl Row {
    fn summary(&self) -> Result<Summary, &str> {
        let runs = self.measured.as_ref().map_err(String::as_str)?;
        Summary::of(runs).ok_or("no runs")
    }

    /// What was not measured breaks no bound, and says so in the table.
    fn good(&self) -> bool {
        self.summary().map_or(true, |summary| summary.keeps(self.bound))
    }

    fn cells(&self) -> [String; 5] {
        let show = |value: f64| format!("{}{}", self.unit.show(value), self.unit.name());
        let bound = match self.bound {
            Bound::Most(most) => show(most),
            Bound::MostAndMedian(most, median) => format!("{}, median {}", show(most), show(median)),
            Bound::MedianUnder(median) => format!("median under {}", show(median)),
            Bound::Nothing => "–".to_owned(),
        };
        let measured = match self.summary() {
            Ok(Summary { min, median, max }) => {
                let [min, median] = [min, median].map(|value| self.unit.show(value));
                format!("{min} / {median} / {}", show(max))
            }
            Err(why) => format!("NOT MEASURED: {why}"),
        };
        let runs = self.measured.as_ref().map_or(0, Vec::len).to_string();
        let original = if self.original.is_empty() { "–" } else { self.original };
        let mark = if self.good() { "" } else { "**BROKEN** " };
        [format!("{mark}{}", self.what), bound, measured, runs, original.to_owned()]
    }
}

/// Prints the table, as Markdown; `true` if every bound held.
pub(super) fn print(rows: &[Row]) -> bool {
    print!("\n{}", Table(rows));
    let broken: Vec<&Row> = rows.iter().filter(|row| !row.good()).collect();
    if !broken.is_empty() {
        println!("\nBROKEN:");
    }
    for row in &broken {
        println!("  {}", row.what);
    }
    broken.is_empty()
}

struct Table<'a>(&'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head =
            ["what", "at most", "min / median / max", "runs", "Go original, measured earlier"].map(str::to_owned);
        let lines: Vec<[String; 5]> = std::iter::once(head).chain(self.0.iter().map(Row::cells)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        for (number, line) in lines.iter().enumerate() {
            let padded = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "| {} |", padded.collect::<Vec<_>>().join(" | "))?;
            if number == 0 {
                writeln!(f, "|{}|", widths.map(|width| "-".repeat(width + 2)).join("|"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bound: Bound, runs: &[f64]) -> Row {
        let what = "failover".to_owned();
        Row { what, bound, unit: Unit::Seconds, measured: Ok(runs.to_vec()), original: "" }
    }

    #[test]
    fn a_single_run_breaks_a_bound_on_all() {
        assert!(row(Bound::Most(3.0), &[1.0, 3.0]).good());
        assert!(!row(Bound::Most(3.0), &[1.0, 3.1]).good());
        assert!(!row(Bound::MostAndMedian(3.0, 1.5), &[1.0, 2.0, 3.0]).good());
    }

    #[test]
    fn a_slow_run_does_not_move_the_median() {
        assert!(row(Bound::MedianUnder(5.0), &[1.0, 90.0, 2.0]).good());
        assert!(!row(Bound::MedianUnder(5.0), &[5.0]).good());
    }

    #[test]
    fn what_could_not_be_measured_says_why_and_breaks_nothing() {
        let missing = Row { measured: Err("no /proc here".to_owned()), ..row(Bound::Most(8.0), &[]) };
        assert!(missing.good());
        assert!(missing.cells()[2].contains("NOT MEASURED: no /proc here"));
    }
}
