//! What the core's own examples measure: virtual time, and single steps.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::RUNS;
use super::row::{Bound, Row, Unit};
use crate::demo::Timings;
use crate::elector;

/// What requests and answers, and the start of a process, cost at most beyond the named parts of a bound.
pub(super) const SLACK: f64 = 0.5;

/// Elections at the default timings.
pub(super) fn virtual_time(write: &str) -> Result<Vec<Row>> {
    println!("Elections and hours at the default timings, in virtual time …");
    let mut figures = Figures::of("bench_virtual", &[write])?;
    let t = Timings::DEFAULT;
    let [lease, poll, settle] = [t.lease, t.poll, t.settle].map(|span| span.as_secs_f64());
    // One more than fit evenly: both ends of the hour may meet a request.
    let an_hour = |interval: f64| (3600.0 / interval).ceil() + 1.0;
    let renewals = an_hour(t.renew_interval.as_secs_f64());
    let seconds = |row: &str, what: &str, bound: Bound, original: &'static str, figures: &mut Figures| {
        figures.row(row, format!("{what} (virtual time)"), bound, Unit::Seconds, original)
    };
    let mut rows = vec![
        seconds(
            "first",
            "first leader on a free lock",
            Bound::Most(settle + SLACK),
            "29.2 / 29.4 / 29.6 s",
            &mut figures,
        )?,
        seconds(
            "failover",
            "failover after a kill",
            Bound::MostAndMedian(lease + poll + settle + SLACK, 28.0),
            "58.9 / 62.5 / 68.7 s",
            &mut figures,
        )?,
        seconds(
            "hand_over",
            "hand-over, from the release",
            Bound::Most(poll + settle + SLACK),
            "60.5 / 63.1 / 65.1 s, from SIGTERM",
            &mut figures,
        )?,
    ];
    let counts = [
        ("leader_writes", "leader in peace: writes an hour", renewals, "708, all three"),
        ("leader_reads", "leader in peace: GETs an hour", 0.0, "2 a renewal"),
        ("follower_reads", "follower in peace: conditional GETs an hour", an_hour(poll), "2,280 GETs, all three"),
        ("follower_whole", "of them answered with 200: one a renewal", renewals, "all: no GET is conditional"),
        ("follower_wrong", "polls that took or cost anything else", 0.0, ""),
        ("writes_an_hour", "content writes of three in any hour of a term (limit 500)", renewals, "708"),
    ];
    for (row, what, most, original) in counts {
        rows.push(figures.row(row, what.to_owned(), Bound::Most(most), Unit::Count, original)?);
    }
    Ok(rows)
}

/// Single steps of 10,000 candidates in one process. A run is a round over all of them, its figure their median.
pub(super) fn steps() -> Result<Vec<Row>> {
    println!("Steps of 10,000 candidates in one process …");
    let mut figures = Figures::of("bench_steps", &[])?;
    let steps = [
        ("step_idle", "a wake with nothing due", Bound::MedianUnder(5.0), Bound::Nothing),
        ("step_wake", "a wake that asks for a read", Bound::MedianUnder(5.0), Bound::Nothing),
        ("step_304", "a 304", Bound::MedianUnder(5.0), Bound::Most(0.0)),
        ("step_200", "a 200 with a renewal", Bound::Nothing, Bound::Nothing),
    ];
    let mut rows = Vec::new();
    for (row, what, time, allocations) in steps {
        rows.push(figures.row(row, format!("core step, 10,000 locks: {what}"), time, Unit::Micros, "")?);
        let what = format!("allocations in it: {what}");
        rows.push(figures.row(&format!("{row}_allocations"), what, allocations, Unit::Count, "")?);
    }
    Ok(rows)
}

/// What an example printed: the runs of each row by its name.
struct Figures(BTreeMap<String, Vec<f64>>);

impl Figures {
    fn of(example: &str, args: &[&str]) -> Result<Self> {
        let binary = elector::release(&["-p", "leader-elector-core", "--features", "sim", "--example", example])?;
        let output = Command::new(&binary)
            .args(args)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("an example")?;
        ensure!(output.status.success(), "{example} failed");
        let text = String::from_utf8(output.stdout).context(example.to_owned())?;
        let lines = text.lines().map(|line| {
            let fields: Value = serde_json::from_str(line)?;
            let runs = fields["samples"].as_array().context("samples")?.iter().filter_map(Value::as_f64).collect();
            Ok((fields["row"].as_str().context("row")?.to_owned(), runs))
        });
        Ok(Self(lines.collect::<Result<_>>()?))
    }

    fn row(&mut self, row: &str, what: String, bound: Bound, unit: Unit, original: &'static str) -> Result<Row> {
        let runs = self.0.remove(row).with_context(|| format!("no figures of {row}"))?;
        ensure!(runs.len() >= RUNS, "{row}: {} runs are too few", runs.len());
        Ok(Row { what, bound, unit, measured: Ok(runs), original })
    }
}
