//! What an election takes and costs at the default timings, in virtual time: one JSON object a row, with every run's
//! figure. `cargo xtask bench` holds them against the bounds.
//!
//! Times are taken with clocks that are wrong, counts with right ones: an hour of a clock that runs a thousandth too fast
//! has one renewal more.
//!
//! `cargo run --release -p leader-elector-core --features sim --example bench_virtual -- [push|patch]`

use std::time::Duration;

use leader_elector_core::emulator::Limits;
use leader_elector_core::sim::{Builder, Kind, Moment, SentRequest, World};
use leader_elector_core::timing::Settings;
use leader_elector_core::{Event, WriteMode};

/// Runs of what takes seconds.
const RUNS: u32 = 100;
/// Runs of what takes hours.
const HOURS: u64 = 20;
const HOUR: Duration = Duration::from_hours(1);
/// The longest way from a candidate to the store, as the simulator draws it by default.
const LATENCY: Duration = Duration::from_millis(30);

fn main() -> Result<(), String> {
    print("first", (0..u64::from(RUNS)).map(first))?;
    print("failover", (0..RUNS).map(failover))?;
    print("hand_over", (0..RUNS).map(hand_over))?;
    let hours = (0..HOURS).map(in_peace).collect::<Result<Vec<_>, _>>()?;
    print("leader_writes", hours.iter().map(|hour| Ok(hour.leader_writes)))?;
    print("leader_reads", hours.iter().map(|hour| Ok(hour.leader_reads)))?;
    let followers = || hours.iter().flat_map(|hour| &hour.followers);
    print("follower_reads", followers().map(|follower| Ok(follower.reads)))?;
    print("follower_whole", followers().map(|follower| Ok(follower.whole)))?;
    print("follower_wrong", followers().map(|follower| Ok(follower.wrong)))?;
    print("writes_an_hour", (0..HOURS).map(most_writes))
}

fn print<T: Into<f64>>(row: &str, runs: impl Iterator<Item = Result<T, String>>) -> Result<(), String> {
    let samples = runs.map(|run| Ok(run?.into())).collect::<Result<Vec<f64>, String>>()?;
    println!("{}", serde_json::json!({ "row": row, "samples": samples }));
    Ok(())
}

/// In push mode, or as the first argument says.
fn worlds() -> Builder {
    let is_patch = std::env::args().nth(1).is_some_and(|write| write == "patch");
    World::builder().write(if is_patch { WriteMode::Patch } else { WriteMode::Push })
}

/// Three candidates started together, until the first one leads: seconds.
fn first(seed: u64) -> Result<f64, String> {
    let mut world = worlds().seed(seed).wrong_clocks().build()?;
    world.run_until_led(Duration::from_mins(1)).ok_or("nobody leads")?;
    Ok(world.now().since(Moment::ZERO).as_secs_f64())
}

/// From a kill to the next leader: seconds. Kills are spread evenly over the renewal interval.
fn failover(run: u32) -> Result<f64, String> {
    let interval = Settings::default().renew_interval;
    let (mut world, leader) = led(three(u64::from(run)).wrong_clocks())?;
    let before = world.count(leader, Kind::Write, Moment::ZERO, world.now());
    let renewed = |world: &World| world.count(leader, Kind::Write, Moment::ZERO, world.now()) > before;
    if !world.run_until_holds(interval * 2, renewed) {
        return Err("nothing was renewed".to_owned());
    }
    world.run_for(interval * run / RUNS);
    let killed = world.now();
    world.kill(leader);
    Ok(succeeded(&mut world, leader)?.since(killed).as_secs_f64())
}

/// From a release to the next leader: seconds.
fn hand_over(run: u32) -> Result<f64, String> {
    let Settings { renew_interval, .. } = Settings::default();
    let (mut world, leader) = led(three(u64::from(run)).wrong_clocks())?;
    world.run_for(renew_interval * run / RUNS);
    world.stop(leader);
    let released = |world: &World| {
        let mut events = world.events().iter();
        events.any(|(_, seat, event)| *seat == leader && *event == Event::Released)
    };
    if !world.run_until_holds(renew_interval, released) {
        return Err("nothing was released".to_owned());
    }
    let released = world.now();
    Ok(succeeded(&mut world, leader)?.since(released).as_secs_f64())
}

/// What one hour without trouble costs.
struct Hour {
    leader_writes: u32,
    leader_reads: u32,
    followers: Vec<Follower>,
}

struct Follower {
    /// Requests of any kind.
    reads: u32,
    /// Answered with 200.
    whole: u32,
    /// Requests that are none of: a 304 where nothing landed since the one before, a 200 where a renewal did.
    wrong: u32,
}

