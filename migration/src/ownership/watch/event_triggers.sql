DROP EVENT TRIGGER IF EXISTS supervision_finance_watch_ddl;
DROP EVENT TRIGGER IF EXISTS supervision_finance_watch_drop;
CREATE EVENT TRIGGER supervision_finance_watch_ddl ON ddl_command_end
    EXECUTE FUNCTION supervision_finance_watch.on_ddl();
CREATE EVENT TRIGGER supervision_finance_watch_drop ON sql_drop
    EXECUTE FUNCTION supervision_finance_watch.on_drop();
