//! Pages, cursors and filters of a billing history (contract, "Reading").

use api::demo::books::*;
use entity::stored::*;
use serde_json::{Value, json};
use tests::{Answer, Harness, both_databases};

const HISTORY: &str = "/financeClient/billingHistory";

/// Ten invoices of client 1001, one a day from 1 May 2024 on, and one of client 1002.
async fn ten_invoices(t: &Harness) {
    let mut books = Books::default();
    let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
    for number in 1..=10 {
        let made = format!("2024-05-{number:02} 23:59:59");
        story.invoice(
            FeeType::Ad,
            &format!("AD{number:06}/24"),
            number * 100,
            &made,
        );
    }
    let mut other = books.client(1002, "10020002", PaymentMethod::Demanded);
    other.invoice(FeeType::Ad, "AD000099/24", 100, "2024-05-05 10:00:00");
    t.write(books).await;
}

async fn page_of(t: &Harness, client: i32, arguments: &str) -> Answer {
    t.ask(&format!(
        "{{ viewer {{ id }} financeClient(clientId: {client}) {{ clientId billingHistory({arguments}) {{
            totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
            edges {{ cursor node {{ id }} }} nodes {{ outstandingBalance ... on InvoiceGenerated {{ amount }} }}
        }} }} }}"
    ))
    .await
}

async fn page(t: &Harness, arguments: &str) -> Answer {
    page_of(t, 1001, arguments).await
}

/// Which of the ten invoices are shown, newest first.
fn shown(answer: &Answer) -> Vec<i64> {
    let amounts = answer.column(&format!("{HISTORY}/nodes"), "amount");
    amounts
        .iter()
        .map(|it| it.as_i64().unwrap() / 100)
        .collect()
}

fn flags(answer: &Answer) -> (bool, bool) {
    let info = answer.data(&format!("{HISTORY}/pageInfo"));
    (
        info["hasPreviousPage"].as_bool().unwrap(),
        info["hasNextPage"].as_bool().unwrap(),
    )
}

fn cursor(answer: &Answer, place: usize) -> String {
    answer
        .data(&format!("{HISTORY}/edges/{place}/cursor"))
        .as_str()
        .unwrap()
        .to_owned()
}

