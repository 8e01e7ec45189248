//! deploy/clusters.sh and the Makefile, with stand-ins for kind, vcluster, kubectl, helm, docker and cargo: what they are
//! called with, what a person reads, and the failures that people meet. Needs bash, make and coreutils.

mod stand_ins;

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use stand_ins::{Ended, World};

const KEYS: [(&str, &str); 2] = [("GIST_ID", "abc"), ("GITHUB_API_TOKEN", "s3cret")];
const THERE: (&str, &str) = ("kind get clusters", "echo leader-elector");

fn connect(cluster: &str) -> String {
    format!(
        "vcluster connect {cluster} --namespace {cluster} --context kind-leader-elector --silent --background-proxy=false --"
    )
}

#[test]
fn make_alone_lists_the_targets() {
    let ended = World::new().make("", &[]);
    let (first, targets) = ended.out.split_once("\n\n").expect("a line, an empty one, the targets");
    assert_eq!(first, "Available targets:");
    let names: Vec<_> = targets.lines().map(|line| line.split(' ').next().expect("a name")).collect();
    assert_eq!(names, ["help", "build", "provision", "deploy", "check-leader", "destroy"]);
    assert!(targets.lines().all(|line| line.split_whitespace().count() > 2), "each says what it does: {targets}");
}

#[test]
fn build_needs_no_registry() {
    let world = World::new();
    assert!(world.make("build", &[]).good);
    assert_eq!(world.calls(), ["docker info", "cargo xtask image --engine docker --tag leader-elector:0.1.0"]);
}

#[test]
fn deploy_makes_everything_that_is_missing_and_puts_a_candidate_into_each() {
    let world = World::new().answers("kind get clusters", "echo other; echo leader-elector-2");
    let ended = world.make("deploy", &KEYS);
    assert!(ended.good, "{}", ended.err);
    let calls = world.calls();
    let at = |start: &str| {
        calls.iter().position(|call| call.starts_with(start)).unwrap_or_else(|| panic!("{start}: {calls:#?}"))
    };
    assert!(at("docker info") < at("kind create cluster --name leader-elector --wait"));
    let mut before = at("kind create");
    for cluster in ["napoleon", "stalin", "cleopatra"] {
        let create = at(&format!(
            "vcluster create {cluster} --namespace {cluster} --context kind-leader-elector --upgrade --connect=false"
        ));
        assert!(before < create);
        before = create;
    }
    assert!(before < at("kind load docker-image leader-elector:0.1.0 --name leader-elector"));
    for cluster in ["napoleon", "stalin", "cleopatra"] {
        let helm = &calls[at(&format!("[{cluster}] helm upgrade --install leader-elector "))];
        assert!(helm.contains(&format!("image=leader-elector:0.1.0,gist=abc,name={cluster},")), "{helm}");
        assert!(helm.contains("--set log.format=text"), "the log is shown to people: {helm}");
        assert!(helm.contains("podAnnotations.image-id=sha256:1d "), "a new image is a new pod: {helm}");
        assert!(helm.contains(" --wait --timeout 600s "), "what does not get ready is no deployment: {helm}");
        assert!(at("kind load") < at(&format!("{} helm", connect(cluster))));
    }
    assert!(calls.iter().all(|call| !call.contains("s3cret")), "the token is in no argument: {calls:#?}");
    assert!(!ended.out.contains("s3cret") && !ended.err.contains("s3cret"));
    assert_eq!(world.left(), Vec::<String>::new(), "the token's file is gone");
}

#[test]
fn the_token_goes_in_a_file_of_its_own() {
    let look = "for last; do :; done; file=${last#token=}; [ \"$(cat \"$file\")\" = s3cret ] || exit 1; \
                case $(ls -l \"$file\") in -rw-------*) ;; *) exit 1 ;; esac";
    assert!(World::new().answers("helm upgrade", look).make("deploy", &KEYS).good);
    let old = [("GIST_ID", "abc"), ("LEADER_ELECTION_GITHUB_API_TOKEN", "s3cret")];
    assert!(World::new().answers("helm upgrade", look).make("deploy", &old).good, "under the original's name as well");
}

