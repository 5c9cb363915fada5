-- One row: what the documents of :day hold by $name, counted key by key, independently of the ledger; and whether
-- all of PyPI by key is the same as in the ledger. proof.py fills the names after a dollar sign.
-- Costs a pass over the day's documents, a few seconds for a day of all PyPI.
WITH counted AS (
    SELECT $key AS key, count(*) AS keys, $sums FROM pyzn.$view WHERE day = :day GROUP BY 1
)
SELECT
    coalesce(sum(keys), 0)::bigint AS project_keys,
    $totals,
    (SELECT pypi_totals IS NULL OR pypi_totals::jsonb = (SELECT coalesce(jsonb_object_agg(key, downloads), '{}') FROM counted)
     FROM pyzn.day_breakdowns WHERE day = :day AND breakdown = '$name') AS pypi_totals_are_right
FROM counted
