//! What Sirius's user list may be, and what is made of it.

use std::time::Duration;

use api::demo::books::*;
use api::http::HttpLimits;
use entity::stored::*;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{Answer, Fault, Harness, MANAGER, OFFICER, Options, any_database};

const NODES: &str = "/financeClient/billingHistory/nodes";

const HISTORY: &str = "{ financeClient(clientId: 1001) { clientId
    billingHistory(first: 1000) { nodes { createdBy { displayName } } } } }";

async fn ask_as(t: &Harness, cookie: &str) -> Answer {
    let request = t
        .post()
        .header("Cookie", cookie)
        .json(&json!({ "query": HISTORY }));
    Answer::of(request).await
}

/// Names from the first invoice to the last.
fn names(answer: &Answer) -> Vec<Value> {
    let mut names = answer.column(NODES, "createdBy/displayName");
    names.reverse();
    names
}

fn listed(users: Value) -> Option<Fault> {
    Some(Fault::Body(users.to_string()))
}

/// The history is there and each name is missing for the one reason.
#[track_caller]
fn assert_nameless(answer: &Answer, what: &str) {
    assert_eq!(answer.partial("/financeClient/clientId"), 1001, "{what}");
    let errors = answer.errors();
    assert!(!errors.is_empty(), "{what}");
    assert!(
        errors.iter().all(|(code, _)| code == "SIRIUS_UNAVAILABLE"),
        "{what}: {errors:?}"
    );
}

