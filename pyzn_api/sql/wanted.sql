-- One row: how many days somebody, or the pipeline's calendar, asked for that are not read yet; how many of those
-- are given up; and the latest 366 of these as a JSON array, oldest first.
-- Cost: a pass over pyzn.wanted, which holds such days only.
SELECT count(*) FILTER (WHERE state IN ('waiting', 'failed', 'given up')),
       count(*) FILTER (WHERE state = 'given up'),
       (SELECT coalesce(json_agg(day ORDER BY day), '[]')
        FROM (SELECT day FROM pyzn.wanted_days WHERE state = 'given up' ORDER BY day DESC LIMIT 366) AS latest)
FROM pyzn.wanted_days
