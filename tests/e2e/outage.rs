//! A database that is taken away (what only PostgreSQL can show).

use std::time::{Duration, Instant};

use serde_json::Value;
use tests::postgres_only;

postgres_only! {
    async fn a_database_that_is_down_is_unavailable_in_time_and_back_by_itself(t) {
        let query = "{ viewer { id } financeClient(clientId: 1) { id } }";
        assert_eq!(t.ask(query).await.data("/financeClient"), &Value::Null);
        let proxy = t.proxy.as_ref().unwrap();
        proxy.cut();
        let began = Instant::now();
        let answer = t.ask(query).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(answer.errors(), [("UNAVAILABLE".to_owned(), "financeClient".to_owned())]);
        assert_eq!(answer.partial("/viewer/id"), "3");
        assert_eq!(t.get("/health/ready").send().await.unwrap().status(), 503);
        assert_eq!(t.get("/health/live").send().await.unwrap().status(), 200);
        proxy.mend();
        assert_eq!(t.ask(query).await.data("/financeClient"), &Value::Null);
        // What it has said is remembered for a second.
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        assert_eq!(t.get("/health/ready").send().await.unwrap().status(), 200);
    }

    async fn a_database_that_hangs_is_unavailable_in_time_and_back_by_itself(t) {
        let query = "{ viewer { id } financeClient(clientId: 1) { id } }";
        assert_eq!(t.ask(query).await.data("/financeClient"), &Value::Null);
        let proxy = t.proxy.as_ref().unwrap();
        proxy.stall();
        let began = Instant::now();
        let answer = t.ask(query).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(answer.errors(), [("UNAVAILABLE".to_owned(), "financeClient".to_owned())]);
        proxy.mend();
        assert_eq!(t.ask(query).await.data("/financeClient"), &Value::Null);
    }

    async fn a_fault_of_the_database_is_internal_and_shows_nothing_of_it(t) {
        t.database.execute("DROP TABLE pending_collection").await;
        t.database.execute(
            "INSERT INTO finance_client (id, client_id, sop_number, payment_method) \
             VALUES (1, 1001, '1', 'DEMANDED')",
        ).await;
        let answer = t
            .ask("{ financeClient(clientId: 1001) { clientId billingHistory { totalCount } } }")
            .await;
        assert_eq!(answer.code(), "INTERNAL");
        assert_eq!(answer.partial("/financeClient/clientId"), 1001);
        let text = answer.body.to_string();
        assert!(!text.contains("pending_collection") && !text.contains("SELECT"), "{text}");
        assert!(answer.headers.contains_key("x-request-id"));
    }
}
