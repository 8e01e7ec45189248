//! Listening, within bounds: however slow, silent or many the clients are, they hold up nobody but themselves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::Failure;

/// For the head of a request, also on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that takes nothing for so long is cut off by the kernel.
const SEND_TIMEOUT_MS: u32 = 10_000;
/// The longest head.
const LONGEST_HEAD: usize = 16 * 1024;
/// Connections at once. One more closes the one that has been silent for longest.
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
    let places = Arc::new(Places { free: Arc::new(Semaphore::new(CONNECTIONS)), silent: Mutex::default() });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(LONGEST_HEAD);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, as a rule: some are closed soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Some(place) = places.take().await else { continue };
        // A socket that does not take an option still works.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, SEND_TIMEOUT_MS);
        let gives_way = Arc::clone(&place.gives_way);
        let router = TowerToHyperService::new(router.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (answer, place) = (router.call(request), Arc::clone(&place));
            async move { answer.await.inspect(|answer| place.has_answered(answer)) }
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            tokio::select! {
                // What goes wrong on a connection is its client's.
                _ = connection => {}
                () = gives_way.notified() => {}
            }
        });
    }
}

/// Who is connected to a listener.
struct Places {
    free: Arc<Semaphore>,
    silent: Mutex<Silent>,
}

/// Those that gave no whole request since they came or were answered, by a number that only grows. Who reads a stream is
/// not among them: there are few streams, and the end of one says something.
#[derive(Default)]
struct Silent {
    newest: u64,
    all: BTreeMap<u64, Arc<Notify>>,
}

/// One of the places: free again when it is dropped.
struct Place {
    places: Arc<Places>,
    /// Among the silent.
    number: Mutex<u64>,
    gives_way: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// A place, if need be that of the one that has been silent for longest; `None`: nobody is silent.
    async fn take(self: &Arc<Self>) -> Option<Arc<Place>> {
        if self.free.available_permits() == 0 {
            // It stands there for no longer than it has its place: so one is free soon.
            let (_, oldest) = self.silent().all.pop_first()?;
            oldest.notify_one();
        }
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        let gives_way = Arc::new(Notify::new());
        let number = Mutex::new(self.silent().add(&gives_way));
        Some(Arc::new(Place { places: Arc::clone(self), number, gives_way, _permit: permit }))
    }

    fn silent(&self) -> MutexGuard<'_, Silent> {
        self.silent.lock().expect("nobody panics while holding it")
    }
}

impl Silent {
    fn add(&mut self, who: &Arc<Notify>) -> u64 {
        self.newest += 1;
        self.all.insert(self.newest, Arc::clone(who));
        self.newest
    }
}

impl Place {
    /// An answer of unknown length is a stream.
    fn has_answered(&self, answer: &Response) {
        let mut number = self.number();
        let mut silent = self.places.silent();
        // Who has to give way stays so.
        if silent.all.remove(&number).is_some() && answer.body().size_hint().exact().is_some() {
            *number = silent.add(&self.gives_way);
        }
    }

    fn number(&self) -> MutexGuard<'_, u64> {
        self.number.lock().expect("nobody panics while holding it")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let number = *self.number();
        self.places.silent().all.remove(&number);
    }
}
