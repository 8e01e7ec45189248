//! `cargo xtask simulate`: the simulator of the core, built for speed.

use std::process::Command;

use anyhow::{Context, Result};

/// Builds and runs it; `true` if every promise held.
pub(crate) fn run(args: &[String]) -> Result<bool> {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--profile", "simulate", "-p", "leader-elector-core", "--features", "sim"]);
    cargo.args(["--example", "simulate", "--"]).args(args);
    Ok(cargo.status().context("cargo cannot be started")?.success())
}
