//! Logs on standard error: text for people, JSON for machines.

use std::ffi::OsStr;
use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;

use crate::args::{LogArgs, LogFormat, LogLevel};
use crate::config::Mistakes;

/// What is logged, and how.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    format: LogFormat,
    level: LogLevel,
}

impl Log {
    pub(crate) fn of(args: &LogArgs, mistakes: &mut Mistakes) -> Option<Self> {
        let format = mistakes.take(args.log.chosen("log"));
        let level = mistakes.take(args.log_level.chosen("log level"));
        Some(Self { format: format?, level: level? })
    }
}

/// Installs the subscriber. Only the first call counts.
pub fn init(log: Log) {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal() && colours(std::env::var_os("NO_COLOR").as_deref()))
        // Told on standard error as well, it would panic where nobody reads that any more.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // A subscriber that is there already stays.
    let _ = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// Whether a terminal gets colours: not where `NO_COLOR` says something (no-color.org).
fn colours(no_color: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_is_obeyed_whatever_it_says() {
        assert!(colours(None) && colours(Some(OsStr::new(""))));
        assert!(!colours(Some(OsStr::new("1"))) && !colours(Some(OsStr::new("0"))));
    }
}
