//! The callers, each with clients of its own, of which it knows what must be answered.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tests::release::Release;
use tests::token::fresh;
use tests::{OFFICER, OwnPostgres};
use tokio::time::sleep;

const FIRST: usize = 1_001;
/// How long a request may be overdue before the next ones are left out.
const HELD_UP: Duration = Duration::from_secs(1);
/// How long after the end a change is still sent again.
const GIVEN_UP: Duration = Duration::from_secs(60);

const READ: &str = "query History($client: Int!) { financeClient(clientId: $client) {
    outstandingBalance creditBalance paymentMethod
    billingHistory(first: 25) { totalCount nodes { type createdBy { displayName } } } } }";
const INVOICE: &str = "mutation Invoice($input: AddManualInvoiceInput!) {
    addManualInvoice(input: $input) { invoice { reference } userErrors { code } } }";
const METHOD: &str = "mutation Method($input: ChangePaymentMethodInput!) {
    changePaymentMethod(input: $input) { userErrors { code } } }";

/// Invoices that each client has at first: what is asked is then about the same from beginning to end.
const AT_FIRST: i64 = 5;

/// Makes that many clients, each with some invoices.
pub(crate) async fn insert(postgres: &OwnPostgres, count: usize) {
    let db = postgres.connect().await;
    let insert = format!(
        "INSERT INTO finance_client (id, client_id, sop_number, payment_method)
         SELECT n, n + {}, n::text, 'DEMANDED' FROM generate_series(1, {count}) AS n",
        FIRST - 1
    );
    db.execute_unprepared(&insert).await.expect("clients");
    let insert = format!(
        "INSERT INTO invoice (id, person_id, finance_client_id, feetype, reference, startdate, enddate, amount,
             raiseddate, created_at, created_by)
         SELECT 100000000 + n * 10 + k, n + {}, n, 'S2', 'S2' || lpad(n::text, 6, '0') || '/' || (18 + k), date '2019-04-01' + k * 365,
             date '2020-03-31' + k * 365, 10000, date '2019-04-01' + k * 365,
             timestamp '2019-04-01 10:00:00' + k * interval '1 year', 7
         FROM generate_series(1, {count}) AS n, generate_series(1, {AT_FIRST}) AS k",
        FIRST - 1
    );
    db.execute_unprepared(&insert).await.expect("invoices");
    db.execute_unprepared("ANALYZE").await.expect("statistics");
    db.close().await.expect("a connection that closes");
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) at: Instant,
    pub(crate) took: Duration,
    pub(crate) is_change: bool,
    /// The code of its error; `NETWORK` if there was no answer.
    pub(crate) error: Option<String>,
}

#[derive(Clone)]
struct Account {
    invoices: i64,
    /// How often the method was changed.
    changes: u64,
}

/// A caller.
pub(crate) struct Worker {
    first: usize,
    accounts: Vec<Account>,
    change_every: u64,
    random: StdRng,
    http: reqwest::Client,
    url: String,
    keys: u64,
    answers: Vec<Told>,
    wrong: Vec<String>,
    /// When the request was due that is being sent, and when all is over.
    due: Instant,
    until: Instant,
}

