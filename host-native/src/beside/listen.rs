//! Listening, within bounds: however slow, silent or many the clients are, they hold up nobody but themselves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::Failure;

/// For the head of a request, also on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that takes nothing for so long is cut off by the kernel.
const SEND_TIMEOUT_MS: u32 = 10_000;
/// The longest head.
const LONGEST_HEAD: usize = 16 * 1024;
/// More connections than this at once are closed unheard.
const CONNECTIONS: usize = 256;

/// A socket that listens.
pub(crate) async fn bind(field: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).await;
    let listener =
        listener.map_err(|error| anyhow::anyhow!("{field} is `{address}`: it cannot be listened on: {error}"))?;
    let address = listener.local_addr().map_err(anyhow::Error::from)?;
    tracing::info!(address = %address, "{field} listens on {address}");
    Ok(listener)
}

/// Serves for ever.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(LONGEST_HEAD);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, as a rule: some are closed soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&free).try_acquire_owned() else { continue };
        // A socket that does not take an option still works.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, SEND_TIMEOUT_MS);
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            // What goes wrong on a connection is its client's.
            let _ = connection.await;
            drop(place);
        });
    }
}
