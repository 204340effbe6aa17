-- Safe to repeat. Tables without keys: appending to them makes nobody wait. Functions run as their owner, with a
-- search path of their own, and nobody else may call them. `member` remembers what belongs to the
-- schema, so that what is moved or renamed away is still known.
CREATE SCHEMA IF NOT EXISTS supervision_finance_watch;
CREATE TABLE IF NOT EXISTS supervision_finance_watch.setting (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mode text NOT NULL DEFAULT 'observe',
    since timestamptz NOT NULL DEFAULT now(),
    own_roles text[] NOT NULL DEFAULT '{}'
);
INSERT INTO supervision_finance_watch.setting DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS supervision_finance_watch.foreign_write (
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role_name text NOT NULL,
    table_name text NOT NULL,
    operation text NOT NULL
);
CREATE TABLE IF NOT EXISTS supervision_finance_watch.ddl (
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role_name text NOT NULL,
    application text NOT NULL,
    command text NOT NULL,
    object text NOT NULL,
    statement text NOT NULL
);
CREATE TABLE IF NOT EXISTS supervision_finance_watch.member (object oid NOT NULL);
TRUNCATE supervision_finance_watch.member;
INSERT INTO supervision_finance_watch.member
    SELECT oid FROM pg_namespace WHERE nspname = 'supervision_finance'
    UNION ALL SELECT oid FROM pg_class WHERE relnamespace = 'supervision_finance'::regnamespace;
CREATE OR REPLACE FUNCTION supervision_finance_watch.actor() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog AS
    $$ SELECT coalesce(nullif(current_setting('role', true), 'none'), session_user)::text $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.note_write() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO supervision_finance_watch.foreign_write (role_name, table_name, operation)
    VALUES (supervision_finance_watch.actor(), TG_TABLE_NAME, TG_OP);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.note_ddl(
    command text, object text, may_refuse boolean)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    is_refused boolean := false;
BEGIN
    BEGIN
        SELECT may_refuse AND s.mode = 'enforce'
            AND NOT pg_has_role(supervision_finance_watch.actor(), n.nspowner, 'MEMBER')
        INTO is_refused
        FROM supervision_finance_watch.setting s
        JOIN pg_namespace n ON n.nspname = 'supervision_finance';
        INSERT INTO supervision_finance_watch.ddl (role_name, application, command, object, statement)
        VALUES (supervision_finance_watch.actor(), current_setting('application_name'), command,
            object, current_query());
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    IF is_refused THEN
        RAISE EXCEPTION 'schema supervision_finance is changed by its owner''s migrations only'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.on_ddl() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    done record;
    is_member boolean;
BEGIN
    FOR done IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
        BEGIN
            is_member := EXISTS (
                SELECT 1 FROM supervision_finance_watch.member m WHERE m.object = done.objid);
        EXCEPTION WHEN OTHERS THEN
            is_member := false;
        END;
        IF is_member OR done.schema_name = 'supervision_finance'
            OR done.object_identity ~ '(^| on )"?supervision_finance"?(\.|$)'
        THEN
            PERFORM supervision_finance_watch.note_ddl(
                done.command_tag, coalesce(done.object_identity, 'supervision_finance'), true);
            BEGIN
                INSERT INTO supervision_finance_watch.member
                SELECT done.objid WHERE NOT is_member AND done.classid = 'pg_class'::regclass;
            EXCEPTION WHEN OTHERS THEN
                NULL;
            END;
        -- PostgreSQL does not say on what: known by its text, so noted and never refused.
        ELSIF done.command_tag IN ('GRANT', 'REVOKE', 'ALTER DEFAULT PRIVILEGES')
            AND (current_query() ~ 'supervision_finance([^_]|$)'
                OR 'supervision_finance' = ANY (current_schemas(false)))
        THEN
            PERFORM supervision_finance_watch.note_ddl(done.command_tag, 'supervision_finance', false);
        END IF;
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION supervision_finance_watch.on_drop() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    dropped record;
BEGIN
    FOR dropped IN SELECT * FROM pg_event_trigger_dropped_objects() LOOP
        IF (dropped.original OR dropped.normal) AND (dropped.schema_name = 'supervision_finance'
            OR dropped.object_identity ~ '(^| on )"?supervision_finance"?(\.|$)')
        THEN
            PERFORM supervision_finance_watch.note_ddl(TG_TAG, dropped.object_identity, true);
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON SCHEMA supervision_finance_watch FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA supervision_finance_watch FROM PUBLIC;
DO $$ DECLARE owner text;
BEGIN
    SELECT quote_ident(pg_get_userbyid(nspowner)) INTO owner FROM pg_namespace
    WHERE nspname = 'supervision_finance';
    EXECUTE 'GRANT USAGE ON SCHEMA supervision_finance_watch TO ' || owner;
    EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA supervision_finance_watch TO ' || owner;
END $$;
