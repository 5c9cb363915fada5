-- One row: a JSON array of [project, downloads], most downloads first, then project; at most `limit`.
-- Cost: every row of the window's days, 0.7 million a day for all of PyPI.
SELECT coalesce(json_agg(json_build_array(project, downloads) ORDER BY downloads DESC, project), '[]')
FROM (
    SELECT project, sum(downloads)::bigint AS downloads
    FROM pyzn.packed_by_version
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY project
    ORDER BY downloads DESC, project
    LIMIT %(limit)s
) AS most
