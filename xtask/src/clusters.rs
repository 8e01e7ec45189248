//! `cargo xtask clusters`: deploy/clusters.sh and the Makefile, read by shellcheck and run with stand-ins.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::debian;
use crate::test::{Outcome, passed};

const SCRIPT: &str = "deploy/clusters.sh";

/// Checks the script, then plays it with stand-ins for every external command.
pub(crate) fn run() -> Result<Outcome> {
    println!("$ cargo test -p leader-elector-chart-tests --test clusters");
    let mut test = Command::new("cargo");
    test.args(["test", "--quiet", "-p", "leader-elector-chart-tests", "--test", "clusters"]);
    if !test.stdin(Stdio::null()).status().context("cargo test")?.success() {
        return Ok(Outcome::Failed);
    }
    if !debian::installed("shellcheck", &["shellcheck"]) {
        let mend = "as root: apt-get install shellcheck".to_owned();
        return Ok(Outcome::NotRun("shellcheck is not installed, and apt-get could not install it".to_owned(), mend));
    }
    println!("$ shellcheck {SCRIPT}");
    let read = Command::new("shellcheck").arg(SCRIPT).current_dir(crate::image::root()).status();
    Ok(passed(read.context("shellcheck")?.success()))
}
