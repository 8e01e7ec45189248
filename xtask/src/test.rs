//! `cargo xtask test`: every check, the cheap ones first, and an honest list of what was not run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::demo::process::Guard;
use crate::elector::Elector;
use crate::{chart, clusters, demo, docker, image, mutate, simulate, wasi, web};

const WASM: [&str; 2] = ["wasm32-unknown-unknown", "wasm32-wasip2"];
const CORE: &str = "leader-elector-core";

/// They have stages of their own: one needs helm, the other Docker.
const APART: [&str; 2] = ["leader-elector-chart-tests", docker::HARNESS];

/// What the tests are built from, and how.
pub(crate) const WORKSPACE: [&str; 6] = ["--workspace", "--exclude", APART[0], "--exclude", APART[1], "--all-features"];

/// What all stages may take together.
const AT_MOST: Duration = Duration::from_mins(42);

/// A build that runs while stages wait for other things; it ends with them.
type Ahead = RefCell<Option<Guard>>;

/// How a stage ended.
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// Why, and the command that would mend it.
    NotRun(String, String),
}

struct Stage {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Installs what rustup can install.
pub(crate) fn setup() -> Result<bool> {
    let targets = [&["target", "add"][..], &WASM].concat();
    Ok(command("rustup", &targets)? && command("rustup", &["component", "add", "rustfmt", "clippy"])?)
}

/// Runs all stages; `true` if everything that had to pass did.
pub(crate) fn run(require_all: bool) -> Result<bool> {
    // Whoever is started by a process that hears a signal does not ignore it, though this one was started by `nohup` or
    // in the background of a script; candidates respect what they were started to ignore, and Ctrl-C is tested.
    demo::process::end_all_on_a_signal()?;
    // Without the folder cargo takes the embedded page for a new one at each build.
    std::fs::create_dir_all(web::folder())?;
    let mut stages = Vec::new();
    let mut stage = |name: &'static str, run: &dyn Fn() -> Result<Outcome>| -> Result<()> {
        println!("\n=== {name}");
        let start = Instant::now();
        let outcome = run()?;
        stages.push(Stage { name, outcome, took: start.elapsed() });
        Ok(())
    };
    stage("format", &|| tool("fmt", "rustfmt", &["fmt", "--all", "--check"]))?;
    for target in WASM {
        stage(target, &|| wasm(target))?;
    }
    stage("clippy", &|| {
        let all = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
        tool("clippy", "clippy", &all)
    })?;
    let (runner, binary) = (Ahead::default(), Ahead::default());
    stage("tests", &|| tests(&runner))?;
    stage("clusters", &clusters::run)?;
    stage("chart", &chart::run)?;
    stage("docs", &|| {
        let mut doc = Command::new("cargo");
        doc.args(["doc", "--workspace", "--exclude", docker::HARNESS, "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings");
        Ok(passed(doc.status().context("cargo doc")?.success()))
    })?;
    stage("simulator", &|| Ok(passed(simulate::run("simulate", &["--runs".to_owned(), "3000".to_owned()])?)))?;
    stage("small world", &|| Ok(passed(simulate::run("small_world", &[])?)))?;
    stage("mutations", &|| Ok(passed(mutate::run(&mutate::Args::slice())?)))?;
    stage("stdio host", &|| cargo(&["build", "--release", "-p", CORE, "--example", "stdio_host"]))?;
    stage("page", &|| {
        Ok(match web::test(Elector::Tested)? {
            Ok(good) => passed(good),
            Err(web::Lacks(why, mend)) => Outcome::NotRun(why, mend),
        })
    })?;
    stage("component", &|| {
        join(&runner)?;
        // This stage and the demos wait most of the time.
        if docker::may_run() {
            binary.replace(image::build_ahead().ok());
        }
        Ok(passed(wasi::test(Elector::Tested)?))
    })?;
    stage("demo", &|| Ok(passed(demo::run(&demo::Args::fast("push"))?)))?;
    stage("demo, patch, component", &|| Ok(passed(demo::run(&demo::Args::fast("patch").with_component())?)))?;
    stage("docker", &|| {
        join(&binary)?;
        docker::run(&docker::Args::short())
    })?;
    report(&stages, require_all)
}

/// Runs one stage alone; `true` if it passed.
pub(crate) fn only(run: impl Fn() -> Result<Outcome>) -> Result<bool> {
    Ok(match run()? {
        Outcome::Passed => true,
        Outcome::Failed => false,
        Outcome::NotRun(why, mend) => {
            println!("NOT RUN: {why}; mend it with: {mend}");
            false
        }
    })
}

fn report(stages: &[Stage], require_all: bool) -> Result<bool> {
    println!("\n{:<26}{:>9}  outcome", "stage", "seconds");
    for stage in stages {
        let outcome = match stage.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "FAILED",
            Outcome::NotRun(..) => "NOT RUN",
        };
        println!("{:<26}{:>9.1}  {outcome}", stage.name, stage.took.as_secs_f64());
    }
    let exceptions = exceptions()?;
    let all: Duration = stages.iter().map(|stage| stage.took).sum();
    let mut good = all <= AT_MOST;
    let word = if good { "within" } else { "FAILED: over" };
    println!("{:<26}{:>9.1}  {word} {} minutes", "all", all.as_secs_f64(), AT_MOST.as_secs() / 60);
    for stage in stages {
        match &stage.outcome {
            Outcome::Passed => {}
            Outcome::Failed => good = false,
            Outcome::NotRun(why, mend) => {
                println!("NOT RUN {}: {why}; mend it with: {mend}", stage.name);
                match exceptions.get(stage.name) {
                    Some(reason) => println!("        accepted: {reason}"),
                    None => good &= !require_all,
                }
            }
        }
    }
    Ok(good)
}

