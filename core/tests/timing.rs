//! Every inequality of the timings: just inside, and just outside.

use std::time::Duration;

use leader_elector_core::Timing;
use leader_elector_core::timing::{Settings, TimingError, TimingWarning};

const STORE: Duration = Duration::from_secs(1);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Checks the defaults with one change; gives the fields that are wrong.
fn check(change: impl Fn(&mut Settings), wrong: &[&str]) {
    let mut settings = Settings::default();
    change(&mut settings);
    let errors = Timing::new(settings, STORE).err().unwrap_or_default();
    let fields: Vec<_> = errors.iter().map(TimingError::field).collect();
    assert_eq!(fields, wrong, "{settings:?}: {errors:?}");
}

#[test]
fn the_defaults_hold_and_leave_room() {
    let timing = Timing::new(Settings::default(), STORE).unwrap();
    assert_eq!(timing.request_timeout(), ms(5000));
    assert_eq!(timing.warnings(), []);
}

#[test]
fn each_inequality_has_an_edge() {
    check(|s| s.lease = ms(30_001), &["lease"]);
    check(|s| s.lease = ms(3_600_000), &[]);
    check(|s| s.lease = ms(3_601_000), &["lease"]);
    check(|s| s.renew_deadline = ms(29_400), &[]);
    check(|s| s.renew_deadline = ms(29_401), &["renew_deadline"]);
    check(|s| s.request_timeout = Some(ms(6_666)), &[]);
    check(|s| s.request_timeout = Some(ms(6_667)), &["request_timeout"]);
    check(|s| s.request_timeout = Some(ms(0)), &["request_timeout"]);
    check(|s| (s.renew_interval, s.settle) = (ms(14_999), ms(0)), &[]);
    check(|s| (s.renew_interval, s.settle) = (ms(15_000), ms(0)), &["renew_interval"]);
    let quick = |s: &mut Settings, interval| {
        (s.renew_interval, s.settle, s.request_timeout) = (interval, ms(0), Some(ms(1000)));
    };
    check(|s| quick(s, ms(16_666)), &[]);
    check(|s| quick(s, ms(16_667)), &["renew_interval"]);
    check(|s| s.renew_interval = ms(1000), &[]);
    check(|s| s.renew_interval = ms(999), &["renew_interval"]);
    check(|s| s.poll = ms(100), &[]);
    check(|s| s.poll = ms(99), &["poll"]);
    check(|s| s.poll = ms(15_000), &[]);
    check(|s| s.poll = ms(15_001), &["poll"]);
    check(|s| (s.settle, s.renew_interval, s.request_timeout) = (ms(7_500), ms(8_000), Some(ms(2_000))), &[]);
    check(|s| (s.settle, s.renew_interval, s.request_timeout) = (ms(7_501), ms(8_000), Some(ms(2_000))), &["settle"]);
    check(|s| s.stop_grace = ms(4_999), &[]);
    check(|s| s.stop_grace = ms(5_000), &["stop_grace"]);
}

#[test]
fn a_proof_must_fit_into_the_usable_lease() {
    // renew_interval + max(renew_interval, settle + request_timeout) + request_timeout < 0.98 x 30 s
    check(|s| (s.renew_interval, s.request_timeout) = (ms(12_199), Some(ms(5_000))), &[]);
    check(|s| (s.renew_interval, s.request_timeout) = (ms(12_200), Some(ms(5_000))), &["settle"]);
}

#[test]
fn all_mistakes_come_at_once_and_name_their_values() {
    let settings = Settings { lease: ms(1500), poll: ms(1), stop_grace: ms(60_000), ..Settings::default() };
    let errors = Timing::new(settings, STORE).unwrap_err();
    let text = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for value in ["lease is 1.5s", "renew deadline is 20s", "poll is 1ms", "stop grace is 60s"] {
        assert!(text.contains(value), "{value} is missing in\n{text}");
    }
}

#[test]
fn little_room_is_warned_about() {
    let settings =
        Settings { renew_interval: ms(12_000), settle: ms(0), request_timeout: Some(ms(6_600)), ..Settings::default() };
    let tight = Settings { renew_interval: ms(14_500), ..settings };
    let warnings = |settings| Timing::new(settings, STORE).map(|timing| timing.warnings());
    assert!(warnings(tight).is_err());
    let warned =
        warnings(Settings { request_timeout: Some(ms(5_000)), renew_interval: ms(14_200), ..settings }).unwrap();
    assert!(matches!(warned[..], [TimingWarning::NoRepetition { .. }]), "{warned:?}");
}

/// A duration as a message shows it.
fn typed(shown: &str) -> Duration {
    let number = |unit| shown.strip_suffix(unit).and_then(|number| number.parse::<f64>().ok());
    let seconds = number("ms").map(|ms| ms / 1000.0).or_else(|| number("s"));
    // Whoever types it back means a decimal number, not its nearest binary neighbour.
    let micros = (seconds.unwrap_or_else(|| panic!("{shown} is no duration")) * 1e6).round();
    Duration::from_secs_f64(micros / 1e6)
}

#[test]
fn an_advice_that_is_typed_back_is_taken() {
    type Field = fn(&mut Settings) -> &mut Duration;
    let bounds: [(&str, Field, &str); 5] = [
        ("renew_deadline", |s| &mut s.renew_deadline, "at most "),
        ("request_timeout", |s| s.request_timeout.get_or_insert_default(), "at most "),
        ("poll", |s| &mut s.poll, " to "),
        ("settle", |s| &mut s.settle, " to "),
        ("stop_grace", |s| &mut s.stop_grace, "less than "),
    ];
    for (lease, renew_deadline) in [(30_000, 20_000), (7_000, 5_000), (1_000, 500), (3_000_000, 100_001)] {
        let settings = Settings {
            lease: ms(lease),
            renew_deadline: ms(renew_deadline),
            renew_interval: ms(100),
            ..Settings::default()
        };
        for (name, field, words) in bounds {
            let complaint = |value| {
                let mut settings = settings;
                *field(&mut settings) = value;
                let errors = Timing::new(settings, ms(1)).err().unwrap_or_default();
                let mut of_field = errors.iter().filter(|error| error.field() == name).map(ToString::to_string);
                of_field.find(|said| said.contains(words))
            };
            let said = complaint(ms(lease)).unwrap_or_else(|| panic!("{name}: a whole lease of {lease} ms"));
            let shown = said.split(words).nth(1).unwrap_or_else(|| panic!("`{words}` is not in: {said}"));
            let shown = shown.split([' ', ',']).next().unwrap_or_default();
            assert!(shown.len() <= "1234.56s".len(), "nobody types {shown}: {said}");
            let less = if words == "less than " { ms(1) } else { ms(0) };
            assert_eq!(complaint(typed(shown).saturating_sub(less)), None, "after: {said}");
        }
    }
}

#[test]
fn nothing_is_no_number_of_nanoseconds() {
    let settings = Settings { lease: ms(0), renew_interval: ms(0), ..Settings::default() };
    let said: Vec<_> = Timing::new(settings, STORE).unwrap_err().iter().map(ToString::to_string).collect();
    for begin in ["lease is 0s:", "renew interval is 0s:"] {
        assert!(said.iter().any(|said| said.starts_with(begin)), "{said:#?}");
    }
}
