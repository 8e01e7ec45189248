//! With the feature `viewer`: lists the files of the page, as `cargo xtask web` left them, to be embedded.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let (Ok(here), Ok(out)) = (env::var("CARGO_MANIFEST_DIR"), env::var("OUT_DIR")) else { return };
    if env::var_os("CARGO_FEATURE_VIEWER").is_none() {
        return;
    }
    let page = Path::new(&here).join("../target/web");
    println!("cargo::rerun-if-changed={}", page.display());
    let mut files: Vec<_> = fs::read_dir(&page).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.is_file() && !file.ends_with(".cargo-lock"));
    files.sort();
    if files.is_empty() {
        println!("cargo::warning=the page is not built: `cargo xtask web` builds it, then build this again");
    }
    let mut list = "[\n".to_owned();
    for file in &files {
        // As text, whose debug form is a Rust literal.
        let (name, file) = (file.file_name().unwrap_or_default().to_string_lossy(), file.to_string_lossy());
        let _ = writeln!(list, "({name:?}, include_bytes!({file:?})),");
    }
    list += "]\n";
    if let Err(error) = fs::write(Path::new(&out).join("page.rs"), list) {
        println!("cargo::error=the list of the page's files cannot be written: {error}");
    }
}