any_database! {
    async fn fifty_thousand_users_are_held(t) {
        t.invoices_by(&[1, 25_000, 50_000, 50_001]).await;
        let users = (1..=50_000)
            .map(|id| json!({
                "id": id, "displayName": format!("User {id}"), "roles": ["Case Manager"],
                "email": format!("user.{id}@opgtest.example"), "phoneNumber": "020 7946 0000",
                "teams": [{ "id": 7, "displayName": "Supervision Team", "phoneNumber": "1" }],
                "notes": "n".repeat(400),
            }))
            .collect::<Vec<_>>();
        t.sirius.list_fault(listed(json!(users)));
        let answer = t.ask(HISTORY).await;
        assert_eq!(names(&answer), ["User 1", "User 25000", "User 50000", "Unknown User"]);
        assert_eq!(t.metric("finance_user_cache_users"), 50_000.0);
    }

    async fn of_a_duplicate_id_the_last_entry_counts(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(listed(json!([
            { "id": 3, "displayName": "Name Before" }, { "id": 3, "displayName": "Name After" },
        ])));
        assert_eq!(names(&t.ask(HISTORY).await), ["Name After"]);
        assert_eq!(t.metric("finance_user_cache_users"), 1.0);
    }

    async fn an_entry_without_id_or_name_is_left_out(t) {
        t.invoices_by(&[3, 7, 12, 13]).await;
        t.sirius.list_fault(listed(json!([
            { "id": 3 }, { "id": 7, "displayName": null }, { "id": 12, "displayName": "  " },
            { "displayName": "Nobody" }, { "id": null, "displayName": "Nobody" },
            { "id": 99999999999_i64, "displayName": "Nobody" }, {},
            { "id": 13, "displayName": "Somebody" },
        ])));
        let answer = t.ask(HISTORY).await;
        assert_eq!(names(&answer), ["Unknown User", "Unknown User", "Unknown User", "Somebody"]);
    }

    async fn fields_beyond_those_agreed_do_no_harm(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(listed(json!([
            { "id": 3, "displayName": "Billing Officer", "name": { "first": ["B"] }, "id2": 4 },
        ])));
        assert_eq!(names(&t.ask(HISTORY).await), ["Billing Officer"]);
    }

    async fn a_list_of_nobody_is_a_failure_and_the_old_one_stays(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(listed(json!([])));
        assert_nameless(&t.ask(HISTORY).await, "cold");
        t.sirius.list_fault(None);
        t.clock.advance(Duration::from_secs(60));
        t.ask(HISTORY).await.data(NODES);
        t.sirius.list_fault(listed(json!([])));
        t.clock.advance(Duration::from_secs(13 * 60 * 60));
        assert_eq!(names(&t.ask(HISTORY).await), ["Billing Officer"]);
        settle().await;
        assert_eq!(names(&t.ask(HISTORY).await), ["Billing Officer"]);
    }

    async fn twenty_megabytes_of_garbage_are_a_failure(t) {
        t.invoices_by(&[3]).await;
        for garbage in [
            "<html>".repeat(3_500_000),
            "[".repeat(20_000_000),
            format!("[{}{{}}]", "{},".repeat(7_000_000)),
            format!("[{{\"id\": 3, \"displayName\": \"{}\"", "x".repeat(20_000_000)),
        ] {
            t.sirius.list_fault(Some(Fault::Body(garbage)));
            assert_nameless(&t.ask(HISTORY).await, "garbage");
            t.clock.advance(Duration::from_secs(60));
        }
        assert_eq!(t.metric("finance_user_list_refreshes_total{outcome=\"nonsense\"}"), 4.0);
    }

    async fn a_body_that_never_ends_is_given_up_at_its_limit(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(Some(Fault::Endless(Duration::ZERO)));
        assert_nameless(&t.ask(HISTORY).await, "endless");
        settle().await;
        let given_up = ["too_large", "timed_out"].map(|outcome| {
            t.metric(&format!("finance_user_list_refreshes_total{{outcome=\"{outcome}\"}}"))
        });
        assert_eq!(given_up.iter().sum::<f64>(), 1.0);
        t.sirius.list_fault(None);
        t.clock.advance(Duration::from_secs(60));
        assert_eq!(names(&t.ask(HISTORY).await), ["Billing Officer"]);
    }

    async fn names_that_a_new_list_lacks_are_served_no_more(t) {
        t.invoices_by(&[3, 7]).await;
        t.ask(HISTORY).await.data(NODES);
        t.sirius.list_fault(listed(json!([{ "id": 7, "displayName": "Finance Manager" }])));
        t.clock.advance(Duration::from_secs(12 * 60 * 60));
        t.ask(HISTORY).await.data(NODES);
        settle().await;
        let answer = t.ask(HISTORY).await;
        assert_eq!(names(&answer), ["Unknown User", "Finance Manager"]);
        assert_eq!(t.metric("finance_user_cache_users"), 1.0);
    }

    async fn a_redirect_is_not_followed(t) {
        t.invoices_by(&[3]).await;
        let elsewhere = t.sirius.origin.join("/elsewhere/users").unwrap();
        t.sirius.list_fault(Some(Fault::Redirect(elsewhere)));
        assert_nameless(&t.ask(HISTORY).await, "redirect");
        assert_eq!(t.sirius.take_lists().len(), 1, "the session went nowhere else");
    }

    async fn after_a_failure_the_next_try_waits_twice_as_long_each_time(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(Some(Fault::Status(500)));
        assert_nameless(&t.ask(HISTORY).await, "first");
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            t.sirius.take_lists();
            t.clock.advance(Duration::from_millis(wait * 1000 - 1));
            assert_nameless(&t.ask(HISTORY).await, "waiting");
            assert_eq!(t.sirius.take_lists().len(), 0, "within {wait} s nobody is asked");
            t.clock.advance(Duration::from_millis(1));
            assert_nameless(&t.ask(HISTORY).await, "tried");
            assert_eq!(t.sirius.take_lists().len(), 1, "after {wait} s one is");
        }
        t.sirius.list_fault(None);
        t.clock.advance(Duration::from_secs(60));
        assert_eq!(names(&t.ask(HISTORY).await), ["Billing Officer"]);
        t.sirius.list_fault(Some(Fault::Status(500)));
        t.clock.advance(Duration::from_secs(48 * 60 * 60));
        assert_nameless(&t.ask(HISTORY).await, "failed anew");
        t.clock.advance(Duration::from_secs(1));
        t.sirius.take_lists();
        t.ask(HISTORY).await;
        assert_eq!(t.sirius.take_lists().len(), 1, "the wait begins at a second again");
    }

    async fn a_list_that_is_down_makes_no_difference_while_the_cache_is_warm(t) {
        t.invoices_by(&[3, 7, 99]).await;
        let warm = t.ask(HISTORY).await;
        assert_eq!(names(&warm), ["Billing Officer", "Finance Manager", "Unknown User"]);
        for fault in [Fault::Status(500), Fault::Status(403), Fault::Slow(Duration::from_secs(20))] {
            t.sirius.list_fault(Some(fault));
            t.clock.advance(Duration::from_secs(8 * 60 * 60));
            assert_eq!(t.ask(HISTORY).await.body, warm.body);
        }
    }

    async fn an_id_missing_from_a_fresh_list_starts_one_refresh_a_minute(t) {
        let mut books = Books::default();
        let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
        story.by(3).invoice(FeeType::Ad, "AD000001/24", 100, "2024-05-01 10:00:00");
        let mut story = books.client(1002, "10020001", PaymentMethod::Demanded);
        story.by(99).invoice(FeeType::Ad, "AD000099/24", 100, "2024-05-01 10:00:00");
        story.by(98).invoice(FeeType::Ad, "AD000098/24", 100, "2024-05-01 10:00:01");
        t.write(books).await;
        t.ask(HISTORY).await.data(NODES);
        t.clock.advance(Duration::from_secs(30));
        let query = HISTORY.replace("1001", "1002");
        t.sirius.take_lists();
        let new = json!([{ "id": 3, "displayName": "Billing Officer" },
            { "id": 99, "displayName": "New Colleague" }]);
        t.sirius.list_fault(listed(new));
        assert_eq!(names(&t.ask(&query).await), ["Unknown User", "Unknown User"]);
        assert_eq!(t.sirius.take_lists().len(), 0, "one was tried half a minute ago");
        t.clock.advance(Duration::from_secs(30));
        assert_eq!(names(&t.ask(&query).await), ["New Colleague", "Unknown User"]);
        assert_eq!(t.sirius.take_lists().len(), 1, "and the first answer was not remembered");
        t.clock.advance(Duration::from_secs(9 * 60));
        assert_eq!(names(&t.ask(&query).await), ["New Colleague", "Unknown User"]);
        assert_eq!(t.sirius.take_lists().len(), 0, "unknown, for ten minutes");
    }

    async fn one_callers_ended_session_is_nothing_to_others(t) {
        t.invoices_by(&[3]).await;
        t.ask("{ viewer { id } }").await.data("/viewer");
        ask_as(t, MANAGER).await.partial("/financeClient");
        t.clock.advance(Duration::from_secs(48 * 60 * 60));
        // Both sessions are verified; then the officer's ends, at the list alone.
        t.ask("{ viewer { id } }").await.data("/viewer");
        t.sirius.end_at_the_list(OFFICER);
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_millis(300))));
        let (officer, manager) = tokio::join!(ask_as(t, OFFICER), async {
            // Waits for the refresh that the officer's session has started.
            tokio::time::sleep(Duration::from_millis(100)).await;
            ask_as(t, MANAGER).await
        });
        assert_eq!(officer.errors()[0].0, "UNAUTHENTICATED");
        assert_eq!(names(&manager), ["Billing Officer"]);
        t.sirius.take_checks();
        ask_as(t, OFFICER).await;
        assert_eq!(t.sirius.take_checks().len(), 1, "the session is not believed any longer");
    }

    async fn a_session_that_the_list_refused_is_not_in_others_way_again(t) {
        t.invoices_by(&[3]).await;
        t.ask("{ viewer { id } }").await.data("/viewer");
        t.sirius.end_at_the_list(OFFICER);
        for _ in 0..5 {
            assert_eq!(ask_as(t, OFFICER).await.errors()[0].0, "UNAUTHENTICATED");
        }
        assert_eq!(t.sirius.take_lists().len(), 1);
    }

    async fn a_caller_who_goes_away_does_not_end_the_refresh(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_millis(300))));
        let impatient = tokio::time::timeout(Duration::from_millis(100), t.ask(HISTORY)).await;
        assert!(impatient.is_err());
        assert_eq!(names(&t.ask(HISTORY).await), ["Billing Officer"]);
        assert_eq!(t.sirius.take_lists().len(), 1);
    }

    async fn what_happens_is_counted(t) {
        t.invoices_by(&[3, 99]).await;
        let lookups = |outcome: &str| {
            t.metric(&format!("finance_user_cache_lookups_total{{outcome=\"{outcome}\"}}"))
        };
        t.ask(HISTORY).await.data(NODES);
        assert_eq!([lookups("miss"), lookups("unknown"), lookups("hit")], [2.0, 1.0, 0.0]);
        t.ask(HISTORY).await.data(NODES);
        assert_eq!([lookups("miss"), lookups("unknown"), lookups("hit")], [2.0, 2.0, 1.0]);
        t.clock.advance(Duration::from_secs(12 * 60 * 60));
        t.sirius.list_fault(Some(Fault::Status(500)));
        assert_eq!(t.metric("finance_user_cache_age_seconds"), 43_200.0);
        t.ask(HISTORY).await.partial(NODES);
        assert_eq!(lookups("stale_hit"), 1.0);
        settle().await;
        let refreshes = |outcome: &str| {
            t.metric(&format!("finance_user_list_refreshes_total{{outcome=\"{outcome}\"}}"))
        };
        assert_eq!([refreshes("listed"), refreshes("status")], [1.0, 1.0]);
        assert_eq!(t.metric("finance_user_list_refresh_seconds_count"), 2.0);
        let checks = |outcome: &str| {
            t.metric(&format!("finance_session_checks_total{{outcome=\"{outcome}\"}}"))
        };
        assert_eq!([checks("verified"), checks("remembered")], [2.0, 1.0]);
    }

    async fn the_trace_and_the_request_id_go_along(t) {
        t.invoices_by(&[3]).await;
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let request = t.post().header("Cookie", OFFICER).json(&json!({ "query": HISTORY }))
            .header("traceparent", parent).header("tracestate", "a=1").header("x-request-id", "r-1")
            .header("baggage", "b=2").header("authorization", "").header("x-forwarded-for", "10.0.0.1");
        Answer::of(request).await.data(NODES);
        for headers in [t.sirius.take_lists(), t.sirius.take_checks()] {
            let headers = headers.into_iter().next().unwrap();
            let value = |name: &str| headers.get(name).map(|it| it.to_str().unwrap());
            assert_eq!(value("traceparent"), Some(parent));
            assert_eq!(value("tracestate"), Some("a=1"));
            assert_eq!(value("x-request-id"), Some("r-1"));
            let mut names = headers.keys().map(|name| name.as_str()).collect::<Vec<_>>();
            names.sort_unstable();
            assert_eq!(names, [
                "accept", "cookie", "host", "opg-bypass-membrane", "traceparent", "tracestate",
                "x-request-id", "x-xsrf-token",
            ], "and nothing else of the caller");
        }
    }
}