#[test]
fn what_exists_is_kept() {
    let world = World::new().answers(THERE.0, THERE.1);
    assert!(world.make("provision", &[]).good);
    assert!(!world.calls().iter().any(|call| call.starts_with("kind create")), "{:#?}", world.calls());
    let dead = World::new().answers(THERE.0, THERE.1).answers("kubectl", "exit 1");
    dead.make("provision", &[]).failed("exists and does not answer: make destroy");
}

#[test]
fn check_leader_prints_the_logs_as_the_original_does_and_then_who_leads() {
    let world = World::new()
        .answers(THERE.0, THERE.1)
        .answers("kubectl logs", "echo \"All hail cleopatra, says $CLUSTER\"")
        .answers("kubectl exec", "printf 'state       held; not seen renewed yet\\nleader      cleopatra\\n'");
    let ended = world.make("check-leader", &[]);
    let section = |name| format!("---------------\n{name} logs\n---------------\nAll hail cleopatra, says {name}\n\n");
    let all: String = ["napoleon", "stalin", "cleopatra"].map(section).concat();
    assert_eq!(ended.out, all + "cleopatra leads\n");
    assert!(ended.good && ended.err.is_empty(), "{}", ended.err);
    let asked = "[napoleon] kubectl exec deployment/leader-elector --container leader-elector -- leader-elector status \
                 --token-file /var/run/secrets/leader-elector/token";
    let calls = world.calls();
    let looks: Vec<_> = calls.iter().filter(|call| call.contains("] kubectl exec")).collect();
    assert_eq!(looks, [asked], "the first that answers is believed");
}

#[test]
fn check_leader_goes_on_where_one_cluster_does_not_answer() {
    let world = World::new()
        .answers(THERE.0, THERE.1)
        .answers("kubectl logs", "[ \"$CLUSTER\" != stalin ] || sleep 60; echo a log")
        .answers("kubectl exec", "[ \"$CLUSTER\" = cleopatra ] || exit 1; printf 'state  led\\nleader  cleopatra\\n'");
    let begun = Instant::now();
    let ended = world.make("check-leader", &[("LOOK_TIMEOUT", "2")]);
    assert!(begun.elapsed() < Duration::from_secs(50), "it waited for what hangs");
    assert!(ended.out.contains("stalin logs\n---------------\nerror: timed out after 2 s"), "{}", ended.out);
    assert!(ended.good && ended.out.ends_with("cleopatra leads\n"), "{} {}", ended.out, ended.err);
}

#[test]
fn check_leader_tells_nobody_from_unknown() {
    let there = || World::new().answers(THERE.0, THERE.1);
    let ended =
        there().answers("kubectl exec", "echo 'state       free: nobody leads'; exit 1").make("check-leader", &[]);
    assert!(!ended.good && ended.out.ends_with("\n\nnobody leads\n"), "{}", ended.out);
    there().answers("kubectl exec", "exit 1").make("check-leader", &[]).failed("who leads is unknown");
    World::new().make("check-leader", &[]).failed("there is no kind cluster leader-elector: make deploy");
}

#[test]
fn destroy_deletes_its_own_cluster_and_no_other() {
    let world = World::new().answers(THERE.0, THERE.1);
    assert!(world.make("destroy", &[]).good);
    assert_eq!(world.calls(), ["kind get clusters", "kind delete cluster --name leader-elector"]);
    let gone = World::new().answers("kind get clusters", "echo kind");
    let ended = gone.make("destroy", &[]);
    assert!(ended.good && ended.out.contains("nothing to delete"), "{}", ended.out);
    let stays = World::new().answers(THERE.0, THERE.1).answers("kind delete", "exit 1");
    stays.make("destroy", &[]).failed("kind could not delete the cluster leader-elector");
    assert_eq!(gone.calls(), ["kind get clusters"]);
}

#[test]
fn clusters_that_cannot_be_listed_are_not_taken_for_none() {
    for target in ["deploy", "check-leader", "destroy"] {
        let world = World::new().answers("kind get clusters", "exit 1");
        world.make(target, &KEYS).failed("kind cannot list its clusters");
        assert!(!world.calls().iter().any(|call| call.contains("create") || call.contains("delete")));
    }
}

