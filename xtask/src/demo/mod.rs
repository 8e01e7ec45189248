//! `cargo xtask demo`: three candidates as real processes, seven acts, one table.

pub(crate) mod host;
mod play;
pub(crate) mod process;
pub(crate) mod report;

use std::time::Duration;

use anyhow::Result;

use crate::elector::Elector;
use crate::{wasi, web};

/// Who is the component, where one is asked for.
const CLEOPATRA: usize = 2;

/// How the demo is played.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  cargo xtask demo          default timings, GitHub's limits: about five minutes
  cargo xtask demo --fast   short leases, no limits: under a minute
  cargo xtask demo --write patch   by REST alone, as for tokens and networks that cannot push
  cargo xtask demo --wasi   cleopatra is the WASI component; the first time it builds wasmtime, for some minutes
  cargo xtask demo --keep   leave all running at the end, with the commands to look at it")]
pub(crate) struct Args {
    /// Short leases, and a server without GitHub's limits
    #[arg(long)]
    fast: bool,
    /// How records are written: push or patch
    #[arg(long, default_value = "push")]
    write: String,
    /// Cleopatra is the component, in an embedded wasmtime, which is built first
    #[arg(long)]
    wasi: bool,
    /// Leave everything running at the end
    #[arg(long)]
    keep: bool,
    #[arg(skip)]
    elector: Elector,
}

impl Args {
    /// The demo as the tests play it.
    pub(crate) fn fast(write: &str) -> Self {
        Self { fast: true, write: write.to_owned(), wasi: false, keep: false, elector: Elector::Tested }
    }

    /// The same with the component among the candidates.
    pub(crate) fn with_component(self) -> Self {
        Self { wasi: true, ..self }
    }
}

/// What the bounds are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timings {
    pub(crate) lease: Duration,
    pub(crate) renew_deadline: Duration,
    pub(crate) renew_interval: Duration,
    pub(crate) poll: Duration,
    pub(crate) settle: Duration,
    pub(crate) request_timeout: Duration,
}

impl Timings {
    pub(crate) const DEFAULT: Self = Self {
        lease: Duration::from_secs(30),
        renew_deadline: Duration::from_secs(20),
        renew_interval: Duration::from_secs(10),
        poll: Duration::from_secs(2),
        settle: Duration::from_secs(1),
        request_timeout: Duration::from_secs(5),
    };
    const FAST: Self = Self {
        lease: Duration::from_secs(6),
        renew_deadline: Duration::from_secs(4),
        renew_interval: Duration::from_millis(1500),
        poll: Duration::from_millis(300),
        settle: Duration::from_millis(300),
        request_timeout: Duration::from_secs(1),
    };

    pub(crate) fn flags(&self) -> Vec<String> {
        let pairs = [
            ("--lease", self.lease),
            ("--renew-deadline", self.renew_deadline),
            ("--renew-interval", self.renew_interval),
            ("--poll", self.poll),
            ("--settle", self.settle),
            ("--request-timeout", self.request_timeout),
        ];
        pairs.iter().flat_map(|(flag, span)| [(*flag).to_owned(), format!("{}ms", span.as_millis())]).collect()
    }
}

/// Builds the binary, plays, reports; `true` if every bound held and no two led at once.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let binary = args.elector.with_page()?;
    let component = args.wasi.then(wasi::host).transpose()?;
    process::end_all_on_a_signal()?;
    let (timings, limits) = if args.fast {
        println!("Short leases (6 s), and a server without GitHub's limits: the default plays the real ones.");
        (Timings::FAST, "off")
    } else {
        (Timings::DEFAULT, "github")
    };
    let flags = [timings.flags(), vec!["--write".to_owned(), args.write.clone()]].concat();
    let mut stage = process::Stage::start(&binary, limits, flags)?;
    if let Some(component) = component {
        println!("{} is the WASI component, in an embedded wasmtime.", process::NAMES[CLEOPATRA]);
        stage.hold(CLEOPATRA, component);
    }
    // Ended with the demo.
    let _page = if web::is_built() {
        Some(stage.page()?)
    } else {
        println!("To watch it in a browser, build the page first: cargo xtask web");
        None
    };
    let play = play::Play::new(stage, timings);
    let (rows, stage) = play.all()?;
    let good = report::print(&rows, &stage.reigns());
    if args.keep {
        stage.keep(&binary);
    }
    Ok(good)
}
