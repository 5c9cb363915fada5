-- Gives the days that were given up new attempts, if the mirror's index of :written_at has them (:days) and is newer than
-- their last failure: a day may have been exported, or repaired, since. Days that were taken back stay so.
UPDATE pyzn.wanted SET attempts = 0, failed_at = NULL, reason = NULL,
    asked_at = clock_timestamp(), next_attempt_at = clock_timestamp()
WHERE day IN (
    SELECT day FROM pyzn.wanted
    WHERE day = ANY (CAST(:days AS date[])) AND asked_by <> '{}' AND next_attempt_at IS NULL AND failed_at < :written_at
    ORDER BY day FOR UPDATE
)
