//! Events that changes cause: recorded with them, sent in order for each client, at least once.

use std::time::Duration;

use api::clock::{Clock, SharedClock};
use api::dispatch::{Dispatcher, Round, SinkSettings};
use api::finance::outbox;
use api::housekeeping::tidy;
use api::secret::Source;
use axum::http::StatusCode;
use futures_util::future::join_all;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::{Harness, Sink, both_databases, postgres_only};

use super::mutations::*;

fn dispatcher(t: &Harness, sink: &Sink) -> Dispatcher {
    dispatcher_with(t, SinkSettings::at(sink.url.clone()))
}

fn dispatcher_with(t: &Harness, settings: SinkSettings) -> Dispatcher {
    Dispatcher::new(t.db.clone(), t.clock.clone(), settings).unwrap()
}

/// Rounds until there is nothing to send.
async fn drain(dispatcher: &Dispatcher) -> Round {
    let mut all = Round::default();
    loop {
        let round = dispatcher.round().await.unwrap();
        if round == Round::default() {
            return all;
        }
        all.delivered += round.delivered;
        all.put_off += round.put_off;
        all.parked += round.parked;
        all.is_away |= round.is_away;
    }
}

fn round(delivered: usize, put_off: usize, parked: usize) -> Round {
    Round {
        delivered,
        put_off,
        parked,
        is_away: false,
    }
}

/// One that could not be sent, since nothing was heard of the sink.
fn away() -> Round {
    Round {
        is_away: true,
        ..round(0, 1, 0)
    }
}

/// Changes how a client pays, which tells an event; gives the method as it is told.
async fn pays_by(t: &Harness, client: i32, method: &str) -> String {
    let input = json!({ "clientId": client, "paymentMethod": method });
    let answer = by_officer(t, "changePaymentMethod", input, "").await;
    assert_eq!(answer.data("/changePaymentMethod/userErrors"), &json!([]));
    method.replace('_', " ")
}

/// So many changes of a client, one after the other; gives what is told of each.
async fn changes(t: &Harness, client: i32, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    for place in 0..count {
        told.push(pays_by(t, client, ["DIRECT_DEBIT", "DEMANDED"][place % 2]).await);
    }
    told
}

fn methods(events: &[Value], client: i32) -> Vec<&str> {
    let of_client = events
        .iter()
        .filter(|it| it["detail"]["clientId"] == client);
    of_client
        .map(|it| it["detail"]["paymentMethod"].as_str().unwrap())
        .collect()
}

