//! A document that was found valid with some variables is not taken for valid with all.

use serde_json::{Value, json};
use tests::{Answer, Harness, Instance, OFFICER, any_database};

use super::account::clients;

async fn send(t: &Instance, query: &str, variables: &Value) -> Answer {
    let body = json!({ "query": query, "variables": variables });
    let request = t.post().header("Cookie", OFFICER);
    let request = request.header("Accept", "application/graphql-response+json");
    Answer::of(request.json(&body)).await
}

/// Where the query was answered well, it is answered with other variables as where nobody has sent it yet.
async fn assert_as_if_new(t: &Harness, query: &str, right: Value, others: &[Value]) {
    // The first time it is found valid, the second time it is known to be.
    for _ in 0..2 {
        send(t, query, &right).await.data("");
    }
    for variables in others {
        let new = t.instance().await;
        let expected = send(&new, query, variables).await;
        new.stop().await;
        let answer = send(t, query, variables).await;
        assert_eq!(
            (answer.status, answer.body),
            (expected.status, expected.body),
            "{query} {variables}"
        );
        send(t, query, &right).await.data("");
    }
}

any_database! {
    async fn a_document_found_valid_is_still_refused_with_a_variable_of_another_type(t) {
        clients(t).await;
        let client = "query Q($id: Int!) {
            financeClient(clientId: $id) { clientId billingHistory { totalCount } } }";
        assert_as_if_new(t, client, json!({ "id": 1001 }), &[
            json!({ "id": "1001" }),
            json!({ "id": 1001.5 }),
            json!({ "id": 1001.0 }),
            json!({ "id": null }),
            json!({ "id": true }),
            json!({ "id": [1001] }),
            json!({ "id": { "id": 1001 } }),
            json!({ "id": 3_000_000_000_i64 }),
            json!({ "id": -3_000_000_000_i64 }),
            json!({ "id": u64::MAX }),
            json!({ "id": 1e30 }),
            json!({ "other": 1001 }),
            json!({}),
        ]).await;
        let page = "query Q($first: Int, $from: Date, $types: [BillingEventType!]) {
            financeClient(clientId: 1001) {
                billingHistory(first: $first, from: $from, types: $types) { totalCount } } }";
        assert_as_if_new(t, page, json!({ "first": 2 }), &[
            json!({ "first": "2" }),
            json!({ "first": null }),
            json!({ "first": 0 }),
            json!({ "from": "2024-13-01" }),
            json!({ "from": 20240101 }),
            json!({ "from": "2024-04-02", "first": 3 }),
            json!({ "types": ["NO_SUCH_TYPE"] }),
            json!({ "types": "PAYMENT_PROCESSED" }),
            json!({ "types": [null] }),
            json!({}),
        ]).await;
    }

    async fn so_it_is_with_texts_ids_and_conditions(t) {
        clients(t).await;
        let of_another_type = |name: &str| {
            let values = [
                json!(5), json!(1.5), json!(true), json!(null), json!(["x"]), json!({ "x": "x" }),
            ];
            let mut variables = values.map(|value| json!({ name: value })).to_vec();
            variables.push(json!({}));
            variables
        };
        let text = "query Q($text: String!) {
            financeClientByCourtReference(courtReference: $text) { clientId } }";
        assert_as_if_new(t, text, json!({ "text": "10010001" }), &of_another_type("text")).await;
        let id = "query Q($id: ID!) { node(id: $id) { id } }";
        assert_as_if_new(t, id, json!({ "id": "x" }), &of_another_type("id")).await;
        let condition = "query Q($with: Boolean!) {
            viewer { id displayName @include(if: $with) } }";
        let others = [
            json!({ "with": "true" }), json!({ "with": 1 }), json!({ "with": null }), json!({}),
        ];
        assert_as_if_new(t, condition, json!({ "with": true }), &others).await;
    }

    async fn a_variable_that_was_left_out_is_looked_at_once_it_is_given(t) {
        clients(t).await;
        // Nothing can be told of a list as long as the variable in it has no value.
        let number = "query Q($id: Int, $without: Boolean!) {
            viewer { id } financeClient(clientId: [$id]) @skip(if: $without) { clientId } }";
        assert_as_if_new(t, number, json!({ "without": true }), &[
            json!({ "without": true, "id": 1001 }),
            json!({ "without": false, "id": 1001 }),
            json!({ "without": false }),
        ]).await;
        let list = "query Q($id: Int!, $type: String) {
            financeClient(clientId: $id) { billingHistory(types: [[$type]]) { totalCount } } }";
        assert_as_if_new(t, list, json!({ "id": 404 }), &[
            json!({ "id": 404, "type": "PAYMENT_PROCESSED" }),
            json!({ "id": 1001, "type": "PAYMENT_PROCESSED" }),
        ]).await;
    }

    async fn another_operation_of_a_document_is_not_taken_for_the_one_that_was_valid(t) {
        let ask = async |name: &str| {
            let body = json!({ "query": "query A { viewer { id } }", "operationName": name });
            Answer::of(t.post().header("Cookie", OFFICER).json(&body)).await
        };
        for _ in 0..2 {
            ask("A").await.data("/viewer");
        }
        assert_eq!(ask("B").await.code(), "BAD_USER_INPUT");
        ask("A").await.data("/viewer");
    }
}
