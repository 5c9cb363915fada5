-- Sets every session setting that PyZn depends on. A server, a database, a role or libpq's PG… variables may have set
-- them differently. Returns one row: the pid of the backend. Reads no table.
-- It does not set default_transaction_read_only: whoever sets that wants no writes, and Postgres's error names it.
SELECT pg_backend_pid() AS backend, count(set_config(name, value, false)) AS pinned
FROM (VALUES
    -- the form of texts that Python or SQL parses
    ('datestyle', 'ISO, YMD'),
    ('intervalstyle', 'postgres'),
    ('timezone', 'UTC'),
    ('bytea_output', 'hex'),
    ('extra_float_digits', '1'),
    ('quote_all_identifiers', 'off'),
    -- the meaning of statements
    ('standard_conforming_strings', 'on'),
    ('transform_null_equals', 'off'),
    ('array_nulls', 'on'),
    ('search_path', 'pg_catalog'),
    ('default_transaction_isolation', 'read committed'),
    ('default_transaction_deferrable', 'off'),
    ('row_security', 'on'),
    -- time limits: a day waits for its lock and for its rows
    ('statement_timeout', '0'),
    ('lock_timeout', '0'),
    ('transaction_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0')
) AS pinned (name, value)
WHERE current_setting(name, true) IS NOT NULL  -- an older server does not know all of them
