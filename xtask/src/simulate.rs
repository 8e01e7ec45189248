//! `cargo xtask simulate` and `small-world`: the explorers of the core, built for speed.

use std::process::Command;

use anyhow::{Context, Result};

/// Builds and runs an example of the core; `true` if every promise held.
pub(crate) fn run(example: &str, args: &[String]) -> Result<bool> {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--profile", "simulate", "-p", "leader-elector-core", "--features", "sim"]);
    cargo.args(["--example", example, "--"]).args(args);
    Ok(cargo.status().context("cargo cannot be started")?.success())
}
