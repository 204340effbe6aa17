//! Seeing drift.

use serde_json::Value;

use super::{Live, err, on_postgres, out};

#[test]
fn a_schema_as_migrated_has_no_drift_and_every_change_is_seen() {
    on_postgres(async || {
        let live = Live::migrated().await;
        let verified = live.migration(&["verify"]);
        assert_eq!(
            verified.status.code(),
            Some(0),
            "{}{}",
            out(&verified),
            err(&verified)
        );
        for statement in [
            "ALTER TABLE supervision_finance.refund ALTER notes TYPE text",
            "ALTER TABLE supervision_finance.refund ALTER notes DROP NOT NULL",
            "ALTER TABLE supervision_finance.rate ADD COLUMN more int DEFAULT 5",
            "DROP INDEX supervision_finance.uniq_finance_client_client_id",
            "CREATE INDEX ON supervision_finance.rate (amount) WHERE amount > 0",
            "ALTER TABLE supervision_finance.rate ADD CHECK (amount > 0)",
            "CREATE VIEW supervision_finance.peek AS SELECT 1 AS one",
            "CREATE FUNCTION supervision_finance.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE FUNCTION supervision_finance.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER fire AFTER INSERT ON supervision_finance.rate EXECUTE FUNCTION supervision_finance.fire()",
            "CREATE TYPE supervision_finance.mood AS ENUM ('good')",
            "CREATE SEQUENCE supervision_finance.more_seq",
            "CREATE TABLE supervision_finance.more (id int)",
            "DROP TABLE supervision_finance.invoice_email_status",
            "UPDATE supervision_finance.account SET cost_centre = 10486000 WHERE code = 1816100000",
            "INSERT INTO supervision_finance.property VALUES (7, 'a', 'b')",
        ] {
            live.run(statement).await;
        }
        let verified = live.migration(&["verify"]);
        assert_eq!(verified.status.code(), Some(1));
        let report = out(&verified);
        for line in [
            "column refund.notes: nullable is true, expected false",
            "column refund.notes: type is text, expected character varying",
            "extra column rate.more",
            "missing unique key finance_client(client_id)",
            "extra index rate(amount) WHERE (amount > 0)",
            "extra check rate CHECK ((amount > 0))",
            "extra view peek",
            "extra function one()",
            "extra function fire()",
            "extra trigger rate.fire",
            "extra type mood",
            "extra sequence more_seq",
            "extra table more",
            "missing table invoice_email_status",
            "row account 1816100000: cost_centre is 10486000, expected 99999999",
            "sequence property_id_seq: last value is 0, expected at least 7",
        ] {
            assert!(report.lines().any(|it| it == line), "{line} in\n{report}");
        }
        assert!(report.ends_with("16 drifts in 407 objects\n"), "{report}");

        let json: Value =
            serde_json::from_slice(&live.migration(&["verify", "--format", "json"]).stdout)
                .unwrap();
        assert_eq!(json["drift"].as_array().unwrap().len(), 16);
        let column = json["drift"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["attribute"] == "type")
            .unwrap();
        assert_eq!(column["kind"], "column");
        assert_eq!(column["object"], "refund.notes");
        assert_eq!(column["expected"], "character varying");
        assert_eq!(column["found"], "text");
        live.drop().await;
    });
}

#[test]
fn a_check_that_cannot_be_made_has_a_status_of_its_own() {
    on_postgres(async || {
        let mut live = Live::migrated().await;
        let reader = live.role("reader", "LOGIN").await;
        live.run(&format!(
            "GRANT USAGE ON SCHEMA supervision_finance TO {reader}"
        ))
        .await;
        live.run(&format!(
            "GRANT SELECT ON ALL TABLES IN SCHEMA supervision_finance TO {reader}"
        ))
        .await;
        live.run(&format!(
            "GRANT SELECT ON ALL SEQUENCES IN SCHEMA supervision_finance TO {reader}"
        ))
        .await;
        let url = live.url_as(&reader);
        let output = super::migration_at(&url, &["verify"]);
        assert_eq!(output.status.code(), Some(2), "{}", out(&output));
        assert!(err(&output).contains("--scratch-url"), "{}", err(&output));
        let elsewhere =
            super::migration_at(&url, &["verify", "--scratch-url", live.database.url()]);
        assert_eq!(elsewhere.status.code(), Some(0), "{}", err(&elsewhere));
        assert_eq!(
            super::migration_at("postgres://127.0.0.1:1/x", &["verify"])
                .status
                .code(),
            Some(2)
        );
        let scratch =
            "SELECT datname::text FROM pg_database WHERE datname LIKE 'finance_scratch_%'";
        assert!(
            live.texts(scratch).await.len() < 20,
            "scratch databases are removed"
        );
        live.drop().await;
    });
}

