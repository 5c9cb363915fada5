-- Stores the content that the rankings of :day are computed from. No row if the day is not published, or retired.
-- Reads 60 rows of the ledger.
INSERT INTO pyzn.rankings (day, missing, computed_from, published_at, ranked_at)
SELECT ranked.day,
       ARRAY(SELECT calendar.day::date
             FROM generate_series(ranked.day - 29, ranked.day, interval '1 day') AS calendar (day)
             WHERE NOT EXISTS (SELECT FROM pyzn.days WHERE days.day = calendar.day::date AND retired_at IS NULL)),
       pyzn.ranking_source(ranked.day),
       (SELECT max(published_at) FROM pyzn.days
        WHERE days.day BETWEEN ranked.day - 29 AND ranked.day AND retired_at IS NULL),
       clock_timestamp()
FROM pyzn.days AS ranked
WHERE ranked.day = :day AND ranked.retired_at IS NULL
RETURNING missing
