//! The contract with Sirius: what this service relies on of Sirius's two user endpoints, as a file
//! that Sirius can verify itself against. README.md beside says how.
//!
//! The client is tried against a mock of the contract; the stand-in of demo and tests is verified
//! against the file, so that it cannot drift from what the client relies on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use api::demo::stand_in_sirius::StandIn;
use api::sirius::{Forwarded, SiriusClient, SiriusError};
use axum::Router;
use pact_consumer::prelude::*;
use pact_consumer::{each_like, json_pattern, like};
use pact_verifier::callback_executors::HttpRequestProviderStateExecutor;
use pact_verifier::{
    FilterInfo, NullRequestFilterExecutor, PactSource, ProviderInfo, ProviderTransport,
    VerificationOptions, verify_provider_async,
};
use reqwest::header::{COOKIE, HeaderMap, HeaderValue};
use serde_json::Value;
use url::Url;

const CONSUMER: &str = "supervision-finance-api";
const PROVIDER: &str = "sirius";

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("contracts/{CONSUMER}-{PROVIDER}.json"))
}

fn contract(output: &Path) -> PactBuilder {
    let mut pact = PactBuilder::new(CONSUMER, PROVIDER);
    pact.with_output_dir(output)
        .interaction("a request for all users", "", |mut it| {
            it.given("user 3 is signed in and has the role Finance User");
            request(&mut it.request, "/supervision-api/v1/users", "officer");
            it.response.ok().json_body(each_like!({
                "id": like!(3),
                "displayName": like!("Billing Officer"),
            }));
            it
        })
        .interaction("a request for all users without a session", "", |mut it| {
            it.given("nobody is signed in");
            request(&mut it.request, "/supervision-api/v1/users", "ended");
            it.response.unauthorized();
            it
        })
        .interaction("a request for the session's user", "", |mut it| {
            it.given("user 3 is signed in and has the role Finance User");
            request(
                &mut it.request,
                "/supervision-api/v1/users/current",
                "officer",
            );
            it.response.ok().json_body(json_pattern!({
                "id": like!(3),
                "displayName": like!("Billing Officer"),
                "roles": each_like!("Finance User"),
            }));
            it
        })
        .interaction(
            "a request for the session's user without a session",
            "",
            |mut it| {
                it.given("nobody is signed in");
                request(
                    &mut it.request,
                    "/supervision-api/v1/users/current",
                    "ended",
                );
                it.response.unauthorized();
                it
            },
        );
    pact
}

/// What every call carries. The cookie is Sirius's own affair: only that there is one is agreed.
fn request(
    request: &mut pact_consumer::builders::RequestBuilder,
    path: &'static str,
    session: &str,
) {
    request
        .get()
        .path(path)
        .header("Cookie", cookies(session))
        .header("X-XSRF-TOKEN", "a+b c")
        .header("OPG-Bypass-Membrane", "1")
        .header("Accept", "application/json");
}

fn cookies(session: &str) -> String {
    format!("sirius={session}; XSRF-TOKEN=a%2Bb+c")
}

fn caller(session: &str) -> Forwarded {
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::from_str(&cookies(session)).unwrap());
    Forwarded::from_headers(&headers)
}

/// A contract file without the versions of the libraries that wrote it.
fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let mut contract: Value = serde_json::from_str(&text).unwrap();
    contract["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("pactRust");
    contract
}

#[test]
fn the_client_asks_and_understands_as_the_contract_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mock = contract(folder.path()).start_mock_server(None, None);
    runtime.block_on(async {
        let origin = Url::parse(mock.url().as_str()).unwrap();
        let client = SiriusClient::new(&origin, Duration::from_secs(5)).unwrap();
        let (officer, ended) = (caller("officer"), caller("ended"));
        let session = |of: &Forwarded| of.session.clone().unwrap();
        let users = client
            .users(&session(&officer), &officer.trace)
            .await
            .unwrap();
        assert_eq!(users.get(&3).unwrap().as_ref(), "Billing Officer");
        let user = client
            .current_user(&session(&officer), &officer.trace)
            .await
            .unwrap();
        assert_eq!((user.id, user.roles), (3, vec!["Finance User".to_owned()]));
        for error in [
            client
                .users(&session(&ended), &ended.trace)
                .await
                .unwrap_err(),
            client
                .current_user(&session(&ended), &ended.trace)
                .await
                .unwrap_err(),
        ] {
            assert!(matches!(error, SiriusError::SessionEnded), "{error}");
        }
    });
    drop(mock);
    let written = folder.path().join(format!("{CONSUMER}-{PROVIDER}.json"));
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        let text = serde_json::to_string_pretty(&read(&written)).unwrap();
        fs::write(file(), text + "\n").unwrap();
    }
    assert!(
        read(&file()) == read(&written),
        "the contract changed: agree it with Sirius, then run UPDATE_CONTRACT=1 cargo test --test contracts"
    );
}

/// Verifies what those routes answer against the file; gives what went wrong.
async fn verify(routes: Router) -> Vec<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let provider = ProviderInfo {
        name: PROVIDER.to_owned(),
        host: "127.0.0.1".to_owned(),
        transports: vec![ProviderTransport {
            transport: "http".to_owned(),
            port: Some(port),
            path: None,
            scheme: None,
        }],
        ..ProviderInfo::default()
    };
    let options = VerificationOptions::<NullRequestFilterExecutor> {
        coloured_output: false,
        ..VerificationOptions::default()
    };
    let outcome = verify_provider_async(
        provider,
        vec![PactSource::File(file().display().to_string())],
        FilterInfo::None,
        Vec::new(),
        &options,
        None,
        &HttpRequestProviderStateExecutor::default().into(),
        None,
    )
    .await
    .unwrap();
    server.abort();
    assert_eq!(
        outcome.interaction_results.len(),
        4,
        "all of the contract is looked at"
    );
    let errors = outcome
        .errors
        .into_iter()
        .map(|(what, _)| what)
        .collect::<Vec<_>>();
    assert_eq!(outcome.result, errors.is_empty());
    errors
}

#[tokio::test]
async fn the_stand_in_is_as_the_contract_file_says() {
    let stand_in = StandIn::default()
        .user(3, "Billing Officer", &["Finance User"])
        .session("officer", 3);
    assert_eq!(verify(stand_in.router()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_sirius_that_drifts_is_found_out() {
    use axum::Json;
    use axum::routing::get;
    let drifted = Router::new()
        .route(
            "/supervision-api/v1/users",
            get(async || Json(serde_json::json!([{ "id": "3", "name": "Billing Officer" }]))),
        )
        .route(
            "/supervision-api/v1/users/current",
            get(async || Json(serde_json::json!({ "id": 3, "displayName": "Billing Officer" }))),
        );
    assert_eq!(verify(drifted).await.len(), 4);
}
