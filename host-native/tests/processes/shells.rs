//! Completions, as the shells read them.

use std::io::ErrorKind;
use std::process::Command;

use super::stage::leader_elector;

#[test]
fn completions_load_without_error() {
    for shell in ["bash", "zsh", "fish"] {
        let script = leader_elector(&["completions", shell], &[]);
        assert!(script.status.success(), "{script:?}");
        let text = String::from_utf8(script.stdout).expect("text");
        assert!(text.contains("gist-server") && text.contains("token-file") && text.contains("debug"));
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("completions-{}.{shell}", std::process::id()));
        std::fs::write(&path, text).expect("written");
        match Command::new(shell).arg("-n").arg(&path).output() {
            Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}"),
            Err(error) if error.kind() == ErrorKind::NotFound && shell != "bash" => {
                println!("NOT RUN: {shell} -n: {shell} is not installed; apt install {shell}");
            }
            Err(error) => panic!("{shell}: {error}"),
        }
        std::fs::remove_file(path).expect("it was made");
    }
}
