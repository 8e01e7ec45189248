//! `cargo xtask chart`: deploy/chart, held against helm, the Kubernetes types and the binary's own help by a package of
//! its own; deploy/alerts.yaml, held against promtool.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::debian;
use crate::image::root;
use crate::test::Outcome;

const ALERTS: &str = "deploy/alerts.yaml";
/// The alerts, played against invented figures.
const PLAYED: &str = "deploy/alerts.test.yaml";
/// The helm that the chart is tested with.
const VERSION: &str = "v3.21.4";
/// Built by `go install`, helm believes in a cluster of 1.20 unless told.
const KUBERNETES: &str =
    "-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=33";

/// Runs the chart's tests with helm 3, which is installed first where Go is.
pub(crate) fn run() -> Result<Outcome> {
    let Some(helm) = helm()? else {
        let mend =
            format!("install Go and run `go install helm.sh/helm/v3/cmd/helm@{VERSION}`, or set HELM to a helm 3");
        return Ok(Outcome::NotRun("neither helm 3 nor Go is here".to_owned(), mend));
    };
    let elector = crate::image::target_directory().join("debug/leader-elector");
    if !Command::new("cargo").args(["build", "--quiet", "-p", "leader-elector", "--all-features"]).status()?.success() {
        return Ok(Outcome::Failed);
    }
    println!("$ HELM={} cargo test -p leader-elector-chart-tests --test chart", helm.display());
    let mut test = Command::new("cargo");
    test.args(["test", "--quiet", "-p", "leader-elector-chart-tests", "--test", "chart"]);
    test.env("HELM", helm).env("LEADER_ELECTOR", elector);
    if !test.stdin(Stdio::null()).status().context("cargo test")?.success() {
        return Ok(Outcome::Failed);
    }
    alerts()
}

/// promtool's opinion of the alerts, and what they do.
fn alerts() -> Result<Outcome> {
    let Some(promtool) = debian::unpacked("promtool", "prometheus") else {
        let mend = "apt-get install prometheus, or put promtool on the PATH".to_owned();
        return Ok(Outcome::NotRun("promtool is not here, and apt-get could not bring it".to_owned(), mend));
    };
    for (what, file) in [("check", ALERTS), ("test", PLAYED)] {
        println!("$ {} {what} rules {file}", promtool.display());
        let mut command = Command::new(&promtool);
        command.args([what, "rules", file]).current_dir(root()).stdin(Stdio::null());
        if !command.status().context("promtool")?.success() {
            return Ok(Outcome::Failed);
        }
    }
    Ok(Outcome::Passed)
}

fn helm() -> Result<Option<PathBuf>> {
    let bin = crate::image::target_directory().join("helm").join(VERSION);
    let mut candidates = vec![bin.join("helm"), PathBuf::from("helm")];
    candidates.extend(std::env::var_os("HELM").map(PathBuf::from));
    if let Some(there) = candidates.into_iter().rev().find(is_three) {
        return Ok(Some(there));
    }
    let go = ["go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go"].into_iter().find(|go| {
        Command::new(go).arg("version").stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
    });
    let Some(go) = go else { return Ok(None) };
    println!("$ {go} install helm.sh/helm/v3/cmd/helm@{VERSION}    (once; about two minutes)");
    let mut install = Command::new(go);
    install
        .args(["install", "-ldflags", KUBERNETES, &format!("helm.sh/helm/v3/cmd/helm@{VERSION}")])
        .env("GOBIN", &bin);
    let installed = install.stdin(Stdio::null()).status()?.success();
    Ok(Some(bin.join("helm")).filter(|_| installed))
}

fn is_three(helm: &PathBuf) -> bool {
    let output = Command::new(helm).args(["version", "--short"]).stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success() && output.stdout.starts_with(b"v3."))
}
