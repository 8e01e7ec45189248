//! What only the native binary can obey. Other hosts know these flags and variables as well, so that they refuse them
//! with the reason instead of ignoring them.

#![expect(missing_docs, reason = "a doc comment would become the help text of the command that takes the arguments")]

use clap::Args;

use crate::Failure;
use crate::args::RunArgs;
use crate::config::Config;

/// Proxies that the native binary's requests take.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
/// What tells the native binary which pod to label.
const POD: [&str; 3] = ["POD_NAME", "POD_NAMESPACE", "POD_UID"];

/// The variables that are set and mean nothing to a component: a sentence each, without the value. They stand in many
/// surroundings unasked, so they are no mistake.
pub fn ignored() -> impl Iterator<Item = String> {
    let proxies = PROXIES.map(|name| (name, "its host sends a component's requests, and asks no proxy"));
    let pod = POD.map(|name| (name, "a component labels no pod"));
    let set =
        proxies.into_iter().chain(pod).filter(|(name, _)| std::env::var_os(name).is_some_and(|it| !it.is_empty()));
    set.map(|(name, why)| format!("{name} is ignored: {why}; this is for the native binary"))
}

#[derive(Args, Debug)]
pub struct NativeOnly {
    #[arg(long, env = "LEADER_ELECTION_HTTP", hide = true)]
    http: Option<String>,
    #[arg(long, env = "LEADER_ELECTION_PROBE_ADDR", hide = true)]
    probe_addr: Option<String>,
    #[arg(long, env = "LEADER_ELECTION_ON_EXIT", hide = true)]
    on_exit: Option<String>,
    #[arg(long, env = "LEADER_ELECTION_KILL_SIGNAL", hide = true)]
    kill_signal: Option<String>,
    #[arg(long, env = "LEADER_ELECTION_RELEASE", hide = true)]
    release: Option<String>,
    #[arg(long, env = "LEADER_ELECTION_KUBE", hide = true, num_args = 0..=1, default_missing_value = "true")]
    kube: Option<String>,
    #[arg(last = true, hide = true)]
    command: Vec<String>,
}

impl NativeOnly {
    /// Checks everything that `run` was told, with these refused.
    ///
    /// # Errors
    /// Every mistake.
    pub fn refused(&self, run: &RunArgs) -> Result<Config, Failure> {
        let Self { http, probe_addr, on_exit, kill_signal, release, kube, command } = self;
        let command = (!command.is_empty()).then(|| command.join(" "));
        let [socket, process] = ["a component opens no socket", "a component starts no process"];
        let refused = [
            ("http", http, socket),
            ("probe addr", probe_addr, socket),
            ("kube", kube, "a component sees no service account"),
            ("on exit", on_exit, process),
            ("kill signal", kill_signal, process),
            ("command", &command, process),
            ("release", release, "a component hears of its readers' work on standard input: the line `stopped`"),
        ];
        let given = refused.into_iter().filter_map(|(field, value, why)| Some((field, value.as_ref()?, why)));
        let mut mistakes: Vec<_> = given
            .map(|(field, value, why)| format!("{field} is `{value}`: {why}; this is for the native binary"))
            .collect();
        match Config::parse(run) {
            Ok(config) if mistakes.is_empty() => Ok(config),
            Ok(_) => Err(Failure::Usage(mistakes)),
            Err(Failure::Usage(more)) => {
                mistakes.extend(more);
                Err(Failure::Usage(mistakes))
            }
            Err(other) => Err(other),
        }
    }
}