fn in_peace(seed: u64) -> Result<Hour, String> {
    let (mut world, leader) = led(three(seed).limits(Limits::GitHub))?;
    let from = world.now();
    world.run_for(HOUR);
    let until = world.now();
    // The last answer has to be in.
    world.run_for(Duration::from_secs(1));
    kept(&world)?;
    let of = |seat: usize| {
        world.sent().iter().filter(move |sent| sent.seat == seat && from <= sent.at && sent.at < until).copied()
    };
    let all_writes = world.sent().iter().filter(|sent| sent.kind == Kind::Write).map(|sent| sent.at);
    let writes: Vec<Moment> = all_writes.collect();
    let followers = (0..world.candidates()).filter(|seat| *seat != leader);
    let followers = followers.map(|seat| follower(&of(seat).collect::<Vec<_>>(), &writes)).collect();
    let is_write = |sent: &SentRequest| sent.kind == Kind::Write;
    Ok(Hour {
        leader_writes: count(of(leader), is_write),
        leader_reads: count(of(leader), |sent| !is_write(sent)),
        followers,
    })
}

fn follower(sent: &[SentRequest], writes: &[Moment]) -> Follower {
    let poll = Settings::default().poll;
    let is_right = |pair: &[SentRequest]| {
        let [before, this] = pair else { return false };
        // When a request arrives is known to `LATENCY` only: in between, either answer is right.
        let surely = writes.iter().any(|write| before.at + LATENCY < *write && *write + LATENCY < this.at);
        let perhaps = writes.iter().any(|write| before.at < *write + LATENCY && *write < this.at + LATENCY);
        let answer = match this.status {
            Some(200) => perhaps,
            Some(304) => !surely,
            _ => false,
        };
        let pause = this.at.since(before.at);
        answer && this.kind == Kind::Read && (poll..poll + LATENCY).contains(&pause)
    };
    Follower {
        reads: count(sent.iter(), |_| true),
        whole: count(sent.iter(), |sent| sent.status == Some(200)),
        wrong: count(sent.windows(2), |pair| !is_right(pair)),
    }
}

/// The most content writes of all three candidates in any hour of one term.
fn most_writes(seed: u64) -> Result<u32, String> {
    let (mut world, leader) = led(three(seed).limits(Limits::GitHub))?;
    world.run_for(HOUR * 3);
    kept(&world)?;
    let [term] = world.terms() else { return Err(format!("{} terms in peace", world.terms().len())) };
    // A term begins with two writes, its claim and the confirmation; whoever lost the race for it wrote as well.
    let before =
        world.sent().iter().filter(|sent| sent.kind == Kind::Write && sent.seat == leader && sent.at < term.from);
    let claim = before.map(|sent| sent.at).rev().nth(1).ok_or("no claim")?;
    let of_term = world.sent().iter().filter(|sent| sent.kind == Kind::Write && sent.at >= claim);
    let writes: Vec<Moment> = of_term.map(|sent| sent.at).collect();
    let hours = writes.iter().enumerate().map(|(first, from)| count(&writes[first..], |at| at.since(*from) < HOUR));
    hours.max().ok_or_else(|| "no writes".to_owned())
}

/// Three candidates at the default timings, which are not started all at once.
fn three(seed: u64) -> Builder {
    worlds().seed(seed).starts_within(Duration::from_secs(2))
}

/// A world that was led for a while, and the seat of its leader.
fn led(builder: Builder) -> Result<(World, usize), String> {
    let mut world = builder.build()?;
    let leader = world.run_until_led(Duration::from_mins(1)).ok_or("nobody leads")?;
    world.run_for(Duration::from_secs(25));
    Ok((world, leader))
}

/// Runs until another seat than `old` leads.
fn succeeded(world: &mut World, old: usize) -> Result<Moment, String> {
    let succeeded = |world: &World| world.leader().is_some_and(|leader| leader != old);
    if !world.run_until_holds(Duration::from_mins(5), succeeded) {
        return Err(format!("nobody but {old} leads"));
    }
    let at = world.now();
    kept(world)?;
    Ok(at)
}

/// A figure counts only where every promise was kept.
fn kept(world: &World) -> Result<(), String> {
    world.violation().map_or(Ok(()), |violation| Err(violation.to_string()))
}

fn count<T>(all: impl IntoIterator<Item = T>, which: impl Fn(&T) -> bool) -> u32 {
    u32::try_from(all.into_iter().filter(which).count()).unwrap_or(u32::MAX)
}
