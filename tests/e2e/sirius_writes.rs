//! What Sirius writes through the API instead of into the tables (`domain.md` section 7).

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};
use tests::{Harness, both_databases, postgres_only};

use super::mutations::*;

async fn batch(t: &Harness, key: &str, invoices: Value) -> Value {
    let input = json!({ "invoices": invoices, "idempotencyKey": key });
    let fields = "results { invoice { id reference amount status } financeClient { clientId outstandingBalance creditBalance }
        userErrors { field code } }";
    let answer = by_sirius(t, "createGeneratedInvoices", input, fields).await;
    answer.data("/createGeneratedInvoices").clone()
}

/// A general annual fee of £320 for 2024/25.
fn annual(client: i32) -> Value {
    json!({ "clientId": client, "feeType": "S2", "amount": 32_000, "startDate": "2024-04-01",
        "endDate": "2025-03-31", "raisedDate": "2025-03-31", "supervisionLevel": "GENERAL",
        "feeRanges": [{ "supervisionLevel": "GENERAL", "fromDate": "2024-04-01", "toDate": "2025-03-31", "amount": 32_000 }] })
}

fn references(batch: &Value) -> Vec<&str> {
    let results = batch["results"].as_array().unwrap();
    results
        .iter()
        .map(|it| it["invoice"]["reference"].as_str().unwrap_or("none"))
        .collect()
}

