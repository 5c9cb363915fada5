-- Adds to every project's total what the staged day has over the published one (less: subtracts). Runs
-- before the published rows of :day are replaced. A day that the imported baseline has counted already only
-- makes its new projects known.
-- Costs one pass over both, and one update a project whose count of the day is new or changed.
INSERT INTO pyzn.projects AS known (project, total_downloads)
SELECT project, CASE WHEN counted.already THEN 0 ELSE sum(downloads) END
FROM (
    SELECT project, downloads FROM staged WHERE breakdown = 'version'
    UNION ALL
    SELECT project, -downloads FROM pyzn.packed_by_version WHERE day = :day
) AS difference
CROSS JOIN (SELECT EXISTS (SELECT FROM pyzn.baseline WHERE as_of >= :day) AS already) AS counted
GROUP BY project, counted.already
HAVING sum(downloads) <> 0
ON CONFLICT (project) DO UPDATE SET total_downloads = known.total_downloads + excluded.total_downloads
WHERE excluded.total_downloads <> 0
