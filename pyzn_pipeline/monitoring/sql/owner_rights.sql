-- One row: the connected role, the schema's owner, and the first table in it that another role owns; `quoted` is
-- the connected role, quoted for SQL.
-- Reads the catalog only.
SELECT
    current_user                                   AS role,
    pg_get_userbyid(nspowner)::text                AS schema_owner,
    (SELECT min(relname::text) FROM pg_class
     WHERE relnamespace = pg_namespace.oid AND relkind IN ('r', 'p', 'v') AND relowner <> nspowner) AS of_another,
    quote_ident(current_user)                      AS quoted
FROM pg_namespace
WHERE nspname = 'pyzn'
