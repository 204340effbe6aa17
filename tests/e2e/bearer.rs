//! Callers by bearer token: users of another service, and services (`domain.md` section 9).

use std::fs;
use std::time::Duration;

use api::authentication::Sources;
use api::clock::Clock;
use api::secret::Source;
use futures_util::future::join_all;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tests::token::{EVENTS_KEY, SECRET, SIRIUS_KEY, claims, service_keys, sign};
use tests::{Answer, Harness, MANAGER, OFFICER, Options, SYSTEM_USER, any_database};

const VIEWER: &str = "{ viewer { id displayName roles service } }";

fn token(t: &Harness, user: i64, roles: &[&str]) -> String {
    sign(&claims(user, roles, t.clock.now().timestamp()), SECRET)
}

fn request(t: &Harness, query: &str) -> RequestBuilder {
    t.post().json(&json!({ "query": query }))
}

async fn ask(t: &Harness, token: &str, query: &str) -> Answer {
    Answer::of(request(t, query).bearer_auth(token)).await
}

const HISTORY: &str = "{ financeClient(clientId: 1001) { clientId billingHistory { nodes {
    createdBy { displayName } } } } }";
const CREATED_BY: &str = "/financeClient/billingHistory/nodes/0/createdBy";

/// Refused, with no data, and with the one text that all refusals have.
#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 401, "{what}");
    assert_eq!(answer.code(), "UNAUTHENTICATED", "{what}");
    assert_eq!(answer.body.get("data"), None, "{what}");
    let message = &answer.body["errors"][0]["message"];
    assert_eq!(message, "Sign in to Sirius and try again.", "{what}");
}

