//! `--probe-addr`: what a cluster asks. Whether this candidate leads is no question of health.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use leader_elector::clock;

use super::Hub;
use super::problem::{Problem, unknown_path, wrong_method};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        // Configured and running: a follower is as ready as a leader, and one that cannot reach the store as well.
        .route("/readyz", get(async || "ok\n"))
        .route("/metrics", get(metrics))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(hub)
}

/// client-go's rule: unhealthy only if a lease is held that could neither be renewed nor given up.
async fn health(State(hub): State<Arc<Hub>>) -> Result<&'static str, Problem> {
    if hub.is_stuck(clock::now().at) {
        let detail = "a term is over, and its work has not ended: the lease could neither be renewed nor given up";
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
    }
    Ok("ok\n")
}

async fn metrics(State(hub): State<Arc<Hub>>) -> Response {
    let text = hub.metrics.text(clock::now().at, hub.lease());
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
