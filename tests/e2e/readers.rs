//! Connections that readers hand on to each other: how many there are, and for whom.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use serde_json::{Value, json};
use tests::token::SECRET;
use tests::{Answer, OFFICER, postgres_only};
use tokio::time::timeout;

use super::life::{http, invoice, manager_token, post};
use super::mutations::a_client;
use super::process::{Server, serve_with};

fn history() -> Value {
    json!({ "query": "{ financeClient(clientId: 1001) { billingHistory { totalCount } } }" })
}

/// How many connections were ever made to this database.
async fn sessions(db: &DatabaseConnection) -> i64 {
    let sql = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()";
    let asked = Statement::from_string(DbBackend::Postgres, sql);
    let row = db.query_one_raw(asked).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

postgres_only! {
    async fn queries_that_hang_leave_changes_their_half_of_the_pool(t) {
        a_client(t).await;
        let mut command = serve_with(t.database.url(), t.sirius.origin.as_str());
        command.env("DATABASE_POOL_SIZE", "4").env("DATABASE_TIMEOUT", "1s").env("JWT_SECRET", SECRET);
        let server = Server::start(&mut command);
        let http = http();
        let ask = || Answer::of(post(&http, &server.address, &history()).header("Cookie", OFFICER));
        let change = || {
            Answer::of(post(&http, &server.address, &invoice(1)).bearer_auth(manager_token()))
        };
        ask().await.data("/financeClient/billingHistory");
        let lock = t.db.begin().await.unwrap();
        // What histories read, and this change does not.
        lock.execute_unprepared("LOCK TABLE pending_collection IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let hanging = join_all((0..8).map(|_| ask()));
        let changing = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            timeout(Duration::from_secs(2), change()).await
        };
        let (answers, changed) = tokio::join!(hanging, changing);
        assert!(answers.iter().all(|it| it.code() == "UNAVAILABLE"));
        changed.unwrap().data("/addManualInvoice/invoice/reference");
        lock.rollback().await.unwrap();
        ask().await.data("/financeClient/billingHistory");
    }

    async fn readers_at_once_make_no_more_connections_than_they_need(t) {
        a_client(t).await;
        let server = Server::start(&mut serve_with(t.database.url(), t.sirius.origin.as_str()));
        let http = http();
        let ask = || Answer::of(post(&http, &server.address, &history()).header("Cookie", OFFICER));
        let round = async |at_once: usize| {
            for answer in join_all((0..at_once).map(|_| ask())).await {
                answer.data("/financeClient/billingHistory");
            }
        };
        let before = sessions(&t.db).await;
        // One has made a connection; whoever comes beside it begins another, and is to make it.
        for at_once in 1..=8 {
            for _ in 0..20 {
                round(at_once).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let made = sessions(&t.db).await - before;
        // All that the server may have, for requests and for what watches the database.
        assert!(made <= 13, "{made} connections were made");
    }
}
