-- The day was re-read (a whole scan, and billed) and its content is unchanged. If it has settled (:settled) and is not
-- suspect, it becomes final. Returns no row unless the day is published with this checksum.
UPDATE pyzn.days
SET read_at = :read_at,
    recounted_at = clock_timestamp(),
    source_recount = source_downloads,
    recounted_by = DEFAULT,
    status = CASE WHEN status = 'final' THEN 'final'
                  WHEN :suspect THEN 'suspect'
                  WHEN :settled THEN 'final'
                  ELSE 'provisional' END,
    suspect_because = :suspect_because
WHERE day = :day AND checksum = :checksum
RETURNING revision, status
