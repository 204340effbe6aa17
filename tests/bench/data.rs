//! The data of the benchmark: many clients like one story, and a few with a long one. The stories are told
//! once, and copied in the database with other ids; the same each time.

use api::demo::books::{Books, allocated, overpaid, unapplied};
use entity::stored::{
    AdjustmentType, FeeReductionType, FeeType, LedgerType, PaymentMethod, PendingCollectionStatus,
    RefundDecision,
};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tests::OwnPostgres;

/// Sirius's users.
pub(crate) const USERS: i32 = 1_000;
/// Sirius's person ids of the stories: one like most, a long one, and some that grow.
const TYPICAL: i32 = 1_000_000;
const HEAVY: i32 = 9_000_000;
const GROWING: i32 = 9_500_000;
/// Events of a client like most, and of a heavy one.
pub(crate) const EVENTS: u32 = 23;
pub(crate) const HEAVY_EVENTS: u32 = 950;
/// Ids of copies begin above it.
const COPIES: i32 = 10_000_000;

/// The tables that copies go to, those that others point to first.
const TABLES: [&str; 9] = [
    "finance_client",
    "invoice",
    "fee_reduction",
    "ledger",
    "ledger_allocation",
    "invoice_adjustment",
    "refund",
    "payment_method",
    "pending_collection",
];

/// A client of six invoices, six ledgers and eight allocations.
fn typical(books: &mut Books) {
    let mut story = books.client(TYPICAL, "10010001", PaymentMethod::DirectDebit);
    story
        .by(1)
        .mandate(PaymentMethod::DirectDebit, "2019-03-01 09:00:00");
    let mut invoices = Vec::new();
    for year in 2019..=2024 {
        let reference = format!("S2{year}-1");
        invoices.push(story.by(2).invoice(
            FeeType::S2,
            &reference,
            32_000,
            &format!("{year}-03-31 10:00:00"),
        ));
    }
    let [first, second, third, fourth, fifth, sixth] = invoices[..] else {
        panic!("six invoices");
    };
    story.by(3);
    for (invoice, year) in [(first, 2019), (second, 2020), (third, 2021)] {
        let on = format!("{year}-05-02");
        let paid = [allocated(invoice, 32_000)];
        story.payment(
            LedgerType::DirectDebitPayment,
            &on,
            &format!("{on} 08:30:00"),
            &paid,
        );
        let month = format!("{year}-04-15 12:00:00");
        story.collection(32_000, &on, PendingCollectionStatus::Collected, &month);
    }
    let award = story.by(4).fee_reduction(
        FeeReductionType::Remission,
        "2022-04-01",
        "2024-03-31",
        "2022-04-10 11:00:00",
    );
    story.apply_fee_reduction(award, "2022-04-10 11:00:00", &[allocated(fourth, 16_000)]);
    let paid = [allocated(fourth, 16_000), allocated(fifth, 32_000)];
    story.by(5).payment(
        LedgerType::OpgBacsPayment,
        "2023-05-02",
        "2023-05-03 09:15:00",
        &paid,
    );
    let paid = [allocated(sixth, 32_000), overpaid(8_000)];
    story.payment(
        LedgerType::OpgBacsPayment,
        "2024-05-02",
        "2024-05-03 09:15:00",
        &paid,
    );
    story.by(6).adjustment(
        AdjustmentType::CreditMemo,
        fifth,
        4_000,
        "2023-07-01 10:00:00",
    );
    let rejected = story.adjustment(
        AdjustmentType::CreditWriteOff,
        sixth,
        32_000,
        "2024-04-20 10:00:00",
    );
    story
        .by(7)
        .decide_adjustment(rejected, "2024-04-21 10:00:00", None);
    let refund = story.by(8).refund(8_000, "2024-06-01 10:00:00");
    story
        .by(9)
        .decide_refund(refund, RefundDecision::Approved, "2024-06-02 10:00:00");
    story.mandate(PaymentMethod::Demanded, "2024-07-01 09:00:00");
}

