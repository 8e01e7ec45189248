//! deploy/compose.yaml, started, asked who leads, and taken down: with docker compose v2, or Debian's docker-compose.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::docker::Engine;
use crate::test::{Outcome, passed};
use crate::{debian, image};

/// Until somebody leads.
const PATIENCE: Duration = Duration::from_mins(1);

/// Plays it with this image.
pub(crate) fn run(engine: &Engine, tag: &str) -> Result<Outcome> {
    let Some(program) = program(engine) else {
        let mend = "apt-get install docker-compose, or the compose plugin of Docker".to_owned();
        return Ok(Outcome::NotRun("docker compose is not here, and apt-get could not install it".to_owned(), mend));
    };
    let project = format!("leader-elector-{}", std::process::id());
    let compose = |args: &[&str]| -> Result<Output> {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).args(["-p", &project, "-f", "deploy/compose.yaml"]).args(args);
        command.current_dir(image::root()).env("IMAGE", tag);
        engine.tell(&mut command).output().context(program[0])
    };
    println!("$ {} -f deploy/compose.yaml up -d", program.join(" "));
    let start = Instant::now();
    let up = compose(&["up", "-d"])?;
    let mut leader = None;
    while up.status.success() && leader.is_none() && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(500));
        let status = compose(&["exec", "-T", "napoleon", "leader-elector", "status"])?;
        let said = String::from_utf8_lossy(&status.stdout);
        leader = said.lines().find_map(|line| line.strip_prefix("leader ")).map(|name| name.trim().to_owned());
    }
    let mut networks = Command::new("docker");
    let of_project = format!("label=com.docker.compose.project={project}");
    networks.args(["network", "ls", "--filter", &of_project, "--format", "{{.Internal}}"]);
    let networks = engine.tell(&mut networks).output().context("docker")?;
    let leads_nowhere = String::from_utf8_lossy(&networks.stdout).trim() == "true";
    if !leads_nowhere {
        println!("its network leads somewhere, or is not there: {networks:?}");
    }
    if let Some(leader) = &leader {
        println!("{leader} leads after {:.1} s", start.elapsed().as_secs_f64());
    } else {
        let logs = compose(&["logs", "--tail", "5"])?;
        let said = [up.stdout, up.stderr, logs.stdout, logs.stderr].concat();
        println!("nobody leads: {}", String::from_utf8_lossy(&said));
    }
    let down = compose(&["down", "--timeout", "1"])?.status.success();
    Ok(passed(leader.is_some() && leads_nowhere && down))
}

/// How docker compose is called here.
fn program(engine: &Engine) -> Option<&'static [&'static str]> {
    let mut two = Command::new("docker");
    if engine.tell(two.args(["compose", "version"])).output().is_ok_and(|output| output.status.success()) {
        return Some(&["docker", "compose"]);
    }
    debian::installed("docker-compose", &["docker-compose"]).then_some(&["docker-compose"])
}
