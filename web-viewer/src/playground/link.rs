//! A run as a link: what the world is drawn from, and what was done to it when. Nothing else decides anything.
//!
//! ```text
//! play=7,push,ours,3;12500,kill,first;20000,latency,500     a world of the playground
//! seed=4711,patch;60000,cut,2                               a world of `cargo xtask simulate`, played with no other
//!                                                           option than --push, --patch, --original and --defaults
//! story=hang,push,original                                  a story
//! ```

use leader_elector_core::WriteMode;
use leader_elector_core::sim::{Profile, Rules};

use super::act::{Act, Whom};
use super::story::Story;
use crate::place::decode;

/// The most candidates.
pub const MOST: usize = 7;
/// More acts than anybody does by hand: a longer link is refused.
const MOST_ACTS: usize = 5000;

/// What decides a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Play {
    /// What the world is drawn from.
    pub setup: Setup,
    /// What is done, in the order of time, with the milliseconds of true time at which it is done.
    pub acts: Vec<(u64, Act)>,
}

/// What a world is drawn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setup {
    /// A calm world: what goes wrong is done by hand.
    Calm(Calm),
    /// A world of the simulator, in which everything goes wrong by itself.
    Simulated(Simulated),
}

/// A calm world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calm {
    /// The seed.
    pub seed: u64,
    /// How the candidates write; the original knows only the PATCH.
    pub write: WriteMode,
    /// Whose rules they play by.
    pub rules: Rules,
    /// How many start by themselves, from 1 to 7.
    pub candidates: usize,
}

/// A world of the simulator: the options of `cargo xtask simulate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// `--seed`.
    pub seed: u64,
    /// `--push`, `--patch` or neither.
    pub write: Option<WriteMode>,
    /// `--original`.
    pub rules: Rules,
    /// `--defaults`.
    pub at_default_timings: bool,
}

/// What a fragment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// A run.
    Play(Play),
    /// A story, in a write mode and by somebody's rules.
    Story(Story, WriteMode, Rules),
}

impl Default for Calm {
    fn default() -> Self {
        Self { seed: 1, write: WriteMode::Push, rules: Rules::Ours, candidates: 3 }
    }
}

impl Simulated {
    /// The profile that the simulator plays.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let profile = Profile { write: self.write, rules: self.rules, ..Profile::default() };
        if self.at_default_timings { profile.at_default_timings() } else { profile }
    }
}

impl Play {
    /// Whose rules are played by.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        match &self.setup {
            Setup::Calm(calm) => calm.rules,
            Setup::Simulated(made) => made.rules,
        }
    }

    /// How candidates write; `None`: each as it was drawn.
    #[must_use]
    pub const fn write(&self) -> Option<WriteMode> {
        match &self.setup {
            Setup::Calm(calm) => Some(calm.write),
            Setup::Simulated(made) => made.write,
        }
    }

    /// The same world and acts by other rules, or written otherwise; `None`: written as it is.
    #[must_use]
    pub fn played_by(&self, to_write: Option<WriteMode>, by: Rules) -> Self {
        let mut play = self.clone();
        match &mut play.setup {
            Setup::Calm(calm) => (calm.write, calm.rules) = (to_write.unwrap_or(calm.write), by),
            Setup::Simulated(made) => (made.write, made.rules) = (to_write.or(made.write), by),
        }
        play
    }

    /// The fragment, without its `#`.
    #[must_use]
    pub fn fragment(&self) -> String {
        let mut link = match &self.setup {
            Setup::Calm(Calm { seed, write, rules, candidates }) => {
                format!("play={seed},{write},{},{candidates}", rules_word(*rules))
            }
            Setup::Simulated(Simulated { seed, write, rules, at_default_timings }) => {
                let mut link = format!("seed={seed}");
                if let Some(write) = write {
                    link += if *write == WriteMode::Push { ",push" } else { ",patch" };
                }
                link += if *rules == Rules::Original { ",original" } else { "" };
                link += if *at_default_timings { ",defaults" } else { "" };
                link
            }
        };
        for (ms, act) in &self.acts {
            link.extend([";", &ms.to_string(), ",", act.word()]);
            link.extend(act.whom().map(|whom| format!(",{whom}")));
            link.extend(act.number().map(|number| format!(",{number}")));
        }
        link
    }
}

impl Link {
    /// Whether a fragment is one of the playground's.
    #[must_use]
    pub fn is_ours(fragment: &str) -> bool {
        ["play=", "seed=", "story="].iter().any(|start| fragment.starts_with(start))
    }

