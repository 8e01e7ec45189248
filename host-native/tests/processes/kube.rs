//! Labels and Events, told to a stand-in for the API server that records what it is asked and answers as it is set.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::process::Signal;
use serde_json::Value;

use super::stage::{Candidate, Server};
use super::{SOON, STARTED};

/// How the stand-in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Willing,
    /// As RBAC refuses.
    Forbids,
    /// A server that is overloaded.
    Fails,
    /// It takes the request and says nothing.
    Silent,
}

/// What it was asked.
#[derive(Debug)]
struct Asked {
    method: String,
    path: String,
    kind: String,
    body: Value,
}

impl Asked {
    fn role(&self) -> Option<&str> {
        self.body["metadata"]["labels"]["leader-election/role"].as_str()
    }

    fn message(&self) -> Option<&str> {
        self.body["message"].as_str()
    }
}

struct StandIn {
    asked: Receiver<Asked>,
    /// What nobody waited for yet: labels and Events come in no order among themselves.
    others: RefCell<Vec<Asked>>,
    config: PathBuf,
}

impl StandIn {
    fn start(mood: Mood) -> Self {
        let (sender, asked) = channel();
        let (told, address) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                told.send(listener.local_addr().expect("an address")).expect("the test waits");
                while let Ok((stream, _)) = listener.accept().await {
                    let sender = sender.clone();
                    tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                        TokioIo::new(stream),
                        service_fn(move |request| answer(request, sender.clone(), mood)),
                    ));
                }
            });
        });
        let address: SocketAddr = address.recv().expect("it listens");
        let config = std::env::temp_dir().join(format!("leader-elector-kubeconfig-{}", address.port()));
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: c, clusters: [{{name: c, cluster: {{server: \
             \"http://{address}\"}}}}], users: [], contexts: [{{name: c, context: {{cluster: c, user: u}}}}]}}"
        );
        std::fs::write(&config, text).expect("written");
        Self { asked, others: RefCell::default(), config }
    }

    fn candidate(&self, server: &Server, name: &str) -> Candidate {
        let config = self.config.to_str().expect("text");
        let env = [("KUBECONFIG", config), ("POD_NAME", "pod-1"), ("POD_NAMESPACE", "ns"), ("POD_UID", "uid-1")];
        Candidate::start_with(&server.url, &server.gist, name, &["--kube"], &env)
    }

    /// A request for which `found` holds, and that nobody waited for before.
    fn wait_for(&self, what: &str, found: impl Fn(&Asked) -> bool) -> Asked {
        let end = Instant::now() + SOON;
        let mut others = self.others.borrow_mut();
        loop {
            if let Some(at) = others.iter().position(&found) {
                return others.remove(at);
            }
            match self.asked.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(asked) => others.push(asked),
                Err(why) => panic!("{what} was not asked for ({why}); asked was {others:#?}"),
            }
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.config);
    }
}

async fn answer(
    request: Request<Incoming>,
    asked: std::sync::mpsc::Sender<Asked>,
    mood: Mood,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let kind = parts.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let event = parts.uri.path().ends_with("/events");
    // The test may have ended.
    let _ = asked.send(Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        kind,
        body: body.clone(),
    });
    let (status, body) = match mood {
        Mood::Willing if event => (201, body.to_string()),
        Mood::Willing => (
            200,
            r#"{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":{"name":"pod-1"}}"#.to_owned(),
        ),
        Mood::Forbids => (403, status(403, "Forbidden")),
        Mood::Fails => (500, status(500, "InternalError")),
        Mood::Silent => return std::future::pending().await,
    };
    let answer = Response::builder().status(status).header("content-type", "application/json");
    Ok(answer.body(Full::from(body)).expect("a valid answer"))
}

fn status(code: u16, reason: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"no: {reason}","reason":"{reason}","code":{code}}}"#
    )
}

