//! Of Sirius's user list nothing but ids and display names is ever shown: not in an answer, a log
//! line, a metric or an error, whatever the list is like and however much is logged. Nor is anything
//! of a session, a token or a key.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking; its helper functions too"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::demo::books::Books;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use entity::stored::{FeeType, PaymentMethod};
use http::StatusCode;
use migration::connection::Missing;
use migration::runner::Runner;
use sea_orm::Database;
use serde_json::{Value, json};

/// What the list and the session's user have beside id and name.
const OF_USERS: [&str; 5] = [
    "canary.mail",
    "0998877665",
    "Role Canary",
    "Team Canary",
    "Surname-Canary",
];
/// What a caller has that nobody else may see.
const OF_CALLERS: [&str; 5] = [
    "session-canary",
    "xsrf-canary",
    "token-canary",
    "secret-canary",
    "variable-canary",
];

fn user(id: i32, name: &str) -> Value {
    json!({
        "id": id, "displayName": name, "roles": ["Finance User", "Role Canary"],
        "email": format!("canary.mail{id}@opgtest.example"), "phoneNumber": "0998877665",
        "surname": "Surname-Canary", "teams": [{ "displayName": "Team Canary" }],
    })
}

/// What the list answers: it can be changed.
type Lists = Arc<Mutex<(StatusCode, String)>>;

