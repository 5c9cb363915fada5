-- Writes the built-in events (the columns of :events, a JSON array of objects), and removes those that are no longer built in.
-- Events that are the same, and the operator's own, stay as they are.
WITH built_in AS (
    SELECT * FROM json_populate_recordset(NULL::pyzn.events, CAST(:events AS json))
), gone AS (
    DELETE FROM pyzn.events WHERE NOT own AND id NOT IN (SELECT id FROM built_in)
)
INSERT INTO pyzn.events AS known (id, kind, first, last, touches, effect, sources)
SELECT id, kind, first, last, touches, effect, sources FROM built_in
ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, first = excluded.first, last = excluded.last, touches = excluded.touches,
    effect = excluded.effect, sources = excluded.sources, changed_at = excluded.changed_at
WHERE (known.kind, known.first, known.last, known.touches, known.effect, known.sources) IS DISTINCT FROM
    (excluded.kind, excluded.first, excluded.last, excluded.touches, excluded.effect, excluded.sources)
