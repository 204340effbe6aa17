//! What one document, one request and one caller may ask for.

use std::time::Duration;

use api::demo::books::Books;
use api::graphql::Limits;
use api::http::HttpLimits;
use entity::stored::{FeeType, PaymentMethod};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::documents::Grammar;
use tests::{Answer, Fault, Harness, MANAGER, OFFICER, Options, any_database, both_databases};

/// The history of a client, all of it, with every field.
fn everything() -> String {
    let event = Grammar::default().every_field("BillingEvent", &["FinanceClient"]);
    format!(
        "{{ financeClient(clientId: 1001) {{ billingHistory(first: 1000) {{
            totalCount pageInfo {{ hasNextPage endCursor }} edges {{ cursor node {{ {event} }} }} }} }} }}"
    )
}

fn code_of(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.code())
}

async fn ask_strictly(t: &Harness, query: &str) -> Answer {
    let body = json!({ "query": query });
    let accept = "application/graphql-response+json";
    Answer::of(
        t.post()
            .header("Cookie", OFFICER)
            .header("Accept", accept)
            .json(&body),
    )
    .await
}

both_databases! {
    async fn a_page_of_a_thousand_events_with_every_field_passes_the_defaults(t) {
        let mut books = Books::default();
        let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
        for number in 0..1_000 {
            let made = format!("2024-05-01 10:{:02}:{:02}", number / 60, number % 60);
            let reference = format!("AD{number:06}/24");
            story.by(3).invoice(FeeType::Ad, &reference, 100, &made);
        }
        t.write(books).await;
        let answer = t.ask(&everything()).await;
        assert_eq!(answer.data("/financeClient/billingHistory/totalCount"), 1_000);
        let edges = answer.data("/financeClient/billingHistory/edges").as_array().unwrap();
        assert_eq!(edges.len(), 1_000);
    }
}

any_database! {
    async fn sixty_four_of_the_largest_pages_at_once_of_one_caller_are_answered(t) {
        t.invoices_by(&[3; 60]).await;
        let query = everything();
        let answers = join_all((0..64).map(|_| t.ask(&query))).await;
        for answer in answers {
            assert_eq!(answer.data("/financeClient/billingHistory/totalCount"), 60);
        }
    }

    async fn what_is_too_much_is_refused_before_it_is_executed(t) {
        let deep = "a { ".repeat(70) + "a" + &"}".repeat(70);
        // A page of one each time: it is deep, and costs little.
        let client = (0..6).fold("id".to_owned(), |below, _| {
            format!("financeClient {{ invoices(first: 1) {{ nodes {{ {below} }} }} }}")
        });
        let double = (0..30).map(|it| format!("fragment F{it} on Viewer {{ ...F{0} ...F{0} }}", it + 1));
        let double = double.collect::<Vec<_>>().join("\n");
        let attacks = [
            ("levels", format!("{{ invoiceByReference(reference: \"a\") {{ {client} }} }}")),
            ("brackets", format!("{{ {deep} }}")),
            ("tokens", format!("{{ {} }}", "viewer { id } ".repeat(2_000))),
            ("aliases", format!("{{ viewer {{ {} }} }}", (0..101).map(|it| format!("a{it}: id ")).collect::<String>())),
            ("directives", format!("{{ viewer {{ id {} }} }}", "@skip(if: false) ".repeat(51))),
            ("root fields", format!("{{ {} }}", "viewer { id } ".repeat(51))),
            ("cost", "{ refunds(first: 1000) { nodes { financeClient { billingHistory(first: 1000) { nodes { id } } } } } }".to_owned()),
            ("selections", format!("{{ viewer {{ ...F0 }} }} {double} fragment F30 on Viewer {{ id }}")),
        ];
        t.ask("{ viewer { id } }").await;
        t.take_statements();
        for (what, query) in attacks {
            let answer = ask_strictly(t, &query).await;
            assert_eq!(code_of(&answer), (400, "QUERY_TOO_COMPLEX".to_owned()), "{what}");
            let text = answer.body["errors"][0]["message"].as_str().unwrap();
            assert!(text.contains(what), "{what}: {text}");
            assert!(answer.body.get("data").is_none(), "{what}");
        }
        assert_eq!(t.take_statements(), 0);
    }

    async fn the_limits_are_told_to_those_alone_who_may_ask(t) {
        let body = json!({ "query": "{ viewer { ".to_owned() + &"id ".repeat(1_000) + "} }" });
        assert_eq!(Answer::of(t.post().json(&body)).await.code(), "UNAUTHENTICATED");
    }

    async fn fragments_in_a_circle_are_the_callers_fault(t) {
        let query = "{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }";
        let answer = ask_strictly(t, query).await;
        assert_eq!(code_of(&answer), (400, "BAD_USER_INPUT".to_owned()));
    }
}

