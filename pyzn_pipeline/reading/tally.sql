-- The sums of one batch of a scan. Runs on DuckDB, over the Arrow rows `batch` that are sent to Postgres.
--
-- One row per breakdown of the batch. The `packed_` columns count inside the documents, which readers will see.
-- `ragged` counts the rows whose documents or arrays do not have one whole number for each key.
-- `nuls` counts those with a NUL character in a key: Postgres stores it as json, but cannot read it as text.
-- `checksum` is the sum of pyzn.row_checksum over the rows: 64 bits of the MD5 of their texts, as a signed number.
-- Costs about two microseconds a row.
WITH parsed AS (
    SELECT
        *,
        -- Invalid JSON counts as NULL here; Postgres refuses it.
        CASE WHEN project IS NOT NULL AND json_valid(document) THEN json_extract(document, '$.*') END AS entries,
        CASE WHEN json_valid(pip_counts) THEN json_extract(pip_counts, '$[*]') END AS pip_entries,
        CASE WHEN json_valid(ci_counts) THEN json_extract(ci_counts, '$[*]') END AS ci_entries,
        CASE WHEN project IS NOT NULL THEN
            ('0x' || left(md5(concat_ws(E'\n', breakdown, project, document, pip_counts, ci_counts)), 16))::UBIGINT
        END AS digest
    FROM batch
),
counted AS (
    SELECT
        *,
        TRY_CAST(entries AS BIGINT[]) AS counts,
        TRY_CAST(pip_entries AS BIGINT[]) AS pip,
        TRY_CAST(ci_entries AS BIGINT[]) AS ci
    FROM parsed
)
SELECT
    breakdown,
    count(*)                              AS rows,
    sum(keys)                             AS keys,
    sum(downloads)                        AS downloads,
    sum(pip_downloads)                    AS pip_downloads,
    sum(ci_downloads)                     AS ci_downloads,
    coalesce(sum(len(entries)), 0)        AS packed_keys,
    coalesce(sum(list_sum(counts)), 0)    AS packed_downloads,
    coalesce(sum(list_sum(pip)), 0)       AS packed_pip_downloads,
    coalesce(sum(list_sum(ci)), 0)        AS packed_ci_downloads,
    -- Cast and compare with the original: the cast alone rounds 1.5 and accepts "2".
    count(*) FILTER (
        counts::VARCHAR[] IS DISTINCT FROM entries::VARCHAR[]
        OR pip_counts IS NOT NULL
            AND (len(pip) IS DISTINCT FROM len(counts) OR pip::VARCHAR[] IS DISTINCT FROM pip_entries::VARCHAR[])
        OR ci_counts IS NOT NULL
            AND (len(ci) IS DISTINCT FROM len(counts) OR ci::VARCHAR[] IS DISTINCT FROM ci_entries::VARCHAR[])
    )                                     AS ragged,
    -- \\u0000 is an escaped backslash and "u0000", not a NUL. contains() first, because the pattern is slow.
    count(*) FILTER (
        contains(document, '\u0000') AND regexp_matches(document, '(^|[^\\])(\\\\)*\\u0000')
    )                                     AS nuls,
    coalesce(sum(digest::HUGEINT), 0)
        - 18446744073709551616::HUGEINT * count(*) FILTER (digest > 9223372036854775807) AS checksum
FROM counted
GROUP BY breakdown
