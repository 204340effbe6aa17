//! What the users of a request cost. The figures of a run stand in docs/operations/sirius.md.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::clock::SystemClock;
use api::demo::stand_in_sirius::StandIn;
use api::sirius::{Forwarded, Lookup, Sirius, SiriusSettings};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use criterion::Criterion;
use futures_util::future::join_all;
use reqwest::header::{COOKIE, HeaderMap, HeaderValue};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use url::Url;

const USERS: i32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(5);

/// A stand-in of a thousand users, and how often its list was asked for.
async fn stand_in() -> (Url, Arc<AtomicUsize>) {
    let mut stand_in = StandIn::default().session("officer", 1);
    for id in 1..=USERS {
        stand_in = stand_in.user(id, &format!("User Number {id}"), &["Finance User"]);
    }
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let routes = stand_in
        .router()
        .layer(from_fn(move |request: Request, next: Next| {
            counted.fetch_add(1, Ordering::SeqCst);
            next.run(request)
        }));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (Url::parse(&origin).unwrap(), calls)
}

fn caller() -> Forwarded {
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::from_static("sirius=officer"));
    Forwarded::from_headers(&headers)
}

fn boundary(origin: &Url) -> Sirius {
    Sirius::new(SiriusSettings::at(origin.clone()), SystemClock::shared()).unwrap()
}

pub(crate) fn users(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (origin, calls) = runtime.block_on(stand_in());
    let (all, few) = (
        (1..=USERS).collect::<Vec<_>>(),
        (0..1_000).map(|event| event % 20 + 1).collect::<Vec<i32>>(),
    );

    // Cold: as many requests at once as there are users, on one directory.
    let cold = boundary(&origin).users;
    let caller = caller();
    let found = runtime
        .block_on(join_all(all.iter().map(|id| {
            cold.lookup(std::slice::from_ref(id), &caller, PATIENCE)
        })));
    let is_name = |lookup: &Lookup| matches!(lookup, Lookup::Name(_));
    assert!(found.iter().all(|found| found.values().all(is_name)));
    assert_eq!(
        calls.load(Ordering::SeqCst),
        1,
        "a thousand at once make one call"
    );

    let warm = cold;
    let mut group = criterion.benchmark_group("users of 1000 events, warm");
    for (name, ids) in [("a thousand users", &all), ("twenty users", &few)] {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let at_hand = warm.at_hand(&caller).unwrap();
                for id in ids {
                    black_box(at_hand.name(*id).unwrap());
                }
            });
        });
    }
    group.finish();
    assert_eq!(calls.load(Ordering::SeqCst), 1, "and none warm");

    criterion.bench_function("a refresh of a thousand users, Sirius included", |bench| {
        bench.iter(|| {
            let fresh = boundary(&origin).users;
            runtime.block_on(fresh.lookup(&[1], &caller, PATIENCE))
        });
    });
}