#[test]
fn a_missing_tool_is_named_before_anything_is_done() {
    for (target, tools) in [
        ("deploy", &["docker", "kind", "kubectl", "vcluster", "helm", "timeout"][..]),
        ("provision", &["docker", "kind", "kubectl", "vcluster", "timeout"]),
        ("check-leader", &["kind", "kubectl", "vcluster", "timeout"]),
        ("destroy", &["kind", "timeout"]),
    ] {
        for tool in tools {
            let world = World::new().without(tool);
            let ended = world.make(target, &KEYS);
            ended.failed("kind cannot run here, this is not installed:\n");
            let from = ended.err.split(&format!("\n  {tool}: ")).nth(1).and_then(|rest| rest.lines().next());
            assert!(from.is_some_and(|from| !from.is_empty()), "{target} {tool}, and where from: {}", ended.err);
            assert_eq!(world.calls(), Vec::<String>::new());
        }
    }
    let ended = World::new().without("kind").without("helm").make("deploy", &KEYS);
    assert!(ended.err.contains("  kind: ") && ended.err.contains("  helm: "), "all at once: {}", ended.err);
    World::new().without("cargo").make("build", &[]).failed("cannot be built here, this is not installed:\n  cargo: ");
}

#[test]
fn docker_that_is_not_running_is_said_before_anything_is_done() {
    for target in ["build", "provision", "deploy"] {
        let why = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.";
        // Whatever is asked of it; and whatever else is wrong is said afterwards, because it does not help to mend it first.
        let world = ["helm version", "kind version", "vcluster --version"]
            .into_iter()
            .fold(World::new(), |world, call| world.answers(call, "echo 0.0.1"))
            .answers("docker ", &format!("echo '{why}' >&2; exit 1"));
        for keys in [&KEYS[..], &[]] {
            let ended = world.make(target, keys);
            ended.failed(why);
            ended.failed("cannot ");
        }
        assert!(!world.calls().iter().any(|call| call.contains("create") || call.contains("cargo")));
    }
    let hangs = World::new().answers("docker info", "sleep 60");
    hangs.make("provision", &[("LOOK_TIMEOUT", "1")]).failed("Docker does not answer: error: timed out after 1 s");
}

#[test]
fn a_wrong_version_is_refused_with_the_one_that_is_needed() {
    for (call, says, complaint) in [
        ("helm version", "v2.17.0+g1", "helm is version 2.17.0; at least 3.10.0"),
        ("helm version", "v3.9.4+g1", "helm is version 3.9.4; at least 3.10.0"),
        ("kind version", "kind v0.9.0 go1.15", "kind is version 0.9.0; at least 0.20.0"),
        ("vcluster --version", "vcluster version 0.8.1", "vcluster is version 0.8.1; at least 0.20.0"),
        ("vcluster --version", "no idea", "vcluster does not tell its version"),
    ] {
        let world = World::new().answers(call, &format!("echo '{says}'"));
        world.make("deploy", &KEYS).failed(complaint);
        assert!(!world.calls().iter().any(|call| call.contains("create")), "{says}");
    }
    assert!(World::new().answers("helm version", "echo v4.0.1").make("deploy", &KEYS).good);
}

#[test]
fn what_deploy_needs_is_asked_for_before_anything_is_done() {
    for (left_out, complaint) in [(0, "GIST_ID is not set"), (1, "GITHUB_API_TOKEN is not set")] {
        let world = World::new();
        world.make("deploy", &[KEYS[1 - left_out]]).failed(complaint);
        assert!(!world.calls().iter().any(|call| call.contains("create")), "{:#?}", world.calls());
    }
    let world = World::new().answers("docker image inspect", "exit 1");
    world.make("deploy", &KEYS).failed("the image leader-elector:0.1.0 is not here: make build");
    assert!(!world.calls().iter().any(|call| call.contains("create")));
}

