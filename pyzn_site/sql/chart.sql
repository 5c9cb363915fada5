-- One row: the bytes of the documents of the window; the project's first day in it; and its downloads per period and
-- $name as a JSON array of [first day of the period, $name, downloads], ordered by these, without those that have none. All
-- but the 300 with most downloads have NULL for their $name; of a version only major and minor count, NULL if it has none.
-- More bytes than `most` are not taken apart: then the third is NULL. Of all of PyPI for '__all__', which nobody counts by
-- version. No row for a project nobody has heard of.
-- database.py fills the names after a dollar sign.
-- Cost: one heap row per day, or the ledger's, whose document is taken apart: about 1 microsecond per day and $name, and 3 per period and
-- version. They are added up before major and minor are looked for, since that for every day takes three times as long.
WITH daily (day, document) AS NOT MATERIALIZED (
    SELECT day, $document
    FROM pyzn.project_days
    WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
    UNION ALL
    SELECT day, whole
    FROM pyzn.days JOIN pyzn.day_breakdowns USING (day)
    WHERE %(project)s = '__all__' AND day BETWEEN %(start)s AND %(end)s AND retired_at IS NULL AND breakdown = '$name'
), weighed AS (
    SELECT coalesce(sum(octet_length(document::text)), 0) AS bytes, min(day) AS first_day FROM daily
), by_key AS (
    SELECT date_trunc(%(granularity)s, day::timestamp)::date AS period, $name, sum(number::bigint)::bigint AS downloads
    FROM daily, json_each_text(document) AS entry ($name, number)
    WHERE (SELECT bytes FROM weighed) <= %(most)s
    GROUP BY 1, 2
), counted AS (
    SELECT period, CASE WHEN '$name' = 'version' AND $name <> '(unknown)'
        THEN substring($name FROM '^v?(?:[0-9]+!)?([0-9]{1,18}(?:\.[0-9]{1,18})?)(?![0-9])') ELSE $name
    END AS part, sum(downloads)::bigint AS downloads
    FROM by_key
    GROUP BY 1, 2
), largest AS (
    SELECT part FROM counted WHERE part IS NOT NULL GROUP BY part ORDER BY sum(downloads) DESC, part COLLATE "C" LIMIT 300
), charted AS (
    SELECT period, largest.part, sum(downloads)::bigint AS downloads
    FROM counted LEFT JOIN largest USING (part)
    GROUP BY 1, 2
    HAVING sum(downloads) > 0
)
SELECT weighed.bytes, weighed.first_day, CASE WHEN weighed.bytes <= %(most)s THEN coalesce((
    SELECT json_agg(json_build_array(period, part, downloads) ORDER BY period, part COLLATE "C") FROM charted
), '[]') END
FROM weighed CROSS JOIN (
    SELECT 1 FROM pyzn.projects WHERE project = %(project)s
    UNION ALL
    SELECT 1 WHERE %(project)s = '__all__'
) AS known
