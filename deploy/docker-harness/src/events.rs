//! What befalls the containers: drawn from a seed, undone after a while.

use std::time::Duration;

use anyhow::Result;

use crate::clock::Moment;
use crate::dice::Dice;
use crate::docker::{Role, docker, inside, namespace};
use crate::stage::{LEASE, NAMES, Stage};

/// How often the kernel is asked whether a late job is gone.
const LOOK: Duration = Duration::from_millis(5);
/// For how long at most.
const LOOK_FOR: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Kill,
    Disconnect,
    PauseBriefly,
    PauseLong,
    Stop,
    Restart,
    OutOfMemory,
}

pub(crate) const EVENTS: [Event; 7] = [
    Event::Kill,
    Event::Disconnect,
    Event::PauseBriefly,
    Event::PauseLong,
    Event::Stop,
    Event::Restart,
    Event::OutOfMemory,
];

/// A pause longer than the lease.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    pub(crate) name: &'static str,
    pub(crate) from: Moment,
    /// When docker had unpaused it.
    pub(crate) thawed: Moment,
    /// From the unpause to the end of the job that was frozen; `None`: no job was frozen.
    pub(crate) job_gone: Option<Duration>,
}

impl Event {
    /// Lets it happen to a candidate, waits, and undoes it.
    pub(crate) fn play(self, stage: &Stage, name: &'static str, dice: &mut Dice) -> Result<Option<Pause>> {
        let container = stage.container(name);
        let container = container.as_str();
        let seconds =
            |dice: &mut Dice, from: u64, to: u64| wait(Duration::from_millis(dice.between(1000 * from, 1000 * to)));
        match self {
            Self::Kill => {
                docker(&["kill", container])?;
                seconds(dice, 0, 12);
                docker(&["start", container])?;
            }
            Self::Disconnect => {
                docker(&["network", "disconnect", "--force", stage.network(), container])?;
                seconds(dice, 2, 14);
                docker(&["network", "connect", stage.network(), container])?;
            }
            Self::PauseBriefly => {
                docker(&["pause", container])?;
                seconds(dice, 0, 3);
                docker(&["unpause", container])?;
            }
            Self::PauseLong => return pause(name, container, dice).map(Some),
            Self::Stop => {
                docker(&["stop", "--time", "20", container])?;
                seconds(dice, 0, 6);
                docker(&["start", container])?;
            }
            Self::Restart => _ = docker(&["restart", "--time", "20", container])?,
            Self::OutOfMemory => {
                let processes = inside(&namespace(container)?);
                let victim = dice.one_of(&[Role::Elector, Role::Guard, Role::Job]);
                if let Some(process) = processes.iter().find(|process| process.role == victim) {
                    // Whom the kernel takes first when there is no more memory; the process may end just now.
                    let _ = std::fs::write(format!("/proc/{}/oom_score_adj", process.pid), "1000");
                }
                // It is killed itself, or the container ends under it: either is an error to docker.
                let _ = docker(&["exec", container, "/job", "hog"]);
                // Where the elector was the victim, the container has ended with it.
                docker(&["start", container])?;
            }
        }
        Ok(None)
    }
}

fn pause(name: &'static str, container: &str, dice: &mut Dice) -> Result<Pause> {
    let namespace = namespace(container)?;
    let from = Moment::now();
    docker(&["pause", container])?;
    let frozen: Vec<i32> = jobs(&namespace);
    wait(LEASE + Duration::from_millis(dice.between(1000, 6000)));
    docker(&["unpause", container])?;
    let thawed = Moment::now();
    let job_gone = (!frozen.is_empty()).then(|| {
        while jobs(&namespace).iter().any(|pid| frozen.contains(pid)) && Moment::now().since(thawed) < LOOK_FOR {
            std::thread::sleep(LOOK);
        }
        Moment::now().since(thawed)
    });
    Ok(Pause { name, from, thawed, job_gone })
}

fn jobs(namespace: &std::path::Path) -> Vec<i32> {
    inside(namespace).iter().filter(|process| process.role == Role::Job).map(|process| process.pid).collect()
}

fn wait(span: Duration) {
    std::thread::sleep(span);
}

/// Whom the next event befalls: mostly whoever leads.
pub(crate) fn target(stage: &Stage, since: Moment, dice: &mut Dice) -> &'static str {
    let leader = stage.sink.newest_since(since).and_then(|append| NAMES.into_iter().find(|name| *name == append.name));
    match leader {
        Some(leader) if dice.between(1, 4) > 1 => leader,
        _ => dice.one_of(&NAMES),
    }
}
