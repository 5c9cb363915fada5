-- The source was asked about :day while it was published as :revision, and counted :found. The same count, once
-- the source has settled (:settled), makes a provisional day final; another one marks the day as out of date.
-- Returns no row when the day has been published anew since.
UPDATE pyzn.days
SET recounted_at = clock_timestamp(),
    source_recount = :found,
    status = CASE WHEN status = 'provisional' AND :settled AND source_downloads = :found THEN 'final' ELSE status END
WHERE day = :day AND revision = :revision
RETURNING status
