-- One row: the connected role, the schema's owner, and the first of its tables that another role owns.
-- Costs a look at the catalog.
SELECT
    current_user                                   AS role,
    nspowner::regrole::text                        AS schema_owner,
    (SELECT min(relname::text) FROM pg_class
     WHERE relnamespace = pg_namespace.oid AND relkind IN ('r', 'p', 'v') AND relowner <> nspowner) AS of_another
FROM pg_namespace
WHERE nspname = 'pyzn'
