//! The two ways in which GitHub writes a moment.

use chrono::{DateTime, Datelike, Timelike, Utc};

/// The form of the `Date` header: `Tue, 14 Nov 2023 22:13:20 GMT`.
pub(super) fn http_date(unix_ms: i64) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = moment(unix_ms);
    let day = DAYS[at.weekday().num_days_from_monday() as usize];
    let month = MONTHS[at.month0() as usize];
    format!(
        "{day}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
        at.day(),
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// The form in JSON: `2023-11-14T22:13:20Z`.
pub(super) fn rfc3339(unix_ms: i64) -> String {
    let at = moment(unix_ms);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// Moments beyond chrono's 260,000 years are those of a broken clock, and are written as the epoch.
fn moment(unix_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(unix_ms).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{http_date, rfc3339};

    #[test]
    fn moments_are_written_in_whole_seconds_of_utc() {
        for (unix_ms, header, json) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
            (1_700_000_000_999, "Tue, 14 Nov 2023 22:13:20 GMT", "2023-11-14T22:13:20Z"),
            (1_709_164_800_000, "Thu, 29 Feb 2024 00:00:00 GMT", "2024-02-29T00:00:00Z"),
            (i64::MAX, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(http_date(unix_ms), header);
            assert_eq!(rfc3339(unix_ms), json);
        }
    }
}
