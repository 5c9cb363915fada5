-- One row per UTC day from :first to :last, in order: the ledger's row, or status 'missing' with the
-- reason of the last failed attempt if there was one. One index scan each; a row is small.
SELECT
    calendar.day::date                   AS day,
    coalesce(days.status, 'missing')     AS status,
    days.revision, days.downloads, days.source_downloads, days.pip_downloads, days.ci_downloads,
    days.projects, days.project_versions, days.project_countries, days.checksum,
    days.bigquery_job, days.bytes_processed, days.bytes_billed, days.run_id,
    days.published_at, days.recounted_at,
    failures.failed_at, failures.run_id  AS failed_run_id, failures.reason AS failure
FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 day') AS calendar (day)
LEFT JOIN pyzn.days USING (day)
LEFT JOIN pyzn.failures USING (day)
ORDER BY calendar.day