any_database! {
    async fn a_token_stands_for_its_user_with_its_roles(t) {
        let token = token(t, 41, &["Finance Manager", "Case Manager"]);
        let answer = ask(t, &token, "{ viewer { id roles service } }").await;
        let expected = json!({ "id": "41", "roles": ["FINANCE_MANAGER"], "service": null });
        assert_eq!(answer.data("/viewer"), &expected);
        assert_eq!(t.sirius.take_checks().len(), 0, "Sirius is not asked");
    }

    async fn a_token_lasts_as_long_as_it_says_by_our_clock(t) {
        let token = token(t, 3, &[]);
        t.clock.advance(Duration::from_secs(6));
        ask(t, &token, "{ viewer { id } }").await.data("/viewer");
        t.clock.advance(Duration::from_secs(1));
        assert_refused(&ask(t, &token, VIEWER).await, "over");
    }

    async fn a_bad_token_is_refused_without_a_hint_and_not_made_good_by_a_cookie(t) {
        let now = t.clock.now().timestamp();
        let good = claims(3, &["Finance User"], now);
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            sign(&claims, SECRET)
        };
        let user = |id: &str| {
            let mut claims = good.clone();
            claims["jti"] = json!(id);
            claims["sub"] = json!(format!("urn:opg:sirius:users:{id}"));
            sign(&claims, SECRET)
        };
        let signed = token(t, 3, &[]);
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", signed.split('.').nth(1).unwrap());
        for (what, token) in [
            ("another secret", sign(&good, "another secret, of more than 32 bytes")),
            ("another audience", with("aud", json!("urn:opg:other"))),
            ("another issuer", with("iss", json!("urn:opg:other"))),
            ("a long life", with("exp", json!(now + 3600))),
            ("yesterday's", sign(&claims(3, &[], now - 86_400), SECRET)),
            ("tomorrow's", sign(&claims(3, &[], now + 86_400), SECRET)),
            ("another subject", with("sub", json!("urn:opg:sirius:users:7"))),
            ("a negative id", user("-3")),
            ("a huge id", user("99999999999999999999")),
            ("alg none", unsigned),
            ("a wrong key", "key-of-nobody-which-is-long-enough-for-a-key".to_owned()),
            ("a hash of a key", service_keys()[7..71].to_owned()),
            ("very long", "a".repeat(9_000)),
        ] {
            assert_refused(&ask(t, &token, VIEWER).await, what);
            let with_cookie = request(t, VIEWER).bearer_auth(&token).header("Cookie", OFFICER);
            assert_refused(&Answer::of(with_cookie).await, what);
        }
        assert_eq!(t.sirius.take_checks().len(), 0);
    }

    async fn an_odd_header_is_refused_and_not_made_good_by_a_cookie(t) {
        let good = format!("Bearer {}", token(t, 3, &[]));
        for odd in ["Bearer", "Bearer a b", "Basic dXNlcjpwYXNz", "Token a", "Bearer \u{e9}", &good[7..]] {
            let request = request(t, VIEWER).header("Cookie", OFFICER).header("Authorization", odd);
            assert_refused(&Answer::of(request).await, odd);
        }
        let twice = request(t, VIEWER).header("Authorization", &good).header("Authorization", &good);
        assert_refused(&Answer::of(twice.header("Cookie", OFFICER)).await, "twice");
    }

    async fn an_empty_header_counts_as_absent(t) {
        for empty in ["", "  "] {
            let request = request(t, VIEWER).header("Cookie", OFFICER).header("Authorization", empty);
            assert_eq!(Answer::of(request).await.data("/viewer/id"), "3");
        }
        assert_refused(&Answer::of(request(t, VIEWER).header("Authorization", "")).await, "alone");
    }

    async fn the_token_decides_and_the_cookie_is_carried_for_the_list_alone(t) {
        t.invoices_by(&[7]).await;
        let token = token(t, 41, &["Finance User"]);
        let request = request(t, "{ viewer { id } financeClient(clientId: 1001) {
            billingHistory { nodes { createdBy { displayName } } } } }");
        let answer = Answer::of(request.bearer_auth(&token).header("Cookie", MANAGER)).await;
        assert_eq!(answer.data("/viewer/id"), "41", "not the manager of the cookie");
        assert_eq!(answer.data(CREATED_BY), &json!({ "displayName": "Finance Manager" }));
        assert_eq!(t.sirius.take_checks().len(), 0);
        let lists = t.sirius.take_lists();
        let headers = lists.first().unwrap();
        assert_eq!(headers.get("cookie").unwrap(), MANAGER);
        assert_eq!(headers.get("authorization"), None, "the token goes nowhere");
    }

    async fn a_token_without_a_session_has_names_from_the_warm_cache_alone(t) {
        t.invoices_by(&[7]).await;
        let cold = ask(t, &token(t, 41, &[]), HISTORY).await;
        let path = "financeClient/billingHistory/nodes/0/createdBy".to_owned();
        assert_eq!(cold.errors(), [("SIRIUS_UNAVAILABLE".to_owned(), path)]);
        assert_eq!(cold.partial("/financeClient/clientId"), 1001);
        assert_eq!(t.sirius.take_lists().len(), 0, "nobody to ask as");
        t.ask(HISTORY).await.data(CREATED_BY);
        let warm = ask(t, &token(t, 41, &[]), HISTORY).await;
        assert_eq!(warm.data(CREATED_BY), &json!({ "displayName": "Finance Manager" }));
    }

    async fn a_waiting_caller_with_a_session_is_not_failed_by_one_without(t) {
        t.invoices_by(&[7]).await;
        let token = token(t, 41, &[]);
        let (_, with) = tokio::join!(ask(t, &token, HISTORY), t.ask(HISTORY));
        assert_eq!(with.data(CREATED_BY), &json!({ "displayName": "Finance Manager" }));
    }

    async fn a_services_key_stands_for_the_service_as_the_system_user(t) {
        let query = "{ viewer { id roles service } }";
        for (key, service) in [(SIRIUS_KEY, "SIRIUS"), (EVENTS_KEY, "EVENTS")] {
            let answer = ask(t, key, query).await;
            let id = SYSTEM_USER.to_string();
            let expected = json!({ "id": id, "roles": [], "service": service });
            assert_eq!(answer.data("/viewer"), &expected);
        }
    }

    async fn sirius_may_read_and_events_may_not(t) {
        t.invoices_by(&[7]).await;
        let query = "{ financeClient(clientId: 1001) { clientId } }";
        assert_eq!(ask(t, SIRIUS_KEY, query).await.data("/financeClient/clientId"), 1001);
        let answer = ask(t, EVENTS_KEY, "{ viewer { service } financeClient(clientId: 1001) { id } }").await;
        assert_eq!(answer.errors(), [("FORBIDDEN".to_owned(), "financeClient".to_owned())]);
        assert_eq!(answer.partial("/viewer/service"), "EVENTS", "and nothing else is lost");
        let id = t.ask("{ financeClient(clientId: 1001) { id } }").await;
        let id = id.data("/financeClient/id").as_str().unwrap();
        let answer = ask(t, EVENTS_KEY, &format!("{{ node(id: \"{id}\") {{ id }} }}")).await;
        assert_eq!(answer.errors(), [("FORBIDDEN".to_owned(), "node".to_owned())]);
    }

    async fn a_mutation_by_cookie_must_repeat_the_xsrf_token(t) {
        let mutation = "mutation { __typename }";
        let by_cookie = |xsrf: Option<&str>| {
            let request = request(t, mutation).header("Cookie", OFFICER);
            match xsrf {
                Some(xsrf) => request.header("X-XSRF-TOKEN", xsrf),
                None => request,
            }
        };
        for wrong in [None, Some(""), Some("a+b"), Some("a%2Bb+c"), Some("A+B C"), Some("a+b c ; x")] {
            let answer = Answer::of(by_cookie(wrong)).await;
            assert_eq!(answer.code(), "FORBIDDEN", "{wrong:?}");
            assert_eq!(answer.status, 403, "{wrong:?}");
        }
        let twice = by_cookie(Some("a+b c")).header("X-XSRF-TOKEN", "a+b c");
        assert_eq!(Answer::of(twice).await.code(), "FORBIDDEN");
        let right = Answer::of(by_cookie(Some("a+b c"))).await;
        assert_ne!(right.status, 403, "the decoded value passes: {:#}", right.body);
        let none = request(t, mutation).header("Cookie", MANAGER).header("X-XSRF-TOKEN", "");
        assert_eq!(Answer::of(none).await.code(), "FORBIDDEN", "no cookie to repeat");
    }

    async fn a_named_mutation_is_a_mutation_too_whoever_names_it(t) {
        for body in [
            json!({ "query": "mutation A { __typename }" }),
            json!({ "query": "mutation A { __typename }", "operationName": "A" }),
            json!({ "query": "mutation A { __typename }", "operationName": "" }),
            json!({ "query": "mutation A { __typename }", "operationName": "B" }),
            json!({ "query": "query B { __typename } mutation A { __typename }" }),
            json!({ "query": "query B { __typename } mutation A { __typename }", "operationName": "A" }),
        ] {
            let request = t.post().header("Cookie", OFFICER).json(&body);
            assert_eq!(Answer::of(request).await.status, 403, "{body}");
        }
        let both = json!({ "query": "query B { __typename } mutation A { __typename }", "operationName": "B" });
        let request = t.post().header("Cookie", OFFICER).json(&both);
        assert_eq!(Answer::of(request).await.status, 200, "the query of a document is a query");
        for query in ["?query=mutation+A{__typename}", "?query=mutation+A{__typename}&operationName=A"] {
            let request = t.get(&format!("/graphql{query}")).header("Cookie", OFFICER);
            let request = request.header("X-XSRF-TOKEN", "a+b c").header("Accept", "application/json");
            assert_eq!(Answer::of(request).await.status, 405, "{query}");
        }
    }

    async fn what_becomes_of_tokens_is_counted(t) {
        let count = |outcome: &str| {
            t.metric(&format!("finance_bearer_tokens_total{{outcome=\"{outcome}\"}}"))
        };
        ask(t, &token(t, 3, &[]), VIEWER).await;
        ask(t, SIRIUS_KEY, VIEWER).await;
        ask(t, "nothing", VIEWER).await;
        Answer::of(request(t, VIEWER).header("Authorization", "Basic a")).await;
        let counts = ["user", "service", "unsigned", "malformed"].map(count);
        assert_eq!(counts, [1.0, 1.0, 1.0, 1.0]);
    }

    async fn a_mutation_by_token_needs_none(t) {
        let request = request(t, "mutation { __typename }").bearer_auth(token(t, 3, &[]));
        assert_ne!(Answer::of(request.header("Cookie", OFFICER)).await.status, 403);
    }

    async fn who_asks_is_settled_before_the_xsrf_token(t) {
        let answer = Answer::of(request(t, "mutation { __typename }")).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED");
    }
}

