//! Requests for histories over HTTP, by wrk.

use std::fs;
use std::path::Path;
use std::process::Command;

use tests::OwnPostgres;
use tests::release::Release;

use crate::measured::{Measured, Round, per_request};

/// The document that is asked for: all that a page of the history shows.
const HISTORY: &str = include_str!("history.graphql");
/// Whose session it is.
pub(crate) const COOKIE: &str = "sirius=officer";
/// Requests that are made ready before the time runs.
const READY: u32 = 50_000;

/// The body that asks for the history of the client of that person id, so many events of it.
pub(crate) fn body(client: &str, events: u32) -> String {
    let query = HISTORY.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(r#"{{"query":"{query}","variables":{{"client":{client},"first":{events}}}}}"#)
}

/// Asks once, and looks at the answer: so many events, each with the user who caused it.
pub(crate) async fn check(server: &Release, client: i32, events: u32) {
    let request = reqwest::Client::new().post(server.url());
    let request = request.header("Cookie", COOKIE);
    let request = request.header("Content-Type", "application/json");
    let answer = request.body(body(&client.to_string(), 1_000)).send().await;
    let answer = answer.expect("an answer").text().await.expect("a text");
    let answer = serde_json::from_str::<serde_json::Value>(&answer).expect("JSON");
    let history = &answer["data"]["financeClient"]["billingHistory"];
    let nodes = history["nodes"].as_array().expect("events");
    assert_eq!(nodes.len(), events as usize, "{answer}");
    assert_eq!(history["totalCount"], events, "{answer}");
    // What only some types of events have is there too.
    let has = |node: &serde_json::Value, field: &str| !node[field].is_null();
    assert!(
        nodes
            .iter()
            .any(|node| has(&node["breakdown"][0]["invoice"], "reference")),
        "{answer}"
    );
    assert!(
        nodes.iter().any(|node| has(&node["invoice"], "feeType")),
        "{answer}"
    );
    let named = |node: &serde_json::Value| {
        let name = node["createdBy"]["displayName"].as_str();
        name.is_some_and(|name| name.starts_with("User Number "))
    };
    assert!(nodes.iter().all(named), "{answer}");
}

/// One round: Sirius's ids of the clients, connections, how long; so many events of each.
pub(crate) async fn run(
    folder: &Path,
    server: &Release,
    postgres: &OwnPostgres,
    events: u32,
    round: Round,
) -> Measured {
    let Round {
        first,
        count,
        connections,
        length,
    } = round;
    // What the driver does for a request takes from the same processors: the least.
    let script = format!(
        r#"local ready, next = {{}}, 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Cookie"] = "{COOKIE}"
function init(args)
  math.randomseed(7)
  for place = 1, math.min({READY}, {count}) do
    local id = {first} + math.random(0, {count} - 1)
    ready[place] = wrk.format(nil, nil, nil, '{body}')
  end
end
function request()
  next = next % #ready + 1
  return ready[next]
end
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("FIGURES %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.bytes,
    errors.status + errors.read + errors.write + errors.timeout + errors.connect))
end
"#,
        body = body("' .. id .. '", events),
    );
    let path = folder.join("history.lua");
    fs::write(&path, script).expect("a script");
    let counted = Counted::of(server).await;
    let before = (server.processor(), postgres.processor());
    let output = Command::new("wrk")
        .args([
            "-t1",
            &format!("-c{connections}"),
            &format!("-d{}s", length.as_secs()),
        ])
        .arg("-s")
        .arg(&path)
        .arg(server.url())
        .output()
        .expect("wrk (Debian: wrk)");
    let after = (server.processor(), postgres.processor());
    let now = Counted::of(server).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("FIGURES "));
    let figures =
        line.unwrap_or_else(|| panic!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let figures = figures
        .split(' ')
        .map(|it| it.parse::<f64>().expect("a figure"))
        .collect::<Vec<_>>();
    let [requests, micros, p50, p99, bytes, faults] = figures[..] else {
        panic!("wrk: {text}");
    };
    assert!(faults == 0.0 && requests > 0.0, "{text}");
    // wrk reads no bodies: the server knows what it has answered. Those under way at the end are given up.
    let answered = now.answered - counted.answered;
    let failed = answered - (now.well - counted.well) - (now.given_up - counted.given_up);
    assert!(failed == 0.0, "{failed} of {answered} failed");
    Measured {
        rate: requests * 1e6 / micros,
        p50,
        p99,
        bytes: bytes / requests,
        statements: (now.statements - counted.statements) / answered,
        server: per_request(after.0.saturating_sub(before.0), requests),
        postgres: per_request(after.1.saturating_sub(before.1), requests),
    }
}

/// What the server has counted.
struct Counted {
    answered: f64,
    well: f64,
    given_up: f64,
    statements: f64,
}

impl Counted {
    async fn of(server: &Release) -> Self {
        let text = server.metrics().await;
        let sum = |name: &str, label: &str| {
            let lines = text
                .lines()
                .filter(|line| line.starts_with(name) && line.contains(label));
            lines
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .sum()
        };
        Self {
            answered: sum("finance_requests_total{", ""),
            well: sum("finance_requests_total{", "outcome=\"OK\""),
            given_up: sum("finance_requests_total{", "outcome=\"ABANDONED\""),
            statements: sum("finance_sql_statements_total{", ""),
        }
    }
}
