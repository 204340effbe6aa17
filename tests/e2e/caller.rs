//! Who may ask.

use serde_json::{Value, json};
use tests::{Answer, Fault, Harness, MANAGER, both_databases};

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
}
