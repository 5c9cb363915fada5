-- A person canceled the request of :asker (NULL: of anybody) for :days; the reason is how. A day that nobody else
-- asked for is no longer wanted. Its row stays, so that the calendar does not ask for it again.
UPDATE pyzn.wanted SET
    asked_by = kept.askers,
    failed_at = CASE WHEN kept.askers = '{}' THEN clock_timestamp() ELSE failed_at END,
    reason = CASE WHEN kept.askers = '{}' THEN 'day ' || wanted.day || ': ' || :reason ELSE reason END,
    next_attempt_at = CASE WHEN kept.askers <> '{}' THEN next_attempt_at END
FROM (
    SELECT day, CASE WHEN CAST(:asker AS text) IS NULL THEN '{}' ELSE array_remove(asked_by, :asker) END AS askers
    FROM pyzn.wanted
    WHERE day = ANY (CAST(:days AS date[])) AND (CAST(:asker AS text) IS NULL OR :asker = ANY (asked_by))
    ORDER BY day FOR UPDATE
) AS kept
WHERE wanted.day = kept.day
