//! Programs that Debian has.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::image::target_directory;

/// Whether a program is here and tells its version.
pub(crate) fn answers(program: impl AsRef<OsStr>) -> bool {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}

/// Whether a program is here; where it is not, its packages are installed first, which only root can.
pub(crate) fn installed(program: &str, packages: &[&str]) -> bool {
    if answers(program) {
        return true;
    }
    println!("$ apt-get install -y {}", packages.join(" "));
    apt(&["update", "-q"], Path::new("."));
    apt(&[&["install", "-y", "-q", "--no-install-recommends"], packages].concat(), Path::new("."));
    answers(program)
}

/// A program out of a package that is unpacked and not installed: nothing is started, and nobody has to be root.
pub(crate) fn unpacked(program: &str, package: &str) -> Option<PathBuf> {
    let folder = target_directory().join("debian").join(package);
    let path = folder.join("usr/bin").join(program);
    if let Some(here) = [path.as_path(), Path::new(program)].into_iter().find(|path| answers(path)) {
        return Some(here.to_owned());
    }
    println!("$ apt-get download {package}");
    fs::create_dir_all(&folder).ok()?;
    if !apt(&["download", "-q", package], &folder) {
        apt(&["update", "-q"], &folder);
        apt(&["download", "-q", package], &folder);
    }
    let archives = fs::read_dir(&folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let archive = archives.into_iter().find(|path| path.extension().is_some_and(|end| end == "deb"))?;
    let unpack = Command::new("dpkg").arg("--extract").arg(archive).arg(&folder).stdin(Stdio::null()).output();
    (unpack.is_ok_and(|output| output.status.success()) && answers(&path)).then_some(path)
}

fn apt(args: &[&str], folder: &Path) -> bool {
    let output = Command::new("apt-get").args(args).current_dir(folder).stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}
