//! Reading a client's whole account: the same figures as the billing history shows, in few statements.

use api::clock::Clock;
use api::demo::books::*;
use entity::stored::*;
use serde_json::{Value, json};
use tests::token::{SECRET, claims, sign};
use tests::{Answer, Harness, MANAGER, both_databases};

/// Client 1001: an invoice reduced and paid, one written off, one overpaid, one that owes.
async fn an_account(t: &Harness) {
    let mut books = Books::default();
    let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
    story.by(3);
    let paid = story.invoice(FeeType::S2, "S2000001/24", 32_000, "2024-04-01 09:00:00");
    let remission = story.fee_reduction(
        FeeReductionType::Remission,
        "2024-04-01",
        "2025-03-31",
        "2024-05-01 09:00:00",
    );
    story.apply_fee_reduction(remission, "2024-05-01 09:00:01", &[allocated(paid, 16_000)]);
    let all = [allocated(paid, 16_000)];
    story.payment(
        LedgerType::OpgBacsPayment,
        "2024-05-02",
        "2024-05-02 08:30:00",
        &all,
    );
    let off = story.invoice(FeeType::Ad, "AD000002/24", 10_000, "2024-04-02 09:00:00");
    let adjustment = story.adjustment(
        AdjustmentType::CreditWriteOff,
        off,
        10_000,
        "2024-05-03 09:00:00",
    );
    let ledger = story.ledger(
        LedgerType::CreditWriteOff,
        "2024-05-04 09:00:00",
        &[allocated(off, 10_000)],
    );
    story
        .by(7)
        .decide_adjustment(adjustment, "2024-05-04 09:00:00", Some(ledger));
    let over = story.invoice(FeeType::Ad, "AD000003/24", 10_000, "2024-04-03 09:00:00");
    let more = [allocated(over, 10_500)];
    story.payment(
        LedgerType::SupervisionChequePayment,
        "2024-05-05",
        "2024-05-05 08:30:00",
        &more,
    );
    let owed = story.invoice(FeeType::Ad, "AD000004/24", 10_000, "2024-04-04 09:00:00");
    story.by(3).adjustment(
        AdjustmentType::CreditWriteOff,
        owed,
        10_000,
        "2024-05-06 09:00:00",
    );
    story.payment(
        LedgerType::MotoCardPayment,
        "2024-05-07",
        "2024-05-07 08:30:00",
        &[overpaid(700)],
    );
    story.refund(700, "2024-05-08 09:00:00");
    story.collection(
        500,
        "2024-06-24",
        PendingCollectionStatus::Pending,
        "2024-05-09 09:00:00",
    );
    t.write(books).await;
    t.database
        .execute(
            "INSERT INTO bank_details (id, refund_id, name, account, sort_code)
             VALUES (1, 1, 'Reginald Deputy', '12345678', '20-30-40');
             INSERT INTO invoice_fee_range
                 (id, invoice_id, supervisionlevel, fromdate, todate, amount)
             VALUES (1, 1, 'GENERAL', '2024-04-01', '2025-03-31', 32000)",
        )
        .await;
}

async fn ask_as(t: &Harness, cookie: &str, query: &str) -> Answer {
    Answer::of(
        t.post()
            .header("Cookie", cookie)
            .json(&json!({ "query": query })),
    )
    .await
}

/// Everything that can be read of a client.
const EVERYTHING: &str = "financeClient(clientId: 1001) {
    outstandingBalance creditBalance
    invoices { totalCount nodes {
        reference received outstandingBalance status statusContext permittedAdjustments
        supervisionLevels { supervisionLevel fromDate toDate amount }
        ledgerAllocations { amount status transactionType createdBy { displayName } }
        createdBy { displayName } financeClient { clientId outstandingBalance }
    } }
    feeReductions { type status startDate endDate createdBy { displayName } }
    invoiceAdjustments { type status amount decidedBy { displayName } invoice { reference status } }
    refunds { status amount bankDetails { accountName accountNumber sortCode } }
    pendingCollections { status amount collectionDate }
    billingHistory(first: 1) { nodes { outstandingBalance creditBalance } }
}";

