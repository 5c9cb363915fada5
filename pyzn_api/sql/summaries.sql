-- One row: a JSON array with an object per project that is known, in the order of `names` (normalised).
-- Weeks and months are the 7 and 30 days that end with `latest`, the latest published day.
-- Cost: per project one index look-up in projects, one in every partition for the first and latest
-- day, and 30 heap rows, whose keys are read.
SELECT coalesce(json_agg(json_build_object(
    'project', known.project,
    'total_downloads', known.total_downloads,
    'downloads_last_day', recent.last_day,
    'downloads_last_week', recent.last_week,
    'downloads_last_month', recent.last_month,
    'first_day', ever.first_day,
    'latest_day', ever.latest_day,
    'versions_last_month', versions.number,
    'countries_last_month', countries.number
) ORDER BY asked.place), '[]')
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS asked (project, place)
JOIN pyzn.projects AS known ON known.project = asked.project COLLATE "C"
CROSS JOIN LATERAL (
    SELECT coalesce(sum(downloads) FILTER (WHERE day = %(latest)s::date), 0)::bigint,
           coalesce(sum(downloads) FILTER (WHERE day > %(latest)s::date - 7), 0)::bigint,
           coalesce(sum(downloads), 0)::bigint
    FROM pyzn.project_days
    WHERE project = known.project AND day > %(latest)s::date - 30 AND day <= %(latest)s::date
) AS recent (last_day, last_week, last_month)
CROSS JOIN LATERAL (
    SELECT min(day), max(day) FROM pyzn.project_days WHERE project = known.project
) AS ever (first_day, latest_day)
CROSS JOIN LATERAL (
    SELECT count(DISTINCT version)
    FROM pyzn.project_days, json_object_keys(by_version) AS version
    WHERE project = known.project AND day > %(latest)s::date - 30 AND day <= %(latest)s::date
) AS versions (number)
CROSS JOIN LATERAL (
    SELECT count(DISTINCT country)
    FROM pyzn.project_days, json_object_keys(by_country) AS country
    WHERE project = known.project AND day > %(latest)s::date - 30 AND day <= %(latest)s::date
) AS countries (number)
