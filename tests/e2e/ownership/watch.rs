//! Seeing what others do.

use std::time::Duration;

use futures_util::join;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::Value;

use super::{Live, err, on_postgres, out};

async fn watched() -> Live {
    let live = Live::sirius().await;
    assert!(live.migration(&["adopt"]).status.success());
    assert!(live.migration(&["up"]).status.success());
    let on = live.migration(&["watch", "on"]);
    assert!(on.status.success(), "{}", err(&on));
    live
}

fn changes(live: &Live) -> Value {
    let output = live.migration(&["changes", "--since", "1 hour", "--format", "json"]);
    assert!(output.status.success(), "{}", err(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn writes_of_others_are_counted_by_day_and_our_own_are_not() {
    on_postgres(async || {
        let live = watched().await;
        let sirius = live.connect_as(&live.sirius).await;
        for statement in [
            "INSERT INTO property VALUES (50, 'a', 'secret value'), (51, 'b', 'x')",
            "UPDATE property SET value = 'y' WHERE id = 50",
            "UPDATE property SET value = 'z' WHERE id = 50",
            "DELETE FROM property WHERE id = 51",
        ] {
            sirius.execute_unprepared(statement).await.unwrap();
        }
        sirius.close().await.unwrap();
        live.run("INSERT INTO supervision_finance.property VALUES (60, 'ours', 'x')")
            .await;
        let changes = changes(&live);
        let writes = changes["writes"].as_array().unwrap();
        let told = writes
            .iter()
            .map(|it| {
                format!(
                    "{} {} {} {}",
                    it["role"], it["table_name"], it["operation"], it["statements"]
                )
            })
            .collect::<Vec<_>>();
        let by = format!("\"{}\" \"property\"", live.sirius);
        assert_eq!(
            told,
            [
                format!("{by} \"DELETE\" 1"),
                format!("{by} \"INSERT\" 1"),
                format!("{by} \"UPDATE\" 2"),
            ]
        );
        assert!(
            !changes.to_string().contains("secret value"),
            "no row contents"
        );
        let text = out(&live.migration(&["changes"]));
        assert!(text.contains("property  UPDATE  2"), "{text}");
        live.drop().await;
    });
}

#[test]
fn ddl_is_noted_and_in_enforce_mode_refused_to_all_but_the_owner() {
    on_postgres(async || {
        let live = watched().await;
        live.run(&format!(
            "GRANT CREATE ON SCHEMA supervision_finance TO {}",
            live.sirius
        ))
        .await;
        let sirius = live.connect_as(&live.sirius).await;
        sirius
            .execute_unprepared("CREATE TABLE mine (id int)")
            .await
            .unwrap();
        sirius.execute_unprepared("DROP TABLE mine").await.unwrap();
        live.run("CREATE TABLE public.elsewhere (id int)").await;
        let noted = changes(&live);
        let told = noted["ddl"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["role"] == live.sirius.as_str())
            .map(|it| format!("{} {}", it["command"], it["object"]))
            .collect::<Vec<_>>();
        assert_eq!(
            told,
            [
                "\"CREATE TABLE\" \"supervision_finance.mine\"",
                "\"DROP TABLE\" \"supervision_finance.mine\"",
            ]
        );
        assert!(
            !noted.to_string().contains("public.elsewhere"),
            "other schemas are nobody's business"
        );

        assert!(
            live.migration(&["watch", "on", "--mode", "enforce"])
                .status
                .success()
        );
        let refused = sirius
            .execute_unprepared("CREATE TABLE mine (id int)")
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("owner's migrations only"),
            "{refused}"
        );
        let none = live
            .texts("SELECT relname::text FROM pg_class WHERE relname = 'mine'")
            .await;
        assert_eq!(none, Vec::<String>::new());
        sirius.close().await.unwrap();
        live.run("CREATE TABLE supervision_finance.ours (id int)")
            .await;

        let status = out(&live.migration(&["watch", "status"]));
        assert!(
            status.contains("enforce") && status.contains("not watched yet   ours"),
            "{status}"
        );
        assert!(live.migration(&["watch", "off"]).status.success());
        let triggers = live.texts("SELECT tgname::text FROM pg_trigger WHERE tgname LIKE 'zz_watch%' UNION SELECT evtname::text FROM pg_event_trigger WHERE evtname LIKE 'supervision_finance%'").await;
        assert_eq!(triggers, Vec::<String>::new());
        live.drop().await;
    });
}

#[test]
fn watching_is_no_drift() {
    on_postgres(async || {
        let live = watched().await;
        let verified = live.migration(&["verify"]);
        assert_eq!(verified.status.code(), Some(0), "{}", out(&verified));
        assert_eq!(
            live.migration(&["verify", "--isolated"]).status.code(),
            Some(0)
        );
        live.drop().await;
    });
}

#[test]
fn two_writers_that_touch_tables_in_opposite_order_neither_wait_nor_fail() {
    on_postgres(async || {
        let live = watched().await;
        let (first, second) = (
            live.connect_as(&live.sirius).await,
            live.connect_as(&live.sirius).await,
        );
        let (a, b) = (first.begin().await.unwrap(), second.begin().await.unwrap());
        let rate = |id: i32| format!("INSERT INTO rate VALUES ({id}, 'x', NULL, NULL, 1)");
        let property = |id: i32| format!("INSERT INTO property VALUES ({id}, 'k{id}', 'x')");
        let within = Duration::from_secs(2);
        let both = tokio::time::timeout(within, async {
            a.execute_unprepared(&rate(100)).await.unwrap();
            b.execute_unprepared(&property(100)).await.unwrap();
            a.execute_unprepared(&property(101)).await.unwrap();
            b.execute_unprepared(&rate(101)).await.unwrap();
            let (a, b) = join!(a.commit(), b.commit());
            a.unwrap();
            b.unwrap();
        });
        both.await.expect("neither waits for the other");
        first.close().await.unwrap();
        second.close().await.unwrap();
        live.drop().await;
    });
}

#[test]
fn a_note_that_cannot_be_taken_costs_the_writer_nothing() {
    on_postgres(async || {
        let live = watched().await;
        live.run(
            "DROP TABLE supervision_finance_watch.foreign_write, supervision_finance_watch.ddl",
        )
        .await;
        let sirius = live.connect_as(&live.sirius).await;
        sirius
            .execute_unprepared("INSERT INTO property VALUES (50, 'a', 'b')")
            .await
            .unwrap();
        sirius.close().await.unwrap();
        live.run("ALTER TABLE supervision_finance.rate ADD COLUMN more int")
            .await;
        live.drop().await;
    });
}

#[test]
fn where_event_triggers_are_not_to_be_had_writes_are_noted_all_the_same() {
    on_postgres(async || {
        let mut live = Live::sirius().await;
        let owner = live.role("owner", "LOGIN").await;
        let name = live.database.name().to_owned();
        live.run(&format!("GRANT CREATE ON DATABASE {name} TO {owner}"))
            .await;
        assert!(
            live.migration(&["adopt", "--owner", &owner])
                .status
                .success()
        );
        let on = super::migration_at(&live.url_as(&owner), &["watch", "on"]);
        assert!(on.status.success(), "{}", err(&on));
        assert!(out(&on).contains("DDL is NOT noted"), "{}", out(&on));
        let sirius = live.connect_as(&live.sirius).await;
        sirius
            .execute_unprepared("INSERT INTO property VALUES (50, 'a', 'b')")
            .await
            .unwrap();
        sirius.close().await.unwrap();
        assert_eq!(changes(&live)["writes"].as_array().unwrap().len(), 1);
        live.run(&format!("REVOKE ALL ON DATABASE {name} FROM {owner}"))
            .await;
        live.drop().await;
    });
}
