//! The glue between page and module without what only people read: its functions are called by long names with hashes
//! on both sides, and it is indented and explained. A name is as good if it is short.

use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::{Context, Result};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{ImportSection, Module};
use wasmparser::{Import, Imports, Parser, Payload};

/// The module and its glue with short names.
///
/// # Errors
/// It is no module.
pub(crate) fn shorten(wasm: &[u8], glue: &str) -> Result<(Vec<u8>, String)> {
    let mut names: Vec<&str> = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ImportSection(imports) = payload? {
            names = imports.into_imports().map(|import| import.map(|import| import.name)).collect::<Result<_, _>>()?;
        }
    }
    let taken: Vec<&str> = words(glue).collect();
    let free = (0..).map(|number| format!("i{number}")).filter(|short| !taken.contains(&short.as_str()));
    let names: HashMap<&str, String> = names.into_iter().zip(free).collect();
    let mut module = Module::new();
    Renamed(&names).parse_core_module(&mut module, Parser::new(0), wasm).context("short names")?;
    let short: String = words(glue).map(|word| names.get(word).map_or(word, String::as_str)).collect();
    Ok((module.finish(), bare(&short)))
}

/// The names in a script, and the single characters between them.
fn words(script: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut rest = script;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = if is_part(first) { rest.find(|c| !is_part(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

/// A script of wasm-bindgen's without indentation and lines of comment. It has no text of several lines.
fn bare(script: &str) -> String {
    let lines = script.lines().map(str::trim);
    let kept = lines.filter(|line| !line.is_empty() && !["//", "/*", "*"].iter().any(|start| line.starts_with(start)));
    kept.flat_map(|line| [line, "\n"]).collect()
}

struct Renamed<'a>(&'a HashMap<&'a str, String>);

impl Reencode for Renamed<'_> {
    type Error = Infallible;

    fn parse_imports(&mut self, section: &mut ImportSection, imports: Imports<'_>) -> Result<(), Error<Infallible>> {
        match imports {
            Imports::Single(at, import) => {
                let name = self.0.get(import.name).map_or(import.name, String::as_str);
                utils::parse_imports(self, section, Imports::Single(at, Import { name, ..import }))
            }
            other => utils::parse_imports(self, section, other),
        }
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{EntityType, TypeSection};

    use super::*;

    #[test]
    fn both_sides_call_a_function_by_the_same_short_name_and_no_other_word_changes() {
        let (mut types, mut imports) = (TypeSection::new(), ImportSection::new());
        types.ty().function([], []);
        for name in ["__wbg_now_0123456789abcdef", "__wbg_now"] {
            imports.import("./page_bg.js", name, EntityType::Function(0));
        }
        let mut module = Module::new();
        module.section(&types).section(&imports);
        let glue = "/**\n * Says when.\n */\nconst a = {\n    __wbg_now_0123456789abcdef: i0 => `  it is ${__wbg_now_0} now`,\n    // Why.\n    __wbg_now: 1,\n};\n";
        let (wasm, glue) = shorten(&module.finish(), glue).unwrap();
        assert_eq!(glue, "const a = {\ni1: i0 => `  it is ${__wbg_now_0} now`,\ni2: 1,\n};\n");
        let mut names = Vec::new();
        for payload in Parser::new(0).parse_all(&wasm) {
            if let Payload::ImportSection(imports) = payload.unwrap() {
                names.extend(imports.into_imports().map(|import| import.unwrap().name.to_owned()));
            }
        }
        assert_eq!(names, ["i1", "i2"]);
    }
}
