-- One row: the rights of the connected role in the schema pyzn. `unreadable` and `writable` list tables and views;
-- both must be empty for the API's role. Reads the catalog only.
SELECT
    current_user                                                                  AS role,
    has_schema_privilege('pyzn', 'USAGE')                                         AS enters,
    current_setting('default_transaction_read_only') = 'on'                       AS reads_only,
    coalesce(array_agg(relname::text ORDER BY relname)
             FILTER (WHERE NOT has_table_privilege(pg_class.oid, 'SELECT')), '{}') AS unreadable,
    coalesce(array_agg(relname::text ORDER BY relname)
             FILTER (WHERE has_table_privilege(pg_class.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')), '{}') AS writable
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname = 'pyzn' AND relkind IN ('r', 'p', 'v') AND relname <> 'alembic_version'