#[test]
fn every_step_that_fails_or_hangs_says_which_it_was() {
    let brief = [KEYS[0], KEYS[1], ("STEP_TIMEOUT", "1")];
    for (call, complaint) in [
        ("kind create", "kind could not create the cluster"),
        ("vcluster create stalin", "the virtual cluster stalin could not be created"),
        ("kind load", "kind could not load leader-elector:0.1.0"),
        ("helm upgrade", "the candidate in napoleon does not get ready"),
    ] {
        World::new().answers(call, "exit 1").make("deploy", &KEYS).failed(complaint);
        let hangs = World::new().answers(call, "sleep 60");
        let ended = hangs.make("deploy", &brief);
        ended.failed(complaint);
        ended.failed("error: timed out after 1 s: ");
        assert_eq!(hangs.left(), Vec::<String>::new(), "the token's file is gone");
    }
}

/// `timeout` kills it then.
#[test]
fn what_ignores_its_end_is_killed() {
    let minute = "for a in 1 2 3 4 5 6; do for b in 1 2 3 4 5 6 7 8 9 0; do sleep 1; done; done";
    let world = World::new().answers("kind load", &format!("trap '' TERM; {minute}"));
    let begun = Instant::now();
    let ended = world.make("deploy", &[KEYS[0], KEYS[1], ("STEP_TIMEOUT", "1")]);
    ended.failed("kind could not load leader-elector:0.1.0");
    ended.failed("error: timed out after 1 s: kind load");
    assert!(begun.elapsed() < Duration::from_secs(40), "it was waited for");
}

#[test]
fn ctrl_c_ends_a_step_that_hangs_and_takes_the_tokens_file_away() {
    for signal in [Signal::INT, Signal::TERM].into_iter().filter(|signal| !is_ignored(*signal)) {
        let world = World::new().answers("helm upgrade", "exec sleep 60");
        let mut script = world.script(&["deploy"], &KEYS);
        let child = script.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bash can be started");
        let begun = Instant::now();
        while !world.calls().iter().any(|call| call.contains("helm upgrade")) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{:#?}", world.calls());
            std::thread::sleep(Duration::from_millis(20));
        }
        let begun = Instant::now();
        kill_process(Pid::from_child(&child), signal).expect("it runs");
        // Its output ends with the last process that has it: the step's.
        let ended = Ended::new(&child.wait_with_output().expect("it ends"));
        assert!(begun.elapsed() < Duration::from_secs(20), "it was waited for");
        assert_eq!((ended.code, world.left()), (Some(130), Vec::new()), "{}", ended.err);
    }
}

/// What a process was started to ignore, as a background job Ctrl-C, its bash ignores as well.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored >> (signal.as_raw() - 1) & 1 == 1)
}

#[test]
fn names_can_be_chosen() {
    let world = World::new();
    let chosen = [KEYS[0], KEYS[1], ("KIND_CLUSTER", "mine"), ("IMAGE", "other:1")];
    assert!(world.make("deploy", &chosen).good);
    let calls = world.calls();
    assert!(calls.iter().any(|call| call.starts_with("kind create cluster --name mine ")), "{calls:#?}");
    assert!(calls.iter().any(|call| call == "kind load docker-image other:1 --name mine"), "{calls:#?}");
    let all = calls.iter().filter(|call| call.starts_with("vcluster ") && !call.contains("--version"));
    assert!(all.clone().count() == 6 && all.clone().all(|call| call.contains("--context kind-mine")), "{calls:#?}");
    assert!(calls.iter().any(|call| call.contains("image=other:1,")), "{calls:#?}");
}

#[test]
fn what_is_no_command_is_refused_with_those_that_are() {
    let script = |args: &[&str]| {
        let world = World::new();
        let ended = Ended::new(&world.script(args, &[]).output().expect("bash can be started"));
        assert_eq!(world.calls(), Vec::<String>::new());
        ended
    };
    let wrong = script(&["deplyo"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(2), ""));
    assert!(wrong.err.starts_with("Three candidates") && wrong.err.ends_with("error: deplyo is no command\n"));
    for asked in [&["--help"][..], &["help"], &[]] {
        let help = script(asked);
        assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
        for command in ["build", "provision", "deploy", "check-leader", "destroy"] {
            assert!(help.out.contains(&format!("\n  {command} ")), "{command}: {}", help.out);
        }
    }
}
