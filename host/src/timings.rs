//! From durations that were typed to timings that hold.

use std::mem::discriminant;
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

/// A duration that may be given: its field, what was typed, and where it goes.
type Field = (&'static str, fn(&TimingArgs) -> Option<&str>, fn(&mut timing::Settings, Duration));

const FIELDS: [Field; 7] = [
    ("lease", |typed| Some(typed.lease.as_str()), |settings, it| settings.lease = it),
    ("renew deadline", |typed| Some(typed.renew_deadline.as_str()), |settings, it| settings.renew_deadline = it),
    ("renew interval", |typed| Some(typed.renew_interval.as_str()), |settings, it| settings.renew_interval = it),
    ("poll", |typed| Some(typed.poll.as_str()), |settings, it| settings.poll = it),
    ("settle", |typed| Some(typed.settle.as_str()), |settings, it| settings.settle = it),
    ("stop grace", |typed| typed.stop_grace.as_deref(), |settings, it| settings.stop_grace = it),
    ("request timeout", |typed| typed.request_timeout.as_deref(), |settings, it| settings.request_timeout = Some(it)),
];

/// Next to the usual value, what may have been meant where nobody knows: the least and the most.
const MEANT: [Duration; 2] = [Duration::ZERO, Duration::from_hours(1)];

/// Timings that hold; or what is wrong with them, and where a stop grace does not fit, a set in which it would.
///
/// What is no duration may have been meant to be any: of the others that is said to be wrong which none of them mends.
pub(crate) fn timing_of(args: &TimingArgs, mistakes: &mut Mistakes) -> Option<Timing> {
    let mut meant = vec![timing::Settings::default()];
    for (field, typed, put) in FIELDS {
        let Some(given) = typed(args) else { continue };
        if let Some(it) = mistakes.take(duration(field, given)) {
            for settings in &mut meant {
                put(settings, it);
            }
        } else {
            let usual = meant.clone();
            for it in MEANT {
                meant.extend(usual.iter().map(|settings| {
                    let mut other = *settings;
                    put(&mut other, it);
                    other
                }));
            }
        }
    }
    let mut tried = meant.iter().map(|settings| Timing::new(*settings, gist::WRITE_INTERVAL));
    let (usual, others): (_, Vec<_>) = (tried.next()?, tried.collect());
    let errors = match usual {
        Ok(timing) => return others.is_empty().then_some(timing),
        Err(errors) => errors,
    };
    let is_in = |error: &TimingError, tried: &Result<Timing, Vec<TimingError>>| {
        let same = |other: &TimingError| discriminant(other) == discriminant(error);
        tried.as_ref().is_err_and(|errors| errors.iter().any(same))
    };
    let wrong = errors.iter().filter(|error| others.iter().all(|tried| is_in(error, tried)));
    mistakes.0.extend(wrong.map(ToString::to_string));
    if others.is_empty()
        && errors.iter().any(|error| matches!(error, TimingError::StopGrace { .. }))
        && let Some(fitting) = fitting(meant[0])
    {
        mistakes.0.push(format!("with this stop grace, a set that fits is: {fitting}"));
    }
    None
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
    fn what_is_no_duration_hides_no_other_mistake_and_makes_none() {
        let found = mistakes(&["--lease", "soon", "--poll", "5ms", "--renew-interval", "10ms"]);
        let fields = ["lease is `soon`", "poll is 5ms", "renew interval is 10ms"];
        for field in fields {
            assert!(found.iter().any(|mistake| mistake.starts_with(field)), "{field} is missing in {found:#?}");
        }
        assert_eq!(found.len(), fields.len(), "{found:#?}");
        // With a lease of an hour all of it fits.
        let found = mistakes(&["--lease", "one hour", "--renew-deadline", "40min", "--poll", "1min", "--settle", "9s"]);
        assert_eq!(found.len(), 1, "{found:#?}");
        let found = mistakes(&["--lease", "a", "--renew-deadline", "b", "--settle", "c", "--request-timeout", "0s"]);
        assert_eq!(found.len(), 4, "{found:#?}");
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
