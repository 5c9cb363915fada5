-- Adds the difference between the staged and the published day to the projects' totals. If a project's imported
-- total includes the day already, nothing is added; a new project still gets its row. Must run before the published
-- rows of :day are replaced.
-- Costs one pass over both days and the totals, and one update for each project whose count of the day has changed.
MERGE INTO pyzn.projects AS known
USING (
    SELECT project, sum(downloads) AS downloads, coalesce(as_of, '-infinity') AS counted_up_to
    FROM (
        SELECT project, downloads FROM staged
        UNION ALL
        SELECT project, -downloads FROM pyzn.project_days WHERE day = :day
    ) AS both_days
    LEFT JOIN pyzn.baseline ON true  -- one row at most
    GROUP BY project, as_of
    HAVING sum(downloads) <> 0
) AS difference
ON known.project = difference.project
WHEN MATCHED AND coalesce(known.imported_up_to, difference.counted_up_to) < :day THEN
    UPDATE SET total_downloads = known.total_downloads + difference.downloads
WHEN NOT MATCHED THEN
    INSERT (project, total_downloads)
    VALUES (difference.project, CASE WHEN difference.counted_up_to < :day THEN difference.downloads ELSE 0 END)
