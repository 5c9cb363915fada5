-- Adds to every project's total what the staged day has over the published one (less: subtracts).
-- Runs before the published rows of :day are replaced. Costs one pass over both, and one update a
-- project whose count of the day is new or changed.
INSERT INTO pyzn.projects AS known (project, total_downloads)
SELECT project, sum(downloads)
FROM (
    SELECT project, downloads FROM staged WHERE breakdown = 'version'
    UNION ALL
    SELECT project, -downloads FROM pyzn.packed_by_version WHERE day = :day
) AS difference
GROUP BY project
HAVING sum(downloads) <> 0
ON CONFLICT (project) DO UPDATE SET total_downloads = known.total_downloads + excluded.total_downloads
