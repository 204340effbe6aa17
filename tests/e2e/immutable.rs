//! What the database itself keeps: ledgers as they were written, and no balance worse than wrong.

use std::time::Duration;

use migration::connection::{Missing, options};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, TransactionTrait};
use serde_json::json;
use tests::{Harness, both_databases, postgres_only};

use super::mutations::*;

/// An invoice of 10,000 that a memo of 12,000 has paid: a credit of 2,000.
async fn a_credit(t: &Harness) {
    a_client(t).await;
    let invoice = an_invoice(t, "2025-08-01").await;
    assert_eq!(
        adjusted(t, &invoice, "CREDIT_MEMO", Some(12_000)).await,
        (0, 2_000)
    );
}

both_databases! {
    async fn no_ledger_and_no_allocation_is_changed_or_deleted(t) {
        a_credit(t).await;
        for sql in [
            "UPDATE ledger SET notes = notes",
            "UPDATE ledger_allocation SET amount = 1 WHERE amount < 0",
            "DELETE FROM ledger",
            "DELETE FROM ledger_allocation",
            // What would take them along.
            "DELETE FROM invoice",
        ] {
            let error = t.db.execute_unprepared(sql).await.unwrap_err().to_string();
            assert!(error.contains("are never changed or deleted"), "{sql}: {error}");
        }
        assert_eq!((count(t, "ledger").await, count(t, "ledger_allocation").await), (1, 2));
    }
}

