-- Stores that the source counted :found for :day, which was published as :revision, and what gave that count: :by.
-- If the count is the same and the day has settled (:settled), a provisional day becomes final. If it differs, the
-- day is out of date.
-- Returns no row if the day was published again since.
UPDATE pyzn.days
SET recounted_at = clock_timestamp(),
    source_recount = :found,
    recounted_by = :by,
    status = CASE WHEN status = 'provisional' AND :settled AND source_downloads = :found THEN 'final' ELSE status END
WHERE day = :day AND revision = :revision
RETURNING status
