//! The user who caused an event (contract, "createdBy"; ADR 12).

use std::time::Duration;

use api::demo::books::*;
use entity::stored::*;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{Answer, Fault, Harness, MANAGER, OFFICER, Options, any_database, both_databases};

const NODES: &str = "/financeClient/billingHistory/nodes";

const HISTORY: &str = "{ financeClient(clientId: 1001) { clientId
    billingHistory(first: 1000) { nodes { createdBy { id displayName } } } } }";

async fn history(t: &Harness) -> Answer {
    t.ask(HISTORY).await
}

fn names(answer: &Answer) -> Vec<Value> {
    answer.column(NODES, "createdBy/displayName")
}

/// The history is there, each user is null, and each says why under its own path.
#[track_caller]
fn assert_nameless(answer: &Answer, events: usize) {
    assert_eq!(answer.partial("/financeClient/clientId"), 1001);
    let nodes = answer.partial(NODES).as_array().unwrap();
    assert_eq!(nodes, &vec![json!({ "createdBy": null }); events]);
    let mut expected = (0..events)
        .map(|place| format!("financeClient/billingHistory/nodes/{place}/createdBy"))
        .map(|path| ("SIRIUS_UNAVAILABLE".to_owned(), path))
        .collect::<Vec<_>>();
    let mut errors = answer.errors();
    errors.sort();
    expected.sort();
    assert_eq!(errors, expected);
}

