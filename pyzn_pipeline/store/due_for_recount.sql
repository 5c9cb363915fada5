-- The published days that the source is to be asked about again at :now, oldest first, with the revision and
-- the count that are published: at 23:00 UTC of D+1, D+3 and D+7, and once more an hour or more after any
-- publication later than that. A final day is not asked for again.
-- Costs a pass over the ledger.
SELECT day, revision, source_downloads
FROM pyzn.days
WHERE retired_at IS NULL
  AND status <> 'final'
  AND published_at < CAST(:now AS timestamptz) - interval '1 hour'
  AND (
    EXISTS (
        SELECT FROM (VALUES (1), (3), (7)) AS milestone (age)
        WHERE recounted_at < (day + age + time '23:00') AT TIME ZONE 'UTC'
          AND (day + age + time '23:00') AT TIME ZONE 'UTC' <= :now
    )
    OR recounted_at = published_at AND (day + 7 + time '23:00') AT TIME ZONE 'UTC' <= :now
  )
ORDER BY day
