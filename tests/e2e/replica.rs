//! A replica that is read from: whoever is told of a change is shown it, by every instance.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tests::events::Events;
use tests::{OFFICER, OwnPostgres, Sirius, StopMode};

use super::life::{a_client_of, invoice, on_own_servers, post};
use super::several::{CLIENT, Three};

/// Makes that many invoices, each looked at as soon as it is answered; `so_far` were made before. Gives the
/// longest that a change took.
async fn changes_are_seen(three: &Three, so_far: usize, count: usize) -> Duration {
    let mut longest = Duration::ZERO;
    for number in so_far..so_far + count {
        let began = Instant::now();
        let made = three.change(&invoice(number)).await;
        assert_eq!(made.data("/addManualInvoice/userErrors"), &json!([]));
        longest = longest.max(began.elapsed());
        // By all three instances at once.
        let seen = join_all((0..3).map(|_| three.ask(CLIENT))).await;
        for answer in seen {
            let balance = answer.data("/financeClient/outstandingBalance");
            assert_eq!(
                balance,
                &json!(10_000 * (number + 1)),
                "after change {number}"
            );
        }
    }
    longest
}

const FROM_REPLICA: &str = "finance_reads_total{database=\"replica\"}";
const FROM_PRIMARY: &str = "finance_reads_total{database=\"primary\"}";

/// Reads and changes with that server as the replica, which must not be read from.
async fn is_not_read_from(primary: &OwnPostgres, read_url: &str, so_far: usize) {
    let sirius = Sirius::start().await;
    let settings = [
        ("DATABASE_READ_URL", read_url),
        ("METRICS_ADDR", "127.0.0.1:0"),
    ];
    let three = Three::start(&primary.url(), &sirius, &settings).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    changes_are_seen(&three, so_far, 3).await;
    assert_eq!(three.metric(FROM_REPLICA).await, 0.0);
}

#[test]
fn a_server_that_does_not_follow_the_primary_is_not_read_from() {
    on_own_servers(async || {
        let primary = OwnPostgres::start(&[]).await;
        a_client_of(&primary).await;
        let (next, left_behind) = (primary.standby().await, primary.standby().await);
        // Another cluster, itself a primary.
        let other = OwnPostgres::start(&[]).await;
        a_client_of(&other).await;
        is_not_read_from(&primary, &other.url(), 0).await;
        is_not_read_from(&primary, &other.standby().await.url(), 3).await;
        // The primary itself.
        is_not_read_from(&primary, &primary.url(), 6).await;
        // After a failover to the one, the other has gone another way, and further.
        let caught_up = async |standby: &OwnPostgres| {
            while standby
                .ask("SELECT count(*) FROM supervision_finance.invoice")
                .await
                != "9"
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        caught_up(&next).await;
        caught_up(&left_behind).await;
        next.stop(StopMode::Fast);
        let db = primary.connect().await;
        let further = "CREATE TABLE further AS SELECT generate_series(1, 200000) AS n";
        db.execute_unprepared(further).await.unwrap();
        db.close().await.unwrap();
        while left_behind
            .ask("SELECT to_regclass('supervision_finance.further') IS NOT NULL")
            .await
            != "true"
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        primary.stop(StopMode::Immediate);
        next.launch();
        next.promote();
        is_not_read_from(&next, &left_behind.url(), 9).await;
    });
}

#[test]
fn who_is_told_of_a_change_and_asks_again_is_shown_it() {
    on_own_servers(async || {
        let primary = OwnPostgres::start(&[]).await;
        a_client_of(&primary).await;
        let replica = primary.standby().await;
        replica.set("recovery_min_apply_delay", "300ms").await;
        let sirius = Sirius::start().await;
        let read_url = replica.url();
        let three =
            Three::start(&primary.url(), &sirius, &[("DATABASE_READ_URL", &read_url)]).await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let watch = json!({ "query": "subscription { billingHistoryChanged(clientId: 1001) { clientId } }" });
        let watch = post(&three.http, three.balancer.address, &watch);
        let mut events = Events::of(
            watch
                .header("Cookie", OFFICER)
                .header("X-XSRF-TOKEN", "a+b c"),
        )
        .await;
        for number in 0..5 {
            let told = async {
                assert_eq!(events.next().await.unwrap().0, "next");
                three
                    .ask(CLIENT)
                    .await
                    .data("/financeClient/outstandingBalance")
                    .clone()
            };
            let body = invoice(number);
            let (balance, _) = tokio::join!(told, three.change(&body));
            assert_eq!(balance, 10_000 * (number as i64 + 1));
        }
    });
}

#[test]
fn a_replica_is_read_from_and_whoever_has_changed_something_sees_it_by_every_instance() {
    on_own_servers(async || {
        let primary = OwnPostgres::start(&[]).await;
        a_client_of(&primary).await;
        let replica = primary.standby().await;
        let sirius = Sirius::start().await;
        let read_url = replica.url();
        let settings = [
            ("DATABASE_READ_URL", read_url.as_str()),
            ("METRICS_ADDR", "127.0.0.1:0"),
            ("DATABASE_TIMEOUT", "1s"),
        ];
        let three = Three::start(&primary.url(), &sirius, &settings).await;
        // Until each has seen that the replica is there.
        tokio::time::sleep(Duration::from_millis(1_000)).await;

        let longest = changes_are_seen(&three, 0, 30).await;
        let (of_replica, of_primary) = (
            three.metric(FROM_REPLICA).await,
            three.metric(FROM_PRIMARY).await,
        );
        assert!(
            of_replica >= 85.0,
            "{of_replica} from the replica, {of_primary} from the primary"
        );
        eprintln!(
            "{of_replica} reads by the replica, {of_primary} by the primary; the longest change {longest:?}"
        );

        let delay = async |time: &str| {
            replica.set("recovery_min_apply_delay", time).await;
            tokio::time::sleep(Duration::from_millis(1_500)).await;
        };
        // A little behind: changes wait for it.
        delay("200ms").await;
        let longest = changes_are_seen(&three, 30, 10).await;
        assert!(longest < Duration::from_millis(1_900), "{longest:?}");
        // Far behind: nobody waits for it any longer than the bound, and nobody reads from it.
        delay("20s").await;
        let before = three.metric(FROM_REPLICA).await;
        let longest = changes_are_seen(&three, 40, 4).await;
        assert!(longest < Duration::from_millis(1_900), "{longest:?}");
        let after = three.metric(FROM_REPLICA).await;
        // The first change comes while it still counts as fresh.
        assert!(after - before <= 3.0, "{before} {after}");
        delay("0").await;

        // Away: whoever is just reading from it is answered by the primary.
        let asking = async {
            for _ in 0..60 {
                let answer = three.ask(CLIENT).await;
                assert_eq!(answer.data("/financeClient/outstandingBalance"), 440_000);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            tokio::task::block_in_place(|| replica.stop(StopMode::Immediate));
        };
        tokio::join!(asking, stopping);
        changes_are_seen(&three, 44, 3).await;

        tokio::task::block_in_place(|| replica.launch());
        let by = Instant::now() + Duration::from_secs(20);
        let before = three.metric(FROM_REPLICA).await;
        while three.metric(FROM_REPLICA).await < before + 3.0 {
            assert!(Instant::now() < by, "it is not read from again");
            three.ask(CLIENT).await.data("/financeClient");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        changes_are_seen(&three, 47, 3).await;
    });
}
