//! `cargo xtask web`: the page, built into `target/web`. Nothing is downloaded but crates.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::debian;
use crate::elector::{Elector, executables};
use crate::image::root;

const TARGET: &str = "wasm32-unknown-unknown";
/// The page.
const PACKAGE: &str = "leader-elector-viewer";

/// How the page is built.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The folder works from any static host and under any path, for example:
  cargo xtask web && python3 -m http.server --bind 127.0.0.1 --directory target/web
  cargo xtask web && cargo run --release -p leader-elector --features viewer -- viewer")]
pub(crate) struct Args {
    /// Take pictures of every state too, light and dark, phone and desktop, into target/screenshots (needs Chromium)
    #[arg(long)]
    screenshots: bool,
    /// Run its logic in Node, and open it in Chromium against gist-server, as cargo xtask test does
    #[arg(long, conflicts_with = "screenshots")]
    test: bool,
}

/// What a machine lacks for the pages' tests, and the command that mends it.
pub(crate) struct Lacks(pub(crate) String, pub(crate) String);

/// Where the page is built to.
pub(crate) fn folder() -> PathBuf {
    root().join("target/web")
}

/// Whether it is there.
pub(crate) fn is_built() -> bool {
    folder().join("index.html").exists()
}

/// Builds it; `true` if that went well and it is as small as promised.
pub(crate) fn run(args: &Args) -> Result<bool> {
    if args.test {
        return match test(Elector::Released)? {
            Ok(good) => Ok(good),
            Err(Lacks(why, mend)) => anyhow::bail!("{why}; mend it with: {mend}"),
        };
    }
    build()?;
    if args.screenshots {
        if let Some(Lacks(why, mend)) = install()? {
            anyhow::bail!("{why}; mend it with: {mend}");
        }
        let pictures = root().join("target/screenshots");
        let good = node(&["screenshots.mjs", &pictures.display().to_string()], Elector::Released, None)?;
        println!("\nPictures are in {}.", pictures.display());
        return Ok(good);
    }
    println!("\nBuilt into {}. To look at it:", folder().display());
    println!("  cargo run --release -p leader-elector --features viewer -- viewer");
    Ok(true)
}

/// Builds it.
pub(crate) fn build() -> Result<()> {
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).stdout(Stdio::null()).stderr(Stdio::null());
    // Without rustup the target may be there all the same.
    let _ = rustup.status();
    // A folder of its own for the build: the target's name, and where cargo puts it, are known then.
    let target = root().join("target");
    let mut page = Command::new("cargo");
    page.args(["build", "-p", PACKAGE, "--profile", "page", "--target", TARGET, "--target-dir"]).arg(&target);
    run_cargo(page.env("CARGO_ENCODED_RUSTFLAGS", flags()))?;
    let wasm = target.join(TARGET).join("page").join(format!("{PACKAGE}.wasm"));
    run_cargo(pack().arg(wasm).arg(root().join("web-viewer/static")).arg(folder()))
}

/// The tool that lays out what was compiled; its arguments follow.
fn pack() -> Command {
    let mut pack = Command::new("cargo");
    pack.args(["run", "-q", "-p", "leader-elector-web-pack", "--"]);
    pack
}

/// The tests of the page's logic, compiled as the page is, in Node; `true` if they passed.
fn logic() -> Result<bool> {
    let mut tests = Command::new("cargo");
    tests.args(["test", "-p", PACKAGE, "--target", TARGET, "--lib", "--test", "*", "--no-run"]).current_dir(root());
    let mut node = Command::new("node");
    node.arg("logic.mjs").current_dir(pages());
    // Tests in a folder of their own bring the program along, which is none.
    for (n, wasm) in executables(&mut tests, true)?.into_iter().enumerate() {
        let out = root().join("target/page-logic").join(n.to_string());
        run_cargo(pack().arg("--node").arg(wasm).arg(&out))?;
        node.arg(out);
    }
    Ok(node.status().context("node")?.success())
}

