-- The day was read again and is as published. A provisional day that was read once its source had
-- settled becomes final. Returns no row unless the day is published with this checksum.
UPDATE pyzn.days
SET recounted_at = clock_timestamp(),
    status = CASE WHEN status = 'provisional' THEN :status ELSE status END
WHERE day = :day AND checksum = :checksum
RETURNING revision, status
