//! One running API.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::authentication::{Authenticator, KeySources, Sources};
use api::clock::SharedClock;
use api::finance::{ChangedClients, notifications};
use api::graphql::{FourEyes, Limits, Manners};
use api::http::{AllowedOrigins, App, Graphiql, HttpLimits, Readiness, SignIn, Tab, router};
use api::metrics::Metrics;
use api::reads::Reads;
use api::secret::Source;
use api::sirius::{SharedTierUrl, Sirius, SiriusSettings, UserCacheSettings};
use axum::Router;
use reqwest::RequestBuilder;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use url::Url;

use crate::token::{SECRET, service_keys};
use crate::{Answer, OFFICER, Options};

/// The user that services act as.
pub const SYSTEM_USER: i32 = 12;

/// See the module.
pub struct Instance {
    pub sirius: Sirius,
    metrics: Metrics,
    http: reqwest::Client,
    pub origin: String,
    /// What it serves, to be called without a network.
    pub routes: Router,
    server: JoinHandle<()>,
    listening: Option<JoinHandle<()>>,
    closing: watch::Sender<bool>,
}

impl Instance {
    pub(super) async fn start(
        db: DatabaseConnection,
        clock: SharedClock,
        sirius: &Url,
        redis: Option<SharedTierUrl>,
        listen_url: Option<String>,
        options: &Options,
    ) -> Self {
        let settings = SiriusSettings {
            users: UserCacheSettings {
                timeout: options.sirius_timeout,
                jitter: Arc::new(|wait| wait),
                ..UserCacheSettings::default()
            },
            shared: redis,
            ..SiriusSettings::at(sirius.clone())
        };
        let metrics = Metrics::new().unwrap();
        let sirius = metrics.counted(|| Sirius::new(settings, clock.clone()).unwrap());
        sirius.users.warm_up().await;
        let sources = options.keys.clone().unwrap_or_else(|| Sources {
            secret: Some(Source::Value(SECRET.to_owned())),
            previous_secret: None,
            service_keys: Some(Source::Value(service_keys())),
        });
        let keys = KeySources::read(sources).unwrap();
        let bundle = Path::new("no local bundle");
        let graphiql =
            Graphiql::new(&[Tab::of("{ viewer { id } }")], bundle, SignIn::default()).unwrap();
        let (closing, stopped) = watch::channel(false);
        let changed_clients = ChangedClients::default();
        let listening = listen_url.map(|url| {
            let listening = notifications::listen(url, changed_clients.clone(), stopped.clone());
            tokio::spawn(listening)
        });
        let tasks = TaskTracker::new();
        let app = App {
            readiness: Readiness::new(db.clone(), None, stopped.clone()),
            reads: metrics.counted(|| Reads::from_primary(db.clone())),
            tasks: tasks.clone(),
            db,
            sirius: sirius.clone(),
            authenticator: metrics
                .counted(|| Authenticator::new(keys, Some(SYSTEM_USER), clock.clone())),
            clock,
            four_eyes: FourEyes(options.four_eyes),
            changes_at_once: 5,
            graphiql,
            deadline: options.deadline,
            limits: Limits {
                introspection: options.introspection,
                ..options.limits
            },
            bounds: options.bounds,
            origins: AllowedOrigins::parse(PAGE).unwrap(),
            trusted: options.trusted.clone(),
            manners: Manners::default(),
            changed_clients,
            stopped: stopped.clone(),
            metrics: Some(metrics.clone()),
        };
        let routes = router(app);
        let (origin, server) = serve(routes.clone(), options.bounds, tasks, stopped).await;
        Self {
            sirius,
            metrics,
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(30))
                .build()
                .unwrap(),
            origin: origin.to_string(),
            routes,
            server,
            listening,
            closing,
        }
    }

    /// Asks as the billing officer.
    pub async fn ask(&self, query: &str) -> Answer {
        self.ask_with(query, json!({})).await
    }

    /// Asks as the billing officer, with variables.
    pub async fn ask_with(&self, query: &str, variables: Value) -> Answer {
        let body = json!({ "query": query, "variables": variables });
        Answer::of(self.post().header("Cookie", OFFICER).json(&body)).await
    }

    /// A bare `POST /graphql`.
    pub fn post(&self) -> RequestBuilder {
        self.http.post(self.url("/graphql"))
    }

    /// A bare GET.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path))
    }

    /// All that was counted, as Prometheus reads it.
    pub fn metrics(&self) -> String {
        self.sirius.users.observe();
        self.metrics.render()
    }

    /// One count or gauge, by its name and labels as Prometheus reads them.
    #[track_caller]
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.metrics();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .unwrap_or_else(|| panic!("no {name} in {text}"));
        value.parse().unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin.trim_end_matches('/'))
    }

    /// Tells streams that the service stops, and waits for it.
    pub async fn stop(self) {
        let _ = self.closing.send(true);
        let _ = self.server.await;
        if let Some(listening) = self.listening {
            let _ = listening.await;
        }
    }
}

/// The one page of another origin that may call.
pub const PAGE: &str = "https://page.example";

/// Serves the routes on a port of their own, as the program does.
async fn serve(
    routes: Router,
    bounds: HttpLimits,
    tasks: TaskTracker,
    mut stopped: watch::Receiver<bool>,
) -> (Url, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let stop = async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        api::http::serve(listener, routes, bounds, tasks, stop).await;
    });
    (Url::parse(&origin).unwrap(), server)
}
