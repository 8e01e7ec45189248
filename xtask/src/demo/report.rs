//! The table at the end, and the only question that matters: did two ever lead at once?

use std::time::Instant;

use super::play::Row;
use super::process::{NAMES, Reign};

/// Prints the table; `true` if every bound held and no two led at once.
pub(super) fn print(rows: &[Row], reigns: &[Reign]) -> bool {
    println!("\n{:<62}{:>9}{:>10}  note", "event", "at most", "measured");
    let mut good = true;
    for row in rows {
        good &= row.good;
        let mark = if row.good { "" } else { "  TOO LATE OR WRONG" };
        let (bound, measured) = (row.bound.as_secs_f64(), row.measured.as_secs_f64());
        println!("{:<62}{bound:>7.1} s{measured:>8.2} s  {}{mark}", row.event, row.note);
    }
    let overlaps = overlaps(reigns, Instant::now());
    for (a, b) in &overlaps {
        println!("TWO LEADERS: {} with token {}, {} with token {}", NAMES[a.who], a.token, NAMES[b.who], b.token);
    }
    if overlaps.is_empty() {
        println!("\n{} terms; at no moment did two processes lead at once.", reigns.len());
        println!("(The sleeping one could neither act nor speak; nothing but the token tells its late work apart.)");
    }
    good && overlaps.is_empty()
}

/// Pairs of reigns that overlap. One that slept is left out: it led by its own belief only, and could do nothing.
pub(crate) fn overlaps(reigns: &[Reign], now: Instant) -> Vec<(Reign, Reign)> {
    let awake: Vec<&Reign> = reigns.iter().filter(|reign| !reign.slept).collect();
    let pairs = awake.iter().enumerate().flat_map(|(index, a)| awake[index + 1..].iter().map(move |b| (*a, *b)));
    let end = |reign: &Reign| reign.to.unwrap_or(now);
    let overlapping = pairs.filter(|(a, b)| a.from < end(b) && b.from < end(a));
    overlapping.map(|(a, b)| (a.clone(), b.clone())).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn reign(from: u64, to: u64, slept: bool) -> Reign {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        Reign { who: 0, token: from, from: at(from), to: Some(at(to)), slept }
    }

    #[test]
    fn two_at_once_are_found() {
        let now = Instant::now();
        assert_eq!(overlaps(&[reign(10, 20, false), reign(15, 30, false)], now).len(), 1);
        assert_eq!(overlaps(&[reign(10, 20, false), reign(25, 30, false)], now).len(), 0);
        assert_eq!(overlaps(&[reign(10, 20, true), reign(15, 30, false)], now).len(), 0);
    }
}
