-- The published days that are due for a recount at :now, oldest first, with their revision and count. A day is due at
-- the time :at (UTC), each of :ages days after it; and once more if it was published when it had settled already
-- (:settled_after days). Never sooner than :pause after a publication, and never when it is final.
-- Costs a pass over the ledger.
SELECT day, revision, source_downloads
FROM pyzn.days
WHERE retired_at IS NULL
  AND status <> 'final'
  AND published_at < CAST(:now AS timestamptz) - CAST(:pause AS interval)
  AND (
    EXISTS (
        SELECT FROM unnest(CAST(:ages AS integer[])) AS milestone (age)
        WHERE recounted_at < (day + age + CAST(:at AS time)) AT TIME ZONE 'UTC'
          AND (day + age + CAST(:at AS time)) AT TIME ZONE 'UTC' <= :now
    )
    OR recounted_at = published_at AND (day + CAST(:settled_after AS integer) + CAST(:at AS time)) AT TIME ZONE 'UTC' <= :now
  )
ORDER BY day
