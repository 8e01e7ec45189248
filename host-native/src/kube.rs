//! Kubernetes (feature `kube`): a label and an Event on the own pod, as a hint for people and for routing.
//!
//! It excludes nothing and is never in the way: the election says what happened and goes on; a task of its own tells
//! the API server, gives up on each request after `REQUEST`, and repeats only what still holds. Two rights are enough:
//! to patch pods and to create events. Without them, or without an API server, it says so once.

use std::future::pending;
use std::time::Duration;

use ::kube::api::{Api, ObjectMeta, PartialObjectMetaExt, Patch, PatchParams, PostParams};
use ::kube::{Client, Config, Error};
use clap::builder::BoolishValueParser;
use k8s_openapi::api::core::v1::{Event as Recorded, EventSource, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use leader_elector_core::Event;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// The label that a Service can select.
const LABEL: &str = "leader-election/role";
/// The bound on one request.
const REQUEST: Duration = Duration::from_secs(5);
/// The pause before a label is tried again; it doubles up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long the end of the process waits for the last word. The lock is released by then.
const GOODBYE: Duration = Duration::from_secs(1);
/// Events that may wait; more are dropped.
const WAITING: usize = 16;

/// The own pod; the downward API tells it.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Kubernetes")]
pub(crate) struct Args {
    /// Label the own pod leader-election/role=leader or follower, and record Events on it: a hint that excludes nothing
    #[arg(long, env = "LEADER_ELECTION_KUBE", value_parser = BoolishValueParser::new())]
    kube: bool,
    /// The pod's name
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pod_name: Option<String>,
    /// The pod's namespace
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAME")]
    pod_namespace: Option<String>,
    /// The pod's uid, so that `kubectl describe pod` finds its Events
    #[arg(long, env = "POD_UID", value_name = "UID")]
    pod_uid: Option<String>,
}

impl Args {
    /// Checks that the pod is known, if it is to be labelled.
    ///
    /// # Errors
    /// Every mistake, with field, value and what is allowed.
    pub(crate) fn check(&self) -> Result<(), Vec<String>> {
        let named = [("pod name", &self.pod_name, "POD_NAME"), ("pod namespace", &self.pod_namespace, "POD_NAMESPACE")];
        let missing = named.into_iter().filter(|(_, given, _)| self.kube && given.is_none());
        let mistakes: Vec<_> = missing
            .map(|(field, _, variable)| {
                format!("{field} is not given: --kube needs it, in {variable} (the downward API)")
            })
            .collect();
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }
}

/// What the label says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Follower,
    Leader,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Follower => "follower",
            Self::Leader => "leader",
        }
    }
}

/// Tells the API server, if it was asked to.
pub(crate) struct Hints(Option<Told>);

/// The ends that the election holds; dropping them ends the task.
struct Told {
    name: String,
    role: watch::Sender<Role>,
    events: mpsc::Sender<Recorded>,
    pod: ObjectReference,
    task: JoinHandle<()>,
}

impl Hints {
    /// Labels the pod as a follower, and waits for what happens.
    pub(crate) fn start(args: &Args, name: &str) -> Self {
        let (true, Some(pod), Some(namespace)) = (args.kube, &args.pod_name, &args.pod_namespace) else {
            return Self(None);
        };
        let pod = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            name: Some(pod.clone()),
            namespace: Some(namespace.clone()),
            uid: args.pod_uid.clone(),
            ..ObjectReference::default()
        };
        let (role, roles) = watch::channel(Role::Follower);
        let (events, waiting) = mpsc::channel(WAITING);
        let of = pod.clone();
        let task = tokio::spawn(async move {
            match client().await {
                Ok(client) => _ = tokio::join!(label(client.clone(), of.clone(), roles), record(client, of, waiting)),
                Err(why) => tracing::warn!("Kubernetes: {why}; the election goes on without labels and Events"),
            }
        });
        Self(Some(Told { name: name.to_owned(), role, events, pod, task }))
    }

    /// Notes what happened; never waits.
    pub(crate) fn note(&self, event: &Event) {
        let Some(told) = &self.0 else { return };
        match event {
            Event::StartedLeading { .. } => {
                told.role.send_replace(Role::Leader);
                told.record("became leader");
            }
            Event::Stopping { .. } => _ = told.role.send_replace(Role::Follower),
            Event::StoppedLeading => told.record("stopped leading"),
            _ => {}
        }
    }

    /// Lets the last word out, within a bound.
    pub(crate) async fn end(self) {
        if let Some(Told { task, role, events, .. }) = self.0 {
            drop((role, events));
            let abort = task.abort_handle();
            if tokio::time::timeout(GOODBYE, task).await.is_err() {
                abort.abort();
            }
        }
    }
}