any_database! {
    options: Options { keys: Some(Sources::default()), ..Options::default() };

    async fn without_keys_those_ways_in_are_closed(t) {
        for token in [token(t, 3, &[]), SIRIUS_KEY.to_owned(), EVENTS_KEY.to_owned()] {
            assert_refused(&ask(t, &token, VIEWER).await, &token);
        }
        let empty = sign(&claims(3, &[], t.clock.now().timestamp()), "");
        assert_refused(&ask(t, &empty, VIEWER).await, "signed with nothing");
    }
}

#[test]
fn a_secret_in_a_file_is_rotated_without_a_restart_or_a_failed_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (first, second) = (SECRET, "the secret that comes next, 32 bytes and more");
    fs::write(file("secret"), format!("{first}\n")).unwrap();
    fs::write(file("previous"), "").unwrap();
    let keys = Sources {
        secret: Some(Source::File(file("secret"))),
        previous_secret: Some(Source::File(file("previous"))),
        service_keys: None,
    };
    let options = Options {
        keys: Some(keys),
        ..Options::default()
    };
    tests::run(tests::Kind::Sqlite, options, async |t| {
        let passes = async |secret: &str| {
            t.clock.advance(Duration::from_secs(5));
            let token = sign(&claims(3, &[], t.clock.now().timestamp()), secret);
            ask(t, &token, "{ viewer { id } }").await.status == 200
        };
        assert_eq!((passes(first).await, passes(second).await), (true, false));
        // In the order that the manual gives, with a reading at each step.
        fs::write(file("previous"), first).unwrap();
        assert_eq!((passes(first).await, passes(second).await), (true, false));
        fs::write(file("secret"), second).unwrap();
        // Nobody has asked since: of many at once, none is refused.
        t.clock.advance(Duration::from_secs(60));
        let token = sign(&claims(3, &[], t.clock.now().timestamp()), second);
        let asked = (0..40).map(|_| ask(t, &token, "{ viewer { id } }"));
        assert!(
            join_all(asked)
                .await
                .iter()
                .all(|answer| answer.status == 200)
        );
        assert_eq!((passes(first).await, passes(second).await), (true, true));
        fs::write(file("secret"), "too short").unwrap();
        assert_eq!((passes(first).await, passes(second).await), (true, true));
        fs::remove_file(file("secret")).unwrap();
        assert_eq!((passes(first).await, passes(second).await), (true, true));
        fs::write(file("secret"), second).unwrap();
        fs::write(file("previous"), "").unwrap();
        assert_eq!((passes(first).await, passes(second).await), (false, true));
    });
}