#[test]
fn a_report_that_was_kept_is_no_drift() {
    on_postgres(async || {
        let live = Live::sirius().await;
        assert!(live.migration(&["adopt"]).status.success());
        assert!(live.migration(&["up"]).status.success());
        assert_eq!(
            live.texts("SELECT id::text FROM supervision_finance.report")
                .await,
            ["1"]
        );
        assert_eq!(live.migration(&["verify"]).status.code(), Some(0));
        live.drop().await;
    });
}

#[test]
fn everything_that_ties_the_schema_to_the_database_is_listed() {
    on_postgres(async || {
        let live = Live::migrated().await;
        assert_eq!(
            live.migration(&["verify", "--isolated"]).status.code(),
            Some(0)
        );
        for statement in [
            "CREATE TABLE public.persons (id int PRIMARY KEY, mood text)",
            "CREATE TYPE public.colour AS ENUM ('red')",
            "CREATE SEQUENCE public.shared_seq",
            "CREATE TABLE public.letters (invoice_id int REFERENCES supervision_finance.invoice)",
            "ALTER TABLE supervision_finance.finance_client ADD FOREIGN KEY (client_id) REFERENCES public.persons",
            "CREATE VIEW public.debts AS SELECT amount FROM supervision_finance.invoice",
            "ALTER TABLE supervision_finance.rate ADD COLUMN colour public.colour",
            "ALTER TABLE supervision_finance.rate ALTER amount SET DEFAULT nextval('public.shared_seq')",
            "CREATE FUNCTION public.fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "CREATE TRIGGER fire AFTER INSERT ON supervision_finance.rate EXECUTE FUNCTION public.fire()",
            "CREATE FUNCTION public.debt() RETURNS bigint LANGUAGE sql AS 'SELECT sum(amount) FROM supervision_finance.invoice'",
        ] {
            live.run(statement).await;
        }
        let output = live.migration(&["verify", "--isolated"]);
        assert_eq!(output.status.code(), Some(1));
        let report = out(&output);
        for (kind, part) in [
            ("foreign key", "letters"),
            ("foreign key", "finance_client"),
            ("view", "debts"),
            ("column type", "colour"),
            ("column default", "shared_seq"),
            ("trigger", "fire"),
            ("function body", "debt"),
        ] {
            let is_listed = report
                .lines()
                .any(|line| line.starts_with(kind) && line.contains(part));
            assert!(is_listed, "{kind} {part} in\n{report}");
        }
        live.drop().await;
    });
}

#[test]
fn what_quietly_changes_a_tables_meaning_is_drift() {
    on_postgres(async || {
        let live = Live::migrated().await;
        for (make, told) in [
            (
                "ALTER TABLE supervision_finance.rate ENABLE ROW LEVEL SECURITY",
                "table rate: row security is true",
            ),
            (
                "CREATE POLICY p ON supervision_finance.rate USING (true)",
                "extra policy rate.p",
            ),
            (
                "ALTER TABLE supervision_finance.property SET UNLOGGED",
                "table property: persistence is u",
            ),
            (
                "ALTER SEQUENCE supervision_finance.invoice_id_seq MAXVALUE 1000",
                "sequence invoice_id_seq: maximum is 1000",
            ),
            (
                "ALTER TABLE supervision_finance.ledger DISABLE TRIGGER ALL",
                "table ledger: disabled triggers is",
            ),
            (
                "CREATE RULE r AS ON INSERT TO supervision_finance.counter DO INSTEAD NOTHING",
                "extra rule counter.r",
            ),
            (
                "CREATE INDEX ON supervision_finance.invoice (batchnumber)",
                "index invoice(batchnumber): more than one is",
            ),
        ] {
            live.run(make).await;
            let report = out(&live.migration(&["verify"]));
            assert!(report.contains(told), "{told} in\n{report}");
        }
        live.drop().await;
        let empty = Live::empty().await;
        assert_eq!(
            empty.migration(&["verify", "--isolated"]).status.code(),
            Some(2)
        );
        empty.drop().await;
    });
}
