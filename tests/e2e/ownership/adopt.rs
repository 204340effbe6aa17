//! Taking the schema over.

use migration::ownership::adopt::{Adoption, Options, adopt};

use super::{Live, err, on_postgres, out};

async fn adoption(live: &Live, options: &Options) -> Adoption {
    let runner = live.runner().await;
    let adoption = adopt(&runner, live.database.url(), options).await.unwrap();
    runner.close().await.unwrap();
    adoption
}

/// The differences that stand against it, or panics.
async fn refused(live: &Live) -> Vec<String> {
    match adoption(live, &Options::default()).await {
        Adoption::Refused { differences, .. } => {
            differences.iter().map(ToString::to_string).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// The steps that were recorded, without their dates, or panics.
async fn adopted(live: &Live) -> Vec<String> {
    match adoption(live, &Options::default()).await {
        Adoption::Adopted { versions, .. } => versions
            .iter()
            .map(|it| it["m20261121_000001_".len()..].to_owned())
            .collect(),
        other => panic!("{other:?}"),
    }
}

const OWNERS: &str = "SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class
    WHERE relnamespace = 'supervision_finance'::regnamespace AND relkind IN ('r', 'S')
    AND relname NOT LIKE 'goose%'
    UNION SELECT pg_get_userbyid(nspowner)::text FROM pg_namespace
    WHERE nspname = 'supervision_finance'";

#[test]
fn a_schema_as_sirius_left_it_is_taken_over_without_touching_a_row() {
    on_postgres(async || {
        let mut live = Live::sirius().await;
        let owner = live.role("owner", "NOLOGIN").await;
        let before = live.rows().await;
        assert!(before.len() > 12, "rows in every table");

        let up = live.migration(&["up"]);
        assert_eq!(up.status.code(), Some(1));
        assert!(err(&up).contains("migration adopt"), "{}", err(&up));

        let output = live.migration(&["adopt", "--owner", &owner]);
        assert!(output.status.success(), "{}", err(&output));
        assert_eq!(
            out(&output),
            "-- recorded as there: m20261121_000001_baseline\n"
        );
        assert_eq!(live.rows().await, before);
        assert_eq!(live.texts(OWNERS).await, [owner.as_str()]);

        // Sirius goes on: it reads, writes and takes ids; only the record is not its to write.
        let sirius = live.connect_as(&live.sirius).await;
        let insert = "INSERT INTO property VALUES (nextval('property_id_seq'), 'new', 'row')";
        sea_orm::ConnectionTrait::execute_unprepared(&sirius, insert)
            .await
            .unwrap();
        let forge = "INSERT INTO seaql_migrations VALUES ('forged', 0)";
        sea_orm::ConnectionTrait::execute_unprepared(&sirius, forge)
            .await
            .unwrap_err();
        sirius.close().await.unwrap();
        let last = live
            .texts("SELECT last_value::text FROM supervision_finance.invoice_id_seq")
            .await;
        assert_eq!(last, ["500"], "a sequence that is ahead is left alone");
        let last = live
            .texts("SELECT last_value::text FROM supervision_finance.ledger_id_seq")
            .await;
        assert_eq!(last, ["2"], "one that lagged is brought up");

        let again = live.migration(&["adopt"]);
        assert!(again.status.success());
        assert!(out(&again).starts_with("done already"), "{}", out(&again));
        assert!(live.migration(&["up"]).status.success());
        let verified = live.migration(&["verify"]);
        assert_eq!(
            verified.status.code(),
            Some(0),
            "{}{}",
            out(&verified),
            err(&verified)
        );
        live.drop().await;
    });
}

#[test]
fn every_difference_that_matters_stands_against_it_and_nothing_is_done() {
    on_postgres(async || {
        let live = Live::sirius().await;
        live.run("SET search_path TO supervision_finance").await;
        let t = "ALTER TABLE supervision_finance.";
        let cases = [
            (
                "ALTER TABLE supervision_finance.rate RENAME TO rates",
                "ALTER TABLE supervision_finance.rates RENAME TO rate",
                "missing table rate|extra table rates",
            ),
            (
                &format!("{t}rate ADD COLUMN more int"),
                &format!("{t}rate DROP COLUMN more"),
                "extra column rate.more",
            ),
            (
                &format!("{t}counter RENAME counter TO count"),
                &format!("{t}counter RENAME count TO counter"),
                "missing column counter.counter|extra column counter.count",
            ),
            (
                &format!("{t}invoice ALTER amount TYPE bigint"),
                &format!("{t}invoice ALTER amount TYPE integer"),
                "column invoice.amount: type is bigint, expected integer",
            ),
            (
                &format!("{t}ledger ALTER notes TYPE varchar(9)"),
                &format!("{t}ledger ALTER notes TYPE text"),
                "column ledger.notes: type is character varying(9), expected text",
            ),
            (
                &format!("{t}ledger ALTER datetime TYPE timestamp"),
                &format!("{t}ledger ALTER datetime TYPE timestamp(0)"),
                "column ledger.datetime: type is timestamp without time zone, expected timestamp(0) without time zone",
            ),
            (
                &format!("{t}rate ALTER amount DROP NOT NULL"),
                &format!("{t}rate ALTER amount SET NOT NULL"),
                "column rate.amount: nullable is true, expected false",
            ),
            (
                &format!("{t}rate ALTER type SET DEFAULT 'x'"),
                &format!("{t}rate ALTER type DROP DEFAULT"),
                "column rate.type: default is 'x'::character varying, expected none",
            ),
            (
                "CREATE UNIQUE INDEX more ON supervision_finance.rate (type)",
                "DROP INDEX supervision_finance.more",
                "extra unique key rate(type)",
            ),
            (
                &format!(
                    "{t}billing_period ADD CONSTRAINT more FOREIGN KEY (order_id) REFERENCES supervision_finance.rate NOT VALID"
                ),
                &format!("{t}billing_period DROP CONSTRAINT more"),
                "extra foreign key billing_period(order_id)",
            ),
            (
                &format!("{t}rate ADD CONSTRAINT more CHECK (amount > 0)"),
                &format!("{t}rate DROP CONSTRAINT more"),
                "extra check rate CHECK ((amount > 0))",
            ),
            (
                &format!("{t}rate DROP CONSTRAINT rate_pkey"),
                &format!("{t}rate ADD PRIMARY KEY (id)"),
                "missing primary key rate(id)",
            ),
        ];
        for (make, mend, expected) in cases {
            live.run(make).await;
            assert_eq!(refused(&live).await.join("|"), expected, "{make}");
            live.run(mend).await;
        }
        let key = live.texts("SELECT indexname::text FROM pg_indexes WHERE tablename = 'property' AND indexname LIKE 'uniq%'").await.concat();
        live.run(&format!(
            "ALTER INDEX supervision_finance.{key} RENAME TO kept"
        ))
        .await;
        live.run("DROP INDEX supervision_finance.kept").await;
        assert_eq!(refused(&live).await, ["missing unique key property(key)"]);
        live.run("CREATE UNIQUE INDEX any_name ON supervision_finance.property (key)")
            .await;

        let foreign = live.texts("SELECT conname::text FROM pg_constraint WHERE conrelid = 'supervision_finance.invoice'::regclass AND contype = 'f'").await.concat();
        live.run(&format!("{t}invoice DROP CONSTRAINT {foreign}"))
            .await;
        assert_eq!(
            refused(&live).await,
            ["missing foreign key invoice(finance_client_id)"]
        );
        live.run(&format!("{t}invoice ADD CONSTRAINT any_name FOREIGN KEY (finance_client_id) REFERENCES supervision_finance.finance_client")).await;
        assert_eq!(
            refused(&live).await,
            ["foreign key invoice(finance_client_id): on delete is a, expected c"]
        );
        live.run(&format!("{t}invoice DROP CONSTRAINT any_name"))
            .await;
        live.run(&format!("{t}invoice ADD CONSTRAINT any_name FOREIGN KEY (finance_client_id) REFERENCES supervision_finance.finance_client ON DELETE CASCADE")).await;

        let recorded = live
            .texts("SELECT relname::text FROM pg_class WHERE relname = 'seaql_migrations'")
            .await;
        assert_eq!(recorded, Vec::<String>::new());
        assert_eq!(live.texts(OWNERS).await, [live.sirius.as_str()]);
        // What does not matter: names, comments, plain indexes, an empty bookkeeping table.
        live.run("COMMENT ON COLUMN supervision_finance.rate.amount IS 'anything'")
            .await;
        live.run("CREATE TABLE supervision_finance.seaql_migrations (version varchar PRIMARY KEY, applied_at bigint NOT NULL)").await;
        assert_eq!(adopted(&live).await, ["baseline"]);
        live.drop().await;
    });
}

#[test]
fn a_schema_that_is_further_on_is_recognised_step_by_step() {
    on_postgres(async || {
        let like = Live::migrated().await;
        let live = Live::present_day(&like.db).await;
        let before = live.rows().await;
        assert_eq!(
            adopted(&live).await,
            [
                "baseline",
                "created_by",
                "fee_reduction_actions",
                "invoice_adjustment",
                "reference_tables",
                "reference_data",
                "court_reference",
                "pis_number",
                "refund",
                "drop_report",
                "pending_collection",
                "payment_method",
            ]
        );
        assert_eq!(live.rows().await, before);
        let goose = "SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE relname = 'goose_db_version'";
        assert_eq!(
            live.texts(goose).await,
            [live.sirius.as_str()],
            "known, and left alone"
        );
        let details = live
            .texts("SELECT last_value::text FROM supervision_finance.bank_details_id_seq")
            .await;
        assert_eq!(details, ["2"], "ids were taken from another sequence");
        let applied = live.migration(&["up"]);
        assert_eq!(
            out(&applied),
            "applied  m20261121_000013_missing_indexes\napplied  m20261122_000014_outgoing_events\n\
             applied  m20261122_000015_batch_results\napplied  m20261122_000016_immutable_ledgers\n"
        );
        live.run("CREATE INDEX ON supervision_finance.pending_collection (ledger_id)")
            .await;
        let verified = live.migration(&["verify"]);
        assert_eq!(
            verified.status.code(),
            Some(0),
            "{}{}",
            out(&verified),
            err(&verified)
        );
        live.drop().await;
        like.drop().await;
    });
}

#[test]
fn reference_rows_that_differ_stand_against_it() {
    on_postgres(async || {
        let like = Live::migrated().await;
        let live = Live::present_day(&like.db).await;
        live.run("UPDATE supervision_finance.transaction_type SET is_receipt = true WHERE id = 36")
            .await;
        live.run("DELETE FROM supervision_finance.transaction_type WHERE id = 75")
            .await;
        assert_eq!(
            refused(&live).await,
            [
                "row transaction_type 36: is_receipt is true, expected false",
                "missing row transaction_type 75",
            ]
        );
        live.drop().await;
        like.drop().await;
    });
}

#[test]
fn a_dry_run_shows_all_sql_and_does_nothing() {
    on_postgres(async || {
        let live = Live::sirius().await;
        let output = live.migration(&["adopt", "--dry-run"]);
        assert!(output.status.success(), "{}", err(&output));
        let sql = out(&output);
        for part in [
            "INSERT INTO supervision_finance.seaql_migrations",
            "OWNER TO",
            "setval",
            "GRANT",
        ] {
            assert!(sql.contains(part), "{part} in {sql}");
        }
        assert_eq!(live.texts(OWNERS).await, [live.sirius.as_str()]);
        // What it shows is what is run.
        live.run(&sql).await;
        let again = live.migration(&["adopt"]);
        assert!(out(&again).starts_with("done already"), "{}", out(&again));
        live.drop().await;
    });
}

#[test]
fn without_the_right_or_without_tables_nothing_is_done_and_it_says_why() {
    on_postgres(async || {
        let mut live = Live::sirius().await;
        let nobody = live.role("nobody", "LOGIN CREATEDB").await;
        let output = super::migration_at(&live.url_as(&nobody), &["adopt"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(err(&output).contains("no right"), "{}", err(&output));
        let output = live.migration(&["adopt", "--owner", "no_such_role"]);
        assert!(
            err(&output).contains("there is no role no_such_role"),
            "{}",
            err(&output)
        );
        assert_eq!(live.texts(OWNERS).await, [live.sirius.as_str()]);
        live.drop().await;

        let empty = Live::empty().await;
        let output = empty.migration(&["adopt"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            err(&output).contains("is it the right database?"),
            "{}",
            err(&output)
        );
        empty.drop().await;
    });
}

#[test]
fn what_up_makes_belongs_to_the_owner_whoever_runs_it() {
    on_postgres(async || {
        let mut live = Live::sirius().await;
        let owner = live.role("owner", "NOLOGIN").await;
        assert!(
            live.migration(&["adopt", "--owner", &owner])
                .status
                .success()
        );
        assert!(live.migration(&["up"]).status.success());
        assert_eq!(live.texts(OWNERS).await, [owner.as_str()]);
        let stranger = live.role("stranger", "LOGIN").await;
        live.run(&format!(
            "GRANT USAGE ON SCHEMA supervision_finance TO {stranger}"
        ))
        .await;
        live.run(&format!(
            "GRANT SELECT ON ALL TABLES IN SCHEMA supervision_finance TO {stranger}"
        ))
        .await;
        let refused = super::migration_at(&live.url_as(&stranger), &["up"]);
        assert!(
            err(&refused).contains(&format!("belongs to {owner}")),
            "{}",
            err(&refused)
        );
        // The schema can be given on later as well.
        let other = live.role("other", "NOLOGIN").await;
        let handed = live.migration(&["adopt", "--owner", &other]);
        assert!(handed.status.success(), "{}", err(&handed));
        assert_eq!(live.texts(OWNERS).await, [other.as_str()]);
        let again = live.migration(&["adopt", "--owner", &other]);
        assert!(out(&again).starts_with("done already"), "{}", out(&again));
        live.run("ALTER TABLE supervision_finance.rate OWNER TO CURRENT_USER")
            .await;
        let verified = live.migration(&["verify"]);
        assert!(
            out(&verified).contains("table rate: owner is"),
            "{}",
            out(&verified)
        );
        live.drop().await;
    });
}

#[test]
fn a_view_of_theirs_keeps_its_owner_and_works() {
    on_postgres(async || {
        let mut live = Live::sirius().await;
        let owner = live.role("owner", "NOLOGIN").await;
        live.run(&format!(
            "GRANT SELECT ON public.persons TO {}",
            live.sirius
        ))
        .await;
        live.run(&format!("SET ROLE {}; CREATE VIEW supervision_finance.named AS SELECT i.id FROM supervision_finance.invoice i LEFT JOIN public.persons p ON p.id = i.person_id; RESET ROLE", live.sirius)).await;
        assert!(
            live.migration(&["adopt", "--owner", &owner])
                .status
                .success()
        );
        let sirius = live.connect_as(&live.sirius).await;
        let select = "SELECT count(*) FROM supervision_finance.named";
        sea_orm::ConnectionTrait::execute_unprepared(&sirius, select)
            .await
            .unwrap();
        sirius.close().await.unwrap();
        live.run("DROP VIEW supervision_finance.named").await;
        live.drop().await;
    });
}
