-- One row: the 30 days that end with `end`, ranked, as members of a JSON array or if `csv` as lines; how many they are;
-- and the latest publication that they count, UTC, NULL before the first ranking.
-- Cost: one index scan of 15,000 rows.
SELECT CASE WHEN %(csv)s THEN string_agg(concat(downloads, ',"', project, E'"\n'), '' ORDER BY rank)
       ELSE string_agg(concat('{"download_count":', downloads, ',"project":"', project, '"}'), ',' ORDER BY rank) END,
       count(*),
       (SELECT to_char(published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM pyzn.rankings WHERE day = %(end)s)
FROM pyzn.top_projects
WHERE day = %(end)s AND period = 'month'
