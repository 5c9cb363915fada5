-- The days from :first to :last that were given up are not wanted any more. Their rows stay, so that the calendar does not
-- ask for them again. Returns them, in no order.
UPDATE pyzn.wanted SET asked_by = '{}'
WHERE day IN (
    SELECT day FROM pyzn.wanted_days WHERE day BETWEEN :first AND :last AND state = 'given up' ORDER BY day FOR UPDATE
)
RETURNING day
