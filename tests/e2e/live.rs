//! Subscriptions: over WebSocket and as server-sent events.

use std::time::Duration;

use api::clock::Clock;
use api::http::HttpLimits;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use tests::events::Events;
use tests::socket::{Heard, Socket, TOKEN};
use tests::token::{SECRET, claims, sign};
use tests::{
    Answer, Fault, Harness, Instance, OFFICER, Options, PAGE, any_database, both_databases,
    postgres_only,
};

use super::mutations::*;

const CHANGED: &str = "subscription { billingHistoryChanged(clientId: 1001) {
    paymentMethod outstandingBalance billingHistory { nodes { type createdBy { displayName } } } } }";
const BRIEF: &str = "subscription { billingHistoryChanged(clientId: 1001) { paymentMethod } }";
const SILENCE: Duration = Duration::from_millis(300);

fn watch(instance: &Instance, query: &str) -> RequestBuilder {
    let request = instance
        .post()
        .header("Cookie", OFFICER)
        .header("X-XSRF-TOKEN", TOKEN);
    request.json(&json!({ "query": query }))
}

/// A token of the officer's, made by another service.
fn officer_token(t: &Harness) -> String {
    sign(
        &claims(3, &["Finance User"], t.clock.now().timestamp()),
        SECRET,
    )
}

async fn pay_by(t: &Harness, method: &str) {
    let input = json!({ "clientId": 1001, "paymentMethod": method });
    let answer = by_officer(t, "changePaymentMethod", input, "userErrors { code }").await;
    assert_eq!(answer.data("/changePaymentMethod/userErrors"), &json!([]));
}

/// How the client pays, as the next event tells.
async fn method(events: &mut Events) -> Value {
    let (name, data) = events.next().await.unwrap();
    assert_eq!(name, "next", "{data}");
    data["data"]["billingHistoryChanged"]["paymentMethod"].clone()
}

both_databases! {
    async fn a_change_is_told_to_those_who_watch_its_client_and_to_no_others(t) {
        a_client(t).await;
        let mut own = Events::of(watch(t, CHANGED)).await;
        let other = BRIEF.replace("1001", "1002");
        let mut other = Events::of(watch(t, &other)).await;
        assert!(own.is_silent(SILENCE).await);
        an_invoice(t, "2024-05-01").await;
        let (name, data) = own.next().await.unwrap();
        assert_eq!(name, "next");
        let client = &data["data"]["billingHistoryChanged"];
        assert_eq!(client["outstandingBalance"], 10_000);
        let newest = &client["billingHistory"]["nodes"][0];
        assert_eq!(newest["type"], "INVOICE_GENERATED", "{data}");
        assert_eq!(newest["createdBy"]["displayName"], "Finance Manager", "{data}");
        assert!(other.is_silent(SILENCE).await);
        pay_by(t, "DIRECT_DEBIT").await;
        assert_eq!(method(&mut own).await, "DIRECT_DEBIT");
    }

    async fn a_change_that_is_refused_or_undone_is_not_told(t) {
        a_client(t).await;
        let mut events = Events::of(watch(t, BRIEF)).await;
        let input = json!({ "clientId": 1001, "type": "REMISSION", "startYear": 1900,
            "lengthInYears": 9, "dateReceived": "2024-04-01", "notes": "" });
        let answer = by_officer(t, "addFeeReduction", input, "userErrors { code }").await;
        assert_ne!(answer.data("/addFeeReduction/userErrors"), &json!([]));
        assert!(events.is_silent(SILENCE).await);
    }

    async fn a_stream_ends_when_the_service_stops(t) {
        a_client(t).await;
        let instance = t.instance().await;
        let mut events = Events::of(watch(&instance, BRIEF)).await;
        let mut socket = Socket::begun(&instance).await;
        socket.subscribe("1", BRIEF).await;
        let (ended, ()) = tokio::join!(
            async {
                let event = events.next().await;
                let mut heard = socket.next().await;
                // That the operation is over may be told first.
                while matches!(heard, Heard::Message(_)) {
                    heard = socket.next().await;
                }
                (event, heard)
            },
            instance.stop(),
        );
        assert_eq!(ended.0.map(|it| it.0), Some("complete".to_owned()));
        assert_eq!(ended.1, Heard::Closed(1001));
    }
}

