//! GraphQL over HTTP: the rules that callers feel first. The public audits run in `tests/web`.

use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE};
use serde_json::{Value, json};
use tests::{Answer, Harness, OFFICER, both_databases};

use super::mutations::{a_client, count};

const JSON: &str = "application/json; charset=utf-8";
const RESPONSE: &str = "application/graphql-response+json; charset=utf-8";

async fn post(t: &Harness, accept: &str, body: Value) -> Answer {
    let request = t.post().header(COOKIE, OFFICER).header(ACCEPT, accept);
    Answer::of(request.json(&body)).await
}

fn content_type(answer: &Answer) -> &str {
    answer.headers[CONTENT_TYPE].to_str().unwrap()
}

both_databases! {
    async fn the_answers_type_is_the_one_that_is_accepted(t) {
        let query = json!({ "query": "{ viewer { id } }" });
        for (accept, expected) in [
            ("application/json", JSON),
            ("application/graphql-response+json", RESPONSE),
            ("*/*", JSON),
            ("application/graphql-response+json;q=0.5, application/json", JSON),
        ] {
            let answer = post(t, accept, query.clone()).await;
            assert_eq!(content_type(&answer), expected, "{accept}");
            assert_eq!(answer.data("/viewer/id"), "3");
        }
        let bare = t.post().header(COOKIE, OFFICER).json(&query);
        assert_eq!(content_type(&Answer::of(bare).await), JSON);
        assert_eq!(post(t, "text/plain", query).await.status, 406);
    }

    async fn a_request_that_is_not_executed_has_no_data_and_its_status_by_the_type(t) {
        for query in ["{", "{ nothing }", "query A { viewer { id } } query B { viewer { id } }", ""] {
            let body = json!({ "query": query });
            let answer = post(t, "application/graphql-response+json", body.clone()).await;
            assert_eq!(answer.status, 400, "{query}");
            assert_eq!(answer.body.get("data"), None, "{query}");
            assert!(answer.errors().iter().all(|(code, _)| code == "BAD_USER_INPUT"), "{query}");
            let answer = post(t, "application/json", body).await;
            assert_eq!(answer.status, 200, "{query}");
            assert_eq!(answer.body.get("data"), None, "{query}");
        }
    }

    async fn a_body_that_is_no_request_is_refused(t) {
        for body in [
            json!([]),
            json!([{ "query": "{ viewer { id } }" }]),
            json!({}),
            json!({ "query": null }),
            json!({ "query": 1 }),
            json!({ "query": "{ viewer { id } }", "variables": [] }),
            json!({ "query": "{ viewer { id } }", "operationName": 1 }),
            json!({ "query": "{ viewer { id } }", "extensions": "x" }),
        ] {
            let answer = post(t, "application/json", body.clone()).await;
            assert_eq!(answer.status, 400, "{body}");
            assert_eq!(answer.code(), "BAD_USER_INPUT", "{body}");
        }
        let nulls = json!({
            "query": "{ viewer { id } }", "variables": null, "operationName": null, "extensions": null,
        });
        assert_eq!(post(t, "application/json", nulls).await.data("/viewer/id"), "3");
    }

    async fn only_json_in_utf_8_is_taken(t) {
        let body = "{\"query\": \"{ viewer { id } }\"}";
        for (kind, status) in [
            ("application/json", 200),
            ("application/json; charset=utf-8", 200),
            ("application/json; charset=latin1", 415),
            ("text/plain", 415),
            ("application/x-www-form-urlencoded", 415),
        ] {
            let request = t.post().header(COOKIE, OFFICER).header(CONTENT_TYPE, kind).body(body);
            assert_eq!(request.send().await.unwrap().status(), status, "{kind}");
        }
    }

    async fn get_is_for_queries_alone(t) {
        let query = |query: &str| t.get("/graphql").query(&[("query", query)]).header(COOKIE, OFFICER);
        assert_eq!(Answer::of(query("{ viewer { id } }")).await.data("/viewer/id"), "3");
        let mutation = Answer::of(query("mutation { anything }")).await;
        assert_eq!(mutation.status, 405);
        assert_eq!(mutation.headers["allow"], "POST");
        let variables = t
            .get("/graphql")
            .query(&[
                ("query", "query A { viewer { roles } } query B($c: Int!) { financeClient(clientId: $c) { id } }"),
                ("operationName", "B"),
                ("variables", "{\"c\": 1}"),
            ])
            .header(COOKIE, OFFICER);
        assert_eq!(Answer::of(variables).await.data("/financeClient"), &Value::Null);
        let nothing = t.get("/graphql").header(ACCEPT, "application/json").header(COOKIE, OFFICER);
        assert_eq!(Answer::of(nothing).await.status, 400);
    }

    async fn a_browser_gets_the_page(t) {
        let page = t.get("/graphql").header(ACCEPT, "text/html,*/*;q=0.8").send().await.unwrap();
        assert_eq!(page.status(), 200);
        assert!(page.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
        let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        let html = page.text().await.unwrap();
        let scripts = html.matches("<script src=\"https://").count();
        assert_eq!((scripts, html.matches("integrity=\"sha384-").count()), (3, 4), "{html}");
    }

    async fn every_answer_names_its_request(t) {
        let given = t.get("/health/live").header("X-Request-Id", "abc-1").send().await.unwrap();
        assert_eq!(given.headers()["x-request-id"], "abc-1");
        for odd in ["a b", &"x".repeat(65)] {
            let made = t.get("/health/live").header("X-Request-Id", odd).send().await.unwrap();
            assert_eq!(made.headers()["x-request-id"].len(), 36, "{odd}");
        }
    }

    async fn a_body_of_more_than_a_megabyte_is_refused(t) {
        let query = format!("{{ viewer {{ id }} }} # {}", "x".repeat(1024 * 1024));
        let request = t.post().header(COOKIE, OFFICER).json(&json!({ "query": query }));
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 413);
        assert_eq!(answer.code(), "BAD_USER_INPUT");
    }
}

both_databases! {
    async fn a_request_that_lacks_a_variable_changes_nothing(t) {
        a_client(t).await;
        let one = "changePaymentMethod(input: { clientId: 1001, paymentMethod: DIRECT_DEBIT }) { userErrors { code } }";
        let query = format!(
            "mutation($more: ChangePaymentMethodInput!) {{ one: {one}
             two: changePaymentMethod(input: $more) {{ userErrors {{ code }} }} }}"
        );
        for variables in [json!({}), json!({ "more": null })] {
            for (accept, status) in [("application/graphql-response+json", 400), ("application/json", 200)] {
                let body = json!({ "query": query, "variables": variables });
                let request = t.post().header("Cookie", OFFICER).header("X-XSRF-TOKEN", "a+b c");
                let answer = Answer::of(request.header("Accept", accept).json(&body)).await;
                assert_eq!((answer.status.as_u16(), answer.code()), (status, "BAD_USER_INPUT".to_owned()));
                assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
            }
        }
        assert_eq!(count(t, "finance_client WHERE payment_method = 'DIRECT DEBIT'").await, 0);
    }
}
