//! A job that runs in one place at a time. Copy this.
//!
//! ```sh
//! GIST_ID=… GITHUB_API_TOKEN=… LEADER_NAME=napoleon cargo run -p leader-elector --example guarded_job
//! ```

use std::env::var;
use std::time::Duration;

use leader_elector::{LeaderElection, Leadership};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let election = LeaderElection::builder()
        .gist(var("GIST_ID")?)
        .token(var("GITHUB_API_TOKEN")?)
        .name(var("LEADER_NAME")?)
        .on_started_leading(job)
        .on_stopped_leading(|| println!("no longer the leader"))
        .on_new_leader(|leader| println!("leader: {leader}"))
        .build()?;

    // Ctrl-C stops the job, then releases the lock.
    let stop = CancellationToken::new();
    let ctrl_c = async { tokio::signal::ctrl_c().await.map(|()| stop.cancel()) };
    tokio::join!(election.run(stop.clone()), ctrl_c).1?;
    Ok(())
}

async fn job(leadership: Leadership) {
    while leadership.is_valid() {
        println!("working with fencing token {}", leadership.token());
        tokio::select! {
            () = leadership.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}
