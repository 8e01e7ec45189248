//! The settings that fit what was found: timings that satisfy every inequality, or none.

use std::time::Duration;

use leader_elector_core::gist::{DEFAULT_API, DEFAULT_FILE, Settings, WRITE_INTERVAL};
use leader_elector_core::timing::{self, Timing};
use leader_elector_host::say::quoted;

/// How many candidates the limits are reckoned for.
pub(super) const CANDIDATES: u64 = 3;
const HOUR: u64 = 3_600;
/// The part of the hourly limit that an election may use, in percent.
const SHARE: u64 = 80;

/// What the findings mean for the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Advice {
    /// Whether push mode excludes here.
    pub(super) push: bool,
    /// Whether patch mode can be used.
    pub(super) patch: bool,
    /// How long after its answer a push was seen to vanish under a PATCH.
    pub(super) push_lost: Option<Duration>,
    /// How long after its answer a PATCH was seen to vanish under another.
    pub(super) patch_lost: Option<Duration>,
    /// The requests that the store allows an hour.
    pub(super) limit: Option<u64>,
    /// Whether a read that is answered 304 counts.
    pub(super) unchanged_counts: bool,
    /// The longest time that an answer took.
    pub(super) slowest: Duration,
}

impl Advice {
    /// What `settle` has to be: twice what was seen, in half seconds, and never less than the default.
    pub(super) fn settle(lost: Option<Duration>) -> Duration {
        const STEP: u128 = 500;
        let twice = lost.unwrap_or_default().as_millis() * 2;
        let ms = u64::try_from(twice.div_ceil(STEP) * STEP).unwrap_or(u64::MAX);
        Duration::from_millis(ms).max(timing::Settings::default().settle)
    }

    /// The timings that fit, the shortest lease first; `None` where no lease is long enough.
    pub(super) fn timing(&self) -> Option<timing::Settings> {
        // The default bound on a request, unless answers take more than half of it.
        let default = Timing::new(timing::Settings::default(), WRITE_INTERVAL).ok()?.request_timeout();
        let bound = Duration::from_secs((self.slowest * 2).as_secs() + 1);
        let request_timeout = (self.slowest * 2 > default).then_some(bound);
        let settle = Self::settle(if self.push { self.push_lost } else { self.patch_lost });
        (30..=HOUR).step_by(15).find_map(|lease| {
            let fitting = timing::Settings {
                lease: Duration::from_secs(lease),
                renew_deadline: Duration::from_secs(lease * 2 / 3),
                renew_interval: Duration::from_secs(lease / 3),
                poll: Duration::from_secs(self.poll(lease / 3)?),
                settle,
                request_timeout,
                ..timing::Settings::default()
            };
            Timing::new(fitting, WRITE_INTERVAL).is_ok().then_some(fitting)
        })
    }

    /// The seconds between two reads that the limit allows, with a renewal every so many seconds.
    fn poll(&self, renew: u64) -> Option<u64> {
        let least = timing::Settings::default().poll.as_secs();
        let Some(limit) = self.limit else { return Some(least) };
        let followers = CANDIDATES - 1;
        let (polls, renewals) = (followers * HOUR, HOUR.div_ceil(renew));
        // The leader's writes count, and of the followers' reads those that are answered in full.
        let left = (limit * SHARE / 100).checked_sub(renewals)?;
        if self.unchanged_counts {
            (left > 0).then(|| polls.div_ceil(left).max(least))
        } else {
            (followers * renewals <= left).then_some(least)
        }
    }

    /// The command line that fits, with the gist that it names, if any; `None` where none does.
    pub(super) fn command(&self, settings: &Settings, gist: Option<&str>) -> Option<String> {
        use std::fmt::Write;
        if !self.push && !self.patch {
            return None;
        }
        let (fitting, default) = (self.timing()?, timing::Settings::default());
        let mut line = "leader-elector run".to_owned();
        let mut add = |words: String| _ = write!(line, " {words}");
        if let Some(gist) = gist {
            add(format!("--gist {gist}"));
        }
        if settings.file != DEFAULT_FILE {
            add(format!("--file {}", quoted(&settings.file)));
        }
        if settings.api != DEFAULT_API {
            add(format!("--api-url {}", quoted(&settings.api)));
        }
        if let Some(git) = settings.git.as_ref().filter(|_| self.push) {
            add(format!("--git-url {}", quoted(git)));
        }
        if settings.allow_http {
            add("--allow-http".to_owned());
        }
        if !self.push {
            add("--write patch".to_owned());
        }
        for (flag, fits, usual) in [
            ("lease", Some(fitting.lease), Some(default.lease)),
            ("renew-deadline", Some(fitting.renew_deadline), Some(default.renew_deadline)),
            ("renew-interval", Some(fitting.renew_interval), Some(default.renew_interval)),
            ("poll", Some(fitting.poll), Some(default.poll)),
            ("settle", Some(fitting.settle), Some(default.settle)),
            ("request-timeout", fitting.request_timeout, default.request_timeout),
        ] {
            if let Some(time) = fits.filter(|_| fits != usual) {
                add(format!("--{flag} {}", written(time)));
            }
        }
        Some(line)
    }
}

