-- One row per breakdown of the staged day, and one for 'day', the source's own count.
-- The `packed_` columns count inside the documents: what readers will see is what is compared.
-- `ragged` are the rows whose count arrays are not as long as their document.
-- Costs one pass over the staged rows and their documents.
SELECT
    breakdown,
    count(*)                                AS rows,
    sum(staged.keys)                        AS keys,
    sum(staged.downloads)                   AS downloads,
    sum(staged.pip_downloads)               AS pip_downloads,
    sum(staged.ci_downloads)                AS ci_downloads,
    coalesce(sum(packed.keys), 0)           AS packed_keys,
    coalesce(sum(packed.downloads), 0)      AS packed_downloads,
    coalesce(sum(packed.pip_downloads), 0)  AS packed_pip_downloads,
    coalesce(sum(packed.ci_downloads), 0)   AS packed_ci_downloads,
    count(*) FILTER (WHERE pip_counts IS NOT NULL AND packed.pip_keys <> packed.keys
                        OR ci_counts IS NOT NULL AND packed.ci_keys <> packed.keys) AS ragged
FROM staged
CROSS JOIN LATERAL (
    SELECT count(key) AS keys, count(pip) AS pip_keys, count(ci) AS ci_keys,
           sum(downloads::bigint) AS downloads, sum(pip::bigint) AS pip_downloads, sum(ci::bigint) AS ci_downloads
    FROM ROWS FROM (json_each_text(CASE WHEN breakdown = 'day' THEN NULL ELSE document::json END),
                    json_array_elements_text(pip_counts::json),
                    json_array_elements_text(ci_counts::json)
                   ) AS entry (key, downloads, pip, ci)
) AS packed
GROUP BY breakdown
