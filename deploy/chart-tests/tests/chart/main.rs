//! deploy/chart, rendered with eight sets of values: each manifest is decoded strictly into the Kubernetes types, held
//! against its golden file and against the rules that no type knows. `UPDATE_GOLDEN=1` writes the golden files anew.

mod helm;
mod strict;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use helm::{HERE, chart, manifests, rendered, template, values};
use serde_json::{Value, json};

/// The sets, one file each in `values/`.
const SETS: [&str; 8] =
    ["original", "existing-secret", "sidecar", "exec", "three-replicas", "watched", "enterprise", "without-rights"];

#[test]
fn every_set_lints_strictly() {
    for set in SETS {
        let (chart, values) = (chart(), values(set));
        let paths = [chart.to_str().expect("UTF-8"), "--values", values.to_str().expect("UTF-8")];
        let said = helm::helm(&[&["lint", "--strict", "--kube-version", "1.33.0"][..], &paths].concat());
        said.unwrap_or_else(|why| panic!("{set}: {why}"));
    }
}

#[test]
fn every_manifest_is_of_its_kubernetes_type() {
    for set in SETS {
        for manifest in manifests(&rendered(set)) {
            strict::decode(&manifest).unwrap_or_else(|why| panic!("{set}: {}: {why}", manifest["kind"]));
        }
    }
}

#[test]
fn a_field_that_kubernetes_does_not_know_is_found() {
    let mut manifest = manifests(&rendered("original")).into_iter().find(|it| it["kind"] == "Deployment").expect("one");
    manifest["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = json!({});
    let why = strict::decode(&manifest).expect_err("a misspelt field");
    assert!(why.contains(".spec.template.spec.containers[0].readinesProbe"), "{why}");
}

#[test]
fn every_set_is_as_its_golden_file() {
    for set in SETS {
        let path = Path::new(HERE).join("golden").join(format!("{set}.yaml"));
        let now = rendered(set);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &now).expect("written");
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            now == golden,
            "{set} differs from {}: if that is meant, UPDATE_GOLDEN=1, and read the diff",
            path.display()
        );
    }
}

fn pods() -> impl Iterator<Item = (&'static str, Value)> {
    SETS.into_iter().flat_map(|set| {
        let deployments = manifests(&rendered(set)).into_iter().filter(|manifest| manifest["kind"] == "Deployment");
        deployments.map(move |deployment| (set, deployment["spec"]["template"]["spec"].clone())).collect::<Vec<_>>()
    })
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let of = |list: &str| pod[list].as_array().map(Vec::as_slice).unwrap_or_default();
    of("initContainers").iter().chain(of("containers"))
}

/// The rules of the "restricted" Pod Security Standard that concern what the chart writes, and a read-only root.
#[test]
fn every_pod_passes_the_restricted_standard() {
    for (set, pod) in pods() {
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{set}");
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{set}");
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            assert!(pod[field].is_null(), "{set}: {field}");
        }
        for container in containers(&pod) {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{set}: {}", container["name"]);
            assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{set}: {}", container["name"]);
            assert_eq!(context["readOnlyRootFilesystem"], true, "{set}: {}", container["name"]);
            assert!(
                container["ports"].as_array().is_none_or(|ports| ports.iter().all(|port| port["hostPort"].is_null()))
            );
        }
        let allowed = [
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "persistentVolumeClaim",
            "projected",
            "secret",
        ];
        for volume in pod["volumes"].as_array().expect("volumes") {
            let of: Vec<_> = volume.as_object().expect("a volume").keys().filter(|key| *key != "name").collect();
            assert!(of.iter().all(|kind| allowed.contains(&kind.as_str())), "{set}: {volume}");
        }
    }
}

#[test]
fn the_token_is_in_no_variable_and_no_argument() {
    for set in SETS {
        let all = manifests(&rendered(set));
        for manifest in all.iter().filter(|manifest| manifest["kind"] != "Secret") {
            assert!(!manifest.to_string().contains("s3cret"), "{set}: {}", manifest["kind"]);
        }
    }
}

#[test]
fn an_orderly_end_has_the_time_that_the_timings_need() {
    // The renew deadline, two requests, two seconds, rounded up; beside a sidecar, what the workload itself may take.
    let mut at = ["existing-secret", "sidecar", "exec"].map(|set| (set, 0));
    for (set, pod) in pods() {
        if let Some((_, seconds)) = at.iter_mut().find(|(name, _)| *name == set) {
            *seconds = pod["terminationGracePeriodSeconds"].as_u64().expect("a number");
        }
    }
    assert_eq!(at, [("existing-secret", 80 + 10 + 2), ("sidecar", 20 + 10 + 2 + 45), ("exec", 14 + 8 + 2)]);
}

