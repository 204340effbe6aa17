//! Values that are written at once are those that the library would have given, whatever is asked for and
//! whatever fails; and what is remembered of a document lets nothing through that would be refused.
//!
//! `PROPTEST_CASES` says how many random documents (150 unless given).

mod account;
mod documents;
mod variables;

use std::collections::HashMap;
use std::time::Duration;

use api::graphql::{Costs, merges, sdl};
use async_graphql::parser::parse_query;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use reqwest::RequestBuilder;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tests::token::SIRIUS_KEY;
use tests::{Fault, Harness, OFFICER, both_databases};

use self::account::clients;
use self::documents::{Document, Schema};

fn cases() -> usize {
    let given = std::env::var("PROPTEST_CASES").ok();
    given.map_or(150, |it| it.parse().unwrap())
}

/// Asked for in two places: the library answers the whole document alone.
const TWICE: &str = "viewer { id } viewer { id }";

/// What was answered. The text is compared: the order of its fields is part of the answer.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    /// One field of the operation; none if the request was refused.
    text: Option<String>,
    /// Without their places in the document, and in an order of their own.
    errors: Vec<String>,
}

type Fields = HashMap<String, Box<RawValue>>;

impl Told {
    async fn by(request: RequestBuilder, query: &str, variables: &Value, field: &str) -> Self {
        let body = json!({ "query": query, "variables": variables });
        let response = request.json(&body).send().await.unwrap();
        let answer = response.text().await.unwrap();
        let answer = serde_json::from_str::<Fields>(&answer).unwrap();
        let text = answer.get("data").map(|data| {
            match serde_json::from_str::<Option<Fields>>(data.get()).unwrap() {
                Some(fields) => fields[field].get().to_owned(),
                None => "null".to_owned(),
            }
        });
        let errors = answer.get("errors").map_or("[]", |it| it.get());
        let errors = serde_json::from_str::<Vec<Map<String, Value>>>(errors).unwrap();
        let errors = errors.into_iter().map(|mut error| {
            error.remove("locations");
            Value::Object(error).to_string()
        });
        let mut errors = errors.collect::<Vec<_>>();
        errors.sort();
        Self { text, errors }
    }

    fn is_told_once(&self) -> bool {
        self.errors.windows(2).all(|two| two[0] != two[1])
    }
}

/// Asks each way twice: the second time the document is remembered, and not validated again. Gives what the
/// library told, which is compared unless the request was refused.
async fn told_both_ways(who: impl Fn() -> RequestBuilder, document: &Document) -> Told {
    let (own, alone) = (document.text(""), document.text(TWICE));
    let mut answers = Vec::new();
    for text in [&own, &own, &alone, &alone] {
        let told = Told::by(who(), text, &document.variables, "financeClient");
        answers.push(told.await);
    }
    let library = answers.pop().unwrap();
    if library.text.is_some() {
        for answer in answers {
            assert_eq!(answer, library, "{own}\n{:#}", document.variables);
        }
    }
    library
}

/// Where pages of client 1001 may begin and end.
async fn cursors(t: &Harness) -> Vec<String> {
    let answer = t
        .ask(
            "{ financeClient(clientId: 1001) {
                billingHistory(first: 1000) { edges { cursor } } invoices { edges { cursor } } } }",
        )
        .await;
    let of = |list: &str| answer.column(&format!("/financeClient/{list}/edges"), "cursor");
    let all = [of("billingHistory"), of("invoices")].concat();
    all.iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect()
}

/// Selections of a history that ask for users: known at once, or after a statement.
const BY_WHOM: [&str; 5] = [
    "nodes { id createdBy { id displayName } }",
    "edges { cursor node { createdBy { id } } } nodes { by: createdBy { displayName } type }",
    "nodes { createdBy { id } ... on InvoiceGenerated { invoice { createdBy { id } reference } }
        ... on TransactionEvent { breakdown { invoice { createdBy { displayName } } amount } } }",
    "nodes { type a: createdBy { id } b: createdBy { id }
        ... on RefundEvent { refund { createdBy { id } decisionBy { id } cancelledBy { id } } } }",
    "nodes { createdBy { id } ... on InvoiceGenerated { invoice { status createdBy { id }
        ledgerAllocations { createdBy { id } } financeClient { clientId } } } }",
];

fn of_history(fields: &str) -> Document {
    Document::of(&format!(
        "clientId billingHistory(first: 1000) {{ {fields} }}"
    ))
}

