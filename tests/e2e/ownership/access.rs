//! Letting roles in and shutting them out.

use sea_orm::ConnectionTrait;

use super::{Live, err, on_postgres, out};

async fn watched() -> Live {
    let live = Live::sirius().await;
    for arguments in [&["adopt"][..], &["up"], &["watch", "on"]] {
        let output = live.migration(arguments);
        assert!(output.status.success(), "{}", err(&output));
    }
    live.run("UPDATE supervision_finance_watch.setting SET since = now() - interval '40 days'")
        .await;
    live
}

/// Whether Sirius may read, and whether it may write.
async fn rights(live: &Live) -> (bool, bool) {
    let sirius = live.connect_as(&live.sirius).await;
    let may = async |sql: &str| sirius.execute_unprepared(sql).await.is_ok();
    let rights = (
        may("SELECT 1 FROM supervision_finance.rate").await,
        may("UPDATE supervision_finance.rate SET amount = amount WHERE false").await,
    );
    sirius.close().await.unwrap();
    rights
}

#[test]
fn a_role_is_brought_to_each_stage_and_new_tables_follow() {
    on_postgres(async || {
        let live = watched().await;
        let role = live.sirius.clone();
        assert_eq!(rights(&live).await, (true, true));
        for (stage, expected) in [
            ("read-only", (true, false)),
            ("none", (false, false)),
            ("read-write", (true, true)),
            ("read-only", (true, false)),
        ] {
            let output = live.migration(&["access", "set", &role, stage, "--force"]);
            assert!(output.status.success(), "{stage}: {}", err(&output));
            assert_eq!(rights(&live).await, expected, "{stage}");
        }
        live.run("CREATE TABLE supervision_finance.later (id int)")
            .await;
        let sirius = live.connect_as(&role).await;
        sirius
            .execute_unprepared("SELECT 1 FROM later")
            .await
            .unwrap();
        sirius
            .execute_unprepared("DELETE FROM later")
            .await
            .unwrap_err();
        sirius.close().await.unwrap();
        let shown = out(&live.migration(&["access", "show"]));
        let line = shown
            .lines()
            .find(|line| line.starts_with(&role) && line.contains(" rate "));
        assert!(
            line.is_some_and(|line| line.split_whitespace().skip(2).eq(["granted", "SELECT"])),
            "{shown}"
        );
        assert!(shown.contains("future tables"), "{shown}");
        live.drop().await;
    });
}

