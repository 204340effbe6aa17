//! Killed in the middle, locked out, two at once: the next run finishes, or finds nothing done.

use std::process::{Command, Stdio};
use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};

use super::{Live, err, on_postgres, out};
use crate::process::binary;

/// Starts the binary and kills it after so long, without a chance to clean up.
fn kill_after(live: &Live, arguments: &[&str], wait: Duration) {
    let mut child = Command::new(binary("migration"))
        .args(arguments)
        .env("DATABASE_URL", live.database.url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(wait);
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_up_that_is_killed_is_finished_by_the_next() {
    on_postgres(async || {
        let live = Live::empty().await;
        let mut steps = 0;
        for round in 0..12 {
            kill_after(&live, &["up"], Duration::from_millis(10 + 9 * round));
            let status = out(&live.migration(&["status"]));
            let applied = status
                .lines()
                .filter(|line| line.starts_with("applied"))
                .count();
            assert!(applied >= steps, "nothing that was done is undone");
            steps = applied;
        }
        let up = live.migration(&["up"]);
        assert!(up.status.success(), "{}", err(&up));
        let verified = live.migration(&["verify"]);
        assert_eq!(verified.status.code(), Some(0), "{}", out(&verified));
        live.drop().await;
    });
}

#[test]
fn an_adoption_that_is_killed_is_done_whole_or_not_at_all() {
    on_postgres(async || {
        let live = Live::sirius().await;
        let before = live.rows().await;
        let adopted = "SELECT count(*)::text FROM pg_class WHERE relname = 'schema_adoption'";
        let owned = format!(
            "SELECT count(*)::text FROM pg_class WHERE relkind = 'r' AND relowner = '{}'::regrole \
             AND relnamespace = 'supervision_finance'::regnamespace",
            live.sirius
        );
        for round in 0..10 {
            kill_after(&live, &["adopt"], Duration::from_millis(60 * round));
            let is_adopted = live.texts(adopted).await == ["1"];
            let is_owned = live.texts(&owned).await != ["0"];
            assert_ne!(is_adopted, is_owned, "recorded and owned together");
        }
        let adopt = live.migration(&["adopt"]);
        assert!(adopt.status.success(), "{}", err(&adopt));
        assert_eq!(live.rows().await, before);
        assert!(live.migration(&["up"]).status.success());
        live.drop().await;
    });
}

#[test]
fn a_table_in_use_is_not_waited_for_longer_than_told_and_live_traffic_goes_on() {
    on_postgres(async || {
        let live = Live::sirius().await;
        assert!(live.migration(&["adopt"]).status.success());
        let reader = live.connect_as(&live.sirius).await;
        let reading = reader.begin().await.unwrap();
        reading
            .execute_unprepared("SELECT 1 FROM invoice")
            .await
            .unwrap();
        let began = std::time::Instant::now();
        let up = live.migration(&["up", "--lock-timeout", "300ms"]);
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(up.status.code(), Some(1));
        assert!(err(&up).contains("in use"), "{}", err(&up));
        let status = out(&live.migration(&["status"]));
        assert_eq!(
            status
                .lines()
                .filter(|it| it.starts_with("applied"))
                .count(),
            1,
            "{status}"
        );
        let watch = live.migration(&["watch", "on", "--lock-timeout", "300ms"]);
        assert!(
            watch.status.success(),
            "reading does not stand against a trigger: {}",
            err(&watch)
        );
        reading
            .execute_unprepared("UPDATE invoice SET batchnumber = 9 WHERE id = 1")
            .await
            .unwrap();
        let off = live.migration(&["watch", "off", "--lock-timeout", "300ms"]);
        assert_eq!(off.status.code(), Some(1));
        assert!(err(&off).contains("in use"), "{}", err(&off));
        let triggers = "SELECT count(*)::text FROM pg_trigger WHERE tgname LIKE 'zz_watch%'";
        assert_ne!(live.texts(triggers).await, ["0"], "nothing half done");
        reading.commit().await.unwrap();
        reader.close().await.unwrap();
        assert!(live.migration(&["up"]).status.success());
        live.drop().await;
    });
}

#[test]
fn of_two_adoptions_at_once_one_waits_for_the_other() {
    on_postgres(async || {
        let live = Live::sirius().await;
        let start = || {
            Command::new(binary("migration"))
                .arg("adopt")
                .env("DATABASE_URL", live.database.url())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let (first, second) = (start(), start());
        let outputs = [
            first.wait_with_output().unwrap(),
            second.wait_with_output().unwrap(),
        ];
        let mut told = outputs.each_ref().map(|output| {
            assert!(output.status.success(), "{}", out(output));
            out(output).starts_with("done already")
        });
        told.sort_unstable();
        assert_eq!(told, [false, true]);
        live.drop().await;
    });
}

#[test]
fn a_report_that_is_being_written_while_up_looks_is_kept() {
    on_postgres(async || {
        let live = Live::sirius().await;
        live.run("DELETE FROM supervision_finance.report").await;
        assert!(live.migration(&["adopt"]).status.success());
        let sirius = live.connect_as(&live.sirius).await;
        let writing = sirius.begin().await.unwrap();
        writing
            .execute_unprepared(
                "INSERT INTO report (id, batchnumber, type, datetime, count) \
                 VALUES (2, 2, 'new', '2025-01-01 00:00:00', 1)",
            )
            .await
            .unwrap();
        let up = Command::new(binary("migration"))
            .arg("up")
            .env("DATABASE_URL", live.database.url())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let waits = "SELECT (count(*) > 0)::text FROM pg_locks WHERE NOT granted \
                     AND relation = 'supervision_finance.report'::regclass";
        let mut is_waiting = false;
        for _ in 0..400 {
            is_waiting = live.texts(waits).await == ["true"];
            if is_waiting {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(is_waiting, "up waits for the writer");
        writing.commit().await.unwrap();
        sirius.close().await.unwrap();
        assert!(up.wait_with_output().unwrap().status.success());
        assert_eq!(
            live.texts("SELECT id::text FROM supervision_finance.report")
                .await,
            ["2"]
        );
        live.drop().await;
    });
}