    /// Reads a fragment, without its `#`.
    ///
    /// # Errors
    /// Which part is wrong, and what is allowed there.
    pub fn parse(fragment: &str) -> Result<Self, String> {
        // Some programs that pass links on write a comma as %2C.
        let fragment = decode(fragment);
        let (kind, rest) = fragment.split_once('=').ok_or("the link has no `=`")?;
        let mut parts = rest.split(';');
        let mut head = parts.next().unwrap_or_default().split(',');
        let setup = match kind {
            "story" => {
                let name = head.next().unwrap_or_default();
                let story =
                    Story::named(name).ok_or_else(|| format!("story is `{name}`: allowed are {}", Story::names()))?;
                let (mut write, mut rules) = (WriteMode::Push, Rules::Ours);
                for word in head {
                    match word {
                        "ours" | "original" => rules = rules_of(word)?,
                        word => write = write_of(word)?,
                    }
                }
                return Ok(Self::Story(story, write, rules));
            }
            "seed" => Setup::Simulated(simulated(head)?),
            "play" => {
                let seed = number("seed", head.next())?;
                let write = write_of(head.next().unwrap_or("push"))?;
                let rules = rules_of(head.next().unwrap_or("ours"))?;
                let candidates = head.next().map_or(Ok(3), |text| number("candidates", Some(text)))?;
                let fits = usize::try_from(candidates).ok().filter(|count| (1..=MOST).contains(count));
                let candidates = fits.ok_or_else(|| format!("candidates is {candidates}: allowed is 1 to {MOST}"))?;
                Setup::Calm(Calm { seed, write, rules, candidates })
            }
            other => return Err(format!("the link begins with `{other}`: allowed are play, seed and story")),
        };
        let mut acts = Vec::new();
        for part in parts.filter(|part| !part.is_empty()) {
            let (ms, act) = act(part)?;
            if acts.last().is_some_and(|(before, _)| *before > ms) {
                return Err(format!("act `{part}` comes after a later one"));
            }
            acts.push((ms, act));
        }
        if acts.len() > MOST_ACTS {
            return Err(format!("the link has {} acts: allowed are {MOST_ACTS}", acts.len()));
        }
        Ok(Self::Play(Play { setup, acts }))
    }
}

fn simulated<'a>(mut head: impl Iterator<Item = &'a str>) -> Result<Simulated, String> {
    let seed = number("seed", head.next())?;
    let mut made = Simulated { seed, write: None, rules: Rules::Ours, at_default_timings: false };
    for word in head {
        match word {
            "defaults" => made.at_default_timings = true,
            "original" => made.rules = Rules::Original,
            word => made.write = Some(write_of(word)?),
        }
    }
    Ok(made)
}

fn act(part: &str) -> Result<(u64, Act), String> {
    let mut fields = part.split(',');
    let ms = number("the time of an act", fields.next())?;
    let word = fields.next().unwrap_or_default();
    let rest: Vec<_> = fields.collect();
    let (whom, value) = match rest.as_slice() {
        [] => (None, None),
        [one] => match Whom::parse(one) {
            Some(whom) if Act::takes_whom(word) => (Some(whom), None),
            _ => (None, one.parse().ok()),
        },
        [whom, value, ..] => (Whom::parse(whom), value.parse().ok()),
    };
    let act = Act::parse(word, whom, value).ok_or_else(|| format!("`{part}` is no act: allowed are {}", Act::WORDS))?;
    Ok((ms, act))
}

fn number(field: &str, text: Option<&str>) -> Result<u64, String> {
    let text = text.unwrap_or_default();
    text.parse().map_err(|_| format!("{field} is `{text}`: allowed is a whole number"))
}

fn write_of(word: &str) -> Result<WriteMode, String> {
    match word {
        "push" => Ok(WriteMode::Push),
        "patch" => Ok(WriteMode::Patch),
        other => Err(format!("write is `{other}`: allowed are push and patch")),
    }
}

fn rules_of(word: &str) -> Result<Rules, String> {
    match word {
        "ours" => Ok(Rules::Ours),
        "original" => Ok(Rules::Original),
        other => Err(format!("rules is `{other}`: allowed are ours and original")),
    }
}

const fn rules_word(rules: Rules) -> &'static str {
    match rules {
        Rules::Ours => "ours",
        Rules::Original => "original",
    }
}
