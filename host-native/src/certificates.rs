//! Where the certificates of the public authorities are: the system's, unless a bundle lies beside the binary, as
//! `leader-elector install` puts it there for images that have none. `SSL_CERT_FILE` and `SSL_CERT_DIR` win.

use std::path::PathBuf;

/// The bundle's name beside the binary.
pub const BESIDE: &str = "ca-certificates.crt";

/// Where Debian, Alpine, Fedora and SUSE keep it.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A bundle beside the binary, where nothing else was asked for.
pub(crate) fn beside() -> Option<Vec<u8>> {
    if asked_for("SSL_CERT_FILE").or_else(|| asked_for("SSL_CERT_DIR")).is_some() {
        return None;
    }
    std::fs::read(path_beside()?).ok()
}

/// The bundle that this process goes by, to be copied.
#[must_use]
pub fn bundle() -> Option<PathBuf> {
    let system = SYSTEM.iter().map(PathBuf::from).find(|path| path.is_file());
    asked_for("SSL_CERT_FILE").or_else(path_beside).or(system)
}

fn path_beside() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.with_file_name(BESIDE)).filter(|path| path.is_file())
}

fn asked_for(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
