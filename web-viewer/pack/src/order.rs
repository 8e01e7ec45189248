//! The functions of the page in another order: alike beside alike. gzip looks back 32 KiB, and the linker's order tears
//! apart what was generated from one source. The program stays the same: only the numbers of its functions change.

use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::{Context, Result};
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, FunctionSection, Module};
use wasmparser::{CodeSectionReader, FunctionBody, FunctionSectionReader, Parser, Payload, TypeRef};

/// Functions are alike if they share runs of so many bytes.
const RUN: usize = 6;
/// What more functions than these share makes none of them alike.
const MOST_SHARERS: usize = 40;
/// Added to a function's length where what it shares is weighed against it: the shortest are like everything.
const SHORT: usize = 40;

/// The module with its functions in the new order.
///
/// # Errors
/// It is no module, or one with parts that nobody here knows.
pub(crate) fn alike(wasm: &[u8]) -> Result<Vec<u8>> {
    let (mut imported, mut bodies) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            _ => {}
        }
    }
    let order = order(&bodies);
    let mut places = vec![0; order.len()];
    for (place, function) in (imported..).zip(&order) {
        places[*function] = place;
    }
    let mut module = Module::new();
    Reordered { imported, order, places }.parse_core_module(&mut module, Parser::new(0), wasm).context("reordering")?;
    Ok(module.finish())
}

/// Each function is followed by the one of those that are left that is most like it; the longest comes first.
fn order(bodies: &[&[u8]]) -> Vec<usize> {
    let mut sharers: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (function, body) in bodies.iter().enumerate() {
        for run in body.windows(RUN) {
            let sharers = sharers.entry(run).or_default();
            if sharers.last() != Some(&function) && sharers.len() <= MOST_SHARERS {
                sharers.push(function);
            }
        }
    }
    let mut alike = vec![Vec::new(); bodies.len()];
    for sharers in sharers.into_values().filter(|sharers| (2..=MOST_SHARERS).contains(&sharers.len())) {
        for function in &sharers {
            alike[*function].extend(sharers.iter().filter(|other| *other != function));
        }
    }
    let mut by_length: Vec<usize> = (0..bodies.len()).collect();
    by_length.sort_by_key(|function| std::cmp::Reverse(bodies[*function].len()));
    let mut is_left = vec![true; bodies.len()];
    let mut order = Vec::with_capacity(bodies.len());
    for longest in by_length {
        let mut next = Some(longest).filter(|longest| is_left[*longest]);
        while let Some(function) = next {
            is_left[function] = false;
            order.push(function);
            next = nearest(&alike[function], &is_left, bodies);
        }
    }
    order
}

/// The function that shares most for its length.
fn nearest(alike: &[usize], is_left: &[bool], bodies: &[&[u8]]) -> Option<usize> {
    let mut shared: HashMap<usize, f64> = HashMap::new();
    for function in alike.iter().filter(|function| is_left[**function]) {
        *shared.entry(*function).or_default() += 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "lengths of functions")]
    let likeness = |function: usize, shared: f64| shared / ((bodies[function].len() + SHORT) as f64).powf(0.75);
    let all = shared.into_iter().map(|(function, shared)| (likeness(function, shared), function));
    // The same module gives the same order: of two that are alike the first.
    all.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))).map(|(_, function)| function)
}

struct Reordered {
    /// Imported functions have the first numbers, and keep them.
    imported: u32,
    order: Vec<usize>,
    /// The new number of each.
    places: Vec<u32>,
}

impl Reencode for Reordered {
    type Error = Infallible;

    fn function_index(&mut self, function: u32) -> Result<u32, Error<Infallible>> {
        let own = function.checked_sub(self.imported).and_then(|own| self.places.get(own as usize));
        Ok(own.copied().unwrap_or(function))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let types = section.into_iter().collect::<Result<Vec<u32>, _>>()?;
        for function in &self.order {
            functions.function(types[*function]);
        }
        Ok(())
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        let bodies = section.into_iter().collect::<Result<Vec<FunctionBody<'_>>, _>>()?;
        for function in self.order.clone() {
            self.parse_function_body(code, bodies[function].clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{ExportKind, ExportSection, Function, TypeSection, ValType};
    use wasmparser::Operator;

    use super::*;

    /// A function that adds these numbers, and calls the one before it.
    fn function(numbers: &[i32], before: Option<u32>) -> Function {
        let mut function = Function::new([]);
        let mut code = function.instructions();
        code.i32_const(0);
        for number in numbers {
            code.i32_const(*number).i32_add();
        }
        if let Some(before) = before {
            code.call(before).i32_add();
        }
        code.end();
        function
    }

    fn module(functions: &[&[i32]]) -> Vec<u8> {
        let (mut types, mut section) = (TypeSection::new(), FunctionSection::new());
        types.ty().function([], [ValType::I32]);
        let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
        for (number, numbers) in (0..).zip(functions) {
            section.function(0);
            exports.export(&format!("f{number}"), ExportKind::Func, number);
            code.function(&function(numbers, number.checked_sub(1)));
        }
        let mut module = Module::new();
        module.section(&types).section(&section).section(&exports).section(&code);
        module.finish()
    }

    /// Each export with its place, the numbers that it adds, and the exports that it calls.
    fn read(wasm: &[u8]) -> Vec<(String, u32, Vec<i32>, Vec<u32>)> {
        let (mut names, mut bodies) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.unwrap() {
                Payload::ExportSection(exports) => {
                    names = exports
                        .into_iter()
                        .map(|export| export.map(|e| (e.name.to_owned(), e.index)))
                        .collect::<Result<_, _>>()
                        .unwrap();
                }
                Payload::CodeSectionEntry(body) => {
                    let (mut numbers, mut calls) = (Vec::new(), Vec::new());
                    for operator in body.get_operators_reader().unwrap() {
                        match operator.unwrap() {
                            Operator::I32Const { value } => numbers.push(value),
                            Operator::Call { function_index } => calls.push(function_index),
                            _ => {}
                        }
                    }
                    bodies.push((numbers, calls));
                }
                _ => {}
            }
        }
        let read = |(name, index): (String, u32)| {
            let (numbers, calls) = bodies[index as usize].clone();
            (name, index, numbers, calls)
        };
        names.into_iter().map(read).collect()
    }

    #[test]
    fn alike_come_together_and_the_program_stays_the_same() {
        let odd = [1001, 1003, 1005, 1007, 1009];
        let even = [2002, 2004, 2006, 2008, 2010];
        let before = module(&[&odd, &even, &odd, &even, &odd, &even]);
        let after = alike(&before).unwrap();
        let (was, is) = (read(&before), read(&after));
        for ((name, _, numbers, calls), (of, _, others, now)) in was.iter().zip(&is) {
            assert_eq!((name, numbers), (of, others));
            let called = |read: &[(String, u32, Vec<i32>, Vec<u32>)], calls: &[u32]| {
                calls
                    .iter()
                    .map(|call| read.iter().find(|(_, at, ..)| at == call).unwrap().0.clone())
                    .collect::<Vec<_>>()
            };
            assert_eq!(called(&was, calls), called(&is, now), "{name}");
        }
        let mut places: Vec<_> = is.iter().map(|(_, place, numbers, _)| (*place, numbers[1] % 2)).collect();
        places.sort_unstable();
        let kinds: Vec<_> = places.iter().map(|(_, kind)| *kind).collect();
        assert!(kinds.is_sorted() || kinds.iter().rev().is_sorted(), "{kinds:?}");
        assert_eq!(alike(&before).unwrap(), after, "the same each time");
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(alike(b"no module").is_err());
    }
}
