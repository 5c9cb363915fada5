-- Adds to every project's total what the staged day has over the published one (less: subtracts). Runs
-- before the published rows of :day are replaced. A day that the imported baseline has counted already only
-- makes its new projects known.
-- Costs one pass over both days and the totals, and one update a project whose count of the day has changed.
MERGE INTO pyzn.projects AS known
USING (
    SELECT project, CASE WHEN counted.already THEN 0 ELSE sum(downloads) END AS downloads
    FROM (
        SELECT project, downloads FROM staged_by_version
        UNION ALL
        SELECT project, -downloads FROM pyzn.packed_by_version WHERE day = :day
    ) AS both_days
    CROSS JOIN (SELECT EXISTS (SELECT FROM pyzn.baseline WHERE as_of >= :day) AS already) AS counted
    GROUP BY project, counted.already
    HAVING sum(downloads) <> 0
) AS difference
ON known.project = difference.project
WHEN MATCHED AND difference.downloads <> 0 THEN
    UPDATE SET total_downloads = known.total_downloads + difference.downloads
WHEN NOT MATCHED THEN
    INSERT (project, total_downloads) VALUES (difference.project, difference.downloads)