both_databases! {
    async fn first_gives_the_newest_and_after_goes_on_from_there(t) {
        ten_invoices(t).await;
        let newest = page(t, "first: 3").await;
        assert_eq!(shown(&newest), [10, 9, 8]);
        assert_eq!(flags(&newest), (false, true));
        assert_eq!(newest.data(&format!("{HISTORY}/totalCount")), 10);
        let info = newest.data(&format!("{HISTORY}/pageInfo"));
        assert_eq!(info["startCursor"], cursor(&newest, 0));
        assert_eq!(info["endCursor"], cursor(&newest, 2));

        let next = page(t, &format!("first: 3, after: \"{}\"", cursor(&newest, 2))).await;
        assert_eq!(shown(&next), [7, 6, 5]);
        assert_eq!(flags(&next), (true, true));
        let rest = page(t, &format!("first: 9, after: \"{}\"", cursor(&next, 2))).await;
        assert_eq!(shown(&rest), [4, 3, 2, 1]);
        assert_eq!(flags(&rest), (true, false));
    }

    async fn last_gives_the_oldest_and_before_goes_back_from_there(t) {
        ten_invoices(t).await;
        let oldest = page(t, "last: 3").await;
        assert_eq!(shown(&oldest), [3, 2, 1]);
        assert_eq!(flags(&oldest), (true, false));
        let before = page(t, &format!("last: 3, before: \"{}\"", cursor(&oldest, 0))).await;
        assert_eq!(shown(&before), [6, 5, 4]);
        assert_eq!(flags(&before), (true, true));
    }

    async fn after_and_before_together_give_what_is_between(t) {
        ten_invoices(t).await;
        let all = page(t, "first: 10").await;
        let range = format!("after: \"{}\", before: \"{}\"", cursor(&all, 2), cursor(&all, 7));
        assert_eq!(shown(&page(t, &range).await), [7, 6, 5, 4]);
        let crossed = format!("after: \"{}\", before: \"{}\"", cursor(&all, 7), cursor(&all, 2));
        assert_eq!(shown(&page(t, &crossed).await), [0; 0]);
    }

    async fn a_cursor_stays_valid_when_newer_events_arrive(t) {
        ten_invoices(t).await;
        let newest = page(t, "first: 3").await;
        let mut more = Books::default();
        more.client(1001, "10010001", PaymentMethod::Demanded)
            .invoice(FeeType::Ad, "AD000011/24", 1_100, "2024-05-11 10:00:00");
        for row in &mut more.invoice {
            row.id = 1_000;
        }
        more.finance_client.clear();
        t.write(more).await;
        let next = page(t, &format!("first: 3, after: \"{}\"", cursor(&newest, 2))).await;
        assert_eq!(shown(&next), [7, 6, 5]);
    }

    async fn filters_choose_what_is_shown_and_counted_but_not_the_balances(t) {
        ten_invoices(t).await;
        let days = page(t, "from: \"2024-05-03\", to: \"2024-05-05\"").await;
        assert_eq!(shown(&days), [5, 4, 3]);
        assert_eq!(days.data(&format!("{HISTORY}/totalCount")), 3);
        let balances = days.column(&format!("{HISTORY}/nodes"), "outstandingBalance");
        assert_eq!(balances, [1_500, 1_000, 600]);

        let none = page(t, "types: [PAYMENT_PROCESSED]").await;
        assert_eq!(none.data(&format!("{HISTORY}/totalCount")), 0);
        assert_eq!(flags(&none), (false, false));
        assert_eq!(shown(&page(t, "types: []").await), [0; 0]);
        let some = page(t, "types: [PAYMENT_PROCESSED, INVOICE_GENERATED], last: 1").await;
        assert_eq!(shown(&some), [1]);
    }

    async fn a_page_has_fifty_unless_told_otherwise_and_a_thousand_at_most(t) {
        let mut books = Books::default();
        let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
        for number in 1..=1_200 {
            story.invoice(FeeType::Ad, &format!("AD{number:06}/24"), 100, "2024-05-01 10:00:00");
        }
        t.write(books).await;
        assert_eq!(shown(&page(t, "types: [INVOICE_GENERATED]").await).len(), 50);
        let most = page(t, "first: 1000").await;
        assert_eq!(shown(&most).len(), 1_000);
        assert_eq!(most.data(&format!("{HISTORY}/totalCount")), 1_200);
        let balances = most.column(&format!("{HISTORY}/nodes"), "outstandingBalance");
        assert_eq!(balances[0], 120_000);
    }

    async fn an_events_id_is_its_own_and_stays_the_same(t) {
        ten_invoices(t).await;
        let ids = |answer: &Answer| answer.column(&format!("{HISTORY}/edges"), "node/id");
        let first = ids(&page(t, "first: 10").await);
        assert_eq!(first, ids(&page(t, "first: 10").await));
        let distinct = first.iter().map(Value::to_string).collect::<std::collections::HashSet<_>>();
        assert_eq!(distinct.len(), 10);
    }

    async fn a_wrong_argument_costs_the_history_alone(t) {
        ten_invoices(t).await;
        let foreign = cursor(&page_of(t, 1002, "first: 1").await, 0);
        for wrong in [
            "first: 0",
            "first: -1",
            "first: 1001",
            "first: 3000000000",
            "last: -3000000000",
            "last: 0",
            "last: 1001",
            "first: 1, last: 1",
            "after: \"nonsense\"",
            "after: \"\"",
            "before: \"YmlsbGluZ0hpc3Rvcnk\"",
            &format!("after: \"{foreign}\""),
            "from: \"2024-05-05\", to: \"2024-05-04\"",
        ] {
            let answer = page(t, wrong).await;
            let expected = ("BAD_USER_INPUT".to_owned(), "financeClient/billingHistory".to_owned());
            assert_eq!(answer.errors(), [expected], "{wrong}");
            assert_eq!(answer.partial("/viewer/id"), "3", "{wrong}");
            assert_eq!(answer.partial("/financeClient/clientId"), 1001, "{wrong}");
            assert_eq!(answer.partial(HISTORY), &Value::Null, "{wrong}");
        }
    }

    async fn a_number_beyond_every_id_is_a_client_that_is_not_there(t) {
        let find = "query($id: Int!) { viewer { id } financeClient(clientId: $id) { id } }";
        for id in [3_000_000_000_i64, -3_000_000_000, i64::MAX] {
            let answer = t.ask_with(find, json!({ "id": id })).await;
            assert_eq!(answer.data("/financeClient"), &Value::Null);
            assert_eq!(answer.data("/viewer/id"), "3");
        }
    }

    async fn a_day_that_is_none_is_refused_before_anything_runs(t) {
        ten_invoices(t).await;
        let literal = page(t, "from: \"2024-02-30\"").await;
        assert_eq!(literal.code(), "BAD_USER_INPUT");
        assert_eq!(literal.body.get("data"), None);
        let variable = t
            .ask_with(
                "query($from: Date) { financeClient(clientId: 1001) { billingHistory(from: $from) { totalCount } } }",
                json!({ "from": "2024-13-01" }),
            )
            .await;
        assert_eq!(variable.code(), "BAD_USER_INPUT");
    }

    async fn a_node_is_found_by_its_opaque_id(t) {
        ten_invoices(t).await;
        let answer = t
            .ask("{ financeClient(clientId: 1001) { id billingHistory(first: 1) { nodes {
                ... on InvoiceGenerated { invoice { id } } } } } }")
            .await;
        let client = answer.data("/financeClient/id").as_str().unwrap();
        let invoice = answer.data("/financeClient/billingHistory/nodes/0/invoice/id").as_str().unwrap();
        let find = "query($id: ID!) { node(id: $id) { __typename id
            ... on FinanceClient { clientId } ... on Invoice { amount } } }";
        let found = t.ask_with(find, json!({ "id": client })).await;
        let expected = json!({ "__typename": "FinanceClient", "id": client, "clientId": 1001 });
        assert_eq!(found.data("/node"), &expected);
        let found = t.ask_with(find, json!({ "id": invoice })).await;
        let expected = json!({ "__typename": "Invoice", "id": invoice, "amount": 1_000 });
        assert_eq!(found.data("/node"), &expected);
        for nothing in ["", "nonsense", "SW52b2ljZTo5OTk5"] {
            let found = t.ask_with(find, json!({ "id": nothing })).await;
            assert_eq!(found.data("/node"), &Value::Null, "{nothing}");
        }
    }
}
