//! Helm, as a person calls it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

pub(crate) const HERE: &str = env!("CARGO_MANIFEST_DIR");

pub(crate) fn chart() -> PathBuf {
    Path::new(HERE).join("../chart")
}

/// The values of a named set.
pub(crate) fn values(set: &str) -> PathBuf {
    Path::new(HERE).join("values").join(format!("{set}.yaml"))
}

/// What helm prints, or what it complains about.
pub(crate) fn helm(args: &[&str]) -> Result<String, String> {
    let program = std::env::var("HELM").expect("HELM names helm 3; `cargo xtask chart` installs it and sets this");
    let output = Command::new(&program).args(args).output().expect("helm can be started");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Renders `chart` as release `napoleon` in namespace `demo`.
pub(crate) fn template(chart: &Path, args: &[&str]) -> Result<String, String> {
    let chart = chart.to_str().expect("UTF-8");
    let fixed = ["template", "napoleon", chart, "--namespace", "demo", "--kube-version", "1.33.0"];
    helm(&[&fixed[..], args].concat())
}

/// Renders a named set.
pub(crate) fn rendered(set: &str) -> String {
    template(&chart(), &["--values", values(set).to_str().expect("UTF-8")]).unwrap_or_else(|why| panic!("{set}: {why}"))
}

/// The documents of a rendered text.
pub(crate) fn manifests(text: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    all.into_iter().filter(|manifest| !manifest.is_null()).collect()
}
