//! `cargo xtask image`: the container image, from a static binary that cargo builds outside of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::debian;
use crate::demo::process::Guard;

/// What Debian, Ubuntu and Alpine call the bundle of public authorities.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const DOCKERFILE: &str = "deploy/Dockerfile";
/// What the image may weigh.
pub(crate) const AT_MOST: u64 = 9_000_000;

#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask image                                    leader-elector:VERSION for this machine, with docker or podman
  cargo xtask image --tag registry.example/le:1 && docker push registry.example/le:1
  cargo xtask image --arch arm64                       needs: pip install ziglang && cargo install cargo-zigbuild")]
pub(crate) struct Args {
    /// The image's name
    #[arg(long, value_name = "NAME:TAG", default_value = concat!("leader-elector:", env!("CARGO_PKG_VERSION")))]
    tag: String,
    /// The processor it is for
    #[arg(long, value_name = "ARCH", default_value = "amd64")]
    arch: Arch,
    /// What builds it [default: docker, else podman]
    #[arg(long, value_name = "COMMAND")]
    engine: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    const fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }

    const fn platform(self) -> &'static str {
        match self {
            Self::Amd64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
        }
    }
}

/// Builds it, and says what it weighs; `false` if that is too much.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let engine = match &args.engine {
        Some(engine) => engine.as_str(),
        None => ["docker", "podman"].into_iter().find(|engine| debian::answers(engine)).context(
            "neither docker nor podman is here: install one (Debian: apt-get install docker.io), or name it: --engine",
        )?,
    };
    let binary = binary(args.arch)?;
    let context = root().join("target/image");
    fs::create_dir_all(&context)?;
    ensure!(Path::new(CERTIFICATES).exists(), "{CERTIFICATES} is not here: apt-get install ca-certificates");
    for (from, to) in [
        (binary.as_path(), "leader-elector"),
        (Path::new(CERTIFICATES), "ca-certificates.crt"),
        (&root().join(DOCKERFILE), "Dockerfile"),
    ] {
        fs::copy(from, context.join(to)).with_context(|| format!("{} cannot be copied", from.display()))?;
    }
    build(engine, &args.tag, args.arch.platform(), &context)?;
    let weight: u64 = says(engine, &["image", "inspect", "--format", "{{.Size}}", &args.tag])?.parse()?;
    #[expect(clippy::cast_precision_loss, reason = "megabytes, for a person")]
    let megabytes = weight as f64 / 1e6;
    println!("{} weighs {megabytes:.2} MB; at most {} MB", args.tag, AT_MOST / 1_000_000);
    Ok(weight <= AT_MOST)
}

/// Builds an image for this machine from a context that holds its Dockerfile.
pub(crate) fn build(engine: &str, tag: &str, platform: &str, context: &Path) -> Result<()> {
    let mut build = Command::new(engine);
    // Docker's older builder is what Debian has; it is told not to ask for the newer one.
    build.env("DOCKER_BUILDKIT", "0").args(["build", "--quiet", "--platform", platform, "--tag", tag]).arg(context);
    println!("$ {engine} build --platform {platform} --tag {tag} {}", context.display());
    let status = build.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    ensure!(
        status.success(),
        "{engine} build failed; is the engine running? (as root: dockerd &; or --engine podman, which needs none)"
    );
    Ok(())
}

/// The binary that an image for this machine holds.
pub(crate) fn static_elector() -> Result<PathBuf> {
    binary(Arch::Amd64)
}

/// What an image with this binary weighs, in megabytes: it holds the certificates, and nothing else.
pub(crate) fn weight(binary: &Path) -> Result<f64> {
    let bytes = fs::metadata(binary)?.len() + fs::metadata(CERTIFICATES).context(CERTIFICATES)?.len();
    Ok(f64::from(u32::try_from(bytes).context("an image of over 4 GB")?) / 1e6)
}

/// The package of the image, with everything that a cluster needs.
const PACKAGE: [&str; 4] = ["-p", "leader-elector", "--features", "kube"];

/// The static binary.
fn binary(arch: Arch) -> Result<PathBuf> {
    static_binary(arch, &PACKAGE, "leader-elector")
}

/// Begins to build the image's binary, behind whatever else wants the cores.
pub(crate) fn build_ahead() -> Result<Guard> {
    let mut nice = Command::new("nice");
    nice.args(["-n", "19", "cargo"]);
    let mut build = static_build(nice, Arch::Amd64, &PACKAGE)?;
    Guard::spawn(build.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

/// A static binary of this workspace for this machine.
pub(crate) fn static_for_here(package: &[&str], name: &str) -> Result<PathBuf> {
    static_binary(Arch::Amd64, package, name)
}

fn static_binary(arch: Arch, package: &[&str], name: &str) -> Result<PathBuf> {
    let mut cargo = static_build(Command::new("cargo"), arch, package)?;
    println!("$ {cargo:?}");
    ensure!(cargo.stdin(Stdio::null()).status()?.success(), "the static binary does not build");
    Ok(target_directory().join(arch.target()).join("release").join(name))
}

/// `cargo` with what it takes to build a static binary; what that needs is installed first.
fn static_build(mut cargo: Command, arch: Arch, package: &[&str]) -> Result<Command> {
    let target = arch.target();
    ensure!(
        Command::new("rustup").args(["target", "add", target]).stdin(Stdio::null()).output()?.status.success(),
        "rustup cannot install the target: rustup target add {target}"
    );
    match arch {
        Arch::Amd64 => {
            ensure!(
                debian::installed("musl-gcc", &["musl-tools"]),
                "musl-gcc is missing: apt-get install musl-tools (as root)"
            );
            cargo.arg("build").env("CC_x86_64_unknown_linux_musl", "musl-gcc");
        }
        Arch::Arm64 => {
            if !debian::answers("cargo-zigbuild") {
                bail!("for arm64 a cross compiler is needed: pip install ziglang && cargo install cargo-zigbuild");
            }
            cargo.arg("zigbuild");
        }
    }
    cargo.args(["--release", "--target", target]).args(package);
    Ok(cargo)
}

fn says(program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{program} {} failed", args.join(" "));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// Where cargo builds.
pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
