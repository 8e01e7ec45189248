//! The elector's binary, for whatever plays it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{test, web};

/// Which one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Elector {
    /// As it is released.
    #[default]
    Released,
    /// As the tests have built it, with everything in it: no minutes for another build, where nothing is measured.
    Tested,
}

impl Elector {
    /// Builds it with the page, if that was built, and says where it is.
    pub(crate) fn with_page(self) -> Result<PathBuf> {
        if matches!(self, Self::Released) && web::is_built() {
            return release(&["-p", "leader-elector", "--features", "viewer"]);
        }
        self.build()
    }

    /// Builds it and says where it is.
    pub(crate) fn build(self) -> Result<PathBuf> {
        match self {
            Self::Released => release(&["-p", "leader-elector"]),
            // Of all its tests one is named, whose building brings the binary along.
            Self::Tested => executable(&[&["test", "--no-run", "--test", "library"][..], &test::WORKSPACE].concat()),
        }
    }
}

/// Builds what these arguments of `cargo build --release` name, and says where it is.
pub(crate) fn release(what: &[&str]) -> Result<PathBuf> {
    executable(&[&["build", "--release"], what].concat())
}

/// The last binary that a command of cargo brings forth.
fn executable(arguments: &[&str]) -> Result<PathBuf> {
    executables(Command::new("cargo").args(arguments), false)?.pop().context("cargo named no binary")
}

/// What a command of cargo brings forth that can be started: tests, or all else.
pub(crate) fn executables(cargo: &mut Command, are_tests: bool) -> Result<Vec<PathBuf>> {
    cargo.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let output = cargo.output().context("cargo")?;
    ensure!(output.status.success(), "{cargo:?} failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let messages = messages.filter(|message| message["profile"]["test"] == are_tests);
    Ok(messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).collect())
}
