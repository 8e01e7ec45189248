//! Where a server of this binary may listen: on this machine, unless told otherwise.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::Failure;

/// A socket on `address`, which must be this machine's own unless `allow_remote`.
pub(crate) async fn listen(address: SocketAddr, allow_remote: bool) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() && !allow_remote {
        return Err(Failure::Usage(vec![format!(
            "listen is `{address}`: allowed is an address of this machine (127.0.0.1, [::1]), or any with --allow-remote"
        )]));
    }
    let listener = TcpListener::bind(address).await;
    Ok(listener.map_err(|error| anyhow::anyhow!("cannot listen on {address}: {error}"))?)
}
