//! What operators see: a line of the log for each request, counts, traces.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use reqwest::RequestBuilder;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::{Value, json};
use tests::events::Events;
use tests::socket::{Heard, Socket};
use tests::token::{SECRET, fresh};
use tests::{Harness, OFFICER, PAGE, any_database, postgres_only};
use tokio::net::TcpListener;

use super::mutations::*;
use super::process::{Server, serve_with};

const HISTORY: &str = "query History { financeClient(clientId: 1001) { outstandingBalance
    billingHistory { nodes { type createdBy { displayName } } } } }";
const WATCH: &str = "subscription Watch { billingHistoryChanged(clientId: 1001) { clientId } }";

/// A request to a process.
fn ask(http: &reqwest::Client, server: &Server, id: &str, query: &str) -> RequestBuilder {
    http.post(format!("http://{}/graphql", server.address))
        .header("X-Request-Id", id)
        .json(&json!({ "query": query }))
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The line of that request, once it is there.
async fn line(server: &Server, id: &str) -> Value {
    let by = Instant::now() + Duration::from_secs(10);
    loop {
        let log = server.log();
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let is_own =
            |line: &Value| line["message"] == "request" && line["spans"][0]["request_id"] == id;
        if let Some(line) = lines.find(is_own) {
            return line;
        }
        assert!(Instant::now() < by, "no line of {id} in {log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn fields(line: &Value, names: [&str; 6]) -> Value {
    json!(names.map(|name| line[name].clone()))
}

const TOLD: [&str; 6] = [
    "operation",
    "kind",
    "caller",
    "caller_id",
    "outcome",
    "status",
];

fn officer() -> String {
    fresh(3, &["Finance User"])
}

async fn a_server(t: &Harness, settings: &[(&str, &str)]) -> Server {
    let mut command = serve_with(t.database.url(), t.sirius.origin.as_str());
    command.env("LOG_FORMAT", "json").env("JWT_SECRET", SECRET);
    command.envs(settings.iter().copied());
    Server::start(&mut command)
}

postgres_only! {
    async fn each_request_has_one_line_in_the_log_with_what_became_of_it(t) {
        a_client(t).await;
        an_invoice(t, "2024-05-01").await;
        let server = a_server(t, &[("MAX_BATCH", "5")]).await;
        let http = http();
        let get = http.get(format!("http://{}/health/ready", server.address));
        assert_eq!(get.send().await.unwrap().status(), 200);

        ask(&http, &server, "named", HISTORY).header("Cookie", OFFICER).send().await.unwrap();
        let named = line(&server, "named").await;
        assert_eq!(fields(&named, TOLD), json!(["History", "query", "user", 3, "OK", 200]));
        assert_eq!(named["transport"], "http");
        assert_eq!(named["level"], "INFO");
        let statements = named["sql_count"].as_u64().unwrap();
        assert!((1..10).contains(&statements), "{named}");
        let (whole, sql) = (named["duration_us"].as_u64().unwrap(), named["sql_us"].as_u64().unwrap());
        assert!(0 < sql && sql < whole * statements, "{named}");

        ask(&http, &server, "stranger", HISTORY).send().await.unwrap();
        let stranger = line(&server, "stranger").await;
        assert_eq!(fields(&stranger, TOLD), json!([null, "none", null, null, "UNAUTHENTICATED", 401]));
        assert_eq!(stranger["sql_count"], 0);

        let other = HISTORY.replace("1001", "1001) { nothing } other: financeClient(clientId: 1001");
        ask(&http, &server, "wrong", &other).header("Cookie", OFFICER).send().await.unwrap();
        let wrong = line(&server, "wrong").await;
        assert_eq!(fields(&wrong, TOLD), json!(["History", "query", "user", 3, "BAD_USER_INPUT", 200]));

        let change = "mutation Pay { changePaymentMethod(input: { clientId: 1001, paymentMethod: DIRECT_DEBIT })
            { userErrors { code } } }";
        ask(&http, &server, "change", change).bearer_auth(officer()).send().await.unwrap();
        let changed = line(&server, "change").await;
        assert_eq!(fields(&changed, TOLD), json!(["Pay", "mutation", "user", 3, "OK", 200]));

        let long = format!("http://{}/{}", server.address, "x".repeat(5_000));
        http.get(long).header("X-Request-Id", "long").send().await.unwrap();
        let long = line(&server, "long").await;
        assert_eq!((&long["outcome"], &long["status"]), (&json!("OK"), &json!(404)));
        assert_eq!(long["spans"][0]["path"].as_str().unwrap().len(), 64);

        let batch = json!([{ "query": "query One { viewer { id } }" }, { "query": "query Two { viewer { nothing } }" }]);
        let batch = ask(&http, &server, "batch", "").json(&batch).header("Cookie", OFFICER);
        assert_eq!(batch.send().await.unwrap().status(), 200);

        // It begins to listen a moment after its start, and tells all then.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let watch = ask(&http, &server, "stream", WATCH).header("Cookie", OFFICER).header("X-XSRF-TOKEN", "a+b c");
        let mut events = Events::of(watch).await;
        let input = json!({ "clientId": 1001, "paymentMethod": "DEMANDED" });
        by_officer(t, "changePaymentMethod", input, "userErrors { code }").await;
        assert_eq!(events.next().await.unwrap().0, "next");
        drop(events);
        let stream = line(&server, "stream").await;
        assert_eq!(fields(&stream, TOLD), json!(["Watch", "subscription", "user", 3, "OK", 200]));
        assert_eq!((&stream["transport"], &stream["events"]), (&json!("event_stream"), &json!(1)));

        // Nobody waits for the answer any more.
        let lock = t.db.begin().await.unwrap();
        lock.execute_unprepared("LOCK TABLE finance_client IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let asked = ask(&http, &server, "abandoned", HISTORY).header("Cookie", OFFICER);
        let asked = asked.timeout(Duration::from_millis(300)).send().await;
        assert!(asked.unwrap_err().is_timeout());
        let abandoned = line(&server, "abandoned").await;
        assert_eq!(fields(&abandoned, TOLD), json!(["History", "query", "user", 3, "ABANDONED", null]));
        lock.rollback().await.unwrap();

        let log = server.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let requests = lines.filter(|line| line["message"] == "request").collect::<Vec<_>>();
        let of_batch = requests.iter().filter(|line| line["spans"][0]["request_id"] == "batch");
        let of_batch = of_batch.map(|line| fields(line, TOLD)).collect::<Vec<_>>();
        assert_eq!(of_batch, [
            json!(["One", "query", "user", 3, "OK", null]),
            json!(["Two", "query", "user", 3, "BAD_USER_INPUT", null]),
        ]);
        assert_eq!(requests.len(), 9, "one for each, and none for the probe: {log}");
        for secret in ["officer", "a+b c", "Billing Officer", "Finance Manager"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }

    async fn a_trace_goes_on_from_the_caller_through_statements_to_sirius(t) {
        a_client(t).await;
        an_invoice(t, "2024-05-01").await;
        let collector = Collector::start().await;
        let endpoint = format!("http://{}", collector.address);
        let mut server = a_server(t, &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_SERVICE_NAME", "the-test"),
        ]).await;
        t.sirius.take_checks();
        t.sirius.take_lists();
        let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
        let ask = async |id: &str, flags: &str| {
            let asked = ask(&http(), &server, id, HISTORY).header("Cookie", OFFICER)
                .header("traceparent", format!("00-{trace}-{parent}-{flags}"));
            assert_eq!(asked.send().await.unwrap().status(), 200);
            line(&server, id).await;
        };
        ask("traced", "01").await;
        // A caller who does not trace is not traced.
        ask("untraced", "00").await;
        server.terminate();
        // What is left is sent before it ends.
        server.ended(Duration::from_secs(30)).await;
        let spans = collector.spans();
        let of_trace = spans.iter().filter(|span| hex(&span.trace_id) == trace).collect::<Vec<_>>();
        let named = |name: &str| of_trace.iter().filter(|span| span.name == name).collect::<Vec<_>>();
        let [request] = named("request")[..] else { panic!("{of_trace:?}") };
        assert_eq!(hex(&request.parent_span_id), parent);
        assert_eq!(text(request, "request_id"), "traced");
        assert_eq!(text(request, "graphql.operation.name"), "History");
        assert_eq!(text(request, "enduser.id"), "user:3");
        assert_eq!(text(request, "finance.outcome"), "OK");
        let statements = of_trace.iter().filter(|span| span.name == "sql" || span.name.starts_with("sea_orm."));
        assert!(statements.clone().count() >= 2, "{of_trace:?}");
        let calls = named("call Sirius");
        assert_eq!((named("resolve").len(), named("load").len()), (1, 1), "{of_trace:?}");
        for span in statements.chain(calls.iter().copied()) {
            assert_eq!(hex(&span.trace_id), trace);
            let mut span = *span;
            // Each leads up to the request.
            while span.span_id != request.span_id {
                let up = of_trace.iter().find(|it| it.span_id == span.parent_span_id);
                span = up.unwrap_or_else(|| panic!("{span:?} hangs in the air"));
            }
            assert!(text(span, "db.statement").is_empty());
        }
        // Each call to Sirius says which span it belongs to.
        let called = [t.sirius.take_checks(), t.sirius.take_lists()].concat();
        assert_eq!(called.len(), 2);
        for headers in called {
            let sent = headers["traceparent"].to_str().unwrap();
            let is_known = |span: &&&&Span| sent == format!("00-{trace}-{}-01", hex(&span.span_id));
            assert!(calls.iter().any(|span| is_known(&span)), "{sent} of {calls:?}");
        }
    }

    async fn what_strangers_say_of_sampling_traces_no_more_than_the_part_that_is_set(t) {
        let collector = Collector::start().await;
        let endpoint = format!("http://{}", collector.address);
        let settings = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_SERVICE_NAME", "the-test"),
            ("TRACE_RATIO", "0"),
        ];
        let mut server = a_server(t, &settings).await;
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let nowhere = http().get(format!("http://{}/nowhere", server.address));
        assert_eq!(nowhere.header("traceparent", parent).send().await.unwrap().status(), 404);
        server.terminate();
        server.ended(Duration::from_secs(30)).await;
        assert_eq!(collector.spans(), []);
    }
}

any_database! {
    async fn what_becomes_of_requests_is_counted(t) {
        a_client(t).await;
        let of = |operation: &str, kind: &str, outcome: &str| {
            t.metric(&format!("finance_requests_total{{operation=\"{operation}\",kind=\"{kind}\",outcome=\"{outcome}\"}}"))
        };
        t.ask(HISTORY).await.data("/financeClient");
        t.ask(HISTORY).await.data("/financeClient");
        assert_eq!(of("History", "query", "OK"), 2.0);
        assert_eq!(t.metric("finance_request_seconds_count{operation=\"History\"}"), 2.0);
        t.ask("query Nonsense { nonsense }").await;
        assert_eq!(of("other", "query", "BAD_USER_INPUT"), 1.0);
        let bare = t.post().json(&json!({ "query": HISTORY })).send().await.unwrap();
        assert_eq!(bare.status(), 401);
        assert_eq!(of("", "none", "UNAUTHENTICATED"), 1.0);
        // The change of `a_client`, and the probe of its books, which is none of the API's.
        assert!(t.metric("finance_sql_statements_total{outcome=\"ok\"}") > 0.0);
        assert_eq!(t.metric("finance_requests_in_flight"), 0.0);

        let watch = t.post().header("Cookie", OFFICER).header("X-XSRF-TOKEN", "a+b c").json(&json!({ "query": WATCH }));
        let mut events = Events::of(watch).await;
        assert!(events.is_silent(Duration::from_millis(100)).await);
        assert_eq!(t.metric("finance_subscriptions_open"), 1.0);
        let mut socket = Socket::begun(t).await;
        socket.subscribe("1", "query Socket { viewer { id } }").await;
        assert!(matches!(socket.next().await, Heard::Message(_)));
        assert!(matches!(socket.next().await, Heard::Message(_)));
        assert_eq!(t.metric("finance_websockets_open"), 1.0);
        drop((events, socket));
        let by = Instant::now() + Duration::from_secs(10);
        while t.metric("finance_subscriptions_open") + t.metric("finance_websockets_open") > 0.0 {
            assert!(Instant::now() < by, "{}", t.metrics());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(of("Socket", "query", "OK"), 1.0);
        // Who cannot sign in is counted over a WebSocket too.
        let headers = [("Origin", PAGE), ("Sec-WebSocket-Protocol", "graphql-transport-ws")];
        let mut stranger = Socket::open(t, &headers).await.ok().unwrap();
        stranger.send(json!({ "type": "connection_init", "payload": { "Authorization": "Bearer wrong" } })).await;
        assert_eq!(stranger.next().await, Heard::Closed(4401));
        assert_eq!(of("", "none", "UNAUTHENTICATED"), 2.0);
        assert_eq!(of("Watch", "subscription", "OK"), 1.0);
        assert_eq!(t.metric("finance_requests_in_flight"), 0.0);
    }
}

/// A collector of traces, by OTLP over HTTP.
struct Collector {
    address: std::net::SocketAddr,
    taken: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    async fn start() -> Self {
        let taken = Arc::<Mutex<Vec<Span>>>::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(Arc::clone(&taken));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, taken }
    }

    fn spans(&self) -> Vec<Span> {
        self.taken.lock().unwrap().clone()
    }
}

async fn take(State(taken): State<Arc<Mutex<Vec<Span>>>>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for resource in request.resource_spans {
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        assert!(attributes.iter().any(|it| it.key == "service.name"
            && it.value.as_ref().unwrap().value
                == Some(AnyValue::StringValue("the-test".to_owned()))));
        let spans = resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans);
        taken.lock().unwrap().extend(spans);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn text(span: &Span, key: &str) -> String {
    let attribute = span.attributes.iter().find(|it| it.key == key);
    match attribute.and_then(|it| it.value.clone()?.value) {
        Some(AnyValue::StringValue(text)) => text,
        other => other.map_or_else(String::new, |it| format!("{it:?}")),
    }
}
