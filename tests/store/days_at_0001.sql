-- Two published days and a failed one, as revision 0001 kept them; over the end of a month, so two partitions.
CREATE TABLE pyzn.packed_by_version_2026_06 PARTITION OF pyzn.packed_by_version FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
CREATE TABLE pyzn.packed_by_version_2026_07 PARTITION OF pyzn.packed_by_version FOR VALUES FROM ('2026-07-01') TO ('2026-08-01');
CREATE TABLE pyzn.packed_by_country_2026_06 PARTITION OF pyzn.packed_by_country FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
CREATE TABLE pyzn.packed_by_country_2026_07 PARTITION OF pyzn.packed_by_country FOR VALUES FROM ('2026-07-01') TO ('2026-08-01');
INSERT INTO pyzn.packed_by_version (downloads, pip_downloads, ci_downloads, day, project, document, pip_counts, ci_counts) VALUES
    (5, 4, 1, '2026-06-30', 'requests', '{"(unknown)":1,"2.31.0":4}', '[0,4]', '[1,0]'),
    (3, 3, 0, '2026-07-01', 'requests', '{"2.31.0":1,"2.32.0":2}', '[1,2]', '[0,0]'),
    (1, 0, 0, '2026-07-01', 'numpy', '{"2.0":1}', '[0]', '[0]');
INSERT INTO pyzn.packed_by_country (downloads, day, project, document) VALUES
    (5, '2026-06-30', 'requests', '{"(unknown)":1,"DE":4}'),
    (3, '2026-07-01', 'requests', '{"US":3}'),
    (1, '2026-07-01', 'numpy', '{"US":1}');
INSERT INTO pyzn.projects (project, total_downloads) VALUES ('requests', 8), ('numpy', 1);
INSERT INTO pyzn.days
SELECT day, status, 1, downloads, downloads, pip_downloads, ci_downloads, projects, versions, projects + 1,
       pyzn.day_checksum(day), 'job-of-' || day, 1000, 10485760, 'run-1', day + interval '41 hours', day + interval '41 hours'
FROM (VALUES ('2026-06-30'::date, 'final', 5, 4, 1, 1, 2), ('2026-07-01', 'provisional', 4, 3, 0, 2, 3))
     AS published (day, status, downloads, pip_downloads, ci_downloads, projects, versions);
INSERT INTO pyzn.failures (day, run_id, failed_at, reason) VALUES
    ('2026-07-02', 'run-2', '2026-07-03 17:01Z', 'day 2026-07-02: BigQuery answered 503');