/// A duration as flags take it.
pub(super) fn written(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use leader_elector_core::WriteMode;

    use super::*;
    use crate::Failure;
    use crate::cli::{Cli, Command};
    use crate::config::Config;

    fn settings(file: &str) -> Settings {
        Settings {
            gist: "abc".to_owned(),
            file: file.to_owned(),
            api: DEFAULT_API.to_owned(),
            git: None,
            token: None,
            write: WriteMode::Push,
            allow_http: false,
            lease: Duration::from_secs(30),
            settle: Duration::from_secs(1),
            request_timeout: Duration::from_secs(5),
        }
    }

    fn usable() -> Advice {
        Advice { push: true, patch: true, ..Advice::default() }
    }

    #[test]
    fn settle_is_twice_what_was_seen_and_never_below_the_default() {
        for (lost, settle) in [(None, 1000), (Some(0), 1000), (Some(400), 1000), (Some(700), 1500), (Some(1000), 2000)]
        {
            let lost = lost.map(Duration::from_millis);
            assert_eq!(Advice::settle(lost), Duration::from_millis(settle), "{lost:?}");
        }
    }

    #[test]
    fn the_command_names_what_differs_from_the_defaults() {
        let settings = settings(DEFAULT_FILE);
        assert_eq!(usable().command(&settings, Some("abc")).as_deref(), Some("leader-elector run --gist abc"));
        let advice = Advice { push: false, patch_lost: Some(Duration::from_millis(1600)), ..usable() };
        let line = "leader-elector run --gist abc --write patch --settle 3500ms";
        assert_eq!(advice.command(&settings, Some("abc")).as_deref(), Some(line));
        let advice = Advice { push: false, patch: false, ..usable() };
        assert_eq!(advice.command(&settings, Some("abc")), None);
    }

    #[test]
    fn what_one_mode_loses_is_no_concern_of_the_other() {
        let advice = Advice { patch_lost: Some(Duration::from_secs(6)), ..usable() };
        assert_eq!(advice.timing(), Some(timing::Settings::default()));
    }

    #[test]
    fn run_accepts_every_command_line_that_is_suggested() {
        let (mut suggested, mut none) = (0, 0);
        let times = || [0, 300, 900, 2_600, 7_000, 13_000].map(Duration::from_millis);
        for push_lost in times() {
            for slowest in times() {
                for limit in [None, Some(10), Some(60), Some(1_000), Some(5_000)] {
                    for unchanged_counts in [false, true] {
                        let push_lost = Some(push_lost);
                        let advice = Advice { push_lost, limit, unchanged_counts, slowest, ..usable() };
                        let Some(line) = advice.command(&settings("lock"), Some("abc")) else {
                            none += 1;
                            continue;
                        };
                        suggested += 1;
                        let cli = Cli::try_parse_from(line.split(' ')).expect("it is a call");
                        let Command::Run(args) = cli.command else { panic!("{line}") };
                        if let Err(Failure::Usage(mistakes)) = Config::parse(&args.run, |_| Ok(())) {
                            // The token is not on a command line.
                            let of_ours: Vec<_> = mistakes.iter().filter(|it| !it.starts_with("token is")).collect();
                            assert!(of_ours.is_empty(), "{line}: {of_ours:?}");
                        }
                    }
                }
            }
        }
        assert!(suggested > 250 && none > 0, "{suggested} suggested, {none} not");
    }

    #[test]
    fn names_reach_the_shell_whole() {
        assert!(usable().command(&settings("my lock"), None).is_some_and(|line| line.contains("--file 'my lock'")));
    }
}
