-- Stores the content that the rankings of :day are computed from, and the count of each period: files if all of its
-- published days have them. No row if the day is not published, or retired. Reads about a hundred rows of the ledger.
INSERT INTO pyzn.rankings (day, missing, computed_from, published_at, ranked_at, counts)
SELECT ranked.day,
       ARRAY(SELECT calendar.day::date
             FROM generate_series(ranked.day - 29, ranked.day, interval '1 day') AS calendar (day)
             WHERE NOT EXISTS (SELECT FROM pyzn.days WHERE days.day = calendar.day::date AND retired_at IS NULL)),
       pyzn.ranking_source(ranked.day),
       (SELECT max(published_at) FROM pyzn.days
        WHERE days.day BETWEEN ranked.day - 29 AND ranked.day AND retired_at IS NULL),
       clock_timestamp(),
       (SELECT jsonb_object_agg(period, CASE WHEN (
            SELECT bool_and(files IS NOT NULL) FROM pyzn.days
            WHERE days.day BETWEEN ranked.day - days + 1 AND ranked.day AND retired_at IS NULL
        ) THEN 'files' ELSE 'downloads' END)
        FROM (VALUES ('day', 1), ('week', 7), ('month', 30)) AS period (period, days))
FROM pyzn.days AS ranked
WHERE ranked.day = :day AND ranked.retired_at IS NULL
RETURNING missing, counts