async fn sirius(lists: Lists) -> String {
    let list = async |State(lists): State<Lists>| lists.lock().unwrap().clone().into_response();
    let routes = Router::new()
        .route("/supervision-api/v1/users", get(list))
        .route(
            "/supervision-api/v1/users/current",
            get(async || Json(user(3, "Billing Officer"))),
        )
        .with_state(lists);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

async fn database(url: &str) {
    let runner = Runner::connect(url, Missing::Create).await.unwrap();
    runner.up(None).await.unwrap();
    runner.close().await.unwrap();
    let mut books = Books::default();
    let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
    for (number, by) in [3, 7, 99].into_iter().enumerate() {
        let reference = format!("AD00000{number}/24");
        story
            .by(by)
            .invoice(FeeType::Ad, &reference, 100, "2024-05-01 10:00:00");
    }
    let db = Database::connect(url).await.unwrap();
    books.write(&db).await.unwrap();
    db.close().await.unwrap();
}

/// The server, and what it has logged so far.
struct Server {
    process: Child,
    log: Arc<Mutex<String>>,
}

impl Server {
    fn start(database: &str, sirius: &str, folder: &std::path::Path) -> Self {
        std::fs::write(
            folder.join("secret"),
            format!("{}-secret-canary", "s".repeat(32)),
        )
        .unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_finance-api"))
            .args([
                "serve",
                "--listen-addr",
                "127.0.0.1:0",
                "--metrics-addr",
                "127.0.0.1:0",
            ])
            .args(["--database-url", database, "--sirius-url", sirius])
            .args([
                "--user-cache-back-off",
                "1ms",
                "--user-cache-back-off-most",
                "1ms",
            ])
            .args([
                "--user-cache-fresh",
                "1ms",
                "--user-cache-unknown-retry",
                "1ms",
            ])
            .args(["--log-format", "json"])
            .env("JWT_SECRET_FILE", folder.join("secret"))
            .env("INTROSPECTION", "on")
            .env("RUST_LOG", "trace")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap());
        let log = Arc::<Mutex<String>>::default();
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
                written.lock().unwrap().push_str(&line);
                line.clear();
            }
            let _ = lines.read_to_string(&mut line);
        });
        Self { process, log }
    }

    /// The address that the log tells beside that message.
    async fn address(&self, message: &str) -> String {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            let log = self.log.lock().unwrap().clone();
            for line in log.lines() {
                let line: Value = serde_json::from_str(line).unwrap_or_default();
                if line["message"] == message {
                    return format!("http://{}", line["address"].as_str().unwrap());
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no {message} in {}", self.log.lock().unwrap());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn nothing_of_a_user_but_id_and_name_is_shown_and_nothing_of_a_caller() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    database(&url).await;
    let good = json!([user(3, "Billing Officer"), user(7, "Finance Manager")]).to_string();
    let lists = Arc::new(Mutex::new((StatusCode::OK, good.clone())));
    let server = Server::start(&url, &sirius(Arc::clone(&lists)).await, folder.path());
    let (api, metrics) = (
        server.address("serving").await,
        server.address("metrics").await,
    );

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let query = "query History($note: String) { viewer { id displayName roles @skip(if: false) }
        financeClient(clientId: 1001) { billingHistory { nodes { createdBy { id displayName } } } }
        unknown: node(id: \"none\") { id } echo: __type(name: $note) { name } }";
    let ask = async || {
        let answer = client
            .post(format!("{api}/graphql"))
            .header("Cookie", "sirius=session-canary; XSRF-TOKEN=xsrf-canary")
            .json(&json!({ "query": query, "variables": { "note": "variable-canary" } }))
            .send()
            .await
            .unwrap();
        let headers = format!("{:?}", answer.headers());
        headers + &answer.text().await.unwrap()
    };
    let mut shown = ask().await;
    assert!(
        shown.contains("Finance Manager"),
        "the list is read: {shown}"
    );
    // Lists that are broken in every way, each with all there is to hide.
    let half = Bytes::copy_from_slice(&good.as_bytes()[..good.len() / 2]);
    for (status, list) in [
        (StatusCode::OK, String::from_utf8_lossy(&half).into_owned()),
        (StatusCode::OK, good.replace(":3,", ":\"Role Canary\",")),
        (
            StatusCode::OK,
            format!("<p>canary.mail 0998877665 {good}</p>"),
        ),
        (StatusCode::FORBIDDEN, good.clone()),
        (StatusCode::INTERNAL_SERVER_ERROR, good.clone()),
        (StatusCode::UNAUTHORIZED, good.clone()),
        (StatusCode::OK, good.clone()),
    ] {
        *lists.lock().unwrap() = (status, list);
        tokio::time::sleep(Duration::from_millis(20)).await;
        shown += &ask().await;
    }
    for authorization in ["Bearer token-canary", "Basic token-canary", "token-canary"] {
        let refused = client
            .post(format!("{api}/graphql"))
            .header("Authorization", authorization)
            .json(&json!({ "query": "{ viewer { id } }" }))
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status(), 401);
        shown += &refused.text().await.unwrap();
    }
    send_all_kinds(&client, &api).await;
    let counted = client
        .get(format!("{metrics}/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for outcome in ["listed", "nonsense", "status", "session_ended"] {
        let name = format!("finance_user_list_refreshes_total{{outcome=\"{outcome}\"}} ");
        let count = counted.lines().find_map(|line| line.strip_prefix(&name));
        assert_ne!(count, Some("0"), "{outcome}: each list was read");
        assert_ne!(count, None, "{outcome}");
    }
    let log = server.log.lock().unwrap().clone();
    assert!(
        log.contains("fails") && log.contains("TRACE"),
        "much is logged: {log}"
    );

    for (what, text) in [("answers", &shown), ("metrics", &counted), ("log", &log)] {
        for canary in OF_USERS.iter().chain(&OF_CALLERS) {
            let line = text.lines().find(|line| line.contains(canary));
            assert_eq!(line, None, "{canary} in the {what}");
        }
    }
    // A caller may see what it has sent; nobody else.
    for (what, text) in [("metrics", &counted), ("log", &log)] {
        for canary in SENT {
            let line = text.lines().find(|line| line.contains(canary));
            assert_eq!(line, None, "{canary} in the {what}");
        }
    }
}

/// Parts of documents, query strings and bank details. The names of operations are for the log to show.
const SENT: [&str; 6] = [
    "documentCanary",
    "stringCanary",
    "queryCanary",
    "98765432",
    "44-55-66",
    "Account Canary",
];

/// Sends them every way there is, in order and out of it.
async fn send_all_kinds(client: &reqwest::Client, api: &str) {
    let post = async |accept: &str, body: Value| {
        let request = client
            .post(format!("{api}/graphql"))
            .header("Cookie", "sirius=session-canary; XSRF-TOKEN=xsrf-canary")
            .header("X-XSRF-TOKEN", "xsrf-canary")
            .header("Accept", accept);
        request
            .json(&body)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let bank = json!({ "clientId": 1001, "notes": "queryCanary", "accountName": "Account Canary",
        "accountNumber": "98765432", "sortCode": "44-55-66" });
    let refund = "mutation Refund($bank: RequestRefundInput!) {
        requestRefund(input: $bank) { userErrors { message } } }";
    let in_place = "mutation { requestRefund(input: { clientId: 1001, notes: \"stringCanary\",
        accountName: \"Account Canary\", accountNumber: \"98765432\", sortCode: \"44-55-66\" })
        { userErrors { message } } }";
    for accept in ["application/json", "text/event-stream"] {
        for query in [
            "{ documentCanary: viewer { id } }",
            "{ documentCanary }",
            "{ documentCanary ",
            "{ node(id: \"stringCanary\") { id } }",
            "query Viewer($documentCanary: Int!) { viewer { id } }",
            refund,
            in_place,
        ] {
            post(
                accept,
                json!({ "query": query, "variables": { "bank": bank } }),
            )
            .await;
        }
        post(
            accept,
            json!({ "query": "{ viewer { id } }", "operationName": "queryCanary" }),
        )
        .await;
        post(
            accept,
            json!({ "documentId": "queryCanary", "queryCanary": 1 }),
        )
        .await;
    }
    for path in [
        "/graphql?query={documentCanary:viewer{id}}&queryCanary=1",
        "/graphql?variables=queryCanary&query={viewer{id}}",
        "/none?queryCanary",
    ] {
        let url = format!("{api}{path}");
        let request = client.get(url).header("Cookie", "sirius=session-canary");
        request.send().await.unwrap();
    }
}
