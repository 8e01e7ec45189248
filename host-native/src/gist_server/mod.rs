//! `leader-elector gist-server`: GitHub's Gist API and its git server on this machine, with faults that can be set while it runs.
//!
//! It is hyper and not a framework on top of it: one handler serves every path, because the emulator owns the routes.

mod fault;
mod serve;
mod store;

use std::net::SocketAddr;

use leader_elector_core::emulator::{AcceptedToken, Emulator, Limits, Settings};
use leader_elector_core::gist::DEFAULT_FILE;
use leader_elector_host::say::print;
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;
use crate::listen::listen;

/// The user to whom every accepted token and the gist belong.
const USER: &str = "demo";

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  leader-elector gist-server --create --limits off
  curl -X PUT http://127.0.0.1:8081/_control/faults -d '[{\"token\":\"napoleon\",\"fault\":\"hang\"}]'
  curl http://127.0.0.1:8081/_control/log
  git clone http://demo:demo-token@127.0.0.1:8081/ID.git      a gist is a repository: clone, fetch, push

Faults, each with an optional token (its name or secret), method (GET, PATCH, POST, or
write: a PATCH or a push), and number of times:
  delay {ms} · hang · lose_answer · refuse · status {status, retry_after, applied}
  stale {ms}: a GET sees the past · lose_update {ms}: a PATCH meets the past, and what came since vanishes
  unconditional: never 304
PUT /_control/store changes what kind of store it is: history (present, null), replacing (taken, refused),
swap (compares, overwrites), grant (gist, no_gist, app), hourly (requests), unchanged (free, counted),
clock_ms (how far its clock is off), git (an address), branch

It prints `listening on URL` first, then `gist ID` with --create. Everything is in memory.

Exit codes: 0 ended by Ctrl-C or SIGTERM, 1 cannot listen, 2 a mistake in the call")]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Whether GitHub's limits count
    #[arg(long, value_name = "LIMITS", default_value = "github")]
    limits: LimitsArg,
    /// A token that is accepted, optionally with a name for faults and the log; may be given several times
    #[arg(long = "token", value_name = "[NAME:]SECRET", default_value = "demo-token")]
    tokens: Vec<String>,
    /// Make a gist with a free lock, and print its id
    #[arg(long)]
    create: bool,
    /// Listen on other addresses than this machine's own
    #[arg(long)]
    allow_remote: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LimitsArg {
    Github,
    Off,
}

/// A token and the name it goes by.
#[derive(Clone, Debug)]
struct NamedToken {
    name: String,
    secret: String,
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let listener = listen(args.listen, args.allow_remote).await?;
    let address = listener.local_addr().map_err(anyhow::Error::from)?;
    let base = format!("http://{address}");
    let tokens: Vec<NamedToken> = args.tokens.iter().map(|given| named(given)).collect();
    let mut emulator = Emulator::new(Settings {
        api: base.clone(),
        git: base.clone(),
        raw: base.clone(),
        limits: match args.limits {
            LimitsArg::Github => Limits::GitHub,
            LimitsArg::Off => Limits::Off,
        },
        tokens: tokens.iter().map(|token| AcceptedToken::gist(&token.secret, USER)).collect(),
        ..Settings::default()
    });
    // It serves also where nobody reads that.
    _ = print(&format!("listening on {base}"));
    if args.create {
        let gist = emulator.create_gist(serve::unix_ms(), USER, &[(DEFAULT_FILE, "{}")]);
        _ = print(&format!("gist {gist}"));
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(anyhow::Error::from)?;
    tokio::select! {
        () = serve::serve(listener, emulator, tokens) => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

fn named(given: &str) -> NamedToken {
    let (name, secret) = given.split_once(':').unwrap_or((given, given));
    NamedToken { name: name.to_owned(), secret: secret.to_owned() }
}
