-- Every project's total anew: what was imported, and every published day after :as_of. Writes the projects
-- whose total changes, and returns how many those are by its row count.
-- Costs a pass over the packed rows after :as_of, and over all projects.
INSERT INTO pyzn.projects AS known (project, total_downloads)
SELECT project, sum(downloads)
FROM (
    SELECT project, total_downloads AS downloads FROM imported
    UNION ALL
    SELECT project, downloads FROM pyzn.packed_by_version WHERE day > :as_of
    UNION ALL
    SELECT project, 0 FROM pyzn.projects
) AS counted
GROUP BY project
ON CONFLICT (project) DO UPDATE SET total_downloads = excluded.total_downloads
WHERE known.total_downloads <> excluded.total_downloads