impl Told {
    /// client-go's sentences, on the pod.
    fn record(&self, what: &str) {
        let now = Timestamp::now();
        let pod = self.pod.name.as_deref().unwrap_or_default();
        let event = Recorded {
            metadata: ObjectMeta {
                // As client-go names its events: unique on this object.
                name: Some(format!("{pod}.{:x}", now.as_nanosecond())),
                namespace: self.pod.namespace.clone(),
                ..ObjectMeta::default()
            },
            involved_object: self.pod.clone(),
            reason: Some("LeaderElection".to_owned()),
            message: Some(format!("{} {what}", self.name)),
            type_: Some("Normal".to_owned()),
            count: Some(1),
            first_timestamp: Some(Time(now)),
            last_timestamp: Some(Time(now)),
            source: Some(EventSource { component: Some("leader-elector".to_owned()), host: None }),
            reporting_component: Some("leader-elector".to_owned()),
            reporting_instance: self.pod.name.clone(),
            ..Recorded::default()
        };
        // A full queue is an API server that does not answer: the log has said so, and the event is only a hint.
        let _ = self.events.try_send(event);
    }
}

/// Keeps the label at the newest role, until the election has ended and the last role is there.
async fn label(client: Client, pod: ObjectReference, mut roles: watch::Receiver<Role>) {
    let pods: Api<Pod> = Api::namespaced(client, &pod.namespace.unwrap_or_default());
    let name = pod.name.unwrap_or_default();
    let mut complaint = Complaint::new("patch pods");
    let mut pause = FIRST_PAUSE;
    loop {
        let role = *roles.borrow_and_update();
        let labels = [(LABEL.to_owned(), role.name().to_owned())].into();
        let patch = ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }.into_request_partial::<Pod>();
        let outcome = bounded(pods.patch_metadata(&name, &PatchParams::default(), &Patch::Merge(&patch))).await;
        complaint.once(outcome.as_ref().err());
        let again = async {
            match outcome {
                Ok(_) => pending().await,
                Err(_) => tokio::time::sleep(pause).await,
            }
        };
        tokio::select! {
            changed = roles.changed() => match changed {
                Ok(()) => pause = FIRST_PAUSE,
                Err(_) => return,
            },
            () = again => pause = LONGEST_PAUSE.min(pause * 2),
        }
    }
}

/// Records the Events in their order. One that fails is not repeated: the next one says what holds then.
async fn record(client: Client, pod: ObjectReference, mut events: mpsc::Receiver<Recorded>) {
    let recorder: Api<Recorded> = Api::namespaced(client, &pod.namespace.unwrap_or_default());
    let mut complaint = Complaint::new("create events");
    while let Some(event) = events.recv().await {
        complaint.once(bounded(recorder.create(&PostParams::default(), &event)).await.err().as_ref());
    }
}

async fn client() -> Result<Client, String> {
    let mut config = Config::infer().await.map_err(|error| error.to_string())?;
    // A repetition of ours knows whether the role still holds.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| error.to_string())
}

async fn bounded<T>(request: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
    match tokio::time::timeout(REQUEST, request).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Error::Api(status))) => Err(format!("{} {}", status.code, status.message)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", REQUEST.as_secs())),
    }
}

/// Says what fails, once until it works again.
struct Complaint {
    what: &'static str,
    said: bool,
}

impl Complaint {
    const fn new(what: &'static str) -> Self {
        Self { what, said: false }
    }

    fn once(&mut self, why: Option<&String>) {
        if let Some(why) = why.filter(|_| !self.said) {
            tracing::warn!("Kubernetes: cannot {}: {why}; the election goes on without this hint", self.what);
        }
        self.said = why.is_some();
    }
}
