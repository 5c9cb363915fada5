-- One row per UTC day from :first to :last, in order: the ledger's row, or status 'missing'. If the day is wanted, the
-- row also has who asked for it and the attempts. `project_keys` is
-- {"breakdown": how many (project, key) pairs} of the breakdowns that the day holds; `events` are the ids of the events
-- that touch the day. Index scans; a row is small.
SELECT
    calendar.day::date                   AS day,
    coalesce(days.status, 'missing')     AS status,
    days.revision, days.downloads, days.source_downloads, days.pip_downloads, days.ci_downloads,
    days.downloads_without_mirrors, days.files, days.files_without_mirrors, days.projects, days.checksum, days.replaced_rows,
    (SELECT json_object_agg(breakdown, project_keys) FROM pyzn.day_breakdowns WHERE day_breakdowns.day = days.day)
                                         AS project_keys,
    days.source, days.bigquery_job, days.mirrored_revision, days.mirrored_status,
    days.bytes_processed, days.bytes_billed, days.run_id,
    days.published_at, days.read_at, days.recounted_at, days.source_recount, days.recounted_by,
    days.suspect_because, days.accepted_because, days.retired_at,
    wanted.asked_by, wanted.attempts, wanted.failed_at, wanted.run_id AS attempt_run_id, wanted.next_attempt_at,
    wanted.reason AS failure, wanted.state AS wanted,
    ARRAY(SELECT id FROM pyzn.events WHERE calendar.day BETWEEN first AND coalesce(last, first) ORDER BY first, id) AS events
FROM generate_series(CAST(:first AS timestamp), CAST(:last AS timestamp), interval '1 day') AS calendar (day)
LEFT JOIN pyzn.days USING (day)
LEFT JOIN pyzn.wanted_days AS wanted USING (day)
ORDER BY calendar.day