postgres_only! {
    async fn every_instance_tells_a_change_that_one_has_made(t) {
        a_client(t).await;
        let (two, three) = (t.instance().await, t.instance().await);
        let mut all = Vec::new();
        for instance in [&two, &three] {
            all.push(Events::of(watch(instance, BRIEF)).await);
        }
        // An instance listens from some moment of its start on.
        tokio::time::sleep(Duration::from_millis(300)).await;
        pay_by(t, "DIRECT_DEBIT").await;
        for events in &mut all {
            assert_eq!(method(events).await, "DIRECT_DEBIT");
        }
        drop(all);
        tokio::join!(two.stop(), three.stop());
    }

    async fn who_has_heard_nothing_for_long_still_hears(t) {
        a_client(t).await;
        let mut events = Events::of(watch(t, BRIEF)).await;
        // Longer than it takes until the database is asked whether it is there.
        assert!(events.is_silent(Duration::from_secs(11)).await);
        pay_by(t, "DIRECT_DEBIT").await;
        assert_eq!(method(&mut events).await, "DIRECT_DEBIT");
    }

    async fn what_was_missed_while_the_database_was_away_is_told_when_it_is_back(t) {
        a_client(t).await;
        let mut events = Events::of(watch(t, BRIEF)).await;
        tokio::time::sleep(SILENCE).await;
        t.proxy.as_ref().unwrap().cut();
        // Written by another instance, which reaches the database.
        t.database.execute("UPDATE finance_client SET payment_method = 'DIRECT DEBIT'").await;
        t.proxy.as_ref().unwrap().mend();
        // What comes first may tell of the time before; the last one tells the truth.
        assert_eq!(method(&mut events).await, "DIRECT_DEBIT");
    }
}

