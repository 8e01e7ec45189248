//! Where the process runs: a machine has files and a name, a component has neither.

use std::path::Path;

#[cfg(not(target_os = "wasi"))]
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| error.to_string())
}

#[cfg(not(target_os = "wasi"))]
#[expect(clippy::unnecessary_wraps, reason = "a component has no name")]
pub(crate) fn host_name() -> Result<String, String> {
    Ok(rustix::system::uname().nodename().to_string_lossy().into_owned())
}

#[cfg(target_os = "wasi")]
pub(crate) fn read(_: &Path) -> Result<Vec<u8>, String> {
    Err("a component sees no files; the token goes into GITHUB_API_TOKEN, certificates into its runner".to_owned())
}

#[cfg(target_os = "wasi")]
pub(crate) fn host_name() -> Result<String, String> {
    Err("name is not given: a component knows no host name; allowed is a name in LEADER_NAME or --name".to_owned())
}
