//! `install`, and which certificates a copy goes by.

use std::path::PathBuf;
use std::process::Command;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_copy_goes_by_the_bundle_beside_it_unless_told_otherwise() {
    let folder = Folder(std::env::temp_dir().join(format!("leader-elector-install-{}", std::process::id())));
    let given = folder.0.join("given.pem");
    std::fs::create_dir_all(&folder.0).expect("made");
    std::fs::write(&given, "no certificate at all\n").expect("written");
    let installed = Command::new(env!("CARGO_BIN_EXE_leader-elector"))
        .arg("install")
        .arg(folder.0.join("made"))
        .env("SSL_CERT_FILE", &given)
        .status()
        .expect("it runs");
    assert!(installed.success());
    let beside = folder.0.join("made/ca-certificates.crt");
    assert_eq!(std::fs::read(&beside).expect("the bundle"), std::fs::read(&given).expect("given"));

    // A bundle that cannot be parsed tells by its error that it was the one that was read.
    std::fs::write(&beside, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").expect("written");
    let copy = |certificates: Option<&str>| {
        let mut status = Command::new(folder.0.join("made/leader-elector"));
        status.args(["status", "--gist", "abc", "--api-url", "http://127.0.0.1:1"]).env("NO_PROXY", "127.0.0.1");
        status.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        status.envs(certificates.map(|path| ("SSL_CERT_FILE", path)));
        String::from_utf8(status.output().expect("it runs").stderr).expect("text")
    };
    let system = "/etc/ssl/certs/ca-certificates.crt";
    assert!(std::path::Path::new(system).exists(), "this test needs Debian's ca-certificates");
    let (with_beside, with_given) = (copy(None), copy(Some(system)));
    assert_ne!(with_beside, with_given, "SSL_CERT_FILE wins over the bundle beside the binary");
    assert!(with_given.contains("onnect"), "the port is closed, the certificates are fine: {with_given}");
}
