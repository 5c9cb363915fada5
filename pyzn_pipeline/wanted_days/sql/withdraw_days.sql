-- Withdraws the requests for the days from :first to :last that were given up. Their rows stay, so that the calendar
-- does not ask for these days again. Returns the days, in no order. Costs a pass over pyzn.wanted.
UPDATE pyzn.wanted SET asked_by = '{}'
WHERE day IN (
    SELECT day FROM pyzn.wanted_days WHERE day BETWEEN :first AND :last AND state = 'given up' ORDER BY day FOR UPDATE
)
RETURNING day
