-- Records that the run :run_id will read :days. If it dies before it begins one of them, that day is tried again.
UPDATE pyzn.wanted SET
    run_id = :run_id,
    next_attempt_at = CASE WHEN attempts < :most AND asked_by <> '{}' THEN clock_timestamp() + interval '1 minute' END
WHERE day IN (SELECT day FROM pyzn.wanted WHERE day = ANY (CAST(:days AS date[])) ORDER BY day FOR UPDATE)
