-- Takes from every role but the database's owner what PostgreSQL gives to all of them: advisory locks, with which PyZn's
-- own could be held, large objects and temporary tables. Only a superuser may do it; in the database `pyzn`. Safe to repeat.
DO $$
DECLARE
    owner   text := (SELECT datdba::regrole FROM pg_database WHERE datname = current_database());
    routine regprocedure;
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    FOR routine IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
            AND (proname ~ '^pg_(try_)?advisory' OR proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', routine);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', routine, owner);
    END LOOP;
END
$$;
