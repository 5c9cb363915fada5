-- The published days that the source is to be asked about again at :now, oldest first, with the revision and
-- the count that are published: at the time :at (UTC) of the day that is each of :ages days after it, and once more
-- when it was published after it had settled (:settled_after days). Never sooner than :pause after a publication,
-- and a final day is not asked for again.
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
