-- One synthetic UTC day with the columns of scan_day.sql's result: a row per project, and one of all of PyPI. Runs on
-- DuckDB. The same $projects and $day give the same rows; another $day gives the same projects other counts.
--
-- All distributions are Zipf-like. With $projects = 750,000 the sizes are those of PyPI in 2026: 3.3 million (project,
-- version) pairs, 3.0 million (project, country) pairs; at most 1,500 versions and 200 countries a project. 40% of the
-- projects, small ones only, are downloaded by nobody but a mirror; the others have 2 to 14 installers, 1 to 14 minor
-- versions of Python and 1 to 6 systems; all rows are of files. Of the breakdowns that can be chosen they have 2 to 80
-- wheels, 2 to 24 libcs, 1 to 8 cpus, 1 to 4 implementations, 3 to 100 versions of installers, 2 to 60 distributions, and
-- each version with each Python.

-- `total` downloads divided by `keys` keys: the first gets what the others leave.
CREATE MACRO others(total, keys) AS
    list_transform(range(1, keys), LAMBDA key: 1 + floor((total - keys) * 0.3 / pow(key + 1, 1.3))::BIGINT);
CREATE MACRO divided(total, keys) AS
    list_prepend(total - coalesce(list_sum(others(total, keys)), 0)::BIGINT, others(total, keys));
-- {"key": downloads, …}. Entries sort like their keys, because a quotation mark is below all their characters.
CREATE MACRO packed(counts, keys) AS
    '{' || array_to_string(list_sort(list_transform(
        list_zip(counts, keys[:len(counts)]), LAMBDA entry: '"' || entry[2] || '":' || entry[1])), ',') || '}';
CREATE MACRO packed_if_any(total, number, keys) AS
    CASE WHEN total = 0 THEN '{}' ELSE packed(divided(total, least(number, total)), keys) END;
