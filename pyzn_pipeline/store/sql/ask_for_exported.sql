-- Days that failed before the index of :written_at was written, and that it has (:days), are tried again at once: a day may
-- have been exported, or repaired, since. One that was given up after :most attempts gets as many new ones. Days that were
-- taken back, or that no attempt can help, stay as they are.
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