#[test]
fn what_depends_on_the_number_of_replicas_does() {
    let budgets = |set: &str| manifests(&rendered(set)).iter().filter(|it| it["kind"] == "PodDisruptionBudget").count();
    assert_eq!((budgets("original"), budgets("three-replicas")), (0, 1), "off at one replica");
    let (_, pod) = pods().find(|(set, _)| *set == "three-replicas").expect("one");
    let env = pod["containers"][0]["env"].as_array().expect("variables").clone();
    let name = env.iter().find(|variable| variable["name"] == "LEADER_NAME").expect("a name");
    assert_eq!(name["value"], "stalin.$(POD_NAME)");
    let position = |name: &str| env.iter().position(|variable| variable["name"] == name);
    assert!(position("POD_NAME") < position("LEADER_NAME"), "a variable sees only those before it");
}

/// Each argument that the chart writes is looked up in the help of its subcommand, and no flag is left out by all sets.
#[test]
fn every_flag_in_an_argument_is_one_of_the_binary() {
    let elector =
        std::env::var("LEADER_ELECTOR").expect("LEADER_ELECTOR names the binary; `cargo xtask chart` sets it");
    let help = |subcommand: &str| {
        let output = Command::new(&elector).args([subcommand, "--help"]).output().expect("the binary can be started");
        assert!(output.status.success(), "`{subcommand}` is no command of the binary");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let mut seen = BTreeSet::new();
    for (set, pod) in pods() {
        for container in containers(&pod) {
            let command = container["command"].as_array().filter(|words| words[0] == "/leader-elector/leader-elector");
            let ours = container["name"] == "leader-elector" || container["name"] == "install";
            let Some(words) = command.map(|words| &words[1..]).or(container["args"].as_array().map(Vec::as_slice))
            else {
                continue;
            };
            if command.is_none() && !ours {
                continue;
            }
            let words = words.iter().map(|word| word.as_str().expect("text")).take_while(|word| *word != "--");
            let words: Vec<_> = words.collect();
            let known = help(words[0]);
            let known: BTreeSet<_> = known.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).collect();
            for flag in words[1..].iter().filter(|word| word.starts_with('-')) {
                let flag = flag.split('=').next().expect("a first part");
                assert!(known.contains(flag), "{set}: {flag} is no flag of `leader-elector {}`", words[0]);
                seen.insert(flag.to_owned());
            }
        }
    }
    // All that _helpers.tpl can write, so that no set leaves one out.
    let template = std::fs::read_to_string(chart().join("templates/_helpers.tpl")).expect("read");
    let (_, flags) = template.split_once("define \"leader-elector.flags\"").expect("the flags");
    let (flags, _) = flags.split_once("{{- define").expect("what follows them");
    let written = flags.split('\n').filter_map(|line| line.strip_prefix("- --")).filter(|flag| !flag.starts_with("{{"));
    let mut written: BTreeSet<_> = written.map(|flag| format!("--{}", flag.split('=').next().expect("one"))).collect();
    let (_, list) = flags.split_once("$flag, $value := dict ").expect("the flags with a value");
    let (list, _) = list.split_once(" }}").expect("its end");
    written.extend(list.split('"').skip(1).step_by(2).map(|flag| format!("--{flag}")));
    assert_eq!(written, seen, "left: in the template; right: in one of the eight sets");
}

/// `--http` makes a stop wait until somebody says that the work has ended: alone there is nobody.
#[test]
fn only_a_candidate_with_a_workload_waits_for_its_word() {
    for (set, pod) in pods() {
        let elector = containers(&pod).find(|it| it["name"] == "leader-elector");
        let args = elector.map(|it| it["args"].to_string()).unwrap_or_default();
        let has_workload = containers(&pod).any(|it| it["name"] != "leader-elector" && it["name"] != "install");
        assert!(has_workload || !args.contains("--http"), "{set}: nobody is there to ask, or to say so: {args}");
        assert_eq!(args.contains("--release"), elector.is_some() && has_workload, "{set}: {args}");
    }
}