#[test]
fn the_pod_is_labelled_and_events_are_recorded_term_by_term() {
    let server = Server::start();
    let api = StandIn::start(Mood::Willing);
    let mut napoleon = api.candidate(&server, "napoleon");
    let first = api.wait_for("a label", |asked| asked.role().is_some());
    assert_eq!(first.role(), Some("follower"), "follower at the start");
    assert_eq!((first.method.as_str(), first.path.as_str()), ("PATCH", "/api/v1/namespaces/ns/pods/pod-1"));
    assert_eq!(first.kind, "application/merge-patch+json");
    let labels = first.body["metadata"]["labels"].as_object().expect("labels");
    assert_eq!(labels.len(), 1, "nothing else of the pod is touched: {}", first.body);

    napoleon.wait_for(STARTED, SOON);
    api.wait_for("role=leader", |asked| asked.role() == Some("leader"));
    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(0));
    api.wait_for("the label taken back at stopping", |asked| asked.role() == Some("follower"));
    api.wait_for("an Event", |asked| asked.message() == Some("napoleon became leader"));
    let event = api.wait_for("an Event", |asked| asked.message() == Some("napoleon stopped leading"));
    assert_eq!((event.method.as_str(), event.path.as_str()), ("POST", "/api/v1/namespaces/ns/events"));
    assert_eq!(event.body["involvedObject"]["uid"], "uid-1");
    assert_eq!(event.body["reason"], "LeaderElection");
}

#[test]
fn without_rights_it_says_so_once_and_leads_all_the_same() {
    let server = Server::start();
    let api = StandIn::start(Mood::Forbids);
    let mut stalin = api.candidate(&server, "stalin");
    stalin.wait_for(STARTED, SOON);
    api.wait_for("role=leader", |asked| asked.role() == Some("leader"));
    api.wait_for("an Event", |asked| asked.message().is_some());
    api.wait_for("the label again", |asked| asked.role() == Some("leader"));
    stalin.signal(Signal::TERM);
    assert_eq!(stalin.wait(), Some(0), "in order");
    for what in ["cannot patch pods: 403", "cannot create events: 403"] {
        let lines = stalin.said().iter().filter(|line| line.contains(what)).count();
        assert_eq!(lines, 1, "`{what}` once; it said {:#?}", stalin.said());
    }
}

#[test]
fn a_label_that_failed_is_tried_again_with_the_role_of_then() {
    let server = Server::start();
    let api = StandIn::start(Mood::Fails);
    let mut cleopatra = api.candidate(&server, "cleopatra");
    cleopatra.wait_for(STARTED, SOON);
    for _ in 0..2 {
        api.wait_for("role=leader", |asked| asked.role() == Some("leader"));
    }
    cleopatra.signal(Signal::TERM);
    assert_eq!(cleopatra.wait(), Some(0), "in order");
    api.wait_for("role=follower", |asked| asked.role() == Some("follower"));
    let late = api.asked.try_iter().filter(|asked| asked.role() == Some("leader")).count();
    assert_eq!(late, 0, "a role that has ended is not repeated");
}

#[test]
fn a_silent_api_server_delays_neither_the_election_nor_the_end() {
    let server = Server::start();
    let api = StandIn::start(Mood::Silent);
    let mut napoleon = api.candidate(&server, "napoleon");
    napoleon.wait_for(STARTED, SOON);
    let start = Instant::now();
    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(0), "in order");
    assert!(napoleon.has_said("released the lock"));
    assert!(start.elapsed() < Duration::from_secs(5), "the end took {:?}", start.elapsed());
}

#[test]
fn a_pod_that_is_not_known_cannot_be_labelled() {
    let env = [("LEADER_ELECTION_KUBE", "1"), ("POD_NAME", "")];
    let output = super::stage::leader_elector(&["run"], &env);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for field in ["pod name is not given", "pod namespace is not given", "gist is not given"] {
        assert!(said.contains(field), "{field} is missing in {said}");
    }
}
