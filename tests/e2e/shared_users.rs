//! One list of users for several instances (USER_CACHE_URL).

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::token::SIRIUS_KEY;
use tests::{Answer, Fault, Instance, Options, any_database};

const HISTORY: &str = "{ financeClient(clientId: 1001) { billingHistory(first: 1000) { nodes {
    createdBy { displayName } } } } }";
const NODES: &str = "/financeClient/billingHistory/nodes";
const KEY: &str = "supervision-finance:users:1";
const LOCK: &str = "supervision-finance:users:1:refreshing";

#[track_caller]
fn name(answer: &Answer) -> Value {
    answer.column(NODES, "createdBy/displayName").remove(0)
}

fn reads(instance: &Instance, outcome: &str) -> f64 {
    instance.metric(&format!(
        "finance_user_cache_shared_reads_total{{outcome=\"{outcome}\"}}"
    ))
}

fn shared() -> Options {
    Options {
        redis: true,
        ..Options::default()
    }
}

any_database! {
    options: shared();

    async fn a_new_instance_starts_warm_even_for_callers_without_a_session(t) {
        t.invoices_by(&[3]).await;
        assert_eq!(name(&t.ask(HISTORY).await), "Billing Officer");
        t.sirius.take_lists();
        t.sirius.list_fault(Some(Fault::Status(500)));
        let second = t.instance().await;
        assert_eq!(name(&second.ask(HISTORY).await), "Billing Officer");
        let by_key = second.post().bearer_auth(SIRIUS_KEY).json(&json!({ "query": HISTORY }));
        assert_eq!(name(&Answer::of(by_key).await), "Billing Officer");
        assert_eq!(t.sirius.take_lists().len(), 0);
        assert_eq!(reads(&second, "found"), 1.0);
    }

    async fn one_instance_refreshes_for_all(t) {
        t.invoices_by(&[3]).await;
        let second = t.instance().await;
        let third = t.instance().await;
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_millis(400))));
        let asked = join_all((0..30).map(async |number| match number % 3 {
            0 => t.ask(HISTORY).await,
            1 => second.ask(HISTORY).await,
            _ => third.ask(HISTORY).await,
        }));
        for answer in asked.await {
            assert_eq!(name(&answer), "Billing Officer");
        }
        assert_eq!(t.sirius.take_lists().len(), 1);
    }

    async fn a_list_keeps_its_age_from_instance_to_instance(t) {
        t.invoices_by(&[3]).await;
        t.ask(HISTORY).await.data(NODES);
        t.clock.advance(Duration::from_secs(11 * 60 * 60));
        let second = t.instance().await;
        assert_eq!(second.metric("finance_user_cache_age_seconds"), 39_600.0);
        t.sirius.take_lists();
        t.clock.advance(Duration::from_secs(60 * 60));
        assert_eq!(name(&second.ask(HISTORY).await), "Billing Officer");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(t.sirius.take_lists().len(), 1, "refreshed at twelve hours of the list's age");
        assert_eq!(name(&t.ask(HISTORY).await), "Billing Officer");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(t.sirius.take_lists().len(), 0, "the first takes over what the second fetched");
        assert_eq!(t.metric("finance_user_cache_age_seconds"), 0.0);
    }

    async fn it_holds_ids_and_names_and_nothing_else(t) {
        t.invoices_by(&[3]).await;
        t.ask(HISTORY).await.data(NODES);
        let held: Value = serde_json::from_str(&t.redis().run(&["GET", KEY])).unwrap();
        let mut fields = held.as_object().unwrap().keys().collect::<Vec<_>>();
        fields.sort();
        assert_eq!(fields, ["asked_at", "users"]);
        let mut users = held["users"].as_array().unwrap().clone();
        users.sort_by_key(|user| user[0].as_i64());
        let expected = json!([
            [3, "Billing Officer"], [7, "Finance Manager"], [12, "Cash Control Officer"],
        ]);
        assert_eq!(Value::Array(users), expected);
        let kept = t.redis().run(&["TTL", KEY]).parse::<i64>().unwrap();
        assert!((172_000..=172_800).contains(&kept), "as long as it may be served: {kept}");
        assert_eq!(t.redis().run(&["EXISTS", LOCK]), "0");
    }

    async fn redis_down_is_as_if_there_were_none(t) {
        t.invoices_by(&[3]).await;
        t.redis().proxy.cut();
        assert_eq!(name(&t.ask(HISTORY).await), "Billing Officer");
        assert_eq!(reads(t, "failed"), 1.0);
        t.redis().proxy.mend();
        t.clock.advance(Duration::from_secs(13 * 60 * 60));
        t.ask(HISTORY).await.data(NODES);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let written = "finance_user_cache_shared_writes_total{outcome=\"written\"}";
        assert_eq!(t.metric(written), 1.0, "used again once it is back");
    }

    async fn redis_hanging_costs_a_quarter_of_a_second_once(t) {
        t.invoices_by(&[3]).await;
        t.redis().proxy.stall();
        let began = Instant::now();
        assert_eq!(name(&t.ask(HISTORY).await), "Billing Officer");
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(t.sirius.take_lists().len(), 1);
        let second = tokio::time::timeout(Duration::from_secs(2), t.instance()).await;
        assert!(second.is_ok(), "and a start does not wait for it either");
    }

    async fn rubbish_is_left_and_replaced(t) {
        t.invoices_by(&[3]).await;
        let ahead = "{\"asked_at\":9999999999999,\"users\":[[3,\"From the Future\"]]}";
        let nobody = "{\"asked_at\":1756728000000,\"users\":[]}";
        for rubbish in ["rubbish", "{\"asked_at\":0}", ahead, nobody] {
            t.redis().run(&["SET", KEY, rubbish]);
            let instance = t.instance().await;
            assert_eq!(name(&instance.ask(HISTORY).await), "Billing Officer", "{rubbish}");
            assert_eq!(reads(&instance, "rubbish"), 2.0, "{rubbish}");
            assert!(t.redis().run(&["GET", KEY]).contains("Billing Officer"), "{rubbish}");
        }
        t.redis().run(&["DEL", KEY]);
        t.redis().run(&["LPUSH", KEY, "another", "type"]);
        let instance = t.instance().await;
        assert_eq!(name(&instance.ask(HISTORY).await), "Billing Officer");
        assert_eq!(reads(&instance, "rubbish"), 2.0);
        assert_eq!(t.redis().run(&["TYPE", KEY]), "string", "replaced");
    }

    async fn rubbish_in_the_lock_holds_up_nobody_for_long(t) {
        t.invoices_by(&[3]).await;
        t.redis().run(&["SET", LOCK, "rubbish"]);
        let began = Instant::now();
        assert_eq!(name(&t.ask(HISTORY).await), "Billing Officer");
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert!(t.redis().run(&["GET", KEY]).contains("Billing Officer"), "and others have it");
    }

    async fn a_list_too_old_to_serve_is_not_taken_over(t) {
        t.invoices_by(&[3]).await;
        let old = json!({ "asked_at": 1_756_728_000_000_i64 - 49 * 3_600_000, "users": [[3, "Old"]] });
        t.redis().run(&["SET", KEY, &old.to_string()]);
        let instance = t.instance().await;
        assert_eq!(name(&instance.ask(HISTORY).await), "Billing Officer");
    }

    async fn a_stale_list_is_better_than_none_while_sirius_is_down(t) {
        t.invoices_by(&[3]).await;
        t.ask(HISTORY).await.data(NODES);
        t.sirius.list_fault(Some(Fault::Status(500)));
        t.clock.advance(Duration::from_secs(47 * 60 * 60));
        let instance = t.instance().await;
        assert_eq!(name(&instance.ask(HISTORY).await), "Billing Officer");
    }

    async fn an_instance_that_dies_while_refreshing_holds_up_nobody_for_long(t) {
        t.invoices_by(&[3]).await;
        t.redis().run(&["SET", LOCK, "an instance that is no more", "PX", "5000"]);
        t.sirius.list_fault(Some(Fault::Slow(Duration::from_millis(400))));
        let second = t.instance().await;
        let (first, second) = tokio::join!(t.ask(HISTORY), second.ask(HISTORY));
        assert_eq!([name(&first), name(&second)], ["Billing Officer", "Billing Officer"]);
    }
}

any_database! {
    async fn without_the_setting_nothing_is_counted_there(t) {
        assert!(!t.metrics().contains("shared_reads"), "{}", t.metrics());
    }
}