both_databases! {
    async fn a_whole_history_costs_one_call_cold_and_none_warm(t) {
        let users = [3, 7, 12].repeat(100);
        t.invoices_by(&users).await;
        let answer = history(t).await;
        let mut expected = users
            .iter()
            .map(|user| match user {
                3 => "Billing Officer",
                7 => "Finance Manager",
                _ => "Cash Control Officer",
            })
            .collect::<Vec<_>>();
        expected.reverse();
        assert_eq!(names(&answer), expected);
        assert_eq!(t.sirius.take_lists().len(), 1);
        assert_eq!(names(&history(t).await), expected);
        assert_eq!(t.sirius.take_lists().len(), 0);
    }

    async fn many_requests_at_once_share_one_call(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_millis(200))));
        for answer in join_all((0..40).map(|_| history(t))).await {
            assert_eq!(names(&answer), ["Billing Officer"]);
        }
        assert_eq!(t.sirius.take_lists().len(), 1);
    }

    async fn the_callers_own_session_goes_along_and_nothing_else_of_the_caller(t) {
        t.invoices_by(&[3]).await;
        let query = json!({ "query": "{ financeClient(clientId: 1001) {
            billingHistory { nodes { createdBy { id } } } } }" });
        let request = t.post().header("Cookie", OFFICER).header("X-Secret", "s").json(&query);
        Answer::of(request).await.data(NODES);
        let lists = t.sirius.take_lists();
        let headers = lists.first().unwrap();
        let value = |name: &str| headers.get(name).map(|it| it.to_str().unwrap());
        assert_eq!(value("cookie"), Some(OFFICER));
        assert_eq!(value("x-xsrf-token"), Some("a+b c"));
        assert_eq!(value("opg-bypass-membrane"), Some("1"));
        assert_eq!(value("accept"), Some("application/json"));
        assert_eq!(value("x-secret"), None);
    }

    async fn an_id_that_sirius_does_not_know_is_unknown_user(t) {
        t.invoices_by(&[3, 99]).await;
        let answer = history(t).await;
        assert_eq!(answer.data(NODES), &json!([
            { "createdBy": { "id": "99", "displayName": "Unknown User" } },
            { "createdBy": { "id": "3", "displayName": "Billing Officer" } },
        ]));
        assert_eq!(t.sirius.take_lists().len(), 1);
        t.clock.advance(Duration::from_secs(9 * 60));
        history(t).await.data(NODES);
        assert_eq!(t.sirius.take_lists().len(), 0, "remembered for ten minutes");
        t.clock.advance(Duration::from_secs(60));
        history(t).await.data(NODES);
        assert_eq!(t.sirius.take_lists().len(), 1, "and no longer");
    }

    async fn an_old_list_is_served_while_one_refresh_runs_behind(t) {
        t.invoices_by(&[3]).await;
        history(t).await.data(NODES);
        t.sirius.take_lists();
        t.clock.advance(Duration::from_secs(12 * 60 * 60));
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_millis(300))));
        assert_eq!(names(&history(t).await), ["Billing Officer"]);
        assert_eq!(names(&history(t).await), ["Billing Officer"]);
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(t.sirius.take_lists().len(), 1);
        history(t).await.data(NODES);
        assert_eq!(t.sirius.take_lists().len(), 0, "fresh again");
    }

    async fn nothing_older_than_two_days_is_served(t) {
        t.invoices_by(&[3]).await;
        history(t).await.data(NODES);
        t.sirius.list_fault(Some(Fault::Status(500)));
        t.clock.advance(Duration::from_secs(48 * 60 * 60 - 1));
        assert_eq!(names(&history(t).await), ["Billing Officer"]);
        t.clock.advance(Duration::from_secs(120));
        assert_nameless(&history(t).await, 1);
    }

    async fn with_the_list_refused_the_history_is_served_without_names(t) {
        t.invoices_by(&[3, 7]).await;
        for fault in [
            Fault::Status(403),
            Fault::Status(500),
            Fault::Status(302),
            Fault::Body("<html>".to_owned()),
            Fault::Body("{\"users\": []}".to_owned()),
            Fault::Body("[]".to_owned()),
            Fault::Body("[{\"id\": \"three\", \"displayName\": 3}]".to_owned()),
        ] {
            t.sirius.list_fault(Some(fault));
            assert_nameless(&history(t).await, 2);
            t.clock.advance(Duration::from_secs(60));
        }
        t.sirius.list_fault(None);
        assert_eq!(names(&history(t).await), ["Finance Manager", "Billing Officer"]);
    }

    async fn a_list_without_the_session_is_unauthenticated_and_no_outage(t) {
        t.invoices_by(&[3]).await;
        t.sirius.list_fault(Some(Fault::Status(401)));
        let errors = history(t).await.errors();
        assert_eq!(errors[0].0, "UNAUTHENTICATED");
        t.sirius.list_fault(None);
        let query = json!({ "query": HISTORY });
        let other = Answer::of(t.post().header("Cookie", MANAGER).json(&query)).await;
        assert_eq!(names(&other), ["Billing Officer"], "another at once: no back-off");
    }

    async fn without_anybody_recorded_nobody_is_asked_for(t) {
        let mut books = Books::default();
        books
            .client(1001, "10010001", PaymentMethod::Demanded)
            .old_invoice(FeeType::Ad, "AD000001/24", 100, "2020-05-01");
        t.write(books).await;
        assert_eq!(history(t).await.data(NODES), &json!([{ "createdBy": null }]));
        assert_eq!(t.sirius.take_lists().len(), 0);
    }

    async fn a_user_tells_number_and_name_and_nothing_else(t) {
        let answer = t.ask("{ __type(name: \"User\") { fields { name } } }").await;
        assert_eq!(answer.column("/__type/fields", "name"), ["id", "displayName"]);
    }
}

any_database! {
    options: Options { sirius_timeout: Duration::from_millis(300), ..Options::default() };

    async fn a_slow_list_is_given_up_after_its_time(t) {
        t.invoices_by(&[3, 7]).await;
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_secs(30))));
        assert_nameless(&history(t).await, 2);
        // The refresh ends a moment after those who wait for it.
        tokio::time::sleep(Duration::from_millis(600)).await;
        t.sirius.list_fault(None);
        t.clock.advance(Duration::from_secs(60));
        assert_eq!(names(&history(t).await), ["Finance Manager", "Billing Officer"]);
    }
}
