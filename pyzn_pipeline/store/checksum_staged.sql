-- The checksum that pyzn.day_checksum(day) will give once the staged rows are published (NULL counts leave no mark).
SELECT md5(coalesce(sum(pyzn.row_checksum(breakdown, project, document, pip_counts, ci_counts)), 0)::text)
FROM staged
WHERE project IS NOT NULL
