-- One row: two JSON arrays about the days of the window, oldest first. Of days that were asked for and not read since:
-- [day, state, attempts, time of the next attempt or null]. And the days whose rows are dropped.
-- Cost: a pass over pyzn.wanted, which is small, and over the ledger's rows of the window.
SELECT (
    SELECT coalesce(json_agg(
        json_build_array(day, state, attempts, to_char(next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'))
        ORDER BY day
    ), '[]')
    FROM pyzn.wanted_days
    WHERE day BETWEEN %(start)s AND %(end)s
), (
    SELECT coalesce(json_agg(day ORDER BY day), '[]')
    FROM pyzn.days
    WHERE day BETWEEN %(start)s AND %(end)s AND retired_at IS NOT NULL
)
