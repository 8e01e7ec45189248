//! `leader-elector install`: puts this binary and its certificates into a folder, from where an image that has neither
//! can start it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use leader_elector::certificates::{BESIDE, bundle};
use leader_elector_host::say::print;

use crate::Failure;

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  leader-elector install /shared           in an initContainer of this image, with an emptyDir at /shared
  /shared/leader-elector run … -- ./job    in a container of any image, with the same emptyDir

The copy finds the certificates beside itself; SSL_CERT_FILE wins.

Exit codes: 0 installed, 1 cannot be written, 2 a mistake in the call, 3 no certificates are here")]
pub(crate) struct Args {
    /// The folder; it is made if it is not there
    folder: PathBuf,
}

/// Copies both; each appears whole or not at all.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let binary = std::env::current_exe().context("where this binary is cannot be told")?;
    fs::create_dir_all(&args.folder).with_context(|| format!("{} cannot be made", args.folder.display()))?;
    let certificates = bundle().ok_or_else(|| {
        Failure::Refused(
            "no bundle of certificates is here: install ca-certificates, or name one in SSL_CERT_FILE".into(),
        )
    })?;
    copy(&binary, &args.folder.join("leader-elector"), 0o755)?;
    copy(&certificates, &args.folder.join(BESIDE), 0o644)?;
    print(&format!("installed leader-elector and {BESIDE} in {}", args.folder.display()))
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), Failure> {
    let half = to.with_extension("part");
    let why = || format!("{} cannot be copied to {}", from.display(), to.display());
    fs::copy(from, &half).with_context(why)?;
    fs::set_permissions(&half, fs::Permissions::from_mode(mode)).with_context(why)?;
    fs::rename(&half, to).with_context(why)?;
    Ok(())
}
