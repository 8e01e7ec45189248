//! The library as a Tokio program uses it, against `gist-server`.

#[path = "../processes/stage.rs"]
#[expect(dead_code, reason = "the candidates of these tests are in this process, but for one")]
mod stage;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use leader_elector::{Builder, LeaderElection, Leadership, Token, WriteMode, timing};
use stage::{Candidate, LEASE, NAMESAKE, Server};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(15);
const STARTED: &str = "started leading.";

fn election(server: &Server) -> Builder {
    let millis = Duration::from_millis;
    let timings = timing::Settings {
        lease: LEASE,
        renew_deadline: millis(3500),
        renew_interval: millis(1000),
        poll: millis(200),
        settle: millis(200),
        request_timeout: Some(millis(1000)),
        ..timing::Settings::default()
    };
    let builder = LeaderElection::builder().gist(&server.gist).api_url(&server.url).name("napoleon");
    builder.token("secret-of-napoleon").timings(timings)
}

/// A candidate that runs and leads within this time. Its work hands out its leadership, and goes on until it is
/// cancelled.
async fn leads(server: &Server, within: Duration) -> (JoinHandle<()>, Leadership) {
    let (send, mut started) = mpsc::unbounded_channel();
    let builder = election(server).on_started_leading(move |leadership| {
        // The test may have seen enough.
        _ = send.send(leadership.clone());
        async move { leadership.cancelled().await }
    });
    let running = tokio::spawn(builder.build().expect("it fits").run(CancellationToken::new()));
    let leadership = timeout(within, started.recv()).await.expect("in time").expect("it leads");
    (running, leadership)
}

#[tokio::test]
async fn the_callbacks_come_in_order_and_the_lock_is_released_when_the_work_has_ended() {
    for write in [WriteMode::Push, WriteMode::Patch] {
        let server = Server::start();
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = |told: &Arc<Mutex<Vec<String>>>, what: String| told.lock().expect("no panic").push(what);
        let [working, stopped, leaders] = [(); 3].map(|()| Arc::clone(&told));
        let stop = CancellationToken::new();
        let end = stop.clone();
        let election = election(&server)
            .write(write)
            .on_started_leading(move |leadership| {
                let (told, stop) = (Arc::clone(&working), end.clone());
                async move {
                    tell(&told, format!("started with {}", leadership.token()));
                    stop.cancel();
                    leadership.cancelled().await;
                    // Some work needs its time to end.
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    tell(&told, "work ended".to_owned());
                }
            })
            .on_stopped_leading(move || tell(&stopped, "stopped".to_owned()))
            .on_new_leader(move |leader| tell(&leaders, format!("leader `{leader}`")))
            .build()
            .expect("it fits");
        timeout(SOON, election.run(stop)).await.expect("it ends");
        let told = told.lock().expect("no panic").clone();
        let order: Vec<_> = told.iter().map(String::as_str).filter(|what| *what != "leader ``").collect();
        assert_eq!(order, ["leader `napoleon`", "started with 1", "work ended", "stopped"], "{write}: {told:?}");
        let start = Instant::now();
        let mut stalin = Candidate::start(&server, "stalin", &["--write", &write.to_string()]);
        assert_eq!(stalin.wait_for(STARTED, SOON).token, Some(2), "{write}");
        assert!(start.elapsed() < LEASE, "{write}: it was released, nobody waited for the lease");
    }
}

/// Nothing runs on the runtime any more, not even the election: the guard knows the time by itself.
#[tokio::test]
async fn a_guard_does_not_outlive_the_lease_on_a_runtime_that_is_blocked() {
    let server = Server::start();
    let (running, leadership) = leads(&server, SOON).await;
    assert!(leadership.is_valid() && leadership.remaining() <= Duration::from_millis(3500));
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    // This blocks the only thread.
    let token = stalin.wait_for(STARTED, SOON).token;
    assert!(!leadership.is_valid() && leadership.remaining().is_zero(), "another leads");
    assert!(Some(leadership.token().get()) < token, "and the fence is higher");
    assert!(!leadership.cancellation().is_cancelled(), "nothing ran that could have said so: that is the point");
    timeout(SOON, leadership.cancelled()).await.expect("said as soon as something runs");
    running.abort();
}

#[tokio::test]
async fn requests_that_hang_cancel_the_work_before_another_leads() {
    let server = Server::start();
    let (running, leadership) = leads(&server, SOON).await;
    server.faults(r#"[{"token":"napoleon","fault":"hang"}]"#);
    let mut stalin = Candidate::start(&server, "stalin", &[]);
    timeout(SOON, leadership.cancelled()).await.expect("in time");
    assert!(!leadership.is_valid());
    assert!(!stalin.has_said(STARTED), "the work is told first");
    stalin.wait_for(STARTED, SOON);
    running.abort();
}

#[tokio::test]
async fn who_drops_the_election_cancels_the_work() {
    let server = Server::start();
    let (running, leadership) = leads(&server, SOON).await;
    running.abort();
    timeout(SOON, leadership.cancelled()).await.expect("nobody renews any more: the work must hear of it");
}

#[tokio::test]
async fn work_that_panics_has_ended_and_a_new_term_has_a_new_token() {
    let server = Server::start();
    let terms = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&terms);
    let stop = CancellationToken::new();
    let election = election(&server).on_started_leading(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { panic!("the work fails") }
    });
    let running = tokio::spawn(election.build().expect("it fits").run(stop.clone()));
    while terms.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    timeout(SOON, running).await.expect("it ends").expect("and does not panic itself");
    // Within the lease: it was released.
    let (running, leadership) = leads(&server, LEASE).await;
    assert_eq!(Some(leadership.token()), Token::new(2), "the same name, another term");
    running.abort();
}

#[test]
fn every_mistake_is_told_at_once() {
    let timings = timing::Settings { lease: Duration::from_millis(1500), ..timing::Settings::default() };
    let said = LeaderElection::builder().timings(timings).build().expect_err("nothing fits").to_string();
    for field in ["lease", "gist", "name", "token"] {
        assert!(said.contains(field), "{field} is missing in {said}");
    }
}

#[tokio::test]
async fn another_program_of_our_name_is_an_error() {
    let server = Server::start();
    server.write(NAMESAKE);
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("namesake-{}", std::process::id()));
    let log = std::fs::File::create(&path).expect("made");
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(Arc::new(log)).finish();
    // The election runs on this thread.
    let _guard = tracing::subscriber::set_default(subscriber);
    let warned = async {
        loop {
            let said = std::fs::read_to_string(&path).expect("text");
            if let Some(line) = said.lines().find(|line| line.contains("names our own LEADER_NAME")) {
                return line.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let line = tokio::select! {
        line = timeout(SOON, warned) => line.expect("it says so"),
        () = election(&server).build().expect("it fits").run(CancellationToken::new()) => panic!("nobody ended it"),
    };
    std::fs::remove_file(&path).expect("it was made");
    assert!(line.contains(" ERROR "), "{line}");
}

#[test]
fn the_example_is_short_enough_to_copy() {
    assert!(include_str!("../../examples/guarded_job.rs").lines().count() <= 40);
}
