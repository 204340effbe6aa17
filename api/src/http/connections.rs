//! Connections: so many, none that keeps the service waiting for a request's head, all ended in peace
//! when the service stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_util::task::TaskTracker;

use super::limits::HttpLimits;

/// The most bytes of a request's head, and of what is read ahead of it.
const HEAD: usize = 64 * 1024;
/// Headers of a request.
const HEADERS: usize = 100;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 64;
/// Bytes that an HTTP/2 connection may send ahead.
const WINDOW: u32 = 256 * 1024;
/// How long what was accepted may take to end when the service stops: with what comes after it, 30 s.
const PATIENCE: Duration = Duration::from_secs(18);
/// How long a peer may read nothing of what is written to it.
const READING: Duration = Duration::from_secs(30);
/// The wait after the system gave no connection, such as when files run out.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the routes until `stop`, and then ends what it has accepted, `tasks` last.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: HttpLimits,
    tasks: TaskTracker,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    let places = Arc::new(Semaphore::new(limits.connections));
    let builder = builder(&limits);
    let ending = GracefulShutdown::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(READING));
        let (service, first) = telling_the_first(routes.clone());
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(Box::pin(stream)), service)
            .into_owned();
        let connection = ending.watch(connection);
        tokio::spawn(async move {
            let mut connection = std::pin::pin!(connection);
            // hyper sets no time for the first bytes, by which it knows the version of HTTP.
            let first = tokio::time::timeout(limits.head_timeout, first);
            // How it ended concerns the peer alone.
            tokio::select! {
                _ = &mut connection => return,
                first = first => {
                    if first.is_err() {
                        return;
                    }
                }
            }
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let ended = async {
        ending.shutdown().await;
        tasks.close();
        tasks.wait().await;
    };
    if tokio::time::timeout(PATIENCE, ended).await.is_err() {
        tracing::warn!("stopped while requests were under way");
    }
}

/// The routes, and what ends when they are first called.
fn telling_the_first(
    routes: Router,
) -> (
    impl Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Clone,
    impl Future<Output = ()>,
) {
    let called = Arc::new(Notify::new());
    let first = Arc::clone(&called);
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |request| {
        called.notify_one();
        routes.call(request)
    });
    (service, async move { first.notified().await })
}

fn builder(limits: &HttpLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(HEAD)
        .max_headers(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.head_timeout)
        .keep_alive_timeout(limits.head_timeout)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW / 4)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(64 * 1024);
    builder
}
