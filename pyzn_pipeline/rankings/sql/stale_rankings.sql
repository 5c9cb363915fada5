-- Among the :recent days up to the latest published one: those whose ranking is missing or out of date, oldest first,
-- and the content that it would be computed from now. Costs 60 rows of the ledger for each day.
SELECT days.day, source.now AS source
FROM pyzn.days
LEFT JOIN pyzn.rankings USING (day)
CROSS JOIN LATERAL (SELECT pyzn.ranking_source(days.day)) AS source (now)
WHERE days.day > (SELECT max(day) FROM pyzn.days) - CAST(:recent AS integer)
  AND retired_at IS NULL
  AND computed_from IS DISTINCT FROM source.now
ORDER BY days.day
