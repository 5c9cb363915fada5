-- One row per breakdown of the staged day, and one for 'day', the source's own count.
-- `packed_downloads` adds up the documents themselves: what readers will see is what is compared.
-- Costs one pass over the staged rows and their documents.
SELECT
    breakdown,
    count(*)                            AS rows,
    sum(staged.keys)                    AS keys,
    sum(staged.downloads)               AS downloads,
    sum(staged.pip_downloads)           AS pip_downloads,
    sum(staged.ci_downloads)            AS ci_downloads,
    coalesce(sum(packed.keys), 0)       AS packed_keys,
    coalesce(sum(packed.downloads), 0)  AS packed_downloads
FROM staged
CROSS JOIN LATERAL (
    SELECT count(*) AS keys, sum(value::bigint) AS downloads
    FROM json_each_text(CASE WHEN breakdown = 'day' THEN NULL ELSE document::json END)
) AS packed
GROUP BY breakdown
