-- The day was re-read (wholly, which BigQuery bills) and its content is unchanged. If it has settled (:settled) and
-- is not suspect, it becomes final. A scanned day stays one; a mirrored day gets the values of its mirror, which
-- may be another one than before. Returns no row unless the day is published with this checksum.
UPDATE pyzn.days
SET read_at = :read_at,
    recounted_at = coalesce(:recounted_at, clock_timestamp()),
    source_recount = :source_recount,
    recounted_by = :recounted_by,
    mirrored_revision = CASE WHEN bigquery_job IS NULL THEN coalesce(:mirrored_revision, mirrored_revision) END,
    mirrored_status = CASE WHEN bigquery_job IS NULL THEN coalesce(:mirrored_status, mirrored_status) END,
    source = CASE WHEN bigquery_job IS NULL AND CAST(:mirrored_status AS text) IS NOT NULL THEN :source ELSE source END,
    accepted_because = coalesce(accepted_because, :accepted_because),
    status = CASE WHEN status = 'final' THEN 'final'
                  WHEN :suspect THEN 'suspect'
                  WHEN :settled THEN 'final'
                  ELSE 'provisional' END,
    suspect_because = :suspect_because
WHERE day = :day AND checksum = :checksum
RETURNING revision, status
