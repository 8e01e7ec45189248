//! What only the native binary can obey. Other hosts know these flags and variables as well, so that they refuse them
//! with the reason instead of ignoring them.

#![expect(missing_docs, reason = "a doc comment would become the help text of the command that takes the arguments")]

use clap::{Args, Command};

use crate::Failure;
use crate::args::RunArgs;
use crate::config::Config;
use crate::proxies;

/// What tells the native binary which pod to label.
const POD: [&str; 3] = ["POD_NAME", "POD_NAMESPACE", "POD_UID"];

/// The variables that are set and mean nothing to a component: a sentence each, without the value. They stand in many
/// surroundings unasked, so they are no mistake.
pub fn ignored() -> impl Iterator<Item = String> {
    let proxies = proxies::VARIABLES.map(|name| (name, "its host sends a component's requests, and asks no proxy"));
    let pod = POD.map(|name| (name, "a component labels no pod"));
    let set =
        proxies.into_iter().chain(pod).filter(|(name, _)| std::env::var_os(name).is_some_and(|it| !it.is_empty()));
    set.map(|(name, why)| format!("{name} is ignored: {why}; this is for the native binary"))
}

/// Said below the help of `run`.
pub const REFUSED: &str = "\
The token comes from GITHUB_API_TOKEN or LEADER_ELECTION_GITHUB_API_TOKEN. A component sees no files, opens no socket and
starts no process. So it refuses, with the reason, what the native binary has for these: --token-file and --ca-file (the
runner has certificates), --http, --probe-addr, --kube, a command, --on-exit, --kill-signal and --release.";

/// The command line of a component: no help for what is refused, and what is otherwise there says so.
#[must_use]
pub fn in_component(command: Command) -> Command {
    command.mut_subcommands(|command| {
        let told = command.mut_args(|arg| match arg.get_id().as_str() {
            "token_file" | "ca_file" => arg.hide(true),
            "name" => arg.help("The candidate's name; a component knows no host name, so it has to be given"),
            "stop_grace" => arg.help("The time that the guarded work needs to end [default: 0s]"),
            _ => arg,
        });
        match told.get_after_help().map(ToString::to_string) {
            Some(help) => told.after_help(help.replace("\n  leader-elector ", "\n  … leader-elector.wasm ")),
            None => told,
        }
    })
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
    pub fn refused(&self, run: &RunArgs) -> Result<Config<()>, Failure> {
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
        // The runtime sends its requests, and takes no settings for that.
        match Config::parse(run, |_| Ok(())) {
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

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches, Parser};

    use super::*;
    use crate::args::StatusArgs;

    #[derive(Parser)]
    enum Cli {
        Run(Box<Run>),
        Status(StatusArgs),
    }

    #[derive(Args)]
    struct Run {
        #[command(flatten)]
        run: RunArgs,
        #[command(flatten)]
        native: NativeOnly,
    }

    #[test]
    fn the_help_names_no_flag_that_is_refused_and_no_default_that_is_not_there() {
        let mut cli = in_component(Cli::command());
        cli.build();
        for name in ["run", "status"] {
            let command = cli.find_subcommand_mut(name).expect("it is there");
            let help = command.render_help().to_string();
            for words in
                ["--token-file", "--ca-file", "--http", "PROXY", "host's name", "with a command", "\n  leader-elector "]
            {
                assert!(!help.contains(words), "{name}: {words} in {help}");
            }
            assert!(help.contains("--gist"), "{help}");
        }
    }

    #[test]
    fn everything_that_is_refused_is_named_below_the_help() {
        let native = in_component(Cli::command());
        let run = native.find_subcommand("run").expect("it is there");
        let hidden = run.get_arguments().filter(|arg| arg.is_hide_set()).filter_map(|arg| arg.get_long());
        for flag in hidden {
            assert!(REFUSED.contains(&format!("--{flag}")), "{flag}");
        }
    }

    #[test]
    fn what_has_no_help_is_still_understood_and_refused() {
        let words = ["x", "run", "--name", "n", "--http", "127.0.0.1:1", "--on-exit", "exit", "--", "job", "now"];
        let matches = in_component(Cli::command()).try_get_matches_from(words).expect("its shape is right");
        let Ok(Cli::Run(typed)) = Cli::from_arg_matches(&matches) else { panic!("it is run") };
        let Run { run, native } = *typed;
        let Err(Failure::Usage(mistakes)) = native.refused(&run) else { panic!("it is refused") };
        for mistake in
            ["http is `127.0.0.1:1`: a component", "on exit is `exit`", "command is `job now`", "gist is not"]
        {
            assert!(mistakes.iter().any(|said| said.starts_with(mistake)), "{mistake}: {mistakes:#?}");
        }
    }
}