/// The compiler's flags for the page, as cargo takes them: no path of this machine gets into it, where a panic names its
/// source file.
fn flags() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registries = home.and_then(|home| std::fs::read_dir(home.join("registry/src")).ok());
    let sources = registries.into_iter().flatten().flatten().map(|entry| entry.path());
    let own = std::env::var("RUSTFLAGS").unwrap_or_default();
    let own = own.split_whitespace().map(str::to_owned);
    let flags = sources.chain([root().to_path_buf()]).map(|path| format!("--remap-path-prefix={}/=", path.display()));
    own.chain(flags).collect::<Vec<_>>().join("\u{1f}")
}

/// The page's logic in Node, and the page in Chromium against `gist-server`; `Err` in the result where the machine lacks something.
pub(crate) fn test(elector: Elector) -> Result<std::result::Result<bool, Lacks>> {
    if let Some(lacks) = install()? {
        return Ok(Err(lacks));
    }
    build()?;
    let logic = logic()?;
    let tests = ["--test", "--test-concurrency=1", "viewer.test.mjs", "playground.test.mjs"];
    Ok(Ok(node(&tests, elector, None)? && logic))
}

/// What the pages' tests measure, with names; `Err` in the result where the machine lacks something.
pub(crate) fn figures() -> Result<std::result::Result<Vec<(String, f64)>, Lacks>> {
    if let Some(lacks) = install()? {
        return Ok(Err(lacks));
    }
    build()?;
    let file = root().join("target/page-figures");
    std::fs::write(&file, "").with_context(|| file.display().to_string())?;
    // A bound that is broken shows in the figures.
    let name = "--test-name-pattern=^(a leader appears|first paint|all files|a day of terms|scripts take|memory stays)";
    node(
        &["--test", "--test-concurrency=1", name, "viewer.test.mjs", "playground.test.mjs"],
        Elector::Released,
        Some(&file),
    )?;
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let figure =
        |line: &str| line.split_once('\t').and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    Ok(Ok(text.lines().filter_map(figure).collect()))
}

/// Runs a script of the pages with the binary that it starts servers and candidates from.
fn node(args: &[&str], elector: Elector, figures: Option<&Path>) -> Result<bool> {
    let binary = elector.with_page()?;
    let mut node = Command::new("node");
    node.args(args).current_dir(pages()).env("LEADER_ELECTOR", binary).env("PAGE_FOLDER", folder());
    if let Some(file) = figures {
        node.env("PAGE_FIGURES", file).env("HISTORY_TERMS", "2000");
    }
    Ok(node.status().context("node")?.success())
}

/// Installs Chromium and Node from the system's packages where they are missing, and the pages' two npm packages.
fn install() -> Result<Option<Lacks>> {
    let wanted = [("chromium", "chromium"), ("node", "nodejs"), ("npm", "npm")];
    let missing: Vec<&str> =
        wanted.iter().filter(|(program, _)| !debian::answers(program)).map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        let mend = format!("apt-get update && apt-get install -y --no-install-recommends {}", missing.join(" "));
        let installed = Command::new("sh").args(["-c", &mend]).stdin(Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            return Ok(Some(Lacks(format!("{} cannot be installed", missing.join(", ")), mend)));
        }
    }
    let mut npm = Command::new("npm");
    let fetched = npm.args(["ci", "--ignore-scripts"]).current_dir(pages()).status().context("npm")?.success();
    let mend = "(cd web-viewer/pages && npm ci)".to_owned();
    Ok((!fetched).then(|| Lacks("npm cannot fetch playwright-core and axe-core".to_owned(), mend)))
}

fn pages() -> PathBuf {
    root().join("web-viewer/pages")
}

fn run_cargo(cargo: &mut Command) -> Result<()> {
    let built = cargo.current_dir(root()).status().context("cargo")?.success();
    ensure!(built, "cargo {} failed", cargo.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" "));
    Ok(())
}
