-- A row per period, in no order: its first day; its downloads per $name as JSON objects (or, if `csv`, as
-- CSV lines, a $name that a spreadsheet would run or that begins with an apostrophe after an apostrophe), separated by commas (or line ends), most downloads first, then $name; and the bytes of the
-- documents of all periods. More bytes than `most` are not taken apart: then, and when there is no period,
-- one row, with NULL for the first two. No row for an unknown project. `pattern` is an ILIKE pattern, or NULL
-- for every $name, to which a plus is a space, and `within` one of the other key, if there is one; `count` is one that the
-- breakdown holds, or without_ci. database.py fills the names after a dollar sign, for a project or for all of PyPI.
-- Cost: one heap row per day, whose document is taken apart: about 1 microsecond per day and $name, and as
-- much for each that comes back. Period by period, since sorting them all at once costs twice that, and one
-- value of 70 MB keeps the reader's event loop for some tenths of a second.
WITH weighed AS (
    SELECT coalesce(sum(octet_length($document::text)), 0) AS bytes
    FROM $table
    WHERE $of AND day BETWEEN %(start)s AND %(end)s
), periods AS (
    SELECT date_trunc(%(granularity)s, day::timestamp)::date AS period, array_agg(day) AS days
    FROM $table
    WHERE $of AND day BETWEEN %(start)s AND %(end)s
    GROUP BY 1
)
SELECT listed.period, listed.entries, weighed.bytes
FROM ($known) AS known
CROSS JOIN weighed
LEFT JOIN LATERAL (
    SELECT period, entries
    FROM periods, LATERAL (
        SELECT CASE WHEN %(csv)s THEN string_agg(
                   concat(
                       period, ',"', CASE WHEN left($name, 1) IN ('=', '+', '-', '@', '''', E'\t', E'\r') THEN '''' END, replace($name, '"', '""'), '",', downloads
                   ), E'\r\n'
                   ORDER BY downloads DESC, $name COLLATE "C"
               ) ELSE string_agg(
                   '{"period":"' || period || '","$name":' || to_json($name) || ',"downloads":' || downloads || '}',
                   ',' ORDER BY downloads DESC, $name COLLATE "C"
               ) END
        FROM (
            SELECT $name, sum($downloads)::bigint AS downloads
            FROM $rows
            WHERE $of AND day = ANY (days) $within
                AND (%(pattern)s::text IS NULL OR replace($name, '+', ' ') ILIKE %(pattern)s)
                AND day BETWEEN %(start)s AND %(end)s  -- again, so that no other month's partition is looked into
            GROUP BY $name
        ) AS counted
        WHERE downloads > 0
    ) AS of_period (entries)
    WHERE (SELECT bytes FROM weighed) <= %(most)s AND entries IS NOT NULL
) AS listed ON true