/// Which stages may be missing, and why.
fn exceptions() -> Result<BTreeMap<String, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("exceptions.txt");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(':'));
    Ok(lines.map(|(stage, reason)| (stage.trim().to_owned(), reason.trim().to_owned())).collect())
}

fn cargo(args: &[&str]) -> Result<Outcome> {
    Ok(passed(command("cargo", args)?))
}

/// The workspace's tests. They wait for clocks and sockets most of the time: so twice as many run at once as there are
/// cores, and meanwhile begins what takes longest of all, the build of the runner.
fn tests(runner: &Ahead) -> Result<Outcome> {
    if !command("cargo", &[&["test", "--no-run"][..], &WORKSPACE].concat())? {
        return Ok(Outcome::Failed);
    }
    runner.replace(Some(wasi::build_ahead()?));
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = format!("RUST_TEST_THREADS={}", 2 * cores);
    Ok(passed(command("env", &[&[&*threads, "cargo", "test"][..], &WORKSPACE].concat())?))
}

/// Waits until a build is over that began ahead of the stage that needs it. Whether it went well that stage says itself.
fn join(ahead: &Ahead) -> Result<()> {
    ahead.take().map_or(Ok(()), Guard::wait)
}

/// A cargo command that a component of the toolchain brings.
fn tool(subcommand: &str, component: &str, args: &[&str]) -> Result<Outcome> {
    let there = || quiet("cargo", &[subcommand, "--version"]);
    let installed = || quiet("rustup", &["component", "add", component]) && there();
    if !(there() || installed()) {
        let why = format!("cargo {subcommand} is not installed");
        return Ok(Outcome::NotRun(why, format!("rustup component add {component}")));
    }
    cargo(args)
}

/// The core for a target, which is installed first where rustup can.
fn wasm(target: &str) -> Result<Outcome> {
    if !quiet("rustup", &["target", "add", target]) {
        let why = "rustup cannot install the target".to_owned();
        return Ok(Outcome::NotRun(why, format!("rustup target add {target}")));
    }
    cargo(&["build", "-p", CORE, "--all-features", "--target", target])
}

fn command(program: &str, args: &[&str]) -> Result<bool> {
    println!("$ {program} {}", args.join(" "));
    let status = Command::new(program).args(args).stdin(Stdio::null()).status();
    Ok(status.with_context(|| format!("{program} cannot be started"))?.success())
}

fn quiet(program: &str, args: &[&str]) -> bool {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}

pub(crate) const fn passed(passed: bool) -> Outcome {
    if passed { Outcome::Passed } else { Outcome::Failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(outcome: Outcome, took: Duration) -> [Stage; 2] {
        let [name, other] = ["one that no exception names", "another"];
        [Stage { name, outcome, took }, Stage { name: other, outcome: Outcome::Passed, took: Duration::from_mins(21) }]
    }

    #[test]
    fn more_than_42_minutes_fail() {
        let half = Duration::from_mins(21);
        let good = |took| report(&stages(Outcome::Passed, took), true).expect("the exceptions can be read");
        assert!(good(half));
        assert!(!good(half + Duration::from_millis(1)));
    }

    #[test]
    fn one_stage_fails_all_and_one_that_did_not_run_where_that_is_asked() {
        let good = |outcome, require_all| {
            report(&stages(outcome, Duration::ZERO), require_all).expect("the exceptions can be read")
        };
        assert!(!good(Outcome::Failed, false));
        let not_run = || Outcome::NotRun("why".to_owned(), "how".to_owned());
        assert!(good(not_run(), false));
        assert!(!good(not_run(), true));
    }
}
