//! Moments as the core sees them: it is told what time it is and never asks.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A moment on the candidate's own monotonic clock, in nanoseconds from any origin.
///
/// A newtype of our own, because a browser cannot construct `std::time::Instant`. The host's clock must count
/// the time a machine slept through (rule R13), or be watched by [`Clock::MayStop`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// A moment `nanos` nanoseconds after the clock's origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A moment `millis` milliseconds after the clock's origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the clock's origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the clock's origin, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment `span` before this one, or the origin.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(span)))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.as_millis() / 1000, self.as_millis() % 1000)
    }
}

/// A reading of the wall clock: milliseconds since the Unix epoch, UTC.
///
/// It may be wrong and may jump. It fills the record's timestamps; no decision compares it with another clock's (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct WallClock(pub i64);

impl WallClock {
    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// Both clocks of a candidate, read at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock: everything that decides counts on it.
    pub at: Instant,
    /// The wall clock: it fills timestamps.
    pub wall: WallClock,
}

/// What the host's monotonic clock does while the machine sleeps (R13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Clock {
    /// It counts suspended time, as `CLOCK_BOOTTIME` does. The wall clock only fills timestamps.
    #[default]
    Boot,
    /// It may stand still (WASI, browsers): a wall clock that ran over a second further since the sending of the
    /// write that the lease rests on ends the term.
    MayStop,
}

/// Seconds since the Unix epoch of an HTTP date, in the one form that servers send (RFC 9110, 5.6.7):
/// `Sun, 06 Nov 1994 08:49:37 GMT`. None: it is none. A reader of all forms that mail ever had is several kilobytes of
/// a page.
#[must_use]
pub fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.trim().split(' ').skip(1);
    let day = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = (1..).zip(MONTHS).find(|(_, name)| *name == month)?.0;
    let year = words.next()?.parse().ok()?;
    let mut time = words.next()?.split(':').map(|part| part.parse().ok());
    let (hours, minutes, seconds): (u32, u32, u32) = (time.next()??, time.next()??, time.next()??);
    let is_whole = time.next().is_none() && words.next()? == "GMT" && words.next().is_none();
    // A leap second is the last of its minute.
    let date = chrono::NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(hours, minutes, seconds.min(59))?;
    u64::try_from(date.and_utc().timestamp()).ok().filter(|_| is_whole)
}

/// `Duration` in the clock's unit, at most the clock's range.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::http_date;

    #[test]
    fn an_http_date_is_read_and_nothing_else() {
        assert_eq!(http_date("Tue, 14 Nov 2023 22:13:20 GMT"), Some(1_700_000_000));
        assert_eq!(http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(http_date("Sat, 31 Dec 2016 23:59:60 GMT"), Some(1_483_228_799));
        for wrong in [
            "",
            "Tue, 14 Nov 2023 22:13:20",
            "Tue, 14 Nov 2023 22:13:20 +0100",
            "Tue, 14 Nov 2023 22:13 GMT",
            "Tue, 14 Now 2023 22:13:20 GMT",
            "Thu, 30 Feb 2024 00:00:00 GMT",
            "Tue, 14 Nov 2023 24:13:20 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "1700000000",
        ] {
            assert_eq!(http_date(wrong), None, "{wrong}");
        }
    }
}
