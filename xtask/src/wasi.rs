//! `cargo xtask wasi`: the component, its size, and what it asks of whoever holds it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{Parser, Payload};

use crate::demo::host::Host;
use crate::demo::process::Guard;
use crate::elector::Elector;

/// A host program carries it along: it stays below a megabyte.
const LARGEST: u64 = 1_000_000;
/// What it may import. Not among them: files, sockets.
const INTERFACES: [&str; 5] = ["wasi:cli/", "wasi:clocks/", "wasi:http/", "wasi:io/", "wasi:random/"];
/// Lines of code, the component's own: what decides, and what both hosts say, is elsewhere.
const GLUE: usize = 400;
/// What the component is built for.
const TARGET: &str = "wasm32-wasip2";
/// Where the component is put.
const COMPONENT: &str = "target/leader-elector.wasm";
/// The runner is a workspace of its own.
const RUNNER: &str = "host-wasi/runner/Cargo.toml";
/// Beside the workspace's own target folder, which cargo would otherwise build anew.
const RUNNER_TARGET: &str = "target/wasi-runner";

/// What is asked for.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask wasi
  wasmtime run -S http -S inherit-env target/leader-elector.wasm run --help
  cargo xtask wasi --test                 the component, and elections between both hosts
  cargo xtask wasi --run -- status        without the wasmtime command: builds a runner first, for some minutes")]
pub(crate) struct Args {
    /// Run the component in an embedded wasmtime, which is built first
    #[arg(long)]
    run: bool,
    /// Test it, alone and beside the native binary
    #[arg(long, conflicts_with = "run")]
    test: bool,
    /// What the component is told
    #[arg(last = true, requires = "run")]
    words: Vec<String>,
}

/// Builds, prints size and imports, and runs if asked to.
pub(crate) fn run(args: &Args) -> Result<bool> {
    if args.test {
        return test(Elector::Released);
    }
    let component = component()?;
    if !args.run {
        return report(&component);
    }
    let runner = runner()?;
    let status = Command::new(&runner).arg(&component).args(&args.words).status().context("the runner")?;
    if let Some(code) = status.code().filter(|code| *code != 0) {
        // What the component says is the answer: 2 is a mistake in the call, 3 a refusal.
        std::process::exit(code);
    }
    Ok(status.success())
}

/// Builds the component, holds it to its size, its imports and its lines, and tests it beside the native binary.
pub(crate) fn test(elector: Elector) -> Result<bool> {
    let native = elector.build()?;
    let native = std::path::absolute(native).context("the binary")?;
    let lines = glue()?;
    println!("host-wasi/src: {lines} lines of code (fewer than {GLUE})");
    ensure!(lines < GLUE, "host-wasi/src: what decides, and what both hosts say, belongs elsewhere");
    ensure!(report(&component()?)?, "the component is too large, or imports what it may not");
    let mut cargo = runner_tests("cargo", &["test"]);
    cargo.env("LEADER_ELECTOR", native);
    Ok(clippy()? && format()? && cargo.status().context("cargo")?.success())
}

/// Begins to build the runner's tests, behind whatever else wants the cores.
pub(crate) fn build_ahead() -> Result<Guard> {
    let mut nice = runner_tests("nice", &["-n", "19", "cargo", "test", "--no-run", "--quiet"]);
    Guard::spawn(nice.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// A test command for the runner, with clippy in the compiler's place for the runner alone, as
/// `cargo clippy -- -D warnings` does it, but building: so wasmtime is not compiled once more for clippy.
fn runner_tests(program: &str, args: &[&str]) -> Command {
    let mut cargo = Command::new(program);
    cargo.args(args).args(["--manifest-path", RUNNER, "--target-dir", RUNNER_TARGET]);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
    cargo.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    cargo
}

/// The component's own lines under clippy, for the target that they are written for.
fn clippy() -> Result<bool> {
    let mut cargo = Command::new("cargo");
    cargo.args(["clippy", "--quiet", "-p", "leader-elector-wasi", "--target", TARGET, "--", "-D", "warnings"]);
    Ok(cargo.status().context("cargo clippy")?.success())
}

/// The runner's format: no other workspace knows of it.
fn format() -> Result<bool> {
    let mut cargo = Command::new("cargo");
    cargo.args(["fmt", "--check", "--manifest-path", RUNNER]);
    Ok(cargo.status().context("cargo fmt")?.success())
}

/// Counts the component's lines, without those that are empty or comments.
fn glue() -> Result<usize> {
    let mut lines = 0;
    for file in std::fs::read_dir("host-wasi/src").context("host-wasi/src")? {
        let text = std::fs::read_to_string(file?.path())?;
        lines += text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
    }
    Ok(lines)
}

/// Builds the component; its path.
fn component() -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--profile", "wasi", "-p", "leader-elector-wasi", "--target", TARGET]);
    ensure!(
        cargo.status().context("cargo")?.success(),
        "the component does not build; is the target there? (rustup target add wasm32-wasip2)"
    );
    let built = Path::new("target/wasm32-wasip2/wasi/leader-elector-wasi.wasm");
    std::fs::copy(built, COMPONENT).with_context(|| built.display().to_string())?;
    Ok(COMPONENT.into())
}

/// The component in its runner, both built, and the component compiled: no candidate waits for that.
pub(crate) fn host() -> Result<Host> {
    let (component, runner) = (component()?, runner()?);
    let host = Host::Component { runner, component };
    let help = host.command().arg("--help").output().context("the runner")?;
    ensure!(help.status.success(), "the component does not run: {}", String::from_utf8_lossy(&help.stderr));
    Ok(host)
}

/// Builds the runner; its path.
fn runner() -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--manifest-path", RUNNER, "--target-dir", RUNNER_TARGET]);
    ensure!(cargo.status().context("cargo")?.success(), "the runner does not build");
    Ok(Path::new(RUNNER_TARGET).join("debug/leader-elector-wasi-runner"))
}

fn report(component: &Path) -> Result<bool> {
    let bytes = std::fs::read(component).with_context(|| component.display().to_string())?;
    let imports = imports(&bytes)?;
    println!("{}: {} bytes (at most {LARGEST})\nimports:", component.display(), bytes.len());
    let mut good = bytes.len() as u64 <= LARGEST;
    for import in imports {
        let known = INTERFACES.iter().any(|known| import.starts_with(known));
        good &= known;
        println!("  {import}{}", if known { "" } else { "  NOT ALLOWED" });
    }
    Ok(good)
}

/// The names of the component's own imports, those of what it is made of left out.
fn imports(bytes: &[u8]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding, .. } if depth == 0 && encoding != wasmparser::Encoding::Component => {
                bail!("this is a module, not a component")
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    names.push(import?.name.0.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
