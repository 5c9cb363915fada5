-- Fills an empty, migrated database with two projects on each of the 365 days before today: `large` with 3,000
-- versions and 200 countries, and `small` with one of each.
DO $$ DECLARE month date;
BEGIN
    FOR month IN SELECT generate_series(date_trunc('month', current_date - 365), current_date, '1 month') LOOP
        EXECUTE format('CREATE TABLE pyzn.project_days_%1$s PARTITION OF pyzn.project_days FOR VALUES FROM (%2$L) TO (%3$L)',
                       to_char(month, 'YYYY_MM'), month, month + interval '1 month');
    END LOOP;
END $$;

INSERT INTO pyzn.projects VALUES ('large', 3000000000), ('small', 365);

INSERT INTO pyzn.days (
    day, status, revision, source_downloads, downloads, pip_downloads, ci_downloads, downloads_without_mirrors, projects,
    by_hour, checksum, replaced_rows, source, bigquery_job, bytes_processed, bytes_billed, run_id,
    published_at, read_at, recounted_at, source_recount
)
SELECT current_date - n, 'final', 1, 1, 1, 1, 0, 1, 2, '{}', '', 0, '', '', 0, 0, '', now(), now(), now(), 1
FROM generate_series(1, 365) AS n;

INSERT INTO pyzn.day_breakdowns (day, breakdown, source_downloads, downloads, project_keys, whole)
SELECT day, breakdown, 1, 1, 1, CASE WHEN breakdown <> 'version' THEN json '{}' END
FROM pyzn.days, unnest(ARRAY['version', 'country', 'installer', 'python', 'system']) AS breakdown;

INSERT INTO pyzn.project_days (
    downloads, pip_downloads, ci_downloads, downloads_without_mirrors, day, project,
    by_version, pip_by_version, ci_by_version, by_country, by_installer, by_python, by_system
)
SELECT version.downloads, version.pip, version.ci, version.downloads, day, 'large',
       version.document, version.pip_document, version.ci_document, country.document,
       json_build_object('pip', version.downloads), json_build_object('3.12', version.downloads),
       json_build_object('Linux', version.downloads)
FROM (
    SELECT day, sum(n) AS downloads, sum(n / 2) AS pip, sum(n / 3) AS ci,
           ('{' || string_agg(to_json(key) || ':' || n, ',' ORDER BY v) || '}')::json AS document,
           ('[' || string_agg((n / 2)::text, ',' ORDER BY v) || ']')::json AS pip_document,
           ('[' || string_agg((n / 3)::text, ',' ORDER BY v) || ']')::json AS ci_document
    FROM (
        SELECT day, v, (v / 1000) || '.' || (v / 10 % 100) || '.' || (v % 10) || '.dev' || v AS key,
               1 + (random() * 100000)::bigint AS n
        FROM pyzn.days, generate_series(1, 3000) AS v
    ) AS counted
    GROUP BY day
) AS version
JOIN (
    SELECT day, ('{' || string_agg('"' || code || '":' || n, ',' ORDER BY code) || '}')::json AS document
    FROM (
        SELECT day, chr(65 + c / 26) || chr(65 + c % 26) AS code, 1 + (random() * 100000)::bigint AS n
        FROM pyzn.days, generate_series(0, 199) AS c
    ) AS counted
    GROUP BY day
) AS country USING (day);

INSERT INTO pyzn.project_days (
    downloads, pip_downloads, ci_downloads, downloads_without_mirrors, day, project,
    by_version, pip_by_version, ci_by_version, by_country, by_installer, by_python, by_system
)
SELECT 1, 1, 0, 1, day, 'small', '{"1.0":1}', '[1]', '[0]', '{"US":1}', '{"pip":1}', '{"3.12":1}', '{"Linux":1}'
FROM pyzn.days;

ANALYZE;
