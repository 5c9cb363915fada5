-- One row: the ranking that ends with `end`, in the order of its ranks, `limit` of them at most: as members of a JSON array,
-- {"rank", "project", "downloads"} and "change" where it is known; or if `csv` as lines. Names need no escape, since only
-- names that a project can have are ranked.
-- Cost: one index scan; the ranking itself is the pipeline's work.
SELECT CASE WHEN %(csv)s THEN string_agg(concat(rank, ',', project, ',', downloads, ',', change, E'\r\n'), '' ORDER BY rank)
       ELSE string_agg(
           concat(
               '{"rank":', rank, ',"project":"', project, '","downloads":', downloads, ',"change":' || change, '}'
           ), ',' ORDER BY rank
       ) END
FROM pyzn.top_projects
WHERE day = %(end)s AND period = %(period)s AND rank <= %(limit)s
