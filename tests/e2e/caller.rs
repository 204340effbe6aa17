//! Who may ask.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::{Answer, Fault, Harness, MANAGER, Options, any_database, both_databases};

const VIEWER: &str = "{ viewer { id displayName roles } }";

async fn ask_as(t: &Harness, cookie: Option<&str>) -> Answer {
    let mut request = t.post().json(&json!({ "query": VIEWER }));
    if let Some(cookie) = cookie {
        request = request.header("Cookie", cookie);
    }
    Answer::of(request).await
}

both_databases! {
    async fn the_viewer_is_the_sessions_user_with_the_roles_that_mean_something_here(t) {
        let answer = ask_as(t, Some("sirius=officer")).await;
        let expected = json!({
            "id": "3", "displayName": "Billing Officer", "roles": ["FINANCE_USER"],
        });
        assert_eq!(answer.data("/viewer"), &expected);
        let answer = ask_as(t, Some(MANAGER)).await;
        assert_eq!(answer.data("/viewer/roles"), &json!(["FINANCE_USER", "FINANCE_MANAGER"]));
    }

    async fn without_a_session_there_is_no_data(t) {
        for cookie in [None, Some(""), Some("sirius=made-up"), Some("other=officer")] {
            let answer = ask_as(t, cookie).await;
            assert_eq!(answer.code(), "UNAUTHENTICATED", "{cookie:?}");
            assert_eq!(answer.status, 401, "{cookie:?}");
            assert_eq!(answer.body.get("data"), None, "{cookie:?}");
        }
    }

    async fn without_a_cookie_sirius_is_not_asked(t) {
        ask_as(t, None).await;
        assert_eq!(t.sirius.take_checks().len(), 0);
    }

    async fn a_session_that_cannot_be_checked_gives_no_data(t) {
        for fault in [Fault::Status(500), Fault::Status(403), Fault::Body("nonsense".to_owned())] {
            t.sirius.check_fault(Some(fault.clone()));
            let answer = ask_as(t, Some("sirius=officer")).await;
            assert_eq!(answer.code(), "SIRIUS_UNAVAILABLE", "{fault:?}");
            assert_eq!(answer.status, 503, "{fault:?}");
            assert_eq!(answer.body.get("data"), None, "{fault:?}");
        }
        t.sirius.check_fault(None);
        let answer = ask_as(t, Some("sirius=officer")).await;
        assert_ne!(answer.data("/viewer"), &Value::Null);
    }

    async fn a_session_is_checked_once_in_thirty_seconds(t) {
        for _ in 0..10 {
            ask_as(t, Some("sirius=officer")).await.data("/viewer");
        }
        assert_eq!(t.sirius.take_checks().len(), 1);
        // Meanwhile Sirius may be down: a session verified within that time goes on.
        t.sirius.check_fault(Some(Fault::Status(500)));
        t.clock.advance(Duration::from_secs(29));
        ask_as(t, Some("sirius=officer")).await.data("/viewer");
        t.clock.advance(Duration::from_secs(1));
        assert_eq!(ask_as(t, Some("sirius=officer")).await.code(), "SIRIUS_UNAVAILABLE");
    }

    async fn an_ended_session_is_gone_at_the_latest_then(t) {
        ask_as(t, Some("sirius=officer")).await.data("/viewer");
        t.sirius.check_fault(Some(Fault::Status(401)));
        t.clock.advance(Duration::from_secs(30));
        assert_eq!(ask_as(t, Some("sirius=officer")).await.code(), "UNAUTHENTICATED");
    }

    async fn many_requests_of_one_session_at_once_share_one_check(t) {
        t.sirius.check_fault(Some(Fault::Slow(Duration::from_millis(200))));
        for answer in join_all((0..30).map(|_| ask_as(t, Some("sirius=officer")))).await {
            answer.data("/viewer");
        }
        assert_eq!(t.sirius.take_checks().len(), 1);
    }

    async fn sessions_are_told_apart(t) {
        let ids = [("sirius=officer", "3"), (MANAGER, "7"), ("sirius=officer; other=1", "3")];
        for (cookie, id) in ids {
            assert_eq!(ask_as(t, Some(cookie)).await.data("/viewer/id"), id);
        }
        assert_eq!(t.sirius.take_checks().len(), 3);
    }

    async fn a_refused_cookie_is_not_asked_for_again_at_once(t) {
        for _ in 0..10 {
            assert_eq!(ask_as(t, Some("sirius=made-up")).await.code(), "UNAUTHENTICATED");
        }
        assert_eq!(t.sirius.take_checks().len(), 1);
    }
}

any_database! {
    options: Options { sirius_timeout: Duration::from_millis(500), ..Options::default() };

    async fn a_check_that_hangs_is_waited_for_once_and_then_tried_by_one_at_a_time(t) {
        t.sirius.check_fault(Some(Fault::Slow(Duration::from_secs(30))));
        assert_eq!(ask_as(t, Some("sirius=officer")).await.code(), "SIRIUS_UNAVAILABLE");
        t.sirius.take_checks();
        let cookies = (0..50).map(|number| format!("sirius=officer; number={number}"));
        let answers = join_all(cookies.map(async |cookie| ask_as(t, Some(&cookie)).await)).await;
        assert!(answers.iter().all(|answer| answer.code() == "SIRIUS_UNAVAILABLE"));
        assert_eq!(t.sirius.take_checks().len(), 1);
        t.sirius.check_fault(None);
        ask_as(t, Some("sirius=officer")).await.data("/viewer");
        ask_as(t, Some(MANAGER)).await.data("/viewer");
    }

    async fn who_waits_too_long_behind_others_checks_is_told_so(t) {
        t.sirius.check_fault(Some(Fault::Slow(Duration::from_millis(300))));
        let cookies = (0..150).map(|number| format!("sirius=made-up-{number}"));
        let answers = join_all(cookies.map(async |cookie| ask_as(t, Some(&cookie)).await)).await;
        let count = |code: &str| answers.iter().filter(|answer| answer.code() == code).count();
        let (refused, waited) = (count("UNAUTHENTICATED"), count("SIRIUS_UNAVAILABLE"));
        assert_eq!(refused + waited, 150);
        assert!(waited > 0 && t.sirius.take_checks().len() < 150, "{refused}, {waited}");
    }
}
