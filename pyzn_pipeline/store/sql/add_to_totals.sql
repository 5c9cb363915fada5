-- Adds the rows of :day, which was not published before, to the projects' totals. If a project's imported total
-- includes the day already, nothing is added; a new project still gets its row.
-- Costs one pass over the day and the totals, and one update for each project.
MERGE INTO pyzn.projects AS known
USING (
    SELECT project, downloads, coalesce(as_of, '-infinity') AS counted_up_to
    FROM pyzn.project_days
    LEFT JOIN pyzn.baseline ON true  -- one row at most
    WHERE day = :day
) AS added
ON known.project = added.project
WHEN MATCHED AND coalesce(known.imported_up_to, added.counted_up_to) < :day THEN
    UPDATE SET total_downloads = known.total_downloads + added.downloads
WHEN NOT MATCHED THEN
    INSERT (project, total_downloads)
    VALUES (added.project, CASE WHEN added.counted_up_to < :day THEN added.downloads ELSE 0 END)