/// Writes one ledger with these allocations (on the invoice, amount, status) in one transaction.
async fn insert(db: &DatabaseConnection, parts: &[(Option<()>, i32, &str)]) -> Result<(), String> {
    let transaction = db.begin().await.unwrap();
    let sql = "INSERT INTO ledger (id, reference, datetime, method, amount, type, status, finance_client_id)
        VALUES (nextval('ledger_id_seq'), gen_random_uuid()::text, now(), '', 0, 'UNKNOWN CREDIT', 'CONFIRMED', 1)";
    transaction.execute_unprepared(sql).await.unwrap();
    for (invoice, amount, status) in parts {
        let invoice = invoice.map_or("NULL", |()| "(SELECT max(id) FROM invoice)");
        let sql = format!("INSERT INTO ledger_allocation (id, ledger_id, invoice_id, datetime, amount, status)
            VALUES (nextval('ledger_allocation_id_seq'), currval('ledger_id_seq'), {invoice}, now(), {amount}, '{status}')");
        transaction.execute_unprepared(&sql).await.unwrap();
    }
    transaction
        .commit()
        .await
        .map_err(|error| error.to_string())
}

async fn connect_as(t: &Harness, role: &str) -> DatabaseConnection {
    let url = t
        .database
        .url()
        .replace("//postgres@", &format!("//{role}@"));
    let mut options = options(&url, Missing::Refuse).unwrap();
    options
        .max_connections(1)
        .connect_timeout(Duration::from_secs(5));
    Database::connect(options).await.unwrap()
}

postgres_only! {
    async fn tables_of_ledgers_are_not_truncated(t) {
        a_credit(t).await;
        for table in ["ledger", "ledger_allocation", "finance_client"] {
            t.db.execute_unprepared(&format!("TRUNCATE {table} CASCADE")).await.unwrap_err();
        }
        assert_eq!(count(t, "ledger").await, 1);
    }

    async fn at_commit_no_more_credit_is_taken_than_there_is(t) {
        a_credit(t).await;
        let refused = insert(&t.db, &[(None, 2_001, "REAPPLIED")]).await.unwrap_err();
        assert!(refused.contains("takes more than the credit"), "{refused}");
        // On the way it may be below zero: what counts is where it ends.
        insert(&t.db, &[(None, 3_000, "REAPPLIED"), (None, -1_000, "UNAPPLIED")]).await.unwrap();
        assert_eq!(count(t, "ledger").await, 2);
    }

    async fn at_commit_no_invoice_is_credited_past_its_amount(t) {
        a_credit(t).await;
        let refused = insert(&t.db, &[(Some(()), 1, "ALLOCATED")]).await.unwrap_err();
        assert!(refused.contains("past its amount"), "{refused}");
        insert(&t.db, &[(Some(()), -500, "ALLOCATED")]).await.unwrap();
        insert(&t.db, &[(Some(()), 700, "ALLOCATED"), (Some(()), -200, "UNAPPLIED")]).await.unwrap();
    }

    async fn what_is_wrong_from_before_may_become_better(t) {
        a_credit(t).await;
        t.db.execute_unprepared("UPDATE guarded_role SET role_name = '-' || role_name").await.unwrap();
        insert(&t.db, &[(None, 5_000, "REAPPLIED"), (Some(()), 900, "ALLOCATED")]).await.unwrap();
        t.db.execute_unprepared("UPDATE guarded_role SET role_name = ltrim(role_name, '-')").await.unwrap();
        // A credit of -3,000 and an invoice overpaid by 900: less of both is taken, more is not.
        insert(&t.db, &[(None, -1_000, "UNAPPLIED"), (None, 400, "REAPPLIED")]).await.unwrap();
        insert(&t.db, &[(Some(()), 100, "ALLOCATED"), (Some(()), -300, "ALLOCATED")]).await.unwrap();
        insert(&t.db, &[(None, 1, "REAPPLIED")]).await.unwrap_err();
        insert(&t.db, &[(Some(()), 1, "ALLOCATED")]).await.unwrap_err();
    }

    async fn others_are_not_hindered_until_they_are_lowered(t) {
        a_credit(t).await;
        let role = format!("sirius_{}", t.database.name());
        for sql in [
            format!("CREATE ROLE {role} LOGIN"),
            format!("GRANT USAGE ON SCHEMA supervision_finance TO {role}"),
            format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA supervision_finance TO {role}"),
            format!("GRANT ALL ON ALL SEQUENCES IN SCHEMA supervision_finance TO {role}"),
            format!("REVOKE ALL ON guarded_role FROM {role}"),
        ] {
            t.db.execute_unprepared(&sql).await.unwrap();
        }
        let sirius = connect_as(t, &role).await;
        sirius.execute_unprepared("UPDATE ledger SET notes = 'theirs'").await.unwrap();
        insert(&sirius, &[(None, 9_000, "REAPPLIED")]).await.unwrap();
        sirius.execute_unprepared("DELETE FROM invoice_adjustment; DELETE FROM invoice").await.unwrap();
        let hold = format!("INSERT INTO guarded_role VALUES ('{role}', false)");
        t.db.execute_unprepared(&hold).await.unwrap();
        sirius.execute_unprepared("UPDATE ledger SET notes = 'theirs'").await.unwrap_err();
        insert(&sirius, &[(None, 1, "REAPPLIED")]).await.unwrap_err();
        sirius.close().await.unwrap();
        t.db.execute_unprepared(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    }

    async fn our_own_roles_hold_whatever_name_they_log_in_by(t) {
        a_credit(t).await;
        let (service, login) = (format!("service_{}", t.database.name()), format!("pod_{}", t.database.name()));
        for sql in [
            format!("CREATE ROLE {service} NOLOGIN; CREATE ROLE {login} LOGIN IN ROLE {service}"),
            format!("GRANT USAGE ON SCHEMA supervision_finance TO {service}"),
            format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ledger, ledger_allocation, invoice TO {service}"),
            format!("INSERT INTO guarded_role VALUES ('{service}', true)"),
        ] {
            t.db.execute_unprepared(&sql).await.unwrap();
        }
        let pod = connect_as(t, &login).await;
        for sql in ["UPDATE ledger SET notes = ''", "DELETE FROM ledger_allocation", "DELETE FROM invoice"] {
            let error = pod.execute_unprepared(sql).await.unwrap_err().to_string();
            assert!(error.contains("are never changed or deleted"), "{sql}: {error}");
        }
        pod.execute_unprepared("UPDATE guarded_role SET is_own = false").await.unwrap_err();
        // A temporary table of the guard's name is not looked at.
        pod.execute_unprepared("CREATE TEMP TABLE guarded_role (role_name text, is_own boolean); GRANT ALL ON guarded_role TO PUBLIC;
            CREATE TEMP TABLE ledger (id int, finance_client_id int, status text); GRANT ALL ON ledger TO PUBLIC").await.unwrap();
        pod.execute_unprepared("UPDATE supervision_finance.ledger SET notes = ''").await.unwrap_err();
        pod.execute_unprepared("DROP TABLE pg_temp.guarded_role, pg_temp.ledger").await.unwrap();
        pod.close().await.unwrap();
        t.db.execute_unprepared(&format!("DROP OWNED BY {service}; DROP ROLE {login}, {service}")).await.unwrap();
    }
}

both_databases! {
    async fn a_change_sets_right_what_a_ledger_has_wrong_by_a_new_one(t) {
        a_credit(t).await;
        let ledgers = count(t, "ledger").await;
        let input = json!({ "clientId": 1001, "type": "EXEMPTION", "startYear": 2025, "lengthInYears": 1,
            "dateReceived": "2025-08-15", "notes": "Benefits" });
        by_officer(t, "addFeeReduction", input, "feeReduction { id }").await.data("/addFeeReduction/feeReduction");
        assert_eq!(count(t, "ledger").await, ledgers + 1);
    }
}
