//! That the documents which are made from the schema are what they are meant to be.

use arbitrary::Unstructured;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tests::documents::Grammar;
use tests::{Answer, OFFICER, any_database};

use super::mutations::a_client;

any_database! {
    async fn a_document_made_from_the_schema_is_valid(t) {
        a_client(t).await;
        let grammar = Grammar::default();
        let mut random = StdRng::seed_from_u64(7);
        let mut executed = 0;
        for _ in 0..500 {
            let bytes = (0..2_000).map(|_| random.random::<u8>()).collect::<Vec<_>>();
            let document = grammar.document(&mut Unstructured::new(&bytes)).unwrap();
            if document.query.starts_with("subscription") {
                continue;
            }
            let body = json!({ "query": document.query, "variables": document.variables });
            let request = t.post().header("Cookie", OFFICER).header("X-XSRF-TOKEN", "a+b c");
            let request = request.header("Accept", "application/graphql-response+json").json(&body);
            let answer = Answer::of(request).await;
            match answer.status.as_u16() {
                200 => executed += 1,
                400 => assert_eq!(answer.code(), "QUERY_TOO_COMPLEX", "{body:#} {:#}", answer.body),
                status => panic!("{status}: {body:#} {:#}", answer.body),
            }
        }
        assert!(executed > 300, "{executed}");
    }
}
