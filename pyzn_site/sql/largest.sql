-- One row: the bytes of the documents of the window; and, unless these are more than `most`, a JSON object: "keys", the
-- `limit` largest as [$name, downloads], most downloads first, then by $name; the "number" of all keys; and the
-- "downloads" of all. database.py fills the names after a dollar sign; `ci` is include, exclude or only.
-- Cost: one heap row per day, whose document is taken apart: about a microsecond per day and $name.
WITH weighed AS (
    SELECT coalesce(sum(octet_length($document::text)), 0) AS bytes
    FROM pyzn.project_days
    WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
)
SELECT bytes, CASE WHEN bytes <= %(most)s THEN (
    SELECT json_build_object(
        'number', count(*),
        'downloads', coalesce(sum(downloads), 0)::bigint,
        'keys', coalesce(json_agg(json_build_array($name, downloads) ORDER BY place) FILTER (WHERE place <= %(limit)s), '[]')
    )
    FROM (
        SELECT $name, downloads, row_number() OVER (ORDER BY downloads DESC, $name COLLATE "C") AS place
        FROM (
            SELECT $name, sum($downloads)::bigint AS downloads
            FROM pyzn.$view
            WHERE project = %(project)s AND day BETWEEN %(start)s AND %(end)s
            GROUP BY $name
        ) AS counted
        WHERE downloads > 0
    ) AS placed
) END
FROM weighed
