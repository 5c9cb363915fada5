-- Days of an index (:days) that failed before it was written (:written_at) are tried again at once: they may have been
-- exported, or repaired, since. One that was given up after :most attempts gets as many new ones. Days that were
-- canceled, or that no attempt can help, stay as they are.
UPDATE pyzn.wanted SET
    attempts = CASE WHEN attempts < :most THEN attempts ELSE 0 END,
    failed_at = NULL,
    reason = NULL,
    next_attempt_at = clock_timestamp()
WHERE day IN (
    SELECT day FROM pyzn.wanted
    WHERE day = ANY (CAST(:days AS date[])) AND asked_by <> '{}' AND failed_at < :written_at
      AND (next_attempt_at > clock_timestamp() OR attempts >= :most)
    ORDER BY day FOR UPDATE
)
