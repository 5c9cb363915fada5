-- One row: the counts of :day in the tables, independently of the ledger, and its checksum.
-- Costs a pass over the day's rows, about five seconds for a day of all PyPI.
SELECT
    coalesce(sum(downloads), 0)::bigint                 AS downloads,
    coalesce(sum(pip_downloads), 0)::bigint             AS pip_downloads,
    coalesce(sum(ci_downloads), 0)::bigint              AS ci_downloads,
    coalesce(sum(downloads_without_mirrors), 0)::bigint AS downloads_without_mirrors,
    sum(files)::bigint                                  AS files,
    sum(files_without_mirrors)::bigint                  AS files_without_mirrors,
    count(*)                                            AS projects,
    pyzn.day_checksum(:day)                             AS checksum
FROM pyzn.project_days
WHERE day = :day