/// A client of some two events for each of so many invoices.
fn long(books: &mut Books, client: i32, invoices: u32) {
    let mut story = books.client(client, &client.to_string(), PaymentMethod::Demanded);
    for number in 0..invoices {
        let (year, month) = (1985 + number / 12 % 40, 1 + number % 12);
        let user = i32::try_from(number % 40).unwrap_or(0) + 1;
        let reference = format!("GA{client}{number}");
        let made = format!("{year}-{month:02}-10 10:00:00");
        let invoice = story
            .by(user)
            .invoice(FeeType::Ga, &reference, 20_000, &made);
        let on = format!("{year}-{month:02}-20");
        let parts = match number % 10 {
            0 => vec![allocated(invoice, 20_000), unapplied(invoice, 5_000)],
            _ => vec![allocated(invoice, 20_000)],
        };
        story.payment(
            LedgerType::OpgBacsPayment,
            &on,
            &format!("{on} 08:30:00"),
            &parts,
        );
    }
    story
        .by(3)
        .mandate(PaymentMethod::DirectDebit, "2024-03-01 09:00:00");
    story.mandate(PaymentMethod::Demanded, "2024-09-01 09:00:00");
}

/// Some clients alike, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clients {
    /// Sirius's person id of the first.
    pub(crate) person: i32,
    /// Our id of the first.
    pub(crate) own: i32,
    pub(crate) count: u32,
}

/// What there is to ask for.
pub(crate) struct Data {
    pub(crate) typical: Clients,
    pub(crate) heavy: Clients,
    /// By how many events they have.
    pub(crate) growing: Vec<(u32, Clients)>,
}

/// Fills the database.
pub(crate) async fn generate(postgres: &OwnPostgres, typicals: u32, heavies: u32) -> Data {
    let db = postgres.connect().await;
    // The whole of it is written by one connection, past the guards of ledgers.
    db.execute_unprepared("SET session_replication_role = replica")
        .await
        .expect("a superuser");
    let mut books = Books::default();
    typical(&mut books);
    long(&mut books, HEAVY, HEAVY_EVENTS / 2 - 1);
    let mut growing = Vec::new();
    for (own, events) in [(3, 100), (4, 1_000), (5, 10_000)] {
        let person = GROWING + own;
        // Two of its events are of its mandates.
        long(&mut books, person, events / 2 - 1);
        growing.push((
            events,
            Clients {
                person,
                own,
                count: 1,
            },
        ));
    }
    books.write(&db).await.expect("the stories");
    let typical = Clients {
        person: TYPICAL + 1,
        own: COPIES + 1,
        count: typicals,
    };
    let heavy = Clients {
        person: HEAVY + 1,
        own: 50 * COPIES + 1,
        count: heavies,
    };
    for (story, clients) in [(1, typical), (2, heavy)] {
        for table in TABLES {
            copy(&db, table, story, clients).await;
        }
    }
    db.execute_unprepared("VACUUM ANALYZE")
        .await
        .expect("statistics");
    db.close().await.expect("a connection that closes");
    Data {
        typical,
        heavy,
        growing,
    }
}

/// Copies the rows of a client for each of those.
async fn copy(db: &DatabaseConnection, table: &str, story: i32, clients: Clients) {
    let columns = text(db, &format!(
        "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns
         WHERE table_schema = 'supervision_finance' AND table_name = '{table}'"
    )).await;
    let (own, person) = (clients.own - 1, clients.person - 1);
    // No table has so many rows of one client: the ids of a copy begin where no other's are.
    let shifted = |column: &str| format!("{own} + n * 2000 + {column} % 2000");
    let values = columns.split(',').map(|column| match column {
        "id" if table == "finance_client" => format!("{own} + n"),
        "finance_client_id" => format!("{own} + n"),
        "client_id" | "person_id" => format!("{person} + n"),
        "id" | "invoice_id" | "ledger_id" | "fee_reduction_id" | "parent_id" => shifted(column),
        "reference" => "reference || '-' || n".to_owned(),
        "created_by" | "cancelled_by" | "updated_by" | "decision_by" => {
            format!("1 + ({column} + n * 7) % {USERS}")
        }
        other => other.to_owned(),
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let of = match table {
        "finance_client" => format!("id = {story}"),
        "ledger_allocation" => format!(
            "ledger_id IN (SELECT id FROM supervision_finance.ledger WHERE finance_client_id = {story})"
        ),
        _ => format!("finance_client_id = {story}"),
    };
    let sql = format!(
        "INSERT INTO supervision_finance.{table} ({columns})
         SELECT {values} FROM (SELECT * FROM supervision_finance.{table} WHERE {of}) AS one,
         generate_series(1, {}) AS n",
        clients.count
    );
    db.execute_unprepared(&sql)
        .await
        .unwrap_or_else(|error| panic!("{table}: {error}"));
}

async fn text(db: &DatabaseConnection, sql: &str) -> String {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = db
        .query_one_raw(statement)
        .await
        .expect("an answer")
        .expect("a row");
    row.try_get_by_index(0).expect("a text")
}
