-- Adds the rows of :day, which was not published before, to every project's total. A day that the imported
-- baseline has counted already only makes its new projects known.
-- Costs one pass over the day and the totals, and one update a project.
MERGE INTO pyzn.projects AS known
USING (
    SELECT project, CASE WHEN counted.already THEN 0 ELSE downloads END AS downloads
    FROM pyzn.packed_by_version
    CROSS JOIN (SELECT EXISTS (SELECT FROM pyzn.baseline WHERE as_of >= :day) AS already) AS counted
    WHERE day = :day
) AS added
ON known.project = added.project
WHEN MATCHED AND added.downloads <> 0 THEN
    UPDATE SET total_downloads = known.total_downloads + added.downloads
WHEN NOT MATCHED THEN
    INSERT (project, total_downloads) VALUES (added.project, added.downloads)
