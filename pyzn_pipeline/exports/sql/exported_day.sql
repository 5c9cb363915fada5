-- The ledger's row of :day for its export; no row unless it is published. `breakdowns` is {"breakdown":
-- {"source_downloads": …, "downloads": …, "project_keys": …, "pypi_totals": {"key": downloads of all PyPI}}}.
-- `events` are the rows of pyzn.events that touch the day, but for `own`. Index look-ups, and a pass over a table of
-- a few rows.
SELECT days.*, retired_at IS NOT NULL AS retired,
       (SELECT json_object_agg(breakdown, json_build_object(
            'source_downloads', source_downloads, 'downloads', downloads, 'project_keys', project_keys, 'pypi_totals', pypi_totals))
        FROM pyzn.day_breakdowns WHERE day_breakdowns.day = days.day) AS breakdowns,
       (SELECT coalesce(json_agg(to_jsonb(events) - 'own' ORDER BY first, id), '[]')
        FROM pyzn.events WHERE days.day BETWEEN first AND coalesce(last, first)) AS events
FROM pyzn.days
WHERE day = :day
