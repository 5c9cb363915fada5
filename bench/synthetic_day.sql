-- One synthetic UTC day with the columns of scan_day.sql's result: a row per (breakdown, project) and the rows of the
-- whole day, by breakdown and project. Runs on DuckDB. The same $projects and $day give the same rows; another $day
-- gives the same projects other counts.
--
-- All distributions are Zipf-like. With $projects = 750,000 the sizes are those of PyPI in 2026: 3.3 million (project,
-- version) pairs, 3.0 million (project, country) pairs; at most 1,500 versions and 200 countries a project.
WITH project AS (
    SELECT
        rank,
        'project-' || rank AS name,
        least(1500, 1 + floor(0.431 * $projects / rank))::BIGINT AS versions,
        least(200, 1 + floor(0.511 * $projects / rank))::BIGINT AS countries
    FROM range(1, $projects + 1) AS ranks (rank)
),
version AS (
    SELECT
        rank, name, countries,
        CASE WHEN place = 0 AND rank % 50 = 1 THEN '(unknown)'
             ELSE (place // 100) || '.' || (place // 10 % 10) || '.' || (place % 10) END AS key,
        1 + floor(0.8e8 * (0.7 + 0.6 * (hash($day, rank, place) % 1000) / 1000) / ((rank + 15) * pow(place + 1, 0.9)))::BIGINT
          + CASE WHEN place = 0 THEN countries ELSE 0 END AS downloads,
        (hash(rank, place) % 100) / 100 AS pip_share,
        (hash(place, rank) % 60) / 100 AS ci_share
    FROM project, LATERAL unnest(range(versions)) AS places (place)
),
by_version AS (
    SELECT
        'version' AS breakdown, name AS project, rank,
        count(*) AS keys,
        sum(downloads)::BIGINT AS downloads,
        sum(floor(downloads * pip_share)::BIGINT)::BIGINT AS pip_downloads,
        sum(floor(downloads * ci_share)::BIGINT)::BIGINT AS ci_downloads,
        '{' || string_agg('"' || key || '":' || downloads, ',' ORDER BY key) || '}' AS document,
        '[' || string_agg(floor(downloads * pip_share)::BIGINT::VARCHAR, ',' ORDER BY key) || ']' AS pip_counts,
        '[' || string_agg(floor(downloads * ci_share)::BIGINT::VARCHAR, ',' ORDER BY key) || ']' AS ci_counts
    FROM version
    GROUP BY name, rank
),
country AS (
    SELECT
        name, rank, downloads, pip_downloads, ci_downloads, place,
        CASE WHEN place = 0 THEN 'US' WHEN place = 20 THEN '(unknown)'
             ELSE chr(65 + (place // 26)::INTEGER) || chr(65 + (place % 26)::INTEGER) END AS key,
        CASE WHEN place = 0 THEN 0
             ELSE 1 + floor((downloads - countries) * 0.3 / pow(place + 1, 1.3))::BIGINT END AS counted
    FROM by_version JOIN project USING (rank), LATERAL unnest(range(countries)) AS places (place)
),
by_country AS (
    SELECT
        'country' AS breakdown, name AS project, rank,
        count(*) AS keys, any_value(downloads) AS downloads,
        any_value(pip_downloads) AS pip_downloads, any_value(ci_downloads) AS ci_downloads,
        '{' || string_agg('"' || key || '":' || CASE WHEN place = 0 THEN downloads - rest ELSE counted END, ',' ORDER BY key) || '}' AS document,
        NULL AS pip_counts, NULL AS ci_counts
    FROM (SELECT *, sum(counted) OVER (PARTITION BY rank)::BIGINT AS rest FROM country)
    GROUP BY name, rank
),
answer AS (
    SELECT * FROM by_version
    UNION ALL
    SELECT * FROM by_country
    UNION ALL
    SELECT 'day', NULL, 0, 1, sum(downloads), sum(pip_downloads), sum(ci_downloads), NULL, NULL, NULL FROM by_version
    UNION ALL
    SELECT 'day_by_country', NULL, 0, 1, sum(downloads), sum(pip_downloads), sum(ci_downloads),
           '{"US":' || sum(downloads) || '}', NULL, NULL
    FROM by_version
    UNION ALL
    SELECT 'day_by_hour', NULL, 0, 1, sum(downloads), sum(pip_downloads), sum(ci_downloads),
           '{"12":' || sum(downloads) || '}', NULL, NULL
    FROM by_version
    UNION ALL
    SELECT 'day_by_replaced', NULL, 0, 1, sum(downloads), sum(pip_downloads), sum(ci_downloads),
           '{"false":' || sum(downloads) || '}', NULL, NULL
    FROM by_version
)
SELECT breakdown, project, keys, downloads::BIGINT AS downloads, pip_downloads::BIGINT AS pip_downloads,
       ci_downloads::BIGINT AS ci_downloads, document, pip_counts, ci_counts
FROM answer
ORDER BY breakdown, project
