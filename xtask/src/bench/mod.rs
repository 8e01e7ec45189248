//! `cargo xtask bench`: every promised bound, what was measured, and what the Go original needed.
//!
//! What takes a candidate's time is measured twice: at the default timings in virtual time, where hours pass in
//! milliseconds, and with real processes at short leases.

mod figures;
mod page;
mod pod;
mod processes;
mod row;

use std::time::Instant;

use anyhow::Result;

use crate::demo::host::Host;
use crate::elector::Elector;
use crate::{demo, wasi};

/// A figure that was measured fewer times proves little.
const RUNS: usize = 20;

/// What is measured.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How records are written: push or patch
    #[arg(long, default_value = "push")]
    write: String,
    /// Measure only what a pod costs: the image's binary, its memory, its answers, its killing of a tree
    #[arg(long)]
    pod: bool,
    /// Measure only the WASI component beside the binary; the first time, either way, this builds wasmtime
    #[arg(long, conflicts_with = "pod")]
    wasi: bool,
    /// Measure only the page: size, first paint, a change of leader, a day drawn, frames, memory (needs Chromium)
    #[arg(long, conflicts_with_all = ["pod", "wasi"])]
    page: bool,
}

/// Builds, measures, prints the table; `true` if every bound held.
pub(crate) fn run(args: &Args) -> Result<bool> {
    demo::process::end_all_on_a_signal()?;
    if args.pod {
        return Ok(row::print(&pod::rows()?));
    }
    if args.page {
        return Ok(row::print(&page::rows()?));
    }
    let binary = Elector::Released.build()?;
    let component = wasi::host();
    let start = Instant::now();
    let mut rows = if args.wasi { Vec::new() } else { figures::virtual_time(&args.write)? };
    rows.extend(processes::rows(&binary, &Host::Native(binary.clone()), &args.write)?);
    match component {
        Ok(component) => rows.extend(processes::rows(&binary, &component, &args.write)?),
        Err(why) => rows.push(processes::no_component(&why)),
    }
    if !args.wasi {
        rows.extend(pod::rows()?);
        rows.extend(figures::steps()?);
    }
    let good = row::print(&rows);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    println!("\nMeasured in {:.0} s on {os} {arch}, {cores} cores.", start.elapsed().as_secs_f64());
    Ok(good)
}