any_database! {
    async fn a_subscription_is_checked_before_it_begins(t) {
        a_client(t).await;
        let none = watch(t, &BRIEF.replace("1001", "1999"));
        let mut events = Events::of(none).await;
        let (name, data) = events.next().await.unwrap();
        assert_eq!(name, "next");
        assert_eq!(data["errors"][0]["extensions"]["code"], "NOT_FOUND");
        assert_eq!(events.next().await, Some(("complete".to_owned(), Value::Null)));

        let events = |request: RequestBuilder| request.header("Accept", "text/event-stream");
        let bare = t.post().json(&json!({ "query": BRIEF }));
        assert_eq!(Answer::of(events(bare)).await.code(), "UNAUTHENTICATED");
        let without = t.post().header("Cookie", OFFICER).json(&json!({ "query": BRIEF }));
        assert_eq!(Answer::of(events(without)).await.code(), "FORBIDDEN");
        let two = BRIEF.replace("} }", "} two: billingHistoryChanged(clientId: 1001) { clientId } }");
        assert_eq!(Answer::of(events(watch(t, &two))).await.code(), "BAD_USER_INPUT");
        let plain = Answer::of(watch(t, BRIEF)).await;
        assert_eq!((plain.status.as_u16(), plain.code()), (400, "BAD_USER_INPUT".to_owned()));
    }

    async fn a_query_over_events_is_one_event_and_the_end(t) {
        let mut events = Events::of(watch(t, "{ viewer { id } }")).await;
        let data = json!({ "data": { "viewer": { "id": "3" } } });
        assert_eq!(events.next().await, Some(("next".to_owned(), data)));
        assert_eq!(events.next().await, Some(("complete".to_owned(), Value::Null)));
        assert_eq!(events.next().await, None);
        // Clients name every type that they know with every request.
        let all = "application/graphql-response+json, application/json, text/event-stream";
        let answer = Answer::of(watch(t, "{ viewer { id } }").header("Accept", all)).await;
        assert_eq!(answer.data("/viewer/id"), "3");
    }

    async fn a_stream_ends_with_the_callers_session(t) {
        a_client(t).await;
        let mut events = Events::of(watch(t, BRIEF)).await;
        let mut socket = Socket::begun(t).await;
        socket.subscribe("1", BRIEF).await;
        t.sirius.check_fault(Some(Fault::Status(401)));
        // Longer than a session is remembered.
        t.clock.advance(Duration::from_secs(31));
        let (name, data) = events.next().await.unwrap();
        assert_eq!((name.as_str(), &data["errors"][0]["extensions"]["code"]), ("next", &json!("UNAUTHENTICATED")));
        assert_eq!(events.next().await.unwrap().0, "complete");
        let Heard::Message(told) = socket.next().await else { panic!() };
        assert_eq!(told["type"], "error");
        assert_eq!(told["payload"][0]["extensions"]["code"], "UNAUTHENTICATED");
        assert_eq!(socket.next().await, Heard::Closed(4401));
    }

    async fn while_sirius_gives_no_answer_a_stream_waits_and_then_tells(t) {
        a_client(t).await;
        let mut events = Events::of(watch(t, BRIEF)).await;
        // Its session is remembered afterwards, and the officer's is asked again.
        t.sirius.check_fault(Some(Fault::Status(503)));
        t.clock.advance(Duration::from_secs(31));
        let by = t.post().bearer_auth(officer_token(t)).json(&json!({ "query":
            "mutation { changePaymentMethod(input: { clientId: 1001, paymentMethod: DIRECT_DEBIT }) { userErrors { code } } }" }));
        Answer::of(by).await.data("/changePaymentMethod");
        assert!(events.is_silent(SILENCE).await);
        t.sirius.check_fault(None);
        assert_eq!(method(&mut events).await, "DIRECT_DEBIT");
    }

    async fn a_websocket_runs_queries_mutations_and_subscriptions_side_by_side(t) {
        a_client(t).await;
        let mut socket = Socket::begun(t).await;
        socket.subscribe("live", BRIEF).await;
        socket.subscribe("query", "{ viewer { id } }").await;
        let next = json!({ "type": "next", "id": "query", "payload": { "data": { "viewer": { "id": "3" } } } });
        assert_eq!(socket.next().await, Heard::Message(next));
        assert_eq!(socket.next().await, Heard::Message(json!({ "type": "complete", "id": "query" })));
        let change = "mutation { changePaymentMethod(input: { clientId: 1001, paymentMethod: DIRECT_DEBIT })
            { userErrors { code } } }";
        socket.subscribe("change", change).await;
        let mut heard = Vec::new();
        for _ in 0..3 {
            let Heard::Message(told) = socket.next().await else { panic!() };
            heard.push(format!("{} {}", told["id"].as_str().unwrap(), told["type"].as_str().unwrap()));
        }
        heard.sort();
        assert_eq!(heard, ["change complete", "change next", "live next"]);
        socket.send(json!({ "type": "complete", "id": "live" })).await;
        pay_by(t, "DEMANDED").await;
        assert!(socket.is_silent(SILENCE).await);
        socket.send(json!({ "type": "ping" })).await;
        assert_eq!(socket.next().await, Heard::Message(json!({ "type": "pong" })));
    }

    async fn an_id_may_be_used_again_once_its_operation_is_over(t) {
        let mut socket = Socket::begun(t).await;
        for round in 0..10 {
            socket.subscribe("1", "{ old: viewer { id } }").await;
            socket.send(json!({ "type": "complete", "id": "1" })).await;
            let new = format!("new{round}");
            socket.subscribe("1", &format!("{{ {new}: viewer {{ id }} }}")).await;
            let mut told = Vec::new();
            while told.last() != Some(&json!("complete")) || told.len() < 2 {
                let Heard::Message(message) = socket.next().await else { panic!() };
                // The old one may have been answered before it was ended.
                if message["payload"]["data"].get("old").is_none() {
                    told.push(message["type"].clone());
                } else {
                    told.clear();
                }
                if message["payload"]["data"].get(&new).is_some() {
                    told = vec![json!("next")];
                }
            }
            assert_eq!(told, [json!("next"), json!("complete")], "{round}");
        }
    }

    async fn a_request_error_over_websocket_is_an_error_message(t) {
        let mut socket = Socket::begun(t).await;
        for (query, code) in [
            ("{ no }", "BAD_USER_INPUT"),
            ("{", "BAD_USER_INPUT"),
            ("subscription { billingHistoryChanged(clientId: 7) { id } }", "NOT_FOUND"),
        ] {
            socket.subscribe("1", query).await;
            let Heard::Message(told) = socket.next().await else { panic!() };
            assert_eq!((&told["type"], &told["id"]), (&json!("error"), &json!("1")), "{query}");
            assert_eq!(told["payload"][0]["extensions"]["code"], code, "{query}");
        }
    }

    async fn who_does_not_keep_to_the_websocket_protocol_is_told_by_its_code(t) {
        let init = json!({ "type": "connection_init", "payload": { "x-xsrf-token": TOKEN } });
        let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": BRIEF } });
        a_client(t).await;
        let closed = async |messages: &[Value], code: u16| {
            let mut socket = Socket::of_officer(t).await;
            for message in messages {
                socket.send(message.clone()).await;
            }
            let mut heard = socket.next().await;
            while matches!(heard, Heard::Message(_)) {
                heard = socket.next().await;
            }
            assert_eq!(heard, Heard::Closed(code), "{messages:?}");
        };
        closed(std::slice::from_ref(&subscribe), 4401).await;
        closed(&[init.clone(), init.clone()], 4429).await;
        closed(&[init.clone(), subscribe.clone(), subscribe.clone()], 4409).await;
        closed(&[json!({ "type": "nonsense" })], 4400).await;
        closed(&[json!([1])], 4400).await;
        closed(&[json!({ "type": "connection_init" })], 4403).await;
        closed(&[json!({ "type": "connection_init", "payload": { "X-XSRF-TOKEN": "other" } })], 4403).await;
        closed(&[json!({ "type": "connection_init", "payload": { "Authorization": "Bearer no" } })], 4401).await;
    }

    async fn a_websocket_is_opened_for_listed_pages_and_for_programs_alone(t) {
        let protocol = ("Sec-WebSocket-Protocol", "graphql-transport-ws");
        let cookie = ("Cookie", OFFICER);
        for origin in ["https://evil.example", "null", "https://page.example.evil.example"] {
            let opened = Socket::open(t, &[("Origin", origin), cookie, protocol]).await;
            assert_eq!(opened.err(), Some(403), "{origin}");
        }
        let twice = Socket::open(t, &[("Origin", PAGE), ("Origin", PAGE), cookie, protocol]).await;
        assert_eq!(twice.err(), Some(403));
        let old = ("Sec-WebSocket-Protocol", "graphql-ws");
        let old = Socket::open(t, &[("Origin", PAGE), cookie, old]).await;
        assert_eq!(old.err(), Some(400));
        // A program has no origin; it says who it is by a token of its own.
        let mut program = Socket::open(t, &[protocol]).await.map_err(|_| ()).unwrap();
        let bearer = format!("Bearer {}", officer_token(t));
        program.send(json!({ "type": "connection_init", "payload": { "Authorization": bearer } })).await;
        assert_eq!(program.next().await, Heard::Message(json!({ "type": "connection_ack" })));
    }
}

any_database! {
    options: Options {
        bounds: HttpLimits {
            head_timeout: Duration::from_millis(500),
            subscriptions_per_caller: 2,
            ..HttpLimits::default()
        },
        ..Options::default()
    };
    async fn a_websocket_that_says_nothing_is_closed(t) {
        let mut socket = Socket::of_officer(t).await;
        assert_eq!(socket.next().await, Heard::Closed(4408));
    }

    async fn a_caller_has_so_many_subscriptions_and_no_more(t) {
        a_client(t).await;
        let one = Events::of(watch(t, BRIEF)).await;
        let _two = Events::of(watch(t, BRIEF)).await;
        let more = || watch(t, BRIEF).header("Accept", "text/event-stream");
        let refused = Answer::of(more()).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (429, "RATE_LIMITED".to_owned()));
        drop(one);
        // That it has gone away is noticed in a moment.
        let mut status = 429;
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            status = more().send().await.unwrap().status().as_u16();
            if status == 200 {
                break;
            }
        }
        assert_eq!(status, 200);
    }
}
