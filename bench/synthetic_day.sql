-- One synthetic UTC day with the columns of scan_day.sql's result: a row per project, and one of all of PyPI. Runs on
-- DuckDB. The same $projects and $day give the same rows; another $day gives the same projects other counts.
--
-- All distributions are Zipf-like. With $projects = 750,000 the sizes are those of PyPI in 2026: 3.3 million (project,
-- version) pairs, 3.0 million (project, country) pairs; at most 1,500 versions and 200 countries a project. 40% of the
-- projects, small ones only, are downloaded by nobody but a mirror; the others have 2 to 14 installers, 1 to 14 minor
-- versions of Python and 1 to 6 systems.

-- `total` downloads divided by `keys` keys: the first gets what the others leave.
CREATE MACRO others(total, keys) AS
    list_transform(range(1, keys), LAMBDA key: 1 + floor((total - keys) * 0.3 / pow(key + 1, 1.3))::BIGINT);
CREATE MACRO divided(total, keys) AS
    list_prepend(total - coalesce(list_sum(others(total, keys)), 0)::BIGINT, others(total, keys));
-- {"key": downloads, …}. Entries sort like their keys, because a quotation mark is below all their characters.
CREATE MACRO packed(counts, keys) AS
    '{' || array_to_string(list_sort(list_transform(counts, LAMBDA n, place: '"' || keys[place] || '":' || n)), ',') || '}';
CREATE MACRO country_codes() AS
    list_prepend('US', list_transform(range(1, 200), LAMBDA n:
        CASE n WHEN 20 THEN '(unknown)' ELSE chr(65 + (n // 26)::INTEGER) || chr(65 + (n % 26)::INTEGER) END));
CREATE MACRO installers() AS
    ['pip', 'bandersnatch', 'uv', '(unknown)', 'requests', 'poetry', 'Browser', 'devpi', 'Nexus', 'Artifactory', 'pdm',
     'setuptools', 'z3c.pypimirror', 'Bazel'];
CREATE MACRO pythons() AS
    ['3.12', '3.11', '(unknown)', '3.13', '3.10', '3.9', '3.14', '3.8', '3.7', '3.6', '2.7', '3.15', '3.5', '3.4'];
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
        least(6, 1 + hash(rank, 3) % 2 + floor(0.1 * $projects / rank))::BIGINT AS systems
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
        pythons, systems
    FROM installed
),
packed_day AS (
    SELECT
        project, downloads, pip_downloads, ci_downloads, downloads_without_mirrors, downloads AS files, 0::BIGINT AS replaced_rows,
        by_version, pip_by_version, ci_by_version, files_by_version, by_country, by_installer,
        CASE WHEN downloads_without_mirrors = 0 THEN '{}'
             ELSE packed(divided(downloads_without_mirrors, least(pythons, downloads_without_mirrors)), pythons()) END
            AS by_python,
        CASE WHEN downloads_without_mirrors = 0 THEN '{}'
             ELSE packed(divided(downloads_without_mirrors, least(systems, downloads_without_mirrors)), systems()) END
            AS by_system,
        '{}' AS by_hour
    FROM answer
),
entry AS (
    SELECT breakdown, unnest(json_keys(document)) AS key, unnest(json_extract(document, '$.*')::VARCHAR[]::BIGINT[]) AS n
    FROM (UNPIVOT packed_day ON by_country, by_installer, by_python, by_system INTO NAME breakdown VALUE document)
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
    (SELECT document FROM pypi_totals WHERE breakdown = 'by_country'),
    (SELECT document FROM pypi_totals WHERE breakdown = 'by_installer'),
    (SELECT document FROM pypi_totals WHERE breakdown = 'by_python'),
    (SELECT document FROM pypi_totals WHERE breakdown = 'by_system'),
    '{"12":' || sum(downloads) || '}'
FROM packed_day
ORDER BY project
