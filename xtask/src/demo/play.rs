//! The seven acts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;

use super::Timings;
use super::host::COMPONENT_SLACK;
use super::process::{Line, NAMES, Reign, Stage};

/// What the operating system may need to start a process, and a log line to arrive.
const SLACK: Duration = Duration::from_millis(500);

/// One line of the table.
pub(super) struct Row {
    pub(super) event: &'static str,
    pub(super) bound: Duration,
    pub(super) measured: Duration,
    pub(super) note: String,
    pub(super) good: bool,
}

/// The play, act by act.
pub(super) struct Play {
    stage: Stage,
    timings: Timings,
    slack: Duration,
    rows: Vec<Row>,
}

impl Play {
    pub(super) fn new(stage: Stage, timings: Timings) -> Self {
        let component = (0..NAMES.len()).any(|who| stage.host(who).is_component());
        let slack = SLACK + if component { COMPONENT_SLACK } else { Duration::ZERO };
        Self { stage, timings, slack, rows: Vec::new() }
    }

    /// Plays all acts; gives the table, and the stage as it stands.
    pub(super) fn all(mut self) -> Result<(Vec<Row>, Stage)> {
        self.elect().context("act 1")?;
        self.kill().context("acts 2 and 3")?;
        self.hand_over().context("act 4")?;
        self.silence("hang", "requests hang: it stops by itself, then another leads").context("act 5")?;
        self.silence("lose_answer", "writes land, all answers lost: the same").context("act 6")?;
        self.sleep().context("act 7")?;
        Ok((self.rows, self.stage))
    }

    fn elect(&mut self) -> Result<()> {
        say(1, "Three candidates start on a free lock.");
        let start = Instant::now();
        // The component has a start, so that it is surely the first to lead, to be killed and to return.
        let (first, rest): (Vec<_>, _) = (0..NAMES.len()).partition(|who| self.stage.host(*who).is_component());
        for who in first {
            self.stage.candidate(who)?;
            self.stage
                .wait_for(self.timings.lease, "it asks", |line| line.message.starts_with("attempting to acquire"))?;
        }
        for who in rest {
            self.stage.candidate(who)?;
        }
        let bound = self.timings.settle + self.slack;
        let leader = self.started(bound + self.timings.lease)?;
        println!("   {} leads with token {}.", NAMES[leader.who], leader.token.unwrap_or_default());
        self.row("first leader on a free lock", bound, leader.at - start, String::new());
        self.steady();
        Ok(())
    }

    fn kill(&mut self) -> Result<()> {
        let old = self.stage.leader()?;
        say(2, &format!("{} is killed (SIGKILL): nobody can tell the others.", NAMES[old.who]));
        let killed = self.stage.signal(old.who, Signal::KILL)?;
        let t = self.timings;
        let bound = t.lease + t.poll + t.settle + self.slack;
        let new = self.started(bound + t.lease)?;
        println!("   {} has waited for the lease to run out, and leads with token {}.", NAMES[new.who], token(&new));
        self.row("failover after SIGKILL", bound, new.at - killed, String::new());
        self.steady();
        say(3, &format!("{} returns under the same name.", NAMES[old.who]));
        let start = Instant::now();
        self.stage.candidate(old.who)?;
        let bound = t.poll + self.slack;
        let hail = self
            .stage
            .wait_for(t.lease, "it follows", |line| line.who == old.who && line.message.starts_with("All hail "))?;
        println!("   It follows: `{}`", hail.message);
        self.row("the killed one returns and follows", bound, hail.at - start, String::new());
        self.steady();
        Ok(())
    }

    fn hand_over(&mut self) -> Result<()> {
        let old = self.stage.leader()?;
        say(4, &format!("{} is asked to end (SIGTERM): it stops, releases, and exits.", NAMES[old.who]));
        self.stage.signal(old.who, Signal::TERM)?;
        let released = self.stage.wait_for(self.timings.lease, "the release", |line| {
            line.who == old.who && line.message == "released the lock"
        })?;
        let bound = self.timings.poll + self.timings.settle + self.slack;
        let new = self.started(bound + self.timings.lease)?;
        let code = self.stage.exit_code(old.who)?;
        println!("   {} leads with token {}.", NAMES[new.who], token(&new));
        let note = code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit {code}"));
        self.row("hand-over after SIGTERM, from the release", bound, new.at - released.at, note);
        if code != Some(0) {
            self.spoil("the exit code is not 0");
        }
        self.stage.candidate(old.who)?;
        self.steady();
        Ok(())
    }