any_database! {
    options: Options {
        bounds: HttpLimits { requests: 4, requests_per_caller: 2, ..HttpLimits::default() },
        ..Options::default()
    };
    async fn who_comes_when_there_is_no_room_is_told_when_to_come_back(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_millis(700))));
        let query = "{ financeClient(clientId: 1001) { billingHistory { nodes { createdBy { displayName } } } } }";
        let slow = t.instance().await;
        let all = join_all((0..8).map(|_| slow.ask(query))).await;
        let turned = all.iter().filter(|it| it.status != 200).collect::<Vec<_>>();
        assert!(!turned.is_empty());
        for answer in turned {
            let known = [(429, "RATE_LIMITED".to_owned()), (503, "UNAVAILABLE".to_owned())];
            assert!(known.contains(&code_of(answer)), "{:?}", code_of(answer));
            let wait = answer.headers.get("Retry-After").unwrap().to_str().unwrap();
            assert!(wait.parse::<u64>().unwrap() >= 1);
        }
        // Beside the one who asks too much, another is answered.
        let body = json!({ "query": "{ viewer { id } }" });
        let (crowd, other) = tokio::join!(
            join_all((0..8).map(|_| slow.ask(query))),
            async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                Answer::of(slow.post().header("Cookie", MANAGER).json(&body)).await
            },
        );
        assert!(crowd.iter().any(|it| it.status != 200));
        assert_eq!(other.data("/viewer/id"), "7");
        slow.stop().await;
    }
}

any_database! {
    options: Options {
        bounds: HttpLimits { rate_per_caller: 5, ..HttpLimits::default() },
        ..Options::default()
    };
    async fn a_caller_who_asks_oftener_than_the_rate_is_told_to_wait(t) {
        let all = join_all((0..20).map(|_| t.ask("{ viewer { id } }"))).await;
        let refused = all.iter().filter(|it| it.status == 429).collect::<Vec<_>>();
        assert!(refused.len() >= 10, "{}", refused.len());
        assert!(refused.iter().all(|it| it.code() == "RATE_LIMITED"));
        assert!(refused.iter().all(|it| it.headers.contains_key("Retry-After")));
    }
}

any_database! {
    options: Options {
        bounds: HttpLimits { body: 1_000, batch: 3, ..HttpLimits::default() },
        limits: Limits { cost: 100, ..Limits::default() },
        ..Options::default()
    };
    async fn an_array_of_requests_is_answered_by_an_array_where_that_is_allowed(t) {
        let post = |body: Value| Answer::of(t.post().header("Cookie", OFFICER).json(&body));
        let one = json!({ "query": "{ viewer { id } }" });
        let wrong = json!({ "query": "{ no }" });
        let dear = json!({ "query": "{ refunds(first: 1000) { nodes { id } } }" });
        let answer = post(json!([one, wrong, dear])).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body[0]["data"]["viewer"]["id"], "3");
        assert_eq!(answer.body[1]["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        assert_eq!(answer.body[2]["errors"][0]["extensions"]["code"], "QUERY_TOO_COMPLEX");
        for body in [json!([]), json!([one, one, one, one]), json!([1])] {
            let answer = post(body).await;
            assert_eq!(code_of(&answer), (400, "BAD_USER_INPUT".to_owned()));
        }
    }

    async fn a_body_beyond_the_limit_is_refused_whether_its_length_is_told_or_not(t) {
        let long = json!({ "query": "#".repeat(1_000) }).to_string();
        let post = || t.post().header("Cookie", OFFICER).header("Content-Type", "application/json");
        let told = Answer::of(post().body(long.clone())).await;
        assert_eq!(code_of(&told), (413, "BAD_USER_INPUT".to_owned()));
        let parts = long.as_bytes().chunks(100).map(<[u8]>::to_vec).map(Ok::<_, std::io::Error>);
        let stream = futures_util::stream::iter(parts.collect::<Vec<_>>());
        let untold = Answer::of(post().body(reqwest::Body::wrap_stream(stream))).await;
        assert_eq!(code_of(&untold), (413, "BAD_USER_INPUT".to_owned()));
    }
}

any_database! {
    async fn an_array_of_requests_is_not_taken_unless_allowed(t) {
        let body = json!([{ "query": "{ viewer { id } }" }]);
        let answer = Answer::of(t.post().header("Cookie", OFFICER).json(&body)).await;
        assert_eq!(code_of(&answer), (400, "BAD_USER_INPUT".to_owned()));
    }

    async fn a_packed_body_is_not_unpacked(t) {
        let packed = t.post().header("Cookie", OFFICER).header("Content-Type", "application/json");
        let answer = Answer::of(packed.header("Content-Encoding", "gzip").body(vec![0x1f, 0x8b])).await;
        assert_eq!(code_of(&answer), (415, "BAD_USER_INPUT".to_owned()));
    }
}

any_database! {
    options: Options { introspection: false, ..Options::default() };
    async fn where_introspection_is_off_the_schema_is_not_told(t) {
        for query in [
            "{ __schema { queryType { name } } }",
            "{ viewer { id } ...F } fragment F on Query { __type(name: \"Date\") { name } }",
            "{ viewer { id } ... @skip(if: true) { __schema { queryType { name } } } }",
            "query A { __schema { queryType { name } } } query B { viewer { id } }",
        ] {
            let answer = ask_strictly(t, query).await;
            assert_eq!(code_of(&answer), (400, "BAD_USER_INPUT".to_owned()), "{query}");
        }
        let answer = t.ask("{ __typename viewer { __typename } }").await;
        assert_eq!(answer.data("/viewer/__typename"), "Viewer");
        // Nor piece by piece.
        let misspelt = ask_strictly(t, "{ financeClint(clientId: 1001) { outstandingBalanc } }").await;
        assert!(!misspelt.body.to_string().contains("Did you mean"), "{:#}", misspelt.body);
    }
}
