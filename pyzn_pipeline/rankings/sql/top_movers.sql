-- The :rows projects whose downloads changed most since the same weekday a week before, largest change first.
-- No row unless that weekday is published. Costs one pass over the counted projects.
SELECT project, day AS downloads, weekday_before AS week_before, day - weekday_before AS change
FROM counted
WHERE day <> weekday_before
  AND EXISTS (SELECT FROM pyzn.days WHERE days.day = CAST(:day AS date) - 7 AND retired_at IS NULL)
ORDER BY abs(day - weekday_before) DESC, project
LIMIT :rows
