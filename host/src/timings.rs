//! From durations that were typed to timings that hold.

use std::time::Duration;

use leader_elector_core::gist;
use leader_elector_core::timing::{self, Timing, TimingError};

use crate::args::TimingArgs;
use crate::config::Mistakes;

/// A duration as people write it.
///
/// # Errors
/// Names the field, the value and what is allowed.
pub fn duration(field: &str, given: &str) -> Result<Duration, String> {
    humantime::parse_duration(given.trim())
        .map_err(|error| format!("{field} is `{given}`: allowed is a duration like 30s, 1500ms or 2min ({error})"))
}

/// Timings that hold; or what is wrong with them, and where a stop grace does not fit, a set in which it would.
pub(crate) fn timing_of(args: &TimingArgs, mistakes: &mut Mistakes) -> Option<Timing> {
    let mut duration = |field: &str, given: &str| mistakes.take(duration(field, given));
    let lease = duration("lease", &args.lease);
    let renew_deadline = duration("renew deadline", &args.renew_deadline);
    let renew_interval = duration("renew interval", &args.renew_interval);
    let poll = duration("poll", &args.poll);
    let settle = duration("settle", &args.settle);
    let stop_grace = duration("stop grace", args.stop_grace.as_deref().unwrap_or("0s"));
    let request_timeout = match &args.request_timeout {
        None => Some(None),
        Some(given) => duration("request timeout", given).map(Some),
    };
    let settings = timing::Settings {
        lease: lease?,
        renew_deadline: renew_deadline?,
        renew_interval: renew_interval?,
        poll: poll?,
        settle: settle?,
        stop_grace: stop_grace?,
        request_timeout: request_timeout?,
    };
    match Timing::new(settings, gist::WRITE_INTERVAL) {
        Ok(timing) => Some(timing),
        Err(errors) => {
            mistakes.0.extend(errors.iter().map(ToString::to_string));
            if errors.iter().any(|error| matches!(error, TimingError::StopGrace { .. }))
                && let Some(fitting) = fitting(settings)
            {
                mistakes.0.push(format!("with this stop grace, a set that fits is: {fitting}"));
            }
            None
        }
    }
}

/// The least lease that leaves room for the stop grace, with the timings that go with it in tenths of a second, as flags.
fn fitting(settings: timing::Settings) -> Option<String> {
    let from = settings.lease.as_secs().max(1);
    let set = |seconds: u64| {
        let lease = Duration::from_secs(seconds);
        let (renew_deadline, renew_interval) = (lease * 2 / 3, lease / 3);
        let round = |span: Duration| Duration::from_millis(u64::try_from(span.as_millis() / 100 * 100).unwrap_or(0));
        let [renew_deadline, renew_interval] = [renew_deadline, renew_interval].map(round);
        timing::Settings { lease, renew_deadline, renew_interval, request_timeout: None, ..settings }
    };
    let timing = (from..=3600).find_map(|seconds| Timing::new(set(seconds), gist::WRITE_INTERVAL).ok())?;
    Some(format!(
        "--lease {:?} --renew-deadline {:?} --renew-interval {:?} --request-timeout {:?} --stop-grace {:?}",
        timing.lease(),
        timing.renew_deadline(),
        timing.renew_interval(),
        timing.request_timeout(),
        timing.stop_grace()
    ))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::args::with_variables;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        timings: TimingArgs,
    }

    fn mistakes(flags: &[&str]) -> Vec<String> {
        let mut mistakes = Mistakes::default();
        let typed = with_variables(Cli::command()).get_matches_from(["run"].iter().chain(flags));
        let typed = Cli::from_arg_matches(&typed).expect("its shape is right");
        let timing = timing_of(&typed.timings, &mut mistakes);
        assert_eq!(timing.is_some(), mistakes.0.is_empty(), "{:#?}", mistakes.0);
        mistakes.0
    }

    #[test]
    fn timings_that_do_not_fit_are_named() {
        let found = mistakes(&["--lease", "10s", "--renew-deadline", "10s"]);
        assert!(found.iter().any(|mistake| mistake.contains("renew deadline is 10s")), "{found:#?}");
    }

    #[test]
    fn what_is_less_than_nothing_is_no_duration() {
        let found = mistakes(&["--lease", "-5s", "--poll", "-1"]);
        assert!(found[0].starts_with("lease is `-5s`: allowed") && found[1].starts_with("poll is `-1`"), "{found:#?}");
    }

    #[test]
    fn a_grace_that_does_not_fit_is_refused_with_a_set_that_would() {
        for grace in ["8s", "20s", "90s", "1500ms"] {
            let found = mistakes(&["--renew-interval", "14s", "--stop-grace", grace]);
            let set =
                found.iter().find_map(|mistake| mistake.strip_prefix("with this stop grace, a set that fits is: "));
            let flags: Vec<&str> = set.unwrap_or_else(|| panic!("no set in {found:#?}")).split(' ').collect();
            assert_eq!(mistakes(&flags), Vec::<String>::new(), "{flags:?}");
            let mut times = flags.iter().filter(|word| !word.starts_with("--"));
            assert!(times.all(|time| time.len() <= "123.4s".len()), "nobody types {flags:?}");
        }
    }
}
