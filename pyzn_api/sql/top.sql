-- One row: a JSON array of [project, downloads, change], in the order of their ranks, all that are kept (1,000).
-- Cost: one index scan; the ranking itself is the pipeline's work.
SELECT coalesce(json_agg(json_build_array(project, downloads, change) ORDER BY rank), '[]')
FROM pyzn.top_projects
WHERE day = %(day)s AND period = %(period)s