/// A client, and its history with all that an event tells of itself.
fn client_and_history(arguments: &str) -> String {
    format!(
        "id clientId courtReference sopNumber paymentMethod paymentMethodRaw outstandingBalance
        billingHistory{arguments} {{
            totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
            edges {{ cursor node {{
                __typename id type date outstandingBalance creditBalance
                createdBy {{ id displayName }}
                ... on InvoiceGenerated {{ amount invoice {{
                    id reference feeType feeTypeRaw amount raisedDate startDate endDate createdAt
                    status createdBy {{ id }} financeClient {{ clientId }} }} }}
                ... on FeeReductionAwarded {{
                    feeReductionType feeReductionTypeRaw startDate endDate dateReceived notes }}
                ... on FeeReductionCancelled {{
                    feeReductionType feeReductionTypeRaw cancellationReason }}
                ... on InvoiceAdjustmentEvent {{
                    adjustmentType adjustmentTypeRaw notes amount invoice {{ id }} }}
                ... on TransactionEvent {{
                    transactionType transactionTypeRaw amount
                    breakdown {{ amount status invoice {{ id reference }} }} }}
                ... on RefundEvent {{ amount notes refund {{
                    id amount raisedDate status decisionRaw notes createdAt decisionAt processedAt
                    cancelledAt fulfilledAt decisionBy {{ id }} cancelledBy {{ id }} }} }}
                ... on DirectDebitCollectionScheduled {{ amount collectionDate }}
                ... on PaymentMethodChanged {{ paymentMethod }}
            }} }}
        }}"
    )
}

