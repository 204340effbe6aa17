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

#[test]
fn enforce_mode_sees_triggers_moves_and_renames_and_lets_other_schemas_be() {
    on_postgres(async || {
        let live = watched().await;
        let role = live.sirius.clone();
        live.run(&format!("CREATE SCHEMA other AUTHORIZATION {role}"))
            .await;
        live.run(&format!(
            "GRANT CREATE ON SCHEMA supervision_finance TO {role}"
        ))
        .await;
        live.run(&format!(
            "GRANT TRIGGER ON supervision_finance.rate TO {role}"
        ))
        .await;
        let sirius = live.connect_as(&role).await;
        sirius
            .execute_unprepared("CREATE TABLE mine (id int)")
            .await
            .unwrap();
        sirius.execute_unprepared("CREATE FUNCTION other.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'").await.unwrap();
        assert!(
            live.migration(&["watch", "on", "--mode", "enforce"])
                .status
                .success()
        );
        // Said once, it stays.
        assert!(live.migration(&["watch", "on"]).status.success());
        for refused in [
            "CREATE TRIGGER t AFTER INSERT ON rate EXECUTE FUNCTION other.fire()",
            "ALTER TABLE mine SET SCHEMA other",
            "ALTER TABLE mine RENAME TO ours",
            "CREATE INDEX ON mine (id)",
            "COMMENT ON TABLE mine IS 'x'",
            "DROP TABLE mine",
        ] {
            let error = sirius.execute_unprepared(refused).await.expect_err(refused);
            assert!(
                error.to_string().contains("owner's migrations only"),
                "{refused}: {error}"
            );
        }
        sirius
            .execute_unprepared("CREATE TABLE other.free (id int)")
            .await
            .unwrap();
        sirius
            .execute_unprepared("GRANT SELECT ON other.free TO PUBLIC /* supervision_finance */")
            .await
            .unwrap();
        sirius.close().await.unwrap();
        live.run("DROP SCHEMA other CASCADE").await;
        live.drop().await;
    });
}

#[test]
fn what_a_foreign_delete_takes_along_is_counted_as_theirs() {
    on_postgres(async || {
        let live = watched().await;
        let sirius = live.connect_as(&live.sirius).await;
        sirius
            .execute_unprepared("DELETE FROM ledger WHERE id = 1")
            .await
            .unwrap();
        sirius.close().await.unwrap();
        let tables = changes(&live)["writes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["table_name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>();
        // The ledgers below it, and where its money went.
        assert!(
            tables.contains(&"ledger_allocation".to_owned()),
            "{tables:?}"
        );
        live.drop().await;
    });
}

#[test]
fn the_watchs_functions_belong_to_whoever_set_it_up_last_and_to_no_lesser_role() {
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
        let url = live.url_as(&owner);
        assert!(super::migration_at(&url, &["watch", "on"]).status.success());
        let on = live.migration(&["watch", "on"]);
        assert!(
            out(&on).contains("DDL is noted"),
            "{}{}",
            out(&on),
            err(&on)
        );
        let holders =
            "SELECT DISTINCT (pg_get_userbyid(proowner) = current_user)::text FROM pg_proc
            WHERE pronamespace = 'supervision_finance_watch'::regnamespace
            UNION SELECT (pg_get_userbyid(nspowner) = current_user)::text FROM pg_namespace
            WHERE nspname = 'supervision_finance_watch'";
        assert_eq!(live.texts(holders).await, ["true"]);
        let refused = super::migration_at(&url, &["watch", "on"]);
        assert!(
            err(&refused).contains("the watch belongs to"),
            "{}",
            err(&refused)
        );
        // Reading is the owner's all the same.
        let status = super::migration_at(&url, &["watch", "status"]);
        assert!(status.status.success(), "{}", err(&status));
        live.run(&format!("REVOKE ALL ON DATABASE {name} FROM {owner}"))
            .await;
        live.drop().await;
    });
}

#[test]
fn a_writer_at_work_on_several_tables_is_waited_for_and_never_deadlocked() {
    on_postgres(async || {
        let live = watched().await;
        let sirius = live.connect_as(&live.sirius).await;
        let work = sirius.begin().await.unwrap();
        work.execute_unprepared("UPDATE rate SET amount = 1")
            .await
            .unwrap();
        let off = std::process::Command::new(crate::process::binary("migration"))
            .args(["watch", "off"])
            .env("DATABASE_URL", live.database.url())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        work.execute_unprepared("UPDATE billing_period SET order_id = 1")
            .await
            .unwrap();
        work.commit().await.unwrap();
        sirius.close().await.unwrap();
        assert!(off.wait_with_output().unwrap().status.success());
        live.drop().await;
    });
}
