//! Tests of the page's logic as Node runs them: the compiled module with wasm-bindgen's glue for Node beside it. What
//! else `wasm-bindgen-test-runner` does is a page of script, `web-viewer/pages/logic.mjs`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

/// Lays out a module of tests in a folder.
///
/// # Errors
/// It is no module of tests, or the folder cannot be written.
pub(crate) fn lay_out(wasm: &Path, out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let mut bindgen = Bindgen::new();
    bindgen.nodejs(true)?.typescript(false).debug(true);
    bindgen.input_path(wasm).out_name("tests").generate(out).context("wasm-bindgen")
}
