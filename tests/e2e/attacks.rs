//! Those who mean harm (`docs/security.md`): what they get, that an honest caller beside them is answered
//! meanwhile, and what memory the service needs for it. Each attack is on a process of its own.

use std::future::Future;
use std::time::{Duration, Instant};

use api::demo::books::Books;
use entity::stored::{FeeType, PaymentMethod};
use futures_util::future::join_all;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::json;
use tests::documents::Grammar;
use tests::{Fault, Harness, MANAGER, OFFICER, any_database};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::mutations::a_client;
use super::process::{Server, serve_with};

/// What the process may hold at its worst, in MiB: it begins with some 50 as it is built for tests.
const MOST: u64 = 256;
/// How long an honest caller waits at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// A service under attack.
struct Besieged {
    server: Server,
    attacker: Client,
    honest: Client,
}

impl Besieged {
    async fn start(t: &Harness, settings: &[(&str, &str)]) -> Self {
        a_client(t).await;
        Self::over(t, settings).await
    }

    /// Over what is there.
    async fn over(t: &Harness, settings: &[(&str, &str)]) -> Self {
        let mut command = serve_with(t.database.url(), t.sirius.origin.as_str());
        command.envs(settings.iter().copied());
        let client = || {
            let client = Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(30));
            client.build().unwrap()
        };
        let besieged = Self {
            server: Server::start(&mut command),
            attacker: client(),
            honest: client(),
        };
        besieged.honest().await;
        besieged
    }

    fn post(&self) -> RequestBuilder {
        self.post_by(&self.attacker)
    }

    fn post_by(&self, client: &Client) -> RequestBuilder {
        let url = format!("http://{}/graphql", self.server.address);
        let request = client.post(url).header("Content-Type", "application/json");
        request.header("Accept", "application/graphql-response+json")
    }

    /// Status and text of what an attacker with a session gets.
    async fn attack(&self, body: String) -> (u16, String) {
        match self
            .post()
            .header("Cookie", OFFICER)
            .body(body)
            .send()
            .await
        {
            Ok(response) => (
                response.status().as_u16(),
                response.text().await.unwrap_or_default(),
            ),
            // The service does not read on.
            Err(_) => (0, String::new()),
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.server.address).await.unwrap()
    }

    /// Another caller's everyday request.
    async fn honest(&self) {
        let query = "{ financeClient(clientId: 1001) { billingHistory { totalCount } } }";
        let body = json!({ "query": query }).to_string();
        let asked = Instant::now();
        let response = self
            .post_by(&self.honest)
            .header("Cookie", MANAGER)
            .body(body)
            .send()
            .await
            .unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(
            (status, text.as_str()),
            (
                StatusCode::OK,
                r#"{"data":{"financeClient":{"billingHistory":{"totalCount":0}}}}"#
            )
        );
        assert!(asked.elapsed() < PATIENCE, "{:?}", asked.elapsed());
    }

    /// Runs the attack while an honest caller asks again and again; then tells the memory.
    async fn withstands<T>(&self, name: &str, attack: impl Future<Output = T>) -> T {
        let mut attack = std::pin::pin!(attack);
        let mut answered = 0;
        let came_of_it = loop {
            tokio::select! {
                came_of_it = &mut attack => break came_of_it,
                () = self.honest() => answered += 1,
            }
        };
        self.honest().await;
        let peak = self.server.peak_memory();
        println!("attack: {name}: {answered} honest answers beside it, {peak} MiB at most");
        assert!(peak < MOST, "{name}: {peak} MiB");
        came_of_it
    }
}

fn document(query: &str) -> String {
    json!({ "query": query }).to_string()
}

