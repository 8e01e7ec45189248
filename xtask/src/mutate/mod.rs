//! `cargo xtask mutate`: breaks one rule after another in a copy of the source, and shows what notices.
//!
//! Each change is tried against the simulator, both write modes, seed by seed; what survives there is tried against the
//! tests of the core. A survivor fails the run, unless the list says why it is harmless.

mod list;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use self::list::{ALL, Mutation};
use crate::image;

/// How the mutations are tried.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask mutate                     all of them: about an hour
  cargo xtask mutate --first 10          as cargo xtask test does
  cargo xtask mutate --skip 28           goes on after the first 28
  cargo xtask mutate --only settle       those whose name or rule has this in it")]
pub(crate) struct Args {
    /// Only so many
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    first: usize,
    /// Without the first so many
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    skip: usize,
    /// Only those whose name or rule contains this
    #[arg(long, default_value = "", hide_default_value = true)]
    only: String,
    /// Random worlds before the tests are asked
    #[arg(long, default_value_t = 2000)]
    runs: u64,
}

impl Args {
    /// The slice that the tests try.
    pub(crate) fn slice() -> Self {
        Self { first: 10, skip: 0, only: String::new(), runs: 2000 }
    }
}

/// What noticed a change.
enum Noticed {
    /// The simulator: the seed, and its words.
    World {
        seeds: u64,
        check: String,
    },
    /// A test.
    Test(String),
    Nothing,
}

/// Tries the mutations; `true` if each that can do harm was noticed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let copy = Copy::make()?;
    let chosen = |mutation: &&Mutation| mutation.name.contains(&args.only) || mutation.rule.contains(&args.only);
    let mut good = true;
    println!("{:<56}{:<24}{:>8}  noticed by", "mutation", "rule", "seconds");
    for mutation in ALL.iter().filter(chosen).skip(args.skip).take(args.first) {
        let start = Instant::now();
        let noticed = copy.with(mutation, || copy.try_all(args.runs))?;
        let words = match (&noticed, mutation.harmless) {
            (Noticed::World { seeds, check }, _) => format!("{check}, after {seeds} worlds"),
            (Noticed::Test(name), _) => format!("test {name}"),
            (Noticed::Nothing, Some(why)) => format!("nothing; harmless: {why}"),
            (Noticed::Nothing, None) => {
                good = false;
                "NOTHING".to_owned()
            }
        };
        println!("{:<56}{:<24}{:>8.1}  {words}", mutation.name, mutation.rule, start.elapsed().as_secs_f64());
    }
    Ok(good)
}

/// A copy of the workspace's core, which may be broken.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn make() -> Result<Self> {
        let workspace = image::root();
        let root = workspace.join("target/mutate/source");
        let _ = std::fs::remove_dir_all(&root);
        copy_tree(&workspace.join("core"), &root.join("core"))?;
        std::fs::copy(workspace.join("Cargo.lock"), root.join("Cargo.lock"))?;
        let manifest = std::fs::read_to_string(workspace.join("Cargo.toml"))?;
        let alone = manifest.lines().map(|line| match line.split_once(" = ") {
            Some((key @ ("members" | "default-members"), _)) => format!("{key} = [\"core\"]\n"),
            _ => format!("{line}\n"),
        });
        std::fs::write(root.join("Cargo.toml"), alone.collect::<String>())?;
        Ok(Self { root })
    }

    /// Makes the change, tries, and takes it back.
    fn with<T>(&self, mutation: &Mutation, attempt: impl FnOnce() -> Result<T>) -> Result<T> {
        let path = self.root.join("core/src").join(mutation.file);
        let sound = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let found = sound.matches(mutation.from).count();
        ensure!(found == 1, "{}: its text stands {found} times in {}", mutation.name, mutation.file);
        std::fs::write(&path, sound.replacen(mutation.from, mutation.to, 1))?;
        let tried = attempt().with_context(|| mutation.name.to_owned());
        std::fs::write(&path, sound)?;
        tried
    }

    fn try_all(&self, runs: u64) -> Result<Noticed> {
        ensure!(
            self.cargo(&["build", "--example", "simulate"]).0,
            "it does not compile:\n{}",
            self.cargo(&["check"]).1
        );
        let runs = runs.to_string();
        let (_, said) = self.cargo(&["run", "--example", "simulate", "--", "--first", "--lines", "0", "--runs", &runs]);
        let word = |line: &str, after: &str| Some(line.strip_prefix(after)?.split([' ', ':']).next()?.to_owned());
        if let Some(check) = said.lines().find_map(|line| word(line, "BROKEN ")) {
            let seed = said.lines().find_map(|line| word(line, "seed ")).and_then(|seed| seed.parse().ok());
            return Ok(Noticed::World { seeds: seed.unwrap_or(0), check });
        }
        let (passed, said) = self.cargo(&["test", "--no-fail-fast"]);
        if passed {
            return Ok(Noticed::Nothing);
        }
        // The last list of failures: names alone, indented.
        let listed = said.rsplit_once("\nfailures:\n").map_or("", |(_, list)| list);
        let failed = listed.lines().find(|line| line.starts_with("    ")).map(str::trim);
        Ok(Noticed::Test(failed.with_context(|| format!("the tests do not compile:\n{said}"))?.to_owned()))
    }

    /// Quick to build and still quick to run; whatever it says.
    fn cargo(&self, args: &[&str]) -> (bool, String) {
        let (subcommand, rest) = args.split_first().unwrap_or((&"check", &[]));
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.root).arg(subcommand).args(["--offline", "--quiet", "-p", "leader-elector-core"]);
        cargo.args(["--features", "sim"]).args(rest).stdin(Stdio::null());
        cargo.env("CARGO_TARGET_DIR", self.root.with_file_name("target")).env("CARGO_PROFILE_DEV_OPT_LEVEL", "2");
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0").env("RUSTFLAGS", "");
        cargo.output().map_or((false, String::new()), |output| {
            let said = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8_lossy(&said).into_owned())
        })
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The run finds it out as well, after an hour.
    #[test]
    fn each_change_has_its_one_place_in_the_source() {
        let source = image::root().join("core/src");
        for mutation in ALL {
            let text = std::fs::read_to_string(source.join(mutation.file)).expect("the file is there");
            assert_eq!(text.matches(mutation.from).count(), 1, "{}, in {}", mutation.name, mutation.file);
            assert_ne!(mutation.from, mutation.to, "{}", mutation.name);
        }
        let mut names: Vec<_> = ALL.iter().map(|mutation| mutation.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len(), "names are unique");
    }
}