both_databases! {
    async fn whatever_is_asked_of_a_history_both_ways_give_the_same_answer(t) {
        clients(t).await;
        let (schema, costs) = (Schema::read(), Costs::of(&sdl()));
        let types = t.ask("{ financeClient(clientId: 1001) {
            billingHistory(first: 1000) { nodes { type } } } }").await;
        let types = types.column("/financeClient/billingHistory/nodes", "type");
        for known in schema.values("BillingEventType") {
            assert!(types.contains(&json!(known)), "{known} has not happened");
        }
        let cursors = cursors(t).await;
        let mut random = StdRng::seed_from_u64(23);
        let (mut compared, mut direct) = (0, 0);
        for case in 0..cases() {
            let document = schema.document(&mut random, &cursors);
            // A service may not see everything, and has no session to find names with.
            let who = || match case % 5 {
                0 => t.post().bearer_auth(SIRIUS_KEY),
                _ => t.post().header("Cookie", OFFICER),
            };
            let told = told_both_ways(who, &document).await;
            if told.text.is_none() {
                let why = told.errors.join("\n");
                assert!(why.contains("QUERY_TOO_COMPLEX"), "{why}\n{}", document.text(""));
                continue;
            }
            compared += 1;
            let is_merged = |before| merges(&parse_query(document.text(before)).unwrap(), &costs);
            assert!(is_merged(TWICE));
            direct += usize::from(!is_merged(""));
        }
        assert!(compared * 3 > cases() * 2, "{compared}");
        assert!(direct * 2 > compared, "{direct} of {compared}");
    }

    async fn a_name_that_cannot_be_found_out_is_told_once(t) {
        clients(t).await;
        let officer = || t.post().header("Cookie", OFFICER);
        let faults = [Fault::Status(500), Fault::Body("<html>".to_owned()), Fault::Status(401)];
        for fault in faults {
            t.sirius.list_fault(Some(fault.clone()));
            for fields in BY_WHOM {
                let told = told_both_ways(officer, &of_history(fields)).await;
                assert!(!told.errors.is_empty(), "{fault:?} {fields}");
                assert!(told.is_told_once(), "{:#?}", told.errors);
            }
            t.clock.advance(Duration::from_secs(60));
        }
        t.sirius.list_fault(None);
        for fields in BY_WHOM {
            let told = told_both_ways(officer, &of_history(fields)).await;
            assert_eq!(told.errors, Vec::<String>::new());
        }
    }

    async fn what_is_refused_within_a_history_is_told_once(t) {
        clients(t).await;
        for fields in [
            "nodes { ... on RefundEvent { refund { id bankDetails { accountName } status } } }",
            "edges { node { id ... on RefundEvent { refund {
                a: bankDetails { accountName } b: bankDetails { sortCode } } } } }
            nodes { type ... on RefundEvent { refund { bankDetails { sortCode } } } }",
            "nodes { ... on RefundEvent { refund { bankDetails { accountName } } }
                ... on InvoiceGenerated { invoice { status } } }",
        ] {
            let service = || t.post().bearer_auth(SIRIUS_KEY);
            let told = told_both_ways(service, &of_history(fields)).await;
            assert!(told.errors.iter().all(|it| it.contains("FORBIDDEN")), "{:#?}", told.errors);
            assert!(!told.errors.is_empty() && told.is_told_once(), "{:#?}", told.errors);
            let officer = || t.post().header("Cookie", OFFICER);
            let told = told_both_ways(officer, &of_history(fields)).await;
            assert_eq!(told.errors, Vec::<String>::new());
        }
    }

    async fn objects_asked_for_in_several_places_are_merged(t) {
        clients(t).await;
        let whole = "{ financeClient(clientId: 1001) { clientId
            billingHistory(first: 9) { totalCount nodes { id type } } } }";
        let parts = [
            "{ financeClient(clientId: 1001) { clientId
                billingHistory(first: 9) { totalCount nodes { id } nodes { type } } } }",
            "{ financeClient(clientId: 1001) { clientId billingHistory(first: 9) {
                nodes { id } ... { totalCount }
                ... on BillingEventConnection { nodes { type } } } } }",
            "{ financeClient(clientId: 1001) { clientId
                billingHistory(first: 9) { totalCount }
                billingHistory(first: 9) { nodes { id type } } } }",
            "{ financeClient(clientId: 1001) { ...A ...B clientId } }
                fragment A on FinanceClient { billingHistory(first: 9) { nodes { id } } }
                fragment B on FinanceClient {
                    billingHistory(first: 9) { totalCount nodes { type } } }",
            "{ financeClient(clientId: 1001) {
                    billingHistory(first: 9) { totalCount nodes { id } } }
                financeClient(clientId: 1001) {
                    clientId billingHistory(first: 9) { nodes { type } } } }",
            "{ ...A ...B }
                fragment A on Query { financeClient(clientId: 1001) { clientId } }
                fragment B on Query { financeClient(clientId: 1001) {
                    billingHistory(first: 9) { totalCount nodes { id type } } } }",
        ];
        let whole = t.ask(whole).await;
        for part in parts {
            let answer = t.ask(part).await;
            assert_eq!(answer.data("/financeClient"), whole.data("/financeClient"), "{part}");
        }
    }

    async fn parts_of_an_event_asked_for_by_interface_and_by_type_are_merged(t) {
        clients(t).await;
        let ask = async |nodes: &str| {
            let query = "{ financeClient(clientId: 1001) { billingHistory(
                first: 1000, types: [PAYMENT_PROCESSED, FEE_REDUCTION_APPLIED])";
            t.ask(&format!("{query} {{ {nodes} }} }} }}")).await
        };
        let whole = ask("nodes { createdBy { id displayName } ... on TransactionEvent {
            breakdown { amount invoice { id reference } } } }").await;
        const NODES: &str = "/financeClient/billingHistory/nodes";
        assert!(whole.data(NODES).as_array().unwrap().len() > 10);
        for nodes in [
            "nodes { createdBy { id } ... on TransactionEvent { createdBy { displayName }
                breakdown { amount } breakdown { invoice { id reference } } } }",
            "nodes { ... on TransactionEvent { createdBy { id } breakdown { invoice { id } } }
                ... on BillingEvent { createdBy { displayName } ... on TransactionEvent {
                    breakdown { amount invoice { reference } } } } }",
            "nodes { ... on TransactionEvent { breakdown { amount invoice { id } } } }
                nodes { createdBy { id displayName }
                    ... on TransactionEvent { breakdown { invoice { reference } } } }",
        ] {
            assert_eq!(ask(nodes).await.data(NODES), whole.data(NODES), "{nodes}");
        }
    }

    async fn a_client_and_its_history_are_the_same_read_together_and_apart(t) {
        clients(t).await;
        let told = async |field: &str, query: String| {
            let request = t.post().header("Cookie", OFFICER);
            Told::by(request, &query, &json!({}), field).await
        };
        for (client, reference) in [(1001, "10010001"), (1002, "10020002"), (1003, "10030003")] {
            let id = t.ask(&format!("{{ financeClient(clientId: {client}) {{ id }} }}")).await;
            let id = id.data("/financeClient/id");
            for arguments in [
                "", "(first: 1000)", "(last: 3)", "(first: 0)", "(after: \"x\")", "(types: [])",
                "(types: [PAYMENT_PROCESSED], first: 2)",
                "(from: \"2024-05-01\", to: \"2024-09-30\")",
            ] {
                let fields = client_and_history(arguments);
                let query = format!("{{ financeClient(clientId: {client}) {{ {fields} }} }}");
                let together = told("financeClient", query).await;
                assert_ne!(together.text.as_deref(), Some("null"));
                let by_id = format!("node(id: {id}) {{ ... on FinanceClient {{ {fields} }} }}");
                let by_reference = format!(
                    "financeClientByCourtReference(courtReference: \"{reference}\") {{ {fields} }}"
                );
                for (field, query) in
                    [("node", by_id), ("financeClientByCourtReference", by_reference)]
                {
                    let apart = told(field, format!("{{ {query} }}")).await;
                    assert_eq!(together.text, apart.text, "{field} {client} {arguments}");
                    // Only their paths are others.
                    assert_eq!(together.errors.len(), apart.errors.len(), "{client} {arguments}");
                }
            }
        }
    }

    async fn a_client_that_is_not_there_is_null_with_its_history_too(t) {
        clients(t).await;
        for client in ["404", "0", "-1", "2147483647", "3000000000"] {
            let fields = client_and_history("(first: 1000)");
            let query = format!("{{ financeClient(clientId: {client}) {{ {fields} }} }}");
            assert_eq!(t.ask(&query).await.data("/financeClient"), &Value::Null, "{client}");
        }
    }
}
