-- One row: the counts of :day in the tables, counted inside the documents, independently of the ledger.
-- Costs a pass over the day's documents, about ten seconds for a day of all PyPI.
SELECT
    pyzn.day_checksum(:day)                                                            AS checksum,
    versions.downloads, versions.pip_downloads, versions.ci_downloads, versions.projects, versions.keys AS project_versions,
    countries.downloads AS country_downloads, countries.keys AS project_countries
FROM (
    SELECT coalesce(sum(downloads), 0)::bigint AS downloads, coalesce(sum(pip_downloads), 0)::bigint AS pip_downloads,
           coalesce(sum(ci_downloads), 0)::bigint AS ci_downloads, count(DISTINCT project) AS projects, count(*) AS keys
    FROM pyzn.downloads_by_version WHERE day = :day
) AS versions
CROSS JOIN (
    SELECT coalesce(sum(downloads), 0)::bigint AS downloads, count(*) AS keys
    FROM pyzn.downloads_by_country WHERE day = :day
) AS countries
