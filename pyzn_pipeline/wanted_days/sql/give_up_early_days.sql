-- Gives up the wanted days before :first_day, which have no partition, with the reason. Costs a pass over pyzn.wanted.
UPDATE pyzn.wanted SET
    failed_at = clock_timestamp(),
    reason = 'day ' || day || ' is before the first day, ' || CAST(:first_day AS date)
             || ': set PYZN_FIRST_DAY to an earlier day',
    next_attempt_at = NULL
WHERE day < :first_day AND next_attempt_at IS NOT NULL