any_database! {
    async fn deep_nesting_is_refused_by_its_brackets_and_levels(t) {
        let besieged = Besieged::start(t, &[]).await;
        let deep = |levels| document(&("{ a ".repeat(levels) + &"}".repeat(levels)));
        // A string that does not end is where a parser may begin anew.
        let hidden = |open| format!("{{a(b:[{open} {}1{}])}}", "[".repeat(400), "]".repeat(400));
        let bodies = [
            deep(20), deep(60), deep(1_000), deep(170_000), document(&"[".repeat(900_000)),
            document(&hidden("\"\"\" \"")), document(&hidden("\"")), document(&hidden("#\n")),
        ];
        let all = besieged.withstands("deep nesting", async {
            join_all((0..64).map(|it| besieged.attack(bodies[it % 8].clone()))).await
        });
        for (status, text) in all.await {
            assert_eq!(status, 400, "{text}");
            let is_refused = text.contains("QUERY_TOO_COMPLEX") || text.contains("does not end");
            assert!(is_refused, "{text}");
        }
    }

    async fn an_alias_flood_is_refused_by_its_count(t) {
        let besieged = Besieged::start(t, &[]).await;
        let flood = |count| {
            let aliases = (0..count).map(|it| format!("a{it}: financeClient(clientId: 1001) {{ id }}"));
            document(&format!("{{ {} }}", aliases.collect::<Vec<_>>().join(" ")))
        };
        let long = document(&format!("{{ viewer {{ {}: id }} }}", "a".repeat(60_000)));
        let bodies = [flood(101), flood(400), flood(15_000), long];
        let all = besieged.withstands("alias flood", async {
            join_all((0..60).map(|it| besieged.attack(bodies[it % 4].clone()))).await
        });
        for (status, text) in all.await {
            assert_eq!(status, 400, "{text}");
            assert!(text.contains("QUERY_TOO_COMPLEX"), "{text}");
        }
    }

    async fn fragments_in_circles_and_fragments_that_double_cost_no_more_than_their_text(t) {
        let besieged = Besieged::start(t, &[]).await;
        let circle = "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }";
        let double = (0..60).map(|it| {
            format!("fragment F{it} on Viewer {{ ...F{0} ...F{0} ...F{0} }}", it + 1)
        });
        let double = double.collect::<Vec<_>>().join(" ");
        let double = format!("{{ viewer {{ ...F0 }} }} {double} fragment F60 on Viewer {{ id }}");
        // Not so many that nobody would answer, were they not bounded by themselves.
        let some = (0..15).map(|it| {
            format!("fragment F{it} on Viewer {{ ...F{0} ...F{0} }}", it + 1)
        });
        let some = some.collect::<Vec<_>>().join(" ");
        let ids = "id ".repeat(20);
        let some = format!("{{ viewer {{ ...F0 }} }} {some} fragment F15 on Viewer {{ {ids} }}");
        let bodies = [document(circle), document(&double), document(&some)];
        let all = besieged.withstands("fragment cycles and doubling", async {
            join_all((0..100).map(|it| besieged.attack(bodies[it % 3].clone()))).await
        });
        assert!(all.await.iter().all(|(status, _)| *status == 400));
    }

    async fn fields_that_conflict_are_compared_within_the_limit_of_tokens(t) {
        let besieged = Besieged::start(t, &[]).await;
        // Pairs of fields are compared by validation.
        let same = document(&format!("{{ viewer {{ {} }} }}", "id ".repeat(2_400)));
        let all = besieged.withstands("repeated fields", async {
            join_all((0..100).map(|_| besieged.attack(same.clone()))).await
        });
        assert!(all.await.iter().all(|(status, _)| [200, 400, 429].contains(status)));
    }

    async fn huge_variables_are_read_once_and_no_deeper_than_json_goes(t) {
        let besieged = Besieged::start(t, &[]).await;
        let query = "query($a: [BillingEventType!]) { financeClient(clientId: 1001) { billingHistory(types: $a) { totalCount } } }";
        let variables = |value: String| format!(r#"{{"query":{},"variables":{{"a":{value}}}}}"#, json!(query));
        let wide = variables(format!("[{}]", vec!["\"UNKNOWN\""; 90_000].join(",")));
        let deep = variables("[".repeat(100_000) + &"]".repeat(100_000));
        let long = variables(format!("\"{}\"", "x".repeat(1_000_000)));
        let many = format!(
            r#"{{"query":"{{ viewer {{ id }} }}","variables":{{{}}}}}"#,
            (0..80_000).map(|it| format!("\"v{it}\":1")).collect::<Vec<_>>().join(","),
        );
        let zeros = document(&format!("{{a(b:[{}])}}", "0".repeat(1_000_000)));
        let used = format!(
            r#"{{"query":"query($v: Int) {{ {} }}","variables":{{"v":[{}]}}}}"#,
            "financeClient(clientId: 1001) { invoices(first: $v) { nodes { id } } } ".repeat(50),
            vec!["0"; 140_000].join(","),
        );
        let bodies = [wide, deep, long, many, zeros, used];
        let all = besieged.withstands("huge variables", async {
            join_all((0..40).map(|it| besieged.attack(bodies[it % 6].clone()))).await
        });
        for (status, text) in all.await {
            assert!([200, 400, 503].contains(&status), "{status} {text}");
        }
    }

    async fn strangers_take_no_room_from_those_who_are_known(t) {
        let besieged = Besieged::start(t, &[]).await;
        t.sirius.check_fault(Some(Fault::Slow(Duration::from_millis(300))));
        let large = json!({ "query": "{ viewer { id } }", "variables": { "v": vec![0; 400_000] } });
        let large = large.to_string();
        let stranger = async |number: usize| {
            let cookie = format!("sirius=made-up-{number}");
            let request = besieged.post().header("Cookie", cookie).body(large.clone());
            request.send().await.map_or(0, |it| it.status().as_u16())
        };
        let all = besieged.withstands("made-up sessions", async {
            join_all((0..400).map(stranger)).await
        });
        // Where the body is not read, a client may not see the answer.
        let all = all.await;
        assert!(all.iter().all(|status| [401, 503, 0].contains(status)), "{all:?}");
    }

    async fn slow_bodies_are_given_up_at_the_deadline(t) {
        let besieged = Besieged::start(t, &[("REQUEST_TIMEOUT", "2s"), ("SIRIUS_TIMEOUT", "1s")]).await;
        let slow = join_all((0..300).map(|_| slow_body(&besieged)));
        let all = besieged.withstands("slow bodies", slow).await;
        // Of one caller, so many are read at once.
        let of = |status: &str| all.iter().filter(|answer| answer.ends_with(status)).count();
        assert_eq!((of("408"), of("429")), (128, 172), "{all:?}");
    }

    async fn a_head_that_does_not_come_ends_its_connection(t) {
        let besieged = Besieged::start(t, &[("HEAD_TIMEOUT", "1s")]).await;
        let hang = async |start: &'static str| {
            let mut stream = besieged.connect().await;
            stream.write_all(start.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer));
            ended.await.is_ok()
        };
        let starts = ["", "POST /graphql HTTP/1.1\r\nHost: x\r\nX-Slow: "];
        let all = besieged.withstands("slow heads", async {
            join_all((0..300).map(|it| hang(starts[it % 2]))).await
        });
        assert!(all.await.iter().all(|ended| *ended));
    }

    async fn many_idle_connections_leave_room_for_others(t) {
        let besieged = Besieged::start(t, &[]).await;
        besieged.withstands("many connections", async {
            let idle = join_all((0..1_500).map(|_| besieged.connect())).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(idle);
        }).await;
    }

    async fn a_batch_flood_is_refused_as_a_whole(t) {
        let besieged = Besieged::start(t, &[]).await;
        let one = document("{ viewer { id } }");
        let batch = format!("[{}]", vec![one.as_str(); 20_000].join(","));
        let all = besieged.withstands("batch floods", async {
            join_all((0..50).map(|_| besieged.attack(batch.clone()))).await
        });
        for (status, text) in all.await {
            assert!([400, 503].contains(&status), "{status} {text}");
        }
    }

    async fn what_is_packed_is_never_unpacked(t) {
        let besieged = Besieged::start(t, &[]).await;
        let bomb = async |encoding: &'static str| {
            let request = besieged.post().header("Cookie", OFFICER).header("Content-Encoding", encoding);
            request.body(vec![0x1f; 500_000]).send().await.map_or(0, |it| it.status().as_u16())
        };
        let all = besieged.withstands("compression bombs", async {
            join_all((0..90).map(|it| bomb(["gzip", "br", "deflate"][it % 3]))).await
        });
        // Where the connection is closed before all is sent, a client may not see the answer.
        assert!(all.await.iter().all(|status| [415, 0].contains(status)));
    }

    async fn many_large_bodies_at_once_are_held_within_a_budget(t) {
        let besieged = Besieged::start(t, &[]).await;
        let large = json!({ "query": "{ viewer { id } }", "variables": { "x": "y".repeat(1_000_000) } });
        let large = large.to_string();
        let all = besieged.withstands("large bodies at once", async {
            join_all((0..200).map(|_| besieged.attack(large.clone()))).await
        });
        for (status, text) in all.await {
            assert!([200, 429, 503, 0].contains(&status), "{status} {text}");
        }
    }

    async fn one_caller_who_asks_for_the_most_leaves_room_for_others(t) {
        let mut books = Books::default();
        let mut story = books.client(1003, "10030001", PaymentMethod::Demanded);
        for number in 0..300 {
            let made = format!("2024-05-01 10:{:02}:{:02}", number / 60, number % 60);
            story.by(3).invoice(FeeType::Ad, &format!("AD{number:06}/24"), 100, &made);
        }
        books.client(1001, "10010001", PaymentMethod::Demanded);
        t.write(books).await;
        let besieged = Besieged::over(t, &[]).await;
        let event = Grammar::default().every_field("BillingEvent", &["FinanceClient"]);
        let history = format!("billingHistory(first: 1000) {{ nodes {{ {event} }} }}");
        let costly = document(&format!("{{ financeClient(clientId: 1003) {{ {history} }} }}"));
        let all = besieged.withstands("the costliest queries", async {
            join_all((0..300).map(|_| besieged.attack(costly.clone()))).await
        });
        let all = all.await;
        assert!(all.iter().all(|(status, _)| [200, 429, 503].contains(status)));
        assert!(all.iter().any(|(status, _)| *status == 429), "nobody was told to wait");
    }
}

/// One byte at a time; gives the beginning of the answer.
async fn slow_body(besieged: &Besieged) -> String {
    let stream = besieged.connect().await;
    let (mut reading, mut writing) = stream.into_split();
    let drip = async {
        let head = format!(
            "POST /graphql HTTP/1.1\r\nHost: x\r\nCookie: {OFFICER}\r\n\
             Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{{"
        );
        let _ = writing.write_all(head.as_bytes()).await;
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = [0; 12];
    tokio::select! {
        read = reading.read_exact(&mut answer) => { let _ = read; }
        () = drip => {}
    }
    String::from_utf8_lossy(&answer).into_owned()
}
