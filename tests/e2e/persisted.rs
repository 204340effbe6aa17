//! Which texts run: automatic persisted queries, and the manifest.

use api::http::{HttpLimits, TrustedDocuments};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tests::{Answer, Harness, OFFICER, Options, any_database};

const QUERY: &str = "{ viewer { id } }";
const OTHER: &str = "query Other { viewer { id displayName } }";

fn hash(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn persisted(text: &str) -> Value {
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash(text) } })
}

async fn post(t: &Harness, body: Value) -> Answer {
    Answer::of(t.post().header("Cookie", OFFICER).json(&body)).await
}

any_database! {
    async fn a_text_that_was_sent_once_with_its_hash_is_known_by_it(t) {
        let by_hash = json!({ "extensions": persisted(QUERY) });
        let first = post(t, by_hash.clone()).await;
        assert_eq!((first.status.as_u16(), first.code()), (200, "PERSISTED_QUERY_NOT_FOUND".to_owned()));
        assert_eq!(first.body["errors"][0]["message"], "PersistedQueryNotFound");
        let introduced = json!({ "query": QUERY, "extensions": persisted(QUERY) });
        assert_eq!(post(t, introduced).await.data("/viewer/id"), "3");
        assert_eq!(post(t, by_hash).await.data("/viewer/id"), "3");
        let url = format!("/graphql?extensions={}", persisted(QUERY));
        assert_eq!(Answer::of(t.get(&url).header("Cookie", OFFICER)).await.data("/viewer/id"), "3");
    }

    async fn a_hash_that_is_not_the_texts_is_refused_and_not_remembered(t) {
        let wrong = json!({ "query": OTHER, "extensions": persisted(QUERY) });
        assert_eq!(post(t, wrong).await.code(), "BAD_USER_INPUT");
        assert_eq!(post(t, json!({ "extensions": persisted(QUERY) })).await.code(), "PERSISTED_QUERY_NOT_FOUND");
        for odd in [json!(1), json!({}), json!({ "version": 2, "sha256Hash": hash(QUERY) }),
            json!({ "version": 1, "sha256Hash": "abc" })] {
            let odd = json!({ "query": QUERY, "extensions": { "persistedQuery": odd } });
            assert_eq!(post(t, odd).await.code(), "BAD_USER_INPUT");
        }
    }

    async fn only_what_was_answered_to_somebody_signed_in_is_remembered(t) {
        let introduced = |text: &str| json!({ "query": text, "extensions": persisted(text) });
        let stranger = Answer::of(t.post().json(&introduced(QUERY))).await;
        assert_eq!(stranger.code(), "UNAUTHENTICATED");
        post(t, introduced("{ no }")).await;
        let long = format!("{QUERY}#{}", "x".repeat(20_000));
        assert_eq!(post(t, introduced(&long)).await.data("/viewer/id"), "3");
        for text in [QUERY, "{ no }", long.as_str()] {
            let answer = post(t, json!({ "extensions": persisted(text) })).await;
            assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_FOUND");
        }
    }

    async fn a_mutation_known_by_its_hash_is_still_none_for_get(t) {
        let text = "mutation { changePaymentMethod(input: { clientId: 7, paymentMethod: DEMANDED }) { userErrors { code } } }";
        let body = json!({ "query": text, "extensions": persisted(text) });
        let request = t.post().header("Cookie", OFFICER).header("X-XSRF-TOKEN", "a+b c").json(&body);
        Answer::of(request).await.data("/changePaymentMethod");
        let url = format!("/graphql?extensions={}", persisted(text));
        assert_eq!(Answer::of(t.get(&url).header("Cookie", OFFICER)).await.status, 405);
    }
}

any_database! {
    options: Options {
        bounds: HttpLimits { persisted_queries: 0, ..HttpLimits::default() },
        ..Options::default()
    };
    async fn where_texts_are_not_remembered_clients_go_on_sending_them(t) {
        let introduced = json!({ "query": QUERY, "extensions": persisted(QUERY) });
        assert_eq!(post(t, introduced).await.data("/viewer/id"), "3");
        assert_eq!(post(t, json!({ "extensions": persisted(QUERY) })).await.code(), "PERSISTED_QUERY_NOT_FOUND");
    }
}

fn trusted() -> Options {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifest.json");
    let manifest = json!({
        "format": "apollo-persisted-query-manifest", "version": 1,
        "operations": [{ "id": "the-viewer", "name": "Viewer", "type": "query", "body": QUERY }],
    });
    std::fs::write(&file, manifest.to_string()).unwrap();
    Options {
        trusted: Some(TrustedDocuments::read(&file).unwrap()),
        ..Options::default()
    }
}

any_database! {
    options: trusted();
    async fn with_a_manifest_only_its_operations_run_however_they_are_named(t) {
        for body in [
            json!({ "query": QUERY }),
            json!({ "documentId": "the-viewer" }),
            json!({ "documentId": format!("sha256:{}", hash(QUERY)) }),
            json!({ "extensions": persisted(QUERY) }),
        ] {
            assert_eq!(post(t, body.clone()).await.data("/viewer/id"), "3", "{body}");
        }
        for body in [
            json!({ "query": OTHER }),
            json!({ "query": format!("{QUERY} ") }),
            json!({ "documentId": "another" }),
            json!({ "extensions": persisted(OTHER) }),
            json!({ "query": OTHER, "documentId": "the-viewer" }),
            json!({ "query": OTHER, "extensions": persisted(QUERY) }),
            json!({}),
        ] {
            let answer = post(t, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (403, "FORBIDDEN".to_owned()), "{body}");
        }
    }
}
