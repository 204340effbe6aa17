//! Binary `finance-api` as a person runs it: the commands, and the README's demo word for word.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking; its helper functions too"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn finance_api() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_finance-api"));
    for name in [
        "DATABASE_URL",
        "SIRIUS_URL",
        "LISTEN_ADDR",
        "RUST_LOG",
        "LOG_FORMAT",
    ] {
        command.env_remove(name);
    }
    command
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the demo on a free port; gives the address it prints.
fn demo() -> (Running, String) {
    let child = finance_api()
        .args(["demo", "--listen-addr", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut address = None;
    for line in BufReader::new(running.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some((_, url)) = line.split_once("POST http://") {
            address = Some(format!("http://{url}"));
        }
        if line.starts_with("Open GraphiQL") {
            break;
        }
    }
    (running, address.expect("the demo prints its address"))
}

/// The text of the README's code block of that language after that heading.
fn readme_block(heading: &str, language: &str) -> String {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"));
    let readme = readme.unwrap();
    let (_, section) = readme.split_once(heading).expect("the heading");
    let (_, block) = section
        .split_once(&format!("```{language}\n"))
        .expect("the block");
    block.split_once("```").unwrap().0.to_owned()
}

#[tokio::test]
async fn the_demo_answers_the_readmes_query_as_the_readme_says() {
    let (_demo, url) = demo();
    let query = readme_block("## Try it", "graphql");
    assert_eq!(
        query,
        api::server::FIRST_QUERY,
        "the README shows the demo's first query"
    );
    let expected: Value = serde_json::from_str(&readme_block("## Try it", "json")).unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer: Value = client
        .post(url)
        .header("Cookie", "sirius=demo")
        .json(&serde_json::json!({ "query": query }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn the_demos_page_signs_its_visitor_in_and_its_first_query_runs() {
    let (_demo, url) = demo();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let page = client
        .get(&url)
        .header("Accept", "text/html")
        .send()
        .await
        .unwrap();
    let cookies = page
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|it| it.to_str().unwrap().split(';').next().unwrap().to_owned())
        .collect::<Vec<_>>();
    let answer: Value = client
        .post(&url)
        .header("Cookie", cookies.join("; "))
        .json(&serde_json::json!({ "query": api::server::FIRST_QUERY }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer.get("errors"), None, "{answer}");
    assert!(answer["data"]["financeClient"]["billingHistory"]["totalCount"].as_i64() > Some(3));
}

#[tokio::test]
async fn the_demos_stories_show_every_event_and_a_client_with_over_a_thousand() {
    let (_demo, url) = demo();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for id in 1001..=1015 {
        let query = format!(
            "{{ financeClient(clientId: {id}) {{ billingHistory(first: 1000) {{
                totalCount nodes {{ type createdBy {{ displayName }} }} }} }} }}"
        );
        let answer: Value = client
            .post(&url)
            .header("Cookie", "sirius=demo")
            .json(&serde_json::json!({ "query": query }))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let history = &answer["data"]["financeClient"]["billingHistory"];
        for node in history["nodes"].as_array().unwrap() {
            seen.insert(node["type"].as_str().unwrap().to_owned());
        }
        if id == 1012 {
            assert!(
                history["totalCount"].as_i64() > Some(1_000),
                "{}",
                history["totalCount"]
            );
        }
    }
    assert_eq!(seen.len(), 19, "{seen:?}");
}

#[test]
fn schema_prints_the_schema_and_needs_no_settings() {
    let output = finance_api().arg("schema").output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout.clone()).unwrap(),
        api::graphql::sdl()
    );
    assert_eq!(err(&output), "");
}

#[test]
fn serve_names_all_faults_and_starts_nothing() {
    let output = finance_api()
        .args(["serve", "--listen-addr", "nowhere"])
        .env("DATABASE_URL", "mysql://root:secret@host/db")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = err(&output);
    for name in [
        "DATABASE_URL is wrong",
        "SIRIUS_URL is missing",
        "LISTEN_ADDR is wrong",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn an_address_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = finance_api()
        .args(["demo", "--listen-addr", &address])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains(&format!("cannot listen on {address}")),
        "{}",
        err(&output)
    );
}

#[test]
fn a_manifest_that_is_of_no_use_is_named_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifest.json");
    for (text, why) in [
        (None, "No such file"),
        (Some("[]"), "no manifest"),
        (
            Some(r#"{"format":"another","version":1,"operations":[]}"#),
            "no manifest",
        ),
        (
            Some(r#"{"one":"{ viewer { id }"}"#),
            "the document one does not parse",
        ),
    ] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let output = finance_api()
            .args([
                "serve",
                "--database-url",
                "sqlite://none.db",
                "--sirius-url",
            ])
            .arg("https://sirius.example")
            .arg("--trusted-documents")
            .arg(&file)
            .output()
            .unwrap();
        assert!(!output.status.success());
        let text = err(&output);
        assert!(
            text.contains("TRUSTED_DOCUMENTS") && text.contains(why),
            "{text}"
        );
    }
}