impl Worker {
    pub(crate) fn new(number: usize, clients: usize, change_every: u64, server: &Release) -> Self {
        Self {
            first: FIRST + number * clients,
            accounts: vec![
                Account {
                    invoices: AT_FIRST,
                    changes: 0,
                };
                clients
            ],
            change_every,
            random: StdRng::seed_from_u64(number as u64),
            http: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(20))
                .build()
                .expect("a client"),
            url: server.url(),
            keys: 0,
            answers: Vec::new(),
            wrong: Vec::new(),
            due: Instant::now(),
            until: Instant::now(),
        }
    }

    pub(crate) fn answers(&self) -> &[Told] {
        &self.answers
    }

    /// Answers that say what is not so.
    pub(crate) fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// Invoices that there must be, and changes of the method that were made.
    pub(crate) fn made(&self) -> (i64, u64) {
        let accounts = self.accounts.iter();
        accounts.fold((0, 0), |all, it| (all.0 + it.invoices, all.1 + it.changes))
    }

    pub(crate) fn forget_figures(&mut self) {
        self.answers.clear();
    }

    /// Works until then, with a request in every `pause`.
    pub(crate) async fn work(&mut self, pause: Option<Duration>, until: Instant) {
        // Not all at the same moment.
        let mut next = Instant::now()
            + pause
                .unwrap_or_default()
                .mul_f64(self.random.random::<f64>());
        self.until = until;
        while Instant::now() < until {
            if let Some(pause) = pause {
                sleep(next.saturating_duration_since(Instant::now())).await;
                self.due = next;
                next += pause;
                // Who was held up for a moment catches up, and what waited meanwhile counts as slow. After an
                // outage nobody does.
                if next + HELD_UP < Instant::now() {
                    next = Instant::now();
                }
            } else {
                self.due = Instant::now();
            }
            let which = self.random.random_range(0..self.accounts.len());
            match self.random.random_range(0..self.change_every) {
                0 => self.change(which).await,
                _ => self.read(which).await,
            }
        }
    }

    async fn read(&mut self, which: usize) {
        let variables = json!({ "client": self.first + which });
        let body = json!({ "query": READ, "variables": variables });
        let request = self
            .http
            .post(&self.url)
            .header("Cookie", OFFICER)
            .json(&body);
        let Some(answer) = self.send(request, false).await else {
            return;
        };
        let client = &answer["data"]["financeClient"];
        let account = &self.accounts[which];
        let history = &client["billingHistory"];
        let nodes = history["nodes"].as_array().cloned().unwrap_or_default();
        let names = nodes.iter().map(|node| &node["createdBy"]["displayName"]);
        let method = ["DEMANDED", "DIRECT_DEBIT"][(account.changes % 2) as usize];
        let is_right = client["outstandingBalance"] == json!(account.invoices * 10_000)
            && client["creditBalance"] == json!(0)
            && client["paymentMethod"] == method
            && history["totalCount"] == json!(account.invoices)
            && names.into_iter().all(|name| name == "Finance Manager");
        if !is_right {
            let expected = format!(
                "{} invoices, {} changes, {method}",
                account.invoices, account.changes
            );
            self.wrong.push(format!(
                "client {}: {answer}, want {expected}",
                self.first + which
            ));
        }
    }

    /// Makes a change, sent again with its key until it is answered.
    async fn change(&mut self, which: usize) {
        self.keys += 1;
        let key = format!("{}-{}", self.first, self.keys);
        let client = self.first + which;
        let is_invoice = self.random.random::<bool>();
        let (query, name, input) = match is_invoice {
            true => {
                let input = json!({ "clientId": client, "feeType": "AD", "raisedDate": "2025-08-01", "idempotencyKey": key });
                (INVOICE, "addManualInvoice", input)
            }
            false => {
                let next =
                    ["DIRECT_DEBIT", "DEMANDED"][(self.accounts[which].changes % 2) as usize];
                let input =
                    json!({ "clientId": client, "paymentMethod": next, "idempotencyKey": key });
                (METHOD, "changePaymentMethod", input)
            }
        };
        let body = json!({ "query": query, "variables": { "input": input } });
        loop {
            let request = self.http.post(&self.url).bearer_auth(token()).json(&body);
            match self.send(request, true).await {
                Some(answer) if answer["data"][name]["userErrors"] == json!([]) => break,
                Some(answer) => {
                    self.wrong.push(format!("change of {client}: {answer}"));
                    return;
                }
                None if Instant::now() > self.until + GIVEN_UP => {
                    self.wrong
                        .push(format!("change of {client}: never answered"));
                    return;
                }
                None => {
                    sleep(Duration::from_millis(200)).await;
                    self.due = Instant::now();
                }
            }
        }
        let account = &mut self.accounts[which];
        match is_invoice {
            true => account.invoices += 1,
            false => account.changes += 1,
        }
    }

    /// The answer, if it is without errors.
    async fn send(&mut self, request: reqwest::RequestBuilder, is_change: bool) -> Option<Value> {
        let at = self.due;
        let answer = match request.send().await {
            Ok(answer) => answer.json::<Value>().await.ok(),
            Err(_) => None,
        };
        let error = match &answer {
            None => Some("NETWORK".to_owned()),
            Some(answer) => answer["errors"][0]["extensions"]["code"]
                .as_str()
                .map(str::to_owned),
        };
        let is_well = error.is_none();
        self.answers.push(Told {
            at,
            took: at.elapsed(),
            is_change,
            error,
        });
        answer.filter(|_| is_well)
    }
}

fn token() -> String {
    fresh(7, &["Finance Manager", "Finance User"])
}
