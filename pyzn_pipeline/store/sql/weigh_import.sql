-- Computes the new total of every imported project: its imported number plus every published day after :as_of.
-- Costs a pass over the packed rows after :as_of, or index scans if there are few projects.
INSERT INTO weighed (project, after)
SELECT project, (imported.total_downloads + coalesce(published.downloads, 0))::bigint
FROM imported
LEFT JOIN (
    SELECT project, sum(downloads) AS downloads
    FROM pyzn.project_days
    WHERE day > :as_of AND project IN (SELECT project FROM imported)
    GROUP BY project
) AS published USING (project)
