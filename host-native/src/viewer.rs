//! `leader-elector viewer`: serves the page out of this binary, on this machine.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use leader_elector_host::say::print;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;
use crate::listen::listen;

/// Name and bytes of each file of the page; empty where the page was not built before this binary.
const PAGE: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/page.rs"));

#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  leader-elector viewer
  leader-elector viewer --listen 127.0.0.1:0     a free port

It prints the page's address, and ends with Ctrl-C. The page reads the gist from the browser; this command only serves
files and sees neither gist nor token.

Exit codes: 0 ended by Ctrl-C or SIGTERM, 1 cannot listen, 2 a mistake in the call, 3 built before the page")]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Listen on other addresses than this machine's own
    #[arg(long)]
    allow_remote: bool,
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    if PAGE.is_empty() {
        let words = "this binary was built before the page: run `cargo xtask web`, then build it again";
        return Err(Failure::Refused(words.to_owned()));
    }
    let listener = listen(args.listen, args.allow_remote).await?;
    // It serves also where nobody reads that.
    _ = print(&format!("listening on http://{}/", listener.local_addr().map_err(anyhow::Error::from)?));
    let mut terminate = signal(SignalKind::terminate()).map_err(anyhow::Error::from)?;
    tokio::select! {
        () = serve(listener) => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

async fn serve(listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: give others time to end.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        tokio::spawn(async move {
            let service = service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(answer(&request)));
            // A reader that goes away concerns nobody else.
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let plain = |status: StatusCode, text: &'static str| {
        let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
        *response.status_mut() = status;
        response
    };
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n");
    }
    let name = match request.uri().path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let Some((name, bytes)) = PAGE.iter().find(|(file, _)| *file == name) else {
        return plain(StatusCode::NOT_FOUND, "no such file\n");
    };
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let mut response = Response::new(Full::new(Bytes::from_static(bytes)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The page's own policy stands in its head; who may frame it can only be said here.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'none'"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_page_are_served() {
        let status = |method: &str, path: &str| {
            answer(&Request::builder().method(method).uri(path).body(()).unwrap()).status().as_u16()
        };
        assert_eq!(status("POST", "/"), 405);
        assert_eq!(status("GET", "/../Cargo.toml"), 404);
        assert_eq!(status("GET", "/"), if PAGE.is_empty() { 404 } else { 200 });
    }
}
