//! How a server ends.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::http::{self, HttpLimits};

/// How a server ends.
pub struct Stop {
    /// Tells the readiness check, first of all.
    pub stopping: watch::Sender<bool>,
    /// How long it then goes on taking requests, so that others notice that it stops.
    pub delay: Duration,
    /// Tells streams.
    pub closing: watch::Sender<bool>,
    /// What is waited for beside connections.
    pub tasks: TaskTracker,
}

/// Serves the routes until the process is told to stop; what it has accepted, it finishes. Streams are told
/// by `closing`.
pub async fn run(listener: TcpListener, routes: Router, limits: HttpLimits, stop: Stop) {
    let told = async {
        told_to_stop().await;
        let _ = stop.stopping.send(true);
        tracing::info!("stopping");
        tokio::select! {
            () = tokio::time::sleep(stop.delay) => {}
            // Whoever says it twice means now.
            () = told_to_stop() => {}
        }
        let _ = stop.closing.send(true);
    };
    http::serve(listener, routes, limits, stop.tasks, told).await;
}

/// Ends at Ctrl-C or SIGTERM.
async fn told_to_stop() {
    let interrupt = async {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
