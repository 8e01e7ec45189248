//! What a visitor can do to a candidate and to the store, as it stands with them.

use super::act::{Act, Whom};
use super::scene::{Lane, Store};
use super::words::State;

/// What a button says, its whole name, and what it does, for a candidate as it is.
pub(super) type LaneTool = fn(&Lane) -> (&'static str, &'static str, fn(Whom) -> Act);
pub(super) static LANE_TOOLS: [LaneTool; 7] = [
    |lane| if lane.state == State::Dead { ("Start", "Start", Act::Start) } else { ("Kill", "Kill", Act::Kill) },
    |lane| if lane.state == State::Paused { ("Resume", "Resume", Act::Resume) } else { ("Pause", "Pause", Act::Pause) },
    |lane| if lane.is_cut { ("Mend", "Mend the network", Act::Reconnect) } else { ("Cut", "Cut off", Act::Cut) },
    |lane| {
        if lane.loses {
            ("Mend", "Mend the network", Act::Reconnect)
        } else {
            ("Lose", "Lose answers", Act::LoseAnswers)
        }
    },
    |lane| {
        if lane.hangs {
            ("Flow", "Flow again", |whom| Act::Hang(whom, 0))
        } else {
            ("Hang", "Hang 60 s", |whom| Act::Hang(whom, 60))
        }
    },
    |_| ("Stop", "Stop", Act::Stop),
    |_| ("+1 h", "Clock +1 h", |whom| Act::Jump(whom, 3600)),
];

/// The same for the store, and whether it is so now.
pub(super) type StoreTool = fn(&Store) -> (&'static str, Act, bool);
pub(super) static STORE_TOOLS: [StoreTool; 6] = [
    |store| match store.latency {
        2000.. => ("Latency 2 s", Act::Latency(80), true),
        400.. => ("Latency 0.4 s", Act::Latency(2000), true),
        _ => ("Latency 0.1 s", Act::Latency(400), false),
    },
    |store| {
        let act = if store.loses { Act::Reconnect(Whom::All) } else { Act::LoseAnswers(Whom::All) };
        ("Lose answers", act, store.loses)
    },
    |store| ("Hang 60 s", Act::Hang(Whom::All, if store.hangs { 0 } else { 60 }), store.hangs),
    |store| ("Throttle", Act::Throttle(if store.throttles { 0 } else { 20 }), store.throttles),
    |store| ("Lose updates", Act::LoseUpdates(if store.vanishes { 0 } else { 100 }), store.vanishes),
    |_| ("Wipe the file", Act::Wipe, false),
];
