-- One row: a JSON array of [project, downloads, change] of the ranking that ends with `end`, in the order of their
-- ranks, `limit` of them at most.
-- Cost: one index scan; the ranking itself is the pipeline's work.
SELECT coalesce(json_agg(json_build_array(project, downloads, change) ORDER BY rank), '[]')
FROM pyzn.top_projects
WHERE day = %(end)s AND period = %(period)s AND rank <= %(limit)s
