-- One row: whether there is a project of the name `project` (normalised); a JSON array of those of `near`, most
-- downloads of all time first; and a JSON array of at most `limit` others as [project, downloads of the latest ranked
-- month or null]: first those of the 15,000 most downloaded with `project` in theirs, most downloads first, then any
-- that begin with it, by name. `project` has no wildcard of LIKE in it.
-- Cost: look-ups, also for each of `near`; the month's ranking, 15,000 index entries, some milliseconds; at most
-- `limit` entries of the names.
WITH ranked AS (
    SELECT rank, project, downloads
    FROM pyzn.top_projects
    WHERE day = (SELECT max(day) FROM pyzn.rankings) AND period = 'month'
        AND position(%(project)s IN project) > 0 AND project <> %(project)s
    ORDER BY rank
    LIMIT %(limit)s
), begun AS (
    SELECT project
    FROM pyzn.projects
    WHERE project > %(project)s AND project < %(project)s || '~'  -- the last character of ASCII, which no name has
    ORDER BY project
    LIMIT %(limit)s
)
SELECT EXISTS (SELECT FROM pyzn.projects WHERE project = %(project)s), (
    SELECT coalesce(json_agg(project ORDER BY total_downloads DESC, project), '[]')
    FROM pyzn.projects
    WHERE project = ANY (%(near)s::text[] COLLATE "C")
), (
    SELECT coalesce(json_agg(json_build_array(project, downloads) ORDER BY rank, project), '[]')
    FROM (
        SELECT * FROM ranked
        UNION ALL
        SELECT NULL, project, NULL FROM begun WHERE project NOT IN (SELECT project FROM ranked)
        ORDER BY 1, 2
        LIMIT %(limit)s
    ) AS found
)
