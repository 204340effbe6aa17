//! Several instances on one database, behind a plain round robin; and a replica that is read from.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use serde_json::{Value, json};
use tests::events::Events;
use tests::token::SECRET;
use tests::{Answer, OFFICER, OwnPostgres, Proxy, Redis, Sink, Sirius};

use super::life::{http, invoice, manager_token, on_own_servers, post};
use super::process::{Server, binary, serve_with};

pub(crate) const CLIENT: &str = "{ financeClient(clientId: 1001) { outstandingBalance billingHistory { nodes { createdBy { displayName } } } } }";

/// Three instances, and the balancer before them.
pub(crate) struct Three {
    pub(crate) servers: Vec<Server>,
    pub(crate) balancer: Proxy,
    pub(crate) http: reqwest::Client,
}

impl Three {
    pub(crate) async fn start(url: &str, sirius: &Sirius, settings: &[(&str, &str)]) -> Self {
        let servers = (0..3).map(|_| {
            let mut command = serve_with(url, sirius.origin.as_str());
            command
                .env("JWT_SECRET", SECRET)
                .envs(settings.iter().copied());
            Server::start(&mut command)
        });
        let servers = servers.collect::<Vec<_>>();
        let addresses = servers
            .iter()
            .map(|it| it.address.parse().unwrap())
            .collect();
        Self {
            balancer: Proxy::round_robin(addresses).await,
            servers,
            http: http(),
        }
    }

    pub(crate) async fn ask(&self, query: &str) -> Answer {
        let body = json!({ "query": query });
        Answer::of(post(&self.http, self.balancer.address, &body).header("Cookie", OFFICER)).await
    }

    pub(crate) async fn change(&self, body: &Value) -> Answer {
        let change = post(&self.http, self.balancer.address, body).bearer_auth(manager_token());
        Answer::of(change).await
    }

    pub(crate) async fn pay_by(&self, method: &str) {
        let change = format!(
            "mutation {{ changePaymentMethod(input: {{ clientId: 1001, paymentMethod: {method} }})
                {{ userErrors {{ code }} }} }}"
        );
        let change = post(
            &self.http,
            self.balancer.address,
            &json!({ "query": change }),
        );
        let change = change
            .header("Cookie", OFFICER)
            .header("X-XSRF-TOKEN", "a+b c");
        let answer = Answer::of(change).await;
        assert_eq!(answer.data("/changePaymentMethod/userErrors"), &json!([]));
    }

    /// The sum over all instances.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let mut sum = 0.0;
        for server in &self.servers {
            let url = format!("http://{}/metrics", server.metrics);
            let text = self
                .http
                .get(url)
                .send()
                .await
                .unwrap()
                .text()
                .await
                .unwrap();
            let value = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            sum += value.map_or(0.0, |value| value.parse::<f64>().unwrap());
        }
        sum
    }
}

#[test]
fn three_that_start_at_once_on_an_empty_database_are_then_as_one() {
    on_own_servers(async || {
        let postgres = OwnPostgres::start(&[]).await;
        let url = postgres.create("of_three").await;
        // As three containers do: each migrates first.
        let migrations = (0..3).map(|_| {
            let mut command = std::process::Command::new(binary("migration"));
            command
                .args(["up", "--lock-timeout", "60s"])
                .env("DATABASE_URL", &url);
            command
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        });
        let migrations = migrations.collect::<Vec<_>>().into_iter();
        let outputs = migrations
            .map(|it| it.wait_with_output().unwrap())
            .collect::<Vec<_>>();
        assert!(outputs.iter().all(|it| it.status.success()), "{outputs:?}");
        let applied = outputs.iter().map(|it| {
            String::from_utf8_lossy(&it.stdout)
                .matches("applied  m2")
                .count()
        });
        let applied = applied.collect::<Vec<_>>();
        assert_eq!(
            applied.iter().filter(|it| **it == 0).count(),
            2,
            "one has made them all: {applied:?}"
        );

        let (sirius, sink, redis) = (
            Sirius::start().await,
            Sink::start().await,
            Redis::start().await,
        );
        let shared = format!("redis://{}", redis.proxy.address);
        let settings = [
            ("EVENT_SINK_URL", sink.url.as_str()),
            ("USER_CACHE_URL", &shared),
        ];
        let three = Three::start(&url, &sirius, &settings).await;
        let db: DatabaseConnection = connect(&url).await;
        insert_client(&db).await;

        // Sessions and users: each instance checks a session once, and one asks for the list.
        for _ in 0..12 {
            three.ask(CLIENT).await.data("/financeClient");
        }
        assert_eq!(sirius.take_checks().len(), 3);

        // One key through all three at once is one change.
        let answers = join_all((0..9).map(async |_| {
            let answer = three.change(&invoice(1)).await;
            answer.data("/addManualInvoice/invoice/reference").clone()
        }));
        assert!(answers.await.iter().all(|it| it == "AD000001/25"));
        assert_eq!(
            three
                .ask(CLIENT)
                .await
                .data("/financeClient/outstandingBalance"),
            10_000
        );
        assert_eq!(
            three
                .ask(CLIENT)
                .await
                .data("/financeClient/billingHistory/nodes/0/createdBy/displayName"),
            "Finance Manager"
        );
        for _ in 0..6 {
            three.ask(CLIENT).await.data("/financeClient");
        }
        assert_eq!(
            sirius.take_lists().len(),
            1,
            "the others have it from the shared tier"
        );

        // Whichever instance makes a change, the subscribers of each hear of it.
        let watch = json!({ "query": "subscription { billingHistoryChanged(clientId: 1001) { paymentMethod } }" });
        let mut streams = Vec::new();
        for _ in 0..3 {
            let watch = post(&three.http, three.balancer.address, &watch);
            let watch = watch
                .header("Cookie", OFFICER)
                .header("X-XSRF-TOKEN", "a+b c");
            streams.push(Events::of(watch).await);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        for method in ["DIRECT_DEBIT", "DEMANDED", "DIRECT_DEBIT"] {
            three.pay_by(method).await;
            for stream in &mut streams {
                let (_, event) = stream.next().await.unwrap();
                assert_eq!(
                    event["data"]["billingHistoryChanged"]["paymentMethod"],
                    method
                );
            }
        }

        // Each event is sent once, in order, by whichever instance.
        for method in ["DEMANDED", "DIRECT_DEBIT"].into_iter().cycle().take(30) {
            three.pay_by(method).await;
        }
        let by = Instant::now() + Duration::from_secs(30);
        while sink.taken().len() < 33 {
            assert!(Instant::now() < by, "{} of 33", sink.taken().len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let taken = sink.taken();
        let ids = taken
            .iter()
            .map(|it| it["id"].to_string())
            .collect::<HashSet<_>>();
        assert_eq!((taken.len(), ids.len(), sink.twice_at_once()), (33, 33, 0));
        db.close().await.unwrap();
    });
}

async fn connect(url: &str) -> DatabaseConnection {
    let options = migration::connection::options(url, migration::connection::Missing::Refuse);
    sea_orm::Database::connect(options.unwrap()).await.unwrap()
}

async fn insert_client(db: &DatabaseConnection) {
    let insert = "INSERT INTO finance_client (id, client_id, sop_number, payment_method) \
                  VALUES (1, 1001, '10010001', 'DEMANDED')";
    db.execute_unprepared(insert).await.unwrap();
}
