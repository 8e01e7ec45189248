//! `leader-elector-web-pack WASM STATIC OUT`: writes the page to the folder OUT, and prints the sizes of its files.
//! `leader-elector-web-pack --node WASM OUT`: writes a module of tests as Node runs it.
//!
//! A package of its own, so that `cargo xtask` does not build wasm-bindgen's tool each time.

mod names;
mod node;
mod order;

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

/// What all files together have at most, compressed as a web server sends them (gzip, level 9). `wasm-opt -Oz` takes an
/// eighth of the module's bytes and none of the compressed ones: it is not used.
const MOST_BYTES: usize = 250 * 1024;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (wasm, page, out) = match args.as_slice() {
        [node, wasm, out] if node == "--node" => return node::lay_out(wasm.as_ref(), out.as_ref()),
        [wasm, page, out] => (wasm, page, Path::new(out)),
        _ => bail!("usage: leader-elector-web-pack WASM STATIC OUT, or --node WASM OUT"),
    };
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| out.display().to_string())?;
    }
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.typescript(false).remove_name_section(true).remove_producers_section(true);
    bindgen.input_path(wasm).out_name("page").generate(out).context("wasm-bindgen")?;
    let (module, glue) = (out.join("page_bg.wasm"), out.join("page.js"));
    let (wasm, script) = names::shorten(&order::alike(&fs::read(&module)?)?, &fs::read_to_string(&glue)?)?;
    fs::write(&module, wasm)?;
    fs::write(&glue, script)?;
    for entry in fs::read_dir(page).with_context(|| page.clone())? {
        let entry = entry?;
        let (from, to) = (entry.path(), out.join(entry.file_name()));
        if from.extension().is_some_and(|kind| kind == "css") {
            fs::write(to, style(&fs::read_to_string(&from)?))?;
        } else {
            fs::copy(&from, to)?;
        }
    }
    sizes(out)
}

/// A style sheet without comments and indentation, which nobody is sent.
fn style(sheet: &str) -> String {
    let mut parts = sheet.split("/*");
    let first = parts.next().unwrap_or_default();
    let others = parts.map(|part| part.split_once("*/").map_or("", |(_, behind)| behind));
    let said: String = std::iter::once(first).chain(others).collect();
    said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn sizes(out: &Path) -> Result<()> {
    let mut names: Vec<_> = fs::read_dir(out)?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    names.sort();
    let mut total = 0;
    println!("{:<24}{:>10}{:>10}", "file", "bytes", "gzipped");
    for name in names {
        let bytes = fs::read(out.join(&name))?;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&bytes)?;
        let gzipped = gzip.finish()?.len();
        total += gzipped;
        println!("{:<24}{:>10}{gzipped:>10}", name.to_string_lossy(), bytes.len());
    }
    println!("{:<24}{:>10}{total:>10}", "all", "");
    ensure!(total <= MOST_BYTES, "the page has {total} bytes gzipped, allowed are {MOST_BYTES}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::style;

    #[test]
    fn a_style_sheet_loses_comments_and_indentation_alone() {
        let sheet = "/* one\n * two */\na {\n  b: c; /* d */\n}\n\n/**/e > f { g: \"h  i\" }\n";
        assert_eq!(style(sheet), "a {\nb: c;\n}\ne > f { g: \"h  i\" }");
    }
}
