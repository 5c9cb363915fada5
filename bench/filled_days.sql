-- Inserts the ledger's rows of a day with the content of another day.
WITH filled AS (
    INSERT INTO pyzn.days
    SELECT (jsonb_populate_record(days, jsonb_build_object('day', CAST(:day AS date), 'status', 'final'))).*
    FROM pyzn.days WHERE day = :like
)
INSERT INTO pyzn.day_breakdowns
SELECT CAST(:day AS date), breakdown, source_downloads, downloads, project_keys, pypi_totals
FROM pyzn.day_breakdowns WHERE day = :like
