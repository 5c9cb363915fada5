-- The sum over one batch's rows of a project of 64 bits of the MD5 of their texts, as signed numbers: what
-- pyzn.day_checksum adds up. Runs on DuckDB, over the Arrow rows `projects`. checksum.py fills the columns.
-- Costs about half a microsecond a row.
SELECT
    coalesce(sum(digest::HUGEINT), 0) - 18446744073709551616::HUGEINT * count(*) FILTER (digest > 9223372036854775807)
FROM (SELECT ('0x' || left(md5(concat_ws(E'\n', $columns)), 16))::UBIGINT AS digest FROM projects)
