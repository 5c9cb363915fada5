-- One row: the bytes of the documents of the window; the project's first day in it; and, unless the bytes are more than
-- `most`, two JSON values. The first is an array of [first day of the period, part, downloads], ordered by these, where
-- a part is a $name; of a version only major and minor, NULL if it has none; and NULL for all but the `parts` largest.
-- The second is an object: "keys", the `limit` largest as [$name, downloads], most downloads first, then by $name;
-- the "number" of all keys; and the "downloads" of all. Of all of PyPI for '__all__', which nobody counts by version.
-- No row for an unknown project. `count` is one that the breakdown holds, or without_ci. database.py fills
-- the names after a dollar sign.
-- Cost: one heap row per day, or the ledger's, whose document is taken apart: about 1 microsecond per day and $name.
-- Major and minor are looked for once for each version, not once for each of its days.
WITH weighed AS (
    SELECT coalesce(sum(octet_length(document)), 0) AS bytes, min(day) AS first_day
    FROM (
        SELECT day, $document::text
        FROM pyzn.project_days
        WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
        UNION ALL
        SELECT day, pypi_totals::text
        FROM pyzn.days JOIN pyzn.day_breakdowns USING (day)
        WHERE %(project)s = '__all__' AND day BETWEEN %(start)s AND %(end)s AND retired_at IS NULL
            AND breakdown = '$name'
    ) AS daily (day, document)
), by_day AS (
    SELECT day, $name, number::bigint AS downloads
    FROM pyzn.project_days, json_each_text($document) AS entry ($name, number)  -- the view reads two documents more
    WHERE %(count)s::text IN ('downloads', 'without_mirrors', 'files_without_mirrors')
        AND project = %(project)s AND day BETWEEN %(start)s AND %(end)s AND (SELECT bytes FROM weighed) <= %(most)s
    UNION ALL
    SELECT day, $name, coalesce($downloads, 0)
    FROM pyzn.$view
    WHERE %(count)s::text NOT IN ('downloads', 'without_mirrors', 'files_without_mirrors')
        AND project = %(project)s AND day BETWEEN %(start)s AND %(end)s AND (SELECT bytes FROM weighed) <= %(most)s
    UNION ALL
    SELECT day, key, entry.downloads
    FROM pyzn.pypi_downloads AS entry JOIN pyzn.days USING (day)
    WHERE %(project)s = '__all__' AND day BETWEEN %(start)s AND %(end)s AND retired_at IS NULL AND breakdown = '$name'
        AND (SELECT bytes FROM weighed) <= %(most)s
), keys AS (
    SELECT $name, sum(downloads)::bigint AS downloads, CASE WHEN '$name' = 'version' AND $name <> '(unknown)'
        THEN substring($name FROM '^v?(?:[0-9]+!)?([0-9]{1,18}(?:\.[0-9]{1,18})?)(?![0-9])') ELSE $name
    END AS part
    FROM by_day
    GROUP BY $name
), largest AS (
    SELECT part
    FROM keys
    WHERE part IS NOT NULL
    GROUP BY part
    ORDER BY sum(downloads) DESC, part COLLATE "C"
    LIMIT %(parts)s
), charted AS (
    SELECT
        date_trunc(%(granularity)s, day::timestamp)::date AS period,
        largest.part,
        sum(by_day.downloads)::bigint AS downloads
    FROM by_day JOIN keys USING ($name) LEFT JOIN largest USING (part)
    GROUP BY 1, 2
    HAVING sum(by_day.downloads) > 0
), placed AS (
    SELECT $name, downloads, row_number() OVER (ORDER BY downloads DESC, $name COLLATE "C") AS place
    FROM keys
    WHERE downloads > 0
)
SELECT bytes, first_day, CASE WHEN bytes <= %(most)s THEN coalesce((
    SELECT json_agg(json_build_array(period, part, downloads) ORDER BY period, part COLLATE "C") FROM charted
), '[]') END, CASE WHEN bytes <= %(most)s THEN (
    SELECT json_build_object(
        'number', count(*),
        'downloads', coalesce(sum(downloads), 0)::bigint,
        'keys', coalesce(
            json_agg(json_build_array($name, downloads) ORDER BY place) FILTER (WHERE place <= %(limit)s), '[]'
        )
    ) FROM placed
) END
FROM weighed CROSS JOIN (
    SELECT 1 FROM pyzn.projects WHERE project = %(project)s
    UNION ALL
    SELECT 1 WHERE %(project)s = '__all__'
) AS known
