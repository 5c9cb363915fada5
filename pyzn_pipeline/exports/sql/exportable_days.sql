-- The published days from :first to :last, in order, with the columns of the index of an export; retired ones as well.
-- Index scan of the ledger.
SELECT day, revision, checksum, status, downloads, source_recount, recounted_at, retired_at IS NOT NULL AS retired,
       ARRAY(SELECT id FROM pyzn.events WHERE days.day BETWEEN first AND coalesce(last, first) ORDER BY first, id) AS events
FROM pyzn.days
WHERE day BETWEEN :first AND :last
ORDER BY day