/// The alerts count the leaders of a job.
#[test]
fn all_candidates_of_an_election_are_one_job() {
    let id = "d1cd6b3e3c9b4a5f8e7d6c5b4a392817";
    let job = |release: &str, sets: &str| {
        let sets = format!("token=t,podMonitor.enabled=true,{sets}");
        let chart = chart();
        let args = ["template", release, chart.to_str().expect("UTF-8"), "--namespace", release, "--set", &sets];
        let all = manifests(&helm::helm(&args).expect("it renders"));
        let monitor = all.iter().find(|it| it["kind"] == "PodMonitor").expect("one");
        let relabelings = &monitor["spec"]["podMetricsEndpoints"][0]["relabelings"];
        assert_eq!(relabelings[0]["targetLabel"], "job", "{relabelings}");
        relabelings[0]["replacement"].as_str().expect("a name").to_owned()
    };
    let usual = job("napoleon", &format!("gist={id}"));
    assert!(!usual.contains(id), "whoever knows the id reads a secret gist: {usual}");
    for gist in ["", "https://gist.github.com/me/", "https://gist.github.com/", "git@gist.github.com:"] {
        for end in ["", "/", ".git", "#file-jobs-lock"] {
            assert_eq!(job("stalin", &format!("gist={gist}{id}{end}")), usual, "{gist} {end}");
        }
    }
    assert_eq!(job("stalin", &format!("gist={id},file=multi-cluster-leader-election.lock")), usual, "the default");
    let other = format!("gist={id},file=jobs.lock");
    assert_ne!(job("napoleon", &other), usual, "another lock in the gist");
    assert_eq!(job("napoleon", &other), job("stalin", &other));
    assert_ne!(job("napoleon", "gist=a1cd6b3e3c9b4a5f8e7d6c5b4a392817"), usual, "another gist");
    assert_eq!(job("napoleon", &format!("gist={id},podMonitor.job=mine")), "mine");
}

#[test]
fn mistakes_are_refused_and_named() {
    let base = ["--set", "gist=abc,token=t"];
    for (mistake, named) in [
        ("timings.lease=soon", "timings"),
        ("timings.leese=30s", "leese"),
        ("write=both", "write"),
        ("replicas=two", "replicas"),
        ("workload.mode=exec", "image"),
        ("workload.mode=exec,workload.container.image=i", "command"),
        (
            "workload.mode=exec,workload.container.image=i,workload.container.command={a},workload.container.livenessProbe.periodSeconds=1",
            "livenessProbe",
        ),
        ("workload.mode=sidecar", "image"),
        ("gist=", "gist is needed"),
        ("token=", "a token is needed"),
        ("podMonitor.job=$x", "job"),
        ("leaderService.enabled=true", "ports"),
        ("leaderService.enabled=true,leaderService.ports[0].port=80,hints=false", "hints"),
    ] {
        let why = template(&chart(), &[&base[..], &["--set", mistake]].concat()).expect_err(mistake);
        assert!(why.contains(named), "{mistake}: `{named}` is not in: {why}");
    }
    let sidecar = "workload.mode=sidecar,workload.container.image=i";
    let why = template(&chart(), &[&base[..], &["--set", sidecar, "--kube-version", "1.28.4"]].concat());
    assert!(why.as_ref().is_err_and(|why| why.contains("1.29")), "{why:?}");
}

#[test]
fn every_alert_has_a_row_that_says_what_to_do() {
    let read = |path: &str| std::fs::read_to_string(Path::new(HERE).join(path)).expect("read");
    let (alerts, page) = (read("../alerts.yaml"), read("../../docs/operations.md"));
    let names = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let missing: Vec<_> = names.clone().filter(|name| !page.contains(&format!("\n| `{name}` |"))).collect();
    assert!(names.count() > 0 && missing.is_empty(), "without a row in docs/operations.md: {missing:?}");
}

/// Notes are not in what `helm template` prints, so a copy of the chart prints them as a manifest.
#[test]
fn the_notes_warn_where_nothing_would_stop_the_workload() {
    let copy = std::env::temp_dir().join(format!("leader-elector-chart-{}", std::process::id()));
    copy_tree(&chart(), &copy);
    let manifest = "kind: Secret\napiVersion: v1\nstringData:\n  notes: {{ include (print $.Template.BasePath \"/NOTES.txt\") . | toJson }}\n";
    std::fs::write(copy.join("templates/notes.yaml"), manifest).expect("written");
    let notes = |set: &str| {
        let text = template(&copy, &["--values", values(set).to_str().expect("UTF-8")]).expect("it renders");
        let all = manifests(&text);
        all.iter().find_map(|it| it["stringData"]["notes"].as_str()).expect("notes").to_owned()
    };
    let said = ["original", "sidecar", "exec"].map(notes);
    std::fs::remove_dir_all(&copy).expect("removed");
    assert!(said[0].contains("WARNING: nothing is guarded"), "{}", said[0]);
    assert!(said[1].contains("WARNING: nothing stops the workload"), "{}", said[1]);
    assert!(said[1].contains("$LEADER_URL/leader/step-down"), "the deletion of a pod: {}", said[1]);
    assert!(!said[2].contains("WARNING"), "{}", said[2]);
    for notes in said {
        assert!(notes.contains("kubectl -n demo logs -f deploy/napoleon-leader-elector"), "what to look at: {notes}");
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("copied");
        }
    }
}
