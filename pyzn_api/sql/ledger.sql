-- One row: a fingerprint of all that the API answers about the ledger; and unless that is `fingerprint`, the ledger as a JSON
-- object, with the members of the class Ledger: days, events, and the latest ranking are arrays in the order of their classes,
-- days and events oldest first. `late_after` is how many seconds after its beginning a day is late; `synthetic` whether a day
-- was read from a BigQuery emulator, whose name as a source ends so (source/connection.py). A retired day has no rows to
-- answer from, and so is not in it.
-- Cost: a pass over the ledger, about 4,000 short rows after ten years, read once a second; and then 600 KB of JSON.
WITH published AS (
    SELECT day, status, revision, downloads, files, projects, published_at, suspect_because, accepted_because, source
    FROM pyzn.days WHERE retired_at IS NULL
), ledger (fingerprint, synthetic) AS (
    SELECT md5(concat_ws(
        ',',
        (SELECT late_at FROM pyzn.calendar),
        bool_or(source LIKE '%% of the emulator'),
        (SELECT imported_at FROM pyzn.baseline),
        (SELECT concat_ws(' ', day, computed_from, ranked_at) FROM pyzn.rankings ORDER BY day DESC LIMIT 1),
        (SELECT string_agg(events::text, ',' ORDER BY id) FROM pyzn.events),
        string_agg(concat_ws(' ', day, status, revision, downloads, files, projects, published_at, suspect_because, accepted_because), ',' ORDER BY day)
    )), coalesce(bool_or(source LIKE '%% of the emulator'), false)
    FROM published
)
SELECT fingerprint, CASE WHEN fingerprint <> %(fingerprint)s THEN json_build_object(
    'days', (
        SELECT coalesce(json_agg(json_build_array(day, status, revision, downloads, files, projects, published_at, suspect_because, accepted_because, coalesce(breakdowns, '[]')) ORDER BY day), '[]')
        FROM published
        LEFT JOIN (SELECT day, json_agg(breakdown) AS breakdowns FROM pyzn.day_breakdowns GROUP BY day) AS of_day USING (day)
    ),
    'ranking', (SELECT json_build_array(day, computed_from, missing, counts) FROM pyzn.rankings ORDER BY day DESC LIMIT 1),
    'events', (
        SELECT coalesce(json_agg(json_build_array(id, kind, first, last, touches, effect, sources, own, changed_at) ORDER BY first, id), '[]')
        FROM pyzn.events
    ),
    'imported_at', (SELECT imported_at FROM pyzn.baseline),
    'late_after', (SELECT 86400 + extract(epoch FROM late_at)::bigint FROM pyzn.calendar),
    'synthetic', synthetic
) END
FROM ledger
