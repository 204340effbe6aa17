//! The deadline of a request, which is its statements' too.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Statement, TransactionTrait};
use serde_json::json;
use tests::{Answer, Harness, OFFICER, postgres_only};

use super::mutations::a_client;
use super::process::{Server, serve_with};

/// Statements that the service runs now.
async fn running(t: &Harness) -> i64 {
    let sql = "SELECT count(*) AS running FROM pg_stat_activity
        WHERE application_name = 'finance-api' AND state = 'active' AND datname = current_database()";
    let statement = Statement::from_string(t.db.get_database_backend(), sql);
    let row = t.db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get("", "running").unwrap()
}

postgres_only! {
    async fn a_statement_ends_in_the_database_when_its_request_is_given_up(t) {
        a_client(t).await;
        let mut command = serve_with(t.database.url(), t.sirius.origin.as_str());
        command.env("REQUEST_TIMEOUT", "1s").env("SIRIUS_TIMEOUT", "500ms");
        let server = Server::start(&mut command);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}/graphql", server.address);
        let query = "{ financeClient(clientId: 1001) { billingHistory { totalCount } } }";
        let ask = async || {
            let request = client.post(&url).header("Cookie", OFFICER).json(&json!({ "query": query }));
            Answer::of(request).await
        };
        ask().await.data("/financeClient/billingHistory");

        let lock = t.db.begin().await.unwrap();
        lock.execute_unprepared("LOCK TABLE finance_client IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let asked = Instant::now();
        let asking = async {
            let answer = ask().await;
            (answer, asked.elapsed())
        };
        let watching = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            running(t).await
        };
        let ((answer, took), meanwhile) = tokio::join!(asking, watching);
        assert_eq!(answer.code(), "UNAVAILABLE");
        assert!(took < Duration::from_millis(1_900), "{took:?}");
        assert_eq!(meanwhile, 1);
        tokio::time::sleep(Duration::from_millis(500)).await;
        // The lock is still held, and nobody waits for it.
        assert_eq!(running(t).await, 0);
        lock.rollback().await.unwrap();
        ask().await.data("/financeClient/billingHistory");
    }
}