both_databases! {
    async fn each_invoice_tells_where_it_stands(t) {
        an_account(t).await;
        let answer = t.ask("{ financeClient(clientId: 1001) { invoices { nodes {
            reference received outstandingBalance status statusContext permittedAdjustments
        } } } }").await;
        assert_eq!(answer.data("/financeClient/invoices/nodes"), &json!([
            { "reference": "AD000004/24", "received": 0, "outstandingBalance": 10_000,
              "status": "UNPAID", "statusContext": "WRITE_OFF_PENDING",
              "permittedAdjustments": ["CREDIT_MEMO", "CREDIT_WRITE_OFF"] },
            { "reference": "AD000003/24", "received": 10_500, "outstandingBalance": -500,
              "status": "OVERPAID", "statusContext": null,
              "permittedAdjustments": ["CREDIT_MEMO", "DEBIT_MEMO"] },
            { "reference": "AD000002/24", "received": 10_000, "outstandingBalance": 0,
              "status": "CLOSED", "statusContext": "WRITE_OFF",
              "permittedAdjustments": ["WRITE_OFF_REVERSAL"] },
            { "reference": "S2000001/24", "received": 32_000, "outstandingBalance": 0,
              "status": "PAID", "statusContext": "REMISSION",
              "permittedAdjustments": ["CREDIT_MEMO", "DEBIT_MEMO", "FEE_REDUCTION_REVERSAL"] },
        ]));
    }

    async fn the_accounts_parts_add_up_to_what_the_history_shows(t) {
        an_account(t).await;
        let answer = t.ask(&format!("{{ {EVERYTHING} }}")).await;
        let client = answer.data("/financeClient");
        let newest = &client["billingHistory"]["nodes"][0];
        assert_eq!(client["outstandingBalance"], newest["outstandingBalance"]);
        assert_eq!(client["creditBalance"], newest["creditBalance"]);
        assert_eq!(client["creditBalance"], 700);
        let owed = client["invoices"]["nodes"].as_array().unwrap().iter();
        let owed = owed.map(|it| it["outstandingBalance"].as_i64().unwrap());
        assert_eq!(client["outstandingBalance"], owed.sum::<i64>());
        for invoice in client["invoices"]["nodes"].as_array().unwrap() {
            let parts = invoice["ledgerAllocations"].as_array().unwrap().iter();
            let parts = parts.map(|it| it["amount"].as_i64().unwrap());
            assert_eq!(invoice["received"], parts.sum::<i64>());
        }
        assert_eq!(client["feeReductions"], json!([{
            "type": "REMISSION", "status": "EXPIRED", "startDate": "2024-04-01",
            "endDate": "2025-03-31", "createdBy": { "displayName": "Billing Officer" },
        }]));
        assert_eq!(client["invoiceAdjustments"], json!([
            { "type": "CREDIT_WRITE_OFF", "status": "PENDING", "amount": 10_000, "decidedBy": null,
              "invoice": { "reference": "AD000004/24", "status": "UNPAID" } },
            { "type": "CREDIT_WRITE_OFF", "status": "APPROVED", "amount": 10_000,
              "decidedBy": { "displayName": "Finance Manager" },
              "invoice": { "reference": "AD000002/24", "status": "CLOSED" } },
        ]));
        assert_eq!(client["pendingCollections"], json!([
            { "status": "PENDING", "amount": 500, "collectionDate": "2024-06-24" },
        ]));
        assert_eq!(client["invoices"]["nodes"][3]["supervisionLevels"], json!([{
            "supervisionLevel": "GENERAL", "fromDate": "2024-04-01", "toDate": "2025-03-31",
            "amount": 32_000,
        }]));
    }

    async fn everything_of_a_client_takes_a_statement_a_kind(t) {
        an_account(t).await;
        t.ask("{ viewer { id } }").await.data("/viewer");
        t.take_statements();
        t.ask(&format!("{{ {EVERYTHING} }}")).await.data("/financeClient");
        let few = t.take_statements();
        let mut books = Books::default();
        let mut story = books.client(1001, "10010001", PaymentMethod::Demanded);
        story.by(3);
        for number in 0..40 {
            let reference = format!("AD{number:06}/24");
            let invoice = story.invoice(FeeType::Ad, &reference, 100, "2024-05-01 10:00:00");
            story.payment(LedgerType::OpgBacsPayment, "2024-05-02", "2024-05-02 08:30:00", &[allocated(invoice, 60)]);
            story.adjustment(AdjustmentType::CreditMemo, invoice, 10, "2024-05-03 08:30:00");
            story.refund(1, "2024-05-04 08:30:00");
        }
        t.unguard().await;
        for table in ["pending_collection", "bank_details", "refund", "invoice_adjustment", "invoice_fee_range",
            "ledger_allocation", "ledger", "fee_reduction", "invoice", "finance_client"] {
            t.database.execute(&format!("DELETE FROM {table}")).await;
        }
        t.write(books).await;
        t.take_statements();
        t.ask(&format!("{{ {EVERYTHING} }}")).await.data("/financeClient");
        let many = t.take_statements();
        // Two that are asked for at one time may be one.
        assert!(few <= 16 && many <= 16, "{few} for four invoices, {many} for forty");
    }

    async fn bank_details_are_for_finance_users_and_managers_while_they_exist(t) {
        an_account(t).await;
        let query = "{ financeClient(clientId: 1001) { refunds { amount bankDetails {
            accountName accountNumber sortCode } } } }";
        let details = json!({ "accountName": "Reginald Deputy", "accountNumber": "12345678",
            "sortCode": "20-30-40" });
        for cookie in ["sirius=officer", MANAGER] {
            let answer = ask_as(t, cookie, query).await;
            assert_eq!(answer.data("/financeClient/refunds/0/bankDetails"), &details);
        }
        let other = sign(&claims(41, &["Finance Reporting"], t.clock.now().timestamp()), SECRET);
        let request = t.post().bearer_auth(other).json(&json!({ "query": query }));
        let answer = Answer::of(request).await;
        let path = "financeClient/refunds/0/bankDetails".to_owned();
        assert_eq!(answer.errors(), [("FORBIDDEN".to_owned(), path)]);
        assert_eq!(answer.partial("/financeClient/refunds/0/amount"), 700);
        t.database.execute("DELETE FROM bank_details").await;
        let answer = ask_as(t, MANAGER, query).await;
        assert_eq!(answer.data("/financeClient/refunds/0/bankDetails"), &Value::Null);
    }

    async fn clients_and_invoices_are_found_by_their_references(t) {
        an_account(t).await;
        let answer = t.ask("{
            here: financeClientByCourtReference(courtReference: \"10010001\") { clientId }
            nowhere: financeClientByCourtReference(courtReference: \"1001\") { clientId }
            invoice: invoiceByReference(reference: \"AD000002/24\") { amount financeClient { clientId } }
            none: invoiceByReference(reference: \"ad000002/24\") { amount }
        }").await;
        assert_eq!(answer.data(""), &json!({
            "here": { "clientId": 1001 }, "nowhere": null,
            "invoice": { "amount": 10_000, "financeClient": { "clientId": 1001 } }, "none": null,
        }));
    }

    async fn the_histories_of_a_worklists_clients_take_no_statement_each(t) {
        let query = "{ refunds(first: 100) { nodes { amount financeClient { clientId creditBalance
            billingHistory(first: 3) { totalCount nodes { type createdBy { displayName } } } } } } }";
        let mut books = Books::default();
        for client in 0..30 {
            let mut story = books.client(2_000 + client, &format!("{client}"), PaymentMethod::Demanded);
            story.by(3).invoice(FeeType::Ad, &format!("AD{client:06}/24"), 100, "2024-05-01 10:00:00");
            story.refund(1, "2024-05-04 08:30:00");
        }
        t.write(books).await;
        t.ask("{ viewer { id } }").await.data("/viewer");
        t.take_statements();
        let answer = t.ask(query).await;
        assert_eq!(answer.data("/refunds/nodes/29/financeClient/billingHistory/totalCount"), 2);
        assert_eq!(t.take_statements(), 4, "refunds, clients, balances, histories");
    }

    async fn the_worklists_are_paged_over_all_clients_oldest_first(t) {
        let mut books = Books::default();
        for client in 1..=4 {
            let mut story = books.client(1000 + client, &format!("{client}"), PaymentMethod::Demanded);
            story.by(3);
            let reference = format!("AD{client:06}/24");
            let invoice = story.invoice(FeeType::Ad, &reference, 100, "2024-04-01 10:00:00");
            // Two of one second, and the later client first.
            let made = format!("2024-05-0{} 10:00:00", 5 - client / 2);
            story.adjustment(AdjustmentType::CreditMemo, invoice, client, &made);
            let refund = story.refund(client, &made);
            if client == 4 {
                story.by(7).decide_refund(refund, RefundDecision::Rejected, "2024-06-01 10:00:00");
            }
        }
        t.write(books).await;
        let page = async |arguments: &str| {
            let query = format!("{{ invoiceAdjustments(status: PENDING, {arguments}) {{
                totalCount pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
                nodes {{ amount financeClient {{ clientId creditBalance }} }} }} }}");
            t.ask(&query).await.data("/invoiceAdjustments").clone()
        };
        let amounts = |page: &Value| {
            let nodes = page["nodes"].as_array().unwrap();
            nodes.iter().map(|it| it["amount"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        let first = page("first: 3").await;
        assert_eq!(amounts(&first), [4, 2, 3]);
        assert_eq!(first["totalCount"], 4);
        assert_eq!(first["pageInfo"]["hasNextPage"], true);
        assert_eq!(first["nodes"][0]["financeClient"]["clientId"], 1004);
        let end = first["pageInfo"]["endCursor"].as_str().unwrap();
        let second = page(&format!("first: 3, after: \"{end}\"")).await;
        assert_eq!((amounts(&second), &second["pageInfo"]["hasNextPage"]), (vec![1], &json!(false)));
        let start = second["pageInfo"]["startCursor"].as_str().unwrap();
        let back = page(&format!("last: 2, before: \"{start}\"")).await;
        assert_eq!((amounts(&back), &back["pageInfo"]["hasPreviousPage"]), (vec![2, 3], &json!(true)));
        assert_eq!(amounts(&page("last: 1").await), [1]);
        // One at a time, over the two of one second.
        let (mut walked, mut after) = (Vec::new(), String::new());
        loop {
            let one = page(&format!("first: 1{after}")).await;
            walked.extend(amounts(&one));
            let end = one["pageInfo"]["endCursor"].as_str().unwrap();
            after = format!(", after: \"{end}\"");
            if one["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        assert_eq!(walked, [4, 2, 3, 1]);
        let (mut walked, mut before) = (Vec::new(), String::new());
        loop {
            let one = page(&format!("last: 1{before}")).await;
            walked.extend(amounts(&one));
            let start = one["pageInfo"]["startCursor"].as_str().unwrap();
            before = format!(", before: \"{start}\"");
            if one["pageInfo"]["hasPreviousPage"] == false {
                break;
            }
        }
        assert_eq!(walked, [1, 3, 2, 4]);
        let refunds = t.ask("{
            pending: refunds(status: PENDING) { nodes { amount } }
            rejected: refunds(status: REJECTED) { totalCount nodes { amount financeClient { clientId } } }
            none: refunds(status: FULFILLED) { totalCount nodes { amount } }
        }").await;
        assert_eq!(refunds.column("/pending/nodes", "amount"), [2, 3, 1]);
        assert_eq!(refunds.data("/rejected/nodes/0/financeClient/clientId"), 1004);
        assert_eq!(refunds.data("/none"), &json!({ "totalCount": 0, "nodes": [] }));
        // `refunds:-90000000000000000:1`: an instant that no database can compare.
        let impossible = "after: \"cmVmdW5kczotOTAwMDAwMDAwMDAwMDAwMDA6MQ\"";
        for wrong in ["first: 0", "after: \"no cursor\"", "status: UNKNOWN", impossible] {
            let answer = t.ask(&format!("{{ refunds({wrong}) {{ totalCount }} }}")).await;
            assert_eq!(answer.errors(), [("BAD_USER_INPUT".to_owned(), "refunds".to_owned())], "{wrong}");
        }
    }

    async fn invoices_are_paged_by_their_cursors(t) {
        an_account(t).await;
        let page = async |arguments: &str| {
            let query = format!("{{ financeClient(clientId: 1001) {{ invoices({arguments}) {{
                totalCount pageInfo {{ endCursor hasNextPage }} nodes {{ reference }} }} }} }}");
            t.ask(&query).await
        };
        let first = page("first: 2").await;
        assert_eq!(first.column("/financeClient/invoices/nodes", "reference"), ["AD000004/24", "AD000003/24"]);
        let end = first.data("/financeClient/invoices/pageInfo/endCursor").as_str().unwrap();
        let second = page(&format!("first: 2, after: \"{end}\"")).await;
        assert_eq!(second.column("/financeClient/invoices/nodes", "reference"), ["AD000002/24", "S2000001/24"]);
        assert_eq!(second.data("/financeClient/invoices/totalCount"), 4);
        assert_eq!(second.data("/financeClient/invoices/pageInfo/hasNextPage"), false);
        assert_eq!(page("after: \"aW52b2ljZXM6MTox\", first: -1").await.code(), "BAD_USER_INPUT");
        assert_eq!(page("after: \"nonsense\"").await.code(), "BAD_USER_INPUT");
    }

    async fn every_object_is_found_again_by_its_id(t) {
        an_account(t).await;
        let answer = t.ask("{ financeClient(clientId: 1001) { id invoices { nodes { id } }
            feeReductions { id } invoiceAdjustments { id } refunds { id } } }").await;
        let client = answer.data("/financeClient");
        for id in [&client["id"], &client["invoices"]["nodes"][0]["id"], &client["feeReductions"][0]["id"],
            &client["invoiceAdjustments"][0]["id"], &client["refunds"][0]["id"]] {
            let found = t.ask(&format!("{{ node(id: {id}) {{ id }} }}")).await;
            assert_eq!(found.data("/node/id"), id);
        }
    }
}