    fn silence(&mut self, fault: &str, event: &'static str) -> Result<()> {
        let old = self.stage.leader()?;
        let act = if fault == "hang" { 5 } else { 6 };
        let words = if fault == "hang" {
            "requests go unanswered from now on"
        } else {
            "requests land from now on, but every answer is lost, those of reads too"
        };
        say(act, &format!("{}'s {words}.", NAMES[old.who]));
        let begun = Instant::now();
        self.stage.fault(old.who, Some(fault))?;
        let t = self.timings;
        let ended = self.stage.wait_for(t.lease * 2, "it stops by itself", |line| {
            line.message == "I am no longer the leader" || line.message == "started leading."
        })?;
        let alone = ended.who == old.who && ended.message == "I am no longer the leader";
        println!(
            "   {} stops by itself, {:.1} s after the silence began.",
            NAMES[old.who],
            (ended.at - begun).as_secs_f64()
        );
        let new = self.started(t.lease * 4)?;
        let before = new.at.saturating_duration_since(ended.at);
        println!("   {} leads with token {}, {:.1} s later.", NAMES[new.who], token(&new), before.as_secs_f64());
        let bound = t.renew_deadline + self.slack;
        self.row(event, bound, ended.at - begun, format!("{:.1} s before the next", before.as_secs_f64()));
        if !alone {
            self.spoil("another started before it stopped");
        }
        self.stage.fault(old.who, None)?;
        self.steady();
        Ok(())
    }

    fn sleep(&mut self) -> Result<()> {
        let old = self.stage.leader()?;
        say(7, &format!("{} is put to sleep (SIGSTOP) for longer than its lease.", NAMES[old.who]));
        self.stage.signal(old.who, Signal::STOP)?;
        let t = self.timings;
        let new = self.started(t.lease * 3)?;
        println!(
            "   {} leads with token {}; {} sleeps and knows nothing.",
            NAMES[new.who],
            token(&new),
            NAMES[old.who]
        );
        let woken = self.stage.signal(old.who, Signal::CONT)?;
        let ended = self.stage.wait_for(t.lease, "it learns of it", |line| {
            line.who == old.who && line.message == "I am no longer the leader"
        })?;
        println!("   {} wakes and stops at once. What it did in between carries token {}.", NAMES[old.who], old.token);
        let note = format!("token {} < {}: refuse the smaller one", old.token, token(&new));
        let bound = Duration::from_secs(1);
        self.row("SIGSTOP past the lease, SIGCONT: it stops", bound, ended.at - woken, note);
        if old.token >= token(&new) {
            self.spoil("the token did not grow");
        }
        Ok(())
    }

    fn started(&mut self, within: Duration) -> Result<Line> {
        self.stage.wait_for(within, "a leader", |line| line.message == "started leading.")
    }

    /// A new term, seen by all and renewed, before the next blow.
    fn steady(&mut self) {
        let leads = |reign: &Reign, who: usize| reign.who == who;
        for _ in 0..20 {
            self.stage.listen(self.timings.poll);
            let Ok(leader) = self.stage.leader() else { continue };
            if (0..NAMES.len()).all(|who| leads(&leader, who) || self.stage.has_hailed(who)) {
                break;
            }
        }
        self.stage.listen(self.timings.renew_interval);
    }

    fn row(&mut self, event: &'static str, bound: Duration, measured: Duration, note: String) {
        self.rows.push(Row { event, bound, measured, note, good: measured <= bound });
    }

    fn spoil(&mut self, why: &str) {
        if let Some(row) = self.rows.last_mut() {
            row.good = false;
            why.clone_into(&mut row.note);
        }
    }
}

fn token(line: &Line) -> u64 {
    line.token.unwrap_or_default()
}

fn say(act: u8, words: &str) {
    println!("\n{act}. {words}");
}
