-- Fills an empty, migrated database with two projects on each of the 365 days before today: `large` with 3,000
-- versions and 200 countries, and `small` with one of each.
DO $$ DECLARE
    month date;
    name text;
BEGIN
    FOR month IN SELECT generate_series(date_trunc('month', current_date - 365), current_date, '1 month') LOOP
        FOREACH name IN ARRAY ARRAY['packed_by_version', 'packed_by_country'] LOOP
            EXECUTE format('CREATE TABLE pyzn.%1$s_%2$s PARTITION OF pyzn.%1$s FOR VALUES FROM (%3$L) TO (%4$L)',
                           name, to_char(month, 'YYYY_MM'), month, month + interval '1 month');
        END LOOP;
    END LOOP;
END $$;

INSERT INTO pyzn.projects VALUES ('large', 3000000000), ('small', 365);

INSERT INTO pyzn.days
SELECT current_date - n, 'final', 1, 1, 1, 1, 0, 2, 3001, 201, '', '', 0, 0, '', now(), now(), 1
FROM generate_series(1, 365) AS n;

INSERT INTO pyzn.packed_by_version (downloads, pip_downloads, ci_downloads, day, project, document, pip_counts, ci_counts)
SELECT sum(n), sum(n / 2), sum(n / 3), day, 'large',
       ('{' || string_agg(to_json(version) || ':' || n, ',' ORDER BY v) || '}')::json,
       ('[' || string_agg((n / 2)::text, ',' ORDER BY v) || ']')::json,
       ('[' || string_agg((n / 3)::text, ',' ORDER BY v) || ']')::json
FROM (
    SELECT day, v, (v / 1000) || '.' || (v / 10 % 100) || '.' || (v % 10) || '.dev' || v AS version,
           1 + (random() * 100000)::bigint AS n
    FROM pyzn.days, generate_series(1, 3000) AS v
) AS counted
GROUP BY day;

INSERT INTO pyzn.packed_by_country (downloads, day, project, document)
SELECT sum(n), day, 'large', ('{' || string_agg('"' || code || '":' || n, ',' ORDER BY code) || '}')::json
FROM (
    SELECT day, chr(65 + c / 26) || chr(65 + c % 26) AS code, 1 + (random() * 100000)::bigint AS n
    FROM pyzn.days, generate_series(0, 199) AS c
) AS counted
GROUP BY day;

INSERT INTO pyzn.packed_by_version (downloads, pip_downloads, ci_downloads, day, project, document, pip_counts, ci_counts)
SELECT 1, 1, 0, day, 'small', '{"1.0":1}', '[1]', '[0]' FROM pyzn.days;

INSERT INTO pyzn.packed_by_country (downloads, day, project, document)
SELECT 1, day, 'small', '{"US":1}' FROM pyzn.days;

ANALYZE;
