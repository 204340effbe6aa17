//! The database itself keeps ledgers and allocations as they were written, and refuses what would make
//! a balance worse than wrong (`domain.md` section 4).
//!
//! On PostgreSQL this holds for the roles in `guarded_role`: our own and their members, and others once
//! they are lowered. Until then a foreign writer is not hindered. Who acts is asked of the session, since a foreign key's
//! cascade runs as the table's owner.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 2] = ["ledger", "ledger_allocation"];

/// Rows of savepoints have a transaction number of their own and count as there before, which errs
/// towards letting them pass.
///
/// Writers take `ledger` first, and so does this: together they would wait for each other. The functions
/// look for tables in our schema, and in a session's own temporary one last of all.
const POSTGRES: [&str; 8] = [
    "LOCK TABLE ledger, ledger_allocation IN SHARE ROW EXCLUSIVE MODE",
    "CREATE TABLE guarded_role (role_name varchar(63) PRIMARY KEY, is_own boolean NOT NULL)",
    // Whoever migrates, the owner behind that log-in, and the service under its usual name.
    "INSERT INTO guarded_role
     SELECT current_user::text, true
     UNION SELECT o.rolname::text, true FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner
        JOIN pg_roles c ON c.rolname = current_user
        WHERE n.nspname = current_schema() AND NOT c.rolsuper
        AND pg_has_role(c.oid, o.oid, 'MEMBER')
     UNION SELECT rolname::text, true FROM pg_roles WHERE rolname IN ('finance_owner', 'finance_service')",
    "CREATE FUNCTION is_guarded() RETURNS boolean
     LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, supervision_finance, pg_temp AS $$
     SELECT EXISTS (SELECT 1 FROM guarded_role g JOIN pg_roles r ON r.rolname = g.role_name
        CROSS JOIN (SELECT coalesce(nullif(current_setting('role', true), 'none'),
            session_user)::name AS name) actor
        WHERE CASE WHEN g.is_own THEN pg_has_role(actor.name, r.oid, 'MEMBER')
            ELSE r.rolname = actor.name END) $$",
    "CREATE FUNCTION refuse_change() RETURNS trigger
     LANGUAGE plpgsql SET search_path = pg_catalog, supervision_finance, pg_temp AS $$
     BEGIN
        IF is_guarded() THEN
            RAISE EXCEPTION 'rows of % are never changed or deleted: a new ledger sets things right',
                TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
        IF TG_OP = 'UPDATE' THEN RETURN NEW; END IF;
        RETURN OLD;
     END $$",
    "CREATE FUNCTION refuse_worse_allocation() RETURNS trigger
     LANGUAGE plpgsql SET search_path = pg_catalog, supervision_finance, pg_temp AS $$
     DECLARE
        client integer;
        charged bigint;
        total bigint;
        change bigint;
     BEGIN
        IF NEW.amount <= 0 OR NEW.status NOT IN ('ALLOCATED', 'UNAPPLIED', 'REAPPLIED')
            OR NOT is_guarded()
        THEN
            RETURN NULL;
        END IF;
        SELECT finance_client_id INTO client FROM ledger
        WHERE id = NEW.ledger_id AND status = 'CONFIRMED';
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        IF NEW.status <> 'ALLOCATED' AND client IS NOT NULL THEN
            SELECT coalesce(-sum(a.amount), 0), coalesce(-sum(a.amount) FILTER (
                WHERE a.xmin = pg_current_xact_id()::xid), 0) INTO total, change
            FROM ledger l JOIN ledger_allocation a ON a.ledger_id = l.id
            WHERE l.finance_client_id = client AND l.status = 'CONFIRMED'
            AND a.status IN ('UNAPPLIED', 'REAPPLIED');
            IF total < 0 AND change < 0 THEN
                RAISE EXCEPTION 'allocation % takes more than the credit of finance client %',
                    NEW.id, client USING ERRCODE = 'restrict_violation';
            END IF;
        END IF;
        IF NEW.invoice_id IS NOT NULL THEN
            SELECT amount INTO charged FROM invoice WHERE id = NEW.invoice_id;
            SELECT coalesce(sum(a.amount), 0), coalesce(sum(a.amount) FILTER (
                WHERE a.xmin = pg_current_xact_id()::xid), 0) INTO total, change
            FROM ledger_allocation a JOIN ledger l ON l.id = a.ledger_id
            WHERE a.invoice_id = NEW.invoice_id AND l.status = 'CONFIRMED'
            AND a.status IN ('ALLOCATED', 'UNAPPLIED', 'REAPPLIED');
            IF total > charged AND change > 0 THEN
                RAISE EXCEPTION 'allocation % credits invoice % past its amount',
                    NEW.id, NEW.invoice_id USING ERRCODE = 'restrict_violation';
            END IF;
        END IF;
        RETURN NULL;
     END $$",
    "CREATE CONSTRAINT TRIGGER sound AFTER INSERT ON ledger_allocation
     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_worse_allocation()",
    // Default privileges give others what they have on every table.
    "DO $$ DECLARE grantee text; BEGIN
        FOR grantee IN SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC'
                ELSE quote_ident(pg_get_userbyid(a.grantee)) END
            FROM pg_class c CROSS JOIN aclexplode(c.relacl) a
            WHERE c.oid = 'guarded_role'::regclass AND a.grantee <> c.relowner
        LOOP
            EXECUTE 'REVOKE ALL ON guarded_role FROM ' || grantee;
        END LOOP;
     END $$",
];

fn postgres_triggers(table: &str) -> [String; 2] {
    [
        format!(
            "CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON {table} \
             FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        ),
        format!(
            "CREATE TRIGGER not_truncated BEFORE TRUNCATE ON {table} \
             FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        ),
    ]
}

fn sqlite_triggers(table: &str) -> [String; 2] {
    ["update", "delete"].map(|event| {
        format!(
            "CREATE TRIGGER {table}_no_{event} BEFORE {event} ON {table} BEGIN \
             SELECT RAISE(ABORT, 'rows of {table} are never changed or deleted: a new ledger sets \
             things right'); END"
        )
    })
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        if is_postgres {
            for statement in POSTGRES {
                db.execute_unprepared(statement).await?;
            }
        }
        for table in TABLES {
            let triggers = match is_postgres {
                true => postgres_triggers(table),
                false => sqlite_triggers(table),
            };
            for statement in triggers {
                db.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if manager.get_database_backend() != DbBackend::Postgres {
            for table in TABLES {
                for event in ["update", "delete"] {
                    db.execute_unprepared(&format!("DROP TRIGGER {table}_no_{event}"))
                        .await?;
                }
            }
            return Ok(());
        }
        for table in TABLES {
            for trigger in ["immutable", "not_truncated"] {
                db.execute_unprepared(&format!("DROP TRIGGER {trigger} ON {table}"))
                    .await?;
            }
        }
        for statement in [
            "DROP TRIGGER sound ON ledger_allocation",
            "DROP FUNCTION refuse_worse_allocation()",
            "DROP FUNCTION refuse_change()",
            "DROP FUNCTION is_guarded()",
            "DROP TABLE guarded_role",
        ] {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