both_databases! {
    async fn an_event_arrives_in_the_shape_of_eventbridge_and_once(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        pays_by(t, 1001, "DIRECT_DEBIT").await;
        let dispatcher = dispatcher(t, &sink);
        assert_eq!(dispatcher.round().await.unwrap(), round(1, 0, 0));
        assert_eq!(dispatcher.round().await.unwrap(), round(0, 0, 0));
        let (headers, mut event) = sink.asked().remove(0);
        assert_eq!(event["id"].as_str().unwrap().len(), 36);
        event["id"] = json!("random");
        assert_eq!(event, json!({ "version": "0", "id": "random", "source": "opg.supervision.finance",
            "detail-type": "payment-method-changed", "time": "2025-09-01T12:00:00Z", "resources": [],
            "detail": { "clientId": 1001, "paymentMethod": "DIRECT DEBIT" } }));
        assert_eq!(headers["content-type"], "application/json");
        assert!(headers.get("authorization").is_none());
    }

    async fn a_change_that_is_refused_sends_nothing(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        let input = json!({ "clientId": 1001, "paymentMethod": "DEMANDED" });
        by_officer(t, "changePaymentMethod", input, "").await;
        assert_eq!(drain(&dispatcher(t, &sink)).await, round(0, 0, 0));
        assert_eq!(count(t, "outgoing_event").await, 0);
    }

    async fn a_clients_events_go_in_order_and_one_that_waits_holds_up_no_other_client(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        let told = changes(t, 1001, 5).await;
        let others = changes(t, 1002, 3).await;
        sink.fault(|event| (event["detail"]["clientId"] == 1001).then_some(StatusCode::SERVICE_UNAVAILABLE));
        let dispatcher = dispatcher(t, &sink);
        assert_eq!(drain(&dispatcher).await, round(3, 1, 0));
        assert_eq!(methods(&sink.taken(), 1002), others);
        sink.mend();
        assert_eq!(drain(&dispatcher).await, round(0, 0, 0), "not before its time");
        t.clock.advance(Duration::from_secs(1));
        assert_eq!(drain(&dispatcher).await, round(5, 0, 0));
        assert_eq!(methods(&sink.taken(), 1001), told);
    }

    async fn while_the_sink_is_away_an_event_keeps_its_id_and_is_tried_ever_more_rarely(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        pays_by(t, 1001, "DIRECT_DEBIT").await;
        sink.fault(|_| Some(StatusCode::INTERNAL_SERVER_ERROR));
        let dispatcher = dispatcher(t, &sink);
        let mut waits = Vec::new();
        let mut waited = 0;
        while waits.len() < 12 {
            if dispatcher.round().await.unwrap() == round(0, 1, 0) {
                waits.push(waited);
                waited = 0;
            }
            t.clock.advance(Duration::from_secs(1));
            waited += 1;
        }
        // Doubled each time, up to five minutes; the first event's wait is a thirty-second part shorter.
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 31, 62, 124, 248, 291, 291]);
        sink.mend();
        t.clock.advance(Duration::from_secs(300));
        assert_eq!(drain(&dispatcher).await, round(1, 0, 0));
        let ids = sink.asked().into_iter().map(|(_, event)| event["id"].clone()).collect::<Vec<_>>();
        assert!(ids.iter().all(|id| *id == ids[0]) && ids.len() == 13, "{ids:?}");
    }

    async fn what_the_sink_refuses_is_parked_and_sent_again_when_an_operator_says_so(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        changes(t, 1001, 3).await;
        sink.fault(|event| (event["detail"]["paymentMethod"] == "DEMANDED").then_some(StatusCode::UNPROCESSABLE_ENTITY));
        let dispatcher = dispatcher(t, &sink);
        assert_eq!(drain(&dispatcher).await, round(2, 0, 1), "later ones go on");
        let parked = outbox::parked(&t.db, 10).await.unwrap();
        assert_eq!((parked.len(), parked[0].client_id, parked[0].attempts), (1, 1001, 1));
        assert_eq!(parked[0].last_error.as_deref(), Some("the sink answered with status 422 Unprocessable Entity"));
        let state = outbox::state(&t.db).await.unwrap();
        assert_eq!((state.waiting, state.parked), (0, 1));
        sink.mend();
        let now = t.clock.now().naive_utc();
        assert_eq!(outbox::resend(&t.db, Some(&["another".to_owned()]), now).await.unwrap(), 0);
        assert_eq!(outbox::resend(&t.db, Some(&[parked[0].event_id.clone()]), now).await.unwrap(), 1);
        assert_eq!(drain(&dispatcher).await, round(1, 0, 0));
        assert_eq!(sink.taken()[2]["id"], parked[0].event_id.as_str());
        assert_eq!(outbox::resend(&t.db, None, now).await.unwrap(), 0);
    }

    async fn many_that_fail_hold_up_no_other_client(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        t.db.execute_unprepared("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
            INSERT INTO finance_client (id, client_id, sop_number, payment_method)
            SELECT 100 + i, 5000 + i, '1', 'DEMANDED' FROM n").await.unwrap();
        t.db.execute_unprepared("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
            INSERT INTO outgoing_event (id, event_id, finance_client_id, detail_type, detail, created_at, attempts, next_attempt_at)
            SELECT -1000 + i, 'bad ' || i, 100 + i, 'refund-added', '{}', '2025-08-01 00:00:00', 0, '2025-08-01 00:00:00' FROM n").await.unwrap();
        sink.fault(|event| (event["detail-type"] == "refund-added").then_some(StatusCode::INTERNAL_SERVER_ERROR));
        let dispatcher = dispatcher(t, &sink);
        assert_eq!(drain(&dispatcher).await, round(0, 50, 0));
        pays_by(t, 1001, "DIRECT_DEBIT").await;
        // All are due again by then, and so is the new one, among the first.
        t.clock.advance(Duration::from_secs(2));
        assert_eq!(dispatcher.round().await.unwrap(), round(1, 19, 0));
    }

    async fn what_fails_too_often_is_parked(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        pays_by(t, 1001, "DIRECT_DEBIT").await;
        sink.fault(|_| Some(StatusCode::FORBIDDEN));
        let dispatcher = dispatcher_with(t, SinkSettings { attempts: 3, ..SinkSettings::at(sink.url.clone()) });
        for expected in [round(0, 1, 0), round(0, 1, 0), round(0, 0, 1), round(0, 0, 0)] {
            assert_eq!(dispatcher.round().await.unwrap(), expected);
            t.clock.advance(Duration::from_secs(10));
        }
    }

    async fn what_a_dispatcher_held_when_it_died_another_sends(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        changes(t, 1001, 2).await;
        let held = outbox::claim(&t.db, t.clock.now().naive_utc(), Duration::from_secs(35), 20).await.unwrap();
        assert_eq!(held.len(), 1);
        let dispatcher = dispatcher(t, &sink);
        assert_eq!(drain(&dispatcher).await, round(0, 0, 0), "neither it nor what comes after it");
        t.clock.advance(Duration::from_secs(35));
        assert_eq!(drain(&dispatcher).await, round(2, 0, 0));
        assert_eq!(sink.taken()[0]["id"], held[0].event_id.as_str());
    }

    async fn what_was_delivered_is_forgotten_after_ninety_days_and_nothing_else(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        changes(t, 1001, 2).await;
        sink.fault(|event| (event["detail"]["paymentMethod"] == "DEMANDED").then_some(StatusCode::BAD_REQUEST));
        let dispatcher = dispatcher(t, &sink);
        drain(&dispatcher).await;
        pays_by(t, 1001, "DIRECT_DEBIT").await;
        t.clock.advance(Duration::from_secs(89 * 24 * 60 * 60));
        let clock: SharedClock = t.clock.clone();
        tidy(&t.db, &clock).await.unwrap();
        assert_eq!(count(t, "outgoing_event").await, 3);
        t.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
        tidy(&t.db, &clock).await.unwrap();
        assert_eq!(count(t, "outgoing_event WHERE delivered_at IS NULL").await, 2);
        assert_eq!(count(t, "outgoing_event").await, 2);
    }

    async fn the_key_goes_along_and_is_read_again_from_its_file(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let settings = SinkSettings { key: Some(Source::File(file.clone())), ..SinkSettings::at(sink.url.clone()) };
        let dispatcher = dispatcher_with(t, settings);
        for (client, key) in [(1001, "first\n"), (1002, "second\n")] {
            std::fs::write(&file, key).unwrap();
            pays_by(t, client, "DIRECT_DEBIT").await;
            assert_eq!(drain(&dispatcher).await, round(1, 0, 0));
        }
        let keys = sink.asked().into_iter().map(|(headers, _)| headers["authorization"].clone());
        assert_eq!(keys.collect::<Vec<_>>(), ["Bearer first", "Bearer second"]);
        std::fs::remove_file(&file).unwrap();
        pays_by(t, 1001, "DEMANDED").await;
        assert_eq!(dispatcher.round().await.unwrap(), away(), "without its key nothing is sent");
        assert_eq!(sink.asked().len(), 2);
    }

    async fn a_sink_that_hangs_or_is_not_there_is_tried_again(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        sink.slow(Duration::from_secs(5));
        pays_by(t, 1001, "DIRECT_DEBIT").await;
        let settings = SinkSettings { timeout: Duration::from_millis(100), ..SinkSettings::at(sink.url.clone()) };
        assert_eq!(dispatcher_with(t, settings).round().await.unwrap(), away());
        assert_eq!(row(t).await, "the sink did not answer in time");
        t.clock.advance(Duration::from_secs(1));
        let nowhere = SinkSettings::at("http://127.0.0.1:9/secret-path".parse().unwrap());
        assert_eq!(dispatcher_with(t, nowhere).round().await.unwrap(), away());
        assert_eq!(row(t).await, "the sink cannot be reached");
    }
}

async fn row(t: &Harness) -> String {
    let statement = "SELECT last_error FROM outgoing_event";
    let statement = sea_orm::Statement::from_string(t.db.get_database_backend(), statement);
    let row = t.db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

postgres_only! {
    async fn several_instances_share_the_work_and_send_nothing_twice(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        sink.slow(Duration::from_millis(20));
        let (one, other) = tokio::join!(changes(t, 1001, 12), changes(t, 1002, 12));
        let dispatchers = [dispatcher(t, &sink), dispatcher(t, &sink), dispatcher(t, &sink)];
        let rounds = dispatchers.iter().map(async |dispatcher| {
            let mut delivered = 0;
            while outbox::state(&t.db).await.unwrap().waiting > 0 {
                delivered += dispatcher.round().await.unwrap().delivered;
            }
            delivered
        });
        let delivered = join_all(rounds).await;
        assert_eq!(delivered.iter().sum::<usize>(), 24, "{delivered:?}");
        assert_eq!((methods(&sink.taken(), 1001), methods(&sink.taken(), 1002)),
            (one.iter().map(String::as_str).collect(), other.iter().map(String::as_str).collect()));
        assert_eq!((sink.asked().len(), sink.twice_at_once()), (24, 0));
    }

    async fn a_round_sends_twenty_at_most_each_of_another_client(t) {
        a_client(t).await;
        let sink = Sink::start().await;
        t.db.execute_unprepared("INSERT INTO finance_client (id, client_id, sop_number, payment_method)
            SELECT 100 + n, 5000 + n, '1', 'DEMANDED' FROM generate_series(1, 30) n;
            INSERT INTO outgoing_event (id, event_id, finance_client_id, detail_type, detail, created_at, attempts, next_attempt_at)
            SELECT nextval('outgoing_event_id_seq'), gen_random_uuid()::text, 100 + n, 'refund-added', '{}', '2025-08-01', 0, '2025-08-01'
            FROM generate_series(1, 30) n").await.unwrap();
        let dispatcher = dispatcher(t, &sink);
        assert_eq!(dispatcher.round().await.unwrap(), round(20, 0, 0));
        assert_eq!(dispatcher.round().await.unwrap(), round(10, 0, 0));
    }
}
