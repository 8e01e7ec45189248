//! Where to listen.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args;

/// Where to listen.
#[derive(Args, Debug)]
#[command(next_help_heading = "Listeners")]
pub(crate) struct ListenArgs {
    /// Answer the workload on this machine: /leader, /leader/me, /leader/events, POST /leader/step-down and /leader/stopped
    /// [default: no]
    #[arg(long, env = "LEADER_ELECTION_HTTP", value_name = "ADDRESS")]
    pub(crate) http: Option<String>,
    /// Answer the cluster: /healthz, /readyz, /metrics, and nothing else [default: no]
    #[arg(long, env = "LEADER_ELECTION_PROBE_ADDR", value_name = "ADDRESS")]
    pub(crate) probe_addr: Option<String>,
}

/// The same, checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Of this machine only.
    pub(crate) http: Option<SocketAddr>,
    pub(crate) probe: Option<SocketAddr>,
}

impl ListenArgs {
    /// Checks both.
    ///
    /// # Errors
    /// Every mistake, with field, value and what is allowed.
    pub(crate) fn addresses(&self) -> Result<Addresses, Vec<String>> {
        let mut mistakes = Vec::new();
        let mut take = |result: Option<Result<SocketAddr, String>>| {
            result.and_then(|result| result.map_err(|mistake| mistakes.push(mistake)).ok())
        };
        let http = take(self.http.as_deref().map(loopback));
        let probe = take(self.probe_addr.as_deref().map(any));
        if mistakes.is_empty() { Ok(Addresses { http, probe }) } else { Err(mistakes) }
    }
}

fn loopback(given: &str) -> Result<SocketAddr, String> {
    let address = given.trim().strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address: Option<SocketAddr> = address.as_deref().unwrap_or(given.trim()).parse().ok();
    address.filter(|address| address.ip().is_loopback()).ok_or_else(|| {
        format!(
            "http is `{given}`: allowed are addresses of this machine only, such as 127.0.0.1:8080 or [::1]:8080: who asks there is believed"
        )
    })
}

fn any(given: &str) -> Result<SocketAddr, String> {
    let given = given.trim();
    let everywhere = given.strip_prefix(':').and_then(|port| port.parse().ok());
    let address = everywhere.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port));
    address.or_else(|| given.parse().ok()).ok_or_else(|| {
        format!(
            "probe addr is `{given}`: allowed are an address and a port such as 0.0.0.0:8081 or [::]:8081, or :8081"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workloads_listener_is_of_this_machine_only() {
        for given in ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080", "localhost:8080", " 127.0.0.1:0 "] {
            assert!(loopback(given).is_ok(), "{given}");
        }
        for given in ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:80", ":8080", "8080", "example.com:80", "127.0.0.1", ""] {
            assert!(loopback(given).is_err_and(|why| why.contains(given)), "{given}");
        }
    }

    #[test]
    fn the_clusters_listener_is_anywhere() {
        for given in ["0.0.0.0:8081", ":8081", "[::]:8081"] {
            assert!(any(given).is_ok(), "{given}");
        }
        for given in ["8081", "host:8081", ":99999"] {
            assert!(any(given).is_err(), "{given}");
        }
    }
}