any_database! {
    options: Options { sirius_timeout: Duration::from_millis(500), ..Options::default() };

    async fn a_list_that_comes_a_byte_at_a_time_is_given_up_at_its_time(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(Some(Fault::Endless(Duration::from_millis(20))));
        assert_nameless(&t.ask(HISTORY).await, "endless");
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(t.metric("finance_user_list_refreshes_total{outcome=\"timed_out\"}"), 1.0);
    }

    async fn a_sirius_that_hangs_is_waited_for_once_and_then_not_until_the_next_try(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_secs(30))));
        let began = std::time::Instant::now();
        for answer in join_all((0..20).map(|_| t.ask(HISTORY))).await {
            assert_nameless(&answer, "waited");
        }
        assert!(began.elapsed() < Duration::from_secs(5), "the waiting share one wait");
        for _ in 0..20 {
            assert_nameless(&t.ask(HISTORY).await, "at once");
        }
        assert_eq!(t.sirius.take_lists().len(), 1);
    }
}

/// Lets a refresh that runs behind come to its end.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

any_database! {
    options: Options {
        bounds: HttpLimits { requests: 1_000, requests_per_caller: 1_000, ..HttpLimits::default() },
        ..Options::default()
    };
    async fn a_thousand_requests_at_once_share_one_call(t) {
        t.invoices_by(&[3]).await;
        t.ask("{ viewer { id } }").await.data("/viewer");
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_millis(1500))));
        for answer in join_all((0..1000).map(|_| t.ask(HISTORY))).await {
            assert_eq!(names(&answer), ["Billing Officer"]);
        }
        assert_eq!(t.sirius.take_lists().len(), 1);
    }
}