async fn row(t: &Harness, sql: &str) -> Vec<String> {
    let backend = t.db.get_database_backend();
    let rows =
        t.db.query_all_raw(Statement::from_string(backend, sql))
            .await
            .unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

both_databases! {
    async fn a_client_is_made_once_with_all_that_sirius_says_of_it(t) {
        let input = json!({ "clientId": 2001, "sopNumber": "50001", "courtReference": "20010001",
            "paymentMethod": "DIRECT_DEBIT", "idempotencyKey": "c-1" });
        let fields = "financeClient { clientId sopNumber courtReference paymentMethod outstandingBalance }";
        for _ in 0..2 {
            let answer = by_sirius(t, "createFinanceClient", input.clone(), fields).await;
            assert_eq!(answer.data("/createFinanceClient"), &json!({ "financeClient": {
                "clientId": 2001, "sopNumber": "50001", "courtReference": "20010001",
                "paymentMethod": "DIRECT_DEBIT", "outstandingBalance": 0 }, "userErrors": [] }));
        }
        assert_eq!(count(t, "finance_client").await, 1);
        let again = json!({ "clientId": 2001, "sopNumber": " ", "courtReference": "20010001",
            "paymentMethod": "DEMANDED", "idempotencyKey": "c-2" });
        let answer = by_sirius(t, "createFinanceClient", again, fields).await;
        let found = faults_of(&answer, "createFinanceClient");
        assert_eq!(found, [("sopNumber", "REQUIRED"), ("clientId", "TAKEN")]);
        let other = json!({ "clientId": 2002, "sopNumber": "1", "courtReference": "20010001",
            "paymentMethod": "DEMANDED", "idempotencyKey": "c-3" });
        let answer = by_sirius(t, "createFinanceClient", other, fields).await;
        assert_eq!(faults_of(&answer, "createFinanceClient"), [("courtReference", "TAKEN")]);
        assert_eq!(count(t, "idempotency_key").await, 1, "what was refused leaves its key free");
    }

    async fn a_court_reference_is_updated_and_no_two_clients_have_one(t) {
        a_client(t).await;
        let input = |client: i32, reference: &str, key: &str| {
            json!({ "clientId": client, "courtReference": reference, "idempotencyKey": key })
        };
        let fields = "financeClient { courtReference }";
        let answer = by_sirius(t, "updateCourtReference", input(1001, "T1001", "r-1"), fields).await;
        assert_eq!(answer.data("/updateCourtReference/financeClient/courtReference"), "T1001");
        let answer = by_sirius(t, "updateCourtReference", input(1002, "T1001", "r-2"), fields).await;
        assert_eq!(faults_of(&answer, "updateCourtReference"), [("courtReference", "TAKEN")]);
        let answer = by_sirius(t, "updateCourtReference", input(1003, "", "r-3"), fields).await;
        assert_eq!(faults_of(&answer, "updateCourtReference"), [("courtReference", "REQUIRED"), ("clientId", "NOT_FOUND")]);
        let found = t.ask("{ financeClientByCourtReference(courtReference: \"T1001\") { clientId } }").await;
        assert_eq!(found.data("/financeClientByCourtReference/clientId"), 1001);
    }

    async fn every_column_that_sirius_sets_is_taken(t) {
        a_client(t).await;
        let invoice = json!({ "clientId": 1001, "personId": 77, "feeType": "SF", "amount": 45_678,
            "startDate": "2025-04-01", "endDate": "2025-06-30", "raisedDate": "2025-07-01",
            "confirmedDate": "2025-07-02", "supervisionLevel": "MINIMAL", "batchNumber": 9, "source": "Auto",
            "scheduledFn14Date": "2025-07-15", "createdBy": 3, "feeRanges": [
                { "supervisionLevel": "GENERAL", "fromDate": "2025-04-01", "toDate": "2025-05-31", "amount": 40_000 },
                { "supervisionLevel": "MINIMAL", "fromDate": "2025-06-01", "toDate": "2025-06-30", "amount": 5_678 }] });
        let made = batch(t, "b-1", json!([invoice])).await;
        assert_eq!(made["results"][0]["invoice"]["reference"], "SF000001/25");
        let is_whole = "SELECT 'yes' FROM invoice WHERE person_id = 77 AND finance_client_id = 1 AND feetype = 'SF' AND amount = 45678
            AND startdate = '2025-04-01' AND enddate = '2025-06-30' AND raiseddate = '2025-07-01' AND confirmeddate = '2025-07-02'
            AND supervisionlevel = 'MINIMAL' AND batchnumber = 9 AND source = 'Auto' AND scheduledfn14date = '2025-07-15'
            AND created_by = 3 AND created_at IS NOT NULL AND cacheddebtamount = 45678";
        assert_eq!(row(t, is_whole).await, ["yes"]);
        let ranges = "SELECT supervisionlevel || ' ' || amount FROM invoice_fee_range ORDER BY fromdate";
        assert_eq!(row(t, ranges).await, ["GENERAL 40000", "MINIMAL 5678"]);
        let least = json!({ "clientId": 1001, "feeType": "AD", "amount": 1, "startDate": "2025-04-01", "endDate": "2025-04-01" });
        batch(t, "b-2", json!([least])).await;
        let is_default = "SELECT 'yes' FROM invoice WHERE person_id = 1001 AND raiseddate IS NULL AND created_by = 12 AND amount = 1";
        assert_eq!(row(t, is_default).await, ["yes"]);
    }

    async fn one_that_is_refused_holds_up_no_other_and_leaves_no_gap(t) {
        a_client(t).await;
        let mut wrong = annual(1001);
        wrong["amount"] = json!(0);
        wrong["endDate"] = json!("2024-03-31");
        wrong["source"] = json!("x".repeat(21));
        wrong["batchNumber"] = json!(-1);
        wrong["feeRanges"][0]["toDate"] = json!("1812-01-01");
        let made = batch(t, "b-1", json!([annual(1001), annual(9999), wrong, annual(1002)])).await;
        assert_eq!(references(&made), ["S2000001/24", "none", "none", "S2000002/24"]);
        assert_eq!(made["results"][1]["userErrors"], json!([{ "field": ["invoices", "1", "clientId"], "code": "NOT_FOUND" }]));
        let faults = made["results"][2]["userErrors"].as_array().unwrap();
        let faults = faults.iter().map(|it| (it["field"][2].as_str().unwrap(), it["code"].as_str().unwrap()));
        assert_eq!(faults.collect::<Vec<_>>(), [("amount", "OUT_OF_RANGE"), ("endDate", "INVALID"),
            ("batchNumber", "OUT_OF_RANGE"), ("source", "TOO_LONG"), ("feeRanges", "OUT_OF_RANGE"), ("feeRanges", "INVALID"), ("feeRanges", "OUT_OF_RANGE"), ("feeRanges", "OUT_OF_RANGE")]);
        let client = json!({ "clientId": 1002, "outstandingBalance": 32_000, "creditBalance": 0 });
        assert_eq!(made["results"][3]["financeClient"], client);
        // Again with the key: the first results, those refused too.
        assert_eq!(batch(t, "b-1", json!([annual(1001), annual(9999), annual(1001), annual(1002)])).await["userErrors"][0]["code"], "KEY_REUSED");
        assert_eq!(count(t, "invoice").await, 2);
    }

    async fn what_cannot_even_be_read_of_one_holds_up_no_other(t) {
        a_client(t).await;
        let (mut far, mut unknown, mut level) = (annual(1001), annual(1001), annual(1001));
        far["clientId"] = json!(3_000_000_000_i64);
        unknown["feeType"] = json!("UNKNOWN");
        level["feeRanges"][0]["supervisionLevel"] = json!("UNKNOWN");
        let made = batch(t, "b-1", json!([far, annual(1001), unknown, level])).await;
        assert_eq!(references(&made), ["none", "S2000001/24", "none", "none"]);
        let paths = made["results"].as_array().unwrap().iter().map(|it| it["userErrors"][0]["field"].clone());
        assert_eq!(paths.collect::<Vec<_>>(), [json!(["invoices", "0", "clientId"]), Value::Null,
            json!(["invoices", "2", "feeType"]), json!(["invoices", "3", "feeRanges", "0", "supervisionLevel"])]);
    }

    async fn a_reference_that_no_database_keeps_is_a_fault_and_no_failure(t) {
        a_client(t).await;
        for text in ["a\u{0}b", "line\nbreak"] {
            let input = json!({ "clientId": 2001, "sopNumber": text, "courtReference": text,
                "paymentMethod": "DEMANDED", "idempotencyKey": "c-1" });
            let answer = by_sirius(t, "createFinanceClient", input, "financeClient { id }").await;
            assert_eq!(faults_of(&answer, "createFinanceClient"), [("sopNumber", "INVALID"), ("courtReference", "INVALID")]);
            let input = json!({ "clientId": 1001, "courtReference": text, "idempotencyKey": "r-1" });
            let answer = by_sirius(t, "updateCourtReference", input, "financeClient { id }").await;
            assert_eq!(faults_of(&answer, "updateCourtReference"), [("courtReference", "INVALID")]);
        }
    }

    async fn a_client_whose_invoices_are_all_refused_is_not_touched(t) {
        a_client(t).await;
        let paid = an_invoice(t, "2025-02-01").await;
        adjusted(t, &paid, "CREDIT_MEMO", Some(20_000)).await;
        let told = events(t).await.len();
        let mut wrong = annual(1001);
        wrong["amount"] = json!(0);
        batch(t, "b-1", json!([wrong, annual(1002)])).await;
        assert_eq!(events(t).await.len(), told, "its credit was told before");
        batch(t, "b-2", json!([annual(1001)])).await;
        assert_eq!(events(t).await.len(), told, "and now it is used up");
    }

    async fn ranges_are_no_more_than_the_amount_and_without_any_the_whole_is_at_the_level(t) {
        a_client(t).await;
        let mut twice = annual(1001);
        twice["feeRanges"] = json!([twice["feeRanges"][0], twice["feeRanges"][0]]);
        let mut plain = annual(1001);
        plain.as_object_mut().unwrap().remove("feeRanges");
        let mut none = annual(1001);
        none["feeRanges"] = json!([]);
        let made = batch(t, "b-1", json!([twice, plain, none])).await;
        assert_eq!(made["results"][0]["userErrors"], json!([{ "field": ["invoices", "0", "feeRanges"], "code": "OUT_OF_RANGE" }]));
        let ranges = "SELECT i.reference || ' ' || r.supervisionlevel || ' ' || r.amount || ' ' || r.fromdate
            FROM invoice i JOIN invoice_fee_range r ON r.invoice_id = i.id";
        assert_eq!(row(t, ranges).await, ["S2000001/24 GENERAL 32000 2024-04-01"]);
        assert_eq!(count(t, "invoice").await, 2);
    }

    async fn the_same_batch_again_gives_the_first_results_also_at_the_same_time(t) {
        a_client(t).await;
        let invoices = json!([annual(1001), annual(9999), annual(1002), annual(1001)]);
        let sent = join_all((0..8).map(|_| batch(t, "b-1", invoices.clone()))).await;
        for answer in &sent {
            assert_eq!(references(answer), ["S2000001/24", "none", "S2000002/24", "S2000003/24"]);
            assert_eq!(answer["results"], sent[0]["results"]);
        }
        assert_eq!(count(t, "invoice").await, 3);
    }

    async fn each_is_reduced_and_paid_from_credit_as_if_it_came_alone(t) {
        a_client(t).await;
        let reduction = json!({ "clientId": 1001, "type": "REMISSION", "startYear": 2024, "lengthInYears": 2,
            "dateReceived": "2025-08-15", "notes": "Low income" });
        by_officer(t, "addFeeReduction", reduction, "feeReduction { id }").await.data("/addFeeReduction/feeReduction");
        let paid = an_invoice(t, "2025-02-01").await;
        adjusted(t, &paid, "CREDIT_MEMO", Some(20_000)).await;
        // A credit of £100. The first takes half of £320 by the remission, and £100 of it; the second is older.
        let mut older = annual(1001);
        older["raisedDate"] = json!("2025-03-30");
        let made = batch(t, "b-1", json!([annual(1001), older])).await;
        let statuses = made["results"].as_array().unwrap().iter().map(|it| it["invoice"]["status"].clone());
        assert_eq!(statuses.collect::<Vec<_>>(), ["UNPAID", "UNPAID"]);
        let owed = "SELECT reference || ' ' || cacheddebtamount FROM invoice WHERE feetype = 'S2' ORDER BY id";
        assert_eq!(row(t, owed).await, ["S2000002/24 6000", "S2000003/24 16000"]);
        assert_eq!(made["results"][0]["financeClient"]["outstandingBalance"], 22_000);
    }

    async fn a_batch_has_one_to_a_thousand_invoices_and_its_statements_do_not_grow_with_them(t) {
        a_client(t).await;
        let none = batch(t, "b-0", json!([])).await;
        assert_eq!(none["userErrors"][0]["code"], "OUT_OF_RANGE");
        let many = (0..1_001).map(|_| annual(1001)).collect::<Vec<_>>();
        let answer = batch(t, "b-1", json!(many)).await;
        assert_eq!((&answer["results"], &answer["userErrors"][0]["field"]), (&json!([]), &json!(["invoices"])));
        t.take_statements();
        batch(t, "b-2", json!([annual(1001), annual(1002)])).await;
        let few = t.take_statements();
        let all = (0..1_000).map(|place| annual(1001 + place % 2)).collect::<Vec<_>>();
        let answer = batch(t, "b-3", json!(all)).await;
        let statements = t.take_statements();
        assert_eq!(references(&answer)[999], "S2001002/24");
        // A thousand rows are written by a statement.
        assert!(statements <= few + 6, "{statements}, and {few} for two");
    }

    async fn a_number_that_another_program_took_without_the_counter_is_passed_over(t) {
        a_client(t).await;
        let sql = "INSERT INTO invoice (id, finance_client_id, feetype, reference, startdate, enddate, amount)
            VALUES (900, 2, 'S2', 'S2000002/24', '2024-04-01', '2025-03-31', 100),
                (901, 2, 'S2', 'S2000007/24', '2024-04-01', '2025-03-31', 100)";
        t.database.execute(sql).await;
        let made = batch(t, "b-1", json!([annual(1001), annual(1001), annual(1001)])).await;
        assert_eq!(references(&made), ["S2000001/24", "S2000008/24", "S2000003/24"]);
        assert_eq!(references(&batch(t, "b-2", json!([annual(1001)])).await), ["S2000009/24"]);
    }

    async fn numbers_run_within_each_financial_year(t) {
        a_client(t).await;
        let of = |start: &str| json!({ "clientId": 1001, "feeType": "AD", "amount": 10_000, "startDate": start,
            "endDate": start, "raisedDate": start });
        let made = batch(t, "b-1", json!([of("2025-04-01"), of("2024-03-31"), of("2025-03-31"), of("2024-04-01")])).await;
        assert_eq!(references(&made), ["AD000001/25", "AD000001/23", "AD000001/24", "AD000002/24"]);
    }
}

postgres_only! {
    async fn batches_of_the_same_clients_at_once_wait_for_each_other_and_leave_no_gap(t) {
        a_client(t).await;
        let sent = (0..8).map(|place| {
            let (mut one, mut other) = (annual(1001), annual(1002));
            one["startDate"] = json!(["2024-04-01", "2023-04-01"][place % 2]);
            other["startDate"] = json!(["2023-04-01", "2024-04-01"][place % 2]);
            let invoices = if place % 2 == 0 { json!([one, other]) } else { json!([other, one]) };
            async move { batch(t, &format!("b-{place}"), invoices).await }
        });
        for made in join_all(sent).await {
            assert!(!references(&made).contains(&"none"), "{made:#}");
        }
        assert_eq!(count(t, "counter WHERE counter = 8").await, 2);
        assert_eq!(count(t, "invoice").await, 16);
    }

    async fn clients_made_at_once_do_not_share_a_court_reference(t) {
        let made = (0..6).map(|place| {
            let input = json!({ "clientId": 3_000 + place, "sopNumber": "1", "courtReference": "SAME",
                "paymentMethod": "DEMANDED", "idempotencyKey": format!("c-{place}") });
            by_sirius(t, "createFinanceClient", input, "financeClient { id }")
        });
        join_all(made).await;
        assert_eq!(count(t, "finance_client").await, 1);
    }
}
