-- Sets for the session what a server, a database, a role or libpq's PG… variables could have set otherwise, and PyZn
-- reads, writes or waits by. Gives one row: the backend that has answered. Costs a look at nothing.
-- default_transaction_read_only is not among it: who sets that wants nothing to be written, and Postgres says so.
SELECT pg_backend_pid() AS backend, count(set_config(name, value, false)) AS pinned
FROM (VALUES
    -- texts that are read, by Python or by SQL itself
    ('datestyle', 'ISO, YMD'),
    ('intervalstyle', 'postgres'),
    ('timezone', 'UTC'),
    ('bytea_output', 'hex'),
    ('extra_float_digits', '1'),
    ('quote_all_identifiers', 'off'),
    -- what a statement means
    ('standard_conforming_strings', 'on'),
    ('transform_null_equals', 'off'),
    ('array_nulls', 'on'),
    ('search_path', 'pg_catalog'),
    ('default_transaction_isolation', 'read committed'),
    ('default_transaction_deferrable', 'off'),
    ('row_security', 'on'),
    -- how long it may take: a day waits for its turn, and for its rows
    ('statement_timeout', '0'),
    ('lock_timeout', '0'),
    ('transaction_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'),
    ('idle_session_timeout', '0')
) AS pinned (name, value)
WHERE current_setting(name, true) IS NOT NULL  -- an older server does not know all of them
