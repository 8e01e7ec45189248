//! A world in which every external command is a small script that notes how it was called and answers as it was told.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// What the script may call beside the stand-ins, as on every machine.
const REAL: [&str; 17] = [
    "awk", "bash", "cat", "dirname", "env", "grep", "ls", "make", "mktemp", "printf", "rm", "sed", "sh", "sleep",
    "sort", "tail", "timeout",
];
const STAND_INS: [&str; 6] = ["cargo", "docker", "helm", "kind", "kubectl", "vcluster"];

/// Notes the call, then looks for an answer; the newest one counts. A `vcluster connect … -- command` runs the command.
const STAND_IN: &str = r#"#!/bin/sh
call="${0##*/} $*"
echo "${CLUSTER:+[$CLUSTER] }$call" >>"$STAND_INS/calls"
. "$STAND_INS/answers"
case "$call" in
"vcluster connect "*)
  CLUSTER=$2
  export CLUSTER
  while [ "$1" != -- ]; do shift; done
  shift
  exec "$@"
  ;;
esac
"#;

/// All is well: nothing exists yet, and every version is good.
const ALL_IS_WELL: [(&str, &str); 4] = [
    ("kind version", "echo 'kind v0.29.0 go1.24.2 linux/amd64'"),
    ("vcluster --version", "echo 'vcluster version 0.26.0'"),
    ("helm version", "echo v3.21.4+g1"),
    ("docker image inspect", "echo sha256:1d"),
];

pub(crate) struct World {
    folder: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("clusters-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("bin")).expect("made");
        for file in ["calls", "answers"] {
            fs::write(folder.join(file), "").expect("written");
        }
        for name in STAND_INS {
            let path = folder.join("bin").join(name);
            fs::write(&path, STAND_IN).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        }
        for name in REAL {
            let path = std::env::var_os("PATH").expect("a PATH");
            let here = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.exists());
            let here = here.unwrap_or_else(|| panic!("{name} is on every machine with make and bash, but not on this"));
            symlink(here, folder.join("bin").join(name)).expect("linked");
        }
        ALL_IS_WELL.into_iter().fold(Self { folder }, |world, (call, answer)| world.answers(call, answer))
    }

    /// From now on a call that starts with `call` runs `script`, and ends.
    pub(crate) fn answers(self, call: &str, script: &str) -> Self {
        let path = self.folder.join("answers");
        let older = fs::read_to_string(&path).expect("read");
        fs::write(path, format!("case \"$call\" in \"{call}\"*) {script}; exit $?;; esac\n{older}")).expect("written");
        self
    }

    /// A tool that is not installed.
    pub(crate) fn without(self, tool: &str) -> Self {
        fs::remove_file(self.folder.join("bin").join(tool)).expect("removed");
        self
    }

    /// Runs the script as `make TARGET` does.
    pub(crate) fn make(&self, target: &str, variables: &[(&str, &str)]) -> Ended {
        let mut make = self.command("make", variables);
        make.args(["--no-print-directory", "--directory"]).arg(root()).args(target.split_whitespace());
        Ended::new(&make.output().expect("make can be started"))
    }

    /// The script itself, to be run.
    pub(crate) fn script(&self, args: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut bash = self.command("bash", variables);
        bash.arg(root().join("deploy/clusters.sh")).args(args);
        bash
    }

    /// A command in an environment with nothing else in it.
    fn command(&self, name: &str, variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(self.folder.join("bin").join(name));
        command.env_clear().env("PATH", self.folder.join("bin")).env("STAND_INS", &self.folder);
        command.env("TMPDIR", &self.folder).envs(variables.iter().copied());
        command
    }

    /// Every call of a stand-in, in order; those made inside a virtual cluster start with its name in brackets.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.join("calls")).expect("read");
        calls.lines().map(str::to_owned).collect()
    }

    /// What is left in the folder for temporary files.
    pub(crate) fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
        names.filter(|name| !["answers", "bin", "calls"].contains(&name.as_str())).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) struct Ended {
    pub(crate) good: bool,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            good: output.status.success(),
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// It failed, and `said` stands in what it complained about.
    #[track_caller]
    pub(crate) fn failed(&self, said: &str) {
        assert!(!self.good, "it went well: {}", self.out);
        assert!(self.err.contains(said), "`{said}` is not in: {}", self.err);
    }
}
