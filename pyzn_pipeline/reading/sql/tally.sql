-- The sums of one breakdown of one batch of a scan: one row; tally.py joins those of all breakdowns by UNION ALL. Runs on
-- DuckDB, over the Arrow rows `projects` that are sent to Postgres. tally.py fills the names after a dollar sign.
--
-- The `sums` are counted inside the documents, which readers will see, one for each column of the breakdown.
-- `ragged` counts the projects whose columns do not have one integer for each key, or do not add up to the
-- project's own counts. `nuls` counts those with a NUL character in a key: Postgres stores it as json, but cannot read
-- it as text.
-- Costs about a microsecond a row.
SELECT
    '$name'                                       AS breakdown,
    count(*) FILTER (len(numbers_0) > 0)          AS projects,
    coalesce(sum(len(entries_0)), 0)              AS keys,
    count(*) FILTER (NOT coalesce($is_right, FALSE)) AS ragged,
    -- \\u0000 is an escaped backslash and "u0000", not a NUL. contains() first, because the pattern is slow.
    count(*) FILTER (
        contains($document, '\u0000') AND regexp_matches($document, '(^|[^\\])(\\\\)*\\u0000')
    )                                             AS nuls,
    [$sums]                                       AS sums
FROM (
    -- Invalid JSON counts as NULL here; Postgres refuses it. Each step has its own subquery, or DuckDB repeats it.
    SELECT *, $list_sums FROM (SELECT *, $numbers FROM (SELECT *, $entries FROM projects))
)