CREATE MACRO country_codes() AS
    list_prepend('US', list_transform(range(1, 200), LAMBDA n:
        CASE n WHEN 20 THEN '(unknown)' ELSE chr(65 + (n // 26)::INTEGER) || chr(65 + (n % 26)::INTEGER) END));
CREATE MACRO installers() AS
    ['pip', 'bandersnatch', 'uv', '(unknown)', 'requests', 'poetry', 'Browser', 'devpi', 'Nexus', 'Artifactory', 'pdm',
     'setuptools', 'z3c.pypimirror', 'Bazel'];
CREATE MACRO pythons() AS
    ['3.12', '3.11', '(unknown)', '3.13', '3.10', '3.9', '3.14', '3.8', '3.7', '3.6', '2.7', '3.15', '3.5', '3.4'];
CREATE MACRO wheels() AS list_concat(['py3-none-any', 'sdist'], list_transform(range(78), LAMBDA n: format(
    'cp3{}-cp3{}-{}', 8 + n % 7, 8 + n % 7, ['macosx_11_0_arm64', 'manylinux2014_x86_64.manylinux_2_17_x86_64',
    'manylinux2014_aarch64.manylinux_2_17_aarch64', 'musllinux_1_2_x86_64', 'musllinux_1_2_aarch64', 'win_amd64', 'win32',
    'win_arm64', 'macosx_10_13_x86_64', 'manylinux_2_28_x86_64', 'manylinux_2_28_ppc64le', 'manylinux_2_28_s390x'][1 + n // 7])));
CREATE MACRO libcs() AS list_prepend('(unknown)', list_transform(range(23), LAMBDA n: 'glibc 2.' || (41 - n)));
CREATE MACRO cpus() AS ['x86_64', 'aarch64', 'arm64', '(unknown)', 'AMD64', 'armv7l', 'ppc64le', 's390x'];
CREATE MACRO implementations() AS ['CPython', '(unknown)', 'PyPy', 'GraalVM'];
CREATE MACRO installer_versions() AS list_transform(range(100), LAMBDA n:
    ['pip', 'uv', 'poetry', 'bandersnatch'][1 + n % 4] || ' ' || (26 - n // 8) || '.' || (n // 4 % 2));
CREATE MACRO distros() AS list_transform(range(60), LAMBDA n:
    ['Ubuntu', 'Debian GNU/Linux', 'Amazon Linux', 'macOS', 'Alpine Linux', 'Fedora Linux'][1 + n % 6] || ' ' || (26 - n // 6));
CREATE MACRO systems() AS ['Linux', 'Darwin', 'Windows', '(unknown)', 'FreeBSD', 'CYGWIN_NT-10.0-19045'];

WITH project AS (
    SELECT
        rank,
        'project-' || rank AS name,
        rank > 0.2 * $projects AND hash(rank) % 100 < 50 AS by_mirror,
        least(1500, 1 + floor(0.431 * $projects / rank))::BIGINT AS versions,
        least(200, 1 + floor(0.511 * $projects / rank))::BIGINT AS countries,
        least(14, 2 + hash(rank, 1) % 2 + floor(0.4 * $projects / rank))::BIGINT AS installers,
        least(14, 1 + hash(rank, 2) % 4 + floor(0.4 * $projects / rank))::BIGINT AS pythons,
        least(6, 1 + hash(rank, 3) % 2 + floor(0.1 * $projects / rank))::BIGINT AS systems,
        least(80, 2 + hash(rank, 4) % 2 + floor(0.2 * $projects / rank))::BIGINT AS wheels,
        least(24, 2 + hash(rank, 5) % 3 + floor(0.4 * $projects / rank))::BIGINT AS libcs,
        least(8, 1 + hash(rank, 6) % 2 + floor(0.1 * $projects / rank))::BIGINT AS cpus,
        least(4, 1 + hash(rank, 7) % 2 + floor(0.1 * $projects / rank))::BIGINT AS implementations,
        least(100, 3 + hash(rank, 8) % 3 + floor(0.5 * $projects / rank))::BIGINT AS installer_versions,
        least(60, 2 + hash(rank, 9) % 3 + floor(0.4 * $projects / rank))::BIGINT AS distros
    FROM range(1, $projects + 1) AS ranks (rank)
),
version AS (
    SELECT
        rank,
        CASE WHEN place = 0 AND rank % 50 = 1 THEN '(unknown)'
             ELSE (place // 100) || '.' || (place // 10 % 10) || '.' || (place % 10) END AS key,
        1 + floor(0.8e8 * (0.7 + 0.6 * (hash($day, rank, place) % 1000) / 1000) / ((rank + 15) * pow(place + 1, 0.9)))::BIGINT
          + CASE WHEN place = 0 THEN countries ELSE 0 END AS downloads,
        CASE WHEN by_mirror THEN 0 ELSE (hash(rank, place) % 100) / 100 END AS pip_share,
        CASE WHEN by_mirror THEN 0 ELSE (hash(place, rank) % 60) / 100 END AS ci_share
    FROM project, LATERAL unnest(range(versions)) AS places (place)
),
by_version AS (
    SELECT
        rank,
        sum(downloads)::BIGINT AS downloads,
        list(key) AS versions_of_it,
        sum(floor(downloads * pip_share)::BIGINT)::BIGINT AS pip_downloads,
        sum(floor(downloads * ci_share)::BIGINT)::BIGINT AS ci_downloads,
        '{' || string_agg('"' || key || '":' || downloads, ',' ORDER BY key) || '}' AS by_version,
        '[' || string_agg(floor(downloads * pip_share)::BIGINT::VARCHAR, ',' ORDER BY key) || ']' AS pip_by_version,
        '[' || string_agg(floor(downloads * ci_share)::BIGINT::VARCHAR, ',' ORDER BY key) || ']' AS ci_by_version,
        '[' || string_agg(downloads::VARCHAR, ',' ORDER BY key) || ']' AS files_by_version
    FROM version
    GROUP BY rank
),
installed AS (
    SELECT *, CASE WHEN by_mirror THEN [0, downloads] ELSE divided(downloads, installers) END AS by_place
    FROM by_version JOIN project USING (rank)
),
answer AS (
    SELECT
        name AS project, downloads, pip_downloads, ci_downloads,
        -- Not those of the mirrors and the unknown, by their places.
        CASE WHEN by_mirror THEN 0 ELSE downloads - coalesce(list_sum(list_select(by_place, [2, 4, 8, 10, 13])), 0)::BIGINT END
            AS downloads_without_mirrors,
        by_version, pip_by_version, ci_by_version, files_by_version,
        packed(divided(downloads, countries), country_codes()) AS by_country,
        CASE WHEN by_mirror THEN packed([downloads], ['bandersnatch']) ELSE packed(by_place, installers()) END
            AS by_installer,
        * EXCLUDE (downloads, pip_downloads, ci_downloads, by_version, pip_by_version, ci_by_version, files_by_version)
    FROM installed
),
packed_day AS (
    SELECT
        project, downloads, pip_downloads, ci_downloads, downloads_without_mirrors, downloads AS files, 0::BIGINT AS replaced_rows,
        by_version, pip_by_version, ci_by_version, files_by_version, by_country, by_installer,
        packed_if_any(downloads_without_mirrors, pythons, pythons()) AS by_python,
        packed_if_any(downloads_without_mirrors, systems, systems()) AS by_system,
        '{}' AS by_hour,
        downloads_without_mirrors AS files_without_mirrors,
        packed_if_any(downloads_without_mirrors, wheels, wheels()) AS by_wheel,
        packed_if_any(downloads_without_mirrors, libcs, libcs()) AS by_libc,
        packed_if_any(downloads_without_mirrors, cpus, cpus()) AS by_cpu,
        packed_if_any(downloads_without_mirrors, implementations, implementations()) AS by_implementation,
        CASE WHEN by_mirror THEN packed([downloads], ['bandersnatch 6.5'])
             ELSE packed(divided(downloads, least(installer_versions, downloads)), installer_versions()) END
            AS by_installer_version,
        packed_if_any(downloads_without_mirrors, distros, distros()) AS by_distro,
        packed_if_any(
            downloads_without_mirrors, versions * pythons,
            flatten(list_transform(versions_of_it, LAMBDA version:
                list_transform(pythons()[:pythons], LAMBDA python: python || ' ' || version)))
        ) AS by_version_python
    FROM answer
),
entry AS (
    SELECT breakdown, unnest(json_keys(document)) AS key, unnest(json_extract(document, '$.*')::VARCHAR[]::BIGINT[]) AS n
    FROM (UNPIVOT packed_day ON by_country, by_installer, by_python, by_system, by_wheel, by_libc, by_cpu, by_implementation,
              by_installer_version, by_distro INTO NAME breakdown VALUE document)
),
pypi_totals AS (
    SELECT breakdown, '{' || string_agg('"' || key || '":' || n, ',' ORDER BY key) || '}' AS document
    FROM (SELECT breakdown, key, sum(n) AS n FROM entry GROUP BY ALL)
    GROUP BY breakdown
)
FROM packed_day
UNION ALL
SELECT
    NULL, sum(downloads)::BIGINT, sum(pip_downloads)::BIGINT, sum(ci_downloads)::BIGINT,
    sum(downloads_without_mirrors)::BIGINT, sum(downloads)::BIGINT, 0, '{}', '[]', '[]', '[]',
    total['by_country'], total['by_installer'], total['by_python'], total['by_system'], '{"12":' || sum(downloads) || '}',
    sum(downloads_without_mirrors)::BIGINT, total['by_wheel'], total['by_libc'], total['by_cpu'], total['by_implementation'],
    total['by_installer_version'], total['by_distro'], '{}'
FROM packed_day, (SELECT map(list(breakdown), list(document)) AS total FROM pypi_totals)
GROUP BY total
ORDER BY project