#[test]
fn a_role_that_wrote_lately_is_lowered_only_by_force() {
    on_postgres(async || {
        let live = watched().await;
        let role = live.sirius.clone();
        let readiness = live.migration(&["access", "readiness", &role]);
        assert_eq!(readiness.status.code(), Some(0), "{}", out(&readiness));
        let sirius = live.connect_as(&role).await;
        sirius
            .execute_unprepared("UPDATE invoice SET batchnumber = 8 WHERE id = 1")
            .await
            .unwrap();
        sirius.close().await.unwrap();
        let readiness = live.migration(&["access", "readiness", &role]);
        assert_eq!(readiness.status.code(), Some(1));
        assert!(
            out(&readiness).contains("createGeneratedInvoices"),
            "{}",
            out(&readiness)
        );
        let refused = live.migration(&["access", "set", &role, "read-only"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            err(&refused).contains("wrote to invoice in the last 7 days"),
            "{}",
            err(&refused)
        );
        assert_eq!(rights(&live).await, (true, true));
        // Eight days on.
        live.run("UPDATE supervision_finance_watch.foreign_write SET at = at - interval '8 days'")
            .await;
        assert!(
            live.migration(&["access", "set", &role, "read-only"])
                .status
                .success()
        );
        live.run("UPDATE supervision_finance_watch.foreign_write SET at = at - interval '30 days'")
            .await;
        assert_eq!(
            live.migration(&["access", "readiness", &role])
                .status
                .code(),
            Some(0)
        );
        live.drop().await;
    });
}

#[test]
fn without_watch_nothing_is_known_and_lowering_wants_force() {
    on_postgres(async || {
        let live = Live::sirius().await;
        assert!(live.migration(&["adopt"]).status.success());
        let role = live.sirius.clone();
        let refused = live.migration(&["access", "set", &role, "none"]);
        assert!(err(&refused).contains("watch is off"), "{}", err(&refused));
        assert_eq!(
            live.migration(&["access", "readiness", &role])
                .status
                .code(),
            Some(1)
        );
        assert!(
            live.migration(&["access", "set", &role, "none", "--force"])
                .status
                .success()
        );
        live.drop().await;
    });
}

#[test]
fn a_right_that_comes_by_another_way_foils_the_proof_and_nothing_changes() {
    on_postgres(async || {
        let mut live = watched().await;
        let group = live.role("group", "NOLOGIN").await;
        let role = live.sirius.clone();
        live.run(&format!("GRANT {group} TO {role}")).await;
        live.run(&format!(
            "GRANT UPDATE ON supervision_finance.rate TO {group}"
        ))
        .await;
        let refused = live.migration(&["access", "set", &role, "read-only", "--force"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            err(&refused).contains("still may UPDATE rate"),
            "{}",
            err(&refused)
        );
        assert_eq!(rights(&live).await, (true, true), "rolled back");
        live.run(&format!(
            "REVOKE ALL ON supervision_finance.rate FROM {group}"
        ))
        .await;
        live.drop().await;
    });
}

#[test]
fn roles_that_no_grant_holds_back_are_refused() {
    on_postgres(async || {
        let mut live = watched().await;
        let root = live.role("root", "SUPERUSER").await;
        for (role, reason) in [
            (root.as_str(), "superuser"),
            ("no_such_role", "there is no role"),
        ] {
            let refused = live.migration(&["access", "set", role, "none", "--force"]);
            assert!(err(&refused).contains(reason), "{}", err(&refused));
        }
        live.run(&format!(
            "ALTER TABLE supervision_finance.rate OWNER TO {}",
            live.sirius
        ))
        .await;
        let refused = live.migration(&["access", "set", &live.sirius, "none", "--force"]);
        assert!(err(&refused).contains("owns"), "{}", err(&refused));
        live.drop().await;
    });
}

#[test]
fn a_dry_run_shows_the_sql_and_changes_nothing() {
    on_postgres(async || {
        let live = watched().await;
        let output = live.migration(&[
            "access",
            "set",
            &live.sirius,
            "none",
            "--force",
            "--dry-run",
        ]);
        assert!(output.status.success());
        assert!(
            out(&output).contains("REVOKE ALL ON TABLE"),
            "{}",
            out(&output)
        );
        assert_eq!(rights(&live).await, (true, true));
        live.drop().await;
    });
}

#[test]
fn the_three_roles_are_made_once_and_may_do_what_they_should() {
    on_postgres(async || {
        let mut live = Live::migrated().await;
        let name = |role: &str| format!("{role}_{}", live.database.name());
        let (owner, service, reader) = (name("o"), name("s"), name("r"));
        live.roles
            .extend([owner.clone(), service.clone(), reader.clone()]);
        let arguments = [
            "roles",
            "--owner",
            &owner,
            "--service",
            &service,
            "--read-only",
            &reader,
        ];
        for _ in 0..2 {
            let output = live.migration(&arguments);
            assert!(output.status.success(), "{}", err(&output));
        }
        let may = async |role: &str, right: &str| {
            let sql = format!(
                "SELECT has_table_privilege('{role}', 'supervision_finance.ledger', '{right}')::text"
            );
            live.texts(&sql).await.concat() == "true"
        };
        assert!(may(&service, "INSERT").await && may(&service, "SELECT").await);
        assert!(may(&reader, "SELECT").await && !may(&reader, "INSERT").await);
        let record = format!(
            "SELECT has_table_privilege('{service}', 'supervision_finance.seaql_migrations', 'INSERT')::text"
        );
        assert_eq!(live.texts(&record).await, ["false"]);
        let create = format!(
            "SELECT has_schema_privilege('{service}', 'supervision_finance', 'CREATE')::text"
        );
        assert_eq!(live.texts(&create).await, ["false"]);
        live.drop().await;
    });
}

#[test]
fn what_a_member_wrote_counts_for_the_role_and_a_short_watch_is_no_proof() {
    on_postgres(async || {
        let mut live = watched().await;
        let role = live.sirius.clone();
        let member = live.role("member", &format!("LOGIN IN ROLE {role}")).await;
        let app = live.connect_as(&member).await;
        app.execute_unprepared("UPDATE rate SET amount = 1")
            .await
            .unwrap();
        app.close().await.unwrap();
        let readiness = live.migration(&["access", "readiness", &role]);
        assert_eq!(readiness.status.code(), Some(1));
        assert!(
            out(&readiness).contains("rate  UPDATE  1"),
            "{}",
            out(&readiness)
        );
        let refused = live.migration(&["access", "set", &role, "none"]);
        assert!(err(&refused).contains("wrote to rate"), "{}", err(&refused));

        live.run("DELETE FROM supervision_finance_watch.foreign_write")
            .await;
        live.run("UPDATE supervision_finance_watch.setting SET since = now() - interval '6 days'")
            .await;
        let readiness = live.migration(&["access", "readiness", &role]);
        assert_eq!(readiness.status.code(), Some(1));
        assert!(
            out(&readiness).contains("watch is on only since"),
            "{}",
            out(&readiness)
        );
        let refused = live.migration(&["access", "set", &role, "none"]);
        assert!(
            err(&refused).contains("watch is on only since"),
            "{}",
            err(&refused)
        );
        live.drop().await;
    });
}

#[test]
fn rights_on_columns_sequences_and_the_schema_foil_the_proof_too() {
    on_postgres(async || {
        let mut live = watched().await;
        let group = live.role("group", "NOLOGIN").await;
        let role = live.sirius.clone();
        live.run(&format!("GRANT {group} TO {role}")).await;
        for (right, told) in [
            (
                "UPDATE (amount) ON supervision_finance.invoice",
                "UPDATE invoice",
            ),
            (
                "TRUNCATE ON supervision_finance.counter",
                "TRUNCATE counter",
            ),
            (
                "USAGE ON SEQUENCE supervision_finance.rate_id_seq",
                "USAGE rate_id_seq",
            ),
            (
                "CREATE ON SCHEMA supervision_finance",
                "CREATE in the schema",
            ),
        ] {
            live.run(&format!("GRANT {right} TO {group}")).await;
            let refused = live.migration(&["access", "set", &role, "read-only", "--force"]);
            assert_eq!(refused.status.code(), Some(1), "{right}");
            assert!(err(&refused).contains(told), "{told} in {}", err(&refused));
            live.run(&format!("REVOKE {right} FROM {group}")).await;
        }
        assert!(
            live.migration(&["access", "set", &role, "read-only", "--force"])
                .status
                .success()
        );
        live.drop().await;
    });
}

/// Whether a role is held to immutable ledgers: it may write, and is refused.
async fn is_held(live: &Live, role: &str) -> bool {
    let session = live.connect_as(role).await;
    let result = session
        .execute_unprepared("UPDATE supervision_finance.ledger SET notes = notes")
        .await;
    session.close().await.unwrap();
    match result {
        Ok(_) => false,
        Err(error) => {
            assert!(
                error.to_string().contains("never changed or deleted"),
                "{error}"
            );
            true
        }
    }
}

#[test]
fn ledgers_are_kept_from_our_own_roles_and_sirius_is_not_hindered_by_what_others_are() {
    on_postgres(async || {
        let mut live = Live::sirius().await;
        let sirius = live.sirius.clone();
        assert!(live.migration(&["adopt"]).status.success());
        let runner = live.runner().await;
        while !runner
            .status()
            .await
            .unwrap()
            .iter()
            .any(|(name, applied)| *applied && name.contains("000015"))
        {
            runner.up(Some(1)).await.unwrap();
        }
        runner.close().await.unwrap();
        // Roles that were there before the guard, by names of their own, with rights on what comes.
        let (owner, service) = (
            live.role("own", "LOGIN").await,
            live.role("serve", "LOGIN").await,
        );
        let reader = live.role("reader", "LOGIN").await;
        let roles = [
            "roles",
            "--owner",
            &owner,
            "--service",
            &service,
            "--read-only",
            &reader,
            "--grant",
        ];
        let output = live.migration(&roles);
        assert!(output.status.success(), "{}", err(&output));
        assert!(live.migration(&["up"]).status.success());
        assert!(
            !is_held(&live, &service).await,
            "nobody has said that it is ours"
        );
        assert!(live.migration(&roles).status.success());
        assert!(is_held(&live, &service).await);
        let may = format!(
            "SELECT has_table_privilege('{service}', 'supervision_finance.guarded_role', 'INSERT, UPDATE, DELETE')::text"
        );
        assert_eq!(live.texts(&may).await, ["false"]);

        // Sirius writes on, whatever becomes of a group that it is in.
        assert!(!is_held(&live, &sirius).await);
        let group = live.role("grouped", "NOLOGIN").await;
        live.run(&format!("GRANT {group} TO {sirius}")).await;
        let lowered = live.migration(&["access", "set", &group, "read-only", "--force"]);
        assert!(lowered.status.success(), "{}", err(&lowered));
        assert!(!is_held(&live, &sirius).await);
        // Lowered, and let in again.
        for (stage, held) in [("read-only", 1), ("read-write", 0)] {
            let output = live.migration(&["access", "set", &sirius, stage, "--force"]);
            assert!(output.status.success(), "{}", err(&output));
            let rows = format!(
                "SELECT count(*)::text FROM supervision_finance.guarded_role WHERE role_name = '{sirius}'"
            );
            assert_eq!(live.texts(&rows).await, [held.to_string()], "{stage}");
        }
        assert!(!is_held(&live, &sirius).await);
        // One who owned it before it was handed over is free again.
        live.run(&format!(
            "INSERT INTO supervision_finance.guarded_role VALUES ('{sirius}', true);
            ALTER TABLE supervision_finance.rate OWNER TO {sirius}"
        ))
        .await;
        assert!(is_held(&live, &sirius).await);
        let output = live.migration(&["adopt", "--owner", &owner]);
        assert!(output.status.success(), "{}", err(&output));
        assert!(!is_held(&live, &sirius).await);
        assert!(is_held(&live, &owner).await && is_held(&live, &service).await);
        live.drop().await;
    });
}
