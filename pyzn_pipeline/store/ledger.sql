-- One row per UTC day from :first to :last, in order: the ledger's row, or status 'missing'; and beside
-- either the attempt at it that has published nothing, if there is one. One index scan each; a row is small.
SELECT
    calendar.day::date                   AS day,
    coalesce(days.status, 'missing')     AS status,
    days.revision, days.downloads, days.source_downloads, days.pip_downloads, days.ci_downloads,
    days.projects, days.project_versions, days.project_countries, days.checksum,
    days.bigquery_job, days.bytes_processed, days.bytes_billed, days.run_id,
    days.published_at, days.recounted_at, days.source_recount, days.accepted_because, days.retired_at,
    attempts.attempts, attempts.failed_at, attempts.run_id AS attempt_run_id, attempts.next_attempt_at,
    attempts.reason AS failure
FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 day') AS calendar (day)
LEFT JOIN pyzn.days USING (day)
LEFT JOIN pyzn.attempts USING (day)
ORDER BY calendar.day
